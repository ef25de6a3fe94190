// Which codec a publisher is told to send, so that everybody present can receive it. Pure; codec sets are bits
// 1 << enum hz_codec.
#ifndef HZ_GATEWAY_SESSION_CODEC_CHOICE_H
#define HZ_GATEWAY_SESSION_CODEC_CHOICE_H

#include "gateway/session/model.h"
#include "signaling/sdp/offer.h"

#define HZ_CODEC_BIT(codec) (1u << (codec))

// Video codecs among the m-line's.
uint32_t hz_codec_bits(const struct hz_sdp_media *media);

// What the one who wrote this offer can receive: the codecs of its receiving video m-lines, or, when it has none, of its
// sending ones. 0: the offer does not tell.
uint32_t hz_codec_receives(const struct hz_sdp_offer *offer);

// receivers: one codec set each, those that are not known left out. current: the codec chosen earlier, 0: none; it stays
// as long as everybody can receive it. Returns 0 when offered has no video codec.
uint8_t hz_codec_choose(uint32_t offered, uint8_t current, const uint32_t *receivers, unsigned count);

// The same for what this peer publishes. Over a far and lossy uplink, or a very far one, VP8, if everybody takes it, whatever was chosen before:
// beside it browsers send parity packets (RFC 5109), beside H.264 none. Not where the consult is recorded, or is going to be:
// there H.264 comes before everything, and back, because a PACS takes nothing else as it was sent.
uint8_t hz_codec_choose_for(const struct hz_brain *brain, const struct hz_peer *peer, uint32_t offered,
                            uint8_t current, const uint32_t *receivers, unsigned count);

// The receivers of what p publishes: everybody admitted who may subscribe, but p. Writes at most cap, returns how many.
unsigned hz_codec_receivers(const struct hz_participant *p, uint32_t *ret, unsigned cap);

// Everybody else who listens takes RED (RFC 2198) around this Opus payload type.
bool hz_codec_red_fits(const struct hz_participant *p, uint8_t opus_pt);

// Somebody else who listens and speaks has a link that carries sound at most: p's sound must be small.
bool hz_codec_thin(const struct hz_participant *p);

// A new peer: is its way so long that parity packets are worth it from its first picture on?
void hz_codec_begin(const struct hz_brain *brain, struct hz_peer *peer);

// Statistics of a peer came: is its downlink thin (changes at most every 10 s), its uplink far and lossy? The publishers are
// then looked at again.
void hz_codec_on_stats(struct hz_brain *brain, struct hz_peer *peer);

// Looks again at all publishers of the consult; those on the WebSocket whose codec should be another one are asked to
// renegotiate, once.
void hz_codec_recount(struct hz_brain *brain, struct hz_consult *consult);

#endif
