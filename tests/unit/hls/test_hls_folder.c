// The folder itself, and real media through it: what is written plays in ffmpeg, without a word.
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "media/hls/hls.h"

#define ZERO_US 1760000000000000ll
#define ROOM    (8u << 20)

static char root[] = "/tmp/hz-hls-XXXXXX";

static void run(const char *command)
{
	if (system(command) != 0)
		fail_msg("%s", command);
}

static size_t read_whole(const char *path, uint8_t *buf, size_t room)
{
	FILE *f = fopen(path, "rb");
	assert_non_null(f);
	size_t n = fread(buf, 1, room, f);
	fclose(f);
	return n;
}

static void names(void **state)
{
	static const char *const bad[] = {"../x", "", ".", "a/b"};
	struct hz_hls_store s;
	const char *good = "a";
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(hz_hls_folder_open(root, &bad[i], 1, &s), -EINVAL);
	assert_int_equal(hz_hls_folder_open("/tmp/hz-hls-is-not-there", &good, 1, &s), -ENOENT);
}

static void files(void **state)
{
	struct hz_hls_store s;
	const char *track = "old";
	char path[128];
	struct stat st;
	assert_int_equal(hz_hls_folder_open(root, &track, 1, &s), 0);
	assert_int_equal(s.put(s.ctx, "old/1.m4s", (const uint8_t *)"abc", 3), 0);
	assert_int_equal(s.replace(s.ctx, "old/index.m3u8", (const uint8_t *)"abc", 3), 0);
	assert_int_equal(s.replace(s.ctx, "old/index.m3u8", (const uint8_t *)"abcd", 4), 0);
	assert_int_equal(s.put(s.ctx, "none/1.m4s", (const uint8_t *)"abc", 3), -ENOENT);
	assert_int_equal(s.remove(s.ctx, "old/2.m4s"), -ENOENT);
	snprintf(path, sizeof(path), "%s/old/index.m3u8", root);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 4);
	snprintf(path, sizeof(path), "%s/old/1.m4s.new", root);
	assert_int_not_equal(stat(path, &st), 0);
	hz_hls_folder_close(&s);
	snprintf(path, sizeof(path), "touch %s/old/notes.txt", root);
	run(path);
	assert_int_equal(hz_hls_folder_open(root, &track, 1, &s),
	                 0); // what an earlier packager left goes, nothing else
	snprintf(path, sizeof(path), "%s/old/1.m4s", root);
	assert_int_not_equal(stat(path, &st), 0);
	snprintf(path, sizeof(path), "%s/old/notes.txt", root);
	assert_int_equal(stat(path, &st), 0);
	hz_hls_folder_close(&s);
}

// The next access unit: up to the delimiter behind it.
static size_t next_unit(const uint8_t *p, size_t bytes)
{
	static const uint8_t delimiter[] = {0, 0, 0, 1, 9};
	const uint8_t *next = bytes > 5 ? memmem(p + 5, bytes - 5, delimiter, sizeof(delimiter)) : NULL;
	return next ? (size_t)(next - p) : bytes;
}

struct clip {
	uint8_t *data;
	size_t bytes, at;
};

static struct clip encode(const char *name, const char *arguments)
{
	char text[512];
	struct clip c = {.data = malloc(ROOM)};
	assert_non_null(c.data);
	snprintf(text, sizeof(text), "ffmpeg -v error -y %s %s/%s", arguments, root, name);
	run(text);
	snprintf(text, sizeof(text), "%s/%s", root, name);
	c.bytes = read_whole(text, c.data, ROOM);
	return c;
}

static void send_pictures(struct hz_hls *h, struct clip *c, long n, bool slate)
{
	struct hz_hls_unit u = {.data = c->data + c->at, .pts = n * 3600, .dts = n * 3600};
	u.bytes = next_unit(u.data, c->bytes - c->at);
	u.mark_us = ZERO_US + n * 40000;
	c->at += u.bytes;
	assert_int_equal(slate ? hz_hls_slate(h, 0, &u) : hz_hls_push(h, 0, &u), 0);
}

