#include "media/studies/take.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "media/dicomweb/request.h"
#include "media/imaging/dicom.h"
#include "media/studies/zip.h"

#define METADATA_BYTES ((size_t)16 << 20)

struct outcome {
	enum hz_local_result result;
	struct hz_dicom_fault fault;
	bool has_text;
	struct hz_dicom_text text;
};

const char *hz_local_result_name(enum hz_local_result result)
{
	static const char *const names[HZ_LOCAL_RESULTS] = {
	    [HZ_LOCAL_STORED] = "stored",
	    [HZ_LOCAL_PRESENT] = "present",
	    [HZ_LOCAL_OTHER] = "other_content",
	    [HZ_LOCAL_PATIENT] = "other_patient",
	    [HZ_LOCAL_DICOMDIR] = "dicomdir",
	    [HZ_LOCAL_NOT_DICOM] = "not_dicom",
	    [HZ_LOCAL_NO_IMAGE] = "no_image",
	    [HZ_LOCAL_DAMAGED] = "damaged",
	    [HZ_LOCAL_UNSUPPORTED] = "unsupported",
	    [HZ_LOCAL_TOO_LARGE] = "too_large",
	    [HZ_LOCAL_HEIC] = "heic",
	    [HZ_LOCAL_ENCRYPTED] = "encrypted",
	    [HZ_LOCAL_BOMB] = "bomb",
	    [HZ_LOCAL_NO_PATIENT] = "no_patient",
	    [HZ_LOCAL_FULL] = "full",
	    [HZ_LOCAL_FAILED] = "failed",
	};
	return result < HZ_LOCAL_RESULTS ? names[result] : "failed";
}

static enum hz_local_result of_fault(enum hz_dicom_code code)
{
	switch (code) {
	case HZ_DICOM_NOT_DICOM:
		return HZ_LOCAL_NOT_DICOM;
	case HZ_DICOM_TOO_BIG:
	case HZ_DICOM_TOO_DEEP:
	case HZ_DICOM_TOO_MANY:
		return HZ_LOCAL_TOO_LARGE;
	case HZ_DICOM_NO_IMAGE:
		return HZ_LOCAL_NO_IMAGE;
	case HZ_DICOM_TRANSFER_SYNTAX:
	case HZ_DICOM_UNSUPPORTED:
		return HZ_LOCAL_UNSUPPORTED;
	case HZ_DICOM_MEMORY:
		return HZ_LOCAL_FAILED;
	default:
		return HZ_LOCAL_DAMAGED;
	}
}

static enum hz_local_result of_errno(int err)
{
	return err == 0           ? HZ_LOCAL_STORED
	       : err == -EEXIST   ? HZ_LOCAL_PRESENT
	       : err == -EALREADY ? HZ_LOCAL_OTHER
	       : err == -EXDEV    ? HZ_LOCAL_PATIENT
	       : err == -ENOSPC   ? HZ_LOCAL_FULL
	                          : HZ_LOCAL_FAILED;
}

// A Media Storage Directory by its group 2 (PS3.10 8.6), which is no image and no failure.
static bool is_directory(const uint8_t *data, size_t bytes)
{
	static const char uid[] = "1.2.840.10008.1.3.10";
	size_t look = bytes < 1024 ? bytes : 1024;
	return bytes > 132 && memcmp(data + 128, "DICM", 4) == 0 && memmem(data, look, uid, sizeof(uid) - 1);
}

static bool identified(const struct hz_dicom_text *t)
{
	return t->sop_instance[0] && hz_dweb_uid_valid(t->sop_instance) && t->study[0] &&
	       hz_dweb_uid_valid(t->study) && t->series[0] && hz_dweb_uid_valid(t->series);
}

static int keep(struct hz_local *local, const struct hz_dicom *dicom, const void *data, size_t bytes,
                struct outcome *o)
{
	char *json = NULL;
	size_t json_bytes = 0;
	struct hz_frame_source last;
	const struct hz_dicom_image *image = hz_dicom_image(dicom);
	if (!identified(&image->text))
		return hz_dicom_fail(&o->fault, HZ_DICOM_ATTRIBUTE,
		                     "no valid UIDs of study, series and instance");
	// A file that is cut is not kept: the whole one could not come any more. The last frame of a video may be long to decode to.
	bool video = hz_dicom_is_video(dicom);
	if (video && hz_dicom_is_cut(dicom))
		return hz_dicom_fail(&o->fault, HZ_DICOM_PIXELS_SHORT, "the video ends too early");
	int err = hz_dicom_frame(dicom, video ? 0 : image->frames - 1, &o->fault, &last);
	if (err)
		return err;
	hz_frame_source_done(&last);
	err = hz_dicom_metadata(dicom, METADATA_BYTES, &o->fault, &json, &json_bytes);
	if (err)
		return err;
	const struct hz_local_new what = {
	    .data = data, .bytes = bytes, .image = image, .metadata = json, .metadata_bytes = json_bytes};
	o->result = of_errno(hz_local_put(local, &what));
	free(json);
	o->text = image->text;
	o->has_text = true;
	return 0;
}

