// Control asks a pipe and does not read its answers.
#ifndef HZ_TESTS_UNIT_PIPE_FULL_H
#define HZ_TESTS_UNIT_PIPE_FULL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <unistd.h>

#include "gateway/base/seqpacket.h"
#include "media/api.h"

// The same message, numbered from 1, until both directions are full; returns how many went.
static inline unsigned ask_until_full(int fd, struct hz_msg_header *message, size_t bytes)
{
	unsigned sent = 0;
	for (unsigned idle = 0; idle < 20 && sent < 20000;) {
		message->seq = sent + 1;
		if (hz_seqpacket_send(fd, message, bytes) == 0) {
			sent++;
			idle = 0;
			continue;
		}
		usleep(10000);
		idle++;
	}
	assert_in_range(sent, 10, 19999);
	return sent;
}

#endif
