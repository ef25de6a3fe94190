// Where a broadcast is sent on to, as control sees it: what is refused, what huizhen-push and huizhen-hls are asked for, that keys are
// given to nobody else, and who was killed meanwhile.
#include <stdlib.h>
#include <unistd.h>

#include "gateway/base/seqpacket.h"
#include "gateway/session/broadcast/broadcast.h"
#include "gateway/session/broadcast/targets.h"
#include "tests/unit/session/web.h"

#define PATH   "/api/v1/consults/c1/broadcast"
#define SECRET "geheim7"
#define BODY                                                                                                 \
	"{\"title\":\"Live\",\"sources\":[{\"participant\":\"or1\",\"source\":\"camera\"}],\"voices\":[]}"
#define RTMP "{\"url\":\"rtmp://10.0.0.5/live\",\"key\":\"" SECRET "\"}"

static int hls[2], push[2]; // control's, the process's
static char dir[32];
static struct hz_hls_broadcast_set said; // the newest to huizhen-hls
static unsigned hls_fds;                 // that came with it
static struct hz_ingest_source_set set[8];
static unsigned sets, begins, ends, rings;

static int hls_work(void)
{
	_Alignas(8) uint8_t buf[HZ_API_MAX_BYTES];
	size_t bytes;
	int read = 0, fd = -1;
	unsigned count = 0;
	const struct hz_seqpacket_in in = {.buf = buf, .cap = sizeof(buf), .fds = &fd, .fds_cap = 1};
	while (hz_seqpacket_recv_fds(hls[1], &in, &bytes, &count) == 0) {
		const struct hz_msg_header *h = (const void *)buf;
		struct hz_ev_ack ack = {.h = {.version = HZ_HLS_API_VERSION,
		                              .type = HZ_HLS_ACK,
		                              .bytes = sizeof(ack),
		                              .seq = h->seq}};
		read++;
		if (count)
			close(fd);
		if (h->type == HZ_HLS_BROADCAST_SET) {
			memcpy(&said, buf, sizeof(said));
			hls_fds = count;
			ack.id = said.consult;
		}
		(void)hz_seqpacket_send(hls[1], &ack, sizeof(ack));
	}
	return read;
}

// What was said to huizhen-push since the last look.
static void look(void)
{
	_Alignas(8) static uint8_t buf[HZ_INGEST_MAX_BYTES];
	size_t bytes;
	int fd = -1;
	unsigned count = 0;
	const struct hz_seqpacket_in in = {.buf = buf, .cap = sizeof(buf), .fds = &fd, .fds_cap = 1};
	sets = begins = ends = rings = 0;
	while (hz_seqpacket_recv_fds(push[1], &in, &bytes, &count) == 0) {
		const struct hz_msg_header *h = (const void *)buf;
		begins += h->type == HZ_INGEST_RECONCILE_BEGIN;
		ends += h->type == HZ_INGEST_RECONCILE_END;
		rings += count;
		if (count)
			close(fd);
		if (h->type != HZ_INGEST_SOURCE_SET)
			continue;
		assert_int_equal(bytes, sizeof(set[0]));
		memcpy(&set[sets++ % 8], buf, sizeof(set[0]));
	}
}

static void tell(struct rig *rig, struct hz_ingest_status m)
{
	m.h = (struct hz_msg_header){
	    .version = HZ_INGEST_API_VERSION, .type = HZ_INGEST_STATUS, .bytes = sizeof(m)};
	assert_int_equal(hz_seqpacket_send(push[1], &m, sizeof(m)), 0);
	assert_int_equal(hz_targets_read(rig->brain), 0);
	rig_turn(rig);
}

static struct web *ask_as(struct rig *rig, const char *role, enum hz_http_method method, const char *path,
                          const char *body)
{
	char full[200];
	snprintf(full, sizeof(full), PATH "%s", path);
	return web_ask(rig,
	               (struct web_ask){.method = method,
	                                .path = full,
	                                .token = rig_sign(rig, (struct rig_token){.sub = role, .role = role}),
	                                .body = body});
}

