#include "media/imaging/render.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void hz_rendered_done(struct hz_rendered *rendered)
{
	free(rendered->data);
	memset(rendered, 0, sizeof(*rendered));
}

double hz_voi_apply(enum hz_voi_function function, double center, double width, double value)
{
	if (function == HZ_VOI_SIGMOID)
		return 255 / (1 + exp(-4 * (value - center) / width));
	if (function == HZ_VOI_LINEAR) {
		center -= 0.5;
		width -= 1;
	}
	// A width of 1 is a threshold: nothing is between.
	if (value <= center - width / 2)
		return 0;
	if (value > center + width / 2)
		return 255;
	return ((value - center) / width + 0.5) * 255;
}

enum hz_voi_function hz_voi_of(const struct hz_dicom *dicom, uint32_t frame_index)
{
	const struct hz_dicom_plane *plane = hz_dicom_plane(dicom, frame_index);
	return plane->has_window ? plane->function : hz_dicom_image(dicom)->function;
}

static uint16_t lut_at(const struct hz_dicom_lut *lut, double value)
{
	double at = floor(value + 0.5) - lut->first;
	if (at < 0)
		at = 0;
	if (at > lut->entries - 1)
		at = lut->entries - 1;
	return lut->data[(size_t)at];
}

struct grey {
	const struct hz_dicom_image *image;
	const struct hz_dicom_plane *plane;
	const struct hz_dicom_lut *voi_lut; // NULL: a window
	enum hz_voi_function function;
	double center, width;
	bool invert;
};

// Of 32 bits without a sign (a dose) the upper half is not below 0.
static int64_t stored(const struct hz_frame *frame, size_t index)
{
	int32_t value = hz_frame_sample(frame, index);
	return frame->cell == 4 && !frame->is_signed ? (int64_t)(uint32_t)value : value;
}

static double modality(const struct grey *g, int64_t value)
{
	if (g->image->modality_lut.data)
		return lut_at(&g->image->modality_lut, (double)value);
	return (double)value * g->plane->slope + g->plane->intercept;
}

static bool is_padding(const struct hz_dicom_image *image, int64_t value)
{
	return image->has_padding && value >= image->padding_low && value <= image->padding_high;
}

// Padding is background: black, whatever the window makes of its value.
static uint8_t shade(const struct grey *g, int64_t value)
{
	if (is_padding(g->image, value))
		return 0;
	double v = modality(g, value);
	double out = g->voi_lut ? lut_at(g->voi_lut, v) * 255.0 / ((1u << g->voi_lut->bits) - 1)
	                        : hz_voi_apply(g->function, g->center, g->width, v);
	uint8_t level = (uint8_t)(out < 0 ? 0 : out > 255 ? 255 : out + 0.5);
	return g->invert ? 255 - level : level;
}

static void set_range(struct grey *g, const struct hz_frame *frame)
{
	size_t count = frame->bytes / frame->cell;
	double low = INFINITY, high = -INFINITY;
	int64_t least = INT64_MAX, most = INT64_MIN;
	for (size_t i = 0; i < count; i++) {
		int64_t value = stored(frame, i);
		if (is_padding(g->image, value))
			continue;
		least = value < least ? value : least;
		most = value > most ? value : most;
	}
	if (least <= most) { // a LUT need not rise: its ends are taken as they come
		double a = modality(g, least), b = modality(g, most);
		low = a < b ? a : b;
		high = a < b ? b : a;
	}
	g->function = HZ_VOI_LINEAR_EXACT;
	g->width = high > low ? high - low : 1;
	g->center = high > low ? low + g->width / 2 : isfinite(low) ? low : 0;
}

static void choose(struct grey *g, const struct hz_frame *frame, const struct hz_look *look)
{
	const struct hz_dicom_image *image = g->image;
	if (look->voi == HZ_VOI_WINDOW && look->width > 0 && isfinite(look->width) &&
	    isfinite(look->center)) {
		g->center = look->center;
		g->width = look->function == HZ_VOI_LINEAR && look->width < 1 ? 1 : look->width;
		g->function = look->function;
	} else if (look->voi == HZ_VOI_LUT && look->index < image->voi_luts) {
		g->voi_lut = &image->voi_lut[look->index];
	} else if (look->voi == HZ_VOI_DEFAULT && g->plane->has_window) {
		g->center = g->plane->window.center;
		g->width = g->plane->window.width;
		g->function = g->plane->function;
	} else if (look->voi == HZ_VOI_DEFAULT && image->windows) {
		g->center = image->window[0].center;
		g->width = image->window[0].width;
		g->function = image->function;
	} else if (look->voi == HZ_VOI_DEFAULT && image->voi_luts) {
		g->voi_lut = &image->voi_lut[0];
	} else {
		set_range(g, frame);
	}
}

// Values of up to 16 bits go through a table of all of them.
static int render_grey(const struct grey *g, const struct hz_frame *frame, uint8_t *to)
{
	size_t count = frame->bytes / frame->cell;
	if (frame->cell == 4) {
		for (size_t i = 0; i < count; i++)
			to[i] = shade(g, stored(frame, i));
		return 0;
	}
	size_t values = frame->cell == 1 ? 256 : 65536;
	uint8_t *table = malloc(values);
	if (!table)
		return -ENOMEM;
	for (size_t i = 0; i < values; i++)
		table[i] = shade(g, !frame->is_signed  ? (int32_t)i
		                    : frame->cell == 1 ? (int8_t)i
		                                       : (int16_t)i);
	for (size_t i = 0; i < count; i++)
		to[i] = frame->cell == 1 ? table[frame->data[i]]
		                         : table[frame->data[2 * i] | (size_t)frame->data[2 * i + 1] << 8];
	free(table);
	return 0;
}

