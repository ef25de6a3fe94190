// A consult that can be recorded: people who say yes or no, and what the worker and the pages are told of it.
#ifndef HZ_TESTS_UNIT_SESSION_RECORD_RIG_H
#define HZ_TESTS_UNIT_SESSION_RECORD_RIG_H

#include "gateway/control/metrics.h"
#include "gateway/store/records.h"
#include "tests/unit/session/offers.h"

static inline int setup(void **state)
{
	rig_setup(state);
	struct rig *rig = *state;
	rig->recorder = true;
	rig_kill(rig);
	return 0;
}

static inline json_t *yes(bool given)
{
	return json_pack("{s:b, s:s, s:s}", "given", given, "wording", "huizhen-1", "language", "zh-CN");
}

static inline struct rig_socket *join_saying(struct rig *rig, const char *sub, const char *role, bool given)
{
	struct rig_socket *s = rig_open(rig);
	rig_call(rig, s, "join",
	         json_pack("{s:s, s:o}", "token", rig_sign(rig, (struct rig_token){.sub = sub, .role = role}),
	                   "consent", yes(given)));
	rig_result(s->answer);
	return s;
}

// How many of somebody's tracks are marked at the worker, and how many there are.
static inline unsigned marked(struct rig *rig, const char *sub, unsigned *ret_all)
{
	struct hz_consult *consult = hz_map_get(rig->brain->consults, "c1");
	const struct hz_participant *p = hz_participant_find(consult, sub);
	unsigned count = 0, all = 0;
	for (struct hz_peer *peer = p ? p->peers : NULL; peer; peer = peer->next) {
		for (struct hz_track *track = peer->tracks; track; track = track->next) {
			const struct hz_cmd_track_set *at = &rig->worker->track[HZ_ID_SLOT(track->id)];
			assert_int_equal(at->track, track->id);
			count += (at->flags & HZ_TRACK_TAP) != 0;
			all++;
		}
	}
	if (ret_all)
		*ret_all = all;
	return count;
}

static inline const char *sign(const struct rig_socket *s)
{
	return rig_text(json_object_get(json_object_get(s->state, "consult"), "record"), "state");
}

static inline const char *problem(const struct rig_socket *s)
{
	return rig_text(json_object_get(json_object_get(s->state, "consult"), "record"), "problem");
}

static inline struct rig_socket *room(struct rig *rig, bool given)
{
	rig_consult(rig, "c1");
	struct rig_socket *host = join_saying(rig, "doctor", "clinic", given);
	offer_both(rig, host);
	rig_advance(rig, 100);
	return host;
}

#endif
