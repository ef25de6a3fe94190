// A turn that takes processor time without end is ended; one that waits for a while is not, nor is one that comes round.
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/base/clock.h"
#include "gateway/base/hang.h"

static void spin(int64_t for_us)
{
	for (int64_t end_us = hz_now_us() + for_us; hz_now_us() < end_us;)
		;
}

static int run(void (*what)(void))
{
	int how;
	pid_t pid = fork();
	if (pid == 0) {
		what();
		_exit(7);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &how, 0), pid);
	return how;
}

static void circles(void)
{
	hz_hang_wind();
	spin(120000000);
}

static void waits(void)
{
	hz_hang_wind();
	usleep((HZ_HANG_CPU_S + 1) * 1000000);
}

static void turns(void)
{
	for (int i = 0; i < 6; i++) {
		hz_hang_wind();
		spin(HZ_HANG_CPU_S * 1000000 / 4);
	}
}

static void ends_what_runs_in_circles(void **state)
{
	int how = run(circles);
	(void)state;
	assert_true(WIFSIGNALED(how));
	assert_true(WTERMSIG(how) == SIGPROF ||
	            WTERMSIG(how) == SIGALRM); // the latter where there is no time for it
}

static void leaves_alone(void **state)
{
	(void)state;
	assert_int_equal(WEXITSTATUS(run(waits)), 7);
	assert_int_equal(WEXITSTATUS(run(turns)), 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(ends_what_runs_in_circles),
	                                   cmocka_unit_test(leaves_alone)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
