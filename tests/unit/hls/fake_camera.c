#include "tests/unit/hls/fake_camera.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "media/hls/slate_picture.h"
#include "media/rtp/packet.h"

#define PT  98
#define MTU 300u // small: keyframes come in fragments

static const char tag[] = "HZMARK=";

static uint8_t *packet_of(struct fake_camera *camera, struct fake_packets *out, bool marker)
{
	struct hz_rtp_offsets offsets;
	struct hz_rtp_header header = {
	    .ts = camera->ts, .ssrc = camera->ssrc, .seq = camera->seq++, .pt = PT, .marker = marker};
	uint8_t *data = out->data[out->count];
	(void)hz_rtp_write_header(data, HZ_RTP_FIXED_BYTES, &header, NULL, NULL, &offsets);
	out->bytes[out->count++] = HZ_RTP_FIXED_BYTES;
	return data + HZ_RTP_FIXED_BYTES;
}

static void single(struct fake_camera *camera, struct fake_packets *out, const uint8_t *nal, size_t bytes,
                   bool marker)
{
	memcpy(packet_of(camera, out, marker), nal, bytes);
	out->bytes[out->count - 1] += bytes;
}

static void fragments(struct fake_camera *camera, struct fake_packets *out, const uint8_t *nal, size_t bytes)
{
	for (size_t at = 1; at < bytes; at += MTU) {
		size_t n = bytes - at < MTU ? bytes - at : MTU;
		bool last = at + n == bytes;
		uint8_t *p = packet_of(camera, out, last);
		p[0] = (uint8_t)((nal[0] & 0xe0) | 28);
		p[1] = (uint8_t)((nal[0] & 31) | (at == 1 ? 0x80 : 0) | (last ? 0x40 : 0));
		memcpy(p + 2, nal + at, n);
		out->bytes[out->count - 1] += 2 + n;
	}
}

// User data, unregistered (ITU-T H.264 D.1.7): 16 bytes of name, then the text.
static void sei(struct fake_camera *camera, struct fake_packets *out, int64_t made_us)
{
	uint8_t nal[64] = {6, 5, 0};
	memset(nal + 3, 'u', 16);
	int n = snprintf((char *)nal + 19, sizeof(nal) - 20, "%s%017lld;", tag, (long long)made_us);
	nal[2] = (uint8_t)(16 + n);
	nal[19 + n] = 0x80;
	single(camera, out, nal, (size_t)(20 + n), false);
}

void camera_picture(struct fake_camera *camera, int64_t made_us, struct fake_packets *ret)
{
	const uint8_t *unit;
	size_t bytes, at = 4;
	hz_slate_picture(camera->n, &unit, &bytes);
	camera->n = (camera->n + 1) % HZ_SLATE_PICTURES;
	if (!camera->n && camera->lazy)
		camera->n = 1;
	ret->count = 0;
	sei(camera, ret, made_us);
	while (at < bytes) { // NAL units with start codes of four bytes
		size_t end = at;
		while (end < bytes && !(bytes - end >= 4 && memcmp(unit + end, "\0\0\0\1", 4) == 0))
			end++;
		if (end - at > MTU)
			fragments(camera, ret, unit + at, end - at);
		else
			single(camera, ret, unit + at, end - at, end == bytes);
		at = end + 4;
	}
	camera->ts += 3600;
}

static unsigned file_marks(const char *path, const int64_t range[2], int64_t *newest_us)
{
	static char buf[4 << 20];
	FILE *f = fopen(path, "rb");
	size_t n = f ? fread(buf, 1, sizeof(buf) - 1, f) : 0;
	unsigned count = 0;
	if (f)
		fclose(f);
	for (size_t i = 0; i + 24 < n; i++) {
		if (memcmp(buf + i, tag, sizeof(tag) - 1) != 0)
			continue;
		int64_t us = strtoll(buf + i + sizeof(tag) - 1, NULL, 10);
		count += us >= range[0] && us < range[1];
		*newest_us = us > *newest_us ? us : *newest_us;
	}
	return count;
}

static unsigned walk(const char *path, const int64_t range[2], int64_t *newest_us)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	unsigned count = 0;
	while (dir && (entry = readdir(dir))) {
		char name[1024];
		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		count += entry->d_type == DT_DIR ? walk(name, range, newest_us)
		                                 : file_marks(name, range, newest_us);
	}
	if (dir)
		closedir(dir);
	return count;
}

unsigned folder_marks(const char *path, int64_t from_us, int64_t until_us, int64_t *ret_newest_us)
{
	const int64_t range[2] = {from_us, until_us};
	*ret_newest_us = INT64_MIN;
	return walk(path, range, ret_newest_us);
}
