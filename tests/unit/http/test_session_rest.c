// /api/v1: every route, every refusal, and that openapi.json says the same as the code.
#include "gateway/session/links.h"
#include "gateway/http/openapi.h"
#include "tests/unit/session/web.h"

static const char *manager(struct rig *rig)
{
	static char token[4096];
	snprintf(token, sizeof(token), "%s",
	         rig_sign(rig, (struct rig_token){.sub = "m", .role = "admin", .consult = ""}));
	return token;
}

static void openapi(void **state)
{
	static const char *const methods[] = {"get", "post", "put", "patch", "delete"};
	struct rig *rig = *state;
	json_t *document = json_loadb((const char *)hz_openapi_json, hz_openapi_json_bytes, 0, NULL), *item,
	       *operation;
	assert_non_null(document);
	const json_t *paths = json_object_get(document, "paths");
	unsigned in_code = 0, in_document = 0;
	for (const struct hz_rest_route *r = hz_rest_routes; r->path; r++, in_code++) {
		const json_t *op = json_object_get(json_object_get(paths, r->path), methods[r->method]);
		if (!op)
			fail_msg("%s %s is not in openapi.json", methods[r->method], r->path);
		bool open = json_object_get(op, "security") != NULL;
		assert_int_equal(open, r->access == HZ_REST_PUBLIC);
	}
	const char *path, *method;
	json_object_foreach((json_t *)paths, path, item)
	{
		json_object_foreach(item, method, operation)
		{
			in_document += strcmp(method, "parameters") != 0;
			if (json_object_get(operation, "responses"))
				assert_non_null(json_object_get(operation, "operationId"));
		}
	}
	assert_int_equal(in_code, in_document);
	// Its schemas are those that bodies are checked against: all of rest.json is there.
	const json_t *schemas = json_object_get(json_object_get(document, "components"), "schemas");
	static const char *const files[] = {"rest", "types"};
	static const char *const names[][12] = {
	    {"consult", "consult.create", "consult.update", "consult.list", "participant.list",
	     "participant.update", "link", "link.create", "link.created", "link.list", "event",
	     "link.redeemed"},
	    {"id", "name", "role", "participant", "track", "stats", "status", "level", "source", "kind",
	     "time_ms", "label"},
	};
	for (unsigned f = 0; f < 2; f++) {
		for (unsigned i = 0; i < 12; i++) {
			char key[64];
			snprintf(key, sizeof(key), "%s%s", f ? "types." : "", names[f][i]);
			const json_t *ours = hz_schema_find(files[f], names[f][i]),
			             *told = json_object_get(schemas, key);
			if (!ours || !told)
				fail_msg("%s is missing", key);
			char *a = json_dumps(json_object_get(ours, "required"), JSON_ENCODE_ANY);
			char *b = json_dumps(json_object_get(told, "required"), JSON_ENCODE_ANY);
			assert_true((!a && !b) || strcmp(a, b) == 0);
			assert_int_equal(json_object_size(json_object_get(ours, "properties")),
			                 json_object_size(json_object_get(told, "properties")));
			free(a);
			free(b);
		}
	}
	json_decref(document);
	assert_int_equal(
	    web_ask(rig, (struct web_ask){.method = HZ_GET, .path = "/api/v1/openapi.json"})->status, 200);
}

