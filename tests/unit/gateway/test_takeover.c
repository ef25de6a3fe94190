// Takeovers with the real supervisor and fake children (fake.h): done, refused, rolled back.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/base/clock.h"
#include "gateway/base/seqpacket.h"
#include "gateway/config.h"
#include "gateway/supervisor_shared.h"
#include "gateway/supervisor_wire.h"
#include "tests/unit/gateway/fake.h"

static const char *const takeover[] = {"--takeover", NULL};

static void wait_log(const struct fake *f, const char *text)
{
	for (int i = 0; i < 15000; i++) {
		if (fake_logged(f, text))
			return;
		usleep(1000);
	}
	fail_msg("waited for \"%s\" in the log", text);
}

static void start(struct fake *f)
{
	fake_new(f);
	fake_start(f);
	fake_expect(f, "worker0 ", 1);
	fake_expect(f, "worker1 ", 1);
}

static void done(void **state)
{
	struct fake f;
	int64_t worst = 0;
	start(&f);
	for (unsigned round = 0; round < 5; round++) {
		char mainpid[32];
		fake_take_over(&f, "");
		fake_expect(&f, "worker0 ", round + 2);
		fake_expect(&f, "control ", round + 2);
		fake_expect(&f, "recorder ", round + 2);
		// Never two on the rings: the new one waited for the old one's end.
		assert_true(fake_last(&f, "recorder ") >= fake_last(&f, "recorder-ended "));
		assert_int_equal(fake_count(&f, "recorder-ended ", NULL), round + 1);
		fake_expect(&f, "mix ", round + 2);
		assert_true(fake_last(&f, "mix ") >= fake_last(&f, "mix-ended "));
		assert_int_equal(fake_count(&f, "mix-ended ", NULL), round + 1);
		fake_expect(&f, "archive ", round + 2); // beside the old one: it waits by itself
		assert_int_equal(fake_count(&f, "archive-ended ", NULL), round + 1);
		int64_t gap = fake_last(&f, "worker0 ") - fake_last(&f, "worker0-ended ");
		worst = gap > worst ? gap : worst;
		snprintf(mainpid, sizeof(mainpid), "MAINPID=%d", (int)f.serve);
		assert_true(fake_heard(&f, mainpid));
	}
	printf("takeover: 5 times, worst gap between the workers %lld us\n", (long long)worst);
	assert_true(worst <
	            2000000); // not one that waited for a timeout; how short it is: docs/performance.md
	assert_true(fake_event(&f, "worker0 .*incarnation=6 fds=right")); // the same arena all along
	assert_true(fake_event(&f, "worker1 .*incarnation=6 fds=right"));
	assert_false(fake_event(&f, "fds=wrong"));
	// Still a whole gateway: restarts its children, keeps others out.
	assert_int_equal(fake_wait(fake_serve(&f, "", NULL)), 1);
	fake_end(&f);
}

static void nobody_there(void **state)
{
	struct fake f;
	fake_new(&f);
	f.serve = fake_serve(&f, "", takeover);
	assert_true(fake_heard(&f, "READY=1"));
	kill(f.serve, SIGKILL); // leaves a socket that nobody listens on
	fake_wait(f.serve);
	f.serve = fake_serve(&f, "", takeover);
	assert_true(fake_heard(&f, "READY=1"));
	fake_end(&f);
}

// The number of workers is that of the running one, whatever the new configuration says.
static void other_worker_count(void **state)
{
	struct fake f;
	start(&f);
	fake_take_over(&f, "HUIZHEN_MEDIA_WORKERS=1");
	fake_expect(&f, "worker1 ", 2);
	assert_true(fake_logged(&f, "ev=takeover.workers kept=2 configured=1"));
	fake_end(&f);
}

