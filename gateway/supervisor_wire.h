// What an old and a new gateway say to each other at a takeover, over data.dir/run/supervisor.sock.
//
//   new -> old  HELLO     its versions
//   old -> new  OFFER     its versions and number of workers, or REFUSE: nothing has changed, the new one ends
//   new -> old  ACCEPT    both compared: they fit
//   old -> new  FDS...    every descriptor of struct hz_shared that it knows of; of one the new one does not know, it ends
//   new -> old  PREPARED  its workers are started and wait for the arenas' locks (hz_memfd_claim)
//   old                   stops its children; the waiting workers go on the moment theirs are free
//   old -> new  STOPPED   all are gone: start control
//   new -> old  READY     control is ready: the old one ends with 0
//
// When the new one goes away or is not READY in time, the old one kills it and starts its own children again. When the
// old one goes away after PREPARED, the new one goes on alone.
#ifndef HZ_GATEWAY_SUPERVISOR_WIRE_H
#define HZ_GATEWAY_SUPERVISOR_WIRE_H

#include <stdint.h>

#define HZ_TAKEOVER_MAGIC   0x485a544fu
#define HZ_TAKEOVER_VERSION 1u
#define HZ_TAKEOVER_FDS     32 // in one message
#define HZ_TAKEOVER_REASON  128

enum hz_takeover_type {
	HZ_TAKEOVER_HELLO = 1,
	HZ_TAKEOVER_OFFER,
	HZ_TAKEOVER_REFUSE,
	HZ_TAKEOVER_ACCEPT,
	HZ_TAKEOVER_FD_LIST,
	HZ_TAKEOVER_READY_TO_RUN, // PREPARED
	HZ_TAKEOVER_STOPPED,
	HZ_TAKEOVER_DONE, // READY
};

struct hz_takeover_msg {
	uint32_t magic, version, type;
	uint32_t arena_version, api_version, child_version;
	uint64_t arena_bytes;
	uint32_t workers;
	uint32_t last;                   // FDS: nothing follows
	uint32_t fd_count;               // FDS
	uint8_t kind[HZ_TAKEOVER_FDS];   // enum hz_shared_kind
	uint8_t index[HZ_TAKEOVER_FDS];  // worker
	char reason[HZ_TAKEOVER_REASON]; // REFUSE
};

#endif