static struct web *ask(struct rig *rig, enum hz_http_method method, const char *path, const char *body)
{
	struct web *web = ask_as(rig, "director", method, path, body);
	assert_null(strstr(web->body, SECRET));
	return web;
}

static int setup(void **state)
{
	assert_int_equal(rig_setup(state), 0);
	struct rig *rig = *state;
	said = (struct hz_hls_broadcast_set){.consult = 0};
	snprintf(dir, sizeof(dir), "/tmp/hz-targets-XXXXXX");
	assert_non_null(mkdtemp(dir));
	assert_int_equal(hz_seqpacket_pair(1 << 20, hls), 0);
	assert_int_equal(hz_seqpacket_pair(1 << 20, push), 0);
	rig->hls = (struct hz_hls_options){.fd = hls[0], .dir = dir, .disk_mb = 100, .window_s = 60};
	rig->hls_work = hls_work;
	rig->push = push[0];
	rig_kill(rig);
	rig_consult(rig, "c1");
	look();
	return 0;
}

static int teardown(void **state)
{
	char command[64];
	int err = rig_teardown(state);
	for (unsigned i = 0; i < 2; i++) {
		close(hls[i]);
		close(push[i]);
	}
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return err ? err : system(command);
}

// A broadcast whose source is on the air.
static void go_on_air(struct rig *rig)
{
	assert_int_equal(ask(rig, HZ_PUT, "", BODY)->status, 200);
	const struct hz_programme source = {.first = {.participant = "or1", .source = HZ_SOURCE_CAMERA}};
	struct hz_consult *consult = hz_map_get(rig->brain->consults, "c1");
	assert_int_equal(hz_broadcast_program(rig->brain, consult, &source, "dir"), 0);
	rig_turn(rig);
}

static const char *state_of(struct rig *rig, unsigned n)
{
	static char text[16];
	const json_t *items = json_object_get(ask(rig, HZ_GET, "/targets", NULL)->json, "items");
	snprintf(text, sizeof(text), "%s", rig_text(json_array_get(items, n), "state"));
	return text;
}

static void is_asked_for(void **state)
{
	struct rig *rig = *state;
	assert_int_equal(ask(rig, HZ_POST, "/targets", RTMP)->status, 404); // no broadcast
	assert_int_equal(ask(rig, HZ_PUT, "", BODY)->status, 200);
	struct web *web = ask(rig, HZ_POST, "/targets", RTMP);
	assert_int_equal(web->status, 201);
	assert_string_equal(rig_text(web->json, "state"), "waiting");
	assert_string_equal(rig_text(web->json, "url"), "rtmp://10.0.0.5/live");
	assert_string_equal(rig_text(web->json, "by"), "director");
	assert_true(json_is_true(json_object_get(web->json, "key")));
	look();
	assert_int_equal(sets, 0); // nothing was on the air
	go_on_air(rig);
	look();
	assert_int_equal(sets, 1);
	assert_int_equal(rings, 1);
	assert_int_equal(begins, ends);
	assert_string_equal(set[0].url, "rtmp://10.0.0.5/live/" SECRET);
	assert_int_not_equal(set[0].feed, 0);
	assert_int_equal(said.feed, set[0].feed);
	assert_int_equal(hls_fds, 1);
	assert_string_equal(state_of(rig, 0), "connecting");
	web = ask(rig, HZ_GET, "/targets", NULL);
	web_schema(web, "target.list");
	look();
	assert_int_equal(begins + sets, 0); // nothing is said twice
}

