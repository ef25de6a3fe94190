#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "media/hls/internal.h"

void hz_hls_say(struct hz_hls_text *t, const char *format, ...)
{
	for (int turn = 0; turn < 2 && !t->bad; turn++) {
		va_list args;
		va_start(args, format);
		int n = vsnprintf(t->text ? t->text + t->bytes : NULL, t->room - t->bytes, format, args);
		va_end(args);
		if (n >= 0 && t->bytes + (size_t)n < t->room) {
			t->bytes += (size_t)n;
			return;
		}
		size_t room = (t->room ? 2 * t->room : 4096) + (n > 0 ? (size_t)n : 0);
		char *grown = n >= 0 ? realloc(t->text, room) : NULL;
		t->bad = !grown;
		if (grown) {
			t->text = grown;
			t->room = room;
		}
	}
}
