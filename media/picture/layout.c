#include "media/picture/layout.h"

#include <assert.h>
#include <string.h>

#define GAP 6

static int even(int v)
{
	return v & ~1;
}

// Sizes are meant for 720 lines.
static int scaled(const struct hz_layout_want *want, int v)
{
	int ret = even(v * want->height / 720);
	return ret < 2 ? 2 : ret;
}

static struct hz_layout_tile tile(const struct hz_layout_want *want, unsigned index, struct hz_rect cell,
                                  int caption)
{
	struct hz_layout_tile t = {.index = index, .picture = cell};
	if (want->captions && cell.h > 3 * caption) {
		t.picture.h = even(cell.h - caption);
		t.caption = (struct hz_rect){cell.x, cell.y + t.picture.h, cell.w, cell.h - t.picture.h};
	}
	return t;
}

static int cell_size(int room, int gap, int count)
{
	return even((room - (count - 1) * gap) / count);
}

static void add_cells(const struct hz_layout_want *want, struct hz_rect area, int columns, int caption,
                      struct hz_layout *ret)
{
	int shown = (int)ret->count, gap = scaled(want, GAP);
	int rows = (shown + columns - 1) / columns;
	int w = cell_size(area.w, gap, columns), h = cell_size(area.h, gap, rows);
	int highest =
	    even(w * 3 / 4) + (want->captions ? caption : 0); // else the name is far below a wide picture
	if (shown > 1 && h > highest)
		h = highest;
	int top = area.y + even((area.h - rows * h - (rows - 1) * gap) / 2);
	for (int i = 0; i < shown; i++) {
		int row = i / columns, in_row = row == rows - 1 ? shown - row * columns : columns;
		int left =
		    area.x + even((area.w - in_row * w - (in_row - 1) * gap) / 2); // a short row is centred
		struct hz_rect cell = {left + (i % columns) * (w + gap), top + row * (h + gap), w, h};
		ret->tile[i] = tile(want, (unsigned)i, cell, caption);
	}
}

// The number of columns with which 16:9 pictures become largest.
static int best_columns(const struct hz_layout_want *want, struct hz_rect area, int count, int caption)
{
	int best = 1, best_width = 0, gap = scaled(want, GAP);
	for (int columns = 1; columns <= count; columns++) {
		int rows = (count + columns - 1) / columns;
		int w = cell_size(area.w, gap, columns), h = cell_size(area.h, gap, rows);
		int picture = want->captions ? h - caption : h;
		int width = w < picture * 16 / 9 ? w : picture * 16 / 9;
		if (width > best_width) {
			best_width = width;
			best = columns;
		}
	}
	return best;
}

static void grid(const struct hz_layout_want *want, struct hz_rect area, struct hz_layout *ret)
{
	int caption = scaled(want, want->count <= 4 ? 28 : 22);
	ret->count = want->count < HZ_LAYOUT_TILES ? want->count : HZ_LAYOUT_TILES;
	if (ret->count)
		add_cells(want, area, best_columns(want, area, (int)ret->count, caption), caption, ret);
}

// The widest tiles that fit in so many columns beside the large one.
static int strip_width(const struct hz_layout_want *want, struct hz_rect area, int columns, int count)
{
	int gap = scaled(want, GAP), rows = (count + columns - 1) / columns;
	int h = cell_size(area.h, gap, rows) - (want->captions ? scaled(want, 22) : 0);
	int w = columns == 1 ? area.w / 5 : cell_size(area.w / 4, gap, columns);
	return even(w < h * 16 / 9 ? w : h * 16 / 9);
}

static void strip(const struct hz_layout_want *want, struct hz_rect area, struct hz_layout *ret)
{
	int others = (int)want->count - 1, gap = scaled(want, GAP), caption = scaled(want, 22), at = 1;
	int bound = want->strip && want->strip < HZ_LAYOUT_STRIP ? (int)want->strip : HZ_LAYOUT_STRIP;
	int most = others < bound ? others : bound, columns = 1, w = 0, width = 0, top = area.y;
	struct hz_rect main = area;
	if (most) {
		columns = strip_width(want, area, 2, most) > strip_width(want, area, 1, most) ? 2 : 1;
		w = strip_width(want, area, columns, most);
		width = columns * w + (columns - 1) * gap;
		main.w = even(area.w - width - gap);
	}
	int h = even(w * 9 / 16) + (want->captions ? caption : 0), rows = (most + columns - 1) / columns;
	if (want->corner && rows)
		top = area.y + area.h - even(rows * h + (rows - 1) * gap);
	ret->tile[0] = tile(want, (unsigned)want->large, main, scaled(want, 28));
	ret->tile[0].large = true;
	for (unsigned i = 0; i < want->count && at <= most; i++) {
		if ((int)i == want->large)
			continue;
		struct hz_rect cell = {area.x + area.w - width + ((at - 1) % columns) * (w + gap),
		                       top + ((at - 1) / columns) * (h + gap), w, h};
		ret->tile[at++] = tile(want, i, cell, caption);
	}
	ret->count = (unsigned)at;
}

void hz_layout_make(const struct hz_layout_want *want, struct hz_layout *ret)
{
	assert(want->width >= 320 && want->height >= 180 && want->large < (int)want->count);
	int gap = scaled(want, GAP), bar = scaled(want, 30);
	struct hz_rect area = {gap, bar + gap, even(want->width - 2 * gap),
	                       even(want->height - bar - 2 * gap)};
	memset(ret, 0, sizeof(*ret));
	ret->bar = (struct hz_rect){0, 0, want->width, bar};
	if (want->large < 0)
		grid(want, area, ret);
	else
		strip(want, area, ret);
	ret->hidden = want->count - ret->count;
}

struct hz_rect hz_layout_fit(struct hz_rect box, int width, int height)
{
	struct hz_rect r = box;
	if (width <= 0 || height <= 0)
		return r;
	if ((long long)box.w * height > (long long)box.h * width) {
		r.w = even((int)((long long)box.h * width / height));
		r.w = r.w < 2 ? 2 : r.w;
	} else {
		r.h = even((int)((long long)box.w * height / width));
		r.h = r.h < 2 ? 2 : r.h;
	}
	r.x = box.x + even((box.w - r.w) / 2);
	r.y = box.y + even((box.h - r.h) / 2);
	return r;
}
