// The multivariant playlist (draft-pantos-hls-rfc8216bis 4.4.6): what was measured, once there is something to measure.
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "media/hls/internal.h"

#define GROUP "sound"

static bool measured(const struct hz_hls_track *t)
{
	return t->used && t->peak_bps;
}

// Rounded up, so that the playlist does not change with every segment.
static uint64_t rounded(uint64_t bps)
{
	uint64_t step = 1000;
	while (bps / step >= 100)
		step *= 10;
	return (bps / step + 1) * step;
}

static uint64_t average(const struct hz_hls_track *t)
{
	return t->sum_ticks ? t->sum_bits * t->hz / (uint64_t)t->sum_ticks : 0;
}

static void say_sounds(const struct hz_hls *h, struct hz_hls_text *text)
{
	bool first = true;
	for (unsigned i = h->with.videos; i < h->tracks; i++) {
		const struct hz_hls_track *t = &h->track[i];
		if (!measured(t))
			continue;
		hz_hls_say(text, "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"" GROUP "\",NAME=\"%s\"", t->title);
		if (t->language[0])
			hz_hls_say(text, ",LANGUAGE=\"%s\"", t->language);
		hz_hls_say(text, ",DEFAULT=%s,AUTOSELECT=YES,CHANNELS=\"%u\",URI=\"%s/index.m3u8\"\n",
		           first ? "YES" : "NO", t->channels, t->name);
		first = false;
	}
}

static void say_variants(const struct hz_hls *h, struct hz_hls_text *text)
{
	uint64_t sound_peak = 0, sound_average = 0;
	const char *sound[2] = {NULL, NULL};
	for (unsigned i = h->with.videos; i < h->tracks; i++) {
		const struct hz_hls_track *t = &h->track[i];
		if (!measured(t))
			continue;
		sound[t->codec == HZ_HLS_OPUS] = t->codecs;
		sound_peak = t->peak_bps > sound_peak ? t->peak_bps : sound_peak;
		sound_average = average(t) > sound_average ? average(t) : sound_average;
	}
	for (unsigned i = 0; i < h->tracks; i++) {
		const struct hz_hls_track *t = &h->track[i];
		if (!measured(t) || (!t->video && h->with.videos))
			continue;
		uint64_t peak = t->peak_bps + (t->video ? sound_peak : 0);
		uint64_t mean = average(t) + (t->video ? sound_average : 0);
		hz_hls_say(
		    text, "#EXT-X-STREAM-INF:BANDWIDTH=%" PRIu64 ",AVERAGE-BANDWIDTH=%" PRIu64 ",CODECS=\"%s",
		    rounded(peak), rounded(mean), t->codecs);
		for (unsigned k = 0; k < 2 && t->video; k++)
			if (sound[k])
				hz_hls_say(text, ",%s", sound[k]);
		hz_hls_say(text, "\"");
		if (t->video)
			hz_hls_say(text, ",RESOLUTION=%ux%u", t->width, t->height);
		if (t->frame_rate_milli)
			hz_hls_say(text, ",FRAME-RATE=%u.%03u", t->frame_rate_milli / 1000,
			           t->frame_rate_milli % 1000);
		if (sound[0] || sound[1])
			hz_hls_say(text, ",AUDIO=\"" GROUP "\"");
		hz_hls_say(text, "\n%s/index.m3u8\n", t->name);
	}
}

void hz_hls_publish_master(struct hz_hls *h)
{
	struct hz_hls_text text = {0};
	bool any = false;
	for (unsigned i = 0; i < h->tracks; i++)
		any |= measured(&h->track[i]) && (h->track[i].video || !h->with.videos);
	if (!any)
		return;
	hz_hls_say(&text, "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-INDEPENDENT-SEGMENTS\n");
	say_sounds(h, &text);
	say_variants(h, &text);
	if (text.bad || (h->master && strcmp(h->master, text.text) == 0)) {
		free(text.text);
		return;
	}
	int err = h->with.store.replace(h->with.store.ctx, "master.m3u8", (uint8_t *)text.text, text.bytes);
	if (err) {
		hz_hls_failed(h, err);
		free(text.text);
		return;
	}
	free(h->master);
	h->master = text.text;
}
