// Seeds of fuzz_finalize: a second of each codec in its input format. With HZ_SEEDS=FOLDER they are written there; and of
// fuzz_mp4, the file of a track: with HZ_SEEDS_MP4=FOLDER.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/rtp/cmocka_all.h"

#include "media/rtp/bytes.h"
#include "media/rtp/packet.h"
#include "tests/unit/finalize/fake_media.h"

static size_t seed_of(const struct fake_list *list, uint8_t pt, uint8_t *ret, size_t room)
{
	size_t at = 0;
	uint32_t ts = 0;
	uint16_t seq = 0;
	ret[at++] = pt;
	for (size_t i = 0; i < list->count; i++) {
		const struct hz_journal_item *item = &list->item[i].item;
		struct hz_rtp_packet p;
		uint8_t flags = 0x40;
		const uint8_t *data = item->data;
		size_t bytes = item->bytes;
		if (item->kind == HZ_RECORD_SR) {
			flags |= 2;
		} else {
			assert_int_equal(hz_rtp_parse(item->data, item->bytes, &p), 0);
			flags |= (p.marker ? 1 : 0) | (p.ts != ts ? 0x10 : 0) |
			         (i && p.seq != (uint16_t)(seq + 1) ? 8 : 0);
			ts = p.ts;
			seq = p.seq;
			data = p.payload;
			bytes = p.payload_bytes;
		}
		if (room - at < 3 + bytes)
			break;
		ret[at] = flags;
		hz_put16(ret + at + 1, (uint16_t)bytes);
		memcpy(ret + at + 3, data, bytes);
		at += 3 + bytes;
	}
	return at;
}

static void seeds(void **state)
{
	static const char *const codecs[] = {"h264", "vp8", "vp9", "av1", "opus", "red"};
	static uint8_t seed[20000];
	for (uint8_t i = 0; i < 6; i++) {
		struct fake_list list = {0};
		bool audio = i >= 4;
		struct fake_clip clip = audio ? fake_audio(0, 1) : fake_video(codecs[i], 64, 48, 10, 1, 1);
		struct fake_publisher p = {
		    .track = 1, .ssrc = 1, .codec = codecs[i], .pt = i, .fps = audio ? 50 : 10};
		fake_publish(&list, &p, &clip);
		size_t bytes = seed_of(&list, i, seed, sizeof(seed));
		assert_true(bytes > 500);
		if (getenv("HZ_SEEDS")) {
			char path[256];
			snprintf(path, sizeof(path), "%s/%s", getenv("HZ_SEEDS"), codecs[i]);
			FILE *f = fopen(path, "wb");
			assert_non_null(f);
			assert_int_equal(fwrite(seed, 1, bytes, f), bytes);
			fclose(f);
		}
		fake_list_free(&list);
		fake_clip_free(&clip);
	}
}

static void a_file(void **state)
{
	const char *folder = getenv("HZ_SEEDS_MP4");
	char path[256] = "/dev/shm/hz-seed-XXXXXX", command[600];
	struct fake_list list = {0};
	struct fake_clip pictures = fake_video("h264", 64, 48, 10, 1, 1), sound = fake_audio(0, 1);
	const struct fake_publisher v = {.track = 1, .ssrc = 1, .codec = "h264", .pt = 102, .fps = 10};
	const struct fake_publisher a = {.track = 2, .ssrc = 2, .codec = "opus", .pt = 111, .fps = 50};
	fake_describe(&list, 1, "p", "camera", 0);
	fake_describe(&list, 2, "p", "microphone", 0);
	fake_publish(&list, &v, &pictures);
	fake_publish(&list, &a, &sound);
	fake_sort(&list);
	assert_non_null(mkdtemp(path));
	const struct hz_finalize_source source = {.items = fake_items(&list), .record = "r"};
	assert_int_equal(hz_finalize_items(&source, path), 0);
	snprintf(command, sizeof(command), "cp %s/tracks/p.camera.1.mp4 %s/h264; rm -rf %s", path,
	         folder ? folder : path, path);
	assert_int_equal(system(command), 0);
	fake_list_free(&list);
	fake_clip_free(&pictures);
	fake_clip_free(&sound);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(seeds), cmocka_unit_test(a_file)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
