// AV1 (AOM, RTP Payload Format For AV1, section 4): OBU elements and their fragments become the OBUs of a temporal unit in
// the low-overhead format, each with its size (AV1 bitstream specification 5.2).
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "media/rtp/bits.h"
#include "recorder/finalize/frames_internal.h"

enum {
	OBU_SEQUENCE = 1,
	OBU_DELIMITER = 2,
	OBU_FRAME_HEADER = 3,
	OBU_FRAME = 6,
	OBU_TILE_LIST = 8,
	OBU_PADDING = 15
};
enum { Z = 0x80, Y = 0x40, N = 0x08 }; // aggregation header

struct state {
	uint8_t *part; // owned: the OBU that goes on in the next packet
	size_t part_bytes, part_room;
	bool going; // there is one
	bool has_sequence, has_frame, key;
	bool reduced;                      // of the newest sequence header
	uint8_t sequence[HZ_CONFIG_BYTES]; // with its size, as in the file
	size_t sequence_bytes;
	uint16_t width, height;
};

static int init(struct hz_frames *f)
{
	f->codec_state = calloc(1, sizeof(struct state));
	return f->codec_state ? 0 : -ENOMEM;
}

static void free_state(struct hz_frames *f)
{
	struct state *s = f->codec_state;
	free(s->part);
}

static bool begins(struct hz_frames *f, const uint8_t *payload, size_t bytes)
{
	return bytes > 1 && !(payload[0] & Z);
}

// leb128 (4.10.5), as far as sizes here go. 0: damaged.
static size_t read_leb(const uint8_t *p, size_t bytes, size_t *ret)
{
	uint64_t v = 0;
	for (size_t i = 0; i < bytes && i < 8; i++) {
		v |= (uint64_t)(p[i] & 0x7f) << (7 * i);
		if (p[i] & 0x80)
			continue;
		if (v > HZ_FRAME_BYTES)
			return 0;
		*ret = (size_t)v;
		return i + 1;
	}
	return 0;
}

static size_t write_leb(uint8_t *p, size_t v)
{
	size_t n = 0;
	do {
		p[n] = (uint8_t)((v & 0x7f) | (v > 0x7f ? 0x80 : 0));
		v >>= 7;
		n++;
	} while (v);
	return n;
}

static void skip_operating_points(struct hz_bits *b)
{
	unsigned delay_bits = 0;
	bool decoder_model = false;
	if (hz_bits_get(b, 1)) { // timing_info_present_flag
		(void)hz_bits_get(b, 32);
		(void)hz_bits_get(b, 32);
		if (hz_bits_get(b, 1)) { // equal_picture_interval: uvlc
			unsigned zeros = 0;
			while (!b->bad && !hz_bits_get(b, 1) && zeros < 32)
				zeros++;
			(void)hz_bits_get(b, zeros < 32 ? zeros : 0);
		}
		decoder_model = hz_bits_get(b, 1);
		if (decoder_model) {
			delay_bits = hz_bits_get(b, 5) + 1;
			(void)hz_bits_get(b, 32);
			(void)hz_bits_get(b, 10);
		}
	}
	bool display_delay = hz_bits_get(b, 1);
	unsigned points = hz_bits_get(b, 5) + 1;
	for (unsigned i = 0; i < points && !b->bad; i++) {
		(void)hz_bits_get(b, 12);
		if (hz_bits_get(b, 5) > 7)
			(void)hz_bits_get(b, 1);
		if (decoder_model && hz_bits_get(b, 1)) {
			(void)hz_bits_get(b, delay_bits);
			(void)hz_bits_get(b, delay_bits);
			(void)hz_bits_get(b, 1);
		}
		if (display_delay && hz_bits_get(b, 1))
			(void)hz_bits_get(b, 4);
	}
}

static int on_sequence(struct state *s, const uint8_t *obu, size_t bytes, const uint8_t *body,
                       size_t body_bytes)
{
	struct hz_bits b = hz_bits_begin(body, body_bytes);
	(void)hz_bits_get(&b, 4); // seq_profile, still_picture
	s->reduced = hz_bits_get(&b, 1);
	if (s->reduced)
		(void)hz_bits_get(&b, 5);
	else
		skip_operating_points(&b);
	unsigned wide = hz_bits_get(&b, 4) + 1, high = hz_bits_get(&b, 4) + 1;
	s->width = (uint16_t)(hz_bits_get(&b, wide) + 1);
	s->height = (uint16_t)(hz_bits_get(&b, high) + 1);
	if (b.bad || bytes > sizeof(s->sequence) || !s->width || !s->height)
		return -EBADMSG;
	memcpy(s->sequence, obu, bytes);
	s->sequence_bytes = bytes;
	s->has_sequence = true;
	return 0;
}

