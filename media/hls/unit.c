#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "media/codec/h264.h"
#include "media/hls/internal.h"
#include "media/rtp/bytes.h"

#define NALS 256 // of one access unit
#define PPS  8

struct nal {
	const uint8_t *data;
	size_t bytes;
};

// The byte stream format (ITU-T H.264 Annex B). Returns the count, -EBADMSG.
static int split_annexb(const uint8_t *p, size_t bytes, struct nal *nal)
{
	int count = 0;
	size_t begin = 0;
	bool open = false;
	for (size_t i = 0; i <= bytes; i++) {
		bool code = i + 3 <= bytes && p[i] == 0 && p[i + 1] == 0 && p[i + 2] == 1;
		if (!code && i < bytes)
			continue;
		size_t end = i;
		while (open && end > begin && p[end - 1] == 0)
			end--; // trailing zeros, and the first byte of a long start code
		if (open && end > begin) {
			if (count == NALS)
				return -EBADMSG;
			nal[count++] = (struct nal){p + begin, end - begin};
		}
		if (!open && i == bytes)
			return -EBADMSG;
		open = true;
		begin = i + 3;
		i += code ? 2 : 0;
	}
	return count;
}

static int split_avcc(const uint8_t *p, size_t bytes, struct nal *nal)
{
	int count = 0;
	for (size_t at = 0; at < bytes;) {
		if (bytes - at < 5 || count == NALS)
			return -EBADMSG;
		size_t length = hz_get32(p + at);
		at += 4;
		if (length == 0 || length > bytes - at)
			return -EBADMSG;
		nal[count++] = (struct nal){p + at, length};
		at += length;
	}
	return count;
}

// Parameter sets are in the initialization section, and stay here too: some players (ffmpeg) keep the first section they had.
// Delimiters and filler go.
static bool kept(uint8_t type)
{
	return type >= 1 && type <= 8;
}

static int make_config(const struct nal *nal, int count, uint8_t *buf, size_t room, size_t *ret_bytes)
{
	struct hz_h264_set sps = {0}, pps[PPS];
	unsigned pps_count = 0;
	for (int i = 0; i < count; i++) {
		uint8_t type = nal[i].data[0] & 31;
		struct hz_h264_pps parsed;
		if (type == 7 && !sps.nal)
			sps = (struct hz_h264_set){nal[i].data, nal[i].bytes};
		if (type == 8 && pps_count < PPS &&
		    hz_h264_pps_parse(nal[i].data, nal[i].bytes, &parsed) == 0)
			pps[pps_count++] = (struct hz_h264_set){nal[i].data, nal[i].bytes};
	}
	*ret_bytes = 0;
	if (!sps.nal)
		return 0;
	return pps_count == 0 ? -EBADMSG : hz_h264_avcc(&sps, pps, pps_count, buf, room, ret_bytes);
}

static struct hz_hls_au *alloc_au(const struct hz_hls_unit *unit, size_t bytes, size_t config_bytes)
{
	struct hz_hls_au *au = calloc(1, sizeof(*au) + bytes + config_bytes);
	if (!au)
		return NULL;
	au->pts = unit->pts;
	au->dts = unit->dts;
	au->mark_us = unit->mark_us;
	au->end_us = unit->mark_us + 1;
	au->bytes = (uint32_t)bytes;
	au->config_bytes = (uint32_t)config_bytes;
	return au;
}

