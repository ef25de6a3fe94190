#include "tests/unit/finalize/fake_media.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libavformat/avformat.h>

#include "tests/unit/rtp/cmocka_all.h"

#include "media/rtp/bytes.h"
#include "media/rtp/rtcp.h"

#define MTU 1100

// --- clips

static struct fake_clip read_clip(const char *path)
{
	struct fake_clip clip = {0};
	AVFormatContext *f = NULL;
	AVPacket *p = av_packet_alloc();
	size_t room = 0;
	av_log_set_level(AV_LOG_ERROR);
	assert_int_equal(avformat_open_input(&f, path, NULL, NULL), 0);
	while (av_read_frame(f, p) >= 0) {
		if (clip.count == room) {
			room = room ? room * 2 : 256;
			clip.frame = realloc(clip.frame, room * sizeof(*clip.frame));
			assert_non_null(clip.frame);
		}
		struct fake_frame *frame = &clip.frame[clip.count++];
		*frame =
		    (struct fake_frame){malloc((size_t)p->size), (size_t)p->size, p->flags & AV_PKT_FLAG_KEY};
		memcpy(frame->data, p->data, frame->bytes);
		av_packet_unref(p);
	}
	av_packet_free(&p);
	avformat_close_input(&f);
	assert_true(clip.count > 0);
	return clip;
}

static struct fake_clip encode(const char *input, const char *options, const char *extension)
{
	char path[64], command[1024];
	snprintf(path, sizeof(path), "/dev/shm/hz-clip-%d.%s", (int)getpid(), extension);
	snprintf(command, sizeof(command), "ffmpeg -v error -y -f lavfi -i \"%s\" %s %s", input, options,
	         path);
	assert_int_equal(system(command), 0);
	struct fake_clip clip = read_clip(path);
	unlink(path);
	return clip;
}

struct fake_clip fake_video(const char *codec, int width, int height, int fps, int seconds, int key_s)
{
	const struct fake_picture want = {.codec = codec,
	                                  .width = width,
	                                  .height = height,
	                                  .fps = fps,
	                                  .seconds = seconds,
	                                  .key_s = key_s,
	                                  .bps = width * height < 150000 ? 300000 : width * height * 2};
	return fake_video_at(&want);
}

struct fake_clip fake_video_at(const struct fake_picture *want)
{
	char input[512], options[256];
	const char *codec = want->codec;
	int gop = want->key_s * want->fps, bps = want->bps;
	snprintf(input, sizeof(input),
	         "testsrc2=s=%dx%d:r=%d:d=%d,format=yuv420p,lutyuv=y=16+val/4,drawbox=c=white:t=fill:"
	         "enable='lt(mod(t+0.001,1),0.1)'",
	         want->width, want->height, want->fps, want->seconds);
	if (strcmp(codec, "h264") == 0) {
		snprintf(options, sizeof(options),
		         "-c:v libx264 -preset ultrafast -profile:v baseline -threads 1 -b:v %d -g %d "
		         "-keyint_min %d "
		         "-sc_threshold 0 -bf 0",
		         bps, gop, gop);
		return encode(input, options, "h264");
	}
	if (strcmp(codec, "av1") == 0) {
		snprintf(options, sizeof(options),
		         "-c:v libaom-av1 -usage realtime -cpu-used 8 -lag-in-frames 0 -b:v %d -g %d "
		         "-keyint_min %d "
		         "-threads 1",
		         bps, gop, gop);
		return encode(input, options, "ivf");
	}
	snprintf(options, sizeof(options),
	         "-c:v %s -deadline realtime -cpu-used 8 -lag-in-frames 0 -auto-alt-ref 0 -error-resilient 1 "
	         "-b:v %d "
	         "-g %d -keyint_min %d -threads 1",
	         strcmp(codec, "vp8") == 0 ? "libvpx" : "libvpx-vp9", bps, gop, gop);
	return encode(input, options, "ivf");
}

struct fake_clip fake_audio(double ppm, int seconds)
{
	char input[256];
	snprintf(input, sizeof(input),
	         "aevalsrc='if(lt(mod(t/%.9f+0.0001,1),0.1),0.5*sin(2*PI*1000*t),0)':s=48000:d=%d",
	         1 + ppm * 1e-6, seconds);
	return encode(input, "-c:a libopus -b:a 24k -application voip -frame_duration 20 -ac 1 -vbr on",
	              "ogg");
}

struct fake_clip fake_speech(int seconds)
{
	char input[256];
	snprintf(input, sizeof(input),
	         "anoisesrc=c=pink:a=0.5:r=48000:d=%d:seed=1,lowpass=f=4000,tremolo=f=4:d=0.9", seconds);
	return encode(input, "-c:a libopus -b:a 32k -application voip -frame_duration 20 -ac 1 -vbr on",
	              "ogg");
}

