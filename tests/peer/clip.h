// Real media for the test peer, already packetised (tests/lib/clip.ts makes it): frames of sound and pictures, sent in turn,
// again and again. A file: "HZCLIP1\n", then frames: u8 kind (0 sound, 1 picture), u8 key, u16 packets, and of each packet u16
// bytes and the RTP payload. Little-endian.
#ifndef HZ_TESTS_PEER_CLIP_H
#define HZ_TESTS_PEER_CLIP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct peer_clip_frame {
	const uint8_t *packets; // u16 bytes, payload, ...
	uint16_t count;
	bool key;
};

struct peer_clip {
	uint8_t *file;
	struct peer_clip_frame *sound, *picture;
	unsigned sounds, pictures;
};

int peer_clip_load(const char *path, struct peer_clip *ret); // -EBADMSG, -errno
void peer_clip_free(struct peer_clip *clip);

// The first keyframe at or behind `at`, from the begin again where there is none.
unsigned peer_clip_key(const struct peer_clip *clip, unsigned at);
// The next payload of a frame, and its bytes; `packets` moves on.
const uint8_t *peer_clip_payload(const uint8_t **packets, size_t *ret_bytes);

#endif
