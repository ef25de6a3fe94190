// Everything that the packager takes: units, slates, ticks, cuts, in any order and with any times. What must hold whatever comes:
// nothing that was cut is in the store, a name is written once, what a playlist names is there.
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "media/hls/hls.h"
#include "media/hls/wire.h"

#define FILES 8192

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct file {
	char name[48];
	bool there;
};
struct store {
	struct file file[FILES];
	unsigned count;
	unsigned puts;
	unsigned fail_every; // 0: never
};

static struct file *find(struct store *s, const char *name)
{
	for (unsigned i = s->count; i-- > 0;)
		if (strcmp(s->file[i].name, name) == 0)
			return &s->file[i];
	return NULL;
}

static int put(void *ctx, const char *name, const uint8_t *data, size_t bytes)
{
	struct store *s = ctx;
	if (s->fail_every && ++s->puts % s->fail_every == 0)
		return -28; // ENOSPC
	struct file *f = find(s, name);
	if (f && f->there)
		abort();
	if (!f && s->count < FILES) {
		f = &s->file[s->count++];
		snprintf(f->name, sizeof(f->name), "%s", name);
	}
	if (f)
		f->there = true;
	return f ? 0 : -28;
}

// Each segment and part that is not a gap is there.
static int replace(void *ctx, const char *name, const uint8_t *data, size_t bytes)
{
	struct store *s = ctx;
	const char *text = (const char *)data, *end = text + bytes;
	bool gap = false;
	if (strcmp(name, "master.m3u8") == 0)
		return 0;
	int folder = (int)(strchr(name, '/') - name);
	while (text < end) {
		const char *line_end = memchr(text, '\n', (size_t)(end - text));
		char line[256], path[64];
		if (!line_end || (size_t)(line_end - text) >= sizeof(line))
			abort();
		snprintf(line, sizeof(line), "%.*s", (int)(line_end - text), text);
		text = line_end + 1;
		gap |= strcmp(line, "#EXT-X-GAP") == 0;
		if (line[0] == '#')
			continue;
		snprintf(path, sizeof(path), "%.*s/%.40s", folder, name, line);
		const struct file *f = find(s, path);
		if (!gap && !(f && f->there))
			abort();
		gap = false;
	}
	return 0;
}

static int remove_file(void *ctx, const char *name)
{
	struct file *f = find(ctx, name);
	if (!f || !f->there)
		return -2; // ENOENT
	f->there = false;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t aac[] = {0x11, 0x90};
	static struct store s;
	if (size < 1)
		return 0;
	s.count = s.puts = 0;
	s.fail_every = data[0] >> 4;
	struct hz_hls_open with = {
	    .store = {.ctx = &s, .put = put, .replace = replace, .remove = remove_file},
	    .videos = 2,
	    .sounds = 2,
	    .video = {{.name = "a"}, {.name = "b", .framing = data[0] & 1 ? HZ_HLS_AVCC : HZ_HLS_ANNEXB}},
	    .sound = {{.name = "c", .codec = HZ_HLS_AAC, .channels = 2, .config = aac, .config_bytes = 2},
	              {.name = "d", .codec = HZ_HLS_OPUS, .channels = 1}},
	    .delay_us = 500000,
	    .window_us = 12000000,
	    .hold_bytes = 1 << 20,
	    .blocking_reload = data[0] & 2,
	};
	struct hz_hls *h;
	if (hz_hls_new(&with, &h) != 0)
		abort();
	data++;
	size--;
	for (unsigned n = 0; n < 600 && size >= HZ_HLS_WIRE_BYTES; n++) {
		struct hz_hls_wire w;
		uint8_t head[HZ_HLS_WIRE_BYTES];
		memcpy(head, data, sizeof(head));
		data += sizeof(head);
		size -= sizeof(head);
		if (hz_hls_wire_parse(head, &w) != 0)
			continue;
		w.bytes = w.bytes < size ? w.bytes : (uint32_t)size;
		uint8_t *exact = malloc(w.bytes ? w.bytes : 1);
		if (!exact)
			break;
		memcpy(exact, data, w.bytes);
		(void)hz_hls_wire_do(h, &w, exact);
		free(exact);
		data += w.bytes;
		size -= w.bytes;
	}
	struct hz_hls_stats st;
	hz_hls_stats(h, &st);
	if (st.held_bytes > with.hold_bytes)
		abort();
	hz_hls_free(h);
	return 0;
}
