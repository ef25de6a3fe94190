// What is uploaded before it is known to be DICOM: archives, photos; and the same bytes as the query of a search.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "media/imaging/dicom.h"
#include "media/studies/answer.h"
#include "media/studies/photo.h"
#include "media/studies/zip.h"

#define ENTRY_BYTES (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_zip(const uint8_t *data, size_t size)
{
	struct hz_zip zip;
	struct hz_zip_entry e;
	uint64_t packed = 0;
	int more;
	if (hz_zip_open(data, size, &zip))
		return;
	while ((more = hz_zip_next(&zip, &e)) == 1 || more == -95) {
		uint8_t *bytes = NULL;
		packed += e.packed;
		if (packed > size || e.data < data || e.data + e.packed > data + size)
			abort();
		if (hz_zip_read(&e, ENTRY_BYTES, &bytes) == 0 && e.unpacked > ENTRY_BYTES)
			abort();
		free(bytes);
	}
	if (hz_zip_next(&zip, &e) == 1)
		abort(); // there is nothing behind the end
}

static void make_photo(const uint8_t *data, size_t size)
{
	static const struct hz_photo_of of = {.name = "a^b", .study = "1.2", .series = "1.3", .number = 1};
	struct hz_dicom_limits limits = hz_dicom_limits_default;
	struct hz_dicom_fault fault;
	struct hz_dicom *dicom = NULL;
	uint8_t *file = NULL;
	size_t bytes = 0;
	enum hz_photo_kind kind = hz_photo_kind(data, size);
	if (kind != HZ_PHOTO_JPEG && kind != HZ_PHOTO_PNG)
		return;
	if (hz_photo_make(data, size, &of, &fault, &file, &bytes))
		return;
	if (hz_dicom_open(file, bytes, &limits, &fault, &dicom)) // what we make we can read
		abort();
	hz_dicom_close(dicom);
	free(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int ready = -1;
	struct hz_local_match match;
	if (ready < 0)
		ready = hz_dicom_init();
	read_zip(data, size);
	make_photo(data, size);
	char *text = calloc(1, size + 1);
	memcpy(text, data, size);
	if (hz_local_query(text, &match) && (match.limit > 200 || strlen(match.study) > 64))
		abort();
	free(text);
	return 0;
}
