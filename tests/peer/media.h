// What the test peer sends and how it reads what it receives: RTP whose payload looks like Opus, VP8 or H.264 to a
// relay and carries the time it was sent, so that delay through a server is measured packet by packet.
#ifndef HZ_TESTS_PEER_MEDIA_H
#define HZ_TESTS_PEER_MEDIA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PEER_PACKET_BYTES 1400
#define PEER_FINE         200 // bins of 100 us, behind them of 1 ms
#define PEER_HISTOGRAM    700

struct peer_source { // one outgoing stream
	uint32_t ssrc;
	uint16_t seq;
	uint32_t ts;
	uint32_t frame; // counts frames; also the VP8 picture id
	uint16_t twcc;  // only the audio source's is used: one transport-wide counter a peer
	uint8_t layer;  // simulcast layer, with `rid` in each packet
	bool rid;
	bool vp8;
	bool want_keyframe;
};

// An Opus-like packet of 20 ms. Returns its bytes; buf has PEER_PACKET_BYTES.
size_t peer_audio_packet(struct peer_source *source, uint16_t twcc, int64_t now_us, uint8_t *buf);

// Packet `index` of `count` of the current video frame. Call peer_frame_done() after the last.
size_t peer_video_packet(struct peer_source *source, unsigned index, unsigned count, uint16_t twcc,
                         int64_t now_us, uint8_t *buf);
void peer_frame_done(struct peer_source *source);

// A packet of given payload (tests/peer/clip.h). After a frame of video: peer_frame_done(); of sound the time goes on here.
struct peer_given {
	const uint8_t *payload;
	size_t bytes;
	bool audio, last; // last: of its frame
};
size_t peer_given_packet(struct peer_source *source, const struct peer_given *given, uint16_t twcc,
                         uint8_t *buf);

struct peer_sink { // one incoming stream
	uint32_t ssrc;
	uint64_t packets, bytes, bad, keyframes;
	int64_t first_seq, highest; // extended
	int64_t last_us, max_gap_us;
	uint32_t last_ts;
	uint16_t last_vp8_id;
	uint32_t histogram[PEER_HISTOGRAM + 1]; // delay; last bin: more
};

// One decrypted RTP packet.
void peer_sink_take(struct peer_sink *sink, const uint8_t *packet, size_t bytes, int64_t now_us);

// Packets missing between the first and the highest sequence number.
int64_t peer_sink_lost(const struct peer_sink *sink);

// Delay in microseconds below which `per_mille` of the packets stayed (upper edge of the bin).
uint32_t peer_sink_delay_us(const struct peer_sink *sink, unsigned per_mille);

void peer_sink_reset(struct peer_sink *sink, int64_t now_us); // gap and delay, not the sequence numbers

#endif
