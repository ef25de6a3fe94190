// DICOM objects of a record with real media, looked at with dicom3tools and DCMTK.
#include <errno.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "recorder/finalize/dicom_mp4.h"
#include "recorder/journal/hash.h"
#include "recorder/record/files.h"
#include "recorder/record/package.h"
#include "tests/unit/record/fake_record.h"

static void assert_has(const char *text, const char *what)
{
	if (!strstr(text, what))
		fail_msg("no \"%s\" in:\n%s", what, text);
}

static void dciodvfy_clean(const char *folder, const char *name)
{
	char *said = fake_output("dciodvfy %s/dicom/%s 2>&1", folder, name);
	assert_has(said, "Video");
	if (strstr(said, "Error"))
		fail_msg("%s", said);
	free(said);
}

static void objects_are_right(enum hz_charset charset)
{
	struct fake_record r;
	const struct hz_package_settings settings = {.charset = charset};
	const char *why;
	void *index;
	fake_record_new(&r, true);
	assert_int_equal(hz_package(r.folder, &settings, &why), 0);
	assert_int_equal(hz_package_index(r.folder, &index), 0);
	assert_int_equal(json_array_size(json_object_get(index, "instances")),
	                 2); // the H.264 track, and the composed for the VP8
	assert_int_equal(json_array_size(json_object_get(index, "refused")), 1);
	dciodvfy_clean(r.folder, "01.dcm");
	dciodvfy_clean(r.folder, "02.dcm");
	char *dump = fake_output("dcmdump +W /tmp %s/dicom/01.dcm 2>&1", r.folder);
	assert_has(dump, "MPEG4HighProfile");
	assert_has(dump, "YBR_PARTIAL_420");
	assert_has(dump, "2025112");
	assert_has(dump, charset == HZ_CHARSET_GB18030 ? "GB18030" : "ISO_IR 192");
	free(dump);
	// What is in the fragment plays, has the pictures of the track untouched, and sound as DICOM wants it.
	assert_true(fake_run("cd %s && dcmdump +W . dicom/01.dcm >/dev/null 2>&1; ls *.raw >/dev/null && mv "
	                     "$(ls -S *.raw | head -1) out.mp4",
	                     r.folder));
	char *probe = fake_output(
	    "ffprobe -v error -show_entries stream=codec_name,profile,sample_rate,channels,nb_read_packets "
	    "-count_packets -of csv %s/out.mp4 2>&1",
	    r.folder);
	assert_has(probe, "h264,Constrained Baseline,50");
	assert_has(probe, "aac,LC,48000,1");
	free(probe);
	char *a = fake_output(
	    "ffmpeg -v error -i %s/out.mp4 -map 0:v -c copy -bsf:v h264_mp4toannexb -f md5 - 2>&1", r.folder);
	char *b = fake_output("ffmpeg -v error -i %s/tracks/doctor.camera.1.mp4 -map 0:v -c copy -bsf:v "
	                      "h264_mp4toannexb -f md5 - 2>&1",
	                      r.folder);
	assert_has(a, "MD5=");
	assert_string_equal(a, b);
	free(a);
	free(b);
	json_decref(index);
	fake_record_free(&r);
}

static void test_utf8(void **state)
{
	objects_are_right(HZ_CHARSET_UTF8);
}

static void test_gb18030(void **state)
{
	objects_are_right(HZ_CHARSET_GB18030);
}

// The same record gives the same bytes, in another folder, again.
static void test_repeatable(void **state)
{
	struct fake_record r;
	struct hz_file_hash one, two;
	const struct hz_package_settings settings = {.charset = HZ_CHARSET_UTF8};
	const char *why;
	char path[1024];
	fake_record_new(&r, true);
	snprintf(path, sizeof(path), "%s/dicom/01.dcm", r.folder);
	assert_int_equal(hz_package(r.folder, &settings, &why), 0);
	assert_int_equal(hz_hash_file(path, HZ_SHA256, &one), 0);
	assert_true(fake_run("rm -r %s/dicom", r.folder));
	assert_int_equal(hz_package(r.folder, &settings, &why), 0);
	assert_int_equal(hz_hash_file(path, HZ_SHA256, &two), 0);
	assert_string_equal(one.hex, two.hex);
	assert_int_equal(hz_package(r.folder, &settings, &why), 0); // is there: nothing to do
	fake_record_free(&r);
}

static json_t *index_of(const struct fake_record *r)
{
	void *index = NULL;
	assert_int_equal(hz_package_index(r->folder, &index), 0);
	return index;
}

