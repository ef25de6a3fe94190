#include "media/rtp/vp9.h"

#include <errno.h>

#include "media/rtp/bytes.h"

enum { I = 0x80, P = 0x40, L = 0x20, F = 0x10, B = 0x08, E = 0x04, V = 0x02, Z = 0x01 };

static void read_picture_id(struct hz_reader *r, struct hz_vp9_descriptor *d)
{
	uint8_t first = hz_read8(r);
	d->picture_id_bits = first & 0x80 ? 15 : 7;
	d->picture_id = first & 0x7f;
	if (first & 0x80)
		d->picture_id = (uint16_t)(d->picture_id << 8 | hz_read8(r));
}

static void read_layers(struct hz_reader *r, struct hz_vp9_descriptor *d)
{
	uint8_t layer = hz_read8(r);
	d->has_layers = true;
	d->temporal_id = layer >> 5;
	d->up_switch = layer & 0x10;
	d->spatial_id = layer >> 1 & 0x07;
	d->inter_layer = layer & 0x01;
	if (!d->flexible)
		d->tl0_pic_idx = hz_read8(r);
}

static void read_references(struct hz_reader *r)
{
	for (int i = 0; i < 3 && (hz_read8(r) & 0x01); i++) // P_DIFF, N: another one follows, three at most
		;
}

static void read_structure(struct hz_reader *r, struct hz_vp9_descriptor *d)
{
	uint8_t head = hz_read8(r);
	d->spatial_count = (uint8_t)((head >> 5) + 1);
	for (unsigned i = 0; (head & 0x10) && i < d->spatial_count; i++) { // Y
		d->width[i] = hz_read16(r);
		d->height[i] = hz_read16(r);
	}
	if (!(head & 0x08)) // G
		return;
	for (unsigned pictures = hz_read8(r); pictures && !r->bad; pictures--) {
		uint8_t picture = hz_read8(r);
		for (unsigned refs = picture >> 2 & 3; refs; refs--)
			(void)hz_read8(r);
	}
}

int hz_vp9_parse(const uint8_t *payload, size_t bytes, struct hz_vp9_descriptor *ret)
{
	struct hz_reader r = {payload, payload + bytes, false};
	struct hz_vp9_descriptor d = {0};
	uint8_t flags = hz_read8(&r);
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
