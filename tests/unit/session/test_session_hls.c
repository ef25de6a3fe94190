// The delayed leg of a broadcast as control sees it: what it asks huizhen-hls and the workers for, a CUT, its confirmation, and who
// was killed meanwhile.
#include <stdlib.h>
#include <unistd.h>

#include "gateway/base/seqpacket.h"
#include "gateway/session/broadcast/broadcast.h"
#include "gateway/http/hls_files.h"
#include "tests/unit/session/web.h"

#define PATH    "/api/v1/consults/c1/broadcast"
#define THEATRE "mic:0:send cam:1:send"
#define VIEWER  "a:0:recv v:1:recv"
#define BODY                                                                                                 \
	"{\"title\":\"Live surgery\",\"sources\":[{\"participant\":\"or1\",\"source\":\"camera\"},"          \
	"{\"participant\":\"or2\",\"source\":\"camera\"}],\"voices\":[\"surgeon\",\"or1\"],\"delay_s\":5}"

static int fd[2]; // control's, the process's
static char dir[32];
static struct hz_hls_broadcast_set said; // the newest
static unsigned sets, dels, folders;
static int refuse; // what it says to a SET; 1: nothing at all

static void tell(struct hz_msg_header *h, unsigned type, size_t bytes)
{
	h->version = HZ_HLS_API_VERSION;
	h->type = (uint16_t)type;
	h->bytes = (uint32_t)bytes;
	assert_int_equal(hz_seqpacket_send(fd[1], h, bytes), 0);
}

static void hello(void)
{
	struct hz_hls_hello m = {.pid = 1};
	struct hz_hls_status s = {.broadcasts = 0};
	said = (struct hz_hls_broadcast_set){.consult = 0};
	tell(&m.h, HZ_HLS_HELLO, sizeof(m));
	tell(&s.h, HZ_HLS_STATUS, sizeof(s));
}

static int work(void)
{
	_Alignas(8) uint8_t buf[HZ_API_MAX_BYTES];
	size_t bytes;
	int read = 0, folder = -1;
	unsigned count = 0;
	const struct hz_seqpacket_in in = {.buf = buf, .cap = sizeof(buf), .fds = &folder, .fds_cap = 1};
	while (hz_seqpacket_recv_fds(fd[1], &in, &bytes, &count) == 0) {
		const struct hz_msg_header *h = (const void *)buf;
		const struct hz_hls_broadcast_del *m = (const void *)buf;
		struct hz_ev_ack ack = {.h = {.seq = h->seq}};
		read++;
		assert_int_equal(count, h->type == HZ_HLS_RECONCILE_BEGIN);
		folders += count;
		if (count)
			close(folder);
		if (h->type == HZ_HLS_BROADCAST_SET) {
			memcpy(&said, buf, sizeof(said));
			ack.id = said.consult;
			ack.err = refuse;
			sets++;
		}
		if (h->type == HZ_HLS_BROADCAST_DEL) {
			ack.id = m->consult;
			dels++;
		}
		if (refuse != 1)
			tell(&ack.h, HZ_HLS_ACK, sizeof(ack));
	}
	return read;
}

static int setup(void **state)
{
	assert_int_equal(rig_setup_workers(state, 2), 0);
	struct rig *rig = *state;
	refuse = 0;
	sets = dels = folders = 0;
	said = (struct hz_hls_broadcast_set){.consult = 0};
	snprintf(dir, sizeof(dir), "/tmp/hz-hls-XXXXXX");
	assert_non_null(mkdtemp(dir));
	assert_int_equal(hz_seqpacket_pair(1 << 20, fd), 0);
	rig->hls = (struct hz_hls_options){.fd = fd[0], .dir = dir, .disk_mb = 100, .window_s = 60};
	rig->hls_work = work;
	rig_kill(rig);
	rig->brain->limits.spread_subscriptions = 1000;
	hello();
	rig_turn(rig);
	return 0;
}

