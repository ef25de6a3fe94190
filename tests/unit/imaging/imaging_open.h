// Opening and decoding in one call, for tests.
#ifndef HZ_TESTS_IMAGING_OPEN_H
#define HZ_TESTS_IMAGING_OPEN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "media/imaging/dicom.h"
#include "media/imaging/frame.h"

static inline int decode_of(const struct hz_dicom *d, uint32_t index, struct hz_dicom_fault *fault,
                            struct hz_frame *ret)
{
	struct hz_frame_source source = {0};
	int err = hz_dicom_frame(d, index, fault, &source);
	if (err == 0)
		err = hz_frame_decode(&source, &hz_dicom_image(d)->shape, 0, fault, ret);
	hz_frame_source_done(&source);
	return err;
}

static inline int open_path(const char *path, struct hz_dicom_fault *fault, struct hz_dicom **ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	int err = hz_dicom_open_fd(fd, NULL, fault, ret);
	close(fd);
	return err;
}

#endif
