#include "tests/peer/media.h"

#include <string.h>

#include "media/rtp/keyframe.h"
#include "media/rtp/packet.h"
#include "tests/peer/offer.h"

static const uint8_t magic[8] = {'H', 'Z', 'P', 'E', 'E', 'R', '0', '1'};

static void put(uint8_t *at, uint64_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		at[i] = (uint8_t)(value >> 8 * (bytes - 1 - i));
}

static size_t write_header(const struct peer_source *s, uint8_t pt, bool marker, bool audio, uint16_t twcc,
                           uint8_t *buf)
{
	static const char *const rids[] = {"l", "m", "h"};
	struct hz_ext_ids ids = {.twcc = PEER_EXT_TWCC, .mid = PEER_EXT_MID};
	struct hz_rtp_exts exts = {.has = HZ_EXT_TWCC | HZ_EXT_MID, .twcc_seq = twcc};
	struct hz_rtp_header header = {
	    .ts = s->ts, .ssrc = s->ssrc, .seq = s->seq, .pt = pt, .marker = marker};
	struct hz_rtp_offsets offsets;
	exts.mid[0] = audio ? '0' : '1';
	if (audio) {
		ids.audio_level = PEER_EXT_AUDIO_LEVEL;
		exts.has |= HZ_EXT_AUDIO_LEVEL;
		exts.audio_level_dbov = 30;
		exts.voice = true;
	}
	if (s->rid) {
		ids.rid = PEER_EXT_RID;
		exts.has |= HZ_EXT_RID;
		strcpy(exts.rid, rids[s->layer]);
	}
	if (hz_rtp_write_header(buf, PEER_PACKET_BYTES, &header, &exts, &ids, &offsets) != 0)
		return 0;
	return offsets.header_bytes;
}

static size_t write_stamp(uint8_t *at, int64_t now_us, uint32_t counter, size_t fill)
{
	memcpy(at, magic, sizeof(magic));
	put(at + 8, (uint64_t)now_us, 8);
	put(at + 16, counter, 4);
	memset(at + 20, 0x55, fill);
	return 20 + fill;
}

size_t peer_audio_packet(struct peer_source *s, uint16_t twcc, int64_t now_us, uint8_t *buf)
{
	size_t n = write_header(s, PEER_PT_OPUS, false, true, twcc, buf);
	buf[n++] = 0x78; // Opus TOC: CELT full band, 20 ms, mono
	n += write_stamp(buf + n, now_us, s->frame++, 60);
	s->seq++;
	s->ts += 960;
	return n;
}

static size_t write_vp8(const struct peer_source *s, bool key, bool first, uint8_t *at)
{
	size_t n = 0;
	at[n++] = (uint8_t)(0x80 | (first ? 0x10 : 0));
	at[n++] = 0x80; // a picture id follows
	put(at + n, 0x8000 | (s->frame & 0x7fff), 2);
	n += 2;
	if (!first)
		return n;
	static const uint8_t keyframe[] = {0x10, 0x02, 0x00, 0x9d, 0x01,
	                                   0x2a, 0x80, 0x02, 0x68, 0x01}; // 640 x 360
	static const uint8_t delta[] = {0x11, 0x02, 0x00};
	memcpy(at + n, key ? keyframe : delta, key ? sizeof(keyframe) : sizeof(delta));
	return n + (key ? sizeof(keyframe) : sizeof(delta));
}

static size_t write_h264(bool key, bool first, bool last, uint8_t *at)
{
	// FU-A of an IDR or a non-IDR slice; the keyframe's first packet is a STAP-A of SPS and PPS.
	at[0] = 0x7c;
	at[1] = (uint8_t)((first ? 0x80 : 0) | (last ? 0x40 : 0) | (key ? 5 : 1));
	at[2] = first ? 0x88 : 0x11; // first_mb_in_slice = 0 at the slice's beginning
	return 3;
}

static size_t write_parameter_sets(uint8_t *at)
{
	static const uint8_t stap[] = {0x78, 0,    8, 0x67, 0x42, 0xe0, 0x1f, 0xda, 0x02,
	                               0x80, 0xf6, 0, 4,    0x68, 0xce, 0x06, 0xe2};
	memcpy(at, stap, sizeof(stap));
	return sizeof(stap);
}

