#include "media/worker/shelf.h"

#include <errno.h>
#include <stddef.h>
#include <unistd.h>

#include "gateway/base/seqpacket.h"

#define MAGIC 0x666c6873u

struct item {
	uint32_t magic, conn;
};

int hz_shelf_put(int shelf_in, uint32_t conn, int fd)
{
	const struct item item = {.magic = MAGIC, .conn = conn};
	int err = hz_seqpacket_send_fds(shelf_in, &item, sizeof(item), &fd, 1);
	return err == -ETOOMANYREFS ? -EAGAIN : err; // RLIMIT_NOFILE counts what is under way, too
}

int hz_shelf_take(int shelf_out, uint32_t *ret_conn, int *ret_fd)
{
	struct item item;
	struct hz_seqpacket_in in = {.buf = &item, .cap = sizeof(item), .fds = ret_fd, .fds_cap = 1};
	size_t bytes = 0;
	unsigned count = 0;
	int err = hz_seqpacket_recv_fds(shelf_out, &in, &bytes, &count);
	if (err == -EMSGSIZE || err == -ENOBUFS)
		return -EBADMSG;
	if (err)
		return err;
	if (bytes == sizeof(item) && item.magic == MAGIC && count == 1) {
		*ret_conn = item.conn;
		return 0;
	}
	if (count)
		close(*ret_fd);
	return -EBADMSG;
}
