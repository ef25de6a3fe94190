// huizhen-imaging against a PACS that is told how to misbehave: each failure has its own name, the same thing is asked for once,
// at most 8 at a time, what nobody waits for is ended, and what was had once is there when the PACS is not.
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/base/seqpacket.h"
#include "media/dicomweb/api.h"
#include "media/dicomweb/fetch.h"
#include "media/dicomweb/pipe.h"

#define FRAME                                                                                                \
	"HTTP/1.1 200 OK\r\nContent-Type: multipart/related; boundary=x\r\nContent-Length: 62\r\n\r\n"       \
	"--x\r\nContent-Type: image/jls; transfer-syntax=1\r\n\r\nDATA\r\n--x--"

static struct {
	int fd;
	uint16_t port;
	_Atomic bool stop, away, hold; // hold: answers nothing until it is over
	_Atomic int asked, open, most;
	const char *_Atomic answer, *_Atomic metadata; // metadata: where it is asked for that; NULL: the same
} pacs;

#define METADATA(study, instance, bytes)                                                                     \
	"HTTP/1.1 200 OK\r\nContent-Type: application/dicom+json\r\nContent-Length: " bytes                  \
	"\r\n\r\n[{\"00080018\":{\"vr\":\"UI\",\"Value\":[\"" instance                                       \
	"\"]},\"0020000D\":{\"vr\":\"UI\",\"Value\":[\"" study "\"]}}]"

