#include "gateway/session/quality.h"

#include <string.h>

#include "gateway/session/brain.h"
#include "gateway/session/broadcast/broadcast.h"
#include "gateway/session/call.h"
#include "gateway/session/participant.h"
#include "gateway/session/push.h"
#include "gateway/session/rate.h"
#include "gateway/session/visit.h"

#define REPORT_EVERY_US 1000000
#define REPORT_BURST    5

uint8_t hz_quality_of(double rtt_ms, double lost_percent, double frozen_ms)
{
	if (lost_percent >= 10 || rtt_ms >= 600 || frozen_ms >= 1500)
		return HZ_QUALITY_POOR;
	if (lost_percent >= 3 || rtt_ms >= 300 || frozen_ms >= 400)
		return HZ_QUALITY_FAIR;
	return HZ_QUALITY_GOOD;
}

static double percent(uint32_t lost, uint32_t packets)
{
	uint64_t all = (uint64_t)lost + packets;
	return all ? 100.0 * lost / (double)all : 0;
}

static uint8_t of_peer(const struct hz_peer *peer)
{
	const struct hz_ev_peer_stats *s = &peer->stats;
	if (peer->state == HZ_PEER_DISCONNECTED || peer->state == HZ_PEER_FAILED ||
	    peer->state == HZ_PEER_CLOSED)
		return HZ_QUALITY_LOST;
	double up = percent(s->up_lost, s->up_packets), down = percent(s->down_lost, s->down_packets);
	return hz_quality_of(s->rtt_us / 1000.0, up > down ? up : down, 0);
}

void hz_quality_update(struct hz_brain *brain, struct hz_participant *p)
{
	uint8_t worst = HZ_QUALITY_GOOD;
	if (hz_is_viewers(p)) {
		p->consult->viewers_changed = true;
		return;
	}
	for (const struct hz_peer *peer = p->peers; peer; peer = peer->next) {
		uint8_t level = of_peer(peer);
		worst = level > worst ? level : worst;
	}
	if (p->report.known) {
		uint8_t level = hz_quality_of(p->report.rtt_ms, p->report.lost_percent, p->report.frozen_ms);
		worst = level > worst ? level : worst;
	}
	if (worst == p->quality)
		return;
	p->quality = worst;
	hz_visit_log(brain, p, "quality", json_pack("{s:s}", "level", hz_quality_name(worst)));
	if (p->status == HZ_STATUS_ADMITTED)
		hz_push_admitted(
		    brain, p->consult, 0, HZ_PUSH_QUALITY,
		    json_pack("{s:s, s:s}", "participant", p->id, "level", hz_quality_name(worst)));
}

// --- stats.get, stats.report

// The transport that tells most: the WebSocket's, else the first.
static const struct hz_peer *main_peer(const struct hz_participant *p)
{
	const struct hz_peer *peer = p->peers;
	while (peer && peer->kind != HZ_PEER_WS)
		peer = peer->next;
	return peer ? peer : p->peers;
}

static const char *const transports[] = {"", "udp", "tcp", "turn"};

static uint8_t transport_of(const json_t *params)
{
	const char *name = json_string_value(json_object_get(params, "transport"));
	for (uint8_t i = 1; name && i < sizeof(transports) / sizeof(*transports); i++) {
		if (strcmp(name, transports[i]) == 0)
			return i;
	}
	return 0;
}

static json_t *report_json(const struct hz_client_report *r)
{
	json_t *json =
	    json_pack("{s:f, s:f, s:f, s:f, s:f}", "rtt_ms", r->rtt_ms, "up_bps", r->up_bps, "down_bps",
	              r->down_bps, "lost_percent", r->lost_percent, "frozen_ms", r->frozen_ms);
	if (json && r->available_bps >= 0)
		json_object_set_new(json, "available_bps", json_real(r->available_bps));
	if (json && r->transport)
		json_object_set_new(json, "transport", json_string(transports[r->transport]));
	return json;
}

json_t *hz_stats_json(const struct hz_participant *p)
{
	const struct hz_peer *peer = main_peer(p);
	const struct hz_ev_peer_stats none = {.rtt_us = 0}, *s = peer ? &peer->stats : &none;
	json_t *json = json_pack(
	    "{s:f, s:I, s:I, s:f, s:f, s:f, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s}", "rtt_ms",
	    s->rtt_us / 1000.0, "up_bps", (json_int_t)s->up_bps, "down_bps", (json_int_t)s->down_bps,
	    "up_lost_percent", percent(s->up_lost, s->up_packets), "down_lost_percent",
	    percent(s->down_lost, s->down_packets), "jitter_ms", s->jitter_us / 1000.0, "nacks_sent",
	    (json_int_t)s->nacks_sent, "nacks_received", (json_int_t)s->nacks_received, "retransmitted",
	    (json_int_t)s->retransmitted, "plis_sent", (json_int_t)s->plis_sent, "plis_received",
	    (json_int_t)s->plis_received, "estimate_bps", (json_int_t)s->estimate_bps, "probes",
	    (json_int_t)s->probes, "quality", hz_quality_name(p->quality));
	if (json && peer)
		json_object_set_new(json, "transport", json_string(hz_peer_state_name(peer->state)));
	if (json && p->report.known)
		json_object_set_new(json, "client", report_json(&p->report));
	return json;
}

void hz_call_stats_get(struct hz_call *call)
{
	const char *id = json_string_value(json_object_get(call->params, "participant"));
	const struct hz_participant *p = id ? hz_participant_find(call->p->consult, id) : call->p;
	if (p != call->p && !(call->p->grants & HZ_GRANT_ADMIT))
		hz_call_refuse(call, HZ_RPC_NOT_ALLOWED, NULL, NULL);
	else if (!p)
		hz_call_refuse_field(call, HZ_RPC_NOT_FOUND, "/participant");
	else
		call->result = json_pack("{s:o}", "stats", hz_stats_json(p));
}

static double number(const json_t *params, const char *key)
{
	return json_number_value(json_object_get(params, key));
}

void hz_call_stats_report(struct hz_call *call)
{
	call->p->report = (struct hz_client_report){
	    .known = true,
	    .rtt_ms = number(call->params, "rtt_ms"),
	    .up_bps = number(call->params, "up_bps"),
	    .down_bps = number(call->params, "down_bps"),
	    .lost_percent = number(call->params, "lost_percent"),
	    .frozen_ms = number(call->params, "frozen_ms"),
	    .available_bps =
	        json_object_get(call->params, "available_bps") ? number(call->params, "available_bps") : -1,
	    .transport = transport_of(call->params),
	};
	// Everybody hears of a change: the worker's statistics, every 2 s, tell what is held back here.
	if (hz_rate_allow(&call->p->report_tokens_us, call->brain->now_us, REPORT_EVERY_US, REPORT_BURST))
		hz_quality_update(call->brain, call->p);
}
