#include "tests/record/hour.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <openssl/evp.h>

#include "media/rtp/bytes.h"
#include "recorder/journal/writer.h"

#define BASE_US 1000000000ll // monotonic time of t = 0, as fake_media has it
#define SEAL_US 250000
#define SYNCED  16 // seals: nobody reads what is written meanwhile
#define FPS     30
#define CLIP_S  10

static void check(int err, const char *what)
{
	if (!err)
		return;
	fprintf(stderr, "hour: %s: %s\n", what, strerror(-err));
	exit(1);
}

// --- what is sent

static void begin_s(const struct hour_settings *s, unsigned p, double *ret_video, double *ret_audio)
{
	double half = p % 2 ? 0.5 : 0;
	*ret_video = s->rough && p == 0 ? 7 : 2 + half;
	*ret_audio = p == 0 ? 0 : 1 + half;
}

static void publish(struct fake_list *list, const struct hour_settings *s, unsigned p,
                    const struct fake_clip *video, const struct fake_clip *audio)
{
	double ppm = p % 2 ? -200 : 200, video_s, audio_s;
	begin_s(s, p, &video_s, &audio_s);
	struct fake_publisher v = {.codec = "h264",
	                           .pt = 102,
	                           .fps = FPS,
	                           .repaired = 0.01,
	                           .twice = 0.005,
	                           .ntp_ppm = ppm / 2,
	                           .ntp_offset_s = p % 2 ? -9e5 : 500,
	                           .until_s = s->length_s,
	                           .loop = true,
	                           .pieces = s->rough,
	                           .period_s = p % 2 ? 420 : 300,
	                           .phase = p};
	struct fake_publisher a = v;
	v.loss = s->rough ? 0.00005 : 0;
	a.codec = "opus", a.pt = 111, a.fps = 50, a.twice = 0, a.loss = s->rough ? 0.005 : 0;
	v.track = 2 * p + 1, v.ssrc = 2 * p + 11, v.ppm = -ppm, v.seed = 2 * p + 1;
	a.track = 2 * p + 2, a.ssrc = 2 * p + 12, a.ppm = ppm, a.seed = 2 * p + 2;
	v.start_s = v.from_s = video_s;
	a.start_s = a.from_s = audio_s;
	fake_publish(list, &v, video);
	fake_publish(list, &a, audio);
}

// The NAL units of an Annex B frame, each behind its length. Returns how many.
static unsigned units_of(const struct fake_frame *f, uint8_t *ret, size_t *ret_bytes)
{
	unsigned units = 0;
	size_t out = 0, begin = 0;
	for (size_t at = 0; at <= f->bytes; at++) {
		bool code = at + 3 <= f->bytes && !f->data[at] && !f->data[at + 1] && f->data[at + 2] == 1;
		if (!code && at < f->bytes)
			continue;
		size_t end = code && at > 0 && f->data[at - 1] == 0 ? at - 1 : at;
		if (begin) {
			hz_put32(ret + out, (uint32_t)(end - begin));
			memcpy(ret + out + 4, f->data + begin, end - begin);
			out += 4 + end - begin;
			units++;
		}
		begin = at + 3;
		at += code ? 2 : 0;
	}
	*ret_bytes = out;
	return units;
}

static void note_sent(const struct hour_settings *s, unsigned p, const struct fake_clip *clip,
                      struct hour_sent *ret)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t sum[EVP_MAX_MD_SIZE], *buf = malloc(1 << 20);
	double video_s, audio_s;
	begin_s(s, p, &video_s, &audio_s);
	if (!ctx || !buf || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1)
		check(-ENOMEM, "digest");
	for (size_t i = 0; video_s + (double)i / FPS < s->length_s; i++) {
		const struct fake_frame *f = &clip->frame[i % clip->count];
		size_t bytes;
		if (f->bytes > 1 << 19)
			check(-EFBIG, "frame");
		ret->units += units_of(f, buf, &bytes);
		ret->bytes += bytes;
		ret->pictures++;
		EVP_DigestUpdate(ctx, buf, bytes);
	}
	EVP_DigestFinal_ex(ctx, sum, NULL);
	for (unsigned i = 0; i < 32; i++)
		snprintf(ret->sha256 + 2 * i, 3, "%02x", sum[i]);
	EVP_MD_CTX_free(ctx);
	free(buf);
}

static void tell(struct fake_list *list, const struct hour_settings *s)
{
	fake_json(
	    list, HZ_RECORD_EVENT, 0,
	    "{\"type\":\"layout\",\"participant\":\"p1\",\"detail\":{\"mode\":\"grid\",\"pinned\":false,"
	    "\"main\":null,\"source\":null}}");
	for (unsigned p = 1; p <= s->publishers; p++) {
		fake_json(list, HZ_RECORD_EVENT, 0,
		          "{\"type\":\"join\",\"participant\":\"p%u\",\"detail\":{\"name\":\"P%u\",\"role\":"
		          "\"expert\"}}",
		          p, p);
		fake_json(list, HZ_RECORD_EVENT, 0,
		          "{\"type\":\"consent\",\"participant\":\"p%u\",\"detail\":{\"state\":\"given\","
		          "\"wording\":\"1\",\"language\":\"en\"}}",
		          p);
		for (double at = 10; at < s->length_s; at += 10)
			fake_json(
			    list, HZ_RECORD_EVENT, at,
			    "{\"type\":\"quality\",\"participant\":\"p%u\",\"detail\":{\"rtt_ms\":40,\"loss\""
			    ":0.01,\"kbps\":1000}}",
			    p);
	}
}

