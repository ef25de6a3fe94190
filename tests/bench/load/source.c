#include "tests/bench/load/source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "gateway/base/clock.h"
#include "gateway/base/secret.h"
#include "media/rtp/packet.h"

#define ROOM        (LOAD_PACKET_BYTES + 100)
#define STAMP_BYTES 16
#define LATE_US     200000 // more behind than this: what was due is left out instead of sent in a heap

static const uint8_t magic[8] = {'H', 'Z', 'L', 'O', 'A', 'D', '0', '1'};

int load_source_init(struct load_source *s)
{
	memset(s, 0, sizeof(*s));
	struct load_stream *streams[] = {&s->audio, &s->video};
	for (int i = 0; i < 2; i++) {
		hz_random(&streams[i]->ssrc, 4);
		hz_random(&streams[i]->ts, 4);
		hz_random(&streams[i]->seq, 2);
		streams[i]->seq &=
		    0x7fff; // far from the wrap: late packets before the first one confuse servers
	}
	s->want_keyframe = true;
	s->random = s->video.ssrc;
	s->history = malloc((size_t)LOAD_HISTORY * ROOM);
	return s->history ? 0 : -ENOMEM;
}

void load_source_done(struct load_source *s)
{
	free(s->history);
	s->history = NULL;
}

static size_t write_header(struct load_source *s, struct load_stream *stream, bool marker, uint8_t *buf)
{
	struct hz_rtp_exts exts = {.has = HZ_EXT_TWCC | HZ_EXT_MID, .twcc_seq = s->twcc++};
	struct hz_rtp_header header = {
	    .ts = stream->ts, .ssrc = stream->ssrc, .seq = stream->seq++, .pt = stream->pt, .marker = marker};
	struct hz_rtp_offsets offsets;
	memcpy(exts.mid, stream->mid, sizeof(exts.mid));
	if (stream == &s->audio) {
		exts.has |= HZ_EXT_AUDIO_LEVEL;
		exts.audio_level_dbov = 30;
		exts.voice = true;
	}
	if (hz_rtp_write_header(buf, ROOM, &header, &exts, &s->ext, &offsets) != 0)
		return 0;
	return offsets.header_bytes;
}

static size_t write_stamp(uint8_t *at)
{
	uint64_t now = (uint64_t)hz_wall_us();
	memcpy(at, magic, sizeof(magic));
	for (int i = 0; i < 8; i++)
		at[8 + i] = (uint8_t)(now >> 8 * (7 - i));
	return STAMP_BYTES;
}

// "HZMARK=%017lld;" in a picture's SEI: hz-peer's.
static bool read_mark(const uint8_t *payload, size_t bytes, int64_t *ret_us)
{
	const uint8_t *at = bytes >= 25 ? memmem(payload, bytes < 128 ? bytes : 128, "HZMARK=", 7) : NULL;
	int64_t us = 0;
	if (!at || at + 25 > payload + bytes)
		return false;
	for (unsigned i = 7; i < 24; i++) {
		if (at[i] < '0' || at[i] > '9')
			return false;
		us = us * 10 + (at[i] - '0');
	}
	*ret_us = us;
	return at[24] == ';';
}

bool load_stamp_read(const uint8_t *payload, size_t bytes, int64_t *ret_us)
{
	for (size_t at = 0; at + STAMP_BYTES <= bytes && at < 32; at++) {
		if (memcmp(payload + at, magic, sizeof(magic)) != 0)
			continue;
		uint64_t sent = 0;
		for (int i = 0; i < 8; i++)
			sent = sent << 8 | payload[at + 8 + (size_t)i];
		*ret_us = (int64_t)sent;
		return true;
	}
	return read_mark(payload, bytes, ret_us);
}

static size_t write_vp8(const struct load_source *s, bool first, uint8_t *at)
{
	static const uint8_t keyframe[] = {0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01};
	static const uint8_t delta[] = {0x11, 0x02, 0x00};
	size_t n = 0;
	at[n++] = (uint8_t)(0x80 | (first ? 0x10 : 0));
	at[n++] = 0x80; // a picture id follows
	at[n++] = (uint8_t)(0x80 | (s->video.frame >> 8 & 0x7f));
	at[n++] = (uint8_t)s->video.frame;
	if (!first)
		return n;
	memcpy(at + n, s->want_keyframe ? keyframe : delta,
	       s->want_keyframe ? sizeof(keyframe) : sizeof(delta));
	return n + (s->want_keyframe ? sizeof(keyframe) : sizeof(delta));
}

static bool chance(struct load_source *s)
{
	s->random = s->random * 1664525u + 1013904223u;
	return s->loss_permille > 0 && (s->random >> 8) % 1000 < s->loss_permille;
}