static void take_object(struct hz_local *local, const void *data, size_t bytes, struct outcome *o)
{
	struct hz_dicom_limits limits = hz_dicom_limits_default;
	struct hz_dicom *dicom = NULL;
	limits.file_bytes = limits.inflated_bytes = HZ_TAKE_OBJECT_BYTES;
	if (is_directory(data, bytes)) {
		o->result = HZ_LOCAL_DICOMDIR;
		return;
	}
	if (bytes > HZ_TAKE_OBJECT_BYTES) {
		o->result = HZ_LOCAL_TOO_LARGE;
		return;
	}
	int err = hz_dicom_open(data, bytes, &limits, &o->fault, &dicom);
	if (!err)
		err = keep(local, dicom, data, bytes, o);
	if (err)
		o->result = of_fault(o->fault.code);
	hz_dicom_close(dicom);
}

enum hz_local_result hz_take_object(struct hz_local *local, const void *data, size_t bytes)
{
	struct outcome o = {.result = HZ_LOCAL_FAILED};
	take_object(local, data, bytes, &o);
	return o.result;
}

static void take_photo(struct hz_taking *t, const void *data, size_t bytes, struct outcome *o)
{
	uint8_t *file = NULL;
	size_t file_bytes = 0;
	if (!t->photo) {
		o->result = HZ_LOCAL_NO_PATIENT;
		return;
	}
	struct hz_photo_of of = *t->photo;
	of.number = t->objects;
	if (hz_photo_make(data, bytes, &of, &o->fault, &file, &file_bytes)) {
		o->result = of_fault(o->fault.code);
		return;
	}
	take_object(t->local, file, file_bytes, o);
	if (o->result == HZ_LOCAL_OTHER) // its UID is of its picture and its study: only the time differs
		o->result = HZ_LOCAL_PRESENT;
	free(file);
}

static void say_outcome(struct hz_taking *t, const struct outcome *o)
{
	t->last = o->result;
	t->stored += o->result == HZ_LOCAL_STORED;
	t->objects++;
	if (!t->json)
		return;
	fprintf(t->json, "%s{\"n\":%u,\"result\":\"%s\"", t->objects > 1 ? "," : "", t->objects,
	        hz_local_result_name(o->result));
	if (o->fault.code)
		fprintf(t->json, ",\"fault\":\"%s\"", hz_dicom_code_name(o->fault.code));
	if (o->has_text) // valid UIDs; modality: code strings, nothing else gets out of here
		fprintf(t->json, ",\"study\":\"%s\",\"series\":\"%s\",\"instance\":\"%s\"", o->text.study,
		        o->text.series, o->text.sop_instance);
	fputc('}', t->json);
}

static void take_one(struct hz_taking *t, const void *data, size_t bytes)
{
	struct outcome o = {.result = HZ_LOCAL_NOT_DICOM};
	enum hz_photo_kind kind = hz_photo_kind(data, bytes);
	if (kind == HZ_PHOTO_HEIC)
		o.result = HZ_LOCAL_HEIC;
	else if (kind == HZ_PHOTO_JPEG || kind == HZ_PHOTO_PNG)
		take_photo(t, data, bytes, &o);
	else if (kind == HZ_PHOTO_OTHER && (bytes < 132 || memcmp((const char *)data + 128, "DICM", 4) != 0))
		o.result = HZ_LOCAL_UNSUPPORTED;
	else if (bytes)
		take_object(t->local, data, bytes, &o);
	say_outcome(t, &o);
}

static void say_result(struct hz_taking *t, enum hz_local_result result)
{
	const struct outcome o = {.result = result};
	say_outcome(t, &o);
}

static void take_entry(struct hz_taking *t, const struct hz_zip_entry *e)
{
	uint8_t *data = NULL;
	if (e->encrypted) {
		say_result(t, HZ_LOCAL_ENCRYPTED);
		return;
	}
	int err = hz_zip_read(e, HZ_TAKE_OBJECT_BYTES, &data);
	if (err)
		say_result(t, err == -EFBIG    ? HZ_LOCAL_TOO_LARGE
		              : err == -ENOMEM ? HZ_LOCAL_FAILED
		                               : HZ_LOCAL_DAMAGED);
	else if (hz_zip_is(data,
	                   e->unpacked)) // archives in archives: one level is a patient's CD, more is a trap
		say_result(t, HZ_LOCAL_UNSUPPORTED);
	else
		take_one(t, data, e->unpacked);
	free(data);
}

static void take_archive(struct hz_taking *t, const void *data, size_t bytes)
{
	struct hz_zip zip;
	struct hz_zip_entry e;
	int more, err = hz_zip_open(data, bytes, &zip);
	if (err) {
		say_result(t, err == -E2BIG     ? HZ_LOCAL_BOMB
		              : err == -ENOTSUP ? HZ_LOCAL_UNSUPPORTED
		                                : HZ_LOCAL_DAMAGED);
		return;
	}
	while ((more = hz_zip_next(&zip, &e))) {
		if (more == -EBADMSG || more == -E2BIG || zip.unpacked > HZ_TAKE_UNPACKED) {
			say_result(t, more == -EBADMSG ? HZ_LOCAL_DAMAGED : HZ_LOCAL_BOMB);
			return;
		}
		if (more == -ENOTSUP)
			say_result(t, HZ_LOCAL_UNSUPPORTED);
		else if (!e.folder)
			take_entry(t, &e);
		if (t->last == HZ_LOCAL_FULL)
			return; // neither will the rest fit
		if (t->between)
			t->between(t->ctx);
	}
}

void hz_take(struct hz_taking *t, const void *data, size_t bytes)
{
	if (hz_zip_is(data, bytes))
		take_archive(t, data, bytes);
	else
		take_one(t, data, bytes);
}