static void authority(void **state)
{
	struct rig *rig = *state;
	static const char *const paths[] = {
	    "/api/v1/consults",
	    "/api/v1/consults/c1",
	    "/api/v1/consults/c1/participants",
	    "/api/v1/consults/c1/participants/p",
	    "/api/v1/consults/c1/participants/p/stats",
	    "/api/v1/consults/c1/links",
	    "/api/v1/consults/c1/events",
	};
	static const char *const weak[] = {"patient", "expert", "observer", "theatre", "auditor"};
	char token[4096];
	rig_consult(rig, "c1");
	for (unsigned i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		assert_int_equal(web_ask(rig, (struct web_ask){.method = HZ_GET, .path = paths[i]})->status,
		                 401);
		assert_int_equal(
		    web_ask(rig, (struct web_ask){.method = HZ_GET, .path = paths[i], .token = "rubbish"})
		        ->status,
		    401);
		for (unsigned k = 0; k < 5; k++) {
			snprintf(token, sizeof(token), "%s",
			         rig_sign(rig, (struct rig_token){.sub = "x", .role = weak[k]}));
			assert_int_equal(
			    web_ask(rig, (struct web_ask){.method = HZ_GET, .path = paths[i], .token = token})
			        ->status,
			    403);
		}
		snprintf(token, sizeof(token), "%s",
		         rig_sign(rig, (struct rig_token){.sub = "x", .role = "clinic", .consult = "other"}));
		int status =
		    web_ask(rig, (struct web_ask){.method = HZ_GET, .path = paths[i], .token = token})
		        ->status;
		assert_int_equal(status, i == 0 ? 200 : 403); // the list shows its own only
	}
	assert_int_equal(
	    json_array_size(json_object_get(
	        web_ask(rig, (struct web_ask){.method = HZ_GET, .path = paths[0], .token = token})->json,
	        "items")),
	    0);
	struct web *web =
	    web_ask(rig, (struct web_ask){.method = HZ_PUT, .path = "/api/v1/consults", .token = token});
	assert_int_equal(web->status, 405);
	assert_string_equal(web->allow, "GET, POST");
	assert_int_equal(
	    web_ask(rig, (struct web_ask){.method = HZ_OPTIONS, .path = "/api/v1/consults"})->status, 204);
	assert_int_equal(web_ask(rig, (struct web_ask){.method = HZ_GET, .path = "/api/v1/nothing"})->status,
	                 404);
	assert_int_equal(web_ask(rig, (struct web_ask){.method = HZ_GET, .path = "/api/v1"})->status, 404);
	assert_int_equal(
	    web_ask(rig,
	            (struct web_ask){.method = HZ_GET, .path = "/api/v1/consults/a/b/c/d/e", .token = token})
	        ->status,
	    404);
}

static void consults_refused(void **state)
{
	struct rig *rig = *state;
	const char *token = manager(rig);
	struct web *web = web_ask(rig, (struct web_ask){.method = HZ_POST,
	                                                .path = "/api/v1/consults",
	                                                .token = token,
	                                                .body = "{\"id\":\"c1\",\"title\":\"T\"}"});
	assert_int_equal(web->status, 201);
	static const struct {
		const char *body;
		int status;
		const char *field;
	} bad[] = {
	    {"{\"id\":\"c1\",\"title\":\"T\"}", 409, "/id"},
	    {"{\"id\":\"a b\",\"title\":\"T\"}", 422, "/id"},
	    {"{\"id\":\"c2\"}", 422, "/title"},
	    {"{\"title\":\"\"}", 422, "/title"},
	    {"{\"title\":5}", 422, "/title"},
	    {"{\"title\":\"   \"}", 422, "/title"},
	    {"{\"title\":\"T\",\"x\":1}", 422, "/x"},
	    {"{", 400, ""},
	    {"[]", 422, ""},
	    {"{\"id\":\"..\",\"title\":\"T\"}", 422, "/id"},
	};
	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		web = web_ask(rig, (struct web_ask){.method = HZ_POST,
		                                    .path = "/api/v1/consults",
		                                    .token = token,
		                                    .body = bad[i].body});
		assert_int_equal(web->status, bad[i].status);
		assert_string_equal(web_field(web), bad[i].field);
		web_schema(web, "problem");
	}
	assert_int_equal(web_ask(rig, (struct web_ask){.method = HZ_POST,
	                                               .path = "/api/v1/consults",
	                                               .token = token,
	                                               .body = "{}",
	                                               .type = "text/plain"})
	                     ->status,
	                 415);
}

