// Frames into HTJ2K: what is said over a SOCK_SEQPACKET pair between huizhen-imaging, which has the network and decodes nothing, and
// processes that decode and have nothing else. After HELLO (it was started anew: an order of before is lost) one result for each
// order, and of large frames another one before it: made, and not proven yet. An order brings two descriptors: the frame as it came, and where its codestream is to be written.
#ifndef HZ_MEDIA_DICOMWEB_TURN_H
#define HZ_MEDIA_DICOMWEB_TURN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "media/dicomweb/api.h"

#define HZ_TURN_BYTES  ((size_t)128 << 20) // a frame of more goes out as it came
#define HZ_TURN_EARLY  ((size_t)1 << 20)   // of samples; from here on it is said when one is made
#define HZ_TURN_LEVELS 6
#define HZ_TURN_MOST   4 // processes

struct hz_turn_order {
	uint64_t id; // not 0
	uint64_t bytes;
	struct hz_dweb_pixels pixels;
	uint32_t encoded; // 1: a codestream, 0: samples
	uint32_t
	    film; // 0: one frame is what comes; else an object comes that is a video: which of its frames, from 1
	uint32_t
	    reads; // HZ_DWEB_WAVE, HZ_DWEB_OVERLAYS, HZ_DWEB_LUTS: of an object, as JSON; pixels say nothing. 0: a frame
};

struct hz_turn_result {
	uint64_t id;    // 0: HELLO
	uint64_t bytes; // 0: it goes out as it came
	uint32_t fault; // enum hz_dicom_code of the reason
	uint32_t levels;
	uint32_t made;                    // 1: it is not proven yet, which the next result will say
	uint64_t end[HZ_TURN_LEVELS + 1]; // [r]: so many bytes hold resolution r, 0 the smallest
};

enum hz_turn_kind { HZ_TURN_NOT, HZ_TURN_SAMPLES, HZ_TURN_CODESTREAM };
// Is this frame to be turned? Samples as they are, and JPEG of 12 bits, which no browser decodes. All else the viewer decodes itself.
// Reads markers only. type: as its PACS calls it. Pure.
enum hz_turn_kind hz_turn_kind(const struct hz_dweb_pixels *pixels, const char *type, const void *data,
                               size_t bytes);

// One order: decodes, encodes, decodes again and compares; exact, or result->bytes is 0. in: bytes of a frame; out: written from 0.
// tell: where it is said what is made (-1: nowhere).
void hz_turn_do(const struct hz_turn_order *order, int in, int out, int tell, struct hz_turn_result *ret);

// The processes: each has the second end of a pair. Never returns in a child; what dies is started anew until our parent does.
// The nursery's, whose children they all are and which does nothing but this; -errno. Call before threads, libraries and secrets.
pid_t hz_turn_nursery(const int (*pair)[2], unsigned count);
// The same with pairs of its own, as many as half of the processors, two at least: our ends of them. -errno.
int hz_turn_start(int turn[HZ_TURN_MOST], unsigned *ret);

#endif
