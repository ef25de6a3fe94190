#include "media/imaging/wave.h"

#include <math.h>

#include "media/imaging/json_out.h"

static void put_number(struct hz_json_out *o, const char *key, double value)
{
	if (isfinite(value))
		hz_out_put(o, "\"%s\":%.17g,", key, value);
}

static void put_channel(struct hz_json_out *o, const struct hz_wave_channel *c)
{
	hz_out_put(o, "{");
	hz_out_text(o, "code", c->code);
	hz_out_text(o, "scheme", c->scheme);
	hz_out_text(o, "label", c->label);
	if (c->has_sensitivity) {
		hz_out_text(o, "units", c->units);
		put_number(o, "sensitivity", c->sensitivity);
		put_number(o, "correction", c->correction);
		put_number(o, "baseline", c->baseline);
	}
	if (c->skew_s != 0)
		put_number(o, "skew_s", c->skew_s);
	if (c->low_hz > 0)
		put_number(o, "low_hz", c->low_hz);
	if (c->high_hz > 0)
		put_number(o, "high_hz", c->high_hz);
	if (c->notch_hz > 0)
		put_number(o, "notch_hz", c->notch_hz);
	hz_out_close(o, "},");
}

static bool fits_16(const struct hz_wave_group *g)
{
	size_t count = (size_t)g->channels * g->samples;
	for (size_t i = 0; i < count; i++) {
		if (g->data[i] < INT16_MIN || g->data[i] > INT16_MAX)
			return false;
	}
	return true;
}

static uint8_t byte_of_two(const void *ctx, size_t at)
{
	const struct hz_wave_group *g = ctx;
	return (uint8_t)((uint32_t)g->data[at / 2] >> (at % 2 * 8));
}

static uint8_t byte_of_four(const void *ctx, size_t at)
{
	const struct hz_wave_group *g = ctx;
	return (uint8_t)((uint32_t)g->data[at / 4] >> (at % 4 * 8));
}

static void put_group(struct hz_json_out *o, const struct hz_wave_group *g)
{
	unsigned wide = fits_16(g) ? 2 : 4;
	hz_out_put(o, "{");
	hz_out_text(o, "label", g->label);
	put_number(o, "hz", g->hz);
	if (g->offset_ms != 0)
		put_number(o, "offset_ms", g->offset_ms);
	if (g->has_padding)
		hz_out_put(o, "\"padding\":%d,", g->padding);
	hz_out_put(o, "\"samples\":%u,\"format\":\"%s\",\"channels\":[", g->samples,
	           wide == 2 ? "int16" : "int32");
	for (uint32_t i = 0; i < g->channels; i++)
		put_channel(o, &g->channel[i]);
	hz_out_close(o, "],\"data\":\"");
	hz_out_base64(o, wide == 2 ? byte_of_two : byte_of_four, g, (size_t)g->channels * g->samples * wide);
	hz_out_put(o, "\"},");
}

int hz_wave_json(const struct hz_wave *wave, struct hz_dicom_fault *fault, char **ret, size_t *ret_bytes)
{
	struct hz_json_out o = {.text = NULL};
	hz_out_put(&o, "{");
	hz_out_text(&o, "instance", wave->sop_instance);
	hz_out_text(&o, "modality", wave->modality);
	hz_out_put(&o, "\"groups\":[");
	for (unsigned i = 0; i < wave->groups; i++)
		put_group(&o, &wave->group[i]);
	hz_out_close(&o, "]}");
	if (hz_out_end(&o, ret, ret_bytes))
		return hz_dicom_fail(fault, HZ_DICOM_MEMORY, "no memory for a waveform");
	return 0;
}
