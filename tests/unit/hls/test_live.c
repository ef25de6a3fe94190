// Live broadcasts on a clock of their own: the slate first, the programme behind its delay, a cut that holds over everything.
#include "media/hls/live.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/hls/fake_camera.h"

#define CONSULT  9u
#define EPOCH_US 1760000000000000ll
#define DELAY_US 2000000

static char root[32];
static int folder;
static struct hz_live *live;
static struct fake_camera camera;
static int64_t now_us;
static unsigned asked;
static bool deaf; // the camera does not hear when a keyframe is wanted
static struct hz_hls_broadcast_set wish;

static void on_rtcp(void *ctx, unsigned worker, uint32_t consult, const uint8_t *data, size_t bytes)
{
	assert_int_equal(worker, 1);
	assert_int_equal(consult, CONSULT);
	assert_true(bytes >= 20);
	asked++;
	if (!deaf)
		camera.n = 0;
}

static void begin(void)
{
	const struct hz_live_ops ops = {.rtcp = on_rtcp};
	const struct hz_hls_begin m = {.h = {HZ_HLS_API_VERSION, HZ_HLS_RECONCILE_BEGIN, sizeof(m), 1, 0},
	                               .disk_bytes = 1u << 30};
	assert_int_equal(hz_live_new(&ops, 2, folder, EPOCH_US, &live), 0);
	assert_int_equal(hz_live_command(live, &m, sizeof(m), now_us), 0);
}

static void reconciled(void)
{
	const struct hz_cmd_reconcile m = {.h = {HZ_HLS_API_VERSION, HZ_HLS_RECONCILE_END, sizeof(m), 2, 0}};
	assert_int_equal(hz_live_command(live, &m, sizeof(m), now_us), 0);
}

static int set(void)
{
	wish.h = (struct hz_msg_header){HZ_HLS_API_VERSION, HZ_HLS_BROADCAST_SET, sizeof(wish), 3, 0};
	return hz_live_command(live, &wish, sizeof(wish), now_us);
}

static int setup(void **state)
{
	snprintf(root, sizeof(root), "/tmp/hz-live-XXXXXX");
	assert_non_null(mkdtemp(root));
	folder = open(root, O_RDONLY | O_DIRECTORY);
	now_us = 100000000;
	asked = 0;
	deaf = false;
	camera = (struct fake_camera){.ssrc = 77, .seq = 5, .ts = 12345, .n = 3, .lazy = true};
	wish = (struct hz_hls_broadcast_set){.consult = CONSULT,
	                                     .delay_ms = DELAY_US / 1000,
	                                     .window_s = 60,
	                                     .id = "event-1",
	                                     .video = {77, 1, 0}};
	begin();
	return 0;
}

static int teardown(void **state)
{
	char command[64];
	hz_live_free(live);
	close(folder);
	snprintf(command, sizeof(command), "rm -r %s", root);
	return system(command);
}

static void run(double seconds)
{
	struct fake_packets p;
	for (int i = 0; i < (int)(seconds * 25); i++) {
		camera_picture(&camera, now_us, &p);
		for (unsigned k = 0; k < p.count; k++) {
			const struct hz_live_rtp packet = {1, CONSULT, p.data[k], p.bytes[k], now_us};
			hz_live_rtp(live, &packet);
		}
		hz_live_tick(live, now_us);
		now_us += 20000;
		hz_live_tick(live, now_us);
		now_us += 20000;
	}
}

static size_t text_of(const char *name, char *buf, size_t room)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/event-1/%s", root, name);
	FILE *f = fopen(path, "rb");
	size_t n = f ? fread(buf, 1, room - 1, f) : 0;
	if (f)
		fclose(f);
	buf[n] = 0;
	return n;
}

static unsigned count_of(const char *text, const char *word)
{
	unsigned n = 0;
	while ((text = strstr(text, word))) {
		text += strlen(word);
		n++;
	}
	return n;
}

static unsigned marks(int64_t from_us, int64_t until_us)
{
	int64_t newest;
	return folder_marks(root, from_us, until_us, &newest);
}

static int64_t newest(void)
{
	int64_t us;
	(void)folder_marks(root, 0, 0, &us);
	return us;
}

