#include "media/router/fec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "media/router/state.h"
#include "media/rtp/bytes.h"
#include "media/rtp/red.h"
#include "media/rtp/seq.h"
#include "media/rtp/vp9.h"

#define WINDOW        HZ_RECEIVER_WINDOW
#define MAX_TS_AWAY   (10 * 90000) // of a packet that was made, from the one it was made of
#define MAX_BASE_AWAY (WINDOW / 2)

static bool is_media(uint8_t codec)
{
	return codec != HZ_CODEC_NONE && codec != HZ_CODEC_RED && codec != HZ_CODEC_ULPFEC;
}

int hz_fec_open(struct hz_router *r, struct hz_rt_in *in, uint8_t *data)
{
	const struct hz_rt_track *t = &r->track[in->track];
	struct hz_rtp_packet *p = &in->packet;
	struct hz_red red;
	if (t->codec_of[p->pt] != HZ_CODEC_RED || !p->payload_bytes)
		return 0;
	if (hz_red_parse(p->payload, p->payload_bytes, &red) || red.count)
		return -EBADMSG;
	uint8_t codec = t->codec_of[red.primary.pt];
	if (!is_media(codec) && codec != HZ_CODEC_ULPFEC)
		return -EBADMSG;
	// Moving the header up is cheaper than moving the payload down.
	memmove(data + 1, data, p->header_bytes);
	data[2] = (uint8_t)((data[2] & 0x80) | red.primary.pt);
	struct hz_rtp_packet inner;
	int err = hz_rtp_parse(data + 1, p->bytes - 1, &inner);
	if (err)
		return err;
	hz_forward_prepare(r, in->track, &inner, in);
	in->red = true;
	return 0;
}

// --- which numbers

static uint64_t *word(uint64_t *bits, int64_t ext)
{
	return &bits[(uint64_t)ext % WINDOW / 64];
}

static uint64_t bit(int64_t ext)
{
	return 1ull << ((uint64_t)ext % 64);
}

static void put(uint64_t *bits, int64_t ext, bool value)
{
	*word(bits, ext) = value ? *word(bits, ext) | bit(ext) : *word(bits, ext) & ~bit(ext);
}

void hz_fec_arrived(struct hz_rt_fec *fec, int64_t ext, bool none, bool rewritten)
{
	if (!fec || ext <= fec->top - WINDOW)
		return;
	if (ext - fec->top >= WINDOW) {
		memset(fec->none, 0, sizeof(fec->none));
		memset(fec->rewritten, 0, sizeof(fec->rewritten));
		fec->top = ext;
	}
	while (fec->top < ext) {
		fec->top++;
		put(fec->none, fec->top, false);
		put(fec->rewritten, fec->top, false);
	}
	put(fec->none, ext, none);
	put(fec->rewritten, ext, rewritten);
}

static bool get(const uint64_t *bits, int64_t ext)
{
	return bits[(uint64_t)ext % WINDOW / 64] & bit(ext);
}

bool hz_fec_none(const struct hz_rt_fec *fec, int64_t ext)
{
	return fec && ext <= fec->top && ext > fec->top - WINDOW && get(fec->none, ext);
}

int64_t hz_fec_next_none(const struct hz_rt_fec *fec, int64_t from, int64_t to)
{
	while (from < to && !hz_fec_none(fec, from)) {
		bool empty = fec && !fec->none[(uint64_t)from % WINDOW / 64];
		from += fec && !empty ? 1 : 64 - from % 64;
	}
	return from < to ? from : to;
}

// --- making

enum state { COMPLETE, USELESS, LATER, READY };

// READY: w->missing is the only one that is not there.
static enum state look(const struct hz_rt_stream *stream, struct hz_fec_waiting *w)
{
	const struct hz_rt_fec *fec = stream->fec;
	unsigned missing = 0;
	bool sound = true;
	if (w->base <= stream->rx.highest - WINDOW)
		return USELESS;
	for (uint64_t left = w->mask; left; left &= left - 1) {
		int64_t ext = w->base + __builtin_ctzll(left);
		if (!hz_receiver_has(&stream->rx, ext)) {
			if (++missing > 1)
				return LATER;
			w->missing = ext;
		} else if (get(fec->none, ext) || get(fec->rewritten, ext)) {
			sound = false;
		}
	}
	return !missing ? COMPLETE : sound ? READY : USELESS;
}

static bool parity_of(const struct hz_rt_stream *stream, const struct hz_rtp_packet *packet, int64_t ext,
                      struct hz_ulpfec *ret, int64_t *ret_base)
{
	if (hz_ulpfec_parse(packet->payload, packet->payload_bytes, ret))
		return false;
	*ret_base = hz_seq_extend(ext, ret->base);
	return *ret_base >= 0 && *ret_base + ret->span <= ext && ext - *ret_base < MAX_BASE_AWAY &&
	       ext > stream->rx.highest - WINDOW;
}

