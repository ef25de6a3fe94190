// Senders that change their SPS with every keyframe: there is an end to the files of a record, and everybody has some.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/rtp/cmocka_all.h"

#include "recorder/finalize/write.h"
#include "recorder/record/manifest_read.h"

#define GOPS 990

static void a_track(struct hz_tracks *tracks, uint32_t number, size_t gops)
{
	struct hz_track *t = calloc(1, sizeof(*t));
	struct hz_stream *s = calloc(1, sizeof(*s));
	struct hz_clock *clocks[1];
	snprintf(t->key, sizeof(t->key), "p%u.screen.1", number);
	snprintf(t->source, sizeof(t->source), "screen");
	t->all = tracks;
	t->number = number;
	t->stream[t->streams++] = s;
	s->track = t;
	assert_int_equal(hz_clock_new(90000, &s->clock), 0);
	s->gop = calloc(gops, sizeof(*s->gop));
	for (size_t i = 0; i < gops; i++) {
		struct hz_config *c = calloc(1, sizeof(*c));
		*c = (struct hz_config){.next = s->configs, .codec = HZ_CODEC_VP8, .identity = i + 1};
		s->configs = c;
		s->gop[s->gops++] = (struct hz_gop){.seq = (int64_t)i * 2,
		                                    .last_seq = (int64_t)i * 2 + 1,
		                                    .ts = (int64_t)i * 90000,
		                                    .last_ts = (int64_t)i * 90000 + 3000,
		                                    .frames = 2,
		                                    .config = c};
		hz_clock_packet(s->clock, (int64_t)i * 2, (int64_t)i * 90000, (int64_t)i * 1000000);
	}
	clocks[0] = s->clock;
	assert_int_equal(hz_clock_solve(clocks, 1), 0);
	tracks->list[number] = t;
}

static void many_parts(void **state)
{
	struct hz_tracks *tracks;
	struct hz_write *w;
	struct hz_out_info o;
	assert_int_equal(hz_tracks_new(&tracks), 0);
	for (uint32_t i = 1; i <= 20; i++)
		a_track(tracks, i, i == 20 ? 30 : GOPS);
	assert_int_equal(hz_write_new(tracks, "/nonexistent", &w), 0);
	assert_in_range(hz_write_count(w), HZ_WRITE_FILES - 20, HZ_WRITE_FILES);
	assert_true(HZ_WRITE_FILES + 100 <= HZ_MANIFEST_FILES); // composed, pictures
	assert_int_equal(hz_write_refused(w), 19 * GOPS + 30 - hz_write_count(w));
	unsigned of_last = 0;
	for (size_t i = 0; i < hz_write_count(w); i++) {
		(void)hz_write_info(w, i, &o);
		of_last += o.track->number == 20;
	}
	assert_int_equal(of_last, 30); // who was modest loses nothing
	hz_write_free(w);
	hz_tracks_free(tracks);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(many_parts)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
