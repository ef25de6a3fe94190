#include "tests/unit/hls/fake_programme.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct fake_file *find(const struct fake_store *s, const char *name)
{
	for (size_t i = s->count; i-- > 0;)
		if (s->file[i].there && strcmp(s->file[i].name, name) == 0)
			return &s->file[i];
	return NULL;
}

static int write_file(struct fake_store *s, const char *name, const uint8_t *data, size_t bytes, bool again)
{
	struct fake_file *f = find(s, name);
	if (s->fail)
		return s->fail;
	if (f && !again)
		s->wrong = true;
	if (!f) {
		size_t free_at = 0;
		while (free_at < s->count && s->file[free_at].there)
			free_at++;
		if (free_at == s->count && s->count == s->room) {
			s->room = s->room ? 2 * s->room : 64;
			s->file = realloc(s->file, s->room * sizeof(*s->file));
			assert_non_null(s->file);
		}
		s->count += free_at == s->count;
		f = &s->file[free_at];
		*f = (struct fake_file){.there = true};
		snprintf(f->name, sizeof(f->name), "%s", name);
	}
	free(f->data);
	f->data = malloc(bytes + 1);
	assert_non_null(f->data);
	memcpy(f->data, data, bytes);
	f->data[bytes] = 0;
	f->bytes = bytes;
	s->puts++;
	return 0;
}

static int put(void *ctx, const char *name, const uint8_t *data, size_t bytes)
{
	return write_file(ctx, name, data, bytes, false);
}

static int replace(void *ctx, const char *name, const uint8_t *data, size_t bytes)
{
	struct fake_store *s = ctx;
	int err = write_file(s, name, data, bytes, true);
	if (!err && s->on_playlist)
		s->on_playlist(s->arg, name, (const char *)find(s, name)->data);
	return err;
}

static int remove_file(void *ctx, const char *name)
{
	struct fake_store *s = ctx;
	struct fake_file *f = find(s, name);
	if (s->fail_remove)
		return s->fail_remove;
	if (!f)
		return -ENOENT;
	free(f->data);
	f->data = NULL;
	f->there = false;
	return 0;
}

struct hz_hls_store fake_store(struct fake_store *s)
{
	return (struct hz_hls_store){.ctx = s, .put = put, .replace = replace, .remove = remove_file};
}

void fake_store_free(struct fake_store *s)
{
	for (size_t i = 0; i < s->count; i++)
		free(s->file[i].data);
	free(s->file);
}

const struct fake_file *fake_file(const struct fake_store *s, const char *name)
{
	return find(s, name);
}

const char *fake_text(const struct fake_store *s, const char *name)
{
	const struct fake_file *f = find(s, name);
	if (!f)
		fail_msg("no %s", name);
	return (const char *)f->data;
}

static void each_number(const struct fake_store *s, void (*fn)(void *arg, long number), void *arg)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct fake_file *f = &s->file[i];
		const uint8_t *at = f->data, *end = f->there ? f->data + f->bytes : f->data;
		while (at && at < end && (at = memmem(at, (size_t)(end - at), "NUMBER=", 7)))
			fn(arg, strtol((const char *)(at += 7), NULL, 10));
	}
}

static void keep_newest(void *arg, long number)
{
	long *newest = arg;
	if (number > *newest && number < FAKE_SLATE)
		*newest = number;
}

long fake_newest_number(const struct fake_store *s)
{
	long newest = -1;
	each_number(s, keep_newest, &newest);
	return newest;
}

struct range {
	long from, until;
	unsigned count;
};

static void count_number(void *arg, long number)
{
	struct range *r = arg;
	r->count += number >= r->from && number < r->until;
}

unsigned fake_holds(const struct fake_store *s, long from, long until)
{
	struct range r = {.from = from, .until = until};
	each_number(s, count_number, &r);
	return r.count;
}

struct bits {
	uint8_t *at;
	unsigned used;
};

static void put_bits(struct bits *b, uint32_t value, unsigned count)
{
	while (count-- > 0) {
		if (b->used % 8 == 0)
			b->at[b->used / 8] = 0;
		b->at[b->used / 8] |= (uint8_t)((value >> count & 1) << (7 - b->used % 8));
		b->used++;
	}
}

static void put_ue(struct bits *b, uint32_t value)
{
	unsigned bits = 0;
	for (uint32_t v = value + 1; v > 1; v >>= 1)
		bits++;
	put_bits(b, 0, bits);
	put_bits(b, value + 1, bits + 1);
}

static size_t start(uint8_t *buf, uint8_t head)
{
	memcpy(buf, (uint8_t[]){0, 0, 0, 1, head}, 5);
	return 5;
}

static size_t put_sps(uint8_t *buf, unsigned width, unsigned height)
{
	size_t at = start(buf, 0x67);
	memcpy(buf + at, (uint8_t[]){66, 0xc0, 31}, 3);
	struct bits b = {.at = buf + at + 3};
	put_ue(&b, 0);               // id
	put_ue(&b, 0);               // log2_max_frame_num_minus4
	put_ue(&b, 2);               // pic_order_cnt_type
	put_ue(&b, 1);               // max_num_ref_frames
	put_bits(&b, 0, 1);          // gaps
	put_ue(&b, width / 16 - 1);  // pic_width_in_mbs_minus1
	put_ue(&b, height / 16 - 1); // pic_height_in_map_units_minus1
	put_bits(&b, 1, 1);          // frame_mbs_only_flag
	put_bits(&b, 1, 1);          // direct_8x8_inference_flag
	put_bits(&b, 0, 1);          // frame_cropping_flag
	put_bits(&b, 0, 1);          // vui
	put_bits(&b, 1, 1);          // stop
	return at + 3 + (b.used + 7) / 8;
}