void hz_fec_keep(struct hz_rt_stream *stream, const struct hz_rt_in *in)
{
	struct hz_rt_fec *fec = stream->fec;
	struct hz_ulpfec parity;
	struct hz_fec_waiting w = {.ext = in->ext};
	if (!fec || !stream->history || !parity_of(stream, &in->packet, in->ext, &parity, &w.base))
		return; // nobody watches, or it is of no use
	w.mask = parity.mask;
	enum state state = look(stream, &w);
	if (state == COMPLETE || state == USELESS ||
	    hz_history_put(stream->history, in->ext, &in->packet, in->now_us))
		return;
	fec->waiting += !fec->wait[fec->next].mask;
	fec->wait[fec->next] = w;
	fec->next = (fec->next + 1) % HZ_FEC_WAITING;
}

static bool make(const struct hz_rt_stream *stream, const struct hz_fec_waiting *w,
                 const struct hz_ext_ids *ids, int64_t now_us, struct hz_ulpfec_sum *sum,
                 struct hz_rtp_packet *ret)
{
	struct hz_rtp_packet packet;
	struct hz_ulpfec parity;
	int64_t base;
	if (hz_history_get(stream->history, w->ext, now_us, &packet, NULL) ||
	    !parity_of(stream, &packet, w->ext, &parity, &base))
		return false;
	uint32_t ts = packet.ts, ssrc = packet.ssrc;
	hz_ulpfec_begin(sum, &parity);
	for (uint64_t left = w->mask; left; left &= left - 1) {
		int64_t ext = w->base + __builtin_ctzll(left);
		if (ext == w->missing)
			continue;
		if (hz_history_get(stream->history, ext, now_us, &packet, NULL))
			return false;
		hz_ulpfec_add(sum, &packet, ids);
	}
	if (hz_ulpfec_end(sum, (uint16_t)w->missing, ssrc, ret) || !ret->payload_bytes)
		return false;
	int32_t away = hz_ts_diff(ret->ts, ts);
	return away < MAX_TS_AWAY && away > -MAX_TS_AWAY;
}

// Whoever adds up other bytes than we do makes noise: a packet that cannot be is not shown.
bool hz_fec_make(struct hz_router *r, struct hz_rt_stream *stream, uint32_t track, int64_t now_us,
                 struct hz_ulpfec_sum *sum, struct hz_rtp_packet *ret)
{
	const struct hz_ext_ids *ids = &hz_arena_track_set(&r->arena->track[track])->ext;
	struct hz_rt_fec *fec = stream->fec;
	for (unsigned i = 0; fec && fec->waiting && stream->history && i < HZ_FEC_WAITING; i++) {
		struct hz_fec_waiting *w = &fec->wait[i], used;
		enum state state = w->mask ? look(stream, w) : LATER;
		if (state == LATER)
			continue;
		used = *w;
		w->mask = 0;
		fec->waiting--;
		if (state == READY && make(stream, &used, ids, now_us, sum, ret) &&
		    is_media(r->track[track].codec_of[ret->pt]))
			return true;
	}
	return false;
}

// --- lost parity packets

struct frame {
	uint16_t number, mask;
	bool start, end; // first, last packet of it
};

// By the dependency descriptor, else by the codec's picture id. False: its frames have no numbers.
static bool frame_of(uint8_t codec, const struct hz_rtp_packet *packet, const struct hz_rtp_exts *exts,
                     struct frame *ret)
{
	struct hz_vp8_descriptor vp8;
	struct hz_vp9_descriptor vp9;
	uint8_t bits = 0;
	*ret = (struct frame){.end = packet->marker};
	if (exts->has & HZ_EXT_DEPENDENCY && exts->dependency_bytes >= 3) {
		*ret = (struct frame){.number = hz_get16(exts->dependency + 1),
		                      .mask = 0xffff,
		                      .start = exts->dependency[0] & 0x80,
		                      .end = exts->dependency[0] & 0x40};
		return true;
	}
	if (codec == HZ_CODEC_VP8 && !hz_vp8_parse(packet->payload, packet->payload_bytes, &vp8)) {
		ret->number = vp8.picture_id;
		ret->start = vp8.start;
		bits = vp8.picture_id_bits;
	} else if (codec == HZ_CODEC_VP9 && !hz_vp9_parse(packet->payload, packet->payload_bytes, &vp9)) {
		ret->number = vp9.picture_id;
		ret->start = vp9.start && !vp9.spatial_id;
		bits = vp9.picture_id_bits;
	}
	ret->mask = bits == 15 ? 0x7fff : 0x7f;
	return bits != 0;
}

static uint16_t step_between(const struct frame *last, const struct frame *next)
{
	return (uint16_t)((next->number - last->number) & next->mask);
}

