#include "media/studies/answer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "media/dicomweb/request.h"
#include "media/imaging/lut.h"
#include "media/imaging/overlay.h"
#include "media/studies/forward.h"

#define ANSWER_BYTES ((size_t)256 << 20)
#define MEMORY_BYTES ((size_t)4 << 20) // more is not kept in memory while somebody reads it slowly

struct hz_local_reader {
	struct hz_local *local;
	struct hz_dicom *dicom;
	char instance[HZ_DWEB_UID_BYTES];
	uint64_t drops; // of the store, when it was opened
};

int hz_local_reader_new(struct hz_local *local, struct hz_local_reader **ret)
{
	struct hz_local_reader *reader = calloc(1, sizeof(*reader));
	if (!reader)
		return -ENOMEM;
	reader->local = local;
	*ret = reader;
	return 0;
}

void hz_local_reader_free(struct hz_local_reader *reader)
{
	if (!reader)
		return;
	hz_dicom_close(reader->dicom);
	free(reader);
}

static enum hz_dweb_result in_file(struct hz_local_reader *reader, const void *data, size_t bytes,
                                   struct hz_local_answer *ret)
{
	ret->fd = bytes > MEMORY_BYTES ? hz_local_scratch(reader->local, bytes) : -1;
	if (ret->fd < 0) // also where the disk is full, or has no files without a name
		ret->fd = memfd_create("study", MFD_CLOEXEC);
	ret->bytes = bytes;
	hz_dweb_sha256(data, bytes, ret->hash);
	for (size_t at = 0; ret->fd >= 0 && at < bytes;) {
		ssize_t n = write(ret->fd, (const char *)data + at, bytes - at);
		if (n <= 0) {
			close(ret->fd);
			ret->fd = -1;
		}
		at += n > 0 ? (size_t)n : 0;
	}
	return ret->fd < 0 ? HZ_DWEB_FULL : HZ_DWEB_OK;
}

// --- JSON

struct list {
	FILE *out;
	size_t bytes;
	unsigned count;
};

static int add_object(void *ctx, const void *json, size_t bytes)
{
	struct list *l = ctx;
	if (l->bytes + bytes > ANSWER_BYTES)
		return -E2BIG;
	l->bytes += bytes + 1;
	if (l->count++)
		fputc(',', l->out);
	fwrite(json, 1, bytes, l->out);
	return ferror(l->out) ? -ENOMEM : 0;
}

static void quote(FILE *out, const char *text)
{
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', out);
		fputc(*text, out);
	}
	fputc('"', out);
}

static void attribute(FILE *out, const char *tag, const char *vr, const char *value)
{
	fprintf(out, ",\"%s\":{\"vr\":\"%s\"", tag, vr);
	if (value[0]) {
		fputs(",\"Value\":[", out);
		quote(out, value);
		fputc(']', out);
	}
	fputc('}', out);
}

// "姓^名=..." by its groups.
static void person(FILE *out, const char *tag, const char *name)
{
	static const char *const groups[] = {"Alphabetic", "Ideographic", "Phonetic"};
	char part[384];
	bool any = false;
	fprintf(out, ",\"%s\":{\"vr\":\"PN\"", tag);
	for (unsigned i = 0; i < 3 && *name; i++) {
		size_t n = strcspn(name, "=");
		if (n && n < sizeof(part)) {
			memcpy(part, name, n);
			part[n] = '\0';
			fprintf(out, "%s\"%s\":", any ? "," : ",\"Value\":[{", groups[i]);
			quote(out, part);
			any = true;
		}
		name += n + (name[n] == '=');
	}
	fputs(any ? "}]}" : "}", out);
}

static void words(FILE *out, const char *tag, const char *list)
{
	fprintf(out, ",\"%s\":{\"vr\":\"CS\",\"Value\":[", tag);
	for (bool first = true; *list; first = false) {
		char one[32];
		size_t n = strcspn(list, "\\"), take = n < sizeof(one) - 1 ? n : sizeof(one) - 1;
		memcpy(one, list, take);
		one[take] = '\0';
		if (!first)
			fputc(',', out);
		quote(out, one);
		list += n + (list[n] == '\\');
	}
	fputs("]}", out);
}

static int add_study(void *ctx, const struct hz_local_study *s)
{
	struct list *l = ctx;
	fprintf(l->out, "%s{\"0020000D\":{\"vr\":\"UI\",\"Value\":[\"%s\"]}", l->count++ ? "," : "",
	        s->study);
	attribute(l->out, "00080020", "DA", s->date);
	attribute(l->out, "00080030", "TM", s->time);
	attribute(l->out, "00080050", "SH", s->accession);
	words(l->out, "00080061", s->modalities);
	attribute(l->out, "00081030", "LO", s->text);
	person(l->out, "00100010", s->name);
	attribute(l->out, "00100020", "LO", s->patient_id);
	attribute(l->out, "00100030", "DA", s->birth);
	attribute(l->out, "00100040", "CS", s->sex);
	attribute(l->out, "00200010", "SH", s->study_id);
	fprintf(l->out,
	        ",\"00201206\":{\"vr\":\"IS\",\"Value\":[%u]},\"00201208\":{\"vr\":\"IS\",\"Value\":[%u]}}",
	        s->series, s->objects);
	return ferror(l->out) ? -ENOMEM : 0;
}