void fake_clip_free(struct fake_clip *clip)
{
	for (size_t i = 0; i < clip->count; i++)
		free(clip->frame[i].data);
	free(clip->frame);
	*clip = (struct fake_clip){0};
}

// --- items

void fake_add(struct fake_list *list, uint32_t track, uint16_t what, double at_s, const void *data,
              size_t bytes)
{
	if (list->count == list->room) {
		list->room = list->room ? list->room * 2 : 1024;
		list->item = realloc(list->item, list->room * sizeof(*list->item));
		assert_non_null(list->item);
	}
	struct fake_item *i = &list->item[list->count];
	int64_t us = llround(at_s * 1e6);
	*i = (struct fake_item){.item = {.track = track,
	                                 .kind = (uint8_t)what,
	                                 .flags = (uint8_t)(what >> 8),
	                                 .segment = 1,
	                                 .at_us = 1000000000 + us,
	                                 .wall_us = FAKE_ZERO_US + us,
	                                 .bytes = bytes},
	                        .data = malloc(bytes ? bytes : 1),
	                        .order = list->count};
	memcpy(i->data, data, bytes);
	i->item.data = i->data;
	list->count++;
}

void fake_json(struct fake_list *list, uint8_t kind, double at_s, const char *format, ...)
{
	char text[2048];
	va_list ap;
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	fake_add(list, 0, kind, at_s, text, strlen(text));
}

void fake_list_free(struct fake_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->item[i].data);
	free(list->item);
	*list = (struct fake_list){0};
}

static int by_arrival(const void *a, const void *b)
{
	const struct fake_item *x = a, *y = b;
	if (x->item.at_us != y->item.at_us)
		return x->item.at_us < y->item.at_us ? -1 : 1;
	return (x->order > y->order) - (x->order < y->order);
}

void fake_sort(struct fake_list *list)
{
	qsort(list->item, list->count, sizeof(*list->item), by_arrival);
}

static int next(void *arg, struct hz_journal_item *ret)
{
	struct fake_list *list = arg;
	if (list->at == list->count)
		return 0;
	*ret = list->item[list->at++].item;
	return 1;
}

static int rewind_items(void *arg)
{
	((struct fake_list *)arg)->at = 0;
	return 0;
}

struct hz_items fake_items(struct fake_list *list)
{
	return (struct hz_items){next, rewind_items, list};
}

void fake_describe(struct fake_list *list, uint32_t track, const char *participant, const char *source,
                   double at_s)
{
	bool audio = strcmp(source, "microphone") == 0;
	fake_json(list, HZ_RECORD_TRACK, at_s,
	          "{\"track\":%u,\"key\":\"%s.%s.1\",\"participant\":\"%s\",\"source\":\"%s\",\"kind\":\"%"
	          "s\",\"pts\":[%s]}",
	          track, participant, source, participant, source, audio ? "audio" : "video",
	          audio ? "{\"pt\":111,\"codec\":\"opus\",\"clock_hz\":48000},{\"pt\":63,\"codec\":\"red\"}"
	                : "{\"pt\":96,\"codec\":\"vp8\"},{\"pt\":98,\"codec\":\"vp9\"},{\"pt\":102,\"codec\":"
	                  "\"h264\"},"
	                  "{\"pt\":45,\"codec\":\"av1\"}");
}

// --- a publisher

struct sender {
	const struct fake_publisher *p;
	struct fake_list *list;
	uint32_t seed;
	uint16_t seq, picture_id;
	uint32_t ts;
	double t; // true time of the frame
	uint8_t last_audio[3][1500];
	size_t last_bytes[3];
};

static double chance(struct sender *s)
{
	s->seed = s->seed * 1664525 + 1013904223;
	return (double)(s->seed >> 8) / 16777216.0;
}

static bool within(double t, double from, double until)
{
	return until > from && t >= from && t < until;
}

static bool muted(const struct fake_publisher *p, double t)
{
	double at = p->pieces ? fmod(t + 17 * p->phase, p->period_s) : 0;
	return within(t, p->mute_from_s, p->mute_until_s) ||
	       (p->pieces && p->fps == 50 && within(at, 100.3, 106.3));
}

static bool dropped(const struct fake_publisher *p, double t)
{
	double at = p->pieces ? fmod(t + 17 * p->phase, p->period_s) : 0;
	return within(t, p->drop_from_s, p->drop_until_s) || (p->pieces && within(at, 160.7, 165.7));
}

