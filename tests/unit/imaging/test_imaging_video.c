// Video: each picture of each kind of stream is the one that ffmpeg decodes of it, in whatever order they are asked for; what is damaged,
// cut or lies is refused with its reason.
#include <errno.h>
#include <math.h>

#include "media/imaging/render.h"
#include "media/imaging/video.h"
#include "tests/unit/imaging/fake_film.h"
#include "tests/unit/imaging/imaging_open.h"

#define PICTURES 46u

#define X264   "-an -c:v libx264 -preset medium -b:v 300k -x264-params "
#define X265   "-an -c:v libx265 -preset fast -b:v 300k -x265-params log-level=none:pools=1:frame-threads=1:"
#define CLOSED X264 "keyint=12:bframes=3"

static const struct fake_film films[] = {
    {"1.2.840.10008.1.2.4.100", "-an -c:v mpeg2video -g 12 -bf 2 -b:v 800k", "m2v", 8},
    {"1.2.840.10008.1.2.4.100", "-an -c:v mpeg2video -g 9 -bf 0 -flags +ildct+ilme -b:v 800k", "m2v", 8},
    {"1.2.840.10008.1.2.4.100.1", "-c:v mpeg2video -g 12 -bf 2 -b:v 800k -c:a mp2", "ts", 8},
    {"1.2.840.10008.1.2.4.101", "-c:v mpeg2video -g 12 -bf 2 -b:v 800k -c:a mp2 -f vob", "mpg", 8},
    {"1.2.840.10008.1.2.4.102", CLOSED, "h264", 8},
    {"1.2.840.10008.1.2.4.102.1", X264 "keyint=12:bframes=3:open-gop=1:b-pyramid=normal", "h264", 8},
    {"1.2.840.10008.1.2.4.103", X264 "keyint=200:bframes=0:intra-refresh=1", "h264", 8},
    {"1.2.840.10008.1.2.4.104", X264 "keyint=16:bframes=3:interlaced=1", "h264", 8},
    {"1.2.840.10008.1.2.4.105", "-c:v libx264 -g 12 -bf 3 -c:a aac", "mp4", 8},
    {"1.2.840.10008.1.2.4.106", "-c:v libx264 -g 12 -bf 3 -c:a mp2", "ts", 8},
    {"1.2.840.10008.1.2.4.107", X265 "keyint=12:open-gop=1", "hevc", 8},
    {"1.2.840.10008.1.2.4.107", X265 "keyint=12:open-gop=0:bframes=0", "mp4", 8},
    {"1.2.840.10008.1.2.4.108", X265 "keyint=12:open-gop=1:profile=main10", "hevc", 10},
};
#define FILMS (sizeof(films) / sizeof(films[0]))

static const struct hz_video_limits generous = {
    .pictures = 1000, .pixels = HZ_VIDEO_PIXELS, .frame_bytes = 1 << 24};

static bool same_plane(const struct hz_video_planes *p, unsigned plane, const uint8_t *want)
{
	unsigned columns = p->columns >> (plane ? p->across : 0), rows = p->rows >> (plane ? p->down : 0),
	         cell = p->bits > 8 ? 2 : 1;
	for (unsigned y = 0; y < rows; y++, want += columns * cell)
		if (memcmp(p->plane[plane] + (ptrdiff_t)y * p->stride[plane], want, columns * cell) != 0)
			return false;
	return true;
}

static void check_picture(struct hz_video *v, unsigned film, unsigned index, const struct fake_bytes *planes)
{
	struct hz_dicom_fault fault = {0};
	struct hz_video_planes p;
	size_t cell = films[film].bits > 8 ? 2 : 1, luma = (size_t)FILM_COLUMNS * FILM_ROWS * cell;
	if (hz_video_picture(v, index, &fault, &p) < 0)
		fail_msg("film %u picture %u: %s: %s", film, index, hz_dicom_code_name(fault.code),
		         fault.text);
	const uint8_t *want = planes->data + index * luma * 3 / 2;
	if (!same_plane(&p, 0, want) || !same_plane(&p, 1, want + luma) ||
	    !same_plane(&p, 2, want + luma + luma / 4))
		fail_msg("film %u (%s %s): picture %u is another one", film, films[film].ending,
		         films[film].options, index);
}