// Composing comes later: what was made, and perhaps delivered, stays; only the composed picture is added, and goes with it.
static void test_composed_later(void **state)
{
	struct fake_record r;
	struct stat before, after;
	const struct hz_package_settings settings = {.charset = HZ_CHARSET_UTF8, .composed = true};
	const char *why;
	char path[1024];
	fake_record_new(&r, true);
	assert_true(fake_run("cd %s && cp manifest.json all.json && "
	                     "python3 -c \"import json; m = json.load(open('all.json')); m['files'] = "
	                     "[f for f in m['files'] if f['role'] == 'track']; json.dump(m, "
	                     "open('manifest.json', 'w'))\"",
	                     r.folder));
	assert_int_equal(hz_package(r.folder, &settings, &why), 0);
	json_t *first = index_of(&r);
	assert_int_equal(json_array_size(json_object_get(first, "instances")), 1);
	snprintf(path, sizeof(path), "%s/dicom/01.dcm", r.folder);
	assert_int_equal(stat(path, &before), 0);
	assert_true(fake_run("cd %s && cp manifest.json tracks.json && cp all.json manifest.json", r.folder));
	assert_int_equal(hz_package(r.folder, &settings, &why), 0);
	json_t *second = index_of(&r);
	assert_int_equal(json_array_size(json_object_get(second, "instances")), 2);
	assert_true(json_equal(json_array_get(json_object_get(first, "instances"), 0),
	                       json_array_get(json_object_get(second, "instances"), 0)));
	assert_true(json_equal(json_object_get(first, "refused"), json_object_get(second, "refused")));
	assert_int_equal(stat(path, &after), 0);
	assert_int_equal(before.st_ino, after.st_ino);                            // not made again
	assert_true(fake_run("cd %s && cp tracks.json manifest.json", r.folder)); // finalised anew by hand
	assert_int_equal(hz_package(r.folder, &settings, &why), 0);
	assert_false(fake_run("ls %s/dicom/02.dcm 2>/dev/null", r.folder));
	json_decref(first);
	json_decref(second);
	fake_record_free(&r);
}

// Files that are no media are refused, each with a reason; the rest goes on.
static void test_broken_media(void **state)
{
	struct fake_record r;
	const struct hz_package_settings settings = {.charset = HZ_CHARSET_UTF8};
	const char *why;
	void *index;
	fake_record_new(&r, false);
	assert_int_equal(hz_package(r.folder, &settings, &why), 0);
	assert_int_equal(hz_package_index(r.folder, &index), 0);
	assert_int_equal(json_array_size(json_object_get(index, "instances")), 0);
	assert_int_equal(json_array_size(json_object_get(index, "refused")), 3);
	json_decref(index);
	fake_record_free(&r);
}

// Sound that begins late, has a hole and comes from another file: silence where there is none, all of it as long as the picture.
static void test_silence(void **state)
{
	struct fake_record r;
	struct hz_dicom_mp4_info info;
	char video[1024], audio[1024], out[1024];
	fake_record_new(&r, true);
	snprintf(video, sizeof(video), "%s/v.mp4", r.folder);
	snprintf(audio, sizeof(audio), "%s/a.mp4", r.folder);
	snprintf(out, sizeof(out), "%s/o.mp4", r.folder);
	assert_true(fake_run("ffmpeg -loglevel error -y -i %s/tracks/doctor.camera.1.mp4 -map 0:v -c copy %s",
	                     r.folder, video));
	assert_true(fake_run("ffmpeg -loglevel error -y -f lavfi -i sine=frequency=440:duration=0.5 -c:a "
	                     "libopus -strict -2 %s",
	                     audio));
	const struct hz_dicom_mp4 with = {
	    .video = video, .audio = audio, .audio_offset_us = 1000000, .out = out};
	assert_int_equal(hz_dicom_mp4(&with, &info), 0);
	assert_int_equal(info.frames, 50);
	assert_int_equal(info.audio_channels, 1);
	char *said = fake_output(
	    "ffmpeg -hide_banner -i %s -af silencedetect=noise=-50dB:d=0.2 -vn -f null - 2>&1", out);
	double end = 0, start = 0;
	const char *at = strstr(said, "silence_end: "), *last = NULL;
	assert_non_null(at);
	end = atof(at + 13);
	for (const char *p = said; (p = strstr(p, "silence_start: ")); p++)
		last = p;
	assert_non_null(last);
	start = atof(last + 15);
	if (end < 0.97 || end > 1.03 || start < 1.47 || start > 1.53)
		fail_msg("sound from %f to %f", end, start);
	free(said);
	char *length = fake_output(
	    "ffprobe -v error -select_streams a -show_entries stream=duration -of csv=p=0 %s", out);
	if (atof(length) < 1.97 || atof(length) > 2.03)
		fail_msg("sound is %s s long", length);
	free(length);
	fake_record_free(&r);
}

