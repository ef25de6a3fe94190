// VP8 (RFC 7741): the payloads behind their descriptors are the frame.
#include <errno.h>
#include <stdlib.h>

#include "media/rtp/keyframe.h"
#include "recorder/finalize/frames_internal.h"

struct state {
	struct hz_vp8_descriptor first; // of the frame in work
	bool known;
	struct hz_vp8_descriptor last; // of the frame handed on before
	uint8_t last_tl0;              // TL0PICIDX of the newest frame
};

static int init(struct hz_frames *f)
{
	f->codec_state = calloc(1, sizeof(struct state));
	return f->codec_state ? 0 : -ENOMEM;
}

static bool begins(struct hz_frames *f, const uint8_t *payload, size_t bytes)
{
	struct hz_vp8_descriptor d;
	return hz_vp8_parse(payload, bytes, &d) == 0 && d.start;
}

static int add(struct hz_frames *f, const uint8_t *payload, size_t bytes)
{
	struct state *s = f->codec_state;
	struct hz_vp8_descriptor d;
	if (hz_vp8_parse(payload, bytes, &d) != 0 || d.start != (f->bytes == 0))
		return -EBADMSG;
	if (d.start) {
		s->first = d;
		f->layered = d.has_tid && d.tl0_at;
		f->tid = d.temporal_id;
		f->sync = d.layer_sync;
	}
	return hz_frames_append(f, payload + d.header_bytes, bytes - d.header_bytes);
}

// The frame tag (RFC 6386 9.1): the first partition must fit, a keyframe has a start code and a size.
static int finish(struct hz_frames *f, struct hz_frame *ret)
{
	const uint8_t *p = f->buf;
	if (f->bytes < 4)
		return -EBADMSG;
	bool key = !(p[0] & 1);
	uint32_t version = p[0] >> 1 & 7, first = (uint32_t)(p[0] | p[1] << 8 | p[2] << 16) >> 5;
	size_t head = key ? 10 : 3;
	if (version > 3 || f->bytes < head || first == 0 || first > f->bytes - head)
		return -EBADMSG;
	ret->key = key;
	if (!key)
		return 0;
	ret->width = (uint16_t)((p[7] << 8 | p[6]) & 0x3fff);
	ret->height = (uint16_t)((p[9] << 8 | p[8]) & 0x3fff);
	if (p[3] != 0x9d || p[4] != 0x01 || p[5] != 0x2a || !ret->width || !ret->height)
		return -EBADMSG;
	return 0;
}

// Picture ids count frames, TL0PICIDX those of the lowest temporal layer (RFC 7741 4.2).
static enum hz_loss judge(struct hz_frames *f, const struct hz_frame *frame, uint32_t missing)
{
	const struct state *s = f->codec_state;
	const struct hz_vp8_descriptor *now = &s->first, *last = &s->last;
	if (!s->known || now->picture_id_bits == 0 || now->picture_id_bits != last->picture_id_bits)
		return HZ_LOSS_FATAL;
	uint32_t mask = now->picture_id_bits == 15 ? 0x7fff : 0x7f;
	if (missing < mask && now->picture_id == ((last->picture_id + 1u) & mask))
		return HZ_LOSS_NONE;
	if (!f->layered || !last->has_tid || missing >= 255)
		return HZ_LOSS_FATAL;
	uint8_t expected = (uint8_t)(s->last_tl0 + (now->temporal_id == 0));
	return now->tl0_pic_idx == expected ? HZ_LOSS_UPPER : HZ_LOSS_FATAL;
}

static void done(struct hz_frames *f, const struct hz_frame *frame)
{
	struct state *s = f->codec_state;
	s->known = true;
	s->last = s->first;
	s->last_tl0 = s->first.tl0_pic_idx;
}

const struct hz_depacketiser hz_depacketise_vp8 = {begins, add, finish, judge, done, init, NULL};