// A bad link: some of the burst is lost, some arrives in another order. Returns how many are left.
static unsigned impair(struct load_source *s, struct mmsghdr *messages, unsigned count)
{
	unsigned kept = 0;
	for (unsigned i = 0; i < count; i++)
		if (!chance(s))
			messages[kept++] = messages[i];
	for (unsigned i = 0; i + 1 < kept; i++) {
		struct mmsghdr first = messages[i];
		if (!chance(s))
			continue;
		messages[i] = messages[i + 1];
		messages[i + 1] = first;
	}
	return kept;
}

static void send_burst(struct load_source *s, int fd, uint8_t (*packets)[ROOM], const size_t *bytes,
                       unsigned count, struct load_measure *measure)
{
	struct mmsghdr messages[LOAD_MAX_FRAME];
	struct iovec iov[LOAD_MAX_FRAME];
	memset(messages, 0, sizeof(messages));
	for (unsigned i = 0; i < count; i++) {
		iov[i] = (struct iovec){.iov_base = packets[i], .iov_len = bytes[i]};
		messages[i].msg_hdr.msg_iov = &iov[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	if (s->loss_permille > 0)
		count = impair(s, messages, count);
	int sent = count > 0 ? sendmmsg(fd, messages, count, 0) : 0;
	measure->totals.sent += sent > 0 ? (unsigned)sent : 0;
	measure->totals.send_failed += count - (sent > 0 ? (unsigned)sent : 0);
}

static void send_frame(struct load_source *s, const struct load_rates *rates, struct hz_srtp *srtp, int fd,
                       struct load_measure *measure)
{
	static uint8_t packets[LOAD_MAX_FRAME][ROOM];
	size_t bytes[LOAD_MAX_FRAME];
	unsigned frame = rates->frame_bytes * (s->want_keyframe ? 3 : 1);
	unsigned count = (frame + rates->packet_bytes - 1) / rates->packet_bytes, made = 0;
	count = count > LOAD_MAX_FRAME ? LOAD_MAX_FRAME : count;
	size_t share = frame / count;
	for (unsigned i = 0; i < count; i++) {
		uint8_t *buf = packets[made];
		uint16_t seq = s->video.seq;
		size_t n = write_header(s, &s->video, i + 1 == count, buf);
		size_t end = n + (share < LOAD_PACKET_BYTES - n ? share : LOAD_PACKET_BYTES - n);
		n += write_vp8(s, i == 0, buf + n);
		n += write_stamp(buf + n);
		if (n < end)
			memset(buf + n, 0x55, end - n);
		n = n < end ? end : n;
		if (hz_srtp_protect(srtp, buf, &n, ROOM) != 0)
			continue;
		unsigned slot = seq % LOAD_HISTORY;
		memcpy(s->history + (size_t)slot * ROOM, buf, n);
		s->history_bytes[slot] = (uint16_t)n;
		s->history_seq[slot] = seq;
		bytes[made++] = n;
	}
	send_burst(s, fd, packets, bytes, made, measure);
	s->want_keyframe = false;
	s->video.frame++;
	s->video.ts += 3000;
}

static void send_audio(struct load_source *s, const struct load_rates *rates, struct hz_srtp *srtp, int fd,
                       struct load_measure *measure)
{
	static uint8_t packet[1][ROOM];
	size_t n = write_header(s, &s->audio, false, packet[0]);
	size_t end = n + rates->audio_bytes;
	packet[0][n++] = 0x78; // Opus: CELT full band, 20 ms, mono
	n += write_stamp(packet[0] + n);
	if (n < end)
		memset(packet[0] + n, 0x55, end - n);
	n = n < end ? end : n;
	s->audio.ts += 960;
	if (hz_srtp_protect(srtp, packet[0], &n, ROOM) == 0)
		send_burst(s, fd, packet, &n, 1, measure);
}

static int64_t after(int64_t due_us, int64_t step_us, int64_t now_us)
{
	return now_us - due_us > LATE_US ? now_us + step_us : due_us + step_us;
}

int64_t load_source_run(struct load_source *s, const struct load_rates *rates, struct hz_srtp *srtp, int fd,
                        int64_t now_us, struct load_measure *measure)
{
	int64_t next = INT64_MAX;
	if (s->audio.pt) {
		if (now_us >= s->next_audio_us) {
			send_audio(s, rates, srtp, fd, measure);
			s->next_audio_us = after(s->next_audio_us, LOAD_AUDIO_US, now_us);
		}
		next = s->next_audio_us;
	}
	if (s->video.pt) {
		if (now_us >= s->next_video_us) {
			send_frame(s, rates, srtp, fd, measure);
			s->next_video_us = after(s->next_video_us, LOAD_VIDEO_US, now_us);
		}
		next = s->next_video_us < next ? s->next_video_us : next;
	}
	return next;
}

void load_source_repeat(struct load_source *s, uint16_t seq, int fd)
{
	unsigned slot = seq % LOAD_HISTORY;
	if (s->history_bytes[slot] > 0 && s->history_seq[slot] == seq)
		(void)!send(fd, s->history + (size_t)slot * ROOM, s->history_bytes[slot], 0);
}