// Nor do the sockets move: control is told where they are, not what the new configuration says.
static void other_media_port(void **state)
{
	struct fake f;
	start(&f);
	fake_expect(&f, "media-port ", 1);
	int64_t port = fake_last(&f, "media-port ");
	assert_int_equal(port, atoi(getenv("HUIZHEN_MEDIA_PORT")));
	fake_take_over(&f, "HUIZHEN_MEDIA_PORT=1");
	fake_expect(&f, "media-port ", 2);
	assert_int_equal(fake_last(&f, "media-port "), port);
	fake_end(&f);
}

static void other_arena(void **state)
{
	struct fake f;
	start(&f);
	assert_int_equal(fake_wait(fake_serve(&f, "FAKE_ARENA_VERSION=2", takeover)), 1);
	assert_true(fake_logged(&f, "arena layout 1 here, 2 there"));
	usleep(100000);
	assert_int_equal(fake_count(&f, "worker0 ", NULL), 1); // nothing was stopped
	assert_int_equal(fake_count(&f, "control ", NULL), 1);
	fake_end(&f);
}

static void wrong_configuration(void **state)
{
	struct fake f;
	start(&f);
	assert_int_equal(fake_wait(fake_serve(&f, "HUIZHEN_HTTP_PORT=x", takeover)), 2);
	assert_int_equal(fake_count(&f, "worker0-ended", NULL), 0);
	fake_end(&f);
}

// The new control does not start: the new gateway gives up, the old one goes on with the same arenas.
static void new_one_fails(void **state)
{
	struct fake f;
	start(&f);
	assert_int_equal(fake_wait(fake_serve(&f, "FAKE_CONTROL=fail", takeover)), 1);
	wait_log(&f, "reason=gone rolled_back=1");
	fake_expect(&f, "worker0 ", 3); // old, new, old
	fake_expect(&f, "control ", 7); // old, five times new, old
	assert_true(fake_event(&f, "worker0 .*incarnation=3"));
	assert_true(fake_heard(&f, "READY=1"));
	usleep(50000);
	assert_int_equal(waitpid(f.serve, NULL, WNOHANG), 0);
	fake_end(&f);
}

static void new_one_is_killed(void **state)
{
	struct fake f;
	start(&f);
	pid_t fresh = fake_serve(&f, "FAKE_CONTROL=hang", takeover);
	fake_expect(&f, "control ", 2);
	fake_expect(&f, "worker0 ", 2);
	fake_expect(&f, "worker1 ", 2);
	int64_t killed_us = hz_now_us();
	kill(fresh, SIGKILL);
	fake_wait(fresh);
	fake_expect(&f, "worker0 ", 3);
	fake_expect(&f, "worker1 ", 3);
	fake_expect(&f, "control ", 3);
	printf("rollback after kill -9 of the new one: worker back in %lld us\n",
	       (long long)(fake_last(&f, "worker0 ") - killed_us));
	assert_false(fake_event(&f, "fds=wrong"));
	// And a second attempt works.
	fake_take_over(&f, "");
	fake_end(&f);
}

// It never gets ready: after 10 s the old one kills it and goes on.
static void new_one_hangs(void **state)
{
	struct fake f;
	start(&f);
	pid_t fresh = fake_serve(&f, "FAKE_CONTROL=hang", takeover);
	assert_int_equal(fake_wait(fresh), 1000 + SIGKILL);
	assert_true(fake_logged(&f, "reason=timeout rolled_back=1"));
	fake_expect(&f, "worker0 ", 3);
	fake_expect(&f, "control ", 3);
	fake_end(&f);
}

// The old one dies when everything is handed over: the new one goes on alone.
static void old_one_is_killed(void **state)
{
	struct fake f;
	start(&f);
	pid_t old = f.serve;
	f.serve = fake_serve(&f, "FAKE_CONTROL=hang", takeover);
	fake_expect(&f, "control ", 2);
	kill(old, SIGKILL);
	fake_wait(old);
	wait_log(&f, "ev=takeover.alone");
	assert_int_equal(waitpid(f.serve, NULL, WNOHANG), 0);
	assert_true(fake_event(&f, "worker0 .*incarnation=2"));
	fake_end(&f);
}

