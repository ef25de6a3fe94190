// Theatre sources over REST: what is refused, what is not given out, and that nothing of one camera is shown as another's.
#include <arpa/inet.h>

#include "gateway/base/socket_name.h"
#include "gateway/session/theatre.h"
#include "tests/unit/session/web.h"

static int ingest[2]; // control's end, and ours

static int begin(void **state)
{
	if (rig_setup(state))
		return -1;
	struct rig *rig = *state;
	rig_consult(rig, "c1");
	rig_consult(rig, "c2");
	assert_int_equal(hz_seqpacket_pair(1 << 18, ingest), 0);
	int err = hz_theatre_new(rig->brain, ingest[0]);
	if (!err)
		snprintf(rig->brain->theatre->master_key, PATH_MAX, "%s/keys.json",
		         rig->scratch->dir); // it is removed with the folder
	return err;
}

static int end(void **state)
{
	int err = rig_teardown(state);
	close(ingest[0]);
	close(ingest[1]);
	return err;
}

static struct web *ask(struct rig *rig, enum hz_http_method method, const char *path, const char *body)
{
	char consult[3] = {path[0], path[1], '\0'}, full[200];
	snprintf(full, sizeof(full), "/api/v1/consults/%s/sources%s", consult, path + 2);
	return web_ask(rig, (struct web_ask){.method = method,
	                                     .path = full,
	                                     .token = rig_sign(rig, (struct rig_token){.sub = "host",
	                                                                               .role = "clinic",
	                                                                               .consult = consult}),
	                                     .body = body});
}

static struct hz_theatre_source *source(const struct rig *rig, const char *id)
{
	return hz_theatre_find(rig->brain, "c1", id);
}

static void say(struct rig *rig, void *message, unsigned type, size_t bytes)
{
	struct hz_msg_header *h = message;
	*h = (struct hz_msg_header){
	    .version = HZ_INGEST_API_VERSION, .type = (uint16_t)type, .bytes = (uint32_t)bytes};
	assert_int_equal(hz_seqpacket_send(ingest[1], h, bytes), 0);
	assert_int_equal(hz_theatre_read(rig->brain), 0);
}

static unsigned sets(void)
{
	_Alignas(8) static uint8_t buf[HZ_INGEST_MAX_BYTES];
	const struct hz_msg_header *h = (const void *)buf;
	unsigned n = 0;
	size_t bytes;
	while (!hz_seqpacket_recv(ingest[1], buf, sizeof(buf), &bytes))
		n += h->type == HZ_INGEST_SOURCE_SET;
	return n;
}

// The wish that was said last.
static void newest(struct hz_ingest_source_set *ret)
{
	_Alignas(8) static uint8_t buf[HZ_INGEST_MAX_BYTES];
	size_t bytes;
	bool any = false;
	while (!hz_seqpacket_recv(ingest[1], buf, sizeof(buf), &bytes)) {
		const struct hz_msg_header *h = (const void *)buf;
		if (h->type != HZ_INGEST_SOURCE_SET)
			continue;
		memcpy(ret, buf, sizeof(*ret));
		any = true;
	}
	assert_true(any);
}

static void two_do_not_listen_at_one_port(void **state)
{
	struct rig *rig = *state;
	assert_int_equal(
	    ask(rig, HZ_POST, "c1", "{\"id\":\"a\",\"name\":\"A\",\"url\":\"srt://:9100?mode=listener\"}")
	        ->status,
	    201);
	struct web *web =
	    ask(rig, HZ_POST, "c2",
	        "{\"id\":\"b\",\"name\":\"B\",\"url\":\"srt://:9100?mode=listener&latency=80\"}");
	assert_int_equal(web->status, 409);
	assert_string_equal(web_field(web), "/url");
	assert_null(hz_theatre_find(rig->brain, "c2", "b"));
	assert_int_equal(
	    ask(rig, HZ_POST, "c2", "{\"id\":\"b\",\"name\":\"B\",\"url\":\"srt://:9101?mode=listener\"}")
	        ->status,
	    201);
	assert_int_equal(ask(rig, HZ_PATCH, "c2/b", "{\"url\":\"srt://:9100?mode=listener\"}")->status, 409);
	assert_int_equal(
	    ask(rig, HZ_PATCH, "c1/a", "{\"url\":\"srt://:9100?mode=listener&latency=90\"}")->status, 200);
	assert_int_equal(
	    ask(rig, HZ_POST, "c2", "{\"id\":\"d\",\"name\":\"D\",\"url\":\"srt://10.0.0.1:9100\"}")->status,
	    201); // it calls
}

