#include "recorder/record/dicom_write.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "recorder/record/files.h"

#define DEPTH 4

struct hz_dicom {
	enum hz_charset charset;
	uint8_t *data;
	size_t bytes, room;
	uint32_t last[DEPTH + 1]; // tag before, of each level
	unsigned depth;
	int err;
};

int hz_dicom_new(enum hz_charset charset, struct hz_dicom **ret)
{
	struct hz_dicom *d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->charset = charset;
	*ret = d;
	return 0;
}

void hz_dicom_free(struct hz_dicom *dicom)
{
	if (dicom)
		free(dicom->data);
	free(dicom);
}

static uint8_t *grow(struct hz_dicom *d, size_t bytes)
{
	if (!d->err && bytes > HZ_DICOM_HEAD_BYTES - d->bytes)
		d->err = -E2BIG;
	if (d->err)
		return NULL;
	if (d->bytes + bytes > d->room) {
		size_t room = d->room ? d->room : 4096;
		while (room < d->bytes + bytes)
			room *= 2;
		uint8_t *data = realloc(d->data, room);
		if (!data) {
			d->err = -ENOMEM;
			return NULL;
		}
		d->data = data;
		d->room = room;
	}
	d->bytes += bytes;
	return d->data + d->bytes - bytes;
}

static void le16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}

static void le32(uint8_t *p, uint32_t v)
{
	le16(p, v);
	le16(p + 2, v >> 16);
}

static void le_tag(uint8_t *p, uint32_t tag)
{
	le16(p, tag >> 16);
	le16(p + 2, tag);
}

// VRs whose length has 32 bits, behind two reserved bytes (PS3.5 section 7.1.2).
static bool is_long(const char *vr)
{
	return strstr("OB OD OF OL OV OW SQ SV UC UN UR UT UV", vr) != NULL;
}

static void head(struct hz_dicom *d, uint32_t tag, const char *vr, uint32_t bytes)
{
	assert(tag > d->last[d->depth]);
	d->last[d->depth] = tag;
	uint8_t *p = grow(d, is_long(vr) ? 12 : 8);
	if (!p)
		return;
	le_tag(p, tag);
	p[4] = (uint8_t)vr[0];
	p[5] = (uint8_t)vr[1];
	le16(p + 6, is_long(vr) ? 0 : bytes);
	if (is_long(vr))
		le32(p + 8, bytes);
}

static void value(struct hz_dicom *d, uint32_t tag, const char *vr, const char *text, size_t bytes)
{
	head(d, tag, vr, (uint32_t)(bytes + (bytes & 1)));
	uint8_t *p = grow(d, bytes + (bytes & 1));
	if (!p)
		return;
	memcpy(p, text, bytes);
	if (bytes & 1)
		p[bytes] = strcmp(vr, "UI") == 0 ? '\0' : ' ';
}

void hz_dicom_text(struct hz_dicom *d, uint32_t tag, const char *vr, const char *utf8)
{
	static const size_t most = 10240 * 4 + 1; // LT in four-byte characters
	char *text = malloc(most);
	long bytes = text ? hz_charset_text(d->charset, vr, utf8 ? utf8 : "", text, most) : -ENOMEM;
	if (bytes < 0)
		d->err = d->err ? d->err : (int)bytes;
	else
		value(d, tag, vr, text, (size_t)bytes);
	free(text);
}

void hz_dicom_values(struct hz_dicom *d, uint32_t tag, const char *vr, const char *values)
{
	size_t bytes = strlen(values ? values : "");
	for (size_t i = 0; i < bytes; i++)
		if ((unsigned char)values[i] < 0x20 || (unsigned char)values[i] > 0x7e)
			d->err = d->err ? d->err : -EINVAL;
	value(d, tag, vr, values ? values : "", bytes);
}

void hz_dicom_us(struct hz_dicom *d, uint32_t tag, uint16_t v)
{
	head(d, tag, "US", 2);
	uint8_t *p = grow(d, 2);
	if (p)
		le16(p, v);
}

void hz_dicom_uv(struct hz_dicom *d, uint32_t tag, uint64_t v)
{
	head(d, tag, "UV", 8);
	uint8_t *p = grow(d, 8);
	if (!p)
		return;
	le32(p, (uint32_t)v);
	le32(p + 4, (uint32_t)(v >> 32));
}

void hz_dicom_at(struct hz_dicom *d, uint32_t tag, uint32_t v)
{
	head(d, tag, "AT", 4);
	uint8_t *p = grow(d, 4);
	if (p)
		le_tag(p, v);
}

static void delimiter(struct hz_dicom *d, uint32_t tag, uint32_t bytes)
{
	uint8_t *p = grow(d, 8);
	if (!p)
		return;
	le_tag(p, tag);
	le32(p + 4, bytes);
}

void hz_dicom_sequence(struct hz_dicom *d, uint32_t tag)
{
	head(d, tag, "SQ", 0xffffffff);
}