static void its_state_is_told(void **state)
{
	static const struct {
		uint8_t state, reason;
		const char *shown;
	} table[] = {{HZ_INGEST_CONNECTING, 0, "connecting"},
	             {HZ_INGEST_LIVE, 0, "live"},
	             {HZ_INGEST_RETRYING, HZ_INGEST_CLOSED, "retrying"},
	             {HZ_INGEST_RETRYING, HZ_INGEST_REFUSED, "retrying"}, // nobody listens there yet
	             {HZ_INGEST_RETRYING, HZ_INGEST_UNAUTHORISED, "refused"},
	             {HZ_INGEST_RETRYING, HZ_INGEST_GARBAGE, "refused"},
	             {HZ_INGEST_RETRYING, HZ_INGEST_NOT_ALLOWED, "refused"},
	             {HZ_INGEST_STATE_COUNT, 0, "refused"}, // of another build: the last one stays
	             {HZ_INGEST_LIVE, HZ_INGEST_REASON_COUNT, "refused"}};
	struct rig *rig = *state;
	go_on_air(rig);
	struct rig_socket *director = rig_join(rig, "dir", "director");
	assert_int_equal(ask(rig, HZ_POST, "/targets", RTMP)->status, 201);
	look();
	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		tell(rig, (struct hz_ingest_status){.source = set[0].source,
		                                    .state = table[i].state,
		                                    .reason = table[i].reason,
		                                    .attempts = 3,
		                                    .sent_bytes = 1ull << 33});
		assert_string_equal(state_of(rig, 0), table[i].shown);
	}
	const struct web *web = ask(rig, HZ_GET, "/targets", NULL);
	const json_t *target = json_array_get(json_object_get(web->json, "items"), 0);
	assert_int_equal(json_integer_value(json_object_get(target, "sent_bytes")), 1ull << 33);
	assert_int_equal(json_integer_value(json_object_get(target, "reconnects")), 2);
	tell(rig, (struct hz_ingest_status){.source = 12345, .state = HZ_INGEST_LIVE}); // nobody's
	rig_advance(rig, 200);
	char *text = json_dumps(director->state, 0); // its schema was checked
	assert_null(strstr(text, SECRET));
	assert_non_null(strstr(text, "10.0.0.5"));
	free(text);
	web = ask(rig, HZ_GET, "/events", NULL);
	assert_non_null(strstr(web->body, "\"target\""));
	assert_non_null(strstr(web->body, "10.0.0.5"));
}

static void is_stopped_and_changed(void **state)
{
	struct rig *rig = *state;
	char path[64];
	go_on_air(rig);
	struct web *web = ask(rig, HZ_POST, "/targets", RTMP);
	snprintf(path, sizeof(path), "/targets/%s", rig_text(web->json, "id"));
	look();
	uint32_t number = set[0].source, version = set[0].version, feed = set[0].feed;
	assert_int_equal(ask(rig, HZ_PATCH, path, "{\"enabled\":false}")->status, 200);
	look();
	assert_true(begins == 1 && ends == 1 && sets == 0);
	assert_int_equal(said.feed, 0);
	assert_string_equal(state_of(rig, 0), "stopped");
	assert_int_equal(ask(rig, HZ_PATCH, path, "{\"enabled\":true}")->status, 200);
	look();
	assert_int_equal(sets, 1);
	assert_true(set[0].source == number && set[0].version == version && set[0].feed == feed);
	assert_string_equal(set[0].url, "rtmp://10.0.0.5/live/" SECRET);
	// who does not know the key cannot have it sent to another place
	web = ask(rig, HZ_PATCH, path, "{\"url\":\"rtmp://10.6.6.6/live\"}");
	assert_int_equal(web->status, 422);
	assert_string_equal(web_field(web), "/key");
	assert_int_equal(ask(rig, HZ_PATCH, path, "{\"url\":\"rtmp://10.0.0.5/live\"}")->status, 200);
	look();
	assert_int_equal(ask(rig, HZ_PATCH, path, "{\"url\":\"rtmp://10.0.0.6/live\",\"key\":\"k\"}")->status,
	                 200);
	look();
	assert_string_equal(set[0].url, "rtmp://10.0.0.6/live/k");
	assert_int_not_equal(set[0].version, version);
	assert_int_equal(ask(rig, HZ_DELETE, path, NULL)->status, 204);
	assert_int_equal(ask(rig, HZ_DELETE, path, NULL)->status, 404);
	look();
	assert_true(begins == 1 && ends == 1 && sets == 0);
}

