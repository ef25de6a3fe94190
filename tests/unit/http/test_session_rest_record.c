// /api/v1 and recording: the wish, the subject that nobody but staff may see, start and stop, the log of consents.
#include "gateway/session/links.h"
#include "tests/unit/session/web.h"

static int setup(void **state)
{
	rig_setup(state);
	struct rig *rig = *state;
	rig->recorder = true;
	rig_kill(rig);
	return 0;
}

static const char *token(struct rig *rig, const char *role)
{
	static char copies[8][4096];
	static unsigned at;
	char *copy = copies[at++ % 8];
	snprintf(copy, sizeof(copies[0]), "%s", rig_sign(rig, (struct rig_token){.sub = "m", .role = role}));
	return copy;
}

static struct web *ask(struct rig *rig, enum hz_http_method method, const char *path, const char *role,
                       const char *body)
{
	return web_ask(
	    rig, (struct web_ask){.method = method, .path = path, .token = token(rig, role), .body = body});
}

#define SUBJECT                                                                                              \
	"{\"patient\":{\"id\":\"0042\",\"id_system\":\"urn:oid:1.2.3\",\"name\":"                            \
	"\"\xe5\xbc\xa0\xe4\xb8\x89\","                                                                      \
	"\"sex\":\"female\",\"birth_date\":\"1960-02-29\"},\"study_uid\":\"1.2.840.1\",\"accession\":"       \
	"\"A1\","                                                                                            \
	"\"department\":\"Cardiology\",\"institution\":\"County\",\"encounter\":\"e9\"}"

static void subject(void **state)
{
	struct rig *rig = *state;
	struct web *web = ask(rig, HZ_POST, "/api/v1/consults", "admin",
	                      "{\"id\":\"c1\",\"title\":\"T\",\"record\":\"on\",\"subject\":" SUBJECT "}");
	assert_int_equal(web->status, 201);
	const json_t *patient = json_object_get(json_object_get(web->json, "subject"), "patient");
	assert_string_equal(rig_text(patient, "id"), "0042");
	assert_string_equal(rig_text(json_object_get(web->json, "record"), "wish"), "on");
	// It survives a restart, goes to the recorder, and nowhere else.
	rig_kill(rig);
	struct rig_socket *host = rig_join_with(
	    rig, rig_sign(rig, (struct rig_token){.sub = "doctor", .role = "clinic", .consent = true}));
	rig_result(host->answer);
	rig_advance(rig, 100);
	const json_t *told = json_object_get(fake_record_newest()->text, "subject");
	assert_string_equal(rig_text(told, "accession"), "A1");
	char *state_text = json_dumps(host->state, 0), *answer = json_dumps(host->answer, 0);
	assert_null(strstr(state_text, "0042"));
	assert_null(strstr(answer, "0042"));
	free(state_text);
	free(answer);
	web = ask(rig, HZ_GET, "/api/v1/consults", "admin", NULL);
	assert_null(strstr(web->body, "0042"));
	assert_int_equal(ask(rig, HZ_GET, "/api/v1/consults/c1", "expert", NULL)->status, 403);
	assert_int_equal(ask(rig, HZ_GET, "/api/v1/consults/c1", "patient", NULL)->status, 403);
	// Changed while it runs: the recorder is told; null forgets it.
	web = ask(rig, HZ_PATCH, "/api/v1/consults/c1", "admin",
	          "{\"subject\":{\"accession\":\"A2\"},\"record\":\"off\"}");
	assert_int_equal(web->status, 200);
	assert_string_equal(rig_text(json_object_get(fake_record_newest()->text, "subject"), "accession"),
	                    "A2");
	assert_string_equal(rig_text(json_object_get(web->json, "record"), "wish"), "off");
	web = ask(rig, HZ_PATCH, "/api/v1/consults/c1", "admin", "{\"subject\":null}");
	assert_null(json_object_get(web->json, "subject"));
}

static void bad_subject(void **state)
{
	struct rig *rig = *state;
	static const char *const bad[] = {
	    "{\"patient\":{\"sex\":\"F\"}}",
	    "{\"patient\":{\"birth_date\":\"1960-02-30\"}}",
	    "{\"patient\":{\"name\":\"\"}}",
	    "{\"patient\":{\"name\":\"\xe2\x80\x8b\"}}",
	    "{\"patient\":{\"id\":\"a\\nb\"}}",
	    "{\"study_uid\":\"1.02\"}",
	    "{\"accession\":\"12345678901234567\"}",
	    "{\"more\":1}",
	    "[]",
	    "\"x\"",
	};
	char body[300];
	rig_consult(rig, "c1");
	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		snprintf(body, sizeof(body), "{\"subject\":%s}", bad[i]);
		struct web *web = ask(rig, HZ_PATCH, "/api/v1/consults/c1", "admin", body);
		if (web->status != 422)
			fail_msg("%s: %d", bad[i], web->status);
		assert_int_equal(strncmp(rig_text(web->json, "field"), "/subject", 8), 0);
		snprintf(body, sizeof(body), "{\"id\":\"c1\",\"title\":\"T\",\"subject\":%s}", bad[i]);
		assert_int_equal(ask(rig, HZ_POST, "/api/v1/consults", "admin", body)->status, 422);
	}
	assert_int_equal(
	    ask(rig, HZ_POST, "/api/v1/consults", "admin", "{\"title\":\"T\",\"record\":\"always\"}")->status,
	    422);
}