static void *serve_one(void *arg)
{
	int fd = (int)(intptr_t)arg;
	char buf[4096];
	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		if (poll(&p, 1, 20) == 0 && !atomic_load(&pacs.stop))
			continue;
		memset(buf, 0, sizeof(buf));
		if (atomic_load(&pacs.stop) || recv(fd, buf, sizeof(buf) - 1, 0) <= 0)
			break;
		atomic_fetch_add(&pacs.asked, 1);
		int now = atomic_fetch_add(&pacs.open, 1) + 1;
		if (now > atomic_load(&pacs.most))
			atomic_store(&pacs.most, now);
		while (atomic_load(&pacs.hold) && !atomic_load(&pacs.stop)) {
			p.revents = 0;
			if (poll(&p, 1, 10) == 1 && recv(fd, buf, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
				break; // it hung up
		}
		const char *answer = strstr(buf, "/metadata ") ? atomic_load(&pacs.metadata) : NULL;
		if (!answer)
			answer = atomic_load(&pacs.answer);
		(void)!send(fd, answer, strlen(answer), MSG_NOSIGNAL);
		atomic_fetch_sub(&pacs.open, 1);
		if (strstr(answer, "close"))
			break;
	}
	close(fd);
	return NULL;
}

static void *serve(void *arg)
{
	pthread_t thread[512];
	unsigned count = 0;
	while (!atomic_load(&pacs.stop)) {
		struct pollfd p = {.fd = pacs.fd, .events = POLLIN};
		if (poll(&p, 1, 20) != 1)
			continue;
		int fd = accept(pacs.fd, NULL, NULL);
		if (atomic_load(&pacs.away) || count == 512) {
			close(fd);
			continue;
		}
		pthread_create(&thread[count++], NULL, serve_one, (void *)(intptr_t)fd);
	}
	for (unsigned i = 0; i < count; i++)
		pthread_join(thread[i], NULL);
	return arg;
}

struct rig {
	int api[2];
	pthread_t server, pipe;
	char dir[32];
	int turn[1];
	unsigned turns;
	struct hz_dweb_status status;
};

static void *run_pipe(void *arg)
{
	const struct hz_dweb_times times = {.connect_s = 1, .stall_s = 1, .most_s = 3};
	struct rig *rig = arg;
	const struct hz_dweb_pipe_fds fds = {.api = rig->api[1], .turn = rig->turn, .turns = rig->turns};
	assert_int_equal(hz_dweb_pipe_run(&fds, &times, false), 0);
	return NULL;
}

static void say(struct rig *rig, void *message, uint16_t type, size_t bytes)
{
	struct hz_dweb_header *h = message;
	*h = (struct hz_dweb_header){.version = HZ_DWEB_VERSION, .type = type, .bytes = (uint32_t)bytes};
	assert_int_equal(hz_seqpacket_send(rig->api[0], message, bytes), 0);
}

static int hear(struct rig *rig, struct hz_dweb_done *ret, int *ret_fd)
{
	struct pollfd p = {.fd = rig->api[0], .events = POLLIN};
	union {
		struct hz_dweb_header h;
		struct hz_dweb_done done;
		struct hz_dweb_status status;
	} in;
	int fds[1] = {-1};
	const struct hz_seqpacket_in what = {.buf = &in, .cap = sizeof(in), .fds = fds, .fds_cap = 1};
	size_t bytes = 0;
	unsigned count = 0;
	do {
		if (poll(&p, 1, 20000) != 1)
			fail_msg("no answer");
		assert_int_equal(hz_seqpacket_recv_fds(rig->api[0], &what, &bytes, &count), 0);
		if (in.h.type == HZ_DWEB_STATUS)
			rig->status = in.status;
	} while (in.h.type == HZ_DWEB_STATUS);
	if (in.h.type == HZ_DWEB_DONE)
		*ret = in.done;
	*ret_fd = count ? fds[0] : -1;
	return in.h.type;
}

static void set_up_pipe(struct rig *rig)
{
	struct hz_dweb_setup setup = {.cache_bytes = 1 << 20};
	struct hz_dweb_pacs one = {.index = 0, .count = 1, .name = "main"};
	struct hz_dweb_done done;
	int fd;
	assert_int_equal(hz_seqpacket_pair(1 << 20, rig->api), 0);
	assert_int_equal(pthread_create(&rig->pipe, NULL, run_pipe, rig), 0);
	assert_int_equal(hear(rig, &done, &fd), HZ_DWEB_HELLO);
	const struct hz_dweb_get early = {
	    .h = {.version = HZ_DWEB_VERSION, .type = HZ_DWEB_GET, .bytes = sizeof(early)},
	    .id = 99999,
	    .request = {.kind = HZ_DWEB_STUDY, .pacs = "main", .study = "1.2"}};
	// Of before it started: not answered, least of all with "no such PACS".
	assert_int_equal(hz_seqpacket_send(rig->api[0], &early, sizeof(early)), 0);
	strcpy(setup.dir, rig->dir);
	snprintf(one.url, sizeof(one.url), "http://127.0.0.1:%u/dicom-web", pacs.port);
	say(rig, &setup, HZ_DWEB_SETUP, sizeof(setup));
	say(rig, &one, HZ_DWEB_PACS_SET, sizeof(one));
}

// As a viewer does first: which objects there are.
static void learn(struct rig *rig)
{
	struct hz_dweb_get get = {
	    .id = 90000,
	    .request = {.kind = HZ_DWEB_SERIES, .pacs = "main", .study = "1.2", .series = "1.3"}};
	struct hz_dweb_done done = {.id = 0};
	int fd = -1;
	atomic_store(&pacs.metadata, METADATA("1.2", "1.4", "81"));
	say(rig, &get, HZ_DWEB_GET, sizeof(get));
	assert_int_equal(hear(rig, &done, &fd), HZ_DWEB_DONE);
	assert_int_equal(done.result, HZ_DWEB_OK);
	close(fd);
	atomic_store(&pacs.metadata, NULL);
	atomic_store(&pacs.asked, 0);
	atomic_store(&pacs.most, 0);
}

static int start(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(at);
	memset(&pacs, 0, sizeof(pacs));
	pacs.answer = FRAME;
	pacs.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(pacs.fd, (void *)&at, sizeof(at)), 0);
	assert_int_equal(listen(pacs.fd, 128), 0);
	getsockname(pacs.fd, (void *)&at, &n);
	pacs.port = ntohs(at.sin_port);
	strcpy(rig->dir, "/tmp/hz-dweb-XXXXXX");
	assert_non_null(mkdtemp(rig->dir));
	pthread_create(&rig->server, NULL, serve, NULL);
	set_up_pipe(rig);
	learn(rig);
	*state = rig;
	return 0;
}

static int stop(void **state)
{
	struct rig *rig = *state;
	char command[64];
	close(rig->api[0]);
	pthread_join(rig->pipe, NULL);
	close(rig->api[1]);
	atomic_store(&pacs.stop, true);
	pthread_join(rig->server, NULL);
	close(pacs.fd);
	snprintf(command, sizeof(command), "rm -r %s", rig->dir);
	assert_int_equal(system(command), 0);
	free(rig);
	return 0;
}

static void ask(struct rig *rig, uint64_t id, uint32_t frame)
{
	struct hz_dweb_get get = {.id = id,
	                          .request = {.kind = HZ_DWEB_FRAME,
	                                      .frame = frame,
	                                      .pacs = "main",
	                                      .study = "1.2",
	                                      .series = "1.3",
	                                      .instance = "1.4"}};
	say(rig, &get, HZ_DWEB_GET, sizeof(get));
}