static void is_refused(void **state)
{
	struct rig *rig = *state;
	static const char *const bad[] = {
	    "{}", "{\"url\":\"http://h/live\",\"key\":\"k\"}", "{\"url\":\"rtmp://h/live\"}",
	    "{\"url\":\"srt://h:1?passphrase=***\"}", "{\"url\":\"rtmp://h/live\",\"key\":\"k\",\"else\":1}"};
	go_on_air(rig);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(ask(rig, HZ_POST, "/targets", bad[i])->status, 422);
	static const char *const roles[] = {"viewer", "patient", "expert", "theatre", "observer"};
	for (unsigned i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
		assert_int_equal(ask_as(rig, roles[i], HZ_POST, "/targets", RTMP)->status, 403);
		assert_int_equal(ask_as(rig, roles[i], HZ_GET, "/targets", NULL)->status, 403);
	}
	for (unsigned i = 0; i < HZ_TARGETS; i++)
		assert_int_equal(ask(rig, HZ_POST, "/targets", RTMP)->status, 201);
	assert_int_equal(ask(rig, HZ_POST, "/targets", RTMP)->status, 409);
	look();
	assert_int_equal(ask(rig, HZ_DELETE, "", NULL)->status, 204);
	look();
	assert_true(begins == 1 && ends == 1 && sets == 0);
	assert_int_equal(ask(rig, HZ_PUT, "", BODY)->status, 200);
	const struct web *web = ask(rig, HZ_GET, "/targets", NULL);
	assert_int_equal(json_array_size(json_object_get(web->json, "items")), 0); // they ended with it
	hz_targets_free(rig->brain);
	assert_int_equal(ask(rig, HZ_POST, "/targets", RTMP)->status, 503);
}

static void survives(void **state)
{
	struct rig *rig = *state;
	go_on_air(rig);
	assert_int_equal(ask(rig, HZ_POST, "/targets", RTMP)->status, 201);
	assert_int_equal(
	    ask(rig, HZ_POST, "/targets", "{\"url\":\"srt://10.0.0.7:9000\",\"enabled\":false}")->status,
	    201);
	look();
	uint32_t number = set[0].source, version = set[0].version, feed = set[0].feed;
	rig_kill(rig);
	look();
	assert_int_equal(sets, 1);
	assert_int_equal(rings, 1);
	assert_true(set[0].source == number && set[0].version == version);
	assert_int_not_equal(set[0].feed, feed); // another ring: the one of before is gone
	assert_int_equal(said.feed, set[0].feed);
	assert_string_equal(set[0].url, "rtmp://10.0.0.5/live/" SECRET);
	assert_string_equal(state_of(rig, 1), "stopped");
	struct hz_ingest_hello hello = {
	    .h = {.version = HZ_INGEST_API_VERSION, .type = HZ_INGEST_HELLO, .bytes = sizeof(hello)}};
	feed = set[0].feed;
	assert_int_equal(hz_seqpacket_send(push[1], &hello, sizeof(hello)), 0);
	assert_int_equal(hz_targets_read(rig->brain), 0);
	rig_turn(rig);
	look();
	assert_true(sets == 1 && rings == 1 && set[0].feed == feed); // huizhen-push was killed
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(is_asked_for, setup, teardown),
	    cmocka_unit_test_setup_teardown(its_state_is_told, setup, teardown),
	    cmocka_unit_test_setup_teardown(is_stopped_and_changed, setup, teardown),
	    cmocka_unit_test_setup_teardown(is_refused, setup, teardown),
	    cmocka_unit_test_setup_teardown(survives, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
