// Inside of hz_video: packets of a stream, in the order of decoding, and the order in which their pictures are shown.
#ifndef HZ_MEDIA_IMAGING_VIDEO_STREAM_H
#define HZ_MEDIA_IMAGING_VIDEO_STREAM_H

#include <libavcodec/avcodec.h>

#include "media/imaging/video.h"

struct hz_video_packet {
	size_t at; // in the bytes, or with `copied` in the store
	uint32_t bytes;
	int32_t order; // among pictures of the same segment (picture order count); MPEG-2: unused
	uint8_t type;  // enum AVPictureType
	bool copied;
	bool key;      // decoding may begin here, as far as pictures are shown after it
	bool closed;   // nothing after it refers to anything before it
	bool broken;   // its container says that something is lost
	bool discard;  // its container says: decoded and not shown
	bool hidden;   // that, or the second field of the one before
	uint8_t field; // enum AVPictureStructure
	uint32_t rank; // in `shown`, of what is not hidden
};

struct hz_video_stream {
	const uint8_t *bytes;
	size_t count;
	AVCodecParameters *parameters;
	struct hz_video_packet *packet;
	uint32_t packets, room;
	uint8_t *store; // packets that do not lie in the bytes as they are
	size_t stored, store_room;
	uint32_t *shown; // [picture]: packet
	uint32_t pictures;
	uint32_t columns, rows; // as the first parameters say; 0: unknown
	bool global;            // parameters come before the packets
};

int hz_video_stream_read(const uint8_t *bytes, size_t count, uint32_t limit, struct hz_dicom_fault *fault,
                         struct hz_video_stream *ret);
void hz_video_stream_done(struct hz_video_stream *stream);
const char *hz_video_codec_name(const struct hz_video_stream *stream);

// What packets are, by their own words (video_order.c).
struct hz_video_order;
int hz_video_order_new(const AVCodecParameters *parameters, struct hz_video_order **ret); // -ENOMEM, -ENOTSUP
void hz_video_order_free(struct hz_video_order *order);
// data: with AV_INPUT_BUFFER_PADDING_SIZE zeros behind it.
void hz_video_order_packet(struct hz_video_order *order, const uint8_t *data, size_t bytes,
                           struct hz_video_stream *stream, struct hz_video_packet *packet);
int hz_video_order_shown(struct hz_video_stream *stream); // fills `shown`; -ENOMEM

#endif
