// Packets into frames, without a decoder's help: what is put together, what is left out, what goes on after a loss. The
// bytes are made up; so that libavcodec does not refuse them, a "first run" that refused nothing is replayed.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/rtp/cmocka_all.h"

#include "recorder/finalize/frames.h"
#include "media/codec/h264.h"

struct got {
	unsigned count;
	struct {
		uint8_t data[256];
		size_t bytes;
		int64_t ts;
		bool key;
		uint16_t width, height;
		size_t config_bytes;
	} f[64];
};

static struct got got;
static struct hz_refused nothing = {.replay = true};
static struct hz_frames *frames;
static int64_t seq;
static uint32_t missing;

static void take(void *arg, const struct hz_frame *f)
{
	assert_true(got.count < 64 && f->bytes <= 256);
	memcpy(got.f[got.count].data, f->data, f->bytes);
	got.f[got.count].bytes = f->bytes;
	got.f[got.count].ts = f->ts;
	got.f[got.count].key = f->key;
	got.f[got.count].width = f->width;
	got.f[got.count].height = f->height;
	got.f[got.count++].config_bytes = f->config_bytes;
}

static void begin(uint8_t codec)
{
	memset(&got, 0, sizeof(got));
	seq = 100;
	missing = 0;
	assert_int_equal(hz_frames_new(codec, &nothing, take, NULL, &frames), 0);
}

static struct hz_frames_stats end(void)
{
	struct hz_frames_stats s;
	hz_frames_flush(frames);
	hz_frames_stats(frames, &s);
	hz_frames_free(frames);
	return s;
}

static void put(int64_t ts, const void *data, size_t bytes, bool marker)
{
	uint8_t *exact = malloc(bytes ? bytes : 1); // so that a read past the end is seen
	memcpy(exact, data, bytes);
	struct hz_order_packet p = {
	    .seq = seq, .ts = ts, .missing = missing, .marker = marker, .payload = exact, .bytes = bytes};
	hz_frames_put(frames, &p);
	seq++;
	missing = 0;
	free(exact);
}

static void lose(uint32_t count)
{
	seq += count;
	missing += count;
}

// --- H.264: x264's parameter sets of a 320x180 baseline stream, and slices of a few bytes

static const uint8_t sps[] = {0x67, 0x42, 0xc0, 0x0d, 0xda, 0x05, 0x06, 0x7e, 0x7c, 0x04, 0x40, 0x00,
                              0x00, 0x03, 0x00, 0x40, 0x00, 0x00, 0x0f, 0x03, 0xc5, 0x0a, 0xa8};
static const uint8_t pps[] = {0x68, 0xce, 0x0f, 0xc8};

static struct hz_h264_sps parsed;

// first_mb 0, pps 0, then frame_num in so many bits as the SPS says
static size_t slice(uint8_t type, unsigned frame_num, uint8_t *ret)
{
	bool idr = type == 5;
	unsigned n = 0;
	uint8_t raw[8] = {0};
	const char *head = idr ? "100010001" : "1001101"; // first_mb, slice_type 7 or 5, pps
	for (; *head; head++, n++)
		if (*head == '1')
			raw[n / 8] |= (uint8_t)(0x80 >> n % 8);
	for (unsigned i = parsed.log2_max_frame_num; i-- > 0; n++)
		if (frame_num >> i & 1)
			raw[n / 8] |= (uint8_t)(0x80 >> n % 8);
	ret[0] = (uint8_t)(0x60 | type);
	memcpy(ret + 1, raw, 8);
	ret[8] |= 0x55;
	return 9;
}

static void put_sets(int64_t ts)
{
	uint8_t stap[64] = {0x78, 0, sizeof(sps)};
	memcpy(stap + 3, sps, sizeof(sps));
	stap[3 + sizeof(sps)] = 0;
	stap[4 + sizeof(sps)] = sizeof(pps);
	memcpy(stap + 5 + sizeof(sps), pps, sizeof(pps));
	put(ts, stap, 5 + sizeof(sps) + sizeof(pps), false);
}

static void put_slice(int64_t ts, uint8_t type, unsigned frame_num)
{
	uint8_t nal[16];
	put(ts, nal, slice(type, frame_num, nal), true);
}

