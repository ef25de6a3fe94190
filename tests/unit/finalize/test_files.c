// From packets to files that play: every codec, over links that lose, drift, drop and mute.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "tests/unit/rtp/cmocka_all.h"

#include "tests/unit/finalize/fake_media.h"

struct rig {
	char folder[64];
	json_t *manifest;
};

static void finalize(struct rig *rig, struct fake_list *list)
{
	char path[128];
	fake_sort(list);
	snprintf(rig->folder, sizeof(rig->folder), "/dev/shm/hz-files-XXXXXX");
	assert_non_null(mkdtemp(rig->folder));
	struct hz_finalize_source source = {.items = fake_items(list), .record = "r"};
	assert_int_equal(hz_finalize_items(&source, rig->folder), 0);
	snprintf(path, sizeof(path), "%s/manifest.json", rig->folder);
	rig->manifest = json_load_file(path, 0, NULL);
	assert_non_null(rig->manifest);
}

static void done(struct rig *rig)
{
	char command[128];
	json_decref(rig->manifest);
	if (getenv("KEEP"))
		return;
	snprintf(command, sizeof(command), "rm -rf %s", rig->folder);
	assert_int_equal(system(command), 0);
}

static const json_t *file_of(const struct rig *rig, const char *path)
{
	const json_t *f;
	size_t i;
	json_array_foreach(json_object_get(rig->manifest, "files"), i,
	                   f) if (strcmp(json_string_value(json_object_get(f, "path")), path) == 0) return f;
	return NULL;
}

static int64_t number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

// Every file plays without a word.
static void all_play(const struct rig *rig)
{
	const json_t *f;
	size_t i;
	char path[256];
	json_array_foreach(json_object_get(rig->manifest, "files"), i, f)
	{
		snprintf(path, sizeof(path), "%s/%s", rig->folder,
		         json_string_value(json_object_get(f, "path")));
		assert_true(fake_plays(path));
	}
}

static void in_sync(const struct rig *rig, const char *name, unsigned least_pairs, struct fake_seen *seen)
{
	char path[256];
	double early, late;
	snprintf(path, sizeof(path), "%s/%s", rig->folder, name);
	fake_watch(path, seen);
	unsigned pairs = fake_skew(seen, &early, &late);
	print_message(
	    "%s: %u pictures, %u of %u flashes with beeps, sound up to %.1f ms early, %.1f ms late\n", name,
	    seen->pictures, pairs, seen->flashes, early, late);
	assert_true(pairs >= least_pairs);
	assert_true(early <= 40 && late <= 60);
}

struct names {
	const char *codec;
	uint8_t pt;
	const char *file;
};

static void a_codec(const struct names *n, const char *audio, uint8_t audio_pt)
{
	struct fake_list list = {0};
	struct rig rig;
	struct fake_clip video = fake_video(n->codec, 320, 180, 30, 20, 2), sound = fake_audio(200, 20);
	fake_describe(&list, 1, "p1", "camera", 0);
	fake_describe(&list, 2, "p1", "microphone", 0);
	struct fake_publisher v = {.track = 1,
	                           .ssrc = 11,
	                           .codec = n->codec,
	                           .pt = n->pt,
	                           .fps = 30,
	                           .ppm = -200,
	                           .ntp_offset_s = 77,
	                           .loss = 0.002,
	                           .repaired = 0.02,
	                           .twice = 0.02,
	                           .first_seq = 65000,
	                           .first_ts = 0xfffff000u,
	                           .seed = 7};
	struct fake_publisher a = {.track = 2,
	                           .ssrc = 12,
	                           .codec = audio,
	                           .pt = audio_pt,
	                           .fps = 50,
	                           .ppm = 200,
	                           .ntp_offset_s = 77,
	                           .loss = 0.01,
	                           .repaired = 0.02,
	                           .first_seq = 3,
	                           .seed = 9};
	fake_publish(&list, &v, &video);
	fake_publish(&list, &a, &sound);
	finalize(&rig, &list);
	all_play(&rig);
	struct fake_seen seen;
	in_sync(&rig, n->file, 12, &seen);
	const json_t *f = file_of(&rig, n->file);
	assert_non_null(f);
	assert_int_equal(number(f, "frames"), seen.pictures);
	assert_int_equal(number(f, "width"), 320);
	assert_int_equal(number(f, "height"), 180);
	assert_in_range(number(f, "at_ms"), 0, 60);
	assert_in_range(number(f, "rate_num"), 20000, 30500);
	assert_non_null(file_of(&rig, "tracks/p1.microphone.1.webm"));
	done(&rig);
	fake_list_free(&list);
	fake_clip_free(&video);
	fake_clip_free(&sound);
}

static void h264(void **state)
{
	a_codec(&(struct names){"h264", 102, "tracks/p1.camera.1.mp4"}, "opus", 111);
}

static void vp8(void **state)
{
	a_codec(&(struct names){"vp8", 96, "tracks/p1.camera.1.webm"}, "red", 63);
}

static void vp9(void **state)
{
	a_codec(&(struct names){"vp9", 98, "tracks/p1.camera.1.webm"}, "opus", 111);
}

static void av1(void **state)
{
	a_codec(&(struct names){"av1", 45, "tracks/p1.camera.1.webm"}, "red", 63);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(h264),
	    cmocka_unit_test(vp8),
	    cmocka_unit_test(vp9),
	    cmocka_unit_test(av1),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