// A text of so many times one character.
static const char *times(char *text, const char *one, unsigned count)
{
	text[0] = '\0';
	for (char *at = text; count > 0; count--)
		at = stpcpy(at, one);
	return text;
}

// Characters are not bytes: what the manifest could not hold is refused while somebody can still correct it.
static void long_subject(void **state)
{
	struct rig *rig = *state;
	static const struct {
		const char *before, *after, *field;
		unsigned most; // Chinese characters
	} texts[] = {{"{\"patient\":{\"id\":\"", "\"}}", "/subject/patient/id", 42},
	             {"{\"patient\":{\"id_system\":\"", "\"}}", "/subject/patient/id_system", 85},
	             {"{\"encounter\":\"", "\"}", "/subject/encounter", 42}};
	char text[1000], body[1300];
	rig_consult(rig, "c1");
	for (unsigned i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		for (unsigned more = 0; more < 2; more++) {
			snprintf(body, sizeof(body), "{\"subject\":%s%s%s}", texts[i].before,
			         times(text, "王", texts[i].most + more), texts[i].after);
			struct web *web = ask(rig, HZ_PATCH, "/api/v1/consults/c1", "admin", body);
			assert_int_equal(web->status, more ? 422 : 200);
			if (!more)
				continue;
			assert_string_equal(rig_text(web->json, "field"), texts[i].field);
			assert_non_null(strstr(rig_text(web->json, "detail"), "bytes of UTF-8"));
		}
	}
	// Four bytes a character: names, too.
	snprintf(body, sizeof(body), "{\"subject\":{\"department\":\"%s\"}}", times(text, "𠮷", 64));
	assert_int_equal(ask(rig, HZ_PATCH, "/api/v1/consults/c1", "admin", body)->status, 200);
	snprintf(body, sizeof(body), "{\"subject\":{\"department\":\"%s\"}}", times(text, "𠮷", 65));
	struct web *web = ask(rig, HZ_PATCH, "/api/v1/consults/c1", "admin", body);
	assert_int_equal(web->status, 422);
	assert_string_equal(rig_text(web->json, "field"), "/subject/department");
}

static void start_and_stop(void **state)
{
	struct rig *rig = *state;
	const char *path = "/api/v1/consults/c1/recording";
	rig_consult(rig, "c1");
	struct rig_socket *host = rig_join_with(
	    rig, rig_sign(rig, (struct rig_token){.sub = "doctor", .role = "clinic", .consent = true}));
	static const char *const weak[] = {"patient", "observer", "theatre", "auditor"};
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(ask(rig, HZ_GET, path, weak[i], NULL)->status, 403);
		assert_int_equal(ask(rig, HZ_POST, path, weak[i], "{}")->status, 403);
		assert_int_equal(ask(rig, HZ_DELETE, path, weak[i], NULL)->status, 403);
	}
	struct web *web = ask(rig, HZ_POST, path, "expert", "{}");
	assert_int_equal(web->status, 200);
	assert_string_equal(rig_text(json_object_get(web->json, "record"), "state"), "starting");
	rig_advance(rig, 100);
	web = ask(rig, HZ_GET, path, "expert", NULL);
	assert_string_equal(rig_text(json_object_get(web->json, "record"), "state"), "on");
	const json_t *first = json_array_get(json_object_get(web->json, "records"), 0);
	assert_string_equal(rig_text(first, "id"), fake_record_newest()->id);
	assert_true(json_is_null(json_object_get(first, "ended_ms")));
	assert_int_equal(ask(rig, HZ_DELETE, path, "expert", NULL)->status, 204);
	rig_advance(rig, 100);
	assert_true(fake_record_newest()->closed);
	web = ask(rig, HZ_GET, path, "admin", NULL);
	first = json_array_get(json_object_get(web->json, "records"), 0);
	assert_true(json_is_integer(json_object_get(first, "ended_ms")));
	rig_lose(rig, host);
	rig->recorder = false;
	rig_kill(rig);
	assert_int_equal(ask(rig, HZ_POST, path, "expert", "{}")->status, 503);
}