static int teardown(void **state)
{
	char command[64];
	int err = rig_teardown(state);
	close(fd[0]);
	close(fd[1]);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return err ? err : system(command);
}

static const char *token_of(struct rig *rig, const char *sub, const char *role)
{
	static char token[8][4096];
	static unsigned at;
	char *t = token[at++ % 8];
	snprintf(t, 4096, "%s", rig_sign(rig, (struct rig_token){.sub = sub, .role = role}));
	return t;
}

static struct web *whip(struct rig *rig, const char *id)
{
	static char sdp[OFFER_BYTES];
	static unsigned session = 100;
	snprintf(sdp, sizeof(sdp), "%s",
	         offer_sdp((struct offer_spec){.lines = THEATRE, .session = ++session}));
	return web_ask(rig, (struct web_ask){.method = HZ_POST,
	                                     .path = "/whip/c1",
	                                     .token = token_of(rig, id, "theatre"),
	                                     .body = sdp,
	                                     .type = "application/sdp"});
}

static struct web *rest(struct rig *rig, enum hz_http_method method, const char *path, const char *role,
                        const char *body)
{
	return web_ask(rig,
	               (struct web_ask){
	                   .method = method, .path = path, .token = token_of(rig, role, role), .body = body});
}

static const json_t *on_air(struct rig *rig, struct rig_socket *director, const char *participant)
{
	json_t *source = participant ? json_pack("{s:s, s:s}", "participant", participant, "source", "camera")
	                             : json_null();
	return rig_call(rig, director, "broadcast.program", json_pack("{s:o}", "source", source));
}

static struct rig_socket *stage(struct rig *rig)
{
	rig_consult(rig, "c1");
	offer_both(rig, rig_join(rig, "surgeon", "expert"));
	assert_int_equal(whip(rig, "or1")->status, 201);
	assert_int_equal(whip(rig, "or2")->status, 201);
	assert_int_equal(rest(rig, HZ_PUT, PATH, "director", BODY)->status, 200);
	return rig_join(rig, "dir", "director");
}

static const struct hz_broadcast *broadcast(struct rig *rig)
{
	struct hz_consult *consult = hz_map_get(rig->brain->consults, "c1");
	return consult->broadcast;
}

static const struct rig_worker *worker(const struct rig *rig, unsigned n)
{
	return n ? rig->more[n - 1].worker : rig->worker;
}

// The subscription that brings it; NULL.
static const struct hz_cmd_sub_set *sub(const struct rig *rig, const struct hz_hls_source *source)
{
	for (unsigned i = 0; i < HZ_MAX_SUBS; i++) {
		const struct hz_cmd_sub_set *s = &worker(rig, source->worker)->sub[i];
		if (s->sub && s->ssrc == source->ssrc)
			return s;
	}
	return NULL;
}

static const char *hls_state(struct rig *rig)
{
	static char text[16];
	snprintf(text, sizeof(text), "%s", rig_text(rest(rig, HZ_GET, PATH, "director", NULL)->json, "hls"));
	return text;
}