static void count(FILE *out, const char *tag, const char *text)
{
	size_t n = strspn(text + (*text == '-'), "0123456789");
	fprintf(out, ",\"%s\":{\"vr\":\"IS\"", tag);
	if (n && n < 10 && !text[n + (*text == '-')])
		fprintf(out, ",\"Value\":[%ld]", strtol(text, NULL, 10));
	fputc('}', out);
}

static int add_series(void *ctx, const struct hz_local_series *s)
{
	struct list *l = ctx;
	fprintf(l->out, "%s{\"0020000E\":{\"vr\":\"UI\",\"Value\":[\"%s\"]}", l->count++ ? "," : "",
	        s->series);
	attribute(l->out, "00080060", "CS", s->modality);
	attribute(l->out, "0008103E", "LO", s->text);
	count(l->out, "00200011", s->number);
	fprintf(l->out, ",\"00201209\":{\"vr\":\"IS\",\"Value\":[%u]}}", s->objects);
	return ferror(l->out) ? -ENOMEM : 0;
}

static int fill_list(struct hz_local_reader *reader, const struct hz_dweb_request *r, struct list *l)
{
	struct hz_local_match match;
	if (r->kind == HZ_DWEB_SEARCH) {
		if (!hz_local_query(r->query, &match))
			return -EINVAL;
		return hz_local_search(reader->local, &match, add_study, l);
	}
	if (r->kind == HZ_DWEB_LIST)
		return hz_local_series(reader->local, r->study, add_series, l);
	return hz_local_metadata(reader->local, r, add_object, l);
}

static enum hz_dweb_result answer_list(struct hz_local_reader *reader, const struct hz_dweb_request *r,
                                       struct hz_local_answer *ret)
{
	char *text = NULL;
	size_t bytes = 0;
	struct list l = {.out = open_memstream(&text, &bytes)};
	if (!l.out)
		return HZ_DWEB_FULL;
	fputc('[', l.out);
	int err = fill_list(reader, r, &l);
	fputc(']', l.out);
	bool bad = ferror(l.out) != 0;
	bad = fclose(l.out) != 0 || bad;
	enum hz_dweb_result result = HZ_DWEB_OK;
	if (bad || err < 0)
		result = err == -E2BIG ? HZ_DWEB_TOO_LARGE : HZ_DWEB_FAILED;
	else if (!l.count && r->kind != HZ_DWEB_SEARCH)
		result = HZ_DWEB_MISSING;
	snprintf(ret->type, sizeof(ret->type), "application/dicom+json");
	if (result == HZ_DWEB_OK)
		result = in_file(reader, text, bytes, ret);
	free(text);
	return result;
}

static enum hz_dweb_result answer_forwards(struct hz_local_reader *reader, const struct hz_dweb_request *r,
                                           struct hz_local_answer *ret)
{
	char *text = NULL;
	size_t bytes = 0;
	FILE *out = open_memstream(&text, &bytes);
	if (!out)
		return HZ_DWEB_FULL;
	int err = hz_forward_say(reader->local, r->study, out);
	if (fclose(out) != 0)
		err = -ENOMEM;
	snprintf(ret->type, sizeof(ret->type), "application/json");
	enum hz_dweb_result result = err ? HZ_DWEB_DISK : in_file(reader, text, bytes, ret);
	free(text);
	return result;
}

// --- frames

static enum hz_dweb_result open_object(struct hz_local_reader *reader, const struct hz_dweb_request *r)
{
	struct hz_dicom_fault fault;
	int fd = -1;
	if (hz_local_file(reader->local, r, &fd)) // also when it is open: it must be of this series
		return HZ_DWEB_MISSING;
	int err = 0;
	// A study that went and came back may have something else under the same UID.
	if (!reader->dicom || reader->drops != hz_local_drops(reader->local) ||
	    strcmp(reader->instance, r->instance) != 0) {
		hz_dicom_close(reader->dicom);
		reader->dicom = NULL;
		err = hz_dicom_open_fd(fd, NULL, &fault, &reader->dicom);
		memcpy(reader->instance, r->instance, sizeof(reader->instance));
		reader->drops = hz_local_drops(reader->local);
	}
	close(fd);
	return err ? HZ_DWEB_BROKEN : HZ_DWEB_OK;
}

// A frame of 1-bit pixels that begins within a byte, from its first bit on.
static uint8_t *from_first_bit(const struct hz_frame_source *s)
{
	uint8_t *bytes = malloc(s->bytes ? s->bytes : 1);
	for (size_t i = 0; bytes && i < s->bytes; i++) {
		unsigned next = i + 1 < s->bytes ? s->data[i + 1] : 0;
		bytes[i] = (uint8_t)((s->data[i] | next << 8) >> s->bit_offset);
	}
	return bytes;
}

