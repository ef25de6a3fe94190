// A participant's session: the resume key, the socket it is on now, and the minute without one.
#include <errno.h>
#include <string.h>

#include "gateway/base/hex.h"
#include "gateway/base/log.h"
#include "gateway/base/secret.h"
#include "gateway/session/steps.h"
#include "gateway/session/objects.h"
#include "gateway/session/participant.h"
#include "gateway/session/persist.h"
#include "gateway/session/push.h"
#include "gateway/session/visit.h"
#include "gateway/session/watched.h"
#include "signaling/auth/digest.h"
#include "signaling/server/server.h"

#define KEY_TEXT_BYTES (2 * HZ_STORE_HASH_BYTES + 1)

int hz_participant_index_session(struct hz_brain *brain, struct hz_participant *p)
{
	char text[KEY_TEXT_BYTES];
	hz_hex_text(p->key_hash, HZ_STORE_HASH_BYTES, text);
	return hz_map_set(brain->sessions, text, p);
}

// Found by its hash: the time that takes tells nothing about the key.
struct hz_participant *hz_participant_by_key(struct hz_brain *brain, const char *key)
{
	uint8_t hash[HZ_STORE_HASH_BYTES];
	char text[KEY_TEXT_BYTES];
	hz_sha256(key, strlen(key), hash);
	hz_hex_text(hash, HZ_STORE_HASH_BYTES, text);
	struct hz_participant *p = hz_map_get(brain->sessions, text);
	return p && p->has_session ? p : NULL;
}

static void leave_conn(struct hz_brain *brain, struct hz_participant *p, int code, const char *reason)
{
	struct hz_conn *conn = p->conn;
	if (!conn)
		return;
	p->conn = NULL;
	conn->participant = NULL;
	conn->closing = true;
	brain->ops->close(conn->socket, code, reason);
}

void hz_session_close(struct hz_brain *brain, struct hz_participant *p, const char *reason)
{
	char text[KEY_TEXT_BYTES];
	if (!p->has_session)
		return;
	if (reason)
		hz_push_end(brain, p, reason);
	leave_conn(brain, p, reason && strcmp(reason, "replaced") == 0 ? HZ_WS_REPLACED : HZ_WS_ENDED,
	           reason);
	hz_hex_text(p->key_hash, HZ_STORE_HASH_BYTES, text);
	if (hz_map_get(brain->sessions, text) == p)
		hz_map_del(brain->sessions, text);
	hz_wipe(p->key_hash, sizeof(p->key_hash));
	p->has_session = false;
	p->away_until_ms = 0;
	memset(&p->report, 0, sizeof(p->report));
}

static void end_ws_peers(struct hz_brain *brain, struct hz_participant *p)
{
	struct hz_peer *next;
	for (struct hz_peer *peer = p->peers; peer; peer = next) {
		next = peer->next;
		if (peer->kind == HZ_PEER_WS)
			hz_peer_end(brain, peer);
	}
}

int hz_participant_start_session(struct hz_brain *brain, struct hz_participant *p, struct hz_conn *conn,
                                 const char *key)
{
	hz_session_close(brain, p, "replaced");
	end_ws_peers(brain, p);
	hz_random_text(p->session, HZ_SESSION_CHARS);
	hz_sha256(key, strlen(key), p->key_hash);
	int err = hz_participant_index_session(brain, p);
	if (err)
		return err;
	p->has_session = true;
	p->away_until_ms = 0;
	p->conn = conn;
	p->newest = conn->order;
	conn->participant = p;
	hz_visit_log(brain, p, "joined", json_pack("{s:s}", "role", hz_role_name(p->role)));
	hz_persist_participant(brain, p);
	hz_push_state(brain, p->consult);
	return 0;
}

void hz_participant_resume(struct hz_brain *brain, struct hz_participant *p, struct hz_conn *conn)
{
	leave_conn(brain, p, HZ_WS_REPLACED, "replaced by a newer socket");
	p->conn = conn;
	p->newest = conn->order;
	conn->participant = p;
	p->away_until_ms = 0;
	p->consult->recount = true; // a codec change may have waited for it
	hz_steps_repeat(brain, p);
	hz_watched_repeat(brain, p);
	hz_visit_log(brain, p, "resumed", NULL);
	hz_persist_participant(brain, p);
	hz_push_state(brain, p->consult);
}

void hz_participant_remind(struct hz_brain *brain, const struct hz_participant *p)
{
	for (const struct hz_peer *peer = p->peers; peer; peer = peer->next) {
		if (peer->kind == HZ_PEER_WS && peer->state == HZ_PEER_FAILED) {
			hz_push_renegotiate(brain, p, "peer");
			return;
		}
		if (peer->kind == HZ_PEER_WS && peer->agent_lost)
			hz_push_renegotiate(brain, p, "ice");
	}
}

void hz_participant_detach(struct hz_brain *brain, struct hz_participant *p)
{
	p->conn = NULL;
	p->away_until_ms = brain->wall_ms + HZ_RESUME_MS;
	hz_visit_log(brain, p, "away", NULL);
	hz_persist_participant(brain, p);
	hz_push_state(brain, p->consult);
}
