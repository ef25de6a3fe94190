#include "media/hls/programme.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "media/hls/slate_picture.h"
#include "media/hls/sound.h"
#include "media/hls/unpack.h"
#include "media/push/outfeed.h"
#include "media/rtp/packet.h"

#define TICK_US    50000
#define ASK_US     500000 // between two requests for a keyframe
#define LAG_US     60000  // that the mixed sound is behind its packets: pictures wait for it
#define NARROW_US  10000000
#define RATE       (2ull << 20) // bytes a second that may wait
#define SEGMENT_US 4000000
#define MIN_HOLD   (32ull << 20)
#define MAX_HOLD   (256ull << 20)

static const char *const track_name[] = {"video", "sound"};
static const struct hz_hls_names tracks = {track_name, 2};
enum { VIDEO, SOUND };

struct hz_programme {
	struct hz_programme_open with;
	struct hz_hls_broadcast_set set;
	struct hz_hls_store store;
	struct hz_hls_disk disk;
	struct hz_hls *hls;
	struct hz_unpack *unpack;
	struct hz_sound *sound;
	struct hz_outfeed *feed; // NULL: nobody wants it
	bool off;                // the slate is shown, nothing is taken
	bool uncut;              // the store failed: the cut is tried again
	int64_t mark_us;         // of the newest cut
	int64_t gate_us;         // what arrived before is not taken
	int64_t key_us, asked_us, unit_us, ticked_us, narrowed_us, over_us, window_us;
	uint64_t refused, units, asked;
	bool ended;
};

bool hz_programme_good(const struct hz_hls_broadcast_set *set, unsigned workers)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	size_t length = strnlen(set->id, sizeof(set->id));
	bool good = length > 0 && length < sizeof(set->id) && strspn(set->id, letters) == length &&
	            set->consult && set->delay_ms >= 500 && set->delay_ms <= 300000 && set->window_s >= 12 &&
	            set->window_s <= 3600 && set->cut_us >= 0 && set->from_us >= 0 &&
	            (!set->video.ssrc || set->video.worker < workers);
	for (unsigned i = 0; i < HZ_HLS_VOICES; i++)
		good = good && (!set->voice[i].ssrc || set->voice[i].worker < workers);
	return good;
}

// --- what comes

static void on_unit(void *ctx, const struct hz_unpack_unit *unit)
{
	struct hz_programme *p = ctx;
	int64_t mark_us = unit->arrival_us + LAG_US;
	if (mark_us <= p->unit_us)
		mark_us = p->unit_us + 1;
	p->unit_us = mark_us;
	const struct hz_hls_unit u = {.data = unit->data,
	                              .bytes = unit->bytes,
	                              .pts = unit->rtp_ts,
	                              .dts = unit->rtp_ts,
	                              .mark_us = mark_us + p->with.epoch_us};
	if (unit->key)
		p->key_us = unit->arrival_us;
	if (hz_hls_push(p->hls, VIDEO, &u))
		p->refused++;
	else
		p->units++;
}

static void on_sound(void *ctx, const struct hz_sound_packet *packet)
{
	struct hz_programme *p = ctx;
	const struct hz_hls_unit u = {.data = packet->data,
	                              .bytes = packet->bytes,
	                              .pts = packet->ts,
	                              .dts = packet->ts,
	                              .mark_us = packet->at_us + p->with.epoch_us};
	if (!p->off && hz_hls_push(p->hls, SOUND, &u))
		p->refused++;
}

