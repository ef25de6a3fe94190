// The side of huizhen-imaging: orders to the processes that decode (turn.h), one at a time to each, the oldest first. Bounded by what
// is under way at all (fetch.h). A frame with which one dies is tried once more; then it, and one that takes too long, is given back
// as it came. When all of them are gone nothing is given back any more: whoever asked ends, and is asked anew, as no frame shall be
// kept as it came for what was not its own fault. Thread: one.
#ifndef HZ_MEDIA_DICOMWEB_TURNING_H
#define HZ_MEDIA_DICOMWEB_TURNING_H

#include "media/dicomweb/fetch.h"
#include "media/dicomweb/turn.h"

struct hz_turning;

struct hz_turned { // bytes 0: it goes out as it came
	uint64_t id;
	bool made;        // it is not proven yet: this one comes again
	bool untried;     // nobody looked at it: it is refused, not kept as it came
	uint32_t fault;   // then: enum hz_dicom_code, 0: it is not known why
	const void *data; // for the call
	size_t bytes;
	unsigned levels;
	const uint64_t *end; // levels + 1
};
// How it is called, with what its first resolutions take: "image/jphc; transfer-syntax=…; ends=812,2401".
void hz_turned_type(const struct hz_turned *turned, char ret[HZ_DWEB_TYPE_BYTES]);
typedef void hz_turned_cb(void *ctx, const struct hz_turned *turned);

// fds: ends of SOCK_SEQPACKET pairs, borrowed; at most HZ_TURN_MOST. -ENOMEM.
int hz_turning_new(const int *fds, unsigned count, hz_turned_cb *cb, void *ctx, struct hz_turning **ret);
void hz_turning_free(struct hz_turning *turning); // NULL allowed; nobody is told

// data stays where it is until the callback came for id, which is never in here. -EAGAIN: as many as can wait, wait;
// -EPIPE: there never was anybody who could.
int hz_turning_ask(struct hz_turning *turning, const struct hz_turn_order *order, const void *data);
// The same of a file, which is closed here in any case: an order for a frame of a video.
int hz_turning_ask_file(struct hz_turning *turning, const struct hz_turn_order *order, int fd);
// -EPIPE: they are gone, and will not come back; the caller is to end.
int hz_turning_read(struct hz_turning *turning);
void hz_turning_tick(struct hz_turning *turning, int64_t now_us); // about once a second

#endif
