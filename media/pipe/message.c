#include "media/pipe/message.h"

#include <errno.h>
#include <string.h>

#include "media/api.h"

int hz_pipe_message(const void *message, size_t bytes, unsigned version, void *ret, size_t cap)
{
	struct hz_msg_header h;
	if (bytes < sizeof(h) || bytes > cap)
		return -EINVAL;
	memcpy(&h, message, sizeof(h));
	if (h.version != version || h.bytes != bytes)
		return -EINVAL;
	memset(ret, 0, cap);
	memcpy(ret, message, bytes);
	return 0;
}