void hz_dicom_item(struct hz_dicom *d)
{
	assert(d->depth < DEPTH);
	d->last[++d->depth] = 0;
	delimiter(d, 0xfffee000, 0xffffffff);
}

void hz_dicom_item_end(struct hz_dicom *d)
{
	assert(d->depth > 0);
	d->depth--;
	delimiter(d, 0xfffee00d, 0);
}

void hz_dicom_sequence_end(struct hz_dicom *d)
{
	delimiter(d, 0xfffee0dd, 0);
}

static int write_all(int fd, const void *data, size_t bytes)
{
	const uint8_t *at = data;
	while (bytes) {
		ssize_t put = write(fd, at, bytes);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -errno;
		at += put;
		bytes -= (size_t)put;
	}
	return 0;
}

static int copy(int from, int to, uint64_t bytes)
{
	static const size_t most = 1 << 18;
	uint8_t *buf = malloc(most);
	int err = buf ? 0 : -ENOMEM;
	while (!err && bytes) {
		ssize_t got = read(from, buf, bytes < most ? (size_t)bytes : most);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			err = got < 0 ? -errno : -ENODATA; // it became shorter under our hands
		else
			err = write_all(to, buf, (size_t)got);
		bytes -= got > 0 ? (uint64_t)got : 0;
	}
	free(buf);
	return err;
}

// Preamble and group 0002, whose first element is the length of those after it.
static int write_meta(int fd, const struct hz_dicom_file *file)
{
	uint8_t preamble[144] = {0};
	struct hz_dicom *meta;
	int err = hz_dicom_new(HZ_CHARSET_UTF8, &meta);
	if (err)
		return err;
	head(meta, 0x00020001, "OB", 2);
	uint8_t *version = grow(meta, 2);
	if (version)
		memcpy(version, "\0\1", 2);
	hz_dicom_values(meta, 0x00020002, "UI", file->sop_class);
	hz_dicom_values(meta, 0x00020003, "UI", file->sop_instance);
	hz_dicom_values(meta, 0x00020010, "UI", file->transfer_syntax);
	hz_dicom_values(meta, 0x00020012, "UI", HZ_DICOM_IMPLEMENTATION);
	hz_dicom_values(meta, 0x00020013, "SH", HZ_DICOM_VERSION);
	memcpy(preamble + 128, "DICM", 4);
	le_tag(preamble + 132, 0x00020000);
	memcpy(preamble + 136, "UL\4\0", 4);
	le32(preamble + 140, (uint32_t)meta->bytes);
	err = meta->err ? meta->err : write_all(fd, preamble, sizeof(preamble));
	if (!err)
		err = write_all(fd, meta->data, meta->bytes);
	hz_dicom_free(meta);
	return err;
}

// PS3.5 Annex A.4: an item for the Basic Offset Table, empty as one fragment holds all frames of a video, and the fragment.
static int write_pixels(struct hz_dicom *d, int fd, int pixels, uint64_t bytes)
{
	uint64_t even = bytes + (bytes & 1);
	hz_dicom_uv(d, 0x7fe00003, bytes);
	head(d, 0x7fe00010, "OB", 0xffffffff);
	delimiter(d, 0xfffee000, 0);
	delimiter(d, 0xfffee000, (uint32_t)even);
	int err = d->err ? d->err : write_all(fd, d->data, d->bytes);
	if (!err)
		err = copy(pixels, fd, bytes);
	if (!err && (bytes & 1))
		err = write_all(fd, "", 1);
	d->bytes = 0;
	delimiter(d, 0xfffee0dd, 0);
	if (!err)
		err = d->err ? d->err : write_all(fd, d->data, d->bytes);
	return err;
}

int hz_dicom_save(struct hz_dicom *d, const struct hz_dicom_file *file)
{
	char beside[4096];
	struct stat st;
	int fd = -1, err = d->err;
	int pixels = open(file->pixels, O_RDONLY | O_CLOEXEC);
	if (!err && (pixels < 0 || fstat(pixels, &st) < 0))
		err = -errno;
	if (!err && (st.st_size <= 0 || (uint64_t)st.st_size > HZ_DICOM_FRAGMENT_BYTES))
		err = st.st_size <= 0 ? -ENODATA : -EFBIG;
	if (!err && (size_t)snprintf(beside, sizeof(beside), "%s.new", file->path) >= sizeof(beside))
		err = -ENAMETOOLONG;
	if (!err && (fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640)) < 0)
		err = -errno;
	if (err)
		goto out;
	err = write_meta(fd, file);
	if (!err)
		err = write_pixels(d, fd, pixels, (uint64_t)st.st_size);
	if (!err && fsync(fd) < 0)
		err = -errno;
	if (!err && rename(beside, file->path) < 0)
		err = -errno;
	if (err)
		unlink(beside);
	else
		err = hz_document_sync(file->path);
out:
	if (fd >= 0)
		close(fd);
	if (pixels >= 0)
		close(pixels);
	return err;
}