static void send_packet(struct sender *s, const uint8_t *payload, size_t bytes, bool marker)
{
	const struct fake_publisher *p = s->p;
	uint8_t packet[1600] = {0x80, (uint8_t)(p->pt | (marker ? 0x80 : 0))};
	hz_put16(packet + 2, s->seq++);
	hz_put32(packet + 4, s->ts);
	hz_put32(packet + 8, p->ssrc);
	assert_true(bytes <= sizeof(packet) - 12);
	memcpy(packet + 12, payload, bytes);
	double delay = 0.030 + 0.030 * pow(chance(s), 4);
	bool lost = dropped(p, s->t) || chance(s) < p->loss;
	if (chance(s) < p->repaired)
		delay += 0.3;
	if (lost)
		return;
	fake_add(s->list, p->track, (uint16_t)(HZ_RECORD_RTP | p->layer << 8), s->t + delay, packet,
	         bytes + 12);
	if (chance(s) < p->twice)
		fake_add(s->list, p->track, (uint16_t)(HZ_RECORD_RTP | p->layer << 8), s->t + delay + 0.05,
		         packet, bytes + 12);
}

static size_t next_start_code(const uint8_t *d, size_t bytes, size_t at, size_t *ret_code)
{
	for (; at + 3 <= bytes; at++)
		if (d[at] == 0 && d[at + 1] == 0 && d[at + 2] == 1) {
			*ret_code = at > 0 && d[at - 1] == 0 ? at - 1 : at;
			return at + 3;
		}
	*ret_code = bytes;
	return bytes;
}

static void send_nal(struct sender *s, const uint8_t *nal, size_t bytes, bool last)
{
	uint8_t buf[MTU + 2];
	if (bytes <= MTU + 1) { // one fragment alone is forbidden
		send_packet(s, nal, bytes, last);
		return;
	}
	for (size_t at = 1; at < bytes;) {
		size_t n = bytes - at < MTU ? bytes - at : MTU;
		buf[0] = (uint8_t)((nal[0] & 0xe0) | 28);
		buf[1] = (uint8_t)((nal[0] & 0x1f) | (at == 1 ? 0x80 : 0) | (at + n == bytes ? 0x40 : 0));
		memcpy(buf + 2, nal + at, n);
		at += n;
		send_packet(s, buf, n + 2, last && at == bytes);
	}
}

static void send_h264(struct sender *s, const struct fake_frame *f)
{
	uint8_t stap[MTU] = {24 | 0x60};
	size_t stap_bytes = 1, code;
	for (size_t at = next_start_code(f->data, f->bytes, 0, &code); at < f->bytes;) {
		size_t start = at;
		at = next_start_code(f->data, f->bytes, at, &code);
		size_t bytes = code - start;
		uint8_t type = f->data[start] & 0x1f;
		if (type >= 6 && type <= 9 && bytes < 200) { // parameter sets and SEI together
			hz_put16(stap + stap_bytes, (uint16_t)bytes);
			memcpy(stap + stap_bytes + 2, f->data + start, bytes);
			stap_bytes += 2 + bytes;
			continue;
		}
		if (stap_bytes > 1)
			send_packet(s, stap, stap_bytes, false);
		stap_bytes = 1;
		send_nal(s, f->data + start, bytes, at >= f->bytes);
	}
}

static void send_vpx(struct sender *s, const struct fake_frame *f, bool vp9)
{
	uint8_t buf[MTU + 4];
	for (size_t at = 0; at < f->bytes;) {
		size_t n = f->bytes - at < MTU ? f->bytes - at : MTU, head;
		if (vp9) {
			buf[0] = (uint8_t)(0x80 | (f->key ? 0 : 0x40) | (at == 0 ? 8 : 0) |
			                   (at + n == f->bytes ? 4 : 0));
			hz_put16(buf + 1, 0x8000 | s->picture_id);
			head = 3;
		} else {
			buf[0] = (uint8_t)(0x80 | (at == 0 ? 0x10 : 0));
			buf[1] = 0x80;
			hz_put16(buf + 2, 0x8000 | s->picture_id);
			head = 4;
		}
		memcpy(buf + head, f->data + at, n);
		at += n;
		send_packet(s, buf, n + head, at == f->bytes);
	}
	s->picture_id = (s->picture_id + 1) & 0x7fff;
}

