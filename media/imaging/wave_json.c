#include "media/imaging/wave.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct out {
	char *text;
	size_t used, room;
	bool failed;
};

static bool make_room(struct out *o, size_t more)
{
	if (o->failed || o->used + more + 1 <= o->room)
		return !o->failed;
	size_t room = (o->used + more + 1) * 2;
	char *text = realloc(o->text, room);
	o->failed = !text;
	if (text) {
		o->text = text;
		o->room = room;
	}
	return !o->failed;
}

static void put(struct out *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void put(struct out *o, const char *fmt, ...)
{
	va_list ap;
	if (!make_room(o, 256))
		return;
	va_start(ap, fmt);
	int n = vsnprintf(o->text + o->used, 256, fmt, ap);
	va_end(ap);
	o->used += n > 0 && n < 256 ? (size_t)n : 0;
}

// UTF-8 without control characters, as it was read.
static void put_text(struct out *o, const char *key, const char *text)
{
	if (!text[0] || !make_room(o, 2 * strlen(text) + 64))
		return;
	put(o, "\"%s\":\"", key);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			o->text[o->used++] = '\\';
		o->text[o->used++] = *text;
	}
	put(o, "\",");
}

static void put_number(struct out *o, const char *key, double value)
{
	if (isfinite(value))
		put(o, "\"%s\":%.17g,", key, value);
}

// The last comma of an object or a list goes.
static void close_with(struct out *o, const char *end)
{
	if (!o->failed && o->used && o->text[o->used - 1] == ',')
		o->used--;
	put(o, "%s", end);
}

static void put_channel(struct out *o, const struct hz_wave_channel *c)
{
	put(o, "{");
	put_text(o, "code", c->code);
	put_text(o, "scheme", c->scheme);
	put_text(o, "label", c->label);
	if (c->has_sensitivity) {
		put_text(o, "units", c->units);
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
	close_with(o, "},");
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

static uint8_t byte_of(const struct hz_wave_group *g, unsigned wide, size_t at)
{
	return (uint8_t)((uint32_t)g->data[at / wide] >> (at % wide * 8));
}

// RFC 4648.
static void put_base64(struct out *o, const struct hz_wave_group *g, unsigned wide)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t bytes = (size_t)g->channels * g->samples * wide;
	if (!make_room(o, bytes / 3 * 4 + 8))
		return;
	for (size_t at = 0; at < bytes; at += 3) {
		uint32_t three = 0;
		size_t there = bytes - at < 3 ? bytes - at : 3;
		for (size_t i = 0; i < 3; i++)
			three = three << 8 | (i < there ? byte_of(g, wide, at + i) : 0);
		for (size_t i = 0; i < 4; i++)
			o->text[o->used++] = i <= there ? letters[three >> (18 - 6 * i) & 63] : '=';
	}
}

static void put_group(struct out *o, const struct hz_wave_group *g)
{
	unsigned wide = fits_16(g) ? 2 : 4;
	put(o, "{");
	put_text(o, "label", g->label);
	put_number(o, "hz", g->hz);
	if (g->offset_ms != 0)
		put_number(o, "offset_ms", g->offset_ms);
	if (g->has_padding)
		put(o, "\"padding\":%d,", g->padding);
	put(o, "\"samples\":%u,\"format\":\"%s\",\"channels\":[", g->samples, wide == 2 ? "int16" : "int32");
	for (uint32_t i = 0; i < g->channels; i++)
		put_channel(o, &g->channel[i]);
	close_with(o, "],\"data\":\"");
	put_base64(o, g, wide);
	put(o, "\"},");
}

int hz_wave_json(const struct hz_wave *wave, struct hz_dicom_fault *fault, char **ret, size_t *ret_bytes)
{
	struct out o = {.text = NULL};
	put(&o, "{");
	put_text(&o, "instance", wave->sop_instance);
	put_text(&o, "modality", wave->modality);
	put(&o, "\"groups\":[");
	for (unsigned i = 0; i < wave->groups; i++)
		put_group(&o, &wave->group[i]);
	close_with(&o, "]}");
	if (o.failed) {
		free(o.text);
		return hz_dicom_fail(fault, HZ_DICOM_MEMORY, "no memory for a waveform");
	}
	o.text[o.used] = '\0';
	*ret = o.text;
	*ret_bytes = o.used;
	return 0;
}