bool hz_programme_rtp(struct hz_programme *p, unsigned worker, const uint8_t *data, size_t bytes,
                      int64_t arrival_us)
{
	struct hz_rtp_packet packet;
	if (hz_rtp_parse(data, bytes, &packet))
		return false;
	bool video = packet.ssrc == p->set.video.ssrc && worker == p->set.video.worker;
	int voice = -1;
	for (int i = 0; i < (int)HZ_HLS_VOICES && !video; i++) {
		if (packet.ssrc == p->set.voice[i].ssrc && worker == p->set.voice[i].worker)
			voice = i;
	}
	if (!packet.ssrc || (!video && voice < 0))
		return false;
	if (p->off || p->ended || arrival_us < p->gate_us)
		return true;
	bool h264 = packet.pt == HZ_HLS_FIRST_PT + HZ_CODEC_H264_CB ||
	            packet.pt == HZ_HLS_FIRST_PT + HZ_CODEC_H264_HIGH;
	int err = -EBADMSG;
	if (video && h264)
		err = hz_unpack_push(p->unpack, data, bytes, arrival_us);
	else if (!video && packet.pt == HZ_HLS_FIRST_PT + HZ_CODEC_OPUS)
		err = hz_sound_push(p->sound, (unsigned)voice, &packet, arrival_us);
	p->refused += err != 0;
	return true;
}

// --- on and off

static int cut(struct hz_programme *p, int64_t mark_us)
{
	if (!p->mark_us || mark_us < p->mark_us)
		p->mark_us = mark_us;
	hz_unpack_reset(p->unpack);
	hz_sound_reset(p->sound);
	int err = hz_hls_cut(p->hls, mark_us + p->with.epoch_us);
	p->uncut = err != 0;
	return err;
}

// The files of a cut must go before anything else comes: what comes until then is dropped.
static void go_on(struct hz_programme *p)
{
	if (p->uncut)
		p->uncut = hz_hls_cut(p->hls, p->mark_us + p->with.epoch_us) != 0;
	if (p->uncut || p->off)
		return;
	p->mark_us = 0;
	p->key_us = p->asked_us = 0;
	(void)hz_hls_resume(p->hls, p->gate_us + p->with.epoch_us);
}

static void resume(struct hz_programme *p, int64_t from_us)
{
	p->gate_us = from_us > p->gate_us ? from_us : p->gate_us;
	if (p->gate_us < p->mark_us)
		p->gate_us = p->mark_us;
	go_on(p);
}

// Of what arrived until now nothing more is written. What the disk does not give back of the segment in the making was public before: it
// goes with the window.
static void clean(struct hz_programme *p, int64_t now_us)
{
	hz_unpack_reset(p->unpack);
	hz_sound_reset(p->sound);
	(void)hz_hls_clear(p->hls);
	if (p->feed) // a platform that is slow is behind by seconds
		hz_outfeed_clear(p->feed);
	p->gate_us = now_us;
	go_on(p);
}

static bool same(const struct hz_hls_source *a, const struct hz_hls_source *b)
{
	return a->ssrc == b->ssrc && a->worker == b->worker;
}

int hz_programme_set(struct hz_programme *p, const struct hz_hls_broadcast_set *set, int64_t now_us)
{
	const struct hz_hls_broadcast_set old = p->set;
	bool off = set->cut_us || !set->video.ssrc;
	int64_t mark_us = set->cut_us && set->cut_us < now_us ? set->cut_us : now_us;
	int err = 0;
	p->set.cut_us = set->cut_us;
	p->set.from_us = set->from_us;
	if (set->clean != old.clean) {
		p->set.clean = set->clean;
		clean(p, now_us);
	}
	if (off && (!p->off || (set->cut_us && !old.cut_us) || p->uncut)) {
		p->off = true;
		err = cut(p, mark_us);
	}
	if (!same(&set->video, &old.video)) {
		p->set.video = set->video;
		hz_unpack_reset(p->unpack);
		p->key_us = p->asked_us = 0;
	}
	for (unsigned i = 0; i < HZ_HLS_VOICES; i++) {
		if (!same(&set->voice[i], &old.voice[i]) && !hz_sound_voice(p->sound, i, set->voice[i].ssrc))
			p->set.voice[i] = set->voice[i];
	}
	if (!off && p->off) {
		p->off = false;
		resume(p, set->from_us ? set->from_us : now_us);
	}
	return err;
}

// --- time

