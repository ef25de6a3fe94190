#include "media/dicomweb/turn_film.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define FILE_BYTES ((size_t)256 << 20)

static struct { // mapped: its inode is nobody else's meanwhile
	struct hz_dicom *dicom;
	void *map;
	size_t bytes;
	dev_t device;
	ino_t inode;
} film;

void hz_turn_film_close(void)
{
	hz_dicom_close(film.dicom);
	if (film.map)
		munmap(film.map, film.bytes);
	film.dicom = NULL;
	film.map = NULL;
}

static int open_film(int in, size_t bytes, struct hz_dicom_fault *fault)
{
	struct stat st;
	if (fstat(in, &st) < 0 || (uint64_t)st.st_size < bytes || bytes == 0)
		return hz_dicom_fail(fault, HZ_DICOM_TRUNCATED, "a file that is shorter than was said");
	if (bytes > FILE_BYTES)
		return hz_dicom_fail(fault, HZ_DICOM_TOO_BIG, "a video of more than %zu bytes", FILE_BYTES);
	if (film.dicom && film.device == st.st_dev && film.inode == st.st_ino && film.bytes == bytes)
		return 0;
	hz_turn_film_close();
	void *map = mmap(NULL, bytes, PROT_READ, MAP_PRIVATE, in, 0);
	if (map == MAP_FAILED)
		return hz_dicom_fail(fault, HZ_DICOM_MEMORY, "no memory for a video");
	film.map = map;
	film.bytes = bytes;
	film.device = st.st_dev;
	film.inode = st.st_ino;
	int err = hz_dicom_open(map, bytes, NULL, fault, &film.dicom);
	if (err < 0)
		hz_turn_film_close();
	return err;
}

int hz_turn_film(int in, size_t bytes, uint32_t index, struct hz_dicom_fault *fault, struct hz_frame *ret)
{
	struct hz_frame_source source = {0};
	int err = open_film(in, bytes, fault);
	if (err < 0)
		return err;
	if (!hz_dicom_is_video(film.dicom))
		return hz_dicom_fail(fault, HZ_DICOM_UNSUPPORTED, "no video, though it was asked for as one");
	err = hz_dicom_frame(film.dicom, index, fault, &source);
	if (err == 0)
		err = hz_frame_decode(&source, &hz_dicom_image(film.dicom)->shape, 0, fault, ret);
	hz_frame_source_done(&source);
	return err;
}