static void consults(void **state)
{
	struct rig *rig = *state;
	const char *token = manager(rig);
	struct web *web =
	    web_ask(rig, (struct web_ask){.method = HZ_POST,
	                                  .path = "/api/v1/consults",
	                                  .token = token,
	                                  .body = "{\"id\":\"c1\",\"title\":\"\xe4\xbc\x9a\xe8\xaf\x8a\"}"});
	assert_int_equal(web->status, 201);
	assert_string_equal(web->location, "/api/v1/consults/c1");
	web_schema(web, "consult");
	web = web_ask(rig, (struct web_ask){.method = HZ_POST,
	                                    .path = "/api/v1/consults",
	                                    .token = token,
	                                    .body = "{\"title\":\"auto\"}"});
	assert_int_equal(web->status, 201);
	assert_int_equal(strlen(rig_text(web->json, "id")), 16);
	web = web_ask(rig, (struct web_ask){.method = HZ_PATCH,
	                                    .path = "/api/v1/consults/c1",
	                                    .token = token,
	                                    .body = "{\"title\":\"N\"}"});
	assert_int_equal(web->status, 200);
	assert_string_equal(rig_text(web->json, "title"), "N");
	struct rig_socket *s = rig_join(rig, "x", "expert");
	web = web_ask(rig, (struct web_ask){.method = HZ_GET, .path = "/api/v1/consults/c1", .token = token});
	assert_int_equal(json_integer_value(json_object_get(web->json, "participants")), 1);
	web = web_ask(rig, (struct web_ask){.method = HZ_PATCH,
	                                    .path = "/api/v1/consults/c1",
	                                    .token = token,
	                                    .body = "{\"status\":\"closed\"}"});
	assert_int_equal(web->status, 200);
	web_schema(web, "consult");
	assert_string_equal(rig_text(web->json, "status"), "closed");
	assert_string_equal(rig_text(rig_push(s, "end"), "reason"), "closed");
	assert_int_equal(
	    web_ask(rig, (struct web_ask){.method = HZ_DELETE, .path = "/api/v1/consults/c1", .token = token})
	        ->status,
	    409);
	assert_int_equal(
	    web_ask(rig, (struct web_ask){.method = HZ_GET, .path = "/api/v1/consults/c1", .token = token})
	        ->status,
	    200);
	assert_int_equal(
	    web_ask(rig,
	            (struct web_ask){.method = HZ_DELETE, .path = "/api/v1/consults/none", .token = token})
	        ->status,
	    404);
}

static void pages(void **state)
{
	struct rig *rig = *state;
	const char *token = manager(rig);
	char cursor[100] = "";
	unsigned seen = 0, asked = 0;
	for (int i = 0; i < 7; i++) {
		char id[16];
		snprintf(id, sizeof(id), "c%d", i);
		rig_consult(rig, id);
	}
	do {
		char query[160];
		snprintf(query, sizeof(query), "limit=3%s%s", cursor[0] ? "&cursor=" : "", cursor);
		struct web *web = web_ask(
		    rig, (struct web_ask){
		             .method = HZ_GET, .path = "/api/v1/consults", .query = query, .token = token});
		assert_int_equal(web->status, 200);
		web_schema(web, "consult.list");
		seen += (unsigned)json_array_size(json_object_get(web->json, "items"));
		snprintf(cursor, sizeof(cursor), "%s", rig_text(web->json, "next"));
	} while (cursor[0] && ++asked < 10);
	assert_int_equal(seen, 7);
	assert_int_equal(asked, 2);
	static const char *const bad[] = {
	    "limit=0", "limit=201", "limit=x", "limit=", "limit=-1", "cursor=a%20b", "cursor=%zz"};
	for (unsigned i = 0; i < 7; i++) {
		struct web *web = web_ask(
		    rig, (struct web_ask){
		             .method = HZ_GET, .path = "/api/v1/consults", .query = bad[i], .token = token});
		assert_int_equal(web->status, 400);
		assert_string_equal(web_field(web), i < 5 ? "limit" : "cursor");
	}
}

