// Every version of every playlist of twenty minutes with all that can happen to a programme: what must hold of each, and of each against
// the one before. The rules of the draft one by one are checked by tests/lib/hls.ts; with HZ_HLS_VERSIONS=FILE all versions are
// written there for it.
#include "tests/unit/hls/fake_programme.h"

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define S      1000000ll
#define TRACKS 3

struct last { // of a track
	char name[64];
	uint64_t first, next, breaks; // sequences
};
struct watch {
	struct fake_store *store;
	struct last last[TRACKS];
	unsigned long versions;
	bool cut;
	FILE *out;
};

static struct last *last_of(struct watch *w, const char *name)
{
	unsigned i = 0;
	while (i < TRACKS - 1 && w->last[i].name[0] && strcmp(w->last[i].name, name) != 0)
		i++;
	snprintf(w->last[i].name, sizeof(w->last[i].name), "%s", name);
	return &w->last[i];
}

static uint64_t number_of(const char *text, const char *tag)
{
	const char *at = strstr(text, tag);
	assert_non_null(at);
	return strtoull(at + strlen(tag), NULL, 10);
}

// Counts the segments; each that is not a gap is in the store.
static uint64_t count_segments(const struct watch *w, const char *name, const char *text, uint64_t first)
{
	char line[256], path[128];
	uint64_t n = 0;
	bool gap = false;
	int folder = (int)strcspn(name, "/");
	for (const char *at = text; *at; at += strcspn(at, "\n") + 1) {
		snprintf(line, sizeof(line), "%.*s", (int)strcspn(at, "\n"), at);
		gap |= strcmp(line, "#EXT-X-GAP") == 0;
		if (line[0] == '#')
			continue;
		assert_int_equal(strtoull(line, NULL, 10), first + n);
		snprintf(path, sizeof(path), "%.*s/%.100s", folder, name, line);
		if (!gap && n % 16 == 0) // all would take long
			assert_non_null(fake_file(w->store, path));
		gap = false;
		n++;
	}
	return n;
}

static void on_playlist(void *arg, const char *name, const char *text)
{
	struct watch *w = arg;
	if (w->out)
		fprintf(w->out, "%s %d %zu\n%s", name, w->cut, strlen(text), text);
	if (strcmp(name, "master.m3u8") == 0)
		return;
	struct last *l = last_of(w, name);
	uint64_t first = number_of(text, "#EXT-X-MEDIA-SEQUENCE:");
	uint64_t breaks = number_of(text, "#EXT-X-DISCONTINUITY-SEQUENCE:");
	uint64_t next = first + count_segments(w, name, text, first);
	assert_true(first >= l->first && next >= l->next && breaks >= l->breaks);
	assert_int_equal(number_of(text, "#EXT-X-TARGETDURATION:"), 4);
	l->first = first;
	l->next = next;
	l->breaks = breaks;
	w->versions++;
}

static void cut(struct fake_programme *p, struct watch *w, int64_t mark_us, int64_t back_us)
{
	w->cut = true;
	assert_int_equal(hz_hls_cut(p->h, FAKE_ZERO_US + mark_us), 0);
	w->cut = false;
	assert_true(fake_newest_number(w->store) < mark_us / 40000);
	fake_run(p, back_us);
	assert_int_equal(fake_holds(w->store, mark_us / 40000, back_us / 40000), 0);
	assert_int_equal(hz_hls_resume(p->h, FAKE_ZERO_US + back_us), 0);
}

static void all_that_can_happen(void **state)
{
	struct fake_store s = {0};
	struct watch w = {.store = &s};
	struct fake_programme p = {.videos = 2, .sounds = 1};
	const char *file = getenv("HZ_HLS_VERSIONS");
	w.out = file ? fopen(file, "w") : NULL;
	s.on_playlist = on_playlist;
	s.arg = &w;
	fake_open(&p, &s,
	          &(struct hz_hls_open){.delay_us = 10 * S, .window_us = 100 * S, .first_sequence = 7});
	fake_slate(&p);
	fake_run(&p, 120 * S);
	cut(&p, &w, 117 * S, 150 * S);
	fake_run(&p, 200 * S);
	p.pts_shift = 7000 * 90000;
	fake_run(&p, 300 * S);
	p.width = 352;
	fake_run(&p, 400 * S);
	cut(&p, &w, 375 * S, 430 * S); // 15 s of it are out
	fake_run(&p, 500 * S);
	p.silent = true;
	fake_run(&p, 530 * S);
	p.silent = false;
	p.blind = true;
	fake_run(&p, 570 * S);
	p.blind = false;
	fake_run(&p, 650 * S);
	p.silent = p.blind = true;
	fake_run(&p, 710 * S);
	p.silent = p.blind = false;
	p.gop = 37; // not a whole number of seconds
	fake_run(&p, 900 * S);
	p.gop = 1000;
	fake_run(&p, 1000 * S);
	p.gop = 50;
	cut(&p, &w, 999 * S, 1001 * S);
	fake_run(&p, 1200 * S);
	assert_int_equal(hz_hls_end(p.h), 0);
	assert_non_null(strstr(fake_text(&s, "540p/index.m3u8"), "#EXT-X-ENDLIST"));
	struct hz_hls_stats st;
	hz_hls_stats(p.h, &st);
	print_message("%lu versions, %" PRIu64 " segments, %" PRIu64 " parts, %" PRIu64 " gaps, %" PRIu64
	              " discontinuities, %" PRIu64 " units cut\n",
	              w.versions, st.segments, st.parts, st.gaps, st.discontinuities, st.cut_units);
	assert_true(w.versions > 9000);
	assert_false(s.wrong);
	if (w.out)
		fclose(w.out);
	hz_hls_free(p.h);
	fake_store_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(all_that_can_happen)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
