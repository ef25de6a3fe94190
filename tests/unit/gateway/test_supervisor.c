// The real supervisor with fake children (fake.h): start, restarts, signals, stop.
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/base/clock.h"
#include "gateway/supervisor_ports.h"
#include "media/transport/certificate.h"
#include "media/transport/udp.h"
#include "tests/unit/gateway/fake.h"

static pid_t pid_of(const struct fake *f, const char *child)
{
	char path[96], line[200], *at;
	pid_t pid = 0;
	snprintf(path, sizeof(path), "%s/events", f->dir);
	FILE *file = fopen(path, "re");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		if (strncmp(line, child, strlen(child)) == 0 && line[strlen(child)] == ' ' &&
		    (at = strstr(line, "pid=")))
			pid = atoi(at + 4);
	fclose(file);
	assert_true(pid > 0);
	return pid;
}

static mode_t mode_of(struct fake *f, const char *name)
{
	struct stat st;
	assert_int_equal(stat(fake_path(f, name), &st), 0);
	return st.st_mode & 0777;
}

static void starts(void **state)
{
	struct fake f;
	struct hz_certificate_facts facts;
	char cert[96], key[96];
	fake_new(&f);
	fake_start(&f);
	fake_expect(&f, "worker0 ", 1);
	fake_expect(&f, "worker1 ", 1);
	fake_expect(&f, "worker0-got hello", 1);
	assert_int_equal(fake_count(&f, "control ", NULL), 1);
	assert_false(fake_logged(&f, "fds=wrong"));
	snprintf(cert, sizeof(cert), "%s/data/https-certificate.pem", f.dir);
	snprintf(key, sizeof(key), "%s/data/https-key.pem", f.dir);
	assert_int_equal(hz_certificate_look(cert, key, "localhost", &facts), 0);
	assert_true(facts.name_matches && facts.self_signed);
	assert_int_equal(hz_certificate_look(cert, key, "127.0.0.1", &facts), 0);
	assert_true(facts.name_matches);
	assert_int_equal(hz_certificate_look(cert, key, "example.org", &facts), 0);
	assert_false(facts.name_matches);
	int64_t days = (facts.not_after_s - facts.not_before_s) / 86400;
	assert_true(days > 800 && days <= HZ_CERTIFICATE_DAYS);
	assert_int_equal(mode_of(&f, "data"), 0700);
	assert_int_equal(mode_of(&f, "data/run"), 0700);
	assert_int_equal(mode_of(&f, "data/run/supervisor.sock"), 0600);
	assert_int_equal(mode_of(&f, "data/https-key.pem"), 0600);
	fake_end(&f);
}

// Every descriptor in its place, told by the children themselves.
static void descriptors(void **state)
{
	struct fake f;
	char command[128];
	fake_new(&f);
	fake_start(&f);
	fake_expect(&f, "worker0 ", 1);
	fake_expect(&f, "worker1 ", 1);
	fake_expect(&f, "recorder ", 1);
	fake_expect(&f, "archive ", 1);
	fake_expect(&f, "mix ", 1);
	assert_false(fake_event(&f, "fds=wrong"));
	snprintf(command, sizeof(command), "test $(grep -c fds=right %s/events) = 6", f.dir);
	assert_int_equal(system(command), 0);
	fake_end(&f);
}

static int by_time(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

// How often it died; what was killed by others never waits longer than 50 ms for its next start.
static unsigned deaths(const struct fake *f, const char *child)
{
	char path[96], line[1200], wanted[64];
	const char *delay;
	unsigned count = 0;
	snprintf(path, sizeof(path), "%s/log", f->dir);
	snprintf(wanted, sizeof(wanted), "child.died child=%s ", child);
	FILE *file = fopen(path, "re");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		if (!strstr(line, wanted))
			continue;
		delay = strstr(line, "restart_in_ms=");
		assert_non_null(delay);
		assert_in_range(atoi(delay + strlen("restart_in_ms=")), 0, 50);
		count++;
	}
	fclose(file);
	return count;
}

