// What is free in the arena goes back to the system, what is used stays as it is.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/base/memfd.h"
#include "media/router/arena.h"

#define COUNT 1500

static long resident_kb(int fd)
{
	struct stat st;
	assert_int_equal(fstat(fd, &st), 0);
	return (long)st.st_blocks / 2;
}

static void fill(struct hz_arena *arena, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++) {
		struct hz_cmd_peer_set peer = {.peer = HZ_ID(i, 1), .consult = i};
		struct hz_cmd_sub_set sub = {.sub = HZ_ID(i, 1), .ssrc = i};
		struct hz_cmd_track_set track = {.track = HZ_ID(i, 1), .peer = HZ_ID(i, 1)};
		hz_arena_peer_update(&arena->peer[i], &peer);
		hz_arena_peer_make(arena, peer.peer);
		hz_arena_track_update(&arena->track[i], &track);
		hz_arena_track_make(arena, track.track);
		hz_arena_sub_update(&arena->sub[i], &sub);
		hz_arena_sub_make(arena, sub.sub);
	}
}

static void clear(struct hz_arena *arena, uint32_t i)
{
	hz_arena_sub_clear(&arena->sub[i]);
	hz_arena_track_clear(&arena->track[i]);
	hz_arena_peer_clear(&arena->peer[i]);
}

static void what_is_free_goes_back(void **state)
{
	struct hz_arena_report report;
	struct hz_arena *arena;
	int fd;
	(void)state;
	assert_int_equal(hz_memfd_new("arena", sizeof(*arena), &fd), 0);
	assert_int_equal(hz_arena_map(fd, &arena), 0);
	assert_int_equal(hz_arena_open(arena, &report), 0);
	fill(arena, 0, COUNT);
	long full = resident_kb(fd);
	assert_true(full > 3000);
	hz_arena_give_back(arena); // all of it is used
	assert_int_equal(resident_kb(fd), full);
	for (uint32_t i = 0; i < COUNT; i++)
		if (i != 3 && i != 700 && i != 701)
			clear(arena, i);
	hz_arena_give_back(arena);
	assert_true(resident_kb(fd) < 100);
	assert_int_equal(arena->peers_high, 702);
	for (uint32_t i = 0; i < COUNT; i++) {
		bool used = i == 3 || i == 700 || i == 701;
		struct hz_arena_peer *p = hz_arena_peer(arena, HZ_ID(i, 1));
		assert_int_equal(p != NULL, used);
		if (used) {
			assert_int_equal(hz_arena_peer_set(p)->consult, i);
			assert_int_equal(hz_arena_sub_set(&arena->sub[i])->ssrc, i);
			assert_int_equal(hz_arena_track_set(&arena->track[i])->peer, HZ_ID(i, 1));
		}
	}
	fill(arena, 800, 900); // it can be used again
	assert_int_equal(hz_arena_peer_set(hz_arena_peer(arena, HZ_ID(850, 1)))->consult, 850);
	assert_int_equal(arena->subs_high, 900);
	for (uint32_t i = 0; i < COUNT; i++)
		if (hz_arena_peer(arena, HZ_ID(i, 1)))
			clear(arena, i);
	hz_arena_give_back(arena);
	assert_int_equal(arena->peers_high + arena->tracks_high + arena->subs_high, 0);
	assert_true(resident_kb(fd) < 60); // the pages that two arrays share
	hz_arena_unmap(arena);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_free_goes_back)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
