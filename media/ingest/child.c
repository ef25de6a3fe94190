#include "media/ingest/child.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <unistd.h>

#include "gateway/base/log.h"
#include "gateway/base/sandbox.h"
#include "gateway/base/secret.h"
#include "gateway/base/seqpacket.h"

#define HANG_S 30

void hz_ingest_child_begin(const char *name, int farewell)
{
	hz_log_init(name, HZ_LOG_INFO);
	prctl(PR_SET_PDEATHSIG, farewell);
	(void)!nice(5); // the relay comes first
	signal(SIGPIPE, SIG_IGN);
}

void hz_ingest_child_wind(void)
{
	const struct itimerval wall = {.it_value = {.tv_sec = HANG_S}};
	setitimer(ITIMER_REAL, &wall, NULL);
}

int hz_ingest_child_take(int fd, struct hz_ingest_source_set *ret, int *ret_fd)
{
	_Alignas(8) static uint8_t buf[HZ_INGEST_MAX_BYTES];
	size_t bytes = 0;
	int with = -1;
	unsigned count = 0;
	const struct hz_seqpacket_in in = {
	    .buf = buf, .cap = sizeof(buf), .fds = &with, .fds_cap = ret_fd ? 1 : 0};
	int err = hz_seqpacket_recv_fds(fd, &in, &bytes, &count);
	if (err)
		return err == -EAGAIN ? err : -EPIPE;
	const struct hz_msg_header *h = (const void *)buf;
	if (bytes != sizeof(*ret) || h->version != HZ_INGEST_API_VERSION || h->type != HZ_INGEST_SOURCE_SET)
		err = -EPIPE;
	else
		memcpy(ret, buf, sizeof(*ret));
	hz_wipe(buf, bytes);
	if (err && count)
		close(with);
	else if (!err && ret_fd)
		*ret_fd = count ? with : -1;
	return err;
}

int hz_ingest_child_enter(const struct hz_ingest_child_bounds *bounds)
{
	const struct hz_sandbox sandbox = {.memory_bytes = bounds->memory_bytes,
	                                   .file_bytes = UINT64_MAX, // the log is perhaps a file
	                                   .files = bounds->files,
	                                   .loop = true,
	                                   .network = true,
	                                   .libraries = true,
	                                   .read = bounds->more};
	return hz_sandbox_enter(&sandbox);
}

int hz_ingest_child_end(const char *name, int err)
{
	if (err)
		fprintf(stderr, "msg=%s_failed error=%s\n", name, strerror(-err));
	return err ? 1 : 0;
}