static void asked_for(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *director = stage(rig);
	assert_int_equal(sets, 0); // nothing was on the air
	assert_string_equal(hls_state(rig), "waiting");
	struct web *web = rest(rig, HZ_GET, PATH "/watch", "viewer", NULL);
	assert_true(json_is_null(json_object_get(web->json, "hls")));
	rig_result(on_air(rig, director, "or1"));
	assert_int_equal(said.delay_ms, 5000);
	assert_int_equal(said.window_s, 60);
	assert_int_equal(strlen(said.id), 22);
	const struct hz_cmd_sub_set *video = sub(rig, &said.video);
	assert_non_null(video);
	assert_int_equal(video->flags, HZ_SUB_PIN | HZ_SUB_LIVE);
	assert_int_equal(video->pt_count, 2);
	assert_int_equal(video->pt[0].codec, HZ_CODEC_H264_CB);
	assert_non_null(sub(rig, &said.voice[0]));
	assert_non_null(sub(rig, &said.voice[1]));
	assert_int_equal(said.voice[2].ssrc, 0);
	assert_string_equal(hls_state(rig), "live");
	web = rest(rig, HZ_GET, PATH "/watch", "viewer", NULL);
	web_schema(web, "broadcast.watch");
	assert_non_null(strstr(web->body, said.id));
	assert_int_equal(json_integer_value(json_object_get(json_object_get(web->json, "hls"), "delay_s")),
	                 5);
	// Another camera, nothing, one that is not free of identity any more.
	struct hz_hls_source first = said.video;
	rig_result(on_air(rig, director, "or2"));
	assert_null(sub(rig, &first));
	assert_non_null(sub(rig, &said.video));
	assert_int_equal(
	    rest(rig, HZ_PUT, PATH, "director",
	         "{\"title\":\"x\",\"sources\":[{\"participant\":\"or1\",\"source\":\"camera\"}]}")
	        ->status,
	    200);
	assert_int_equal(said.video.ssrc, 0);
	assert_int_equal(said.voice[0].ssrc, 0);
	assert_string_equal(hls_state(rig), "waiting");
	// The end.
	assert_int_equal(rest(rig, HZ_DELETE, PATH, "director", NULL)->status, 204);
	assert_int_equal(dels, 1);
	for (unsigned n = 0; n < 2; n++)
		for (unsigned i = 0; i < HZ_MAX_PEERS; i++)
			assert_true(worker(rig, n)->peer[i].relay != HZ_HLS_RELAY);
}

// Not before the process has said so is a cut confirmed.
static void cut(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *director = stage(rig);
	rig_result(on_air(rig, director, "or1"));
	struct hz_hls_source source = said.video;
	refuse = 1;
	int64_t mark_us = rig->now_us;
	rig_result(rig_call(rig, director, "broadcast.cut", json_pack("{s:s}", "reason", "a name")));
	assert_true(said.cut_us >= mark_us && said.cut_us <= rig->now_us);
	assert_int_equal(sub(rig, &source)->flags, HZ_SUB_PIN | HZ_SUB_LIVE | HZ_SUB_PAUSED);
	rig_advance(rig, 1000);
	assert_int_equal(broadcast(rig)->confirmed_ms, 0);
	refuse = -EAGAIN; // its disk does not take it
	hello();
	rig_advance(rig, 100);
	assert_int_equal(said.cut_us, broadcast(rig)->cut_us);
	assert_int_equal(broadcast(rig)->confirmed_ms, 0);
	refuse = 0;
	for (int i = 0; i < 30 && !broadcast(rig)->confirmed_ms; i++)
		rig_advance(rig, 250); // it is said again
	assert_true(broadcast(rig)->confirmed_ms > 0);
	rig_result(rig_call(rig, director, "broadcast.resume", json_pack("{s:s}", "reason", "gone")));
	assert_int_equal(said.cut_us, 0);
	assert_true(said.from_us > mark_us);
	assert_int_equal(sub(rig, &source)->flags, HZ_SUB_PIN | HZ_SUB_LIVE);
}

// A process that is dead is waited for no longer than it could hang, and its successor is told of the cut.
static void killed_while_cut(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *director = stage(rig);
	rig_result(on_air(rig, director, "or1"));
	refuse = 1;
	rig_result(rig_call(rig, director, "broadcast.cut", json_pack("{s:s}", "reason", "a name")));
	rig_advance(rig, 12000);
	assert_int_equal(broadcast(rig)->confirmed_ms, 0);
	rig_advance(rig, 4000);
	assert_true(broadcast(rig)->confirmed_ms > 0);
	assert_string_equal(hls_state(rig), "down");
	refuse = 0;
	unsigned given = folders;
	hello();
	rig_advance(rig, 100);
	assert_int_equal(folders, given + 1);
	assert_int_equal(said.cut_us, broadcast(rig)->cut_us);
	// Control is killed: cut it stays, and the names of what flows stay, too.
	struct hz_hls_source source = said.video;
	char id[HZ_HLS_ID_BYTES];
	memcpy(id, said.id, sizeof(id));
	rig_kill(rig);
	rig_turn(rig);
	assert_true(said.cut_us > 0);
	assert_memory_equal(&said.video, &source, sizeof(source));
	assert_string_equal(said.id, id);
	assert_true(broadcast(rig)->confirmed_ms > 0);
}