static void want_key(struct hz_programme *p, int64_t now_us)
{
	bool due = hz_unpack_needs_key(p->unpack) || now_us - p->key_us >= HZ_PROGRAMME_KEY_US;
	if (p->off || !due || now_us - p->asked_us < ASK_US)
		return;
	p->asked_us = now_us;
	p->asked++;
	p->with.want_key(p->with.ctx, p->set.consult, &p->set.video);
}

int64_t hz_programme_tick(struct hz_programme *p, int64_t now_us)
{
	int64_t next_us = p->ticked_us + TICK_US;
	if (p->ended)
		return p->over_us;
	int64_t sound_us = hz_sound_tick(p->sound, now_us);
	hz_unpack_tick(p->unpack, now_us);
	want_key(p, now_us);
	if (now_us >= next_us) {
		p->ticked_us = now_us;
		next_us = now_us + TICK_US;
		if (p->uncut)
			go_on(p);
		int err = hz_hls_tick(p->hls, now_us + p->with.epoch_us);
		if (err == -ENOSPC)
			hz_programme_narrow(p);
		if (p->disk.used_bytes > p->disk.room_bytes / 8 * 7 && now_us - p->narrowed_us > NARROW_US) {
			p->narrowed_us = now_us;
			hz_programme_narrow(p);
		}
	}
	return sound_us < next_us ? sound_us : next_us;
}

void hz_programme_narrow(struct hz_programme *p)
{
	p->window_us = p->window_us / 2 > 3 * SEGMENT_US ? p->window_us / 2 : 3 * SEGMENT_US;
	hz_hls_window(p->hls, p->window_us);
}

void hz_programme_end(struct hz_programme *p, int64_t now_us)
{
	if (p->ended)
		return;
	// What was cut may be in its files still: then all of them go now.
	bool dirty = p->uncut && hz_hls_cut(p->hls, p->mark_us + p->with.epoch_us) != 0;
	(void)hz_hls_end(p->hls);
	hz_outfeed_free(p->feed); // its files stay for a window more, 16 MiB of memory need not
	p->feed = NULL;
	p->ended = true;
	p->over_us = now_us + (dirty ? 0 : (int64_t)p->set.window_s * 1000000);
}

bool hz_programme_over(const struct hz_programme *p, int64_t now_us)
{
	return p->ended && now_us >= p->over_us;
}

// --- sent on

static void on_out(void *ctx, const struct hz_hls_out *out)
{
	const struct hz_programme *p = ctx;
	const struct hz_outfeed_unit unit = {.track =
	                                         out->track == VIDEO ? HZ_OUTFEED_VIDEO : HZ_OUTFEED_SOUND,
	                                     .key = out->key,
	                                     .data = out->data,
	                                     .bytes = out->bytes,
	                                     .config_bytes = out->config_bytes,
	                                     .pts_us = out->pts_us,
	                                     .dts_us = out->dts_us};
	if (p->feed)
		hz_outfeed_put(p->feed, &unit);
}

int hz_programme_feed(struct hz_programme *p, uint32_t number, int fd)
{
	if (p->feed && number == p->set.feed)
		return 0;
	hz_outfeed_free(p->feed);
	p->feed = NULL;
	p->set.feed = number;
	return number ? hz_outfeed_write_open(fd, &p->feed) : 0;
}

// --- life

static int add_slate(struct hz_programme *p)
{
	static const uint8_t silence[] = {0xf8, 0xff, 0xfe}; // Opus: 20 ms of nothing, mono (RFC 6716 3.1)
	int err = 0;
	for (unsigned i = 0; i < HZ_SLATE_PICTURES && !err; i++) {
		struct hz_hls_unit u = {.pts = (int64_t)i * 3600, .dts = (int64_t)i * 3600};
		hz_slate_picture(i, &u.data, &u.bytes);
		err = hz_hls_slate(p->hls, VIDEO, &u);
	}
	for (unsigned i = 0; i < 50 && !err; i++) {
		const struct hz_hls_unit u = {.data = silence,
		                              .bytes = sizeof(silence),
		                              .pts = (int64_t)i * 960,
		                              .dts = (int64_t)i * 960};
		err = hz_hls_slate(p->hls, SOUND, &u);
	}
	return err;
}