static void slate_then_programme(void **state)
{
	char text[32768];
	int64_t start_us = now_us;
	assert_int_equal(set(), 0);
	reconciled();
	run(1);
	assert_true(text_of("video/index.m3u8", text, sizeof(text)) > 0); // something is to be seen at once
	assert_non_null(strstr(text, "#EXT-X-PART:"));
	assert_int_equal(marks(0, INT64_MAX), 0);
	run(9);
	assert_true(text_of("master.m3u8", text, sizeof(text)) > 0);
	assert_non_null(strstr(text, "avc1."));
	assert_non_null(strstr(text, "opus"));
	assert_true(newest() >= now_us - DELAY_US - 900000); // it goes on behind its delay
	assert_true(newest() < now_us - DELAY_US);
	assert_true(marks(start_us, now_us) > 100);
	text_of("video/index.m3u8", text, sizeof(text));
	assert_int_equal(count_of(text, "#EXT-X-DISCONTINUITY\n"), 1); // where the slate ends
	assert_int_equal(count_of(text, "GAP"), 0);
	text_of("sound/index.m3u8", text, sizeof(text));
	assert_int_equal(count_of(text, "GAP"), 0);
	assert_true(asked >= 3); // a keyframe each three seconds
}

static void cut_and_resume(void **state)
{
	char text[32768];
	assert_int_equal(set(), 0);
	reconciled();
	run(8);
	int64_t mark_us = now_us - 30000; // the hand was a little earlier
	wish.cut_us = mark_us;
	assert_int_equal(set(), 0);
	int64_t before = newest();
	run(6);
	assert_true(newest() > before); // what was before the mark still comes
	assert_true(newest() < mark_us);
	assert_int_equal(marks(mark_us, INT64_MAX), 0);
	int64_t back_us = now_us;
	wish.cut_us = 0;
	wish.from_us = back_us;
	assert_int_equal(set(), 0);
	run(6);
	assert_int_equal(marks(mark_us, back_us), 0); // never
	assert_true(marks(back_us, INT64_MAX) > 50);
	text_of("video/index.m3u8", text, sizeof(text));
	assert_int_equal(count_of(text, "#EXT-X-DISCONTINUITY\n"), 3);
}

// A process that comes anew in the middle of a cut knows of it before it takes anything.
static void killed_while_cut(void **state)
{
	assert_int_equal(set(), 0);
	reconciled();
	run(6);
	int64_t mark_us = now_us;
	wish.cut_us = mark_us;
	hz_live_free(live); // before it heard of the cut: what it held is gone with it
	assert_int_equal(marks(mark_us, INT64_MAX), 0);
	begin();
	run(1); // nobody knows this consult yet
	assert_int_equal(set(), 0);
	reconciled();
	run(8);
	assert_int_equal(marks(0, INT64_MAX), 0);
	int64_t back_us = now_us;
	wish.cut_us = 0;
	wish.from_us = back_us;
	assert_int_equal(set(), 0);
	run(5);
	assert_int_equal(marks(0, back_us), 0);
	assert_true(marks(back_us, INT64_MAX) > 50);
}

// Killed and begun anew without a cut: within two seconds there is something again.
static void killed(void **state)
{
	char text[32768];
	assert_int_equal(set(), 0);
	reconciled();
	run(8);
	hz_live_free(live);
	now_us += 1100000;
	begin();
	assert_int_equal(set(), 0);
	reconciled();
	run(1);
	assert_true(text_of("video/index.m3u8", text, sizeof(text)) > 0);
	assert_non_null(strstr(text, "#EXT-X-PART:"));
	run(5);
	assert_true(marks(now_us - DELAY_US - 2000000, INT64_MAX) > 10);
}

// A source that goes shows the slate when the delay has reached that moment; another one is a discontinuity.
static void sources_change(void **state)
{
	char text[32768];
	assert_int_equal(set(), 0);
	reconciled();
	run(6);
	camera = (struct fake_camera){.ssrc = 78, .seq = 900, .ts = 99999999, .n = 7, .lazy = true};
	wish.video.ssrc = 78;
	assert_int_equal(set(), 0);
	int64_t change_us = now_us;
	run(6);
	assert_true(marks(change_us, INT64_MAX) > 50);
	text_of("video/index.m3u8", text, sizeof(text));
	assert_int_equal(count_of(text, "#EXT-X-DISCONTINUITY\n"), 2);
	int64_t gone_us = now_us;
	wish.video.ssrc = 0;
	assert_int_equal(set(), 0);
	run(4);
	assert_int_equal(marks(gone_us, INT64_MAX), 0);
	assert_true(newest() > gone_us - 200000);
	text_of("video/index.m3u8", text, sizeof(text));
	assert_int_equal(count_of(text, "#EXT-X-DISCONTINUITY\n"), 3);
}

