#include "signaling/auth/roles.h"

#include <stddef.h>
#include <string.h>

#define WATCH (HZ_GRANT_SUBSCRIBE)
#define TALK  (HZ_GRANT_PUBLISH | HZ_GRANT_SUBSCRIBE)
#define HOST                                                                                                 \
	(HZ_GRANT_ADMIT | HZ_GRANT_RECORD | HZ_GRANT_IMAGE | HZ_GRANT_CREATE | HZ_GRANT_MANAGE |             \
	 HZ_GRANT_DIRECT)

static const struct {
	const char *name;
	uint32_t grants;
	bool lobby, console;
} roles[HZ_ROLE_COUNT] = {
    [HZ_ROLE_NONE] = {"none", 0, true, false},
    [HZ_ROLE_PATIENT] = {"patient", TALK, true, false},
    [HZ_ROLE_COMPANION] = {"companion", TALK, true, false},
    [HZ_ROLE_INTERPRETER] = {"interpreter", TALK, true, false},
    [HZ_ROLE_CLINIC] = {"clinic", TALK | HOST, false, true},
    [HZ_ROLE_EXPERT] = {"expert", TALK | HZ_GRANT_RECORD | HZ_GRANT_IMAGE | HZ_GRANT_OPINION, false, true},
    [HZ_ROLE_THEATRE] = {"theatre", HZ_GRANT_PUBLISH, false, false},
    [HZ_ROLE_OBSERVER] = {"observer", WATCH, false, false},
    [HZ_ROLE_STUDENT] = {"student", WATCH, false, false},
    [HZ_ROLE_AUDITOR] = {"auditor", WATCH | HZ_GRANT_AUDIT, false, false},
    [HZ_ROLE_ADMIN] = {"admin", WATCH | HOST, false, true},
    [HZ_ROLE_DIRECTOR] = {"director", WATCH | HZ_GRANT_DIRECT, false, false},
    [HZ_ROLE_VIEWER] = {"viewer", HZ_GRANT_WATCH, false, false},
};

static const char *const grants[HZ_GRANT_COUNT] = {
    "publish", "subscribe", "admit", "record", "image",  "opinion",
    "create",  "manage",    "audit", "watch",  "direct",
};

static unsigned index_of(enum hz_role role)
{
	return (unsigned)role < HZ_ROLE_COUNT ? (unsigned)role : HZ_ROLE_NONE;
}

const char *hz_role_name(enum hz_role role)
{
	return roles[index_of(role)].name;
}

enum hz_role hz_role_parse(const char *name)
{
	for (unsigned i = HZ_ROLE_NONE + 1; i < HZ_ROLE_COUNT; i++)
		if (strcmp(name, roles[i].name) == 0)
			return (enum hz_role)i;
	return HZ_ROLE_NONE;
}

uint32_t hz_role_grants(enum hz_role role)
{
	return roles[index_of(role)].grants;
}

bool hz_role_waits_in_lobby(enum hz_role role)
{
	return roles[index_of(role)].lobby;
}

bool hz_role_may_lack_consult(enum hz_role role)
{
	return roles[index_of(role)].console;
}

const char *hz_grant_name(uint32_t grant)
{
	for (unsigned i = 0; i < HZ_GRANT_COUNT; i++)
		if (grant == 1u << i)
			return grants[i];
	return NULL;
}

uint32_t hz_grant_parse(const char *name)
{
	for (unsigned i = 0; i < HZ_GRANT_COUNT; i++)
		if (strcmp(name, grants[i]) == 0)
			return 1u << i;
	return 0;
}
