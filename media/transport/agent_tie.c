// Two sides that both want to be controlling settle it by their tie-breakers (RFC 8445 section 7.3.1.1). The gateway has
// to win: a controlling browser leaves a dead pair only after seconds, a controlled one at once, when media comes by
// another. libnice draws its tie-breaker at random and offers no way to choose it, but passes it to two functions of its
// public STUN library. They are taken over here, before the ones of the shared library in the order of linking, and
// hand the highest tie-breaker on, and the PRIORITY that was asked for: browsers
// prune pairs that are no better than the one in use, so a pair that is to stay ready has to be better. Were libnice linked in another way, roles would fall as they do and moving would
// take an ICE restart: test_agent says so.
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include <stun/usages/ice.h>

#include "gateway/base/log.h"
#include "media/transport/agent_internal.h"

#define HIGHEST UINT64_MAX

#define EXPORT __attribute__((visibility("default")))

typedef __typeof__(stun_usage_ice_conncheck_create) create_fn;
typedef __typeof__(stun_usage_ice_conncheck_create_reply) reply_fn;

static uint32_t turn_priority;
static create_fn *next_create;
static reply_fn *next_reply;

static void *next_of(const char *name)
{
	void *found = dlsym(RTLD_NEXT, name);
	if (!found) { // libnice is linked, and has had both for fifteen years
		hz_error("agent.libnice", "missing=%s", name);
		abort();
	}
	return found;
}

static void find(void)
{
	void *create = next_of("stun_usage_ice_conncheck_create");
	void *reply = next_of("stun_usage_ice_conncheck_create_reply");
	memcpy(&next_create, &create, sizeof(create)); // no cast between data and functions in ISO C
	memcpy(&next_reply, &reply, sizeof(reply));
}

void hz_agent_turn(uint32_t priority)
{
	turn_priority = priority;
}

EXPORT size_t stun_usage_ice_conncheck_create(StunAgent *agent, StunMessage *msg, uint8_t *buffer,
                                              size_t buffer_len, const uint8_t *username,
                                              const size_t username_len, const uint8_t *password,
                                              const size_t password_len, bool cand_use, bool controlling,
                                              uint32_t priority, uint64_t tie,
                                              const char *candidate_identifier,
                                              StunUsageIceCompatibility compatibility)
{
	(void)tie;
	if (!next_create)
		find();
	return next_create(agent, msg, buffer, buffer_len, username, username_len, password, password_len,
	                   cand_use, controlling, turn_priority ? turn_priority : priority, HIGHEST,
	                   candidate_identifier, compatibility);
}

EXPORT StunUsageIceReturn stun_usage_ice_conncheck_create_reply(StunAgent *agent, StunMessage *req,
                                                                StunMessage *msg, uint8_t *buf, size_t *plen,
                                                                const struct sockaddr_storage *src,
                                                                socklen_t srclen, bool *control, uint64_t tie,
                                                                StunUsageIceCompatibility compatibility)
{
	(void)tie;
	if (!next_reply)
		find();
	return next_reply(agent, req, msg, buf, plen, src, srclen, control, HIGHEST, compatibility);
}
