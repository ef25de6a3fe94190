// What reaches huizhen-live from outside: a series' metadata as JSON (the first byte is even), else messages of control and RTCP of
// workers in any order, with the answers to what it wants made of the same bytes.
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "media/live/encoder.h"
#include "media/live/rooms.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static uint64_t wanted;

static void on_send(void *ctx, uint64_t workers, uint32_t consult, unsigned kind, const uint8_t *data,
                    size_t bytes)
{
	if (bytes > 1400)
		abort();
}

static bool on_want(void *ctx, const struct hz_live_want *want)
{
	wanted = want->id;
	return true;
}

static void on_trying(void *ctx, const struct hz_live_ref *what)
{
}

static void read_stack(const uint8_t *data, size_t bytes)
{
	struct hz_live_stack stack = {0};
	if (hz_live_stack_read((const char *)data, bytes, &stack))
		return;
	for (uint32_t i = 0; i < stack.frames; i++)
		if (stack.frame[i].object >= stack.objects ||
		    !memchr(stack.instance[stack.frame[i].object], 0, 65))
			abort();
	hz_live_stack_done(&stack);
}

static int file_of(const uint8_t *data, size_t bytes)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	if (fd < 0 || write(fd, data, bytes) != (ssize_t)bytes)
		abort();
	return fd;
}

static const size_t sizes[] = {[HZ_LIVE_BEGIN] = sizeof(struct hz_cmd_reconcile),
                               [HZ_LIVE_END] = sizeof(struct hz_cmd_reconcile),
                               [HZ_LIVE_ROOM_SET] = sizeof(struct hz_live_room_set),
                               [HZ_LIVE_ROOM_DEL] = sizeof(struct hz_live_del),
                               [HZ_LIVE_RENDITION_SET] = sizeof(struct hz_live_rendition_set),
                               [HZ_LIVE_RENDITION_DEL] = sizeof(struct hz_live_del),
                               [HZ_LIVE_MARK_SET] = sizeof(struct hz_live_mark_set),
                               [HZ_LIVE_MARK_DEL] = sizeof(struct hz_live_mark_del),
                               [HZ_LIVE_GIVE] = sizeof(struct hz_live_give)};

// A message: its type, then as much of its body as there is; one byte tells how far time goes on.
static size_t one(struct hz_lane *lane, const uint8_t *at, size_t left, int64_t *now_us)
{
	static uint8_t buf[HZ_LIVE_MESSAGE_MOST];
	unsigned type = at[0] % 11;
	size_t bytes = type < 10 ? sizes[type] : 0, body = 0;
	if (type == 0 || type == 10) {
		hz_lane_take(lane, at[1], at + 2, left - 2 < 64 ? left - 2 : 64);
		return left - 2 < 64 ? left : 66;
	}
	memset(buf, 0, sizeof(buf));
	body = bytes - sizeof(struct hz_msg_header);
	body = body < left - 2 ? body : left - 2;
	memcpy(buf + sizeof(struct hz_msg_header), at + 2, body);
	*(struct hz_msg_header *)(void *)buf =
	    (struct hz_msg_header){HZ_LIVE_API_VERSION, (uint16_t)type, (uint32_t)bytes, 0, 0};
	int fd = -1;
	if (type == HZ_LIVE_GIVE) {
		((struct hz_live_give *)(void *)buf)->id = wanted;
		((struct hz_live_give *)(void *)buf)->result = 0;
		fd = file_of(at + 2, left - 2);
	}
	if (type == HZ_LIVE_RENDITION_SET) // a large one is slow, and no other
		((struct hz_live_rendition_set *)(void *)buf)->side = 256;
	(void)hz_lane_command(lane, buf, bytes, fd, *now_us);
	*now_us += at[1] * 1000;
	const struct hz_live_moment moment = {*now_us, *now_us};
	(void)hz_lane_tick(lane, &moment);
	return 2 + body;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	const struct hz_lane_ops ops = {NULL, on_send, on_want, on_trying};
	static bool once;
	struct hz_lane *lane = NULL;
	int64_t now_us = 1000000;
	if (!once && hz_dicom_init())
		abort();
	once = true;
	hz_live_encoder_quiet();
	if (bytes < 2)
		return 0;
	if (data[0] % 2 == 0) {
		read_stack(data + 1, bytes - 1);
		return 0;
	}
	if (hz_lane_new(&ops, NULL, &lane))
		abort();
	size_t at = 1;
	for (unsigned n = 0; n < 40 && bytes - at > 2; n++)
		at += one(lane, data + at, bytes - at, &now_us);
	hz_lane_free(lane);
	return 0;
}