static uint8_t to_byte(double v)
{
	return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v + 0.5);
}

// turn: 255 inverts.
static void render_palette(const struct hz_dicom_image *image, const struct hz_frame *frame, uint8_t turn,
                           uint8_t *to)
{
	for (size_t i = 0; i < frame->bytes / frame->cell; i++) {
		for (unsigned k = 0; k < 3; k++) {
			const struct hz_dicom_lut *lut = &image->palette[k];
			uint16_t value = lut_at(lut, (double)stored(frame, i));
			uint8_t level =
			    lut->bits > 8 ? value >> (lut->bits - 8) : (uint8_t)(value << (8 - lut->bits));
			to[3 * i + k] = level ^ turn;
		}
	}
}

// PS3.3 C.7.6.3.1.2: full range, BT.601.
static void render_colour(const struct hz_frame *frame, uint8_t turn, uint8_t *to)
{
	double scale = 255.0 / (double)((1ull << frame->bits_stored) - 1),
	       half = (double)(1ull << (frame->bits_stored - 1));
	for (size_t i = 0; i < frame->bytes / frame->cell / 3; i++, to += 3) {
		double a = (uint32_t)hz_frame_sample(frame, 3 * i),
		       b = (uint32_t)hz_frame_sample(frame, 3 * i + 1),
		       c = (uint32_t)hz_frame_sample(frame, 3 * i + 2);
		if (frame->photometric != HZ_RGB) {
			double y = a, cb = b - half, cr = c - half;
			a = y + 1.402 * cr;
			b = y - 0.344136 * cb - 0.714136 * cr;
			c = y + 1.772 * cb;
		}
		to[0] = to_byte(a * scale) ^ turn;
		to[1] = to_byte(b * scale) ^ turn;
		to[2] = to_byte(c * scale) ^ turn;
	}
}

static void burn(const struct hz_dicom_overlay *o, uint32_t frame_index, struct hz_rendered *r)
{
	uint64_t start = 0;
	if (!o->bits || frame_index < o->first_frame)
		return;
	if (o->frames != UINT32_MAX) {
		if (frame_index - o->first_frame >= o->frames)
			return;
		start = (uint64_t)(frame_index - o->first_frame) * o->rows * o->columns;
	}
	for (uint32_t y = 0; y < o->rows; y++) {
		for (uint32_t x = 0; x < o->columns; x++) {
			uint64_t bit = start + (uint64_t)y * o->columns + x;
			int64_t column = (int64_t)o->column - 1 + x, row = (int64_t)o->row - 1 + y;
			bool set = bit / 8 < o->bytes && (o->bits[bit / 8] >> (bit % 8) & 1);
			if (set && column >= 0 && row >= 0 && column < r->columns && row < r->rows)
				memset(r->data + ((size_t)row * r->columns + (size_t)column) * r->channels,
				       255, r->channels);
		}
	}
}

static void burn_any(const struct hz_dicom *dicom, const struct hz_dicom_overlay *o, uint32_t frame_index,
                     struct hz_rendered *r)
{
	struct hz_dicom_overlay own;
	if (!o->embedded) {
		burn(o, frame_index, r);
	} else if (hz_overlay_bits(dicom, frame_index, o, &own) == 0) {
		burn(&own, frame_index, r);
		free(own.bits);
	}
}

int hz_render(const struct hz_dicom *dicom, uint32_t frame_index, const struct hz_frame *frame,
              const struct hz_look *look, struct hz_rendered *ret)
{
	const struct hz_dicom_image *image = hz_dicom_image(dicom);
	bool palette = frame->photometric == HZ_PALETTE_COLOR;
	if (frame->samples != image->shape.samples || frame->columns != image->shape.columns ||
	    frame->rows != image->shape.rows || (palette && !image->has_palette))
		return -EINVAL;
	struct hz_rendered r = {.columns = frame->columns, .rows = frame->rows};
	r.channels = frame->samples == 3 || palette ? 3 : 1;
	r.bytes = (size_t)r.columns * r.rows * r.channels;
	r.data = malloc(r.bytes);
	if (!r.data)
		return -ENOMEM;
	int err = 0;
	if (palette) {
		render_palette(image, frame, look->invert ? 255 : 0, r.data);
	} else if (frame->samples == 3) {
		render_colour(frame, look->invert ? 255 : 0, r.data);
	} else {
		struct grey g = {.image = image, .plane = hz_dicom_plane(dicom, frame_index)};
		// One statement made twice: DX has INVERSE where it has MONOCHROME1 (PS3.3 C.8.11.3).
		g.invert = frame->photometric == HZ_MONOCHROME1 || image->inverse;
		g.invert = g.invert != look->invert;
		choose(&g, frame, look);
		err = render_grey(&g, frame, r.data);
		r.center = g.voi_lut ? 0 : g.center;
		r.width = g.voi_lut ? 0 : g.width;
	}
	for (unsigned i = 0; err == 0 && look->overlays && i < image->overlays; i++)
		burn_any(dicom, &image->overlay[i], frame_index, &r);
	if (err < 0)
		hz_rendered_done(&r);
	else
		*ret = r;
	return err;
}