size_t fake_video(uint8_t *buf, bool key, unsigned width, unsigned height, long number, size_t filler)
{
	size_t at = start(buf, 9);
	buf[at++] = 0xf0;
	if (key) {
		at += put_sps(buf + at, width, height);
		at += start(buf + at, 0x68);
		memcpy(buf + at, (uint8_t[]){0xce, 0x3c, 0x80}, 3);
		at += 3;
	}
	at += start(buf + at, 6);
	at += (size_t)sprintf((char *)buf + at, "\x05\x20NUMBER=%09ld;", number);
	buf[at++] = 0x80;
	at += start(buf + at, key ? 0x65 : 0x41);
	buf[at++] = 0x88;
	memset(buf + at, 0x55, filler);
	return at + filler;
}

size_t fake_sound(uint8_t *buf, long number)
{
	return (size_t)sprintf((char *)buf, "NUMBER=%09ld;", number);
}

void fake_slate(struct fake_programme *p)
{
	uint8_t buf[4096];
	for (unsigned t = 0; t < p->videos; t++)
		for (int i = 0; i < 50; i++) {
			struct hz_hls_unit u = {.data = buf, .pts = i * 3600, .dts = i * 3600};
			u.bytes = fake_video(buf, i == 0, 320, 192, FAKE_SLATE + i, 10);
			assert_int_equal(hz_hls_slate(p->h, t, &u), 0);
		}
	for (unsigned t = 0; t < p->sounds; t++)
		for (int i = 0; i < 10; i++) {
			struct hz_hls_unit u = {
			    .data = buf, .bytes = fake_sound(buf, FAKE_SLATE + i), .pts = i * 1024};
			assert_int_equal(hz_hls_slate(p->h, p->videos + t, &u), 0);
		}
}

static int64_t picture_us(const struct fake_programme *p, long picture)
{
	return picture * 1000000 / p->fps;
}

static void send_picture(struct fake_programme *p)
{
	uint8_t buf[4096];
	for (unsigned t = 0; t < p->videos; t++) {
		struct hz_hls_unit u = {.data = buf, .mark_us = FAKE_ZERO_US + picture_us(p, p->picture)};
		u.pts = u.dts = p->picture * 90000 / p->fps + p->pts_shift;
		u.bytes = fake_video(buf, p->picture % p->gop == 0, p->width << t, (p->width << t) / 2,
		                     p->picture, 200u << t);
		p->last_error = p->blind ? 0 : hz_hls_push(p->h, t, &u);
	}
	p->picture++;
}

static void send_sound(struct fake_programme *p)
{
	uint8_t buf[64];
	for (unsigned t = 0; t < p->sounds; t++) {
		int64_t us = p->frame * 1024 * 125 / 6;
		struct hz_hls_unit u = {.data = buf, .mark_us = FAKE_ZERO_US + us};
		u.pts = p->frame * 1024 + p->pts_shift * 8 / 15;
		u.bytes = fake_sound(buf, us * p->fps / 1000000); // as the picture of that time
		p->last_error = p->silent ? 0 : hz_hls_push(p->h, p->videos + t, &u);
	}
	p->frame++;
}

void fake_run(struct fake_programme *p, int64_t until_us)
{
	while (picture_us(p, p->picture) < until_us) {
		while (p->frame * 1024 * 125 / 6 < picture_us(p, p->picture + 1))
			send_sound(p);
		send_picture(p);
		if (p->picture % 8 == 0)
			p->last_error = hz_hls_tick(p->h, FAKE_ZERO_US + picture_us(p, p->picture));
	}
}

struct hz_hls *fake_open(struct fake_programme *p, struct fake_store *s, struct hz_hls_open *with)
{
	static const char *const names[] = {"360p", "540p", "720p", "1080p"};
	static const uint8_t aac[] = {0x11, 0x90};
	p->gop = p->gop ? p->gop : 50;
	p->fps = p->fps ? p->fps : 25;
	p->width = p->width ? p->width : 320;
	with->store = fake_store(s);
	with->videos = p->videos;
	with->sounds = p->sounds;
	with->delay_us = with->delay_us ? with->delay_us : 2000000;
	for (unsigned i = 0; i < p->videos; i++)
		with->video[i].name = names[i];
	for (unsigned i = 0; i < p->sounds; i++)
		with->sound[i] = (struct hz_hls_sound_open){.name = i ? "voice" : "floor",
		                                            .language = i ? "en" : "zh",
		                                            .codec = HZ_HLS_AAC,
		                                            .channels = 2,
		                                            .config = aac,
		                                            .config_bytes = 2};
	assert_int_equal(hz_hls_new(with, &p->h), 0);
	return p->h;
}
