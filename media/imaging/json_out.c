#include "media/imaging/json_out.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool make_room(struct hz_json_out *o, size_t more)
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

void hz_out_put(struct hz_json_out *o, const char *fmt, ...)
{
	va_list ap;
	if (!make_room(o, 256))
		return;
	va_start(ap, fmt);
	int n = vsnprintf(o->text + o->used, 256, fmt, ap);
	va_end(ap);
	o->used += n > 0 && n < 256 ? (size_t)n : 0;
}

void hz_out_text(struct hz_json_out *o, const char *key, const char *text)
{
	if (!text[0] || !make_room(o, 2 * strlen(text) + 64))
		return;
	hz_out_put(o, "\"%s\":\"", key);
	for (; *text && make_room(o, 2); text++) {
		if (*text == '"' || *text == '\\')
			o->text[o->used++] = '\\';
		o->text[o->used++] = *text;
	}
	hz_out_put(o, "\",");
}

void hz_out_base64(struct hz_json_out *o, hz_out_byte *byte_at, const void *ctx, size_t bytes)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	if (!make_room(o, bytes / 3 * 4 + 8))
		return;
	for (size_t at = 0; at < bytes; at += 3) {
		uint32_t three = 0;
		size_t there = bytes - at < 3 ? bytes - at : 3;
		for (size_t i = 0; i < 3; i++)
			three = three << 8 | (i < there ? byte_at(ctx, at + i) : 0u);
		for (size_t i = 0; i < 4; i++)
			o->text[o->used++] = i <= there ? letters[three >> (18 - 6 * i) & 63] : '=';
	}
}

void hz_out_close(struct hz_json_out *o, const char *end)
{
	if (!o->failed && o->used && o->text[o->used - 1] == ',')
		o->used--;
	hz_out_put(o, "%s", end);
}

int hz_out_end(struct hz_json_out *o, char **ret, size_t *ret_bytes)
{
	if (o->failed || !make_room(o, 1)) {
		free(o->text);
		return -ENOMEM;
	}
	o->text[o->used] = '\0';
	*ret = o->text;
	*ret_bytes = o->used;
	return 0;
}
