// Roles and the grants they carry: the table of CONTRACT "Tokens" and docs/PROTOCOL.md "Grants".
#ifndef HZ_SIGNALING_AUTH_ROLES_H
#define HZ_SIGNALING_AUTH_ROLES_H

#include <stdbool.h>
#include <stdint.h>

enum hz_role {
	HZ_ROLE_NONE = 0,
	HZ_ROLE_PATIENT,
	HZ_ROLE_COMPANION,
	HZ_ROLE_INTERPRETER,
	HZ_ROLE_CLINIC,
	HZ_ROLE_EXPERT,
	HZ_ROLE_THEATRE,
	HZ_ROLE_OBSERVER,
	HZ_ROLE_STUDENT,
	HZ_ROLE_AUDITOR,
	HZ_ROLE_ADMIN,
	HZ_ROLE_DIRECTOR, // of a broadcast
	HZ_ROLE_VIEWER,   // of a broadcast, and of nothing else
	HZ_ROLE_COUNT,
};

#define HZ_GRANT_PUBLISH   0x001u
#define HZ_GRANT_SUBSCRIBE 0x002u
#define HZ_GRANT_ADMIT     0x004u // admit, send back, remove, mute others
#define HZ_GRANT_RECORD    0x008u
#define HZ_GRANT_IMAGE     0x010u
#define HZ_GRANT_OPINION   0x020u
#define HZ_GRANT_CREATE    0x040u // open a consult
#define HZ_GRANT_MANAGE    0x080u // lists, links
#define HZ_GRANT_AUDIT     0x100u
#define HZ_GRANT_WATCH     0x200u // the broadcast; `subscribe` gives it, too
#define HZ_GRANT_DIRECT    0x400u // the broadcast: define, cut
#define HZ_GRANT_COUNT     11

const char *hz_role_name(enum hz_role role);    // "patient"; "none" for anything unknown
enum hz_role hz_role_parse(const char *name);   // HZ_ROLE_NONE when unknown
uint32_t hz_role_grants(enum hz_role role);     // HZ_GRANT_* bits
bool hz_role_waits_in_lobby(enum hz_role role); // patient, companion, interpreter: must be admitted first
bool hz_role_may_lack_consult(
    enum hz_role role); // admin, clinic, expert: a token without consult opens the console

const char *hz_grant_name(uint32_t grant); // of one bit; NULL when unknown
uint32_t hz_grant_parse(const char *name); // one bit; 0 when unknown

#endif
