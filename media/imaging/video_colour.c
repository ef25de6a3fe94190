// Planes of Y, Cb and Cr as RGB (ITU-T H.273 8.3).
#include "media/imaging/video.h"

#define POINT 24 // binary places of a factor

struct factors {
	int64_t y, red, green_blue, green_red, blue;
	int32_t black, half, most;
};

static int64_t fixed(double value)
{
	return (int64_t)(value * (double)(1 << POINT) + (value < 0 ? -0.5 : 0.5));
}

static struct factors factors_of(const struct hz_video_planes *p)
{
	static const double weights[][2] = {// of red, of blue
	                                    [HZ_MATRIX_601] = {0.299, 0.114},
	                                    [HZ_MATRIX_709] = {0.2126, 0.0722},
	                                    [HZ_MATRIX_2020] = {0.2627, 0.0593}};
	double red = weights[p->matrix][0], blue = weights[p->matrix][1], green = 1 - red - blue;
	double most = (double)((1u << p->bits) - 1), step = (double)(1u << (p->bits - 8));
	double luma = p->full ? 1 : most / (219 * step), chroma = p->full ? 1 : most / (224 * step);
	return (struct factors){.y = fixed(luma),
	                        .red = fixed(chroma * 2 * (1 - red)),
	                        .green_red = fixed(-chroma * 2 * (1 - red) * red / green),
	                        .green_blue = fixed(-chroma * 2 * (1 - blue) * blue / green),
	                        .blue = fixed(chroma * 2 * (1 - blue)),
	                        .black = p->full ? 0 : (int32_t)(16 * step),
	                        .half = (int32_t)(128 * step),
	                        .most = (int32_t)most};
}

static uint16_t clip(int64_t value, int32_t most)
{
	int64_t nearest = (value + (1 << (POINT - 1))) >> POINT;
	return (uint16_t)(nearest < 0 ? 0 : nearest > most ? most : nearest);
}

static int32_t sample(const uint8_t *row, uint32_t at, bool wide)
{
	return wide ? row[2 * at] | row[2 * at + 1] << 8 : row[at];
}

static uint8_t *put(uint8_t *to, uint16_t value, bool wide)
{
	*to++ = (uint8_t)value;
	if (wide)
		*to++ = (uint8_t)(value >> 8);
	return to;
}

void hz_video_rgb(const struct hz_video_planes *planes, uint8_t *to)
{
	const struct factors f = factors_of(planes);
	const bool wide = planes->bits > 8;
	for (uint32_t y = 0; y < planes->rows; y++) {
		const uint8_t *luma = planes->plane[0] + (ptrdiff_t)y * planes->stride[0];
		const uint8_t *blue = planes->plane[1] + (ptrdiff_t)(y >> planes->down) * planes->stride[1];
		const uint8_t *red = planes->plane[2] + (ptrdiff_t)(y >> planes->down) * planes->stride[2];
		for (uint32_t x = 0; x < planes->columns; x++) {
			int64_t l = f.y * (sample(luma, x, wide) - f.black);
			int64_t b = sample(blue, x >> planes->across, wide) - f.half,
			        r = sample(red, x >> planes->across, wide) - f.half;
			to = put(to, clip(l + f.red * r, f.most), wide);
			to = put(to, clip(l + f.green_blue * b + f.green_red * r, f.most), wide);
			to = put(to, clip(l + f.blue * b, f.most), wide);
		}
	}
}