// Forwards, backwards, at random: the same pictures as ffmpeg's from the beginning.
static void test_pictures_are_ffmpegs(void **state)
{
	for (unsigned film = 0; film < FILMS; film++) {
		struct fake_bytes planes = {0}, stream = fake_film(&films[film], PICTURES, &planes);
		const struct hz_pixel_shape shape = fake_film_shape(&films[film]);
		size_t picture = (size_t)FILM_COLUMNS * FILM_ROWS * 3 / 2 * (films[film].bits > 8 ? 2 : 1);
		unsigned there = (unsigned)(planes.bytes / picture);
		struct hz_dicom_fault fault = {0};
		struct hz_video_planes p;
		struct hz_video *v = NULL;
		assert_true(there >= PICTURES - 4 && there <= PICTURES);
		if (hz_video_open(stream.data, stream.bytes, &shape, &generous, &fault, &v) < 0)
			fail_msg("film %u: %s", film, fault.text);
		for (unsigned i = 0; i < there; i++)
			check_picture(v, film, i, &planes);
		for (unsigned i = there; i-- > 0;)
			check_picture(v, film, i, &planes);
		for (unsigned i = 0, at = 7; i < 60; i++, at = (at * 31 + 17) % there)
			check_picture(v, film, at, &planes);
		assert_int_equal(hz_video_picture(v, there, &fault, &p), -EBADMSG);
		assert_int_equal(fault.code, HZ_DICOM_PIXELS_SHORT);
		check_picture(v, film, there / 2, &planes);
		hz_video_close(v);
		fake_bytes_done(&stream);
		fake_bytes_done(&planes);
	}
}

// A far picture costs the pictures since its key, not all before it.
static void test_decoding_begins_with_the_key_before(void **state)
{
	static const unsigned with_keys[] = {0, 5, 10}; // with leading pictures
	for (unsigned i = 0; i < sizeof(with_keys) / sizeof(with_keys[0]); i++) {
		unsigned film = with_keys[i];
		struct fake_bytes planes = {0}, stream = fake_film(&films[film], PICTURES, &planes);
		const struct hz_pixel_shape shape = fake_film_shape(&films[film]);
		struct hz_video_limits limits = generous;
		struct hz_dicom_fault fault = {0};
		struct hz_video *v = NULL;
		limits.pixels = (uint64_t)FILM_COLUMNS * FILM_ROWS * 24;
		assert_int_equal(hz_video_open(stream.data, stream.bytes, &shape, &limits, &fault, &v), 0);
		check_picture(v, film, 40, &planes);
		check_picture(v, film, 20, &planes);
		check_picture(v, film, 38, &planes);
		hz_video_close(v);
		fake_bytes_done(&stream);
		fake_bytes_done(&planes);
	}
}

// Without a key near by it is refused after so many pictures, and gone on with when it is asked for again.
static void test_work_is_bounded_and_goes_on(void **state)
{
	const unsigned film = 6; // intra refresh: one key picture
	struct fake_bytes planes = {0}, stream = fake_film(&films[film], PICTURES, &planes);
	const struct hz_pixel_shape shape = fake_film_shape(&films[film]);
	struct hz_video_limits limits = generous;
	struct hz_dicom_fault fault = {0};
	struct hz_video_planes p;
	struct hz_video *v = NULL;
	limits.pixels = (uint64_t)FILM_COLUMNS * FILM_ROWS * 10;
	assert_int_equal(hz_video_open(stream.data, stream.bytes, &shape, &limits, &fault, &v), 0);
	unsigned tries = 0;
	int err;
	while ((err = hz_video_picture(v, 40, &fault, &p)) == -EAGAIN && tries < 10)
		tries++;
	assert_int_equal(err, 0);
	assert_true(tries >= 3);
	check_picture(v, film, 40, &planes);
	hz_video_close(v);
	fake_bytes_done(&stream);
	fake_bytes_done(&planes);
}