static void consents(void **state)
{
	struct rig *rig = *state;
	const char *path = "/api/v1/consults/c1/consents";
	rig_consult(rig, "c1");
	struct rig_socket *host = rig_join(rig, "doctor", "clinic");
	for (int given = 1; given >= 0; given--)
		rig_result(rig_call(rig, host, "consent.set",
		                    json_pack("{s:b, s:s, s:s}", "given", given, "wording",
		                              given ? "huizhen-1" : "theirs-7", "language", "zh-CN")));
	assert_int_equal(ask(rig, HZ_GET, path, "expert", NULL)->status, 403);
	struct web *web = ask(rig, HZ_GET, path, "auditor", NULL);
	assert_int_equal(web->status, 200);
	const json_t *items = json_object_get(web->json, "items"), *one = json_array_get(items, 0);
	assert_int_equal(json_array_size(items), 2);
	assert_string_equal(rig_text(one, "state"), "given");
	assert_string_equal(rig_text(one, "source"), "person");
	assert_int_equal(strlen(rig_text(one, "wording_sha256")), 64);
	one = json_array_get(items, 1);
	assert_string_equal(rig_text(one, "state"), "withdrawn");
	assert_string_equal(rig_text(one, "wording"), "theirs-7");
	assert_string_equal(rig_text(one, "wording_sha256"), ""); // not our words
	web = web_ask(rig,
	              (struct web_ask){
	                  .method = HZ_GET, .path = path, .token = token(rig, "admin"), .query = "cursor=x"});
	assert_int_equal(web->status, 400);
}

static void told(struct rig *rig, const char *path, const char *cookie, const char *state, const char *title,
                 const char *record)
{
	struct web *web = web_ask(rig, (struct web_ask){.method = HZ_GET, .path = path, .cookie = cookie});
	assert_string_equal(rig_text(web->json, "state"), state);
	assert_string_equal(rig_text(web->json, "consult_title"), title);
	assert_string_equal(rig_text(web->json, "record"), record);
}

// The page that a link opens knows whether it has to ask.
static void link_asks(void **state)
{
	struct rig *rig = *state;
	char path[100];
	rig_consult(rig, "c1");
	struct web *web =
	    ask(rig, HZ_POST, "/api/v1/consults/c1/links", "admin", "{\"role\":\"patient\",\"name\":\"P\"}");
	snprintf(path, sizeof(path), "/api/v1/links/%s", rig_text(web->json, "code"));
	assert_string_equal(rig_text(ask(rig, HZ_GET, path, "admin", NULL)->json, "record"), "off");
	ask(rig, HZ_PATCH, "/api/v1/consults/c1", "admin", "{\"record\":\"automatic\"}");
	assert_string_equal(rig_text(ask(rig, HZ_GET, path, "admin", NULL)->json, "record"), "asked");
	struct rig_socket *host = rig_join(rig, "doctor", "clinic");
	rig_result(rig_call(rig, host, "record.start", NULL));
	assert_string_equal(rig_text(ask(rig, HZ_GET, path, "admin", NULL)->json, "record"), "on");
	// Who cannot come in (any more) is told neither that nor the title.
	char redeem[120], pair[200];
	assert_string_equal(rig_text(ask(rig, HZ_GET, path, "admin", NULL)->json, "consult_title"), "Title");
	snprintf(redeem, sizeof(redeem), "%s/redeem", path);
	web = web_ask(rig, (struct web_ask){.method = HZ_POST, .path = redeem});
	snprintf(pair, sizeof(pair), "%.*s", (int)strcspn(web->cookie, ";"), web->cookie);
	told(rig, path, NULL, "used", "", "off");
	told(rig, path, "hz_l_x=guess", "used", "", "off");
	told(rig, path, pair, "used", "Title", "on");
	rig_advance(rig, 86400000); // ttl_s was not said
	told(rig, path, pair, "expired", "", "off");
	web = ask(rig, HZ_POST, "/api/v1/consults/c1/links", "admin",
	          "{\"role\":\"patient\",\"name\":\"P\",\"single_use\":false}");
	snprintf(path, sizeof(path), "/api/v1/links/%s", rig_text(web->json, "code"));
	snprintf(redeem, sizeof(redeem), "/api/v1/consults/c1/links/%s", rig_text(web->json, "id"));
	told(rig, path, NULL, "open", "Title", "on");
	assert_int_equal(ask(rig, HZ_DELETE, redeem, "admin", NULL)->status, 204);
	told(rig, path, NULL, "revoked", "", "off");
	rig->brain->record_wish = HZ_RECORD_ON; // record.default is for consults that do not say
	rig_consult(rig, "c2");
	web = web_ask(
	    rig, (struct web_ask){.method = HZ_GET,
	                          .path = "/api/v1/consults/c2",
	                          .token = rig_sign(rig, (struct rig_token){
	                                                     .sub = "m", .role = "admin", .consult = "c2"})});
	assert_string_equal(rig_text(json_object_get(web->json, "record"), "wish"), "on");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, rig_teardown)
	const struct CMUnitTest tests[] = {T(subject),        T(bad_subject), T(long_subject),
	                                   T(start_and_stop), T(consents),    T(link_asks)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
