// Objects on their way from huizhen-studies to PACS: control passes each on to huizhen-imaging, with its open file, and the word on it back.
// It keeps numbers only: what was under way with a huizhen-imaging that died is answered "not now", and comes again. Bounded: one object to
// each PACS. Thread: control's.
#ifndef HZ_GATEWAY_SESSION_TABLE_FORWARDING_H
#define HZ_GATEWAY_SESSION_TABLE_FORWARDING_H

#include <stdbool.h>

#include "media/dicomweb/api.h"

#define HZ_FORWARDING_MOST 16

struct hz_forwarding {
	int studies, imaging; // sockets, borrowed
	unsigned count;
	struct {
		uint64_t id;
		uint32_t result;
		bool over; // to be said to huizhen-studies
	} open[HZ_FORWARDING_MOST];
};

// fd is borrowed. ready: huizhen-imaging knows its PACS.
void hz_forwarding_send(struct hz_forwarding *f, const struct hz_dweb_send *send, int fd, bool ready);
void hz_forwarding_sent(struct hz_forwarding *f, const struct hz_dweb_sent *sent);
void hz_forwarding_lost(struct hz_forwarding *f);   // huizhen-imaging started anew
void hz_forwarding_forget(struct hz_forwarding *f); // huizhen-studies did: it begins from its disk
void hz_forwarding_tick(struct hz_forwarding *f);   // says what could not be said

#endif
