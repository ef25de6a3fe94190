// Cameras of one colour that send RTP, and a viewer that decodes a rendition: what the tests of the mosaic are made of.
#ifndef HZ_TESTS_UNIT_MOSAIC_FAKE_VIDEO_H
#define HZ_TESTS_UNIT_MOSAIC_FAKE_VIDEO_H

#include <stdbool.h>

#include "media/mosaic/decoder.h"
#include "media/mosaic/encoder.h"
#include "media/mosaic/gather.h"
#include "media/mosaic/order.h"
#include "media/rtp/packet.h"

#define FAKE_PACKETS     64u // of a picture, at most
#define FAKE_BYTES       1400u
#define FAKE_ORIENTATION 2u

struct fake_packets {
	unsigned count;
	uint16_t bytes[FAKE_PACKETS];
	uint8_t data[FAKE_PACKETS][FAKE_BYTES];
};

struct fake_camera {
	struct hz_encoder *encoder;
	struct hz_canvas canvas;
	struct hz_colour colour;
	uint8_t codec, pt;
	uint8_t turn; // says that it is held so; a bright bar stands at its left then
	bool sparing; // says it with keyframes alone
	uint32_t ssrc, ts;
	uint16_t seq, picture_id;
	int64_t number;
	bool wants_key, says;
	struct fake_packets out;
};

void fake_camera_init(struct fake_camera *camera, uint8_t codec, uint32_t ssrc, struct hz_colour colour);
void fake_camera_size(struct fake_camera *camera, int width, int height);
void fake_camera_done(struct fake_camera *camera);
void fake_camera_take(struct fake_camera *camera); // the next picture, in camera->out

struct fake_viewer {
	uint32_t ssrc;
	uint8_t codec;
	struct hz_mosaic_order *order;
	struct hz_gather gather;
	struct hz_decoder *decoder;
	AVFrame *frame;
	unsigned pictures, keys, gaps; // gaps: timestamps that did not go on by one picture
	uint32_t ts;
	size_t bytes;
};

void fake_viewer_init(struct fake_viewer *viewer, uint8_t codec, uint32_t ssrc);
void fake_viewer_done(struct fake_viewer *viewer);
void fake_viewer_put(struct fake_viewer *viewer, const uint8_t *data,
                     size_t bytes); // others' packets are passed over

// Mean colour around a point, in pixels of the canvas of 1280x720 whatever the size of the rendition.
struct hz_colour fake_viewer_at(const struct fake_viewer *viewer, int x, int y);
bool fake_same(struct hz_colour a, struct hz_colour b); // as far as an encoder leaves it

#endif
