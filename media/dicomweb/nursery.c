// The processes that decode. Untrusted bytes meet DCMTK, OpenJPH and OpenJPEG here: no file, no network, no other program, bounded
// memory and time; one that dies takes one frame with it, which goes out as it came.
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway/base/log.h"
#include "gateway/base/sandbox.h"
#include "gateway/base/seqpacket.h"
#include "media/dicomweb/turn.h"
#include "media/imaging/dicom.h"

#define MEMORY_BYTES ((uint64_t)3 << 29)
#define ORDER_S      20     // then it hangs: SIGALRM
#define PAUSE_US     100000 // between a death and a new one

static void wind(int seconds)
{
	const struct itimerval timer = {.it_value = {.tv_sec = seconds}};
	setitimer(ITIMER_REAL, &timer, NULL);
}

static int serve(int fd)
{
	struct hz_turn_order order;
	struct hz_turn_result result = {.id = 0};
	int err = hz_seqpacket_send(fd, &result, sizeof(result));
	while (!err) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int fds[2] = {-1, -1};
		const struct hz_seqpacket_in in = {
		    .buf = &order, .cap = sizeof(order), .fds = fds, .fds_cap = 2};
		size_t bytes = 0;
		unsigned count = 0;
		if (poll(&p, 1, -1) < 0)
			continue;
		err = hz_seqpacket_recv_fds(fd, &in, &bytes, &count);
		if (!err && bytes == sizeof(order)) {
			wind(ORDER_S);
			hz_turn_do(&order, fds[0], fds[1], fd, &result);
			wind(0);
			err = hz_seqpacket_send(fd, &result, sizeof(result));
		}
		for (unsigned i = 0; i < count; i++)
			close(fds[i]);
		if (err == -EAGAIN) // none there, or one that did not wait for its result
			err = 0;
	}
	return err == -EPIPE ? 0 : 1;
}

static void live(int fd)
{
	const struct hz_sandbox sandbox = {
	    .memory_bytes = MEMORY_BYTES, .file_bytes = HZ_TURN_BYTES * 2, .files = 32, .loop = true};
	signal(SIGALRM, SIG_DFL);
	(void)!nice(5); // the relay comes first
	int err = hz_dicom_init();
	if (!err)
		err = hz_sandbox_enter(&sandbox);
	if (err) {
		hz_error("images.sandbox", "err=%d what=turn", -err);
		_exit(1);
	}
	_exit(serve(fd));
}

#define HIGH 256

// Nothing but these stay open behind the standard ones, from 3 on: not control's socket, not the claim on the rings.
static int keep(const int *fd, unsigned count)
{
	int high[HZ_TURN_MOST];
	for (unsigned i = 0; i < count; i++) {
		high[i] = fcntl(fd[i], F_DUPFD_CLOEXEC, HIGH);
		if (high[i] < 0)
			return -errno;
	}
	if (close_range(3, HIGH - 1, 0) < 0)
		return -errno;
	for (unsigned i = 0; i < count; i++) {
		if (dup2(high[i], 3 + (int)i) < 0)
			return -errno;
	}
	return close_range(3 + count, ~0u, 0) < 0 ? -errno : 0;
}

static pid_t bear(int fd, pid_t nursery)
{
	pid_t pid = fork();
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != nursery || keep(&fd, 1))
		_exit(127);
	live(3);
	_exit(0);
}

static void rear(unsigned count)
{
	pid_t pid[HZ_TURN_MOST], self = getpid();
	for (unsigned i = 0; i < count; i++)
		pid[i] = bear(3 + (int)i, self);
	for (;;) {
		int status = 0;
		pid_t gone = wait(&status);
		if (gone < 0 && errno == ECHILD)
			usleep(PAUSE_US); // there was no room for any
		for (unsigned i = 0; i < count; i++) {
			if (pid[i] > 0 && pid[i] != gone)
				continue;
			hz_warn("images.turn", "what=died signal=%d exit=%d",
			        WIFSIGNALED(status) ? WTERMSIG(status) : 0,
			        WIFEXITED(status) ? WEXITSTATUS(status) : 0);
			usleep(PAUSE_US);
			pid[i] = bear(3 + (int)i, self);
		}
	}
}

pid_t hz_turn_nursery(const int (*pair)[2], unsigned count)
{
	int mine[HZ_TURN_MOST];
	pid_t parent = getpid(), pid = fork();
	if (pid < 0)
		return -errno;
	for (unsigned i = 0; i < count; i++)
		mine[i] = pair[i][1];
	if (pid > 0) {
		for (unsigned i = 0; i < count; i++)
			close(mine[i]);
		return pid;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == parent && keep(mine, count) == 0)
		rear(count);
	_exit(127);
}

// As many as half of the processors, two at least.
int hz_turn_start(int turn[HZ_TURN_MOST], unsigned *ret)
{
	int pair[HZ_TURN_MOST][2];
	long half = sysconf(_SC_NPROCESSORS_ONLN) / 2;
	unsigned count = half < 2 ? 2 : half > HZ_TURN_MOST ? HZ_TURN_MOST : (unsigned)half;
	for (unsigned i = 0; i < count; i++) {
		int err = hz_seqpacket_pair(0, pair[i]);
		if (err)
			return err;
		turn[i] = pair[i][0];
	}
	*ret = count;
	pid_t nursery = hz_turn_nursery((const int(*)[2])pair, count);
	return nursery < 0 ? (int)nursery : 0;
}