// Simulcast streams of one sender may share their frame numbers: then each counts in steps of as many as there are. The
// smallest step of late where nothing was missing is what one frame takes.
static void learn(struct hz_rt_fec *fec, const struct hz_rt_in *in, const struct frame *own)
{
	if (own->start && fec->end_ext && in->ext > fec->end_ext && in->ext - fec->end_ext <= HZ_FEC_BACK) {
		const struct frame end = {.number = fec->end_number};
		uint16_t step = step_between(&end, own);
		int64_t ext = fec->end_ext + 1;
		while (ext < in->ext && hz_fec_none(fec, ext))
			ext++;
		if (ext == in->ext && step) {
			if (++fec->steps % HZ_FEC_STEPS == 0) {
				fec->step[1] = fec->step[0];
				fec->step[0] = 0;
			}
			if (!fec->step[0] || step < fec->step[0])
				fec->step[0] = step;
		}
	}
	if (own->end && in->ext > fec->end_ext) {
		fec->end_ext = in->ext;
		fec->end_number = own->number;
	}
}

static bool follows(const struct hz_rt_fec *fec, const struct frame *last, const struct frame *next)
{
	uint16_t usual = fec->step[0];
	if (!usual || (fec->step[1] && fec->step[1] < usual))
		usual = fec->step[1];
	return last->end && next->start && usual && step_between(last, next) == usual;
}

// The nearest packet on this side that has something. False: it is not known, or nothing is missing before it.
static bool neighbour(struct hz_router *r, const struct hz_rt_stream *stream, const struct hz_rt_in *in,
                      int step, int64_t *ret_ext, struct frame *ret)
{
	bool gap = false;
	for (int i = 1; i <= HZ_FEC_BACK; i++) {
		struct hz_rtp_packet packet;
		struct hz_rtp_exts exts;
		int64_t ext = in->ext + (int64_t)i * step;
		if (ext > stream->rx.highest || ext <= stream->rx.highest - WINDOW)
			return false;
		if (!hz_receiver_has(&stream->rx, ext)) {
			gap = true;
			continue;
		}
		if (get(stream->fec->none, ext))
			continue;
		if (!gap || hz_history_get(stream->history, ext, in->now_us, &packet, NULL))
			return false;
		hz_rtp_parse_exts(&packet, &hz_arena_track_set(&r->arena->track[in->track])->ext, &exts);
		*ret_ext = ext;
		return frame_of(r->track[in->track].codec_of[packet.pt], &packet, &exts, ret);
	}
	return false;
}

static void settle(struct hz_router *r, struct hz_rt_stream *stream, const struct hz_rt_in *in, int64_t from,
                   int64_t to)
{
	unsigned fills = in->ext < stream->rx.highest ? HZ_FEC_FILLS : 0;
	for (int64_t ext = from; ext < to; ext++) {
		int64_t same;
		if (hz_receiver_has(&stream->rx, ext))
			continue;
		(void)hz_receiver_on_packet(&stream->rx, (uint16_t)ext, in->packet.ts, true, in->now_us,
		                            &same);
		hz_nack_forget(&stream->nack, ext);
		hz_fec_arrived(stream->fec, ext, true, false);
		if (fills && fills--)
			hz_fec_fill(r, in, ext);
	}
}

void hz_fec_settle(struct hz_router *r, struct hz_rt_stream *stream, const struct hz_rt_in *in)
{
	struct frame own, other;
	int64_t ext;
	if (!stream->fec || !stream->history || !in->packet.payload_bytes ||
	    !frame_of(in->codec, &in->packet, &in->exts, &own))
		return;
	learn(stream->fec, in, &own);
	if (!stream->nack.count)
		return;
	if (own.start && neighbour(r, stream, in, -1, &ext, &other) && follows(stream->fec, &other, &own))
		settle(r, stream, in, ext + 1, in->ext);
	if (own.end && neighbour(r, stream, in, 1, &ext, &other) && follows(stream->fec, &own, &other))
		settle(r, stream, in, in->ext + 1, ext);
}

void hz_fec_fill(struct hz_router *r, const struct hz_rt_in *in, int64_t ext)
{
	struct hz_rt_in empty = {.packet = in->packet,
	                         .now_us = in->now_us,
	                         .ext = ext,
	                         .track = in->track,
	                         .layer = in->layer,
	                         .plain = true,
	                         .none = true};
	hz_burst_flush(r); // what waits has its places first
	empty.packet.seq = (uint16_t)ext;
	empty.packet.payload_bytes = 0;
	empty.packet.marker = false;
	for (uint16_t s = r->track[in->track].first_sub; s != HZ_NO_SLOT; s = r->sub[s].next_of_track) {
		empty.codec = hz_arena_sub_map(&r->arena->sub[s])->codec;
		hz_forward_one(r, &empty, s);
	}
}
