// Text on a canvas: Chinese and Latin from one font, without shaping (FreeType). Not for scripts that are written from right
// to left or with joined letters: they are drawn letter by letter.
//
// The font is read into memory when it is opened; nothing is read later. Text comes from outside: what is not UTF-8 and
// control characters are left out, length is bounded. Thread: one.
#ifndef HZ_MEDIA_PICTURE_TEXT_H
#define HZ_MEDIA_PICTURE_TEXT_H

#include "media/picture/canvas.h"

#define HZ_TEXT_GLYPHS 200 // of a line; more are cut off

struct hz_text;

enum hz_text_align { HZ_TEXT_LEFT, HZ_TEXT_CENTRE, HZ_TEXT_RIGHT };

struct hz_text_line {
	const char *utf8;
	struct hz_rect box; // the line stands in its middle; too long: cut with an ellipsis
	int size;           // pixels of an em
	enum hz_text_align align;
	struct hz_colour colour;
};

// path NULL: a font that Debian has (fonts-noto-cjk, fonts-wqy-microhei, fonts-wqy-zenhei, fonts-dejavu-core: no Chinese).
// -ENOENT: none; -EBADMSG: not a font.
int hz_text_open(const char *path, struct hz_text **ret);
void hz_text_close(struct hz_text *text); // NULL allowed
bool hz_text_has_chinese(struct hz_text *text);

int hz_text_draw(struct hz_text *text, struct hz_canvas *canvas, const struct hz_text_line *line); // width
int hz_text_width(struct hz_text *text, const char *utf8, int size);

// The next character and how many bytes it takes; 0 at the end. What is no character is skipped.
uint32_t hz_text_next(const char **at);

#endif