static void h264_sets(void **state)
{
	struct hz_h264_pps p;
	assert_int_equal(hz_h264_sps_parse(sps, sizeof(sps), &parsed), 0);
	assert_int_equal(parsed.profile_idc, 66);
	assert_int_equal(parsed.width, 320);
	assert_int_equal(parsed.height, 180);
	assert_int_equal(hz_h264_pps_parse(pps, sizeof(pps), &p), 0);
	for (size_t n = 0; n < 8; n++)
		assert_int_equal(hz_h264_sps_parse(sps, n, &parsed), -EBADMSG);
	uint8_t random[64];
	uint32_t x = 3;
	for (unsigned i = 0; i < 100000; i++) {
		struct hz_h264_sps s;
		struct hz_h264_slice sl;
		uint16_t frame_num;
		for (unsigned k = 0; k < sizeof(random); k++) {
			x = x * 1664525 + 1013904223;
			random[k] = (uint8_t)(x >> 24 & (x >> 16));
		}
		random[0] = 0x67;
		if (hz_h264_sps_parse(random, i % 64, &s) == 0) {
			assert_true(s.width && s.height && s.macroblocks <= 139264);
			if (hz_h264_slice_parse(random, i % 64, &sl) == 0)
				hz_h264_frame_num(random, i % 64, &sl, &s, &frame_num);
		}
	}
	assert_int_equal(hz_h264_sps_parse(sps, sizeof(sps), &parsed), 0);
}

static void h264_units(void **state)
{
	begin(HZ_CODEC_H264_HIGH);
	put_slice(1, 1, 1); // before any keyframe
	put_sets(2);
	uint8_t nal[16], fu[16];
	size_t n = slice(5, 0, nal);
	for (size_t at = 1; at < n; at += 4) { // in fragments of 4 bytes
		size_t part = n - at < 4 ? n - at : 4;
		fu[0] = 0x7c;
		fu[1] = (uint8_t)(5 | (at == 1 ? 0x80 : 0) | (at + part == n ? 0x40 : 0));
		memcpy(fu + 2, nal + at, part);
		put(2, fu, part + 2, at + part == n);
	}
	put_slice(3, 1, 1);
	struct hz_frames_stats s = end();
	assert_int_equal(got.count, 2);
	assert_true(got.f[0].key && !got.f[1].key);
	assert_int_equal(got.f[0].bytes, 4 + sizeof(sps) + 4 + sizeof(pps) + 4 + n);
	assert_memory_equal(got.f[0].data + 4, sps, sizeof(sps));
	assert_memory_equal(got.f[0].data + 12 + sizeof(sps) + sizeof(pps), nal, n);
	assert_int_equal(got.f[0].width, 320);
	assert_true(got.f[0].config_bytes > sizeof(sps) + sizeof(pps));
	assert_int_equal(s.left_out, 1);
}

static void h264_losses(void **state)
{
	uint8_t nal[16], fu[16] = {0x7c, 1};
	begin(HZ_CODEC_H264_HIGH);
	put_sets(1);
	put_slice(1, 5, 0);
	put_slice(2, 1, 1);
	lose(2); // padding, or parity: frame_num says that no picture is missing
	put_slice(3, 1, 2);
	lose(1); // a picture
	put_slice(5, 1, 4);
	put_slice(6, 1, 5);
	assert_int_equal(got.count, 3);
	put_sets(7);
	put_slice(7, 5, 0); // goes on here
	lose(1);
	put_slice(8, 5, 0); // an IDR whose parameter sets were lost
	put_slice(9, 1, 1);
	assert_int_equal(got.count, 4);
	put_sets(10);
	put_slice(10, 5, 0);
	put(11, fu, 8, false); // a middle without a begin
	put(11, fu, 8, true);
	put_slice(12, 1, 2);
	assert_int_equal(got.count, 5);
	put(13, "\x19\x00\x01\x09", 4, true); // STAP-B: not of packetization mode 1
	put_sets(14);
	size_t n = slice(5, 0, nal);
	nal[1] &= 0x7f; // first_mb is not 0
	put(14, nal, n, true);
	put_slice(15, 1, 1);
	struct hz_frames_stats s = end();
	assert_int_equal(got.count, 5);
	assert_int_equal(s.frames, 5);
	assert_true(s.malformed >= 3);
}

// --- VP8

static void put_vp8(int64_t ts, uint16_t id, uint8_t tid, uint8_t tl0, unsigned flags)
{
	// X I L T; flags: 1 keyframe, 2 layer sync
	uint8_t p[] = {0x90,
	               0xe0,
	               (uint8_t)(0x80 | id >> 8),
	               (uint8_t)id,
	               tl0,
	               (uint8_t)(tid << 6 | (flags & 2 ? 0x20 : 0)),
	               (uint8_t)(0x30 | (flags & 1 ? 0 : 1)),
	               0,
	               0,
	               0x9d,
	               1,
	               0x2a,
	               64,
	               0,
	               48,
	               0,
	               1,
	               2,
	               3};
	p[6] = (uint8_t)((flags & 1 ? 0 : 1) | 1 << 5); // first partition: 1 byte
	put(ts, p, sizeof(p), true);
}