// Children that do not end when asked are killed after 300 ms.
static void deaf_old_children(void **state)
{
	struct fake f;
	fake_new(&f);
	f.serve = fake_serve(&f, "FAKE_CONTROL=deaf", NULL);
	assert_true(fake_heard(&f, "READY=1"));
	fake_expect(&f, "worker0 ", 1);
	pid_t old = f.serve;
	int64_t began_us = hz_now_us();
	f.serve = fake_serve(&f, "", takeover);
	assert_int_equal(fake_wait(old), 0);
	assert_true(hz_now_us() - began_us < 3000000);
	fake_expect(&f, "control ", 2);
	// Its workers ended at once all the same, and new ones began, before the deaf one was killed and its place taken.
	int64_t ended_us = fake_last(&f, "worker0-ended "), worker_us = fake_last(&f, "worker0 ");
	assert_true(ended_us > 0 && ended_us <= worker_us && worker_us < fake_last(&f, "control "));
	fake_end(&f);
}

static void by_signal(void **state)
{
	struct fake f;
	start(&f);
	kill(f.serve, SIGUSR2);
	assert_int_equal(fake_wait(f.serve), 0); // its successor is not our child any more
	wait_log(&f, "ev=takeover.done role=new");
	fake_expect(&f, "worker0 ", 2);
	char pid[16] = "", path[96];
	snprintf(path, sizeof(path), "%s/data/run/lock", f.dir);
	FILE *file = fopen(path, "re");
	assert_non_null(file);
	assert_non_null(fgets(pid, sizeof(pid), file));
	fclose(file);
	pid_t next = atoi(pid);
	assert_true(next > 1 && next != f.serve);
	assert_int_equal(kill(next, SIGINT), 0);
	wait_log(&f, "ev=stopped err=0");
	for (int i = 0; i < 5000 && kill(next, 0) == 0; i++)
		usleep(1000);
	f.serve = 0;
	fake_free(&f);
}

static int knock(struct fake *f)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	snprintf(at.sun_path, sizeof(at.sun_path), "%s/data/run/supervisor.sock", f->dir);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

static struct hz_takeover_msg message(uint32_t type)
{
	struct hz_takeover_msg m;
	memset(&m, 0, sizeof(m));
	m.magic = HZ_TAKEOVER_MAGIC;
	m.version = HZ_TAKEOVER_VERSION;
	m.type = type;
	m.arena_version = m.api_version = 1;
	m.arena_bytes = FAKE_ARENA;
	return m;
}

// The first answer that comes, and then the end; 0: the end at once.
static uint32_t answer(int fd)
{
	struct hz_takeover_msg m;
	ssize_t n = recv(fd, &m, sizeof(m), 0);
	return n == (ssize_t)sizeof(m) ? m.type : 0;
}