static void send_obu(struct sender *s, const uint8_t *obu, size_t bytes, bool last, bool fresh)
{
	uint8_t buf[MTU + 1];
	for (size_t at = 0; at < bytes;) {
		size_t n = bytes - at < MTU ? bytes - at : MTU;
		buf[0] = (uint8_t)(0x10 | (at ? 0x80 : 0) | (at + n < bytes ? 0x40 : 0) |
		                   (fresh && at == 0 ? 8 : 0));
		memcpy(buf + 1, obu + at, n);
		at += n;
		send_packet(s, buf, n + 1, last && at == bytes);
	}
}

static void send_av1(struct sender *s, const struct fake_frame *f)
{
	uint8_t *obu = malloc(f->bytes);
	bool fresh = f->key;
	for (size_t at = 0; at < f->bytes;) {
		uint8_t type = f->data[at] >> 3 & 15, header = f->data[at++] & 0xfd;
		size_t size = 0, shift = 0;
		do {
			size |= (size_t)(f->data[at] & 0x7f) << shift;
			shift += 7;
		} while (f->data[at++] & 0x80);
		obu[0] = header;
		memcpy(obu + 1, f->data + at, size);
		at += size;
		if (type != 2)
			send_obu(s, obu, size + 1, at >= f->bytes, fresh);
		fresh = fresh && type == 2;
	}
	free(obu);
}

static void send_red(struct sender *s, const struct fake_frame *f)
{
	uint8_t buf[1400];
	size_t at = 0;
	for (int i = 1; i >= 0; i--)
		if (s->last_bytes[i]) {
			buf[at++] = 0x80 | 111;
			hz_put24(buf + at, (uint32_t)(960 * (i + 1)) << 10 | (uint32_t)s->last_bytes[i]);
			at += 3;
		}
	buf[at++] = 111;
	for (int i = 1; i >= 0; i--) {
		memcpy(buf + at, s->last_audio[i], s->last_bytes[i]);
		at += s->last_bytes[i];
	}
	memcpy(buf + at, f->data, f->bytes);
	send_packet(s, buf, at + f->bytes, false);
	memcpy(s->last_audio[1], s->last_audio[0], s->last_bytes[0]);
	s->last_bytes[1] = s->last_bytes[0];
	memcpy(s->last_audio[0], f->data, f->bytes);
	s->last_bytes[0] = f->bytes;
}

static void send_frame(struct sender *s, const struct fake_frame *f)
{
	const char *codec = s->p->codec;
	if (strcmp(codec, "h264") == 0)
		send_h264(s, f);
	else if (strcmp(codec, "vp8") == 0 || strcmp(codec, "vp9") == 0)
		send_vpx(s, f, codec[2] == '9');
	else if (strcmp(codec, "av1") == 0)
		send_av1(s, f);
	else if (strcmp(codec, "red") == 0)
		send_red(s, f);
	else
		send_packet(s, f->data, f->bytes, false);
}

static void send_report(struct sender *s)
{
	const struct fake_publisher *p = s->p;
	uint8_t block[24] = {0};
	double ntp = 3900000000.0 + p->ntp_offset_s + s->t * (1 + p->ntp_ppm * 1e-6);
	hz_put32(block, p->ssrc);
	hz_put64(block + 4, hz_ntp_from_us(llround(ntp * 1e6)));
	hz_put32(block + 12, s->ts);
	if (!dropped(p, s->t))
		fake_add(s->list, p->track, HZ_RECORD_SR, s->t + 0.030 + 0.030 * pow(chance(s), 4), block,
		         24);
}

void fake_publish(struct fake_list *list, const struct fake_publisher *publisher,
                  const struct fake_clip *clip)
{
	const struct fake_publisher *p = publisher;
	bool audio = p->fps == 50;
	struct sender s = {.p = p, .list = list, .seed = p->seed + 1, .seq = p->first_seq};
	double hz = audio ? 48000 : 90000, report = p->start_s + 0.4;
	size_t count = p->loop ? (size_t)(p->until_s * p->fps) : clip->count;
	for (size_t i = 0; i < count; i++) {
		// sound is sampled by its own clock: a frame is 960 samples of that. Pictures are taken at true times
		double u = (double)i / p->fps;
		if (p->jitter_s > 0)
			u += p->jitter_s * (2 * chance(&s) - 1);
		s.t = p->start_s + (audio ? u / (1 + p->ppm * 1e-6) : u);
		s.ts = p->first_ts + (uint32_t)llround((s.t - p->start_s) * hz * (1 + p->ppm * 1e-6));
		if (p->until_s > 0 && !within(s.t, p->from_s, p->until_s))
			continue;
		if (!muted(p, s.t))
			send_frame(&s, &clip->frame[i % clip->count]);
		if (!p->no_reports && s.t >= report) {
			send_report(&s);
			report += audio ? 5 : 1;
		}
	}
}
