#include "media/rtp/vp9.h"

#include <errno.h>

enum { I = 0x80, P = 0x40, L = 0x20, F = 0x10, B = 0x08, E = 0x04, V = 0x02, Z = 0x01 };

struct reader {
	const uint8_t *at, *end;
	bool bad;
};

static uint8_t read8(struct reader *r)
{
	if (r->at >= r->end) {
		r->bad = true;
		return 0;
	}
	return *r->at++;
}

static uint16_t read16(struct reader *r)
{
	uint16_t high = read8(r);
	return (uint16_t)(high << 8 | read8(r));
}

static void read_picture_id(struct reader *r, struct hz_vp9_descriptor *d)
{
	uint8_t first = read8(r);
	d->picture_id_bits = first & 0x80 ? 15 : 7;
	d->picture_id = first & 0x7f;
	if (first & 0x80)
		d->picture_id = (uint16_t)(d->picture_id << 8 | read8(r));
}

static void read_layers(struct reader *r, struct hz_vp9_descriptor *d)
{
	uint8_t layer = read8(r);
	d->has_layers = true;
	d->temporal_id = layer >> 5;
	d->up_switch = layer & 0x10;
	d->spatial_id = layer >> 1 & 0x07;
	d->inter_layer = layer & 0x01;
	if (!d->flexible)
		d->tl0_pic_idx = read8(r);
}

static void read_references(struct reader *r)
{
	for (int i = 0; i < 3 && (read8(r) & 0x01); i++) // P_DIFF, N: another one follows, three at most
		;
}

static void read_structure(struct reader *r, struct hz_vp9_descriptor *d)
{
	uint8_t head = read8(r);
	d->spatial_count = (uint8_t)((head >> 5) + 1);
	for (unsigned i = 0; (head & 0x10) && i < d->spatial_count; i++) { // Y
		d->width[i] = read16(r);
		d->height[i] = read16(r);
	}
	if (!(head & 0x08)) // G
		return;
	for (unsigned pictures = read8(r); pictures && !r->bad; pictures--) {
		uint8_t picture = read8(r);
		for (unsigned refs = picture >> 2 & 3; refs; refs--)
			(void)read8(r);
	}
}

int hz_vp9_parse(const uint8_t *payload, size_t bytes, struct hz_vp9_descriptor *ret)
{
	struct reader r = {payload, payload + bytes, false};
	struct hz_vp9_descriptor d = {0};
	uint8_t flags = read8(&r);
	d.inter_picture = flags & P;
	d.flexible = flags & F;
	d.start = flags & B;
	d.end = flags & E;
	d.not_for_upper = flags & Z;
	if (flags & I)
		read_picture_id(&r, &d);
	if (flags & L)
		read_layers(&r, &d);
	if ((flags & F) && (flags & P))
		read_references(&r);
	if (flags & V)
		read_structure(&r, &d);
	if (r.bad || r.at >= r.end)
		return -EBADMSG;
	d.header_bytes = (uint16_t)(r.at - payload); // at most 1,100: 255 pictures of 4 bytes
	*ret = d;
	return 0;
}