static void refused(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *director = stage(rig);
	refuse = -ENOSPC;
	rig_result(on_air(rig, director, "or1"));
	assert_string_equal(hls_state(rig), "full");
	rig_result(rig_call(rig, director, "broadcast.cut", json_pack("{s:s}", "reason", "a name")));
	rig_turn(rig);
	assert_true(broadcast(rig)->confirmed_ms > 0); // nothing of it is anywhere
	rig_result(rig_call(rig, director, "broadcast.resume", json_pack("{s:s}", "reason", "gone")));
	refuse = 0;
	for (int i = 0; i < 30 && strcmp(hls_state(rig), "live") != 0; i++)
		rig_advance(rig, 250);
	assert_string_equal(hls_state(rig), "live");
}

static struct web *masks(struct rig *rig, const char *participant, const char *regions)
{
	char body[300];
	snprintf(body, sizeof(body), "{\"participant\":\"%s\",\"source\":\"camera\",\"masks\":[%s]}",
	         participant, regions);
	return rest(rig, HZ_PUT, PATH "/masks", "director", body);
}

#define LEFT "{\"x\":0,\"y\":0,\"w\":0.5,\"h\":1}"
#define ALL  "{\"x\":0,\"y\":0,\"w\":1,\"h\":1}"

// Masks that hide more than before: what waits for the delay goes, and not before the process has said so are they confirmed.
static void masked(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *director = stage(rig);
	rig_result(on_air(rig, director, "or1"));
	rig_advance(rig, 1000);
	assert_int_equal(said.clean, 0);
	assert_int_equal(masks(rig, "or2", LEFT)->status, 200); // nothing of it was ever seen
	rig_advance(rig, 100);
	assert_int_equal(said.clean, 0);
	assert_true(broadcast(rig)->masked_ms > 0);
	refuse = 1;
	unsigned before = sets;
	assert_int_equal(masks(rig, "or1", LEFT)->status, 200);
	rig_advance(rig, 1000);
	uint32_t clean = said.clean;
	assert_int_not_equal(clean, 0);
	assert_int_equal(clean, broadcast(rig)->clean);
	assert_int_equal(said.video.ssrc, 0); // nobody paints in this test
	assert_true(sets > before);
	assert_int_equal(broadcast(rig)->masked_ms, 0);
	rig_kill(rig); // its successor says the same, and waits for the answer as well
	rig_advance(rig, 1000);
	assert_int_equal(said.clean, clean);
	assert_int_equal(broadcast(rig)->masked_ms, 0);
	refuse = 0;
	hello();
	rig_advance(rig, 100);
	assert_true(broadcast(rig)->masked_ms > 0);
	// After a restart nobody knows what waits: whoever it is of.
	assert_int_equal(masks(rig, "or2", ALL)->status, 200);
	assert_int_not_equal(said.clean, clean);
	clean = said.clean;
	assert_int_equal(masks(rig, "or2", LEFT)->status, 200); // less: nothing has to go
	assert_int_equal(said.clean, clean);
}