static void a_source_is_nobody_else(void **state)
{
	struct rig *rig = *state;
	(void)rig_join(rig, "doctor", "clinic");
	struct web *web = ask(rig, HZ_POST, "c1", "{\"id\":\"doctor\",\"name\":\"A\",\"url\":\"test:\"}");
	assert_int_equal(web->status, 409);
	assert_string_equal(web_field(web), "/id");
}

static void what_was_shown_may_come_back(void **state)
{
	struct rig *rig = *state;
	struct web *web =
	    ask(rig, HZ_POST, "c1", "{\"id\":\"a\",\"name\":\"A\",\"url\":\"rtsp://u:geheim@10.0.0.1/cam\"}");
	assert_int_equal(web->status, 201);
	assert_string_equal(rig_text(web->json, "url"), "rtsp://***@10.0.0.1/cam");
	web = ask(rig, HZ_PATCH, "c1/a", "{\"url\":\"rtsp://***@10.0.0.1/cam\",\"name\":\"B\"}");
	assert_int_equal(web->status, 200);
	assert_string_equal(rig_text(web->json, "name"), "B");
	assert_string_equal(source(rig, "a")->url, "rtsp://u:geheim@10.0.0.1/cam");
	web = ask(rig, HZ_PATCH, "c1/a", "{\"url\":\"rtsp://***@10.0.0.2/cam\"}");
	assert_int_equal(web->status, 422);
	assert_string_equal(web_field(web), "/url");
	assert_string_equal(source(rig, "a")->url, "rtsp://u:geheim@10.0.0.1/cam");
	assert_int_equal(ask(rig, HZ_POST, "c1", "{\"name\":\"F\",\"url\":\"file:a.mp4\"}")->status,
	                 422); // there is no folder
}

// Cameras that are to be seen together: said at once, and nothing begins anew for it.
static void goes_in_so_long_after(void **state)
{
	struct rig *rig = *state;
	struct web *web =
	    ask(rig, HZ_POST, "c1", "{\"id\":\"a\",\"name\":\"A\",\"url\":\"rtsp://10.0.0.1/cam\"}");
	assert_int_equal(json_integer_value(json_object_get(web->json, "sync_ms")), 0);
	assert_int_equal(ask(rig, HZ_PATCH, "c1/a", "{\"sync_ms\":2001}")->status, 422);
	assert_int_equal(ask(rig, HZ_PATCH, "c1/a", "{\"sync_ms\":-1}")->status, 422);
	assert_int_equal(ask(rig, HZ_PATCH, "c1/a", "{\"sync_ms\":\"1\"}")->status, 422);
	rig_advance(rig, 100);
	struct hz_ingest_source_set before, after;
	newest(&before);
	web = ask(rig, HZ_PATCH, "c1/a", "{\"sync_ms\":300}");
	assert_int_equal(web->status, 200);
	assert_int_equal(json_integer_value(json_object_get(web->json, "sync_ms")), 300);
	hz_pipe_link_flush(&rig->brain->theatre->pipe);
	newest(&after);
	assert_int_equal(before.sync_ms, 0);
	assert_int_equal(after.sync_ms, 300);
	assert_int_equal(after.version, before.version);
	assert_int_equal(ask(rig, HZ_PATCH, "c1/a", "{\"name\":\"B\"}")->status, 200);
	assert_int_equal(source(rig, "a")->sync_ms, 300);
}

static void picture(struct rig *rig, const char *id)
{
	struct {
		struct hz_ingest_picture head;
		uint8_t jpeg[4];
	} m = {.head = {.source = source(rig, id)->number, .bytes = 4}, .jpeg = {0xff, 0xd8, 0xff, 0xd9}};
	say(rig, &m, HZ_INGEST_PICTURE, sizeof(m));
}