static const char *media_type(const char *syntax)
{
	static const struct {
		const char *syntax, *type;
	} all[] = {
	    {"1.2.840.10008.1.2.4.8", "image/jls"},  {"1.2.840.10008.1.2.4.90", "image/jp2"},
	    {"1.2.840.10008.1.2.4.91", "image/jp2"}, {"1.2.840.10008.1.2.4.20", "image/jphc"},
	    {"1.2.840.10008.1.2.4.5", "image/jpeg"}, {"1.2.840.10008.1.2.4.6", "image/jpeg"},
	    {"1.2.840.10008.1.2.4.7", "image/jpeg"}, {"1.2.840.10008.1.2.5", "image/dicom-rle"},
	};
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		if (strncmp(syntax, all[i].syntax, strlen(all[i].syntax)) == 0)
			return all[i].type;
	}
	return "application/octet-stream";
}

static enum hz_dweb_result answer_frame(struct hz_local_reader *reader, const struct hz_dweb_request *r,
                                        struct hz_local_answer *ret)
{
	struct hz_frame_source source;
	struct hz_dicom_fault fault;
	enum hz_dweb_result result = open_object(reader, r);
	if (result != HZ_DWEB_OK)
		return result;
	const struct hz_dicom_image *image = hz_dicom_image(reader->dicom);
	if (r->frame > image->frames)
		return HZ_DWEB_MISSING;
	int err = hz_dicom_frame(reader->dicom, r->frame - 1, &fault, &source);
	if (err)
		return err == -EAGAIN ? HZ_DWEB_FULL : HZ_DWEB_BROKEN;
	uint8_t *turned = source.bit_offset ? from_first_bit(&source) : NULL;
	const char *syntax = source.encoded ? image->transfer_syntax : "1.2.840.10008.1.2.1";
	snprintf(ret->type, sizeof(ret->type), "%s; transfer-syntax=%s",
	         source.encoded ? media_type(syntax) : "application/octet-stream", syntax);
	if (source.bytes > ANSWER_BYTES)
		result = HZ_DWEB_TOO_LARGE;
	else if (!source.bytes || (source.bit_offset && !turned))
		result = HZ_DWEB_BROKEN;
	else
		result = in_file(reader, turned ? turned : source.data, source.bytes, ret);
	free(turned);
	hz_frame_source_done(&source);
	return result;
}

// As it came.
static enum hz_dweb_result answer_object(struct hz_local_reader *reader, const struct hz_dweb_request *r,
                                         struct hz_local_answer *ret)
{
	struct stat st;
	if (hz_local_file(reader->local, r, &ret->fd))
		return HZ_DWEB_MISSING;
	void *map = fstat(ret->fd, &st) == 0 && st.st_size > 0
	                ? mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, ret->fd, 0)
	                : MAP_FAILED;
	if (map == MAP_FAILED) {
		close(ret->fd);
		ret->fd = -1;
		return HZ_DWEB_BROKEN;
	}
	ret->bytes = (uint64_t)st.st_size;
	hz_dweb_sha256(map, (size_t)st.st_size, ret->hash);
	munmap(map, (size_t)st.st_size);
	snprintf(ret->type, sizeof(ret->type), "application/dicom");
	return HZ_DWEB_OK;
}

// As huizhen-imaging says it of a PACS's.
static enum hz_dweb_result answer_read(struct hz_local_reader *reader, const struct hz_dweb_request *r,
                                       struct hz_local_answer *ret)
{
	struct hz_dicom_fault fault;
	char *text = NULL;
	size_t bytes = 0;
	enum hz_dweb_result result = open_object(reader, r);
	if (result != HZ_DWEB_OK)
		return result;
	snprintf(ret->type, sizeof(ret->type), "%s", hz_dweb_request_reads(r));
	if (r->kind == HZ_DWEB_LUTS ? hz_lut_json(reader->dicom, &fault, &text, &bytes)
	                            : hz_overlay_json(reader->dicom, &fault, &text, &bytes))
		return HZ_DWEB_FULL; // of memory
	result = in_file(reader, text, bytes, ret);
	free(text);
	return result;
}

enum hz_dweb_result hz_local_answer(struct hz_local_reader *reader, const struct hz_dweb_request *r,
                                    struct hz_local_answer *ret)
{
	*ret = (struct hz_local_answer){.fd = -1};
	if (r->kind == HZ_DWEB_WAVE)
		return HZ_DWEB_MISSING; // what has no pixels is not kept here
	if (hz_dweb_request_reads(r))
		return answer_read(reader, r, ret);
	if (r->kind == HZ_DWEB_OBJECT)
		return answer_object(reader, r, ret);
	if (r->kind == HZ_DWEB_FORWARD)
		return answer_forwards(reader, r, ret);
	return r->kind == HZ_DWEB_FRAME ? answer_frame(reader, r, ret) : answer_list(reader, r, ret);
}
