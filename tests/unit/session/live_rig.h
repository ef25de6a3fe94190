// What a huizhen-live says, and a table that is changed in front of it.
#ifndef HZ_TESTS_UNIT_SESSION_LIVE_RIG_H
#define HZ_TESTS_UNIT_SESSION_LIVE_RIG_H

#include "gateway/session/table/reading.h"
#include "media/live/api.h"
#include "tests/unit/session/offers.h"

// to: its end of the socket.
static inline void say_live(int to, void *msg, uint16_t type, size_t bytes)
{
	struct hz_msg_header *h = msg;
	*h = (struct hz_msg_header){.version = HZ_LIVE_API_VERSION, .type = type, .bytes = (uint32_t)bytes};
	assert_int_equal(hz_seqpacket_send(to, msg, bytes), 0);
}

// As of what is there now.
static inline void patch_table(struct rig *rig, struct rig_socket *s, const char *json)
{
	const struct hz_consult *consult = hz_map_get(rig->brain->consults, "c1");
	json_t *params = json_loads(json, 0, NULL);
	assert_non_null(params);
	json_object_set_new(params, "base",
	                    json_integer(consult->reading ? (json_int_t)consult->reading->version : 0));
	rig_advance(rig, 50);
	rig_result(rig_call(rig, s, "table.patch", params));
}

#endif