static double nearest(double value, double most)
{
	return value < 0 ? 0 : value > most ? most : value;
}

// RGB is the formula's (BT.601, limited range: nothing else is said), within half a step.
static void check_rgb(const struct hz_frame *f, const uint8_t *planes, unsigned bits)
{
	double most = (1 << bits) - 1, step = 1 << (bits - 8);
	unsigned cell = bits > 8 ? 2 : 1;
	const uint8_t *blue = planes + (size_t)FILM_COLUMNS * FILM_ROWS * cell,
	              *red = blue + (size_t)FILM_COLUMNS * FILM_ROWS / 4 * cell;
	for (unsigned i = 0; i < FILM_COLUMNS * FILM_ROWS; i++) {
		unsigned x = i % FILM_COLUMNS, y = i / FILM_COLUMNS,
		         c = (y / 2 * (FILM_COLUMNS / 2) + x / 2) * cell;
		double l = cell == 2 ? planes[2 * i] | planes[2 * i + 1] << 8 : planes[i],
		       b = cell == 2 ? blue[c] | blue[c + 1] << 8 : blue[c],
		       r = cell == 2 ? red[c] | red[c + 1] << 8 : red[c];
		l = most * (l - 16 * step) / (219 * step);
		b = most * (b - 128 * step) / (224 * step);
		r = most * (r - 128 * step) / (224 * step);
		const double want[3] = {l + 1.402 * r, l - 0.344136 * b - 0.714136 * r, l + 1.772 * b};
		for (unsigned k = 0; k < 3; k++)
			if (fabs(hz_frame_sample(f, 3 * (size_t)i + k) - nearest(want[k], most)) >
			    0.501 + 1e-3 * step)
				fail_msg("pixel %u sample %u: %d, not %f", i, k,
				         hz_frame_sample(f, 3 * (size_t)i + k), want[k]);
	}
}

static void check_object(unsigned film, const struct fake_bytes *stream, const struct fake_bytes *planes,
                         unsigned fragments)
{
	struct fake_bytes file = fake_film_object(&films[film], stream, fragments, PICTURES);
	size_t picture = (size_t)FILM_COLUMNS * FILM_ROWS * 3 / 2 * (films[film].bits > 8 ? 2 : 1);
	struct hz_dicom_fault fault = {0};
	struct hz_dicom *d = NULL;
	assert_int_equal(hz_dicom_open(file.data, file.bytes, NULL, &fault, &d), 0);
	assert_true(hz_dicom_is_video(d));
	assert_int_equal(hz_dicom_image(d)->frames, PICTURES);
	assert_true(hz_dicom_image(d)->frame_time_ms == 40);
	for (unsigned i = 0; i < PICTURES; i += 15) {
		struct hz_frame f = {0};
		struct hz_rendered r = {0};
		const struct hz_look look = {0};
		if (decode_of(d, i, &fault, &f) < 0)
			fail_msg("film %u frame %u: %s", film, i, fault.text);
		assert_int_equal(f.photometric, HZ_RGB);
		assert_int_equal(f.bits_stored, films[film].bits);
		check_rgb(&f, planes->data + i * picture, films[film].bits);
		assert_int_equal(hz_render(d, i, &f, &look, &r), 0);
		hz_rendered_done(&r);
		hz_frame_done(&f);
	}
	char *json = NULL;
	size_t bytes = 0;
	assert_int_equal(hz_dicom_metadata(d, 1 << 20, &fault, &json, &bytes), 0);
	assert_non_null(strstr(json, "\"00083002\":{\"vr\":\"UI\",\"Value\":[\"1.2.840.10008.1.2.1\"]}"));
	assert_non_null(strstr(json, "\"00280004\":{\"vr\":\"CS\",\"Value\":[\"RGB\"]}"));
	free(json);
	hz_dicom_close(d);
	fake_bytes_done(&file);
}

