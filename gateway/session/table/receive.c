#include "gateway/session/table/receive.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/log.h"
#include "gateway/base/seqpacket.h"
#include "media/ingest/allow.h"
#include "media/receive/api.h"

#define MESSAGES_MAX 64

struct hz_receive {
	int fd;
	bool unsaid; // SETUP
	struct hz_studies *studies;
	struct hz_receive_setup setup;
};

int hz_receive_new(int fd, const struct hz_config *config, struct hz_studies *studies,
                   struct hz_receive **ret)
{
	struct hz_receive *r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->fd = fd;
	r->studies = studies;
	r->unsaid = true;
	r->setup.h = (struct hz_receive_header){
	    .version = HZ_RECEIVE_VERSION, .type = HZ_RECEIVE_SETUP, .bytes = sizeof(r->setup)};
	r->setup.port = config->receive.port;
	int n = snprintf(r->setup.dir, sizeof(r->setup.dir), "%s/receive", config->data.dir);
	int title = snprintf(r->setup.title, sizeof(r->setup.title), "%s", config->receive.ae_title);
	int callers = snprintf(r->setup.callers, sizeof(r->setup.callers), "%s", config->receive.callers);
	int err = hz_ingest_allow_parse(config->receive.allow, r->setup.network, &r->setup.networks);
	if (n >= (int)sizeof(r->setup.dir) || title < 1 || title > 16 ||
	    callers >= (int)sizeof(r->setup.callers))
		err = -EINVAL;
	if (err) {
		free(r);
		return err;
	}
	*ret = r;
	return 0;
}

void hz_receive_free(struct hz_receive *receive)
{
	if (receive)
		hz_studies_forget(receive->studies, receive);
	free(receive);
}

// PS3.4 B.2.3, table B.2-1; PS3.7 C.
static uint32_t status_of(enum hz_local_result result)
{
	switch (result) {
	case HZ_LOCAL_STORED:
	case HZ_LOCAL_PRESENT:
		return 0x0000;
	case HZ_LOCAL_OTHER:
		return 0x0111; // duplicate SOP instance
	case HZ_LOCAL_FULL:
	case HZ_LOCAL_TOO_LARGE:
		return 0xa700;
	case HZ_LOCAL_NO_IMAGE:
	case HZ_LOCAL_UNSUPPORTED:
		return 0x0122; // SOP class not supported
	case HZ_LOCAL_FAILED:
		return 0x0110;
	default:
		return 0xc000; // cannot understand
	}
}

static void on_taken(void *ctx, uint64_t tag, enum hz_local_result result)
{
	struct hz_receive *r = ctx;
	struct hz_receive_result message = {
	    .h = {.version = HZ_RECEIVE_VERSION, .type = HZ_RECEIVE_RESULT, .bytes = sizeof(message)},
	    .id = tag,
	    .status = status_of(result)};
	(void)hz_seqpacket_send(r->fd, &message, sizeof(message)); // else it waits no longer than a minute
}

static void set_up(struct hz_receive *r)
{
	r->unsaid = hz_seqpacket_send(r->fd, &r->setup, sizeof(r->setup)) != 0;
}

void hz_receive_tick(struct hz_receive *r)
{
	if (r->unsaid)
		set_up(r);
}

int hz_receive_read(struct hz_receive *r)
{
	union {
		struct hz_receive_header h;
		struct hz_receive_offer offer;
	} in;
	for (int i = 0; i < MESSAGES_MAX; i++) {
		int fd = -1;
		const struct hz_seqpacket_in what = {.buf = &in, .cap = sizeof(in), .fds = &fd, .fds_cap = 1};
		size_t bytes = 0;
		unsigned count = 0;
		int err = hz_seqpacket_recv_fds(r->fd, &what, &bytes, &count);
		if (err == -EAGAIN)
			return 0;
		if (err == -EPIPE)
			return err;
		bool good = !err && bytes >= sizeof(in.h) && in.h.version == HZ_RECEIVE_VERSION;
		if (good && in.h.type == HZ_RECEIVE_HELLO)
			set_up(r);
		if (good && in.h.type == HZ_RECEIVE_OFFER && bytes == sizeof(in.offer) && count &&
		    hz_studies_take(r->studies, fd, on_taken, r, in.offer.id))
			on_taken(r, in.offer.id, HZ_LOCAL_FAILED);
		if (!err && count)
			close(fd);
	}
	return 0;
}
