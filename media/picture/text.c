#include "media/picture/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ft2build.h>
#include FT_FREETYPE_H

#define FONT_BYTES (128 << 20)
#define ELLIPSIS   0x2026

struct hz_text {
	FT_Library library;
	FT_Face face;
	void *map;
	size_t bytes;
};

struct glyph {
	FT_UInt index;
	int advance;
};

// --- opening

static int map_font(const char *path, struct hz_text *t)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int err = fstat(fd, &st) < 0                                                   ? -errno
	          : !S_ISREG(st.st_mode) || st.st_size <= 0 || st.st_size > FONT_BYTES ? -EBADMSG
	                                                                               : 0;
	if (!err) {
		t->bytes = (size_t)st.st_size;
		t->map = mmap(NULL, t->bytes, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
		if (t->map == MAP_FAILED) {
			t->map = NULL;
			err = -errno;
		}
	}
	close(fd);
	return err;
}

// Of a collection the face with the Chinese mainland's forms.
static int open_face(struct hz_text *t)
{
	FT_Face face;
	if (FT_New_Memory_Face(t->library, t->map, (FT_Long)t->bytes, 0, &face))
		return -EBADMSG;
	FT_Long faces = face->num_faces;
	t->face = face;
	for (FT_Long i = 1; i < faces && i < 32; i++) {
		if (FT_New_Memory_Face(t->library, t->map, (FT_Long)t->bytes, i, &face))
			continue;
		if (face->family_name && strcmp(face->family_name, "Noto Sans CJK SC") == 0) {
			FT_Done_Face(t->face);
			t->face = face;
			return 0;
		}
		FT_Done_Face(face);
	}
	return FT_IS_SCALABLE(t->face) ? 0 : -EBADMSG;
}

int hz_text_open(const char *path, struct hz_text **ret)
{
	static const char *const fonts[] = {"/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
	                                    "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
	                                    "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",
	                                    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"};
	struct hz_text *t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	int err = path ? map_font(path, t) : -ENOENT;
	for (unsigned i = 0; !path && err && i < sizeof(fonts) / sizeof(fonts[0]); i++)
		err = map_font(fonts[i], t);
	if (!err && FT_Init_FreeType(&t->library))
		err = -ENOMEM;
	if (!err)
		err = open_face(t);
	if (err) {
		hz_text_close(t);
		return err;
	}
	*ret = t;
	return 0;
}

void hz_text_close(struct hz_text *text)
{
	if (!text)
		return;
	if (text->face)
		FT_Done_Face(text->face);
	if (text->library)
		FT_Done_FreeType(text->library);
	if (text->map)
		munmap(text->map, text->bytes);
	free(text);
}

bool hz_text_has_chinese(struct hz_text *text)
{
	return FT_Get_Char_Index(text->face, 0x533b) != 0;
}

// --- characters

static unsigned tail(const unsigned char *c, unsigned count)
{
	for (unsigned i = 1; i <= count; i++)
		if ((c[i] & 0xc0) != 0x80)
			return 0;
	return count;
}

uint32_t hz_text_next(const char **at)
{
	while (**at) {
		const unsigned char *c = (const unsigned char *)*at;
		unsigned more = c[0] < 0x80 ? 0 : c[0] >= 0xf0 ? 3 : c[0] >= 0xe0 ? 2 : 1;
		uint32_t code = c[0];
		*at += 1;
		if (more) {
			if (c[0] < 0xc2 || c[0] > 0xf4 || tail(c, more) != more)
				continue;
			code = c[0] & (0x3fu >> more);
			for (unsigned i = 1; i <= more; i++)
				code = code << 6 | (c[i] & 0x3f);
			*at += more;
		}
		bool direction = (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
		                 (code >= 0x2060 && code <= 0x206f) || code == 0xfeff;
		if (code >= 0x20 && code != 0x7f && !(code >= 0x80 && code < 0xa0) && !direction &&
		    code <= 0x10ffff)
			return code;
	}
	return 0;
}

static unsigned glyphs_of(struct hz_text *t, const char *utf8, struct glyph *glyph, int *ret_width)
{
	unsigned n = 0;
	uint32_t code;
	*ret_width = 0;
	while (n < HZ_TEXT_GLYPHS && (code = hz_text_next(&utf8)) != 0) {
		glyph[n].index = FT_Get_Char_Index(t->face, code);
		if (FT_Load_Glyph(t->face, glyph[n].index, FT_LOAD_NO_HINTING))
			continue;
		glyph[n].advance = (int)(t->face->glyph->advance.x + 32) >> 6;
		*ret_width += glyph[n++].advance;
	}
	return n;
}

static unsigned cut(struct hz_text *t, struct glyph *glyph, unsigned n, int room, int *width)
{
	FT_UInt dots = FT_Get_Char_Index(t->face, ELLIPSIS);
	if (*width <= room || FT_Load_Glyph(t->face, dots, FT_LOAD_NO_HINTING))
		return n;
	int advance = (int)(t->face->glyph->advance.x + 32) >> 6;
	while (n > 0 && *width + advance > room)
		*width -= glyph[--n].advance;
	if (n == HZ_TEXT_GLYPHS)
		*width -= glyph[--n].advance;
	glyph[n] = (struct glyph){dots, advance};
	*width += advance;
	return n + 1;
}

static bool set_size(struct hz_text *t, int size)
{
	return size > 0 && size <= 1000 && FT_Set_Pixel_Sizes(t->face, 0, (FT_UInt)size) == 0;
}

int hz_text_width(struct hz_text *text, const char *utf8, int size)
{
	struct glyph glyph[HZ_TEXT_GLYPHS];
	int width = 0;
	if (set_size(text, size))
		glyphs_of(text, utf8, glyph, &width);
	return width;
}

static void draw_glyph(const struct hz_text *t, struct hz_canvas *canvas, int x, int base,
                       struct hz_colour colour)
{
	const FT_GlyphSlot slot = t->face->glyph;
	const FT_Bitmap *b = &slot->bitmap;
	if (b->pixel_mode != FT_PIXEL_MODE_GRAY)
		return;
	for (unsigned row = 0; row < b->rows; row++)
		for (unsigned column = 0; column < b->width; column++)
			hz_canvas_blend(canvas, x + slot->bitmap_left + (int)column,
			                base - slot->bitmap_top + (int)row,
			                b->buffer[(long)row * b->pitch + column], colour);
}

int hz_text_draw(struct hz_text *text, struct hz_canvas *canvas, const struct hz_text_line *line)
{
	struct glyph glyph[HZ_TEXT_GLYPHS];
	int width = 0, x = line->box.x;
	if (!set_size(text, line->size))
		return 0;
	unsigned n = glyphs_of(text, line->utf8, glyph, &width);
	n = cut(text, glyph, n, line->box.w, &width);
	if (line->align == HZ_TEXT_CENTRE)
		x += (line->box.w - width) / 2;
	else if (line->align == HZ_TEXT_RIGHT)
		x += line->box.w - width;
	int base = line->box.y + line->box.h / 2 + line->size * 37 / 100; // capitals are in the middle
	for (unsigned i = 0; i < n; i++) {
		if (FT_Load_Glyph(text->face, glyph[i].index, FT_LOAD_RENDER | FT_LOAD_NO_HINTING) == 0)
			draw_glyph(text, canvas, x, base, line->colour);
		x += glyph[i].advance;
	}
	return width;
}