static int open_packager(struct hz_programme *p, const struct hz_hls_broadcast_set *set, int64_t wall_us)
{
	struct hz_hls_open open = {
	    .store = p->store,
	    .ctx = p,
	    .out = on_out,
	    .video = {{.name = track_name[VIDEO], .framing = HZ_HLS_ANNEXB}},
	    .sound = {{.name = track_name[SOUND], .title = "Programme", .codec = HZ_HLS_OPUS, .channels = 1}},
	    .videos = 1,
	    .sounds = 1,
	    .delay_us = (int64_t)set->delay_ms * 1000,
	    .window_us = (int64_t)set->window_s * 1000000,
	    .segment_us = SEGMENT_US,
	    .first_sequence = (uint64_t)(wall_us / 1000000)};
	uint64_t hold = set->delay_ms * RATE / 1000;
	open.hold_bytes = hold < MIN_HOLD ? MIN_HOLD : hold > MAX_HOLD ? MAX_HOLD : hold;
	p->window_us = open.window_us;
	int err = hz_hls_new(&open, &p->hls);
	return err ? err : add_slate(p);
}

int hz_programme_new(const struct hz_programme_open *with, const struct hz_hls_broadcast_set *set,
                     int64_t now_us, struct hz_programme **ret)
{
	struct hz_programme *p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	const struct hz_unpack_ops unpack = {.ctx = p, .unit = on_unit};
	const struct hz_sound_ops sound = {.ctx = p, .packet = on_sound};
	p->with = *with;
	p->off = true;
	p->gate_us = now_us;
	p->disk.room_bytes = UINT64_MAX;
	memcpy(p->set.id, set->id, sizeof(p->set.id));
	p->set.consult = set->consult;
	p->set.delay_ms = set->delay_ms;
	p->set.window_s = set->window_s;
	p->set.clean = set->clean;
	int err = hz_unpack_new(&unpack, &p->unpack);
	if (!err)
		err = hz_sound_new(&sound, now_us, &p->sound);
	if (!err)
		err = hz_hls_folder_live(with->folder, set->id, &tracks, &p->disk, &p->store);
	if (!err)
		err = open_packager(p, set, now_us + with->epoch_us);
	// the slate at once: what is live comes behind the delay
	if (!err)
		err = cut(p, now_us - (int64_t)set->delay_ms * 1000);
	if (!err)
		err = hz_programme_set(p, set, now_us);
	if (err)
		hz_programme_free(p);
	else
		*ret = p;
	return err;
}

void hz_programme_free(struct hz_programme *p)
{
	if (!p)
		return;
	hz_hls_free(p->hls);
	hz_hls_folder_close(&p->store);
	hz_unpack_free(p->unpack);
	hz_sound_free(p->sound);
	hz_outfeed_free(p->feed);
	free(p);
}

int hz_programme_drop(struct hz_programme *p)
{
	int err = hz_hls_folder_drop(p->with.folder, p->set.id, &tracks);
	hz_programme_free(p);
	return err;
}

const char *hz_programme_id(const struct hz_programme *p)
{
	return p->set.id;
}

struct hz_hls_disk *hz_programme_disk(struct hz_programme *p)
{
	return &p->disk;
}

void hz_programme_status(const struct hz_programme *p, struct hz_hls_status *add)
{
	struct hz_hls_stats s;
	hz_hls_stats(p->hls, &s);
	add->live += !p->off && !p->ended && p->key_us;
	add->refused += p->refused;
	add->units += p->units;
	add->broken += hz_unpack_broken(p->unpack);
	add->keyframes_wanted += p->asked;
	add->segments += s.segments;
	add->gaps += s.gaps;
	add->discontinuities += s.discontinuities;
	add->cut_units += s.cut_units;
	add->store_errors += s.store_errors;
	add->disk_bytes += p->disk.used_bytes;
}