static void test_objects_give_frames_in_rgb(void **state)
{
	static const unsigned some[] = {0, 4, 12};
	for (unsigned i = 0; i < 3; i++) {
		struct fake_bytes planes = {0}, stream = fake_film(&films[some[i]], PICTURES, &planes);
		check_object(some[i], &stream, &planes, 1);
		check_object(some[i], &stream, &planes, 17);
		fake_bytes_done(&stream);
		fake_bytes_done(&planes);
	}
}

// --- what is not as it should be

static enum hz_dicom_code code_of(const struct fake_bytes *file, uint32_t frame)
{
	struct hz_dicom_fault fault = {0};
	struct hz_dicom *d = NULL;
	struct hz_frame f = {0};
	int err = hz_dicom_open(file->data, file->bytes, NULL, &fault, &d);
	if (err == 0)
		err = decode_of(d, frame, &fault, &f);
	assert_true((err < 0) == (fault.text[0] != 0) || err == 0);
	hz_frame_done(&f);
	hz_dicom_close(d);
	return err < 0 ? fault.code : HZ_DICOM_OK;
}

static enum hz_dicom_code code_of_stream(unsigned film, const struct fake_bytes *stream, uint32_t frame)
{
	struct fake_bytes file = fake_film_object(&films[film], stream, 1, PICTURES);
	enum hz_dicom_code code = code_of(&file, frame);
	fake_bytes_done(&file);
	return code;
}

static void test_more_frames_than_there_are(void **state)
{
	struct fake_bytes stream = fake_film(&films[4], 20, NULL);
	assert_int_equal(code_of_stream(4, &stream, 19), HZ_DICOM_OK);
	assert_int_equal(code_of_stream(4, &stream, 20), HZ_DICOM_PIXELS_SHORT);
	assert_int_equal(code_of_stream(4, &stream, 45), HZ_DICOM_PIXELS_SHORT);
	fake_bytes_done(&stream);
}

// A stream that is cut gives what is whole; the file as well.
static void test_streams_that_are_cut(void **state)
{
	static const unsigned some[] = {0, 4, 8, 9, 10};
	for (unsigned i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
		struct fake_bytes stream = fake_film(&films[some[i]], PICTURES, NULL);
		struct fake_bytes file = fake_film_object(&films[some[i]], &stream, 1, PICTURES);
		bool mp4 = strcmp(films[some[i]].ending, "mp4") == 0; // its index is at its end
		stream.bytes = stream.bytes * 6 / 10;
		file.bytes = file.bytes - stream.bytes * 4 / 10;
		assert_int_equal(code_of_stream(some[i], &stream, 2),
		                 mp4 ? HZ_DICOM_CODESTREAM : HZ_DICOM_OK);
		enum hz_dicom_code last = code_of_stream(some[i], &stream, PICTURES - 1);
		assert_true(last == HZ_DICOM_PIXELS_SHORT || last == HZ_DICOM_CODESTREAM);
		assert_int_equal(code_of(&file, 2), mp4 ? HZ_DICOM_CODESTREAM : HZ_DICOM_OK);
		assert_int_not_equal(code_of(&file, PICTURES - 1), HZ_DICOM_OK);
		fake_bytes_done(&file);
		fake_bytes_done(&stream);
	}
}

struct outcome {
	unsigned good, refused, other;
};