static void expect(struct rig *rig, uint64_t id, enum hz_dweb_result result)
{
	struct hz_dweb_done done = {.id = 0};
	char data[5] = "";
	int fd = -1;
	assert_int_equal(hear(rig, &done, &fd), HZ_DWEB_DONE);
	if (id)
		assert_int_equal(done.id, id);
	assert_int_equal(done.result, result);
	assert_int_equal(fd >= 0, result == HZ_DWEB_OK);
	if (fd < 0)
		return;
	assert_int_equal(done.bytes, 4);
	assert_string_equal(done.type, "image/jls; transfer-syntax=1");
	assert_int_equal(pread(fd, data, 4, (off_t)done.at), 4);
	assert_string_equal(data, "DATA");
	close(fd);
}

static void once(void **state)
{
	struct rig *rig = *state;
	ask(rig, 1, 1);
	expect(rig, 1, HZ_DWEB_OK);
	ask(rig, 2, 1);
	expect(rig, 2, HZ_DWEB_OK);
	assert_int_equal(pacs.asked, 1);
	// Two who want the same at the same time, and a third that is said twice.
	atomic_store(&pacs.hold, true);
	ask(rig, 3, 2);
	ask(rig, 4, 2);
	ask(rig, 4, 2);
	while (atomic_load(&pacs.open) == 0)
		usleep(1000);
	atomic_store(&pacs.hold, false);
	expect(rig, 3, HZ_DWEB_OK);
	expect(rig, 4, HZ_DWEB_OK);
	assert_int_equal(pacs.asked, 2);
	// A slow transfer is asked for again each few seconds by each who waits: it stays one.
	atomic_store(&pacs.hold, true);
	for (uint64_t id = 300; id < 340; id++)
		ask(rig, id, 3);
	while (atomic_load(&pacs.open) == 0)
		usleep(1000);
	atomic_store(&pacs.hold, false);
	for (uint64_t id = 300; id < 340; id++)
		expect(rig, id, HZ_DWEB_OK);
	assert_int_equal(pacs.asked, 3);
}

static void bad_answers(void **state)
{
	static const struct {
		const char *answer;
		enum hz_dweb_result result;
	} all[] = {
	    {"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>",
	     HZ_DWEB_NOT_DICOM},
	    {"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/login\r\nContent-Length: 0\r\n\r\n",
	     HZ_DWEB_FAILED},
	    {"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", HZ_DWEB_REFUSED},
	    {"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", HZ_DWEB_MISSING},
	    {"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", HZ_DWEB_FAILED},
	    {"HTTP/1.1 200 OK\r\nContent-Type: multipart/related; boundary=x\r\nContent-Length: "
	     "7\r\n\r\n--x\r\n\r\n",
	     HZ_DWEB_BROKEN},
	    {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: image/jls\r\nContent-Length: "
	     "99\r\n\r\nshort",
	     HZ_DWEB_BROKEN},
	    {"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: image/jls\r\n\r\nhalf of it?",
	     HZ_DWEB_BROKEN},
	    {"HTTP/1.1 200 OK\r\nContent-Type: image/jls\r\nContent-Length: 999999999999\r\n\r\nshort",
	     HZ_DWEB_TOO_LARGE},
	    {"HTTP/1.1 200 OK\r\nContent-Type: image/jls\r\nContent-Length: 99\r\n\r\nand then nothing",
	     HZ_DWEB_SLOW},
	    {"HTTP/1.1 200 OK\r\nContent-Type: image/jls\r\nContent-Length: 0\r\n\r\n", HZ_DWEB_NOT_DICOM},
	    {"what?\r\n\r\nclose", HZ_DWEB_AWAY},
	};
	struct rig *rig = *state;
	for (uint32_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		atomic_store(&pacs.answer, all[i].answer);
		ask(rig, 100 + i, 10 + i);
		expect(rig, 100 + i, all[i].result);
		atomic_store(&pacs.answer, FRAME); // and nothing of it stays
		ask(rig, 200 + i, 10 + i);
		expect(rig, 200 + i, HZ_DWEB_OK);
	}
	// What it says of itself, every 2 s; the bad answers above took longer.
	assert_true(rig->status.refused >= 9 && rig->status.fetched >= 9 && rig->status.misses >= 18);
	assert_true(rig->status.cache_bytes > 0);
	struct hz_dweb_get get = {.id = 7,
	                          .request = {.kind = HZ_DWEB_STUDY, .pacs = "other", .study = "1.2"}};
	say(rig, &get, HZ_DWEB_GET, sizeof(get));
	expect(rig, 7, HZ_DWEB_UNKNOWN);
	strcpy(get.request.study, "../x");
	say(rig, &get, HZ_DWEB_GET, sizeof(get));
	expect(rig, 7, HZ_DWEB_MISSING);
}