size_t peer_video_packet(struct peer_source *s, unsigned index, unsigned count, uint16_t twcc, int64_t now_us,
                         uint8_t *buf)
{
	bool last = index + 1 == count;
	size_t n = write_header(s, PEER_PT_VIDEO, last, false, twcc, buf);
	if (s->vp8)
		n += write_vp8(s, s->want_keyframe, index == 0, buf + n);
	else if (s->want_keyframe && index == 0)
		n += write_parameter_sets(buf + n); // what follows a STAP-A's units is ignored by the relay
	else
		n += write_h264(s->want_keyframe, index == (s->want_keyframe ? 1u : 0u), last, buf + n);
	if (s->vp8 || !s->want_keyframe || index > 0)
		n += write_stamp(buf + n, now_us, s->frame, 1000);
	s->seq++;
	return n;
}

size_t peer_given_packet(struct peer_source *s, const struct peer_given *given, uint16_t twcc, uint8_t *buf)
{
	bool audio = given->audio;
	size_t n =
	    write_header(s, audio ? PEER_PT_OPUS : PEER_PT_VIDEO, given->last && !audio, audio, twcc, buf);
	if (n == 0 || given->bytes > PEER_PACKET_BYTES - n)
		return 0;
	memcpy(buf + n, given->payload, given->bytes);
	s->seq++;
	s->ts += audio ? 960 : 0;
	return n + given->bytes;
}

void peer_frame_done(struct peer_source *s)
{
	s->want_keyframe = false;
	s->frame++;
	s->ts += 3600; // 25 frames a second
}

static void take_stamp(struct peer_sink *sink, const struct hz_rtp_packet *rtp, int64_t now_us)
{
	for (size_t at = 0; at + 20 <= rtp->payload_bytes && at < 32; at++) {
		if (memcmp(rtp->payload + at, magic, sizeof(magic)) != 0)
			continue;
		uint64_t sent = 0;
		for (int i = 0; i < 8; i++)
			sent = sent << 8 | rtp->payload[at + 8 + (size_t)i];
		int64_t bin = (now_us - (int64_t)sent) / 100;
		if (bin > PEER_FINE)
			bin = PEER_FINE + (bin - PEER_FINE) / 10;
		sink->histogram[bin < 0 ? 0 : bin > PEER_HISTOGRAM ? PEER_HISTOGRAM : bin]++;
		return;
	}
}

void peer_sink_take(struct peer_sink *sink, const uint8_t *packet, size_t bytes, int64_t now_us)
{
	struct hz_rtp_packet rtp;
	if (hz_rtp_parse(packet, bytes, &rtp) != 0) {
		sink->bad++;
		return;
	}
	if (sink->packets == 0) {
		sink->first_seq = sink->highest = 0x10000 + rtp.seq;
	} else {
		int64_t ext = sink->highest + (int16_t)(rtp.seq - (uint16_t)sink->highest);
		if (ext > sink->highest)
			sink->highest = ext;
		if (now_us - sink->last_us > sink->max_gap_us)
			sink->max_gap_us = now_us - sink->last_us;
	}
	struct hz_frame_info info;
	uint8_t codec = rtp.payload_bytes && (rtp.payload[0] & 0x80) ? HZ_CODEC_VP8 : HZ_CODEC_H264_CB;
	if (rtp.pt == PEER_PT_VIDEO && hz_frame_inspect(codec, rtp.payload, rtp.payload_bytes, &info) == 0 &&
	    info.keyframe_start)
		sink->keyframes++;
	sink->packets++;
	sink->bytes += bytes;
	sink->last_us = now_us;
	sink->last_ts = rtp.ts;
	take_stamp(sink, &rtp, now_us);
}

int64_t peer_sink_lost(const struct peer_sink *sink)
{
	if (sink->packets == 0)
		return 0;
	return sink->highest - sink->first_seq + 1 - (int64_t)sink->packets;
}

uint32_t peer_sink_delay_us(const struct peer_sink *sink, unsigned per_mille)
{
	uint64_t total = 0, below = 0;
	for (unsigned i = 0; i <= PEER_HISTOGRAM; i++)
		total += sink->histogram[i];
	for (unsigned i = 0; i <= PEER_HISTOGRAM; i++) {
		below += sink->histogram[i];
		if (total > 0 && below * 1000 >= total * per_mille)
			return i < PEER_FINE ? (i + 1) * 100 : (PEER_FINE + (i + 1 - PEER_FINE) * 10) * 100;
	}
	return 0;
}

void peer_sink_reset(struct peer_sink *sink, int64_t now_us)
{
	sink->max_gap_us = 0;
	if (sink->packets)
		sink->last_us = now_us;
	memset(sink->histogram, 0, sizeof(sink->histogram));
}
