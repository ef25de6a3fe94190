// Send-side congestion control of one receiving peer: how much its downlink carries, from transport-wide feedback
// (draft-holmer-rmcat-transport-wide-cc-extensions-01), or else REMB (draft-alvestrand-rmcat-remb) and receiver
// reports. Delay and loss as draft-ietf-rmcat-gcc-02 describes the field: delay gradients against an adaptive
// threshold (trend.h), additive and multiplicative steps (aimd.h), loss that delay does not explain is borne (loss.h),
// short bursts of padding measure what is free (probe.h). Also what to do when nothing is heard at all (outage).
//
// All rates are bits a second on the wire: callers add HZ_CC_OVERHEAD_BYTES to the bytes of a plain RTP packet.
// No I/O, no clock, no allocation but hz_cc_new(): about 10 kB. Nothing is kept in the arena: a new worker begins anew.
// Thread: its worker's.
#ifndef HZ_MEDIA_CC_CC_H
#define HZ_MEDIA_CC_CC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "media/rtp/rtcp.h"
#include "media/rtp/twcc.h"

#define HZ_CC_OVERHEAD_BYTES 44u // IPv4, UDP, AEAD tag
#define HZ_CC_SENT           1024u
#define HZ_CC_MAX_STATUS     4096u // of one feedback; longer ones are not read
#define HZ_CC_START_BPS      500000u
#define HZ_CC_MIN_BPS        16000u
#define HZ_CC_MAX_BPS        100000000u
#define HZ_CC_FEEDBACKS      400u // a second that are read; more are dropped

struct hz_cc;

// Room for the parser, one a worker.
struct hz_cc_scratch {
	struct hz_twcc_arrival item[HZ_CC_MAX_STATUS];
};

int hz_cc_new(int64_t now_us, struct hz_cc **ret); // -ENOMEM
void hz_cc_free(struct hz_cc *cc);                 // NULL allowed

// Each packet that leaves with a transport-wide number. probe: it belongs to the cluster of hz_cc_probe().
void hz_cc_on_sent(struct hz_cc *cc, uint16_t seq, size_t wire_bytes, bool probe, int64_t now_us);

// One transport-wide feedback packet. 0; -EBADMSG malformed; -EMSGSIZE too long to be read; -EBUSY too many.
int hz_cc_on_feedback(struct hz_cc *cc, const struct hz_rtcp_packet *packet, struct hz_cc_scratch *scratch,
                      int64_t now_us);

// Only heard from peers whose transport-wide feedback does not come: an upper bound that holds for 10 s.
void hz_cc_on_remb(struct hz_cc *cc, uint64_t bps, int64_t now_us);
// A receiver report's block: fraction of 256. Changes the estimate only without transport-wide feedback.
void hz_cc_on_report(struct hz_cc *cc, uint8_t fraction_lost, int64_t now_us);

// Another network path (ICE nominated another pair): what was learned about the old one is forgotten, the estimate is
// kept as a guess until the first feedback.
void hz_cc_on_path(struct hz_cc *cc, int64_t now_us);

// What the allocator could use (all slots at their best); probes go no higher, and none is sent while the estimate
// is above it.
void hz_cc_set_demand(struct hz_cc *cc, uint32_t bps);

// No padding can be sent to this peer (its video has no RTX stream), so that no probe tells what is free: the estimate grows
// by waiting instead, slowly.
void hz_cc_set_blind(struct hz_cc *cc, bool blind);

// At least every 100 ms: silence, expiry.
void hz_cc_tick(struct hz_cc *cc, int64_t now_us);

// 0: nothing is known (no feedback has come): nothing may be taken away from this peer.
uint32_t hz_cc_estimate_bps(const struct hz_cc *cc);
// What should be sent now: the estimate, less while a queue drains or during an outage. Before the first feedback the
// start value for 2 s; then, without any, UINT32_MAX: nothing is known.
uint32_t hz_cc_target_bps(const struct hz_cc *cc);
uint32_t hz_cc_queue_us(const struct hz_cc *cc);      // how long packets wait in the network, smoothed
uint32_t hz_cc_rtt_us(const struct hz_cc *cc);        // of feedback, its interval included; 0 unknown
uint32_t hz_cc_loss_permille(const struct hz_cc *cc); // of the newest window
bool hz_cc_measured(const struct hz_cc *cc); // the estimate comes from this path, not from the start value
bool hz_cc_full(
    const struct hz_cc *cc); // the link was full at about this rate, and nothing has shown more since
bool hz_cc_outage(const struct hz_cc *cc); // packets go out, nothing is heard
// True once after an outage ended: pictures begin anew.
bool hz_cc_take_return(struct hz_cc *cc);

// How many bytes of probe to send now (wire, in packets of about *ret_packet bytes); 0: none is due. Call at each tick
// and send at once, with hz_cc_on_sent(…, true).
size_t hz_cc_probe(struct hz_cc *cc, int64_t now_us, size_t *ret_packet);
bool hz_cc_probing(const struct hz_cc *cc);    // a cluster is not all out yet
uint32_t hz_cc_probes(const struct hz_cc *cc); // clusters begun, ever

#endif