// An allowed study in the path, and another one's object: nothing, whatever the PACS makes of the path.
static void of_another_study(void **state)
{
	struct rig *rig = *state;
	struct hz_dweb_get get = {.id = 1,
	                          .request = {.kind = HZ_DWEB_FRAME,
	                                      .frame = 1,
	                                      .pacs = "main",
	                                      .study = "1.2",
	                                      .series = "1.3",
	                                      .instance = "1.5"}};
	atomic_store(&pacs.metadata, METADATA("9.9", "1.5", "81"));
	say(rig, &get, HZ_DWEB_GET, sizeof(get));
	expect(rig, 1, HZ_DWEB_MISSING);
	assert_int_equal(pacs.asked, 1); // for what it is; never for its pixels
	get.id = 2;
	atomic_store(&pacs.metadata, METADATA("1.2", "1.4", "81")); // it is in no list of this study's
	say(rig, &get, HZ_DWEB_GET, sizeof(get));
	expect(rig, 2, HZ_DWEB_MISSING);
	atomic_store(&pacs.metadata, "HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n");
	get.id = 3;
	say(rig, &get, HZ_DWEB_GET, sizeof(get));
	expect(rig, 3, HZ_DWEB_REFUSED);
	assert_int_equal(pacs.asked, 3);
	// The metadata of another study's series do not get out, either.
	struct hz_dweb_get series = {
	    .id = 4, .request = {.kind = HZ_DWEB_SERIES, .pacs = "main", .study = "1.2", .series = "1.9"}};
	atomic_store(&pacs.metadata, METADATA("9.9", "1.5", "81"));
	say(rig, &series, HZ_DWEB_GET, sizeof(series));
	expect(rig, 4, HZ_DWEB_MISSING);
	// One that came since: asked for once for all frames that wait, then given.
	atomic_store(&pacs.metadata, METADATA("1.2", "1.5", "81"));
	atomic_store(&pacs.asked, 0);
	for (get.id = 10; get.id < 14; get.id++, get.request.frame++)
		say(rig, &get, HZ_DWEB_GET, sizeof(get));
	for (unsigned i = 0; i < 4; i++)
		expect(rig, 0, HZ_DWEB_OK);
	assert_true(pacs.asked <= 6);
	ask(rig, 20, 1); // and what was known is known
	expect(rig, 20, HZ_DWEB_OK);
}

static void bounded(void **state)
{
	struct rig *rig = *state;
	struct hz_dweb_cancel cancel;
	atomic_store(&pacs.hold, true);
	for (uint32_t i = 1; i <= HZ_DWEB_JOBS; i++)
		ask(rig, i, i);
	ask(rig, 1000, 1000);
	expect(rig, 1000, HZ_DWEB_FULL);
	while (atomic_load(&pacs.open) < HZ_DWEB_AT_ONCE)
		usleep(1000);
	// The reader moved on: what waits never begins, what is under way is ended.
	for (uint64_t i = HZ_DWEB_JOBS - 1; i >= 1; i--) {
		cancel.id = i;
		say(rig, &cancel, HZ_DWEB_CANCEL, sizeof(cancel));
	}
	while (atomic_load(&pacs.asked) < HZ_DWEB_AT_ONCE + 1)
		usleep(1000);
	atomic_store(&pacs.hold, false);
	expect(rig, HZ_DWEB_JOBS, HZ_DWEB_OK);
	assert_int_equal(pacs.asked, HZ_DWEB_AT_ONCE + 1);
	assert_true(pacs.most <= HZ_DWEB_AT_ONCE + 1); // one more is asked while the ended ones hang up
}

static void survives(void **state)
{
	struct rig *rig = *state;
	ask(rig, 1, 1);
	expect(rig, 1, HZ_DWEB_OK);
	atomic_store(&pacs.away, true);
	atomic_store(&pacs.answer, "close");
	ask(rig, 2, 2);
	expect(rig, 2, HZ_DWEB_AWAY);
	ask(rig, 3, 1); // what was had is there
	expect(rig, 3, HZ_DWEB_OK);
	close(rig->api[0]); // so is it after the pipe's death
	pthread_join(rig->pipe, NULL);
	close(rig->api[1]);
	set_up_pipe(rig);
	ask(rig, 4, 1);
	expect(rig, 4, HZ_DWEB_OK);
	atomic_store(&pacs.away, false);
	atomic_store(&pacs.answer, FRAME);
	ask(rig, 5, 2);
	expect(rig, 5, HZ_DWEB_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(once, start, stop),
	    cmocka_unit_test_setup_teardown(bad_answers, start, stop),
	    cmocka_unit_test_setup_teardown(of_another_study, start, stop),
	    cmocka_unit_test_setup_teardown(bounded, start, stop),
	    cmocka_unit_test_setup_teardown(survives, start, stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
