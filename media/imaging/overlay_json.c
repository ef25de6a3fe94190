#include "media/imaging/overlay.h"

#include <errno.h>
#include <stdlib.h>

#include "media/imaging/json_out.h"
#include "media/imaging/render.h"

// What of an overlay lies within the image.
struct part {
	uint32_t x, y;      // in the image
	uint32_t left, top; // in the overlay
	uint32_t columns, rows;
};

static struct part part_of(const struct hz_dicom_overlay *o, const struct hz_pixel_shape *s)
{
	struct part p = {.columns = 0};
	int64_t x = (int64_t)o->column - 1, y = (int64_t)o->row - 1;
	int64_t x_end = x + o->columns, y_end = y + o->rows;
	x_end = x_end < s->columns ? x_end : s->columns;
	y_end = y_end < s->rows ? y_end : s->rows;
	int64_t x_from = x > 0 ? x : 0, y_from = y > 0 ? y : 0;
	if (x_from >= x_end || y_from >= y_end)
		return p; // all of it outside
	p = (struct part){.x = (uint32_t)x_from,
	                  .y = (uint32_t)y_from,
	                  .left = (uint32_t)(x_from - x),
	                  .top = (uint32_t)(y_from - y),
	                  .columns = (uint32_t)(x_end - x_from),
	                  .rows = (uint32_t)(y_end - y_from)};
	return p;
}

// Is one of them set?
static bool cut_out(const struct hz_dicom_overlay *o, uint64_t start, const struct part *p, uint8_t *ret)
{
	size_t at = 0;
	bool any = false;
	for (uint32_t y = 0; y < p->rows; y++) {
		uint64_t bit = start + (uint64_t)(p->top + y) * o->columns + p->left;
		for (uint32_t x = 0; x < p->columns; x++, bit++, at++) {
			bool set = bit / 8 < o->bytes && (o->bits[bit / 8] >> (bit % 8) & 1);
			ret[at / 8] |= (uint8_t)(set << (at % 8));
			any = any || set;
		}
	}
	return any;
}

// Runs as long as they take no more than the bits would; 0: they do.
static size_t runs_of(const uint8_t *bits, size_t count, uint8_t *ret, size_t room)
{
	size_t used = 0, from = 0;
	bool set = false;
	for (size_t at = 0; at <= count; at++) {
		bool end = at == count;
		if (!end && (bits[at / 8] >> (at % 8) & 1) == set)
			continue;
		if (end && !set)
			break; // the rest is not set
		size_t run = at - from;
		do {
			if (used == room)
				return 0;
			ret[used++] = (uint8_t)((run & 127) | (run > 127 ? 128 : 0));
			run >>= 7;
		} while (run);
		from = at;
		set = !set;
	}
	return used;
}

static uint8_t byte_of(const void *ctx, size_t at)
{
	return ((const uint8_t *)ctx)[at];
}

// Of frame `index` of the overlay's own.
static void put_plane(struct hz_json_out *out, const struct hz_dicom_overlay *o, const struct part *p,
                      uint32_t index)
{
	size_t count = (size_t)p->columns * p->rows, bytes = (count + 7) / 8, used;
	uint64_t start = (uint64_t)index * o->rows * o->columns;
	uint8_t *bits = calloc(2, bytes); // and the runs
	out->failed = out->failed || !bits;
	hz_out_put(out, "\"");
	if (bits && cut_out(o, start, p, bits)) {
		used = runs_of(bits, count, bits + bytes, bytes);
		hz_out_put(out, used ? "r" : "b");
		hz_out_base64(out, byte_of, used ? bits + bytes : bits, used ? used : bytes);
	}
	hz_out_put(out, "\",");
	free(bits);
}

// -E2BIG: it is full; all else: of the plane.
static int put_planes(struct hz_json_out *out, const struct hz_dicom *dicom, const struct hz_dicom_overlay *o,
                      const struct part *p)
{
	uint32_t frames = hz_dicom_image(dicom)->frames;
	uint32_t first = o->embedded ? 0 : o->first_frame;
	uint32_t left = first < frames ? frames - first : 0;
	uint32_t count = o->embedded               ? frames
	                 : o->frames == UINT32_MAX ? 1
	                 : o->frames < left        ? o->frames
	                                           : left;
	for (uint32_t i = 0; i < count; i++) {
		struct hz_dicom_overlay own = *o;
		int err = o->embedded ? hz_overlay_bits(dicom, i, o, &own) : 0;
		if (err < 0)
			return err;
		put_plane(out, &own, p, o->embedded ? 0 : i);
		if (o->embedded)
			free(own.bits);
		if (out->failed)
			return -ENOMEM;
		if (out->used > HZ_OVERLAY_JSON_BYTES)
			return -E2BIG;
	}
	return 0;
}

static const char *word_of(int err)
{
	return err == -E2BIG     ? "too-big"
	       : err == -ENOTSUP ? "unsupported"
	       : err == -EINVAL  ? "attribute"
	                         : "pixels-short";
}

static void put_overlay(struct hz_json_out *out, const struct hz_dicom *dicom,
                        const struct hz_dicom_overlay *o)
{
	const struct hz_pixel_shape *s = &hz_dicom_image(dicom)->shape;
	const struct part whole = {.columns = s->columns, .rows = s->rows};
	const struct part p = o->embedded ? whole : part_of(o, s);
	size_t began = out->used;
	bool all = !o->embedded && o->frames == UINT32_MAX;
	int err = 0;
	hz_out_put(out, "{\"group\":\"%04X\",\"kind\":\"%s\",\"x\":%u,\"y\":%u,\"columns\":%u,\"rows\":%u,",
	           o->group, o->roi ? "R" : "G", p.x, p.y, p.columns, p.rows);
	if (!all)
		hz_out_put(out, "\"first\":%u,", o->embedded ? 0 : o->first_frame);
	hz_out_put(out, "\"planes\":[");
	if (p.columns)
		err = put_planes(out, dicom, o, &p);
	hz_out_close(out, "]},");
	if (!err)
		return;
	out->failed = out->failed || err == -ENOMEM;
	out->used = began;
	hz_out_put(out, "{\"group\":\"%04X\",\"fault\":\"%s\"},", o->group, word_of(err));
}

int hz_overlay_json(const struct hz_dicom *dicom, struct hz_dicom_fault *fault, char **ret, size_t *ret_bytes)
{
	const struct hz_dicom_image *image = hz_dicom_image(dicom);
	struct hz_json_out o = {.text = NULL};
	hz_out_put(&o, "{");
	hz_out_text(&o, "instance", image->text.sop_instance);
	hz_out_put(&o, "\"rows\":%u,\"columns\":%u,\"overlays\":[", image->shape.rows, image->shape.columns);
	for (unsigned i = 0; i < image->overlays; i++)
		put_overlay(&o, dicom, &image->overlay[i]);
	hz_out_close(&o, "]}");
	if (hz_out_end(&o, ret, ret_bytes))
		return hz_dicom_fail(fault, HZ_DICOM_MEMORY, "no memory for overlays");
	return 0;
}