// Other masks: what waits was painted otherwise, and comes out no more. In one word with the other source, before it, and while cut.
static void masks_change(void **state)
{
	assert_int_equal(set(), 0);
	reconciled();
	run(8);
	camera = (struct fake_camera){.ssrc = 78, .seq = 900, .ts = 99999999, .n = 7, .lazy = true};
	wish.clean = 5;
	wish.video.ssrc = 78;
	int64_t before_us = newest(), change_us = now_us;
	assert_int_equal(set(), 0);
	int64_t last_us = newest();
	assert_true(last_us <= before_us && last_us > 0);
	run(1);
	assert_int_equal(newest(), last_us);
	run(6);
	assert_int_equal(marks(last_us + 1, change_us), 0);
	assert_true(marks(change_us, INT64_MAX) > 50);
	assert_int_equal(set(), 0); // the same again: nothing
	before_us = newest();
	run(1);
	assert_true(newest() > before_us);
	wish.clean = 6;
	wish.video.ssrc = 0;
	assert_int_equal(set(), 0);
	last_us = newest();
	change_us = now_us;
	run(0.2);
	camera = (struct fake_camera){.ssrc = 79, .seq = 1, .ts = 5, .n = 7, .lazy = true};
	wish.video.ssrc = 79;
	assert_int_equal(set(), 0);
	run(6);
	assert_int_equal(marks(last_us + 1, change_us), 0);
	assert_true(marks(change_us, INT64_MAX) > 50);
	wish.cut_us = now_us;
	assert_int_equal(set(), 0);
	wish.clean = 7;
	assert_int_equal(set(), 0);
	last_us = newest();
	run(4);
	assert_int_equal(newest(), last_us);
	wish.cut_us = 0;
	change_us = wish.from_us = now_us;
	assert_int_equal(set(), 0);
	run(5);
	assert_int_equal(marks(last_us + 1, change_us), 0);
	assert_true(marks(change_us, INT64_MAX) > 30);
}

// The folder of the pictures takes nothing and gives nothing back.
static void disk_is_sick(bool sick)
{
	if (sick) {
		assert_int_equal(renameat(folder, "event-1/video", folder, "away"), 0);
		assert_int_equal(close(openat(folder, "event-1/video", O_CREAT | O_WRONLY, 0644)), 0);
		return;
	}
	assert_int_equal(unlinkat(folder, "event-1/video", 0), 0);
	assert_int_equal(renameat(folder, "away", folder, "event-1/video"), 0);
}

// A cut that came late and was taken back before the disk let it be made: it is made, then the programme goes on.
static void resumed_on_a_sick_disk(void **state)
{
	assert_int_equal(set(), 0);
	reconciled();
	run(14);
	int64_t mark_us = now_us - DELAY_US - 1500000;
	assert_true(marks(mark_us, INT64_MAX) > 0);
	disk_is_sick(true);
	wish.cut_us = mark_us;
	assert_int_equal(set(), -EAGAIN);
	run(0.2);
	int64_t back_us = now_us;
	wish.cut_us = 0;
	wish.from_us = back_us;
	assert_int_equal(set(), 0);
	run(0.2);
	disk_is_sick(false);
	run(8);
	assert_int_equal(marks(mark_us, back_us), 0);
	assert_true(marks(back_us, INT64_MAX) > 50);
	assert_true(marks(0, mark_us - 5000000) > 10); // what was seen before stays
}

// The event ends before the disk let the cut be made: all its files go.
static void ended_on_a_sick_disk(void **state)
{
	struct hz_hls_broadcast_del del = {.h = {HZ_HLS_API_VERSION, HZ_HLS_BROADCAST_DEL, sizeof(del), 4, 0},
	                                   .consult = CONSULT};
	struct stat about;
	assert_int_equal(set(), 0);
	reconciled();
	run(8);
	disk_is_sick(true);
	wish.cut_us = now_us - DELAY_US - 1500000;
	assert_int_equal(set(), -EAGAIN);
	assert_int_equal(hz_live_command(live, &del, sizeof(del), now_us), 0);
	disk_is_sick(false);
	hz_live_tick(live, now_us);
	assert_int_equal(fstatat(folder, "event-1", &about, 0), -1);
}

static void end_and_after(void **state)
{
	char text[32768];
	struct hz_hls_broadcast_del del = {.h = {HZ_HLS_API_VERSION, HZ_HLS_BROADCAST_DEL, sizeof(del), 4, 0},
	                                   .consult = CONSULT};
	struct stat about;
	assert_int_equal(set(), 0);
	reconciled();
	run(8);
	assert_int_equal(hz_live_command(live, &del, sizeof(del), now_us), 0);
	assert_int_equal(hz_live_command(live, &del, sizeof(del), now_us), -ENOENT);
	text_of("video/index.m3u8", text, sizeof(text));
	assert_non_null(strstr(text, "#EXT-X-ENDLIST"));
	assert_true(marks(0, INT64_MAX) > 0);
	now_us += 59000000;
	hz_live_tick(live, now_us);
	snprintf(text, sizeof(text), "%s/event-1", root);
	assert_int_equal(stat(text, &about), 0);
	now_us += 2000000;
	hz_live_tick(live, now_us);
	assert_int_equal(stat(text, &about), -1);
}

