// Media playlists (draft-pantos-hls-rfc8216bis 4.4.2 to 4.4.5).
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "media/hls/internal.h"

#define VERSION 9

static double seconds(const struct hz_hls_track *t, int64_t ticks)
{
	return (double)ticks / t->hz;
}

static void say_head(const struct hz_hls *h, struct hz_hls_text *text)
{
	double part = (double)(h->with.part_us + 1) / 1e6; // never less than a part
	hz_hls_say(text, "#EXTM3U\n#EXT-X-VERSION:%d\n#EXT-X-TARGETDURATION:%" PRId64 "\n", VERSION,
	           h->with.segment_us / 1000000);
	hz_hls_say(text, "#EXT-X-SERVER-CONTROL:%sPART-HOLD-BACK=%.6f\n",
	           h->with.blocking_reload ? "CAN-BLOCK-RELOAD=YES," : "", part * 4);
	hz_hls_say(text, "#EXT-X-PART-INF:PART-TARGET=%.6f\n", part);
	hz_hls_say(text, "#EXT-X-MEDIA-SEQUENCE:%" PRIu64 "\n#EXT-X-DISCONTINUITY-SEQUENCE:%" PRIu64 "\n",
	           h->first_listed, h->breaks_before);
	hz_hls_say(text, "#EXT-X-INDEPENDENT-SEGMENTS\n");
}

static void say_date(const struct hz_hls *h, const struct hz_hls_track *t, int64_t start,
                     struct hz_hls_text *text)
{
	int64_t ms = (h->origin_us + hz_hls_us(t, start) + 500) / 1000;
	time_t s = (time_t)(ms / 1000);
	struct tm tm;
	char date[32];
	gmtime_r(&s, &tm);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	hz_hls_say(text, "#EXT-X-PROGRAM-DATE-TIME:%s.%03dZ\n", date, (int)(ms % 1000));
}

static void say_parts(const struct hz_hls_track *t, uint64_t sequence, struct hz_hls_text *text)
{
	const struct hz_hls_seg *s = hz_hls_seg(t, sequence);
	for (unsigned i = 0; s->part && i < s->parts; i++) {
		const struct hz_hls_part *p = &s->part[i];
		hz_hls_say(text, "#EXT-X-PART:DURATION=%.6f,URI=\"%" PRIu64 ".%u.m4s\"%s%s\n",
		           seconds(t, p->ticks), sequence, i,
		           p->independent && !p->gap ? ",INDEPENDENT=YES" : "", p->gap ? ",GAP=YES" : "");
	}
}

// A hint is for servers that let its request wait (6.2.6): a plain one would say that there is no such file.
static void say_tail(const struct hz_hls *h, struct hz_hls_track *t, struct hz_hls_text *text)
{
	const struct hz_hls_seg *s = hz_hls_seg(t, h->current);
	if (h->ended) {
		hz_hls_say(text, "#EXT-X-ENDLIST\n");
		return;
	}
	// hls.js (1.6) takes the last segment for the one that is being made, and then lists for faulty, if nothing follows its name
	if (!s->parts)
		hz_hls_say(text, "# to be continued\n");
	if (!h->with.blocking_reload)
		return;
	hz_hls_say(text, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"%" PRIu64 ".%u.m4s\"\n", h->current, s->parts);
	for (unsigned i = 0; i < h->tracks; i++) {
		const struct hz_hls_track *o = &h->track[i];
		unsigned parts = hz_hls_seg(o, h->current)->parts;
		if (o == t || !o->used)
			continue;
		hz_hls_say(text, "#EXT-X-RENDITION-REPORT:URI=\"../%s/index.m3u8\",LAST-MSN=%" PRIu64,
		           o->name, parts ? h->current : h->current - 1);
		if (parts)
			hz_hls_say(text, ",LAST-PART=%u", parts - 1);
		hz_hls_say(text, "\n");
	}
}

static void say_segments(const struct hz_hls *h, struct hz_hls_track *t, struct hz_hls_text *text)
{
	uint32_t map = 0;
	for (uint64_t q = h->first_listed; q <= h->current; q++) {
		const struct hz_hls_seg *s = hz_hls_seg(t, q);
		bool open = q == h->current;
		uint32_t needs = open ? t->map_id : s->map;
		// 6.2.2: parts are for the live edge
		bool parts = !h->ended && (open || h->segment_at - h->start_us[(q + 1) % HZ_HLS_SEGMENTS] <
		                                       3 * h->with.segment_us);
		if (open && (!s->parts || h->ended))
			break;
		if (h->broken[q % HZ_HLS_SEGMENTS])
			hz_hls_say(text, "#EXT-X-DISCONTINUITY\n");
		if (needs != map && !(s->gap && !open))
			hz_hls_say(text, "#EXT-X-MAP:URI=\"init%u.mp4\"\n", map = needs);
		say_date(h, t, s->start, text);
		if (parts)
			say_parts(t, q, text);
		if (!open)
			hz_hls_say(text, "%s#EXTINF:%.6f,\n%" PRIu64 ".m4s\n", s->gap ? "#EXT-X-GAP\n" : "",
			           seconds(t, s->ticks), q);
	}
}

static void publish(struct hz_hls *h, struct hz_hls_track *t)
{
	struct hz_hls_text text = {0};
	char name[64];
	say_head(h, &text);
	say_segments(h, t, &text);
	say_tail(h, t, &text);
	snprintf(name, sizeof(name), "%s/index.m3u8", t->name);
	int err = text.bad ? -ENOMEM
	                   : h->with.store.replace(h->with.store.ctx, name, (uint8_t *)text.text, text.bytes);
	free(text.text);
	if (err) {
		hz_hls_failed(h, err);
		return;
	}
	t->dirty = false;
	h->stats.playlists++;
}

void hz_hls_publish(struct hz_hls *h)
{
	bool all = false; // reports tell of each other
	for (unsigned i = 0; i < h->tracks; i++)
		all |= h->track[i].dirty && h->with.blocking_reload;
	for (unsigned i = 0; i < h->tracks; i++)
		if (h->track[i].dirty || all)
			publish(h, &h->track[i]);
	hz_hls_publish_master(h);
}
