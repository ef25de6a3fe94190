// A store of studies in a folder of its own, and objects for it.
#ifndef HZ_TESTS_UNIT_IMAGING_STUDY_RIG_H
#define HZ_TESTS_UNIT_IMAGING_STUDY_RIG_H

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "media/imaging/dicom.h"
#include "media/imaging/scan.h"
#include "media/studies/answer.h"
#include "media/studies/take.h"
#include "media/studies/zip.h"
#include "tests/unit/imaging/fake_dicom.h"

struct rig {
	char dir[40];
	struct hz_local *local;
	struct hz_local_reader *reader;
};

static inline void remove_all(const char *dir)
{
	DIR *d = opendir(dir);
	const struct dirent *e;
	while (d && (e = readdir(d)))
		unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
	rmdir(dir);
}

static inline void open_rig(struct rig *rig, uint64_t bytes, uint32_t studies, int64_t keep_ms)
{
	const struct hz_local_bounds bounds = {.bytes = bytes, .studies = studies, .keep_ms = keep_ms};
	assert_int_equal(hz_local_open(rig->dir, &bounds, &rig->local), 0);
	assert_int_equal(hz_local_reader_new(rig->local, &rig->reader), 0);
}

static inline void close_rig(struct rig *rig)
{
	hz_local_reader_free(rig->reader);
	hz_local_close(rig->local);
}

static inline int set_up(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	strcpy(rig->dir, "/tmp/hz-studies-XXXXXX");
	if (!mkdtemp(rig->dir) || hz_dicom_init())
		return -1;
	open_rig(rig, 1 << 24, 100, 3600000);
	*state = rig;
	return 0;
}

static inline int tear_down(void **state)
{
	struct rig *rig = *state;
	close_rig(rig);
	remove_all(rig->dir);
	free(rig);
	return 0;
}

// An object of a series of its study: 8 x 8, 16 bits, its number in each sample.
static inline struct fake_bytes object_of(const char *study, unsigned number, const char *patient)
{
	const struct hz_pixel_shape shape = fake_grey(8, 8, 16);
	struct fake_dicom d;
	uint16_t samples[64];
	char uid[80], text[16];
	for (unsigned i = 0; i < 64; i++)
		samples[i] = (uint16_t)(number * 100 + i);
	fake_begin(&d, FAKE_EXPLICIT, NULL);
	fake_text(&d, 0x00080005, "CS", "GB18030");
	fake_text(&d, 0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.2");
	snprintf(uid, sizeof(uid), "%s.1.%u", study, number);
	fake_text(&d, 0x00080018, "UI", uid);
	fake_text(&d, 0x00080020, "DA", "20260102");
	fake_text(&d, 0x00080060, "CS", "CT");
	fake_text(&d, 0x00081030, "LO", "a \"quoted\" \xd0\xd8\xb2\xbf"); // 胸部
	fake_text(&d, 0x00100010, "PN", "Zhang^San=\xd5\xc5^\xc8\xfd");
	fake_text(&d, 0x00100020, "LO", patient);
	fake_text(&d, 0x0020000d, "UI", study);
	snprintf(uid, sizeof(uid), "%s.1", study);
	fake_text(&d, 0x0020000e, "UI", uid);
	snprintf(text, sizeof(text), "%u", number);
	fake_text(&d, 0x00200013, "IS", text);
	fake_us(&d, 0x00280002, 1);
	fake_text(&d, 0x00280004, "CS", "MONOCHROME2");
	fake_us(&d, 0x00280010, shape.rows);
	fake_us(&d, 0x00280011, shape.columns);
	fake_us(&d, 0x00280100, 16);
	fake_us(&d, 0x00280101, 16);
	fake_us(&d, 0x00280102, 15);
	fake_us(&d, 0x00280103, 0);
	fake_text(&d, 0x00281052, "DS", "-1024");
	fake_text(&d, 0x00281053, "DS", "1.50");
	fake_native(&d, "OW", samples, sizeof(samples));
	return fake_end(&d);
}

#endif