// Of folders that nobody asks for any more, and of a disk that is small.
static void folders_are_bounded(void **state)
{
	char text[128];
	struct stat about;
	struct hz_hls_status status = {.broadcasts = 0};
	assert_int_equal(mkdirat(folder, "old-event-of-before", 0755), 0);
	assert_int_equal(mkdirat(folder, "old-event-of-before/video", 0755), 0);
	assert_int_equal(close(openat(folder, "old-event-of-before/video/1.m4s", O_CREAT | O_WRONLY, 0644)),
	                 0);
	assert_int_equal(mkdirat(folder, "assets", 0755), 0); // somebody else's
	assert_int_equal(mkdirat(folder, "assets/video", 0755), 0);
	assert_int_equal(close(openat(folder, "assets/video/1.mp4", O_CREAT | O_WRONLY, 0644)), 0);
	const struct hz_hls_begin m = {.h = {HZ_HLS_API_VERSION, HZ_HLS_RECONCILE_BEGIN, sizeof(m), 1, 0},
	                               .disk_bytes = 300000};
	assert_int_equal(hz_live_command(live, &m, sizeof(m), now_us), 0);
	assert_int_equal(set(), 0);
	reconciled();
	snprintf(text, sizeof(text), "%s/old-event-of-before", root);
	assert_int_equal(stat(text, &about), -1);
	snprintf(text, sizeof(text), "%s/assets/video/1.mp4", root);
	assert_int_equal(stat(text, &about), 0);
	for (int i = 0; i < 90; i++) {
		run(1);
		hz_live_status(live, &status);
		assert_true(status.disk_bytes <= 300000);
	}
	assert_true(marks(now_us - DELAY_US - 3000000, INT64_MAX) > 10); // it goes on
}

static void refused(void **state)
{
	struct hz_hls_broadcast_set good = wish;
	wish.id[0] = '.';
	assert_int_equal(set(), -EINVAL);
	wish = good;
	memset(wish.id, 'a', sizeof(wish.id));
	assert_int_equal(set(), -EINVAL);
	wish = good;
	wish.video.worker = 2; // there are two: 0 and 1
	assert_int_equal(set(), -EINVAL);
	wish = good;
	wish.voice[3] = (struct hz_hls_source){5, 9, 0};
	assert_int_equal(set(), -EINVAL);
	wish = good;
	wish.consult = 0;
	assert_int_equal(set(), -EINVAL);
	wish = good;
	assert_int_equal(hz_live_command(live, &wish, 5, now_us), -EINVAL);
	for (unsigned i = 0; i < HZ_HLS_BROADCASTS; i++) {
		wish.consult = 100 + i;
		snprintf(wish.id, sizeof(wish.id), "e%u", i);
		assert_int_equal(set(), 0);
	}
	wish.consult = 500;
	snprintf(wish.id, sizeof(wish.id), "more");
	assert_int_equal(set(), -ENOSPC);
	deaf = true;
	srand(3);
	for (int i = 0; i < 3000; i++) { // of nobody, and nothing
		uint8_t data[200];
		for (unsigned k = 0; k < sizeof(data); k++)
			data[k] = (uint8_t)rand();
		const struct hz_live_rtp packet = {rand() % 2, 100 + (unsigned)rand() % 9, data, 200, now_us};
		hz_live_rtp(live, &packet);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(slate_then_programme, setup, teardown),
	    cmocka_unit_test_setup_teardown(cut_and_resume, setup, teardown),
	    cmocka_unit_test_setup_teardown(killed_while_cut, setup, teardown),
	    cmocka_unit_test_setup_teardown(killed, setup, teardown),
	    cmocka_unit_test_setup_teardown(sources_change, setup, teardown),
	    cmocka_unit_test_setup_teardown(masks_change, setup, teardown),
	    cmocka_unit_test_setup_teardown(resumed_on_a_sick_disk, setup, teardown),
	    cmocka_unit_test_setup_teardown(ended_on_a_sick_disk, setup, teardown),
	    cmocka_unit_test_setup_teardown(end_and_after, setup, teardown),
	    cmocka_unit_test_setup_teardown(folders_are_bounded, setup, teardown),
	    cmocka_unit_test_setup_teardown(refused, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