static void participants(void **state)
{
	struct rig *rig = *state;
	char token[4096];
	rig_consult(rig, "c1");
	struct rig_socket *p = rig_join(rig, "patient", "patient"), *x = rig_join(rig, "expert", "expert");
	snprintf(token, sizeof(token), "%s",
	         rig_sign(rig, (struct rig_token){.sub = "doc", .role = "clinic"}));
	struct web *web = web_ask(
	    rig,
	    (struct web_ask){.method = HZ_GET, .path = "/api/v1/consults/c1/participants", .token = token});
	web_schema(web, "participant.list");
	assert_int_equal(json_array_size(json_object_get(web->json, "items")), 2);
	web = web_ask(rig, (struct web_ask){.method = HZ_GET,
	                                    .path = "/api/v1/consults/c1/participants",
	                                    .query = "limit=1",
	                                    .token = token});
	assert_string_equal(rig_text(web->json, "next"), "expert");
	web = web_ask(rig, (struct web_ask){.method = HZ_GET,
	                                    .path = "/api/v1/consults/c1/participants",
	                                    .query = "limit=1&cursor=expert",
	                                    .token = token});
	assert_string_equal(rig_text(json_array_get(json_object_get(web->json, "items"), 0), "id"),
	                    "patient");
	assert_true(json_is_null(json_object_get(web->json, "next")));
	static const char patient[] = "/api/v1/consults/c1/participants/patient";
	web = web_ask(rig, (struct web_ask){.method = HZ_PATCH,
	                                    .path = patient,
	                                    .token = token,
	                                    .body = "{\"status\":\"admitted\"}"});
	assert_int_equal(web->status, 200);
	assert_string_equal(rig_text(web->json, "status"), "admitted");
	web = web_ask(rig, (struct web_ask){.method = HZ_PATCH,
	                                    .path = patient,
	                                    .token = token,
	                                    .body = "{\"status\":\"removed\"}"});
	assert_int_equal(web->status, 422);
	web = web_ask(
	    rig, (struct web_ask){
	             .method = HZ_PATCH, .path = patient, .token = token, .body = "{\"status\":\"lobby\"}"});
	assert_string_equal(rig_text(web->json, "status"), "lobby");
	web = web_ask(rig, (struct web_ask){.method = HZ_PATCH,
	                                    .path = "/api/v1/consults/c1/participants/expert",
	                                    .token = token,
	                                    .body = "{\"status\":\"lobby\"}"});
	assert_int_equal(web->status, 409);
	web = web_ask(rig, (struct web_ask){.method = HZ_GET,
	                                    .path = "/api/v1/consults/c1/participants/expert/stats",
	                                    .token = token});
	assert_int_equal(web->status, 200);
	assert_int_equal(web_ask(rig, (struct web_ask){.method = HZ_GET,
	                                               .path = "/api/v1/consults/c1/participants/no",
	                                               .token = token})
	                     ->status,
	                 404);
	assert_int_equal(web_ask(rig, (struct web_ask){.method = HZ_DELETE,
	                                               .path = "/api/v1/consults/c1/participants/expert",
	                                               .token = token})
	                     ->status,
	                 204);
	assert_string_equal(rig_text(rig_push(x, "end"), "reason"), "removed");
	assert_int_equal(web_ask(rig, (struct web_ask){.method = HZ_DELETE,
	                                               .path = "/api/v1/consults/c1/participants/no",
	                                               .token = token})
	                     ->status,
	                 404);
	(void)p;
}

struct made {
	char id[32], code[32], url[300];
};