static void send_sound(struct hz_hls *h, struct clip *c, long n)
{
	const uint8_t *p = c->data + c->at;
	struct hz_hls_unit u = {.data = p + 7, .pts = n * 1024, .mark_us = ZERO_US + n * 1024 * 125 / 6};
	size_t bytes = (size_t)(p[3] & 3) << 11 | (size_t)p[4] << 3 | p[5] >> 5; // ADTS
	u.bytes = bytes - 7;
	c->at += bytes;
	assert_int_equal(hz_hls_push(h, 1, &u), 0);
}

static void check(const char *playlist, int frames)
{
	char text[512];
	snprintf(text, sizeof(text), "ffmpeg -v error -i %s/%s -f null - > %s/said 2>&1 && ! grep . %s/said",
	         root, playlist, root, root);
	run(text);
	if (!frames)
		return;
	snprintf(text, sizeof(text),
	         "test $(ffprobe -v error -count_packets -show_entries stream=nb_read_packets -of csv=p=0 "
	         "-select_streams v %s/%s | head -1) = %d",
	         root, playlist, frames);
	run(text);
}

// Two GOPs a segment, a cut with a slate of another size, and back.
static void ffmpeg_plays_it(void **state)
{
	static const uint8_t aac[] = {0x11, 0x90};
	static const char *const tracks[] = {"540p", "floor"};
	struct hz_hls_open with = {.videos = 1, .sounds = 1, .delay_us = 1000000, .first_sequence = 1};
	struct hz_hls *h;
	struct clip video =
	    encode("v.h264", "-f lavfi -i testsrc=size=320x180:rate=25 -t 30 -c:v libx264 -preset veryfast "
	                     "-pix_fmt yuv420p -g 50 -sc_threshold 0 -bf 0 -x264-params aud=1");
	struct clip slate =
	    encode("s.h264", "-f lavfi -i color=size=160x96:rate=25 -t 2 -c:v libx264 -preset veryfast "
	                     "-pix_fmt yuv420p -g 50 -sc_threshold 0 -bf 0 -x264-params aud=1");
	struct clip sound = encode("a.aac", "-f lavfi -i sine=frequency=440 -t 31 -ar 48000 -ac 2 -c:a aac");
	assert_int_equal(hz_hls_folder_open(root, tracks, 2, &with.store), 0);
	with.video[0].name = tracks[0];
	with.sound[0] = (struct hz_hls_sound_open){
	    .name = tracks[1], .codec = HZ_HLS_AAC, .channels = 2, .config = aac, .config_bytes = 2};
	assert_int_equal(hz_hls_new(&with, &h), 0);
	for (long n = 0; n < 50; n++)
		send_pictures(h, &slate, n, true);
	long frame = 0;
	for (long n = 0; n < 750; n++) {
		while (frame * 1024 * 125 / 6 < n * 40000)
			send_sound(h, &sound, frame++);
		send_pictures(h, &video, n, false);
		assert_int_equal(hz_hls_tick(h, ZERO_US + n * 40000), 0);
		if (n == 310) // 12.4 s
			assert_int_equal(hz_hls_cut(h, ZERO_US + 12000000), 0);
		if (n == 400)
			assert_int_equal(hz_hls_resume(h, ZERO_US + 16000000), 0);
	}
	assert_int_equal(hz_hls_tick(h, ZERO_US + 31000000), 0);
	assert_int_equal(hz_hls_end(h), 0);
	hz_hls_free(h);
	hz_hls_folder_close(&with.store);
	check("540p/index.m3u8", 750); // the slate took exactly the place of what was cut
	check("floor/index.m3u8", 0);
	check("master.m3u8", 0);
	free(video.data);
	free(slate.data);
	free(sound.data);
}

static int make_root(void **state)
{
	return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
	char text[128];
	snprintf(text, sizeof(text), "rm -rf %s", root);
	return system(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(names), cmocka_unit_test(files),
	                                   cmocka_unit_test(ffmpeg_plays_it)};
	return cmocka_run_group_tests(tests, make_root, remove_root);
}