// Decoded sound, 48 kHz mono.
static size_t listen_to(const char *path, int16_t **ret)
{
	char command[1200];
	size_t room = 8 << 20, n;
	*ret = malloc(room * 2);
	snprintf(command, sizeof(command), "ffmpeg -v error -i %s -vn -ac 1 -ar 48000 -f s16le -", path);
	FILE *f = popen(command, "r");
	assert_non_null(f);
	assert_non_null(*ret);
	n = fread(*ret, 2, room, f);
	assert_int_equal(pclose(f), 0);
	return n;
}

// AAC is made a minute at a time: where two meet, sound is as near to the original as elsewhere.
static void test_seams(void **state)
{
	struct fake_record r;
	struct hz_dicom_mp4_info info;
	char video[1024], out[1024];
	int16_t *was, *is;
	double seam = 0, most = 0;
	fake_record_new(&r, true);
	snprintf(video, sizeof(video), "%s/v.mp4", r.folder);
	snprintf(out, sizeof(out), "%s/o.mp4", r.folder);
	assert_true(fake_run(
	    "ffmpeg -loglevel error -y -f lavfi -i color=s=64x64:r=5:d=130 -f lavfi -i "
	    "\"aevalsrc='0.3*sin(2*PI*440*t)+0.2*sin(2*PI*997*t+sin(t))':s=48000:d=130\" -c:v libx264 "
	    "-preset ultrafast -profile:v baseline -pix_fmt yuv420p -c:a libopus -b:a 64k -strict -2 %s",
	    video));
	const struct hz_dicom_mp4 with = {.video = video, .out = out};
	assert_int_equal(hz_dicom_mp4(&with, &info), 0);
	size_t a = listen_to(video, &was), b = listen_to(out, &is), window = 1024,
	       end = (a < b ? a : b) - 48000;
	assert_in_range(a, 129 * 48000, 131 * 48000);
	assert_in_range(b, 129 * 48000, 131 * 48000);
	for (size_t at = 48000; at + window < end; at += window) {
		double off = 0;
		for (size_t i = at; i < at + window; i++)
			off += (double)(was[i] - is[i]) * (was[i] - is[i]);
		bool meets = at + 3 * window > 2867200 && at < 2867200 + 3 * window;
		meets = meets || (at + 3 * window > 2 * 2867200 && at < 2 * 2867200 + 3 * window);
		seam = meets && off > seam ? off : seam;
		most = !meets && off > most ? off : most;
	}
	print_message("error at seams %.1f, elsewhere at most %.1f\n", seam / 1024, most / 1024);
	assert_true(seam > 0 && seam / 1024 < 700 && most / 1024 < 700); // 50 dB below what sounds
	free(was);
	free(is);
	fake_record_free(&r);
}

static void test_no_h264(void **state)
{
	struct fake_record r;
	struct hz_dicom_mp4_info info;
	char video[1024], out[1024];
	fake_record_new(&r, true);
	snprintf(out, sizeof(out), "%s/o.mp4", r.folder);
	const struct hz_dicom_mp4 with = {.video = video, .out = out};
	snprintf(video, sizeof(video), "%s/nothing.mp4", r.folder);
	assert_int_equal(hz_dicom_mp4(&with, &info), -ENOENT);
	snprintf(video, sizeof(video), "%s/manifest.json", r.folder);
	assert_true(hz_dicom_mp4(&with, &info) < 0);
	snprintf(video, sizeof(video), "%s/cut.mp4", r.folder);
	assert_true(fake_run("head -c 3000 %s/tracks/doctor.camera.1.mp4 >%s", r.folder, video));
	(void)hz_dicom_mp4(&with, &info);
	snprintf(video, sizeof(video), "%s/m.mp4", r.folder);
	assert_true(
	    fake_run("ffmpeg -loglevel error -y -i %s/composed.mp4 -map 0:v -c:v mpeg4 %s", r.folder, video));
	assert_int_equal(hz_dicom_mp4(&with, &info), -ENOTSUP);
	assert_false(fake_run("ls %s 2>/dev/null", out));
	fake_record_free(&r);
}

int main(void)
{
	setenv("TZ", "Asia/Shanghai", 1);
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_utf8),           cmocka_unit_test(test_gb18030),
	    cmocka_unit_test(test_repeatable),     cmocka_unit_test(test_silence),
	    cmocka_unit_test(test_composed_later), cmocka_unit_test(test_broken_media),
	    cmocka_unit_test(test_no_h264),        cmocka_unit_test(test_seams),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
