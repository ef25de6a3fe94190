// The picture of one member: its packets put in order, gathered, decoded; when it was captured; when to ask for a keyframe.
// What nobody sees is not decoded. Thread: one. Times: now_us.
#ifndef HZ_MEDIA_MOSAIC_SOURCE_H
#define HZ_MEDIA_MOSAIC_SOURCE_H

#include <libavutil/frame.h>

#include "media/mosaic/api.h"
#include "media/rtp/packet.h"

#define HZ_SOURCE_ASK_US 500000 // between two requests for a keyframe

struct hz_source;
struct hz_source_counts {
	uint64_t decoded, broken, refused;
};

int hz_source_new(struct hz_source **ret); // -ENOMEM
void hz_source_free(struct hz_source *source);

// Payload types by codec; another one than these is refused.
// orientation: id of the header extension, 0: none.
void hz_source_set_types(struct hz_source *source, const struct hz_pt *pt, unsigned count,
                         uint8_t orientation);
void hz_source_reset(struct hz_source *source); // another SSRC: the picture is kept until the next
void hz_source_see(struct hz_source *source, bool seen);
void hz_source_forget(struct hz_source *source); // there is no picture until the next

void hz_source_rtp(struct hz_source *source, const struct hz_rtp_packet *packet, int64_t arrival_us,
                   int64_t now_us);
void hz_source_report(struct hz_source *source, uint64_t ntp, uint32_t rtp_ts, int64_t now_us);
void hz_source_poll(struct hz_source *source, int64_t now_us); // once a tick

// True at most once in HZ_SOURCE_ASK_US: a keyframe is needed. Counts as asked.
bool hz_source_asks(struct hz_source *source, int64_t now_us);

struct hz_source_picture {
	const AVFrame *frame; // NULL: none yet
	uint64_t serial;      // changes with it
	int64_t shown_us;     // when it was decoded
	int64_t arrived_us;   // when its last packet came
	int64_t captured_us;  // as far as is known; at most shown_us
};
void hz_source_picture(const struct hz_source *source, struct hz_source_picture *ret);
void hz_source_take_counts(struct hz_source *source, struct hz_source_counts *add); // since the last call

#endif
