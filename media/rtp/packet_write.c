// The writing half of packet.h.
#include "media/rtp/packet.h"

#include <errno.h>
#include <string.h>

#include "media/rtp/bytes.h"

#define MAX_ELEMENTS 10

struct element {
	uint8_t id;
	uint8_t bytes;
	uint32_t bit; // HZ_EXT_*
	const uint8_t *data;
};

struct element_list {
	struct element item[MAX_ELEMENTS];
	size_t count;
	bool two_byte; // an id or a size does not fit the one-byte form
	uint8_t level, orientation, twcc[2], abs_send_time[3], playout[3]; // the small ones' bytes
};

static void add(struct element_list *list, uint32_t bit, uint8_t id, const void *data, size_t bytes)
{
	if (id == 0 || bytes > 255 || list->count == MAX_ELEMENTS)
		return;
	if (id > 14 || bytes == 0 || bytes > 16)
		list->two_byte = true;
	list->item[list->count++] = (struct element){id, (uint8_t)bytes, bit, data};
}

static void add_text(struct element_list *list, uint32_t bit, uint8_t id, const char *text)
{
	size_t bytes = strnlen(text, HZ_MID_BYTES - 1);
	if (bytes > 0)
		add(list, bit, id, text, bytes);
}

static void list_elements(struct element_list *list, const struct hz_rtp_exts *x,
                          const struct hz_ext_ids *ids)
{
	if (x->has & HZ_EXT_TWCC) {
		hz_put16(list->twcc, x->twcc_seq);
		add(list, HZ_EXT_TWCC, ids->twcc, list->twcc, 2);
	}
	if (x->has & HZ_EXT_ABS_SEND_TIME) {
		hz_put24(list->abs_send_time, x->abs_send_time);
		add(list, HZ_EXT_ABS_SEND_TIME, ids->abs_send_time, list->abs_send_time, 3);
	}
	if (x->has & HZ_EXT_MID)
		add_text(list, HZ_EXT_MID, ids->mid, x->mid);
	if (x->has & HZ_EXT_RID)
		add_text(list, HZ_EXT_RID, ids->rid, x->rid);
	if (x->has & HZ_EXT_RRID)
		add_text(list, HZ_EXT_RRID, ids->rrid, x->rrid);
	if (x->has & HZ_EXT_AUDIO_LEVEL) {
		list->level = (uint8_t)(x->voice << 7 | (x->audio_level_dbov & 0x7f));
		add(list, HZ_EXT_AUDIO_LEVEL, ids->audio_level, &list->level, 1);
	}
	if (x->has & HZ_EXT_ORIENTATION) {
		list->orientation = x->orientation;
		add(list, HZ_EXT_ORIENTATION, ids->orientation, &list->orientation, 1);
	}
	if (x->has & HZ_EXT_PLAYOUT_DELAY) {
		hz_put24(list->playout,
		         (uint32_t)(x->playout_min_10ms & 0xfffu) << 12 | (x->playout_max_10ms & 0xfffu));
		add(list, HZ_EXT_PLAYOUT_DELAY, ids->playout_delay, list->playout, 3);
	}
	if ((x->has & HZ_EXT_DEPENDENCY) && x->dependency_bytes > 0)
		add(list, HZ_EXT_DEPENDENCY, ids->dependency, x->dependency, x->dependency_bytes);
	if ((x->has & HZ_EXT_ABS_CAPTURE_TIME) && (x->abs_capture_bytes == 8 || x->abs_capture_bytes == 16))
		add(list, HZ_EXT_ABS_CAPTURE_TIME, ids->abs_capture_time, x->abs_capture,
		    x->abs_capture_bytes);
}

static size_t block_bytes(const struct element_list *list)
{
	size_t bytes = 0;
	if (list->count == 0)
		return 0;
	for (size_t i = 0; i < list->count; i++)
		bytes += (list->two_byte ? 2u : 1u) + list->item[i].bytes;
	return 4 + (bytes + 3) / 4 * 4;
}

static void write_block(uint8_t *buf, size_t bytes, const struct element_list *list,
                        struct hz_rtp_offsets *offsets)
{
	uint8_t *at = buf + HZ_RTP_FIXED_BYTES;
	hz_put16(at, list->two_byte ? 0x1000 : 0xbede);
	hz_put16(at + 2, (uint16_t)((bytes - 4) / 4));
	memset(at + 4, 0, bytes - 4);
	at += 4;
	for (size_t i = 0; i < list->count; i++) {
		const struct element *e = &list->item[i];
		if (list->two_byte) {
			*at++ = e->id;
			*at++ = e->bytes;
		} else {
			*at++ = (uint8_t)(e->id << 4 | (e->bytes - 1));
		}
		memcpy(at, e->data, e->bytes);
		if (e->bit == HZ_EXT_TWCC)
			offsets->twcc_at = (uint16_t)(at - buf);
		if (e->bit == HZ_EXT_ABS_SEND_TIME)
			offsets->abs_send_time_at = (uint16_t)(at - buf);
		if (e->bit == HZ_EXT_DEPENDENCY && e->bytes >= 3)
			offsets->dependency_at = (uint16_t)(at - buf);
		at += e->bytes;
	}
}

int hz_rtp_write_header(uint8_t *buf, size_t room, const struct hz_rtp_header *header,
                        const struct hz_rtp_exts *exts, const struct hz_ext_ids *ids,
                        struct hz_rtp_offsets *ret)
{
	struct element_list list;
	list.count = 0;
	list.two_byte = false;
	if (header->pt > 127)
		return -EINVAL;
	if (exts && ids)
		list_elements(&list, exts, ids);
	size_t ext_bytes = block_bytes(&list);
	if (room < HZ_RTP_FIXED_BYTES + ext_bytes)
		return -ENOBUFS;

	struct hz_rtp_offsets offsets = {.header_bytes = (uint16_t)(HZ_RTP_FIXED_BYTES + ext_bytes)};
	buf[0] = ext_bytes ? 0x90 : 0x80;
	hz_rtp_patch_fixed(buf, header);
	if (ext_bytes)
		write_block(buf, ext_bytes, &list, &offsets);
	*ret = offsets;
	return 0;
}

void hz_rtp_patch_fixed(uint8_t *buf, const struct hz_rtp_header *header)
{
	buf[1] = (uint8_t)(header->marker << 7 | (header->pt & 0x7f));
	hz_put16(buf + 2, header->seq);
	hz_put32(buf + 4, header->ts);
	hz_put32(buf + 8, header->ssrc);
}

void hz_rtp_patch_twcc(uint8_t *buf, const struct hz_rtp_offsets *offsets, uint16_t twcc_seq)
{
	if (offsets->twcc_at)
		hz_put16(buf + offsets->twcc_at, twcc_seq);
}

void hz_rtp_patch_abs_send_time(uint8_t *buf, const struct hz_rtp_offsets *offsets, int64_t now_us)
{
	if (offsets->abs_send_time_at)
		hz_put24(buf + offsets->abs_send_time_at, hz_abs_send_time(now_us));
}