static void odd_visitors(void **state)
{
	struct fake f;
	start(&f);
	int fd = knock(&f); // says nothing, goes
	close(fd);

	fd = knock(&f); // garbage
	assert_int_equal(send(fd, "GET / HTTP/1.1", 14, MSG_NOSIGNAL), 14);
	assert_int_equal(answer(fd), HZ_TAKEOVER_REFUSE);
	close(fd);

	char large[2 * sizeof(struct hz_takeover_msg)] = {0};
	fd = knock(&f);
	assert_int_equal(send(fd, large, sizeof(large), MSG_NOSIGNAL), sizeof(large));
	assert_int_equal(answer(fd), HZ_TAKEOVER_REFUSE);
	close(fd);

	struct hz_takeover_msg m = message(HZ_TAKEOVER_HELLO);
	m.version = HZ_TAKEOVER_VERSION + 1;
	fd = knock(&f);
	assert_int_equal(send(fd, &m, sizeof(m), 0), sizeof(m));
	assert_int_equal(answer(fd), HZ_TAKEOVER_REFUSE);
	close(fd);

	static const uint32_t out_of_order[] = {
	    HZ_TAKEOVER_DONE, HZ_TAKEOVER_STOPPED, HZ_TAKEOVER_READY_TO_RUN, 0, 99, HZ_TAKEOVER_OFFER};
	for (unsigned i = 0; i < 6; i++) {
		m = message(out_of_order[i]);
		fd = knock(&f);
		assert_int_equal(send(fd, &m, sizeof(m), 0), sizeof(m));
		assert_int_equal(answer(fd), 0);
		close(fd);
	}

	m = message(HZ_TAKEOVER_HELLO);
	m.api_version = 7;
	fd = knock(&f);
	assert_int_equal(send(fd, &m, sizeof(m), 0), sizeof(m));
	assert_int_equal(answer(fd), HZ_TAKEOVER_REFUSE);
	close(fd);

	m = message(HZ_TAKEOVER_HELLO);
	m.arena_bytes++;
	fd = knock(&f);
	assert_int_equal(send(fd, &m, sizeof(m), 0), sizeof(m));
	assert_int_equal(answer(fd), HZ_TAKEOVER_REFUSE);
	close(fd);

	// A visitor who has the offer keeps others out, and changes nothing by leaving.
	m = message(HZ_TAKEOVER_HELLO);
	fd = knock(&f);
	assert_int_equal(send(fd, &m, sizeof(m), 0), sizeof(m));
	assert_int_equal(answer(fd), HZ_TAKEOVER_OFFER);
	assert_int_equal(fake_wait(fake_serve(&f, "", takeover)), 1);
	assert_true(fake_logged(&f, "taken over already"));
	close(fd);

	usleep(50000);
	assert_int_equal(fake_count(&f, "worker0 ", NULL), 1);
	assert_int_equal(fake_count(&f, "control ", NULL), 1);
	fake_take_over(&f, "");
	fake_end(&f);
}

// --- a running gateway of another version, which this test is

static struct hz_shared open_as_gateway(struct fake *f)
{
	char error[HZ_CONFIG_ERROR_BYTES];
	struct hz_config *config;
	struct hz_shared shared;
	fake_write(f, "empty.yaml", "");
	assert_int_equal(hz_config_load(fake_path(f, "empty.yaml"), error, &config), 0);
	assert_int_equal(hz_shared_open(config, FAKE_ARENA, error, &shared), 0);
	hz_config_free(config);
	return shared;
}

static void hear(int conn, uint32_t type)
{
	struct hz_takeover_msg m;
	assert_int_equal(recv(conn, &m, sizeof(m), 0), sizeof(m));
	assert_int_equal(m.version, 1); // an older one hears nothing else
	assert_int_equal(m.type, type);
}