void hour_make(const struct hour_settings *s, struct fake_list *ret, struct hour_sent *sent)
{
	const struct fake_picture picture = {.codec = "h264",
	                                     .width = 1280,
	                                     .height = 720,
	                                     .fps = FPS,
	                                     .seconds = CLIP_S,
	                                     .key_s = 2,
	                                     .bps = (int)s->bps};
	struct fake_clip video = fake_video_at(&picture);
	struct fake_clip audio[2];
	for (unsigned i = 0; i < 2; i++) // where nobody measures beeps, something that costs what speech does
		audio[i] = s->rough ? fake_audio(i ? -200 : 200, (int)s->length_s + 2) : fake_speech(60);
	tell(ret, s);
	for (unsigned p = 0; p < s->publishers; p++) {
		char who[16];
		snprintf(who, sizeof(who), "p%u", p + 1);
		fake_describe(ret, 2 * p + 1, who, "camera", 0);
		fake_describe(ret, 2 * p + 2, who, "microphone", 0);
		publish(ret, s, p, &video, &audio[p % 2]);
		sent[p] = (struct hour_sent){.pictures = 0};
		memcpy(sent[p].participant, who, sizeof(who));
		if (!s->rough)
			note_sent(s, p, &video, &sent[p]);
	}
	fake_clip_free(&video);
	fake_clip_free(&audio[0]);
	fake_clip_free(&audio[1]);
	fake_sort(ret);
}

// --- the journal

struct writing {
	struct hz_journal_writer *writer;
	uint32_t track[2 * HOUR_PUBLISHERS + 1];
	uint64_t events;
};

static void put_track(struct writing *w, const struct hz_journal_item *i)
{
	json_t *root = json_loadb((const char *)i->data, i->bytes, 0, NULL);
	char *text = json_dumps(root, 0);
	uint32_t number = (uint32_t)json_integer_value(json_object_get(root, "track"));
	check(hz_journal_track(w->writer, json_string_value(json_object_get(root, "key")), text, i->at_us,
	                       &w->track[number]),
	      "track");
	free(text);
	json_decref(root);
}

static void put(struct writing *w, const struct hz_journal_item *i)
{
	if (i->kind == HZ_RECORD_TRACK)
		put_track(w, i);
	else if (i->kind == HZ_RECORD_EVENT)
		check(hz_journal_event(w->writer, ++w->events, (const char *)i->data, i->bytes, i->at_us),
		      "event");
	else if (i->kind == HZ_RECORD_RTP)
		check(hz_journal_rtp(w->writer, w->track[i->track], i->flags, i->data, i->bytes, i->at_us),
		      "packet");
	else
		check(hz_journal_sender_report(w->writer, w->track[i->track], i->data, i->at_us), "report");
}

void hour_write(const char *folder, const uint8_t master[HZ_JOURNAL_KEY_BYTES],
                const struct hour_settings *settings, const struct fake_list *list,
                enum hz_record_phase phase)
{
	struct writing w = {.events = 0};
	char meta[128];
	struct hz_journal_open with = {.folder = folder,
	                               .master = master,
	                               .meta = meta,
	                               .limit_bytes = 64 << 20,
	                               .monotonic_us = BASE_US,
	                               .wall_us = FAKE_ZERO_US};
	struct hz_record_state state = {.consult = "hour",
	                                .phase = phase,
	                                .started_ms = FAKE_ZERO_US / 1000,
	                                .ended_ms =
	                                    FAKE_ZERO_US / 1000 + (int64_t)(settings->length_s * 1000)};
	int64_t sealed = BASE_US;
	unsigned seals = 0;
	snprintf(state.id, sizeof(state.id), "%s", settings->id);
	snprintf(meta, sizeof(meta), "{\"id\":\"%s\",\"consult\":\"hour\",\"title\":\"An hour\"}",
	         settings->id);
	check(hz_record_id_bytes(settings->id, with.record), "id");
	check(hz_record_state_write(folder, &state), "state");
	check(hz_journal_open(&with, &w.writer), "journal");
	for (size_t i = 0; i < list->count; i++) {
		const struct hz_journal_item *item = &list->item[i].item;
		put(&w, item);
		if (item->at_us - sealed < SEAL_US)
			continue;
		sealed = item->at_us;
		check(hz_journal_seal(w.writer, sealed, FAKE_ZERO_US + sealed - BASE_US), "seal");
		if (++seals % SYNCED == 0)
			check(hz_journal_sync(w.writer), "sync");
	}
	check(hz_journal_end(w.writer, sealed, FAKE_ZERO_US + sealed - BASE_US), "end");
	hz_journal_free(w.writer);
}