// 20 times each; the time from kill to the new one at work.
static void restarts(const char *child, int64_t limit_us)
{
	struct fake f;
	char line[32];
	int64_t took[20];
	fake_new(&f);
	fake_start(&f);
	snprintf(line, sizeof(line), "%s ", child);
	fake_expect(&f, line, 1);
	srand(3);
	for (unsigned i = 0; i < 20; i++) {
		usleep((useconds_t)(rand() % 60000));
		int64_t killed_us = hz_now_us();
		kill(pid_of(&f, child), SIGKILL);
		fake_expect(&f, line, i + 2);
		took[i] = fake_last(&f, line) - killed_us;
	}
	qsort(took, 20, sizeof(*took), by_time);
	printf("%s: 20 restarts, median %lld us, worst %lld us\n", child, (long long)took[10],
	       (long long)took[19]);
	assert_true(took[19] < limit_us);
	assert_int_equal(deaths(&f, child), 20);
	assert_int_equal(fake_count(&f, "worker1 ", NULL), 1); // nobody else was touched
	fake_end(&f);
}

static void worker_restarts(void **state)
{
	restarts("worker0", 1000000);
}

static void control_restarts(void **state)
{
	restarts("control", 1000000);
}

static void recorder_restarts(void **state)
{
	restarts("recorder", 1000000);
}

static void archive_restarts(void **state)
{
	restarts("archive", 1000000);
}

static void mix_restarts(void **state)
{
	restarts("mix", 1000000);
}

// Switched off nothing mixes; a gateway that takes over may switch it on.
static void no_mix(void **state)
{
	struct fake f;
	fake_new(&f);
	f.serve = fake_serve(&f, "HUIZHEN_MIX_ENABLED=false", NULL);
	assert_true(fake_heard(&f, "READY=1"));
	fake_expect(&f, "worker1 ", 1);
	usleep(100000);
	assert_int_equal(fake_count(&f, "mix ", NULL), 0);
	fake_take_over(&f, "");
	fake_expect(&f, "mix ", 1);
	fake_end(&f);
}

// As the mix: switched off none runs, each comes back by itself, and waits at a takeover for the one before.
static void a_pipe(void **state)
{
	const char *on = "HUIZHEN_MOSAIC_ENABLED=true";
	struct fake f;
	fake_new(&f);
	f.serve = fake_serve(&f, on, NULL);
	assert_true(fake_heard(&f, "READY=1"));
	fake_expect(&f, "pipe-mosaic ", 1);
	kill(pid_of(&f, "pipe-mosaic"), SIGKILL);
	fake_expect(&f, "pipe-mosaic ", 2);
	fake_take_over(&f, on);
	fake_expect(&f, "pipe-mosaic ", 3);
	assert_true(fake_last(&f, "pipe-mosaic ") >= fake_last(&f, "pipe-ended "));
	assert_int_equal(fake_count(&f, "pipe-hls ", NULL), 0);
	assert_false(fake_event(&f, "fds=wrong"));
	fake_end(&f);
}

// Both belong to recording.
static void no_recorder(void **state)
{
	struct fake f;
	fake_new(&f);
	f.serve = fake_serve(&f, "HUIZHEN_RECORD_ENABLED=false", NULL);
	assert_true(fake_heard(&f, "READY=1"));
	fake_expect(&f, "worker1 ", 1);
	usleep(100000);
	assert_int_equal(fake_count(&f, "recorder ", NULL), 0);
	assert_int_equal(fake_count(&f, "archive ", NULL), 0);
	fake_end(&f);
}

static void arena_survives(void **state)
{
	struct fake f;
	fake_new(&f);
	fake_start(&f);
	fake_expect(&f, "worker0 ", 1);
	kill(pid_of(&f, "worker0"), SIGKILL);
	fake_expect(&f, "worker0 ", 2);
	kill(pid_of(&f, "worker0"), SIGABRT);
	fake_expect(&f, "worker0 ", 3);
	assert_true(fake_event(&f, "worker0 .*incarnation=3"));
	fake_end(&f);
}

// What control said while the worker was dead reaches the next worker.
static void messages_survive(void **state)
{
	struct fake f;
	fake_new(&f);
	fake_start(&f);
	fake_expect(&f, "worker0-got", 1);
	pid_t worker = pid_of(&f, "worker0");
	kill(worker, SIGSTOP);
	kill(pid_of(&f, "control"), SIGKILL);
	fake_expect(&f, "control ", 2); // says hello to the stopped one
	fake_expect(&f, "worker1-got", 2);
	kill(worker, SIGKILL);
	fake_expect(&f, "worker0 ", 2);
	fake_expect(&f, "worker0-got hello", 2);
	fake_end(&f);
}