static int on_frame(struct state *s, const uint8_t *body, size_t bytes)
{
	struct hz_bits b = hz_bits_begin(body, bytes);
	if (!s->sequence_bytes)
		return -EBADMSG;
	if (!s->has_frame) // the first one of the temporal unit decides
		s->key =
		    s->reduced || (hz_bits_get(&b, 1) == 0 && hz_bits_get(&b, 2) == 0 && hz_bits_get(&b, 1));
	s->has_frame = true;
	return b.bad ? -EBADMSG : 0;
}

// One whole OBU, as it came (5.3): header, maybe an extension, maybe its size.
static int on_obu(struct hz_frames *f, const uint8_t *p, size_t bytes)
{
	struct state *s = f->codec_state;
	uint8_t head[2 + 8];
	if (bytes == 0 || (p[0] & 0x81)) // forbidden bit, reserved bit
		return -EBADMSG;
	uint8_t type = p[0] >> 3 & 15;
	size_t at = 1, size;
	head[0] = p[0] | 0x02;
	if (p[0] & 0x04) {
		if (bytes < 2)
			return -EBADMSG;
		head[at++] = p[1];
	}
	const uint8_t *body = p + at;
	size = bytes - at;
	if (p[0] & 0x02) {
		size_t n = read_leb(body, size, &size);
		if (!n || size > bytes - at - n)
			return -EBADMSG;
		body += n;
	}
	if (type == OBU_DELIMITER || type == OBU_TILE_LIST || type == OBU_PADDING)
		return 0;
	at += write_leb(head + at, size);
	size_t start = f->bytes;
	int err = hz_frames_append(f, head, at);
	if (!err)
		err = hz_frames_append(f, body, size);
	if (!err && type == OBU_SEQUENCE)
		err = on_sequence(s, f->buf + start, f->bytes - start, f->buf + start + at, size);
	if (!err && (type == OBU_FRAME || type == OBU_FRAME_HEADER))
		err = on_frame(s, body, size);
	return err;
}

static int keep_part(struct state *s, const uint8_t *p, size_t bytes)
{
	if (bytes > HZ_FRAME_BYTES - s->part_bytes)
		return -EBADMSG;
	if (s->part_bytes + bytes > s->part_room) {
		size_t room = (s->part_bytes + bytes) * 2;
		uint8_t *part = realloc(s->part, room);
		if (!part)
			return -ENOMEM;
		s->part = part;
		s->part_room = room;
	}
	memcpy(s->part + s->part_bytes, p, bytes);
	s->part_bytes += bytes;
	return 0;
}

static int on_element(struct hz_frames *f, const uint8_t *p, size_t bytes, bool goes_on)
{
	struct state *s = f->codec_state;
	if (!s->going && !goes_on)
		return on_obu(f, p, bytes);
	int err = keep_part(s, p, bytes);
	if (err)
		return err;
	s->going = goes_on;
	if (goes_on)
		return 0;
	err = on_obu(f, s->part, s->part_bytes);
	s->part_bytes = 0;
	return err;
}

static int add(struct hz_frames *f, const uint8_t *p, size_t bytes)
{
	struct state *s = f->codec_state;
	unsigned count = p[0] >> 4 & 3;
	size_t at = 1;
	if (f->bytes == 0 && !(p[0] & Z)) {
		s->has_sequence = s->has_frame = s->key = s->going = false;
		s->part_bytes = 0;
	}
	if (!(p[0] & Z) == s->going || bytes < 2)
		return -EBADMSG;
	for (unsigned i = 1; at < bytes; i++) {
		size_t size = bytes - at;
		bool last = count ? i == count : false;
		if (!last) {
			size_t n = read_leb(p + at, bytes - at, &size);
			if (!n || size > bytes - at - n || size == 0)
				return -EBADMSG;
			at += n;
		}
		bool final = at + size == bytes;
		if (count && final != last)
			return -EBADMSG;
		int err = on_element(f, p + at, size, final && (p[0] & Y));
		if (err)
			return err;
		at += size;
	}
	return 0;
}

static int finish(struct hz_frames *f, struct hz_frame *ret)
{
	struct state *s = f->codec_state;
	if (s->going || !f->bytes || !s->has_frame)
		return -EBADMSG;
	ret->key = s->key && s->has_sequence;
	if (ret->key) {
		ret->config = s->sequence;
		ret->config_bytes = s->sequence_bytes;
		ret->width = s->width;
		ret->height = s->height;
	}
	return 0;
}

static enum hz_loss judge(struct hz_frames *f, const struct hz_frame *frame, uint32_t missing)
{
	return HZ_LOSS_FATAL;
}

static void done(struct hz_frames *f, const struct hz_frame *frame)
{
}

const struct hz_depacketiser hz_depacketise_av1 = {begins, add, finish, judge, done, init, free_state};
