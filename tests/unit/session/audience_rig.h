// A broadcast with a director, viewers who say something, and what they are told.
#ifndef HZ_TESTS_UNIT_SESSION_AUDIENCE_RIG_H
#define HZ_TESTS_UNIT_SESSION_AUDIENCE_RIG_H

#include "gateway/session/broadcast/audience.h"
#include "gateway/session/broadcast/broadcast.h"
#include "tests/unit/session/web.h"

#define PATH     "/api/v1/consults/c1/broadcast"
#define FEED     PATH "/feed"
#define MESSAGES PATH "/messages"
#define BODY     "{\"title\":\"Live surgery\",\"sources\":[{\"participant\":\"or1\",\"source\":\"camera\"}]}"

static inline const char *token_of(struct rig *rig, const char *sub, const char *role)
{
	static char token[8][4096];
	static unsigned at;
	char *t = token[at++ % 8];
	snprintf(t, 4096, "%s", rig_sign(rig, (struct rig_token){.sub = sub, .role = role}));
	return t;
}

static inline struct web *rest(struct rig *rig, enum hz_http_method method, const char *path,
                               const char *token, const char *body)
{
	return web_ask(rig, (struct web_ask){.method = method, .path = path, .token = token, .body = body});
}

static inline struct rig_socket *stage(struct rig *rig)
{
	if (!hz_map_get(rig->brain->consults, "c1"))
		rig_consult(rig, "c1");
	assert_int_equal(rest(rig, HZ_PUT, PATH, token_of(rig, "dir", "director"), BODY)->status, 200);
	return rig_join(rig, "dir", "director");
}

static inline void set(struct rig *rig, struct rig_socket *desk, const char *json)
{
	rig_result(rig_call(rig, desk, "audience.set", json_loads(json, 0, NULL)));
}

static inline struct web *say(struct rig *rig, const char *sub, const char *kind, const char *text,
                              const char *name)
{
	json_t *json = json_pack("{s:s, s:s}", "kind", kind, "text", text);
	if (name)
		json_object_set_new(json, "name", json_string(name));
	char *body = json_dumps(json, 0);
	struct web *web = rest(rig, HZ_POST, MESSAGES, token_of(rig, sub, "viewer"), body);
	free(body);
	json_decref(json);
	return web;
}

static inline struct web *feed(struct rig *rig, const char *cursor)
{
	static char query[100];
	snprintf(query, sizeof(query), "cursor=%s", cursor);
	struct web *web = web_ask(rig, (struct web_ask){.method = HZ_GET,
	                                                .path = FEED,
	                                                .query = *cursor ? query : "",
	                                                .token = token_of(rig, "v9", "viewer")});
	assert_int_equal(web->status, 200);
	web_schema(web, "broadcast.feed");
	return web;
}

#endif