static struct made make_link(struct rig *rig, const char *body)
{
	struct made made;
	char token[4096];
	snprintf(token, sizeof(token), "%s",
	         rig_sign(rig, (struct rig_token){.sub = "doc", .role = "clinic"}));
	struct web *web = web_ask(rig, (struct web_ask){.method = HZ_POST,
	                                                .path = "/api/v1/consults/c1/links",
	                                                .token = token,
	                                                .body = body,
	                                                .tls = true});
	assert_int_equal(web->status, 201);
	web_schema(web, "link.created");
	snprintf(made.id, sizeof(made.id), "%s", rig_text(web->json, "id"));
	snprintf(made.code, sizeof(made.code), "%s", rig_text(web->json, "code"));
	snprintf(made.url, sizeof(made.url), "%s", rig_text(web->json, "url"));
	return made;
}

static struct web *link_ask(struct rig *rig, const char *code, const char *more, const char *cookie)
{
	static char path[128];
	snprintf(path, sizeof(path), "/api/v1/links/%s%s", code, more);
	return web_ask(rig, (struct web_ask){more[0] ? HZ_POST : HZ_GET, path, .cookie = cookie});
}

static void links(void **state)
{
	struct rig *rig = *state;
	char cookie[400], pair[200], participant[80], token[4096];
	rig_consult(rig, "c1");
	struct made made = make_link(rig, "{\"role\":\"patient\",\"name\":\"\xe7\x8e\x8b\"}");
	assert_int_equal(strlen(made.code), HZ_LINK_CODE_CHARS);
	assert_string_equal(made.url + strlen("https://gateway.example:8443/j/"), made.code);
	struct web *web = link_ask(rig, made.code, "", NULL);
	web_schema(web, "link.info");
	assert_string_equal(rig_text(web->json, "state"), "open");
	web = link_ask(rig, made.code, "/redeem", NULL);
	assert_int_equal(web->status, 200);
	web_schema(web, "link.redeemed");
	snprintf(participant, sizeof(participant), "%s", rig_text(web->json, "participant"));
	snprintf(token, sizeof(token), "%s", rig_text(web->json, "token"));
	snprintf(cookie, sizeof(cookie), "%s", web->cookie);
	assert_non_null(strstr(cookie, "HttpOnly"));
	assert_non_null(strstr(cookie, "SameSite=Strict"));
	snprintf(pair, sizeof(pair), "a=b; %.*s", (int)strcspn(cookie, ";"), cookie);
	struct rig_socket *s = rig_join_with(rig, token);
	assert_string_equal(rig_text(rig_result(s->answer), "participant"), participant);
	assert_int_equal(s->conn->participant->status, HZ_STATUS_LOBBY);
	// Replayed without the cookie, with a wrong one, with another link's.
	assert_int_equal(link_ask(rig, made.code, "/redeem", NULL)->status, 409);
	assert_int_equal(link_ask(rig, made.code, "/redeem", "hz_l_x=y")->status, 409);
	char wrong[200];
	snprintf(wrong, sizeof(wrong), "hz_l_%s=guess", made.id);
	assert_int_equal(link_ask(rig, made.code, "/redeem", wrong)->status, 409);
	assert_string_equal(rig_text(link_ask(rig, made.code, "", NULL)->json, "state"), "used");
	// The same browser again: the same participant.
	web = link_ask(rig, made.code, "/redeem", pair);
	assert_int_equal(web->status, 200);
	assert_string_equal(rig_text(web->json, "participant"), participant);
	assert_string_equal(web->cookie, "");
	// Removed: neither the cookie nor the token opens anything.
	assert_int_equal(hz_participant_remove(rig->brain, s->conn->participant), 0);
	assert_int_equal(link_ask(rig, made.code, "/redeem", pair)->status, 403);
	assert_int_equal(rig_code(rig_join_with(rig, token)->answer), HZ_RPC_REFUSED);
	rig_kill(rig);
	rig_advance(rig, 5000);
	assert_int_equal(link_ask(rig, made.code, "/redeem", pair)->status, 403);
	assert_int_equal(link_ask(rig, "short", "/redeem", NULL)->status, 404);
	assert_int_equal(link_ask(rig, "AAAAAAAAAAAAAAAAAAAAAA", "/redeem", NULL)->status, 404);
	assert_int_equal(link_ask(rig, "AAAAAAAAAAAAAAAAAAAAAA", "", NULL)->status, 404);
}