static void reloads(void **state)
{
	struct fake f;
	fake_new(&f);
	fake_write(&f, "c.yaml", "limits: {consults: 11}\n");
	char path[96];
	snprintf(path, sizeof(path), "%s/c.yaml", f.dir);
	const char *const args[] = {"--config", path, NULL};
	f.serve = fake_serve(&f, "", args);
	assert_true(fake_heard(&f, "READY=1"));
	fake_write(&f, "c.yaml", "limits: {consults: 12}\n");
	kill(f.serve, SIGHUP);
	fake_expect(&f, "reload 12", 1);
	fake_write(&f, "c.yaml", "limits: {consult: 13}\n");
	kill(f.serve, SIGHUP);
	for (int i = 0; i < 5000 && !fake_logged(&f, "reload.refused"); i++)
		usleep(1000);
	assert_true(fake_logged(&f, "c.yaml:1"));
	// A control that starts now gets the last good text, not the wrong file.
	kill(pid_of(&f, "control"), SIGKILL);
	fake_expect(&f, "control ", 2);
	fake_write(&f, "c.yaml", "limits: {consults: 14}\n");
	kill(f.serve, SIGHUP);
	fake_expect(&f, "reload 14", 1);
	assert_int_equal(fake_count(&f, "reload-wrong", NULL), 0);
	unlink(path);
	kill(f.serve, SIGHUP);
	usleep(100000);
	assert_int_equal(fake_count(&f, "reload", NULL), 2);
	fake_end(&f);
}

static void drains(void **state)
{
	struct fake f;
	fake_new(&f);
	fake_start(&f);
	fake_expect(&f, "worker0 ", 1);
	fake_write(&f, "over", "");
	kill(f.serve, SIGTERM);
	assert_true(fake_heard(&f, "STOPPING=1"));
	assert_int_equal(fake_wait(f.serve), 0);
	f.serve = 0;
	assert_int_equal(fake_count(&f, "drain ", NULL), 1);
	assert_int_equal(fake_count(&f, "worker0-ended", NULL), 1);
	assert_int_equal(fake_count(&f, "control ", NULL), 1); // not started again
	fake_free(&f);
}

// A control that dies while it drains comes back and drains on; the limit ends it.
static void drain_limit(void **state)
{
	struct fake f;
	fake_new(&f);
	const char *const args[] = {"--drain-timeout", "1", NULL};
	f.serve = fake_serve(&f, "", args);
	assert_true(fake_heard(&f, "READY=1"));
	int64_t began_us = hz_now_us();
	kill(f.serve, SIGTERM);
	fake_expect(&f, "drain ", 1);
	kill(pid_of(&f, "control"), SIGKILL);
	fake_expect(&f, "drain ", 2);
	assert_int_equal(fake_wait(f.serve), 0);
	f.serve = 0;
	int64_t took = hz_now_us() - began_us;
	assert_true(took > 900000 && took < 3500000);
	assert_int_equal(fake_count(&f, "stop ", NULL), 1);
	fake_free(&f);
}

static void second_term(void **state)
{
	struct fake f;
	fake_new(&f);
	fake_start(&f);
	kill(f.serve, SIGTERM);
	fake_expect(&f, "drain ", 1);
	int64_t began_us = hz_now_us();
	kill(f.serve, SIGTERM);
	assert_int_equal(fake_wait(f.serve), 0);
	f.serve = 0;
	assert_true(hz_now_us() - began_us < 1500000);
	fake_free(&f);
}

static void deaf_children_are_killed(void **state)
{
	struct fake f;
	fake_new(&f);
	f.serve = fake_serve(&f, "FAKE_CONTROL=deaf", NULL);
	assert_true(fake_heard(&f, "READY=1"));
	fake_expect(&f, "worker0 ", 1);
	kill(pid_of(&f, "worker0"), SIGSTOP);
	kill(f.serve, SIGINT);
	assert_int_equal(fake_wait(f.serve), 0);
	f.serve = 0;
	assert_true(fake_logged(&f, "ev=stop.kill"));
	fake_free(&f);
}

static bool alive(pid_t pid)
{
	char path[64], line[256] = "";
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	FILE *file = fopen(path, "re");
	if (!file)
		return false;
	bool there = fgets(line, sizeof(line), file) && !strstr(line, ") Z ");
	fclose(file);
	return there;
}