static struct outcome outcome_of(unsigned film, const struct fake_bytes *stream,
                                 const struct fake_bytes *planes)
{
	const struct hz_pixel_shape shape = fake_film_shape(&films[film]);
	size_t cell = films[film].bits > 8 ? 2 : 1, luma = (size_t)FILM_COLUMNS * FILM_ROWS * cell;
	struct hz_dicom_fault fault = {0};
	struct hz_video_planes p;
	struct hz_video *v = NULL;
	struct outcome o = {0};
	if (hz_video_open(stream->data, stream->bytes, &shape, &generous, &fault, &v) == 0) {
		for (unsigned k = 0; k < PICTURES; k++) {
			int err = hz_video_picture(v, k, &fault, &p);
			bool same = err == 0 && same_plane(&p, 0, planes->data + k * luma * 3 / 2);
			assert_true(err == 0 || fault.text[0]);
			o.refused += err < 0;
			o.good += same;
			o.other += err == 0 && !same;
		}
	}
	hz_video_close(v);
	return o;
}

// Bytes turned over: what cannot be decoded is refused, what does not build upon it is given. What still decodes, decodes to something
// else: there is no sum over it (but HEVC's, where an encoder sends one).
static void test_damage(void **state)
{
	static const unsigned some[] = {0, 4, 12};
	for (unsigned i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
		struct fake_bytes planes = {0}, stream = fake_film(&films[some[i]], PICTURES, &planes);
		struct outcome sum = {0};
		for (unsigned n = 0; n < 8; n++) {
			size_t at = stream.bytes / 3 + n * 997 % (stream.bytes / 3);
			uint8_t kept[64];
			memcpy(kept, stream.data + at, sizeof(kept));
			memset(stream.data + at, n % 2 ? 0xff : 0, sizeof(kept));
			struct outcome o = outcome_of(some[i], &stream, &planes);
			memcpy(stream.data + at, kept, sizeof(kept));
			sum.good += o.good;
			sum.refused += o.refused;
			sum.other += o.other;
		}
		print_message("%s: %u as they were, %u refused, %u others\n", films[some[i]].ending, sum.good,
		              sum.refused, sum.other);
		assert_true(sum.refused > 0 && sum.good > 0);
		fake_bytes_done(&stream);
		fake_bytes_done(&planes);
	}
}

// The n-th unit that `is` one: from its start code to the next one.
static bool cut_unit(struct fake_bytes *s, bool (*is)(const uint8_t *unit), unsigned n)
{
	size_t from = 0;
	for (size_t i = 0; i + 5 < s->bytes; i++) {
		if (s->data[i] || s->data[i + 1] || s->data[i + 2] != 1)
			continue;
		if (from) {
			memmove(s->data + from, s->data + i, s->bytes - i);
			s->bytes -= i - from;
			return true;
		}
		if (is(s->data + i + 3) && n-- == 0)
			from = i;
	}
	return false;
}

static bool mpeg2_slice(const uint8_t *unit)
{
	return unit[0] >= 2 && unit[0] <= 5; // not the first row of a picture
}

static bool h264_slice(const uint8_t *unit)
{
	return (unit[0] & 31) == 1 && !(unit[1] & 0x80); // first_mb_in_slice is not 0
}

static bool hevc_slice(const uint8_t *unit)
{
	return unit[0] >> 1 <= 9 && !(unit[2] & 0x80); // not first_slice_segment_in_pic
}

static bool h264_picture(const uint8_t *unit)
{
	return (unit[0] & 31) == 1 && (unit[0] & 0x60); // others refer to it
}

// What libavcodec passes over in silence: a part of a picture that is not there, and a picture that others refer to.
static void test_lost_slices_and_pictures(void **state)
{
	static const struct fake_film sliced[] = {
	    {NULL, X264 "keyint=100:bframes=0:slices=4", "h264", 8},
	    {NULL, X265 "keyint=100:bframes=0:slices=2:hash=0:ctu=16:min-cu-size=8", "hevc", 8}};
	bool (*const kinds[])(const uint8_t *) = {mpeg2_slice, h264_slice, hevc_slice, h264_picture};
	for (unsigned i = 0; i < 4; i++) {
		const struct fake_film *film = i == 0 ? &films[0] : i == 3 ? &films[4] : &sliced[i - 1];
		struct fake_bytes planes = {0}, stream = fake_film(film, PICTURES, &planes);
		struct outcome whole = outcome_of(0, &stream, &planes);
		assert_int_equal(whole.good, PICTURES);
		assert_true(cut_unit(&stream, kinds[i], 20));
		struct outcome o = outcome_of(0, &stream, &planes);
		print_message("lost %u: %u as they were, %u refused, %u others\n", i, o.good, o.refused,
		              o.other);
		assert_true(o.refused > 0 && o.good > 0);
		if (i < 3) // behind a lost picture the numbers are other ones
			assert_int_equal(o.other, 0);
		fake_bytes_done(&stream);
		fake_bytes_done(&planes);
	}
}

