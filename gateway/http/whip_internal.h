// Of whip_ops.c, what WHEP needs as well.
#ifndef HZ_GATEWAY_HTTP_WHIP_INTERNAL_H
#define HZ_GATEWAY_HTTP_WHIP_INTERNAL_H

#include <stddef.h>

#include "gateway/session/model.h"
#include "gateway/session/offer.h"
#include "gateway/http/whip_ops.h"

enum hz_whip_code hz_whip_code_of(int err);
// The participant who may use media now: one who needs admission must have been admitted before.
enum hz_whip_code hz_whip_door_enter(struct hz_whip_door *door, struct hz_whip_call *call,
                                     struct hz_participant **ret);
enum hz_whip_code hz_whip_bad_sdp(struct hz_whip_session *ret, const char *reason); // HZ_WHIP_BAD_SDP
// ret_offer is the caller's; the reason in ret.
enum hz_whip_code hz_whip_offer_parse(const char *text, size_t bytes, struct hz_whip_session *ret,
                                      struct hz_sdp_offer **ret_offer);
// A resource of what was planned.
enum hz_whip_code hz_whip_door_make(struct hz_whip_door *door, struct hz_participant *p,
                                    const struct hz_sdp_offer *offer, const struct hz_plan *plan,
                                    struct hz_whip_session *ret);
// whep_ops.c
enum hz_whip_code hz_whip_subscribe(void *ctx, struct hz_whip_call *call, const char *text, size_t bytes,
                                    struct hz_whip_session *ret);

#endif