static void children_die_with_it(void **state)
{
	struct fake f;
	fake_new(&f);
	fake_start(&f);
	fake_expect(&f, "worker0 ", 1);
	pid_t worker = pid_of(&f, "worker0"), control = pid_of(&f, "control");
	assert_true(alive(worker) && alive(control));
	kill(f.serve, SIGKILL);
	assert_int_equal(fake_wait(f.serve), 1000 + SIGKILL);
	for (int i = 0; i < 2000 && (alive(worker) || alive(control)); i++)
		usleep(1000);
	assert_false(alive(worker) || alive(control));
	fake_start(&f); // and the folder is free again
	fake_end(&f);
}

static void one_gateway_a_folder(void **state)
{
	struct fake f;
	fake_new(&f);
	fake_start(&f);
	assert_int_equal(fake_wait(fake_serve(&f, "", NULL)), 1);
	assert_true(fake_logged(&f, "another gateway (pid "));
	assert_true(fake_logged(&f, "use --takeover"));
	fake_end(&f);
}

static void ports_in_use(void **state)
{
	struct fake f;
	int fd;
	fake_new(&f);
	uint16_t http = (uint16_t)atoi(getenv("HUIZHEN_HTTP_PORT"));
	assert_int_equal(hz_tcp_listen("127.0.0.1", http, &fd), 0);
	assert_int_equal(fake_wait(fake_serve(&f, "", NULL)), 1);
	close(fd);
	assert_true(fake_logged(&f, "http 127.0.0.1 port "));
	uint16_t media = (uint16_t)atoi(getenv("HUIZHEN_MEDIA_PORT"));
	assert_int_equal(hz_udp_open("", media + 1, &fd), 0); // the second worker's
	assert_int_equal(fake_wait(fake_serve(&f, "", NULL)), 1);
	close(fd);
	assert_true(fake_logged(&f, "set media.port"));
	assert_int_equal(fake_count(&f, "worker0 ", NULL), 0);
	fake_start(&f);
	fake_end(&f);
}

static void wrong_folders(void **state)
{
	struct fake f;
	fake_new(&f);
	assert_int_equal(fake_wait(fake_serve(&f, "HUIZHEN_DATA_DIR=/tmp", NULL)), 1);
	assert_true(fake_logged(&f, "everybody may write there"));
	assert_int_equal(fake_wait(fake_serve(&f, "HUIZHEN_DATA_DIR=/proc/nothing", NULL)), 1);
	assert_true(fake_logged(&f, "cannot make the folder"));
	assert_int_equal(fake_wait(fake_serve(&f, "HUIZHEN_DATA_DIR=/dev/null", NULL)), 1);
	assert_true(fake_logged(&f, "not a folder"));
	assert_int_equal(fake_wait(fake_serve(&f, "HUIZHEN_HTTP_ADDRESS=192.0.2.1", NULL)), 1);
	assert_true(fake_logged(&f, "Cannot assign requested address"));
	fake_free(&f);
}

static void gives_up_on_a_broken_start(void **state)
{
	struct fake f;
	fake_new(&f);
	assert_int_equal(fake_wait(fake_serve(&f, "FAKE_CONTROL=fail", NULL)), 1);
	assert_int_equal(fake_count(&f, "control ", NULL), 5);
	assert_true(fake_logged(&f, "ev=start.failed"));
	fake_free(&f);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(starts),
	    cmocka_unit_test(descriptors),
	    cmocka_unit_test(worker_restarts),
	    cmocka_unit_test(control_restarts),
	    cmocka_unit_test(recorder_restarts),
	    cmocka_unit_test(archive_restarts),
	    cmocka_unit_test(mix_restarts),
	    cmocka_unit_test(no_mix),
	    cmocka_unit_test(a_pipe),
	    cmocka_unit_test(no_recorder),
	    cmocka_unit_test(arena_survives),
	    cmocka_unit_test(messages_survive),
	    cmocka_unit_test(reloads),
	    cmocka_unit_test(drains),
	    cmocka_unit_test(drain_limit),
	    cmocka_unit_test(second_term),
	    cmocka_unit_test(deaf_children_are_killed),
	    cmocka_unit_test(children_die_with_it),
	    cmocka_unit_test(one_gateway_a_folder),
	    cmocka_unit_test(ports_in_use),
	    cmocka_unit_test(wrong_folders),
	    cmocka_unit_test(gives_up_on_a_broken_start),
	};
	int code;
	if (fake_main(argc, argv, &code))
		return code;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
