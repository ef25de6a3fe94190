// VP9 (RFC 9628): the payloads behind their descriptors are the picture; several spatial layers of one picture become a
// superframe (VP9 bitstream specification, annex B).
#include <errno.h>
#include <stdlib.h>

#include "media/rtp/bits.h"
#include "media/rtp/vp9.h"
#include "recorder/finalize/frames_internal.h"

struct state {
	struct hz_vp9_descriptor first; // of the picture in work
	bool known, ended;              // ended: a layer's frame, no packet after it yet
	struct hz_vp9_descriptor last;  // of the picture handed on before
	size_t at[HZ_VP9_MAX_SPATIAL];  // where each layer's frame begins
	unsigned layers;
};

static int init(struct hz_frames *f)
{
	f->codec_state = calloc(1, sizeof(struct state));
	return f->codec_state ? 0 : -ENOMEM;
}

static bool begins(struct hz_frames *f, const uint8_t *payload, size_t bytes)
{
	struct hz_vp9_descriptor d;
	return hz_vp9_parse(payload, bytes, &d) == 0 && d.start && !d.inter_layer;
}

static int add(struct hz_frames *f, const uint8_t *payload, size_t bytes)
{
	struct state *s = f->codec_state;
	struct hz_vp9_descriptor d;
	if (hz_vp9_parse(payload, bytes, &d) != 0)
		return -EBADMSG;
	if (f->bytes == 0) {
		if (!d.start || d.inter_layer)
			return -EBADMSG;
		s->first = d;
		s->layers = 0;
		s->ended = true;
	}
	if (d.start != s->ended || (d.start && s->layers == HZ_VP9_MAX_SPATIAL))
		return -EBADMSG;
	if (d.start)
		s->at[s->layers++] = f->bytes;
	s->ended = d.end;
	return hz_frames_append(f, payload + d.header_bytes, bytes - d.header_bytes);
}

struct header {
	bool key, shown;
	uint16_t width, height;
};

// The uncompressed header (7.2) as far as the size of a keyframe.
static int read_header(const uint8_t *p, size_t bytes, struct header *ret)
{
	struct hz_bits b = hz_bits_begin(p, bytes);
	struct header h = {0};
	if (hz_bits_get(&b, 2) != 2)
		return -EBADMSG;
	unsigned profile = hz_bits_get(&b, 1);
	profile |= hz_bits_get(&b, 1) << 1;
	if (profile == 3 && hz_bits_get(&b, 1))
		return -EBADMSG;
	if (hz_bits_get(&b, 1)) { // show_existing_frame: no picture of its own
		h.shown = true;
		*ret = h;
		return b.bad ? -EBADMSG : 0;
	}
	h.key = !hz_bits_get(&b, 1);
	h.shown = hz_bits_get(&b, 1);
	(void)hz_bits_get(&b, 1); // error_resilient_mode
	if (h.key) {
		if (hz_bits_get(&b, 24) != 0x498342)
			return -EBADMSG;
		if (profile >= 2)
			(void)hz_bits_get(&b, 1);
		unsigned space = hz_bits_get(&b, 3);
		if (space != 7) {
			(void)hz_bits_get(&b, 1);
			if (profile & 1)
				(void)hz_bits_get(&b, 3);
		} else if (profile & 1) {
			(void)hz_bits_get(&b, 1);
		} else {
			return -EBADMSG;
		}
		h.width = (uint16_t)hz_bits_get(&b, 16);
		h.height = (uint16_t)hz_bits_get(&b, 16);
		if (h.width >= 16384 || h.height >= 16384)
			return -EBADMSG;
		h.width++;
		h.height++;
	}
	if (b.bad)
		return -EBADMSG;
	*ret = h;
	return 0;
}

static int add_index(struct hz_frames *f, const struct state *s)
{
	uint8_t index[2 + 4 * HZ_VP9_MAX_SPATIAL], marker = (uint8_t)(0xc0 | 3 << 3 | (s->layers - 1));
	size_t n = 0;
	index[n++] = marker;
	for (unsigned i = 0; i < s->layers; i++) {
		size_t size = (i + 1 < s->layers ? s->at[i + 1] : f->bytes) - s->at[i];
		for (unsigned k = 0; k < 4; k++)
			index[n++] = (uint8_t)(size >> (8 * k));
	}
	index[n++] = marker;
	return hz_frames_append(f, index, n);
}

static int finish(struct hz_frames *f, struct hz_frame *ret)
{
	struct state *s = f->codec_state;
	struct header h, top;
	if (!f->bytes || !s->ended || read_header(f->buf, f->bytes, &h) != 0)
		return -EBADMSG;
	ret->key = h.key;
	ret->width = h.width;
	ret->height = h.height;
	for (unsigned i = 1; i < s->layers; i++) {
		if (read_header(f->buf + s->at[i], f->bytes - s->at[i], &top) != 0)
			return -EBADMSG;
	}
	if (ret->key && s->first.spatial_count > 1 && s->layers > 1) {
		unsigned highest = s->layers <= s->first.spatial_count ? s->layers - 1 : 0;
		if (s->first.width[highest]) {
			ret->width = s->first.width[highest];
			ret->height = s->first.height[highest];
		}
	}
	return s->layers > 1 ? add_index(f, s) : 0;
}

static enum hz_loss judge(struct hz_frames *f, const struct hz_frame *frame, uint32_t missing)
{
	const struct state *s = f->codec_state;
	if (!s->known || !s->first.picture_id_bits || s->first.picture_id_bits != s->last.picture_id_bits)
		return HZ_LOSS_FATAL;
	uint32_t mask = s->first.picture_id_bits == 15 ? 0x7fff : 0x7f;
	bool next = s->first.picture_id == ((s->last.picture_id + 1u) & mask);
	return missing < mask && next ? HZ_LOSS_NONE : HZ_LOSS_FATAL;
}

static void done(struct hz_frames *f, const struct hz_frame *frame)
{
	struct state *s = f->codec_state;
	s->known = true;
	s->last = s->first;
}

const struct hz_depacketiser hz_depacketise_vp9 = {begins, add, finish, judge, done, init, NULL};
