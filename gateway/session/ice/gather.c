#include "gateway/session/ice/gather.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/base/secret.h"
#include "gateway/session/objects.h"
#include "gateway/session/ice/turn.h"
#include "signaling/auth/turn.h"
#include "signaling/protocol/problem.h"
#include "signaling/sdp/candidate.h"

struct hz_gather {
	struct hz_gather *next; // in brain->gathers, while an answer waits
	struct hz_brain *brain;
	struct hz_peer *peer;
	bool done; // all candidates of this generation are known
	unsigned count;
	struct hz_sdp_candidate candidate[HZ_MAX_CANDIDATES];

	int64_t began_us;
	bool waiting;
	char *sdp; // NULL: a fragment
	struct hz_conn *conn;
	struct hz_rpc_request req; // method and id
	struct hz_response *res;   // NULL: conn waits
	const char *type;
};

bool hz_gather_is_full(const struct hz_peer *peer)
{
	return (peer->cmd.flags & HZ_PEER_AGENT) != 0;
}

// --- to the worker

void hz_gather_begin(struct hz_brain *brain, struct hz_peer *peer)
{
	const struct hz_ice *ice = &brain->ice;
	struct hz_cmd_agent_set cmd = {.peer = peer->id, .address_count = ice->address_count};
	struct hz_turn_credential login;
	bool known = hz_turn_login(brain, "gateway", &login) == 0;
	if (!peer->gather)
		peer->gather = calloc(1, sizeof(*peer->gather));
	if (peer->gather) {
		peer->gather->brain = brain;
		peer->gather->peer = peer;
		peer->gather->done = false;
		peer->gather->count = 0;
		peer->gather->began_us = brain->now_us;
	}
	for (unsigned i = 0; i < ice->server_count; i++)
		if (known || ice->server[i].kind == HZ_ICE_STUN)
			cmd.server[cmd.server_count++] = ice->server[i];
	memcpy(cmd.address, ice->address, sizeof(cmd.address));
	memcpy(cmd.local_ufrag, peer->cmd.local_ufrag, sizeof(cmd.local_ufrag));
	if (known) {
		snprintf(cmd.username, sizeof(cmd.username), "%s", login.username);
		snprintf(cmd.password, sizeof(cmd.password), "%s", login.password);
	}
	hz_objects_tell(brain, peer->worker, &cmd.h, HZ_CMD_AGENT_SET, sizeof(cmd));
	hz_wipe(&login, sizeof(login));
	hz_wipe(&cmd, sizeof(cmd));
}

void hz_gather_remote(struct hz_brain *brain, struct hz_peer *peer, const struct hz_candidate *list,
                      unsigned count)
{
	struct hz_cmd_agent_remote cmd = {.peer = peer->id};
	if (!hz_gather_is_full(peer) || count == 0)
		return;
	cmd.count = count < HZ_MAX_CANDIDATES ? count : HZ_MAX_CANDIDATES;
	memcpy(cmd.candidate, list, cmd.count * sizeof(*list));
	memcpy(cmd.remote_ufrag, peer->cmd.remote_ufrag, sizeof(cmd.remote_ufrag));
	hz_objects_tell(brain, peer->worker, &cmd.h, HZ_CMD_AGENT_REMOTE, sizeof(cmd));
}

// --- answers

static int complete(const struct hz_gather *g, char **sdp)
{
	char *text = NULL;
	int err = *sdp ? hz_sdp_add_candidates(*sdp, g->candidate, g->count, &text)
	               : hz_sdp_restart_frag(g->peer->cmd.local_ufrag, g->peer->cmd.local_pwd,
	                                     g->peer->first_mid, g->candidate, g->count, &text);
	if (err)
		return err;
	free(*sdp);
	*sdp = text;
	return 0;
}

int hz_gather_fill(struct hz_peer *peer, char **sdp, bool *ret_later)
{
	const struct hz_gather *g = peer->gather;
	bool over = g && (g->done || g->brain->now_us - g->began_us >= HZ_GATHER_US);
	*ret_later = g && !over;
	return over ? complete(g, sdp) : 0;
}

static void unlink_waiting(struct hz_gather *g)
{
	for (struct hz_gather **at = &g->brain->gathers; *at; at = &(*at)->next) {
		if (*at == g) {
			*at = g->next;
			break;
		}
	}
	g->waiting = false;
}