// What the takeover gets: the kinds below `end`, and one more. Returns the connection.
static int hand_over(struct hz_shared *shared, unsigned end, unsigned also)
{
	struct pollfd wait = {.fd = shared->listener, .events = POLLIN};
	struct hz_takeover_msg m = message(HZ_TAKEOVER_OFFER);
	int fds[HZ_TAKEOVER_FDS];
	assert_int_equal(poll(&wait, 1, 15000), 1);
	int conn = accept4(shared->listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(conn >= 0);
	hear(conn, HZ_TAKEOVER_HELLO);
	m.workers = shared->workers;
	assert_int_equal(send(conn, &m, sizeof(m), 0), sizeof(m));
	hear(conn, HZ_TAKEOVER_ACCEPT);
	m = message(HZ_TAKEOVER_FD_LIST);
	for (unsigned kind = 1; kind < HZ_SHARED_KINDS; kind++) {
		for (unsigned i = 0; (kind < end || kind == also) && i < shared->workers; i++) {
			const int *fd = hz_shared_fd(shared, kind, i);
			if (!fd)
				continue;
			m.kind[m.fd_count] = (uint8_t)kind;
			m.index[m.fd_count] = (uint8_t)i;
			fds[m.fd_count++] = *fd;
		}
	}
	if (also >= HZ_SHARED_KINDS) {
		m.kind[m.fd_count] = (uint8_t)also;
		fds[m.fd_count++] = shared->lock;
	}
	m.last = 1;
	assert_int_equal(hz_seqpacket_send_fds(conn, &m, sizeof(m), fds, m.fd_count), 0);
	return conn;
}

// It handed over no way to a mix: that is made, and the rings anew. The numbers of what it hands over are what they were.
static void from_before_the_mix(void **state)
{
	struct fake f;
	fake_new(&f);
	struct hz_shared shared = open_as_gateway(&f);
	assert_int_equal(HZ_SHARED_ARENA, 10);
	assert_int_equal(HZ_SHARED_WAKE, 16);
	f.serve = fake_serve(&f, "", takeover);
	int conn = hand_over(&shared, HZ_SHARED_MIX_MIX, 0);
	hear(conn, HZ_TAKEOVER_READY_TO_RUN);
	struct hz_takeover_msg m = message(HZ_TAKEOVER_STOPPED);
	assert_int_equal(send(conn, &m, sizeof(m), 0), sizeof(m));
	hear(conn, HZ_TAKEOVER_DONE);
	close(conn);
	hz_shared_close(&shared);
	fake_expect(&f, "worker0 ", 1);
	fake_expect(&f, "worker1 ", 1);
	fake_expect(&f, "mix ", 1);
	fake_expect(&f, "control ", 1);
	assert_false(fake_event(&f, "fds=wrong"));
	fake_end(&f);
}

// A part of the mix or of a pipe, and what only a later version knows: nothing is started, the running one may go on.
static void does_not_fit(void **state)
{
	static const unsigned also[] = {HZ_SHARED_MIX_CONTROL, HZ_SHARED_KINDS, 255, HZ_SHARED_PIPE_WAKE};
	for (unsigned i = 0; i < 4; i++) {
		struct fake f;
		fake_new(&f);
		struct hz_shared shared = open_as_gateway(&f);
		pid_t fresh = fake_serve(&f, "", takeover);
		int conn = hand_over(&shared, i ? HZ_SHARED_PIPE_PIPE : HZ_SHARED_MIX_MIX, also[i]);
		assert_int_equal(fake_wait(fresh), 1);
		assert_true(fake_logged(&f, "broke off"));
		assert_int_equal(fake_count(&f, "worker0 ", NULL), 0);
		close(conn);
		hz_shared_close(&shared);
		fake_free(&f);
	}
}

static void not_while_draining(void **state)
{
	struct fake f;
	start(&f);
	kill(f.serve, SIGTERM);
	fake_expect(&f, "drain ", 1);
	assert_int_equal(fake_wait(fake_serve(&f, "", takeover)), 1);
	assert_true(fake_logged(&f, "drains, stops or is being taken over"));
	fake_end(&f);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(done),
	    cmocka_unit_test(nobody_there),
	    cmocka_unit_test(other_worker_count),
	    cmocka_unit_test(other_media_port),
	    cmocka_unit_test(other_arena),
	    cmocka_unit_test(wrong_configuration),
	    cmocka_unit_test(new_one_fails),
	    cmocka_unit_test(new_one_is_killed),
	    cmocka_unit_test(new_one_hangs),
	    cmocka_unit_test(old_one_is_killed),
	    cmocka_unit_test(deaf_old_children),
	    cmocka_unit_test(by_signal),
	    cmocka_unit_test(odd_visitors),
	    cmocka_unit_test(from_before_the_mix),
	    cmocka_unit_test(does_not_fit),
	    cmocka_unit_test(not_while_draining),
	};
	int code;
	if (fake_main(argc, argv, &code))
		return code;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