// Of a source that is not on the air any more something waits, until the delay is over.
static void masked_after_it(void **state)
{
	struct rig *rig = *state;
	struct rig_socket *director = stage(rig);
	rig_result(on_air(rig, director, "or1"));
	rig_advance(rig, 60000);
	rig_result(on_air(rig, director, "or2"));
	rig_advance(rig, 3000);
	assert_int_equal(masks(rig, "or1", LEFT)->status, 200);
	uint32_t clean = said.clean;
	assert_int_not_equal(clean, 0);
	assert_true(said.video.ssrc != 0);                      // or2 goes on
	assert_int_equal(masks(rig, "or1", LEFT)->status, 200); // the same again
	assert_int_equal(said.clean, clean);
	rig_advance(rig, 5000 + 6000);
	assert_int_equal(masks(rig, "or1", ALL)->status, 200);
	assert_int_equal(said.clean, clean);
	rig_advance(rig, 100);
	assert_true(broadcast(rig)->masked_ms > 0);
}

static int status_of(struct rig *rig, enum hz_http_method method, const char *path, struct hz_response **ret)
{
	const struct hz_request req = {.method = method, .path = path, .query = ""};
	hz_response_free(*ret);
	*ret = hz_response_new();
	return hz_hls_files_handle(rig->brain, &req, *ret) ? hz_response_get_status(*ret) : 0;
}

static void files(void **state)
{
	static const char *const bad[] = {
	    "/hls/",
	    "/hls/short/master.m3u8",
	    "/hls/abcdefghijkmnpqrstuvwx/",
	    "/hls/abcdefghijkmnpqrstuvwx/other.m3u8",
	    "/hls/abcdefghijkmnpqrstuvwx/video/1.txt",
	    "/hls/abcdefghijkmnpqrstuvwx/video/.m4s",
	    "/hls/abcdefghijkmnpqrstuvwx/video/link.m4s",
	    "/hls/abcdefghijkmnpqrstuvwx/video/gone.m4s",
	    "/hls/abcdefghijkmnpqrstuvwx/video/../sound/1.m4s",
	    "/hls/abcdefghijkmnpqrstuvwx/else/1.m4s",
	    "/hls/abcdefghijkmnpqrstuvwxabcdefghijkmnpqrstuvwx/master.m3u8",
	};
	struct rig *rig = *state;
	char command[400];
	struct hz_response *res = NULL;
	snprintf(command, sizeof(command),
	         "cd %s && mkdir -p abcdefghijkmnpqrstuvwx/video && cd abcdefghijkmnpqrstuvwx && printf x "
	         ">master.m3u8 && "
	         "printf abc >video/1.m4s && printf abc >video/1.txt && ln -s /etc/hostname video/link.m4s",
	         dir);
	assert_int_equal(system(command), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(status_of(rig, HZ_GET, bad[i], &res), 404);
	assert_int_equal(status_of(rig, HZ_GET, "/healthz", &res), 0);
	assert_int_equal(status_of(rig, HZ_POST, "/hls/abcdefghijkmnpqrstuvwx/master.m3u8", &res), 405);
	assert_int_equal(status_of(rig, HZ_GET, "/hls/abcdefghijkmnpqrstuvwx/master.m3u8", &res), 200);
	assert_string_equal(hz_response_get_header(res, "Cache-Control"), "no-cache");
	uint64_t offset, bytes;
	assert_int_equal(status_of(rig, HZ_GET, "/hls/abcdefghijkmnpqrstuvwx/video/1.m4s", &res), 200);
	assert_true(hz_response_fd(res, &offset, &bytes) >= 0);
	assert_int_equal(bytes, 3);
	assert_string_equal(hz_response_type(res), "video/iso.segment");
	hz_response_free(res);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(asked_for, setup, teardown),
	    cmocka_unit_test_setup_teardown(cut, setup, teardown),
	    cmocka_unit_test_setup_teardown(killed_while_cut, setup, teardown),
	    cmocka_unit_test_setup_teardown(refused, setup, teardown),
	    cmocka_unit_test_setup_teardown(masked, setup, teardown),
	    cmocka_unit_test_setup_teardown(masked_after_it, setup, teardown),
	    cmocka_unit_test_setup_teardown(files, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