int hz_hls_au_video(const struct hz_hls_unit *unit, enum hz_hls_framing framing, struct hz_hls_au **ret)
{
	struct nal nal[NALS];
	uint8_t config[HZ_HLS_CONFIG_BYTES];
	size_t bytes = 0, config_bytes = 0;
	bool key = false, picture = false;
	if (unit->bytes == 0 || unit->bytes > HZ_HLS_UNIT_BYTES)
		return -EBADMSG;
	int count = framing == HZ_HLS_ANNEXB ? split_annexb(unit->data, unit->bytes, nal)
	                                     : split_avcc(unit->data, unit->bytes, nal);
	for (int i = 0; i < count; i++) {
		uint8_t type = nal[i].data[0] & 31;
		if (nal[i].data[0] & 0x80)
			return -EBADMSG;
		key |= type == 5;
		picture |= type >= 1 && type <= 5;
		bytes += kept(type) ? 4 + nal[i].bytes : 0;
	}
	if (count <= 0 || !picture)
		return -EBADMSG;
	int err = key ? make_config(nal, count, config, sizeof(config), &config_bytes) : 0;
	if (err)
		return -EBADMSG;
	struct hz_hls_au *au = alloc_au(unit, bytes, config_bytes);
	if (!au)
		return -ENOMEM;
	au->key = key;
	uint8_t *at = au->data;
	for (int i = 0; i < count; i++) {
		if (!kept(nal[i].data[0] & 31))
			continue;
		hz_put32(at, (uint32_t)nal[i].bytes);
		memcpy(at + 4, nal[i].data, nal[i].bytes);
		at += 4 + nal[i].bytes;
	}
	memcpy(at, config, config_bytes);
	*ret = au;
	return 0;
}

int hz_hls_au_sound(const struct hz_hls_unit *unit, uint32_t ticks, struct hz_hls_au **ret)
{
	if (unit->bytes == 0 || unit->bytes > 8192 || ticks == 0)
		return -EBADMSG;
	struct hz_hls_au *au = alloc_au(unit, unit->bytes, 0);
	if (!au)
		return -ENOMEM;
	au->dts = au->pts;
	au->key = true;
	au->duration = ticks;
	au->end_us = unit->mark_us + (int64_t)ticks * 125 / 6;
	memcpy(au->data, unit->data, unit->bytes);
	*ret = au;
	return 0;
}

int hz_hls_au_copy(const struct hz_hls_au *au, struct hz_hls_au **ret)
{
	size_t bytes = sizeof(*au) + au->bytes + au->config_bytes;
	struct hz_hls_au *copy = malloc(bytes);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, au, bytes);
	copy->next = NULL;
	*ret = copy;
	return 0;
}

uint32_t hz_hls_opus_ticks(const uint8_t *data, size_t bytes)
{
	static const uint16_t silk[] = {480, 960, 1920, 2880}, hybrid[] = {480, 960},
	                      celt[] = {120, 240, 480, 960};
	if (bytes == 0)
		return 0;
	unsigned config = data[0] >> 3, frames = 1;
	if ((data[0] & 3) == 3) {
		if (bytes < 2)
			return 0;
		frames = data[1] & 63;
	} else if (data[0] & 3) {
		frames = 2;
	}
	uint32_t one = config < 12 ? silk[config & 3] : config < 16 ? hybrid[config & 1] : celt[config & 3];
	return one * frames <= 5760 ? one * frames : 0;
}

void hz_hls_list_add(struct hz_hls_list *list, struct hz_hls_au *au)
{
	au->next = NULL;
	if (list->tail)
		list->tail->next = au;
	else
		list->head = au;
	list->tail = au;
	list->count++;
	list->bytes += au->bytes;
}

struct hz_hls_au *hz_hls_list_take(struct hz_hls_list *list)
{
	struct hz_hls_au *au = list->head;
	if (!au)
		return NULL;
	list->head = au->next;
	if (!list->head)
		list->tail = NULL;
	list->count--;
	list->bytes -= au->bytes;
	au->next = NULL;
	return au;
}

unsigned hz_hls_list_cut(struct hz_hls_list *list, int64_t mark_us)
{
	struct hz_hls_list all = *list;
	struct hz_hls_au *au;
	unsigned dropped = 0;
	*list = (struct hz_hls_list){0};
	while ((au = hz_hls_list_take(&all))) {
		if (dropped || au->end_us > mark_us) {
			free(au);
			dropped++;
		} else {
			hz_hls_list_add(list, au);
		}
	}
	return dropped;
}
