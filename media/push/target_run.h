// One place that a broadcast is sent on to: takes its programme from the ring (media/push/outfeed.h), makes AAC of its sound, and
// sends; connects again by itself. Its state is told to huizhen-push. Thread: main.
#ifndef HZ_MEDIA_PUSH_TARGET_RUN_H
#define HZ_MEDIA_PUSH_TARGET_RUN_H

#include <stdbool.h>

#include "media/codec/aac.h"
#include "media/codec/outlet.h"
#include "media/push/outfeed.h"
#include "media/push/target.h"

struct hz_target_run {
	int api; // SOCK_SEQPACKET of media/ingest/api.h
	struct hz_ingest_source_set set;
	struct hz_target_address address;
	struct hz_outfeed *feed; // NULL: none was given
	struct hz_outlet *outlet;
	struct hz_aac_encoder *aac;
	struct hz_ingest_status status;
	uint64_t sent_bytes; // of the connections before
	int64_t told_us, begun_us, again_us, backoff_us;
	int64_t deadline_us; // of what is waited for just now; 0: none
	bool over;           // our parent is gone, or wants us gone
	bool leaving;        // nobody is asked any more
	bool late;           // what was waited for took too long
	int err;             // of the newest write
};

// The first SET, with the ring's descriptor. -EPIPE.
int hz_target_run_first(struct hz_target_run *t);
void hz_target_run(struct hz_target_run *t); // until it is over

#endif