static void vp8_layers(void **state)
{
	begin(HZ_CODEC_VP8);
	put_vp8(1, 10, 0, 5, 1);
	put_vp8(2, 11, 1, 5, 2);
	lose(3); // parity: picture ids go on
	put_vp8(3, 12, 0, 6, 0);
	assert_int_equal(got.count, 3);
	lose(1); // a picture of layer 1
	put_vp8(5, 14, 0, 7, 0);
	put_vp8(6, 15, 1, 7, 0); // needs the one that was lost
	assert_int_equal(got.count, 4);
	put_vp8(7, 16, 0, 8, 0);
	put_vp8(8, 17, 1, 8, 2); // needs layer 0 only
	put_vp8(9, 18, 0, 9, 0);
	put_vp8(10, 19, 1, 9, 0);
	assert_int_equal(got.count, 8);
	lose(1); // a picture of layer 0
	put_vp8(12, 21, 1, 10, 2);
	put_vp8(13, 22, 0, 11, 0);
	assert_int_equal(got.count, 8);
	put_vp8(14, 23, 0, 12, 1);
	struct hz_frames_stats s = end();
	assert_int_equal(got.count, 9);
	assert_int_equal(s.left_out, 3);
	assert_int_equal(got.f[0].width, 64);
}

// --- VP9: two spatial layers make a superframe

static void vp9_superframe(void **state)
{
	// I L B E, picture id, layer, tl0; then a keyframe's header: marker, profile 0, sync code, 64x48
	static const uint8_t base[] = {0xac, 0x05, 0x00, 0x00, 0x82, 0x49, 0x83, 0x42,
	                               0x00, 0x03, 0xf0, 0x02, 0xf0, 1,    2};
	static const uint8_t upper[] = {0xec, 0x05, 0x03, 0x00, 0x86, 0, 9, 9, 9};
	begin(HZ_CODEC_VP9);
	put(1, base, sizeof(base), false);
	put(1, upper, sizeof(upper), true);
	put(2, upper, sizeof(upper), true); // nothing to predict from
	struct hz_frames_stats s = end();
	assert_int_equal(got.count, 1);
	assert_true(got.f[0].key);
	size_t n = sizeof(base) - 4 + sizeof(upper) - 4;
	assert_int_equal(got.f[0].bytes, n + 10);
	assert_int_equal(got.f[0].data[n], 0xd9); // two frames, sizes of 4 bytes
	assert_int_equal(got.f[0].data[n + 1], sizeof(base) - 4);
	assert_int_equal(got.f[0].data[n + 5], sizeof(upper) - 4);
	assert_int_equal(got.f[0].data[n + 9], 0xd9);
	assert_int_equal(s.left_out, 1);
}

// --- AV1

static void av1_obus(void **state)
{
	// a reduced sequence header: 16x16; a frame that is then always a keyframe, in two fragments
	static const uint8_t first[] = {0x68, 5, 0x08, 0x18, 0x0c, 0xff, 0xc0, 0x30, 0xaa, 0xbb};
	static const uint8_t second[] = {0x90, 0xcc, 0xdd};
	begin(HZ_CODEC_AV1);
	put(1, first, sizeof(first), false);
	put(1, second, sizeof(second), true);
	put(2, second, sizeof(second), true); // goes on with nothing
	put(3, "\x10", 1, true);
	struct hz_frames_stats s = end();
	assert_int_equal(s.malformed, 2);
	assert_int_equal(got.count, 1);
	assert_int_equal(got.f[0].bytes, 12); // sizes were put in
	assert_memory_equal(got.f[0].data, "\x0a\x04\x18\x0c\xff\xc0\x32\x04\xaa\xbb\xcc\xdd", 12);
	assert_int_equal(got.f[0].width, 16);
}

// --- RED: what never came is taken from the next packet

static void red(void **state)
{
	uint8_t p[] = {0xef, 0x0f, 0x00, 0x03, 0x6f, 0xf8, 1, 2, 0xf8, 3, 4}; // 960 ago, then the newest
	begin(HZ_CODEC_RED);
	put(960 * 10, p, sizeof(p), false);
	put(960 * 11, p, sizeof(p), false); // nothing was lost: once
	assert_int_equal(got.count, 2);
	lose(1);
	put(960 * 13, p, sizeof(p), false);
	put(960 * 14, p, 7, false); // cut
	struct hz_frames_stats s = end();
	assert_int_equal(got.count, 4);
	assert_int_equal(got.f[2].ts, 960 * 12);
	assert_memory_equal(got.f[2].data, "\xf8\x01\x02", 3);
	assert_int_equal(got.f[3].ts, 960 * 13);
	assert_int_equal(s.recovered, 1);
	assert_int_equal(s.malformed, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(h264_sets),  cmocka_unit_test(h264_units),     cmocka_unit_test(h264_losses),
	    cmocka_unit_test(vp8_layers), cmocka_unit_test(vp9_superframe), cmocka_unit_test(av1_obus),
	    cmocka_unit_test(red),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
