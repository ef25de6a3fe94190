// A series as a stack: the archive's metadata (DICOM JSON, PS3.18 F), each object's frames, in the order in which they lie in
// the patient: the viewer's (web/imaging/series.ts), so that a place in the stack is the same image for everybody. Pure.
#ifndef HZ_MEDIA_LIVE_STACK_H
#define HZ_MEDIA_LIVE_STACK_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#define HZ_LIVE_STACK_FRAMES 20000u
#define HZ_LIVE_STACK_BYTES  ((size_t)24 << 20) // of JSON
// VL Whole Slide Microscopy Image: thousands of tiles, no stack; a frame of it is not what the table shows.
#define HZ_LIVE_SLIDE_SOP "1.2.840.10008.5.1.4.1.1.77.1.6"
#define HZ_LIVE_SLIDE     (-EMEDIUMTYPE)

struct hz_live_stack_frame {
	uint32_t object; // index
	uint32_t frame;  // of it, from 0
};
struct hz_live_stack {
	uint32_t objects, frames;
	char (*instance)[65];
	struct hz_live_stack_frame *frame;
};

// Objects that are no images are left out, as the viewer does. -EBADMSG: no list in JSON; -E2BIG; -ENODATA: no image in it;
// HZ_LIVE_SLIDE: it is one; -ENOMEM.
int hz_live_stack_read(const char *json, size_t bytes, struct hz_live_stack *ret);
void hz_live_stack_done(struct hz_live_stack *stack);

#endif