static void forget_waiting(struct hz_gather *g)
{
	if (!g->waiting)
		return;
	unlink_waiting(g);
	free(g->sdp);
	hz_rpc_request_done(&g->req);
	g->sdp = NULL;
	g->conn = NULL;
	g->res = NULL;
	memset(&g->req, 0, sizeof(g->req));
}

static void answer_response(struct hz_gather *g, bool good)
{
	if (good) {
		hz_response_take(g->res, g->type, g->sdp, strlen(g->sdp));
		g->sdp = NULL;
	} else {
		hz_problem_answer(g->res, 500, NULL, NULL);
	}
	hz_response_release(g->res);
}

static void answer_call(struct hz_gather *g, bool good)
{
	char *text = good ? hz_rpc_result(&g->req, json_pack("{s:s}", "sdp", g->sdp))
	                  : hz_rpc_error(&g->req, HZ_RPC_FAILED, NULL, NULL);
	if (text)
		g->brain->ops->send(g->conn->socket, text, strlen(text));
	free(text);
}

// The waiting answer leaves; with what is known, or as a failure.
static void answer(struct hz_gather *g, bool good)
{
	good = good && complete(g, &g->sdp) == 0;
	hz_debug("gather.answer", "peer=%08x candidates=%u done=%d ms=%d", g->peer->id, g->count, g->done,
	         (int)((g->brain->now_us - g->began_us) / 1000));
	if (g->res)
		answer_response(g, good);
	else
		answer_call(g, good);
	forget_waiting(g);
}

// One at a time: who asks again gets an answer to the first question now.
static struct hz_gather *wait_for(struct hz_brain *brain, struct hz_peer *peer, char *sdp)
{
	struct hz_gather *g = peer->gather;
	if (g && g->waiting)
		answer(g, true);
	if (!g) {
		free(sdp);
		return NULL;
	}
	g->sdp = sdp;
	g->waiting = true;
	g->next = brain->gathers;
	brain->gathers = g;
	return g;
}

void hz_gather_wait_call(struct hz_brain *brain, struct hz_peer *peer, struct hz_conn *conn,
                         const struct hz_rpc_request *req, char *sdp)
{
	struct hz_gather *g = wait_for(brain, peer, sdp);
	if (!g)
		return;
	g->conn = conn;
	g->req = (struct hz_rpc_request){.method = req->method, .id = json_incref(req->id)};
}

static void response_gone(void *ctx)
{
	forget_waiting(ctx);
}

int hz_gather_wait_response(struct hz_brain *brain, struct hz_peer *peer, struct hz_response *res,
                            const char *type, char *sdp)
{
	struct hz_gather *g = wait_for(brain, peer, sdp);
	if (!g)
		return -ENOMEM;
	g->res = res;
	g->type = type;
	hz_response_hold(res, response_gone, g);
	return 0;
}

// --- what happens meanwhile

void hz_gather_on_local(struct hz_brain *brain, unsigned worker, const struct hz_ev_agent_local *ev)
{
	struct hz_peer *peer = hz_peer_by_id(brain, worker, ev->peer);
	struct hz_gather *g = peer ? peer->gather : NULL;
	if (!g || ev->count > HZ_MAX_CANDIDATES ||
	    strncmp(ev->local_ufrag, peer->cmd.local_ufrag, HZ_UFRAG_BYTES) != 0)
		return; // of an earlier generation
	g->count = ev->count;
	for (unsigned i = 0; i < ev->count; i++)
		hz_sdp_candidate_from(&ev->candidate[i], &g->candidate[i]);
	g->done = ev->done != 0;
	if (g->done && g->waiting)
		answer(g, true);
}

int64_t hz_gather_due(struct hz_brain *brain)
{
	int64_t next = INT64_MAX;
	struct hz_gather *after;
	for (struct hz_gather *g = brain->gathers; g; g = after) {
		int64_t due_us = g->began_us + HZ_GATHER_US;
		after = g->next;
		if (due_us <= brain->now_us)
			answer(g, true);
		else if (due_us < next)
			next = due_us;
	}
	return next;
}

void hz_gather_forget(struct hz_brain *brain, struct hz_peer *peer)
{
	(void)brain;
	if (peer->gather && peer->gather->waiting)
		answer(peer->gather, false);
}

void hz_gather_conn_gone(struct hz_brain *brain, const struct hz_conn *conn)
{
	struct hz_gather *after;
	for (struct hz_gather *g = brain->gathers; g; g = after) {
		after = g->next;
		if (g->conn == conn)
			forget_waiting(g);
	}
}
