#include "media/picture/card.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void hz_card_clock(int64_t wall_ms, int utc_offset_min, char ret[40])
{
	time_t at = (time_t)(wall_ms / 1000 + 60 * (int64_t)utc_offset_min);
	int offset = abs(utc_offset_min);
	struct tm tm;
	char text[24];
	if (wall_ms < 0 || !gmtime_r(&at, &tm) || !strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm))
		text[0] = '\0';
	snprintf(ret, 40, "%s UTC%c%02d:%02d", text, utc_offset_min < 0 ? '-' : '+', offset / 60 % 24,
	         offset % 60);
}

// The first character, Latin ones as capitals.
static void initial_of(const char *name, char ret[8])
{
	const char *at = name;
	uint32_t first = hz_text_next(&at);
	while (first == ' ')
		first = hz_text_next(&at);
	size_t n = !first ? 0 : first < 0x80 ? 1 : first < 0x800 ? 2 : first < 0x10000 ? 3 : 4;
	memcpy(ret, at - n, n);
	ret[n] = '\0';
	if (n == 1 && ret[0] >= 'a' && ret[0] <= 'z')
		ret[0] = (char)(ret[0] - 'a' + 'A');
}

static int size_of(const struct hz_canvas *canvas, int v)
{
	return v * canvas->height / 720;
}

void hz_card_draw(struct hz_text *text, struct hz_canvas *canvas, const struct hz_card *card)
{
	struct hz_rect r = card->rect;
	int radius = r.h / 6 < r.w / 8 ? r.h / 6 : r.w / 8, size = radius * 3 / 5, x = r.x + r.w / 2;
	int least = size_of(canvas, 13), most = size_of(canvas, 26);
	char initial[8];
	hz_canvas_fill(canvas, r, HZ_COLOUR_TILE);
	size = size < least ? least : size > most ? most : size;
	int lines = card->named + (*card->status != 0), y = r.y + r.h / 2 - lines * size * 3 / 4;
	hz_canvas_disc(canvas, x, y, radius, HZ_COLOUR_DISC);
	initial_of(card->name, initial);
	struct hz_text_line line = {initial,
	                            {x - radius, y - radius, 2 * radius, 2 * radius},
	                            radius,
	                            HZ_TEXT_CENTRE,
	                            HZ_COLOUR_TEXT};
	hz_text_draw(text, canvas, &line);
	line.box = (struct hz_rect){r.x + 4, y + radius + size / 3, r.w - 8, size * 3 / 2};
	line.size = size;
	if (card->named) {
		line.utf8 = card->name;
		hz_text_draw(text, canvas, &line);
		line.box.y += size * 3 / 2;
	}
	line.utf8 = card->status;
	line.colour = HZ_COLOUR_FAINT;
	hz_text_draw(text, canvas, &line);
}
