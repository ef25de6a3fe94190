// A camera as the relay brings it: H.264 in RTP, every picture says in an SEI when it was made, so that it can be found again in files.
#ifndef HZ_TESTS_UNIT_HLS_FAKE_CAMERA_H
#define HZ_TESTS_UNIT_HLS_FAKE_CAMERA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CAMERA_PACKETS 8u
#define CAMERA_BYTES   1500u

struct fake_camera {
	uint32_t ssrc, ts;
	uint16_t seq;
	unsigned n; // of the next picture since its keyframe; 0: a keyframe is next
	bool lazy;  // no keyframe by itself: as WebRTC's do
};

struct fake_packets {
	unsigned count;
	size_t bytes[CAMERA_PACKETS];
	uint8_t data[CAMERA_PACKETS][CAMERA_BYTES];
};

// The next picture, 40 ms behind the one before; made_us goes into it.
void camera_picture(struct fake_camera *camera, int64_t made_us, struct fake_packets *ret);

// Walks all files below a folder: the newest and the number of marks in them that lie in [from_us, until_us). Playlists have none.
unsigned folder_marks(const char *path, int64_t from_us, int64_t until_us, int64_t *ret_newest_us);

#endif