static void a_small_picture_is_of_this_camera(void **state)
{
	struct rig *rig = *state;
	assert_int_equal(
	    ask(rig, HZ_POST, "c1", "{\"id\":\"a\",\"name\":\"A\",\"url\":\"rtsp://10.0.0.1/cam\"}")->status,
	    201);
	assert_int_equal(ask(rig, HZ_GET, "c1/a/thumbnail", NULL)->status, 404);
	picture(rig, "a");
	assert_int_equal(ask(rig, HZ_GET, "c1/a/thumbnail", NULL)->status, 200);
	assert_int_equal(ask(rig, HZ_PATCH, "c1/a", "{\"name\":\"B\"}")->status, 200);
	assert_int_equal(ask(rig, HZ_GET, "c1/a/thumbnail", NULL)->status, 200);
	assert_int_equal(ask(rig, HZ_PATCH, "c1/a", "{\"url\":\"rtsp://10.0.0.2/cam\"}")->status, 200);
	assert_int_equal(ask(rig, HZ_GET, "c1/a/thumbnail", NULL)->status, 404);
	picture(rig, "a"); // was under way
	assert_int_equal(ask(rig, HZ_GET, "c1/a/thumbnail", NULL)->status, 404);
	rig_advance(rig, 5000);
	picture(rig, "a");
	assert_int_equal(ask(rig, HZ_GET, "c1/a/thumbnail", NULL)->status, 200);
	rig_advance(rig, 130000); // what it shows is over
	assert_int_equal(ask(rig, HZ_GET, "c1/a/thumbnail", NULL)->status, 404);
}

static void who_found_no_place_is_said_again(void **state)
{
	struct rig *rig = *state;
	assert_int_equal(ask(rig, HZ_POST, "c1", "{\"id\":\"a\",\"name\":\"A\",\"url\":\"test:\"}")->status,
	                 201);
	rig_advance(rig, 300);
	assert_true(sets() >= 1);
	rig_advance(rig, 300);
	assert_int_equal(sets(), 0);
	struct hz_ev_ack ack = {.id = source(rig, "a")->number, .err = -ENOSPC};
	say(rig, &ack, HZ_INGEST_ACK, sizeof(ack));
	rig_advance(rig, 300);
	assert_int_equal(sets(), 1);
	rig_advance(rig, 300);
	assert_int_equal(sets(), 0);
}

static int listening(const char *address, uint16_t *ret_port)
{
	char bound[INET6_ADDRSTRLEN];
	struct sockaddr_in at = {.sin_family = AF_INET};
	assert_int_equal(inet_pton(AF_INET, address, &at.sin_addr), 1);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(hz_socket_name(fd, bound, ret_port), 0);
	assert_string_equal(bound, address);
	return fd;
}

// Its process comes to our own WHIP where the sockets are, plain if it can.
static void base_is_where_we_listen(void **state)
{
	struct rig *rig = *state;
	uint16_t plain, tls;
	char wanted[64];
	int http = listening("127.0.0.2", &plain), https = listening("0.0.0.0", &tls);
	hz_theatre_find_base(rig->brain, http, https);
	snprintf(wanted, sizeof(wanted), "http://127.0.0.2:%u", plain);
	assert_string_equal(rig->brain->theatre->base, wanted);
	hz_theatre_find_base(rig->brain, -1, https);
	snprintf(wanted, sizeof(wanted), "https://127.0.0.1:%u", tls);
	assert_string_equal(rig->brain->theatre->base, wanted);
	hz_theatre_find_base(rig->brain, -1, ingest[0]); // no IP socket
	assert_string_equal(rig->brain->theatre->base, wanted);
	close(http);
	close(https);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
	    T(two_do_not_listen_at_one_port),    T(a_source_is_nobody_else),
	    T(what_was_shown_may_come_back),     T(a_small_picture_is_of_this_camera),
	    T(who_found_no_place_is_said_again), T(goes_in_so_long_after),
	    T(base_is_where_we_listen),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
