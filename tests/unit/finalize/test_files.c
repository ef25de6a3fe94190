// From packets to files that play: every codec, over links that lose, drift, drop and mute.
#include <arpa/inet.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <jansson.h>

#include "tests/unit/rtp/cmocka_all.h"

#include "tests/unit/finalize/fake_media.h"

struct rig {
	char folder[128];
	json_t *manifest;
};

static void finalize(struct rig *rig, struct fake_list *list)
{
	char path[256];
	fake_sort(list);
	const char *keep = getenv("HZ_KEEP"); // a folder, for other tests to look at the files
	snprintf(rig->folder, sizeof(rig->folder), "%s/hz-files-XXXXXX", keep ? keep : "/dev/shm");
	assert_non_null(mkdtemp(rig->folder));
	struct hz_finalize_source source = {.items = fake_items(list), .record = "r"};
	assert_int_equal(hz_finalize_items(&source, rig->folder), 0);
	snprintf(path, sizeof(path), "%s/manifest.json", rig->folder);
	rig->manifest = json_load_file(path, 0, NULL);
	assert_non_null(rig->manifest);
}

static void done(struct rig *rig)
{
	char command[160];
	json_decref(rig->manifest);
	if (getenv("HZ_KEEP"))
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

// --- NAL units stay as they were sent

struct sent {
	const struct fake_clip *clip;
	size_t at, first, matched;
};

// Annex B and 4-byte lengths say the same NAL units.
static bool same_units(const struct fake_frame *f, const uint8_t *data, size_t bytes)
{
	size_t at = 0, i = 0;
	while (i < f->bytes) {
		while (i < f->bytes && f->data[i] == 0)
			i++;
		i++; // the 1 of the start code
		size_t end = i;
		while (end < f->bytes &&
		       !(end + 3 <= f->bytes && f->data[end] == 0 && f->data[end + 1] == 0 &&
		         (f->data[end + 2] == 1 ||
		          (end + 4 <= f->bytes && !f->data[end + 2] && f->data[end + 3] == 1))))
			end++;
		if (end - i + 4 > bytes - at || memcmp(data + at + 4, f->data + i, end - i) != 0)
			return false;
		size_t length = (size_t)data[at] << 24 | (size_t)data[at + 1] << 16 |
		                (size_t)data[at + 2] << 8 | data[at + 3];
		if (length != end - i)
			return false;
		at += 4 + length;
		i = end;
	}
	return at == bytes;
}

static void match_units(void *arg, const uint8_t *data, size_t bytes, double pts_s, bool key)
{
	struct sent *s = arg;
	while (s->at < s->clip->count && !same_units(&s->clip->frame[s->at], data, bytes))
		s->at++; // left out
	assert_true(s->at < s->clip->count);
	if (!s->matched)
		s->first = s->at;
	assert_true(fabs(pts_s - (double)(s->at - s->first) / 30) < 0.020);
	assert_int_equal(key, s->clip->frame[s->at].key);
	s->at++;
	s->matched++;
}

static void units_are_identical(void **state)
{
	struct fake_list list = {0};
	struct rig rig;
	char path[256];
	struct fake_clip video = fake_video("h264", 640, 360, 30, 10, 1);
	fake_describe(&list, 1, "p1", "screen", 0);
	struct fake_publisher v = {.track = 1,
	                           .ssrc = 11,
	                           .codec = "h264",
	                           .pt = 102,
	                           .fps = 30,
	                           .loss = 0.01,
	                           .repaired = 0.05,
	                           .twice = 0.05,
	                           .seed = 3};
	fake_publish(&list, &v, &video);
	finalize(&rig, &list);
	struct sent sent = {.clip = &video};
	snprintf(path, sizeof(path), "%s/tracks/p1.screen.1.mp4", rig.folder);
	fake_packets(path, false, match_units, &sent);
	print_message("%zu of %zu frames, NAL units identical\n", sent.matched, video.count);
	assert_int_equal(sent.matched, number(file_of(&rig, "tracks/p1.screen.1.mp4"), "frames"));
	assert_true(sent.matched > video.count / 2 && sent.matched < video.count);
	all_play(&rig);
	done(&rig);
	fake_list_free(&list);
	fake_clip_free(&video);
}

// --- a minute of everything: drift both ways, late picture, a 5 s drop, a mute, clocks of two publishers

static const struct fake_publisher hard_v1 = {.track = 1,
                                              .ssrc = 11,
                                              .codec = "h264",
                                              .pt = 102,
                                              .fps = 30,
                                              .ppm = -200,
                                              .ntp_offset_s = 500,
                                              .ntp_ppm = 100,
                                              .start_s = 7,
                                              .until_s = 60,
                                              .drop_from_s = 20.3,
                                              .drop_until_s = 25.3,
                                              .loss = 0.002,
                                              .repaired = 0.03,
                                              .seed = 1,
                                              .first_seq = 65500};
static const struct fake_publisher hard_a1 = {.track = 2,
                                              .ssrc = 12,
                                              .codec = "opus",
                                              .pt = 111,
                                              .fps = 50,
                                              .ppm = 200,
                                              .ntp_offset_s = 500,
                                              .ntp_ppm = 100,
                                              .drop_from_s = 20.3,
                                              .drop_until_s = 25.3,
                                              .mute_from_s = 35.5,
                                              .mute_until_s = 41.5,
                                              .loss = 0.01,
                                              .seed = 2};
static const struct fake_publisher hard_v2 = {.track = 3,
                                              .ssrc = 13,
                                              .codec = "h264",
                                              .pt = 102,
                                              .fps = 30,
                                              .ppm = 200,
                                              .ntp_offset_s = -90000,
                                              .ntp_ppm = -100,
                                              .start_s = 2,
                                              .until_s = 61,
                                              .from_s = 2,
                                              .mute_from_s = 30.2,
                                              .mute_until_s = 33.0,
                                              .seed = 3,
                                              .loss = 0.002};
static const struct fake_publisher hard_a2 = {.track = 4,
                                              .ssrc = 14,
                                              .codec = "red",
                                              .pt = 63,
                                              .fps = 50,
                                              .ppm = -200,
                                              .ntp_offset_s = -90000,
                                              .ntp_ppm = -100,
                                              .start_s = 1,
                                              .until_s = 61,
                                              .from_s = 1,
                                              .seed = 4,
                                              .loss = 0.05};

static void a_hard_minute(void **state)
{
	struct fake_list list = {0};
	struct rig rig;
	struct fake_clip video = fake_video("h264", 320, 180, 30, 60, 2);
	struct fake_clip fast = fake_audio(200, 60), slow = fake_audio(-200, 60);
	fake_describe(&list, 1, "p1", "camera", 0);
	fake_describe(&list, 2, "p1", "microphone", 0);
	fake_describe(&list, 3, "p2", "camera", 0);
	fake_describe(&list, 4, "p2", "microphone", 0);
	struct fake_publisher v1 = hard_v1, a1 = hard_a1, v2 = hard_v2, a2 = hard_a2;
	fake_publish(&list, &v1, &video);
	fake_publish(&list, &a1, &fast);
	fake_publish(&list, &v2, &video);
	fake_publish(&list, &a2, &slow);
	finalize(&rig, &list);
	all_play(&rig);
	struct fake_seen p1, p2, sound;
	in_sync(&rig, "tracks/p1.camera.1.mp4", 30, &p1);
	in_sync(&rig, "tracks/p2.camera.1.mp4", 40, &p2);
	// the late picture's place in time, and between publishers: flashes are at whole seconds everywhere
	double at1 = (double)number(file_of(&rig, "tracks/p1.camera.1.mp4"), "at_ms") / 1000;
	double at2 = (double)number(file_of(&rig, "tracks/p2.camera.1.mp4"), "at_ms") / 1000;
	assert_true(at1 > 6.99 && at1 < 7.06 && at2 > 1.99 && at2 < 2.06);
	for (unsigned i = 0; i < p1.flashes; i++)
		assert_true(fabs(remainder(p1.flash[i] + at1 - 0.031, 1)) < 0.040);
	for (unsigned i = 0; i < p2.flashes; i++)
		assert_true(fabs(remainder(p2.flash[i] + at2 - 0.031, 1)) < 0.040);
	// sound without holes: as many packets as its time takes
	char path[256];
	snprintf(path, sizeof(path), "%s/tracks/p1.microphone.1.webm", rig.folder);
	fake_watch(path, &sound);
	print_message("sound: %u packets over %.2f s\n", sound.audio_packets, sound.last_audio);
	assert_in_range(sound.audio_packets, 2985, 3200);
	assert_true(sound.last_audio > 59.8 && sound.last_audio < 60.1);
	assert_true(p1.audio_packets > 52 * 50);
	done(&rig);
	fake_list_free(&list);
	fake_clip_free(&video);
	fake_clip_free(&fast);
	fake_clip_free(&slow);
}

// --- simulcast, another SPS, the same bytes twice

static void simulcast_and_parts(void **state)
{
	struct fake_list list = {0};
	struct rig rig, again;
	struct fake_clip low = fake_video("h264", 160, 90, 30, 30, 2),
	                 high = fake_video("h264", 320, 180, 30, 30, 2);
	struct fake_clip sound = fake_audio(0, 30);
	fake_describe(&list, 1, "p1", "camera", 0);
	fake_describe(&list, 2, "p1", "microphone", 0);
	struct fake_publisher l = {
	    .track = 1, .ssrc = 11, .codec = "h264", .pt = 102, .fps = 30, .layer = 0, .seed = 1};
	struct fake_publisher h = {.track = 1,
	                           .ssrc = 21,
	                           .codec = "h264",
	                           .pt = 102,
	                           .fps = 30,
	                           .layer = 1,
	                           .seed = 2,
	                           .mute_from_s = 10.1,
	                           .mute_until_s = 20.0,
	                           .first_ts = 99};
	struct fake_publisher a = {.track = 2, .ssrc = 12, .codec = "opus", .pt = 111, .fps = 50, .seed = 3};
	fake_publish(&list, &l, &low);
	fake_publish(&list, &h, &high);
	fake_publish(&list, &a, &sound);
	finalize(&rig, &list);
	all_play(&rig);
	struct fake_seen seen;
	in_sync(&rig, "tracks/p1.camera.1.mp4", 9, &seen);
	assert_int_equal(seen.width, 320);
	in_sync(&rig, "tracks/p1.camera.1-02.mp4", 7, &seen);
	assert_int_equal(seen.width, 160);
	in_sync(&rig, "tracks/p1.camera.1-03.mp4", 9, &seen);
	assert_int_equal(seen.width, 320);
	assert_null(file_of(&rig, "tracks/p1.camera.1-04.mp4"));
	const json_t *two = file_of(&rig, "tracks/p1.camera.1-02.mp4");
	assert_in_range(number(two, "at_ms"), 10000, 12100);
	assert_int_equal(number(json_object_get(two, "h264"), "profile_idc"), 66);
	char path[256];

	snprintf(path, sizeof(path), "%s/timeline.json", rig.folder);
	json_t *events = json_load_file(path, 0, NULL);
	assert_int_equal(json_array_size(events), 2); // each change of the SPS
	for (size_t i = 0; i < 2; i++) {
		const json_t *event = json_array_get(events, i), *detail = json_object_get(event, "detail");
		assert_string_equal(json_string_value(json_object_get(event, "type")), "picture");
		assert_string_equal(json_string_value(json_object_get(event, "participant")), "p1");
		assert_int_equal(number(detail, "part"), i + 2);
		assert_int_equal(number(detail, "width"), i ? 320 : 160);
		assert_in_range(number(event, "at_ms"), i ? 19900 : 10000, i ? 22100 : 12100);
	}
	json_decref(events);

	struct hz_finalize_source source = {.items = fake_items(&list), .record = "r"};
	json_t *before = json_deep_copy(rig.manifest); // holds the digests of all files
	char junk[256];
	snprintf(junk, sizeof(junk), "%s/tracks/old.mp4.part", rig.folder); // of a run that was killed
	FILE *f = fopen(junk, "w");
	assert_non_null(f);
	fclose(f);
	assert_int_equal(hz_finalize_items(&source, rig.folder), 0);
	snprintf(path, sizeof(path), "%s/manifest.json", rig.folder);
	json_t *after = json_load_file(path, 0, NULL);
	assert_true(json_equal(before, after));
	assert_int_equal(access(junk, F_OK), -1);
	json_decref(before);
	json_decref(after);
	finalize(&again, &list);
	assert_true(json_equal(rig.manifest, again.manifest));
	done(&again);
	done(&rig);
	fake_list_free(&list);
	fake_clip_free(&low);
	fake_clip_free(&high);
	fake_clip_free(&sound);
}

// Cameras take pictures when they can. (No libx264 here: its streams name a rate.)
static void an_irregular_camera(void **state)
{
	struct fake_list list = {0};
	struct rig rig;
	struct fake_clip video = fake_video("vp8", 160, 120, 30, 30, 2);
	fake_describe(&list, 1, "p1", "camera", 0);
	struct fake_publisher v = {
	    .track = 1, .ssrc = 11, .codec = "vp8", .pt = 96, .fps = 29.6, .jitter_s = 0.005, .seed = 7};
	fake_publish(&list, &v, &video);
	finalize(&rig, &list);
	all_play(&rig);
	assert_int_equal(number(file_of(&rig, "tracks/p1.camera.1.webm"), "frames"), 900);
	done(&rig);
	fake_list_free(&list);
	fake_clip_free(&video);
}

// Somebody comes and goes all day: hundreds of tracks, of which few are open at the same time, and so are their files.
static void comings_and_goings(void **state)
{
	struct fake_list list = {0};
	struct rig rig;
	struct rlimit limit, few;
	uint8_t packet[15] = {0x80, 111, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xfc, 0xff, 0xfe}; // 20 ms of silence
	for (uint32_t track = 1; track <= 300; track++) {
		fake_json(&list, HZ_RECORD_TRACK, 2.0 * track,
		          "{\"track\":%u,\"key\":\"p%u.microphone.%u\",\"participant\":\"p%u\",\"source\":"
		          "\"microphone\",\"kind\":\"audio\",\"pts\":[{\"pt\":111,\"codec\":\"opus\"}]}",
		          track, track % 7, track, track % 7);
		for (uint32_t i = 0; i < 20; i++) {
			uint32_t ts = htonl(960 * i), ssrc = htonl(track);
			packet[3] = (uint8_t)i;
			memcpy(packet + 4, &ts, 4);
			memcpy(packet + 8, &ssrc, 4);
			fake_add(&list, track, HZ_RECORD_RTP, 2.0 * track + 0.02 * i, packet, sizeof(packet));
		}
	}
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	few = limit;
	few.rlim_cur = 100;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	finalize(&rig, &list);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(json_array_size(json_object_get(rig.manifest, "files")), 300);
	assert_int_equal(json_array_size(json_object_get(rig.manifest, "warnings")), 0);
	const json_t *f = file_of(&rig, "tracks/p1.microphone.1.webm");
	assert_in_range(number(f, "duration_ms"), 400, 420);
	done(&rig);
	fake_list_free(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(h264),
	    cmocka_unit_test(vp8),
	    cmocka_unit_test(an_irregular_camera),
	    cmocka_unit_test(vp9),
	    cmocka_unit_test(av1),
	    cmocka_unit_test(units_are_identical),
	    cmocka_unit_test(a_hard_minute),
	    cmocka_unit_test(simulcast_and_parts),
	    cmocka_unit_test(comings_and_goings),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
