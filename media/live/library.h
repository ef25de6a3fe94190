// The images that rooms show: asked for where they are missing, decoded when they are drawn, kept as long as there is
// room. What failed is not asked for again for a while. Everything that comes is a stranger's. Thread: one.
#ifndef HZ_MEDIA_LIVE_LIBRARY_H
#define HZ_MEDIA_LIVE_LIBRARY_H

#include "media/imaging/frame.h"
#include "media/live/api.h"
#include "media/live/stack.h"

#define HZ_LIVE_KEEP_BYTES   ((size_t)384 << 20) // files and decoded frames; the newest is always kept
#define HZ_LIVE_OBJECT_BYTES ((size_t)256 << 20) // a file
#define HZ_LIVE_FRAME_BYTES  ((size_t)128 << 20) // a decoded frame
#define HZ_LIVE_VIDEO_PIXELS                                                                                 \
	((uint64_t)1 << 27) // decoded for one look at a video: 60 pictures of 1080p; others wait meanwhile
#define HZ_LIVE_THINGS   1024u
#define HZ_LIVE_AGAIN_US 3000000  // after one that could not be had now
#define HZ_LIVE_BAD_US   60000000 // after a frame that could not be decoded
#define HZ_LIVE_LOST_US  20000000 // a WANT that nobody answered

struct hz_live_library;
struct hz_live_library_ops {
	void *ctx;
	bool (*want)(void *ctx, const struct hz_live_want *want);  // false: not now
	void (*trying)(void *ctx, const struct hz_live_ref *what); // is decoded now; NULL: that is over
};

int hz_live_library_new(const struct hz_live_library_ops *ops, struct hz_live_library **ret); // -ENOMEM
void hz_live_library_free(struct hz_live_library *library);                                   // NULL allowed

// 0: there; -EAGAIN: it was asked for; -EBUSY: not now; another -errno: it cannot be shown (for now).
// Results live until the next call of any of these.
int hz_live_library_stack(struct hz_live_library *library, uint32_t consult, const struct hz_live_ref *series,
                          int64_t now_us, const struct hz_live_stack **ret);
// It is known to be a slide (HZ_LIVE_SLIDE); asks nobody.
bool hz_live_library_is_slide(const struct hz_live_library *library, const struct hz_live_ref *series);
struct hz_live_image {
	const struct hz_dicom *dicom;
	const struct hz_frame *frame; // NULL when it was only asked to be there
	uint64_t serial;              // of the frame: another one, another number
};
int hz_live_library_image(struct hz_live_library *library, uint32_t consult, const struct hz_live_ref *object,
                          uint32_t frame, int64_t now_us, struct hz_live_image *ret);
// Ahead of time: asked for, not decoded.
int hz_live_library_hint(struct hz_live_library *library, uint32_t consult, const struct hz_live_ref *object,
                         int64_t now_us);

// The answer to a WANT; fd is closed. True: something that somebody may wait for is there, or has failed.
bool hz_live_library_give(struct hz_live_library *library, const struct hz_live_give *give, int fd,
                          int64_t now_us);
// What was wanted is wanted again: nobody knows of it any more.
void hz_live_library_forget_wants(struct hz_live_library *library);

struct hz_live_library_count {
	unsigned waiting;
	uint64_t decoded, failed, bytes;
};
void hz_live_library_count(const struct hz_live_library *library, struct hz_live_library_count *ret);

#endif