static void links_end(void **state)
{
	struct rig *rig = *state;
	char token[4096], path[128];
	rig_consult(rig, "c1");
	snprintf(token, sizeof(token), "%s",
	         rig_sign(rig, (struct rig_token){.sub = "doc", .role = "clinic"}));
	struct made a = make_link(rig, "{\"role\":\"expert\",\"name\":\"A\",\"ttl_s\":60}");
	struct made b = make_link(rig, "{\"role\":\"expert\",\"name\":\"B\",\"single_use\":false}");
	struct web *web = link_ask(rig, b.code, "/redeem", NULL);
	char first[80];
	snprintf(first, sizeof(first), "%s", rig_text(web->json, "participant"));
	web = link_ask(rig, b.code, "/redeem", NULL); // one for many: each is somebody else
	assert_int_equal(web->status, 200);
	assert_string_not_equal(rig_text(web->json, "participant"), first);
	rig_advance(rig, 61000);
	assert_int_equal(link_ask(rig, a.code, "/redeem", NULL)->status, 410);
	assert_string_equal(rig_text(link_ask(rig, a.code, "", NULL)->json, "state"), "expired");
	snprintf(path, sizeof(path), "/api/v1/consults/c1/links/%s", b.id);
	snprintf(token, sizeof(token), "%s",
	         rig_sign(rig, (struct rig_token){.sub = "doc", .role = "clinic"}));
	assert_int_equal(
	    web_ask(rig, (struct web_ask){.method = HZ_DELETE, .path = path, .token = token})->status, 204);
	assert_int_equal(link_ask(rig, b.code, "/redeem", NULL)->status, 410);
	assert_int_equal(web_ask(rig, (struct web_ask){.method = HZ_DELETE,
	                                               .path = "/api/v1/consults/c1/links/none",
	                                               .token = token})
	                     ->status,
	                 404);
	web = web_ask(
	    rig, (struct web_ask){.method = HZ_GET, .path = "/api/v1/consults/c1/links", .token = token});
	web_schema(web, "link.list");
	assert_int_equal(json_array_size(json_object_get(web->json, "items")), 2);
	assert_null(strstr(web->body, b.code));
	static const struct {
		const char *body, *field;
		int status;
	} bad[] = {
	    {"{\"role\":\"king\",\"name\":\"A\"}", "/role", 422},
	    {"{\"name\":\"A\"}", "/role", 422},
	    {"{\"role\":\"expert\"}", "/name", 422},
	    {"{\"role\":\"expert\",\"name\":\"A\",\"ttl_s\":5}", "/ttl_s", 422},
	    {"{\"role\":\"admin\",\"name\":\"A\"}", "/role", 403},
	    {"{\"role\":\"auditor\",\"name\":\"A\"}", "/role", 403},
	};
	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		web = web_ask(rig, (struct web_ask){.method = HZ_POST,
		                                    .path = "/api/v1/consults/c1/links",
		                                    .token = token,
		                                    .body = bad[i].body});
		assert_int_equal(web->status, bad[i].status);
		assert_string_equal(web_field(web), bad[i].field);
	}
	// The consult is over, and so are its links.
	struct made c = make_link(rig, "{\"role\":\"expert\",\"name\":\"C\"}");
	assert_int_equal(
	    web_ask(rig, (struct web_ask){.method = HZ_DELETE, .path = "/api/v1/consults/c1", .token = token})
	        ->status,
	    204);
	assert_int_equal(link_ask(rig, c.code, "/redeem", NULL)->status, 410);
	assert_string_equal(rig_text(link_ask(rig, c.code, "", NULL)->json, "state"), "expired");
	web = web_ask(rig, (struct web_ask){.method = HZ_POST,
	                                    .path = "/api/v1/consults/c1/links",
	                                    .token = token,
	                                    .body = "{\"role\":\"expert\",\"name\":\"C\"}"});
	assert_int_equal(web->status, 409);
}

