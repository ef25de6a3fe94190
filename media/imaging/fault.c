#include "media/imaging/fault.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

static const struct {
	const char *name;
	int err;
} codes[HZ_DICOM_CODES] = {
    [HZ_DICOM_OK] = {"ok", 0},
    [HZ_DICOM_NOT_DICOM] = {"not-dicom", -EBADMSG},
    [HZ_DICOM_TRUNCATED] = {"truncated", -EBADMSG},
    [HZ_DICOM_STRUCTURE] = {"structure", -EBADMSG},
    [HZ_DICOM_TOO_BIG] = {"too-big", -E2BIG},
    [HZ_DICOM_TOO_DEEP] = {"too-deep", -E2BIG},
    [HZ_DICOM_TOO_MANY] = {"too-many", -E2BIG},
    [HZ_DICOM_INFLATE] = {"inflate", -EBADMSG},
    [HZ_DICOM_TRANSFER_SYNTAX] = {"transfer-syntax", -ENOTSUP},
    [HZ_DICOM_NO_IMAGE] = {"no-image", -ENODATA},
    [HZ_DICOM_ATTRIBUTE] = {"attribute", -EBADMSG},
    [HZ_DICOM_PIXELS_SHORT] = {"pixels-short", -EBADMSG},
    [HZ_DICOM_FRAMES] = {"frames", -EBADMSG},
    [HZ_DICOM_CODESTREAM] = {"codestream", -EBADMSG},
    [HZ_DICOM_SIZE] = {"size", -EBADMSG},
    [HZ_DICOM_COMPONENTS] = {"components", -EBADMSG},
    [HZ_DICOM_BITS] = {"bits", -EBADMSG},
    [HZ_DICOM_SIGN] = {"sign", -EBADMSG},
    [HZ_DICOM_UNSUPPORTED] = {"unsupported", -ENOTSUP},
    [HZ_DICOM_NOT_LOSSLESS] = {"not-lossless", -EBADMSG},
    [HZ_DICOM_MEMORY] = {"memory", -ENOMEM},
    [HZ_DICOM_LATER] = {"later", -EAGAIN},
};

const char *hz_dicom_code_name(enum hz_dicom_code code)
{
	return code < HZ_DICOM_CODES ? codes[code].name : "unknown";
}

int hz_dicom_code_errno(enum hz_dicom_code code)
{
	return code < HZ_DICOM_CODES ? codes[code].err : -EINVAL;
}

int hz_dicom_fail(struct hz_dicom_fault *fault, enum hz_dicom_code code, const char *format, ...)
{
	if (fault) {
		fault->code = code;
		va_list args;
		va_start(args, format);
		vsnprintf(fault->text, sizeof(fault->text), format, args);
		va_end(args);
	}
	return hz_dicom_code_errno(code);
}