static void test_sizes_that_disagree(void **state)
{
	static const unsigned some[] = {0, 4, 8, 10};
	for (unsigned i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
		struct fake_bytes stream = fake_film(&films[some[i]], 12, NULL);
		struct hz_pixel_shape shape = fake_film_shape(&films[some[i]]);
		struct hz_dicom_fault fault = {0};
		struct hz_video *v = NULL;
		shape.rows += 2;
		assert_true(hz_video_open(stream.data, stream.bytes, &shape, &generous, &fault, &v) < 0);
		assert_int_equal(fault.code, HZ_DICOM_SIZE);
		shape.rows -= 2;
		shape.samples = 1;
		assert_true(hz_video_open(stream.data, stream.bytes, &shape, &generous, &fault, &v) < 0);
		assert_int_equal(fault.code, HZ_DICOM_COMPONENTS);
		fake_bytes_done(&stream);
	}
}

static void test_bits_that_disagree(void **state)
{
	struct fake_film film = films[12];
	struct fake_bytes stream = fake_film(&film, 12, NULL);
	film.bits = 8;
	struct fake_bytes file = fake_film_object(&film, &stream, 1, 12);
	assert_int_equal(code_of(&file, 0), HZ_DICOM_BITS);
	fake_bytes_done(&file);
	fake_bytes_done(&stream);
}

// The stream decides, not the label; what is no stream of these three is named.
static void test_labels_that_lie(void **state)
{
	struct fake_bytes stream = fake_film(&films[4], PICTURES, NULL);
	assert_int_equal(code_of_stream(0, &stream, 5), HZ_DICOM_OK); // H.264 that is called MPEG-2
	fake_bytes_done(&stream);
	const struct fake_film other = {.options = "-an -c:v mpeg4", .ending = "mp4", .bits = 8};
	stream = fake_film(&other, 12, NULL);
	assert_int_equal(code_of_stream(4, &stream, 0), HZ_DICOM_UNSUPPORTED);
	fake_bytes_done(&stream);
	const struct fake_film html = {.options = "-an -c:v mjpeg", .ending = "mkv", .bits = 8};
	stream = fake_film(&html, 12, NULL);
	assert_int_equal(code_of_stream(4, &stream, 0), HZ_DICOM_CODESTREAM);
	memset(stream.data, 0, stream.bytes);
	assert_int_equal(code_of_stream(4, &stream, 0), HZ_DICOM_CODESTREAM);
	fake_bytes_done(&stream);
}

int main(void)
{
	if (hz_dicom_init() < 0)
		return 1;
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_pictures_are_ffmpegs),
	    cmocka_unit_test(test_decoding_begins_with_the_key_before),
	    cmocka_unit_test(test_work_is_bounded_and_goes_on),
	    cmocka_unit_test(test_objects_give_frames_in_rgb),
	    cmocka_unit_test(test_more_frames_than_there_are),
	    cmocka_unit_test(test_streams_that_are_cut),
	    cmocka_unit_test(test_damage),
	    cmocka_unit_test(test_lost_slices_and_pictures),
	    cmocka_unit_test(test_sizes_that_disagree),
	    cmocka_unit_test(test_bits_that_disagree),
	    cmocka_unit_test(test_labels_that_lie),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