static void hosts(void **state)
{
	struct rig *rig = *state;
	char token[4096];
	rig_consult(rig, "c1");
	snprintf(token, sizeof(token), "%s",
	         rig_sign(rig, (struct rig_token){.sub = "doc", .role = "clinic"}));
	static const char *const evil[] = {"evil.example/x?", "a b", "<script>", "", "a@b"};
	for (unsigned i = 0; i < 5; i++) {
		struct web *web =
		    web_ask(rig, (struct web_ask){.method = HZ_POST,
		                                  .path = "/api/v1/consults/c1/links",
		                                  .token = token,
		                                  .host = evil[i],
		                                  .body = "{\"role\":\"expert\",\"name\":\"C\"}"});
		assert_int_equal(strncmp(rig_text(web->json, "url"), "http://localhost/j/", 19), 0);
	}
}

static void idempotency(void **state)
{
	struct rig *rig = *state;
	char token[4096], other[4096], first[65536], long_key[300];
	rig_consult(rig, "c1");
	snprintf(token, sizeof(token), "%s",
	         rig_sign(rig, (struct rig_token){.sub = "doc", .role = "clinic"}));
	snprintf(other, sizeof(other), "%s",
	         rig_sign(rig, (struct rig_token){.sub = "doc2", .role = "clinic"}));
	struct web_ask ask = {.method = HZ_POST,
	                      .path = "/api/v1/consults/c1/links",
	                      .token = token,
	                      .key = "key-1",
	                      .body = "{\"role\":\"expert\",\"name\":\"C\"}"};
	struct web *web = web_ask(rig, ask);
	assert_int_equal(web->status, 201);
	assert_false(web->replayed);
	strcpy(first, web->body);
	rig_kill(rig);
	web = web_ask(rig, ask);
	assert_int_equal(web->status, 201);
	assert_true(web->replayed);
	assert_string_equal(web->body, first);
	unsigned count = 0;
	hz_store_link_count(rig->brain->store, "c1", &count);
	assert_int_equal(count, 1);
	ask.body = "{\"role\":\"expert\",\"name\":\"D\"}";
	web = web_ask(rig, ask);
	assert_int_equal(web->status, 422);
	assert_string_equal(web_field(web), "Idempotency-Key");
	ask.token = other; // somebody else's key of the same name
	assert_false(web_ask(rig, ask)->replayed);
	ask.key = "";
	assert_int_equal(web_ask(rig, ask)->status, 400);
	memset(long_key, 'k', 299);
	long_key[299] = '\0';
	ask.key = long_key;
	assert_int_equal(web_ask(rig, ask)->status, 400);
	// The code is nowhere in the files in the clear.
	json_t *made = json_loads(first, 0, NULL);
	char *code = strdup(rig_text(made, "code"));
	json_decref(made);
	static const char *const names[] = {"huizhen.db", "huizhen.db-wal"};
	for (unsigned i = 0; i < 2; i++) {
		char path[128];
		snprintf(path, sizeof(path), "%s/%s", rig->scratch->dir, names[i]);
		FILE *f = fopen(path, "rb");
		assert_non_null(f);
		char *all = malloc(8 << 20);
		size_t bytes = fread(all, 1, 8 << 20, f);
		assert_null(memmem(all, bytes, code, strlen(code)));
		free(all);
		fclose(f);
	}
	free(code);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)
	const struct CMUnitTest tests[] = {
	    T(openapi),      T(authority), T(consults_refused), T(consults), T(pages),
	    T(participants), T(links),     T(links_end),        T(hosts),    T(idempotency)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
