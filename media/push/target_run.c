#include "media/push/target_run.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "gateway/base/secret.h"
#include "gateway/base/seqpacket.h"
#include "media/ingest/child.h"
#include "media/guard/guard.h"
#include "media/guard/lookup.h"

#define STATUS_US  500000
#define CONNECT_US 12000000 // for a connection, from the look-up to the stream's name
#define WRITE_US   10000000 // for a frame
#define LEAVE_US   2000000
#define AGAIN_US   1000000 // after a failure; doubled up to
#define LATE_US    30000000
#define REFUSED_US 10000000 // after a no of the other end, at least
#define STEADY_US  10000000 // so long it has to hold for the next failure to be a first one
#define LAG_US     8000000  // so late it is, it goes on at the newest keyframe
#define SLEEP_MS   10
#define UNITS      64      // before somebody is asked whether it goes on
#define SRT_NO_US  2500000 // an SRT listener that says no does so sooner than one that is not there

// --- with our parent

static void say(struct hz_target_run *t)
{
	struct hz_ingest_status *s = &t->status;
	s->h = (struct hz_msg_header){
	    .version = HZ_INGEST_API_VERSION, .type = HZ_INGEST_STATUS, .bytes = sizeof(*s)};
	s->source = t->set.source;
	s->sent_bytes = t->sent_bytes + (t->outlet ? hz_outlet_bytes(t->outlet) : 0);
	(void)hz_seqpacket_send(t->api, s, sizeof(*s)); // full: the next one says it
	t->told_us = hz_now_us();
}

static void enter_state(struct hz_target_run *t, enum hz_ingest_state state, enum hz_ingest_reason reason)
{
	t->status.state = (uint8_t)state;
	if (reason != HZ_INGEST_NONE)
		t->status.reason = (uint8_t)reason;
	say(t);
}

static int take_set(struct hz_target_run *t)
{
	uint32_t before = t->feed ? t->set.feed : 0;
	int fd = -1, err = hz_ingest_child_take(t->api, &t->set, &fd);
	if (err)
		return err;
	hz_guard_set(&t->set);
	if (fd >= 0 && t->set.feed != before) { // also when the gateway's control was started anew
		hz_outfeed_free(t->feed);
		t->feed = NULL;
		(void)hz_outfeed_read_open(fd, &t->feed);
	}
	if (fd >= 0)
		close(fd);
	return 0;
}

int hz_target_run_first(struct hz_target_run *t)
{
	struct pollfd fd = {.fd = t->api, .events = POLLIN};
	int err;
	while ((err = take_set(t)) == -EAGAIN)
		if (poll(&fd, 1, -1) < 0 && errno != EINTR)
			return -errno;
	if (!err)
		err = hz_target_parse(t->set.url, &t->address);
	hz_wipe(t->set.url,
	        sizeof(t->set.url)); // of every later SET as well: another address is another process
	return err;
}

// Whatever waits asks here, at least every tenth of a second. True: do not wait.
static bool interrupted(void *ctx)
{
	struct hz_target_run *t = ctx;
	struct pollfd fd = {.fd = t->api, .events = POLLIN};
	int64_t now_us = hz_now_us();
	if (now_us - t->told_us >= STATUS_US) {
		hz_ingest_child_wind();
		say(t);
	}
	while (!t->over && !t->leaving && poll(&fd, 1, 0) > 0) {
		int err = take_set(t);
		hz_wipe(t->set.url, sizeof(t->set.url));
		t->over = err && err != -EAGAIN;
		if (err)
			break;
	}
	t->late |= t->deadline_us && now_us > t->deadline_us;
	return t->over || t->late;
}

static void rest(struct hz_target_run *t)
{
	const struct timespec wait = {.tv_nsec = SLEEP_MS * 1000000};
	nanosleep(&wait, NULL);
	(void)interrupted(t);
}

static void begin_wait(struct hz_target_run *t, int64_t us)
{
	t->late = false;
	t->deadline_us = us ? hz_now_us() + us : 0;
}

// --- the connection

static enum hz_ingest_reason reason_of(const struct hz_target_run *t, int err, int64_t took_us)
{
	bool srt = t->address.scheme == HZ_TARGET_SRT;
	int guard = hz_guard_error();
	if (guard == -EACCES || err == -EACCES)
		return HZ_INGEST_NOT_ALLOWED;
	if (t->late)
		return HZ_INGEST_TIMEOUT;
	if (srt)
		return took_us < SRT_NO_US ? HZ_INGEST_UNAUTHORISED : HZ_INGEST_TIMEOUT;
	switch (guard ? guard : err) {
	case -ECONNREFUSED:
		return HZ_INGEST_REFUSED;
	case -EHOSTUNREACH:
	case -ENETUNREACH:
		return HZ_INGEST_UNREACHABLE;
	case -ETIMEDOUT:
		return HZ_INGEST_TIMEOUT;
	case -ENOMEM:
		return HZ_INGEST_INTERNAL;
	default:
		break;
	}
	switch (hz_outlet_fault()) {
	case HZ_OUTLET_GARBAGE:
		return HZ_INGEST_GARBAGE;
	case HZ_OUTLET_CERTIFICATE:
		return HZ_INGEST_CERTIFICATE;
	default: // it spoke with us, and hung up or said no before it took the stream
		return HZ_INGEST_UNAUTHORISED;
	}
}

static bool is_refusal(enum hz_ingest_reason reason)
{
	return reason == HZ_INGEST_UNAUTHORISED || reason == HZ_INGEST_GARBAGE ||
	       reason == HZ_INGEST_NOT_ALLOWED || reason == HZ_INGEST_CERTIFICATE;
}

static void retry(struct hz_target_run *t, enum hz_ingest_reason reason)
{
	int64_t now_us = hz_now_us();
	if (t->outlet)
		t->sent_bytes += hz_outlet_bytes(t->outlet);
	begin_wait(t, LEAVE_US);
	hz_outlet_free(t->outlet);
	t->outlet = NULL;
	begin_wait(t, 0);
	if (t->over)
		return;
	if (t->begun_us && now_us - t->begun_us > STEADY_US)
		t->backoff_us = 0;
	t->begun_us = 0;
	t->backoff_us = t->backoff_us ? t->backoff_us * 2 : AGAIN_US;
	if (t->backoff_us > LATE_US)
		t->backoff_us = LATE_US;
	if (is_refusal(reason) && t->backoff_us < REFUSED_US)
		t->backoff_us = REFUSED_US;
	t->again_us = now_us + t->backoff_us;
	hz_warn("target.retry", "target=%u reason=%u wait_ms=%lld", t->set.source, reason,
	        (long long)t->backoff_us / 1000);
	enter_state(t, HZ_INGEST_RETRYING, reason);
}

// Its name is looked up on a thread of its own, and must be an address that is allowed. -errno.
static int look_up(struct hz_target_run *t, char ret[INET6_ADDRSTRLEN])
{
	struct hz_lookup *lookup = hz_lookup_new(t->address.host);
	int err = -ENOMEM;
	if (!lookup)
		return err;
	while (!hz_lookup_poll(lookup, &err, ret)) {
		if (interrupted(t)) {
			hz_lookup_leave(lookup);
			return -ETIMEDOUT;
		}
		rest(t);
	}
	return err;
}

static int open_outlet(struct hz_target_run *t)
{
	static const enum hz_outlet_kind kind[] = {[HZ_TARGET_RTMP] = HZ_OUTLET_RTMP,
	                                           [HZ_TARGET_RTMPS] = HZ_OUTLET_RTMPS,
	                                           [HZ_TARGET_SRT] = HZ_OUTLET_SRT};
	const struct hz_target_address *a = &t->address;
	char address[INET6_ADDRSTRLEN] = "";
	int err = look_up(t, address);
	if (err)
		return err;
	const struct hz_outlet_open open = {.kind = kind[a->scheme],
	                                    // of RTMP the name, which its server and its certificate know
	                                    .host = a->scheme == HZ_TARGET_SRT ? address : a->host,
	                                    .port = a->port,
	                                    .app = a->app,
	                                    .key = a->key,
	                                    .ca = t->set.folder,
	                                    .streamid = a->key,
	                                    .passphrase = a->passphrase,
	                                    .pbkeylen = a->pbkeylen,
	                                    .latency_ms = a->latency_ms,
	                                    .ctx = t,
	                                    .interrupted = interrupted};
	return hz_outlet_new(&open, &t->outlet);
}

static void on_aac(void *ctx, const struct hz_aac_frame *frame)
{
	struct hz_target_run *t = ctx;
	const struct hz_outlet_frame f = {.data = frame->data,
	                                  .bytes = frame->bytes,
	                                  .pts_us = frame->at_us,
	                                  .dts_us = frame->at_us,
	                                  .key = true};
	if (!t->err)
		t->err = hz_outlet_sound(t->outlet, &f);
}

// Its first picture is known: what it says of itself goes before it.
static int begin_media(struct hz_target_run *t, const struct hz_outfeed_unit *key)
{
	const struct hz_aac_ops ops = {.ctx = t, .frame = on_aac};
	hz_aac_free(t->aac);
	t->aac = NULL;
	int err = hz_aac_new(&ops, &t->aac);
	if (err)
		return err;
	struct hz_outlet_media media = {.avcc = key->data + key->bytes, .avcc_bytes = key->config_bytes};
	media.aac = hz_aac_config(t->aac, &media.aac_bytes);
	return hz_outlet_begin(t->outlet, &media);
}

static void connect_target(struct hz_target_run *t)
{
	struct hz_outfeed_unit unit;
	if (!t->feed || !hz_outfeed_ready(t->feed)) { // the programme has not begun
		rest(t);
		return;
	}
	int64_t at_us = hz_now_us();
	t->status.attempts++;
	enter_state(t, HZ_INGEST_CONNECTING, HZ_INGEST_NONE);
	begin_wait(t, CONNECT_US);
	hz_guard_begin();
	int err = open_outlet(t);
	if (t->over)
		return;
	if (err) {
		retry(t, reason_of(t, err, hz_now_us() - at_us));
		return;
	}
	if (t->feed)
		hz_outfeed_skip(t->feed);
	err = -EAGAIN;
	while (t->feed && (err = hz_outfeed_take(t->feed, &unit)) != 0 && !interrupted(t))
		rest(t);
	if (!err)
		err = begin_media(t, &unit);
	if (t->feed)
		hz_outfeed_skip(
		    t->feed); // what it said was enough: it comes again with all that is behind it
	if (err) {
		retry(t, HZ_INGEST_CLOSED);
		return;
	}
	t->begun_us = hz_now_us();
	t->status.reason = HZ_INGEST_NONE;
	hz_info("target.live", "target=%u attempt=%u", t->set.source, t->status.attempts);
	enter_state(t, HZ_INGEST_LIVE, HZ_INGEST_NONE);
}

// --- media

static int forward(struct hz_target_run *t, const struct hz_outfeed_unit *u)
{
	t->err = 0;
	if (u->track == HZ_OUTFEED_SOUND) {
		(void)hz_aac_push(t->aac, u->data, u->bytes, u->dts_us);
		return t->err;
	}
	const struct hz_outlet_frame f = {.data = u->data,
	                                  .bytes = u->bytes,
	                                  .avcc = u->config_bytes ? u->data + u->bytes : NULL,
	                                  .avcc_bytes = u->config_bytes,
	                                  .pts_us = u->pts_us,
	                                  .dts_us = u->dts_us,
	                                  .key = u->key};
	return hz_outlet_video(t->outlet, &f);
}

static void send_on(struct hz_target_run *t)
{
	struct hz_outfeed_unit unit;
	int err = 0;
	for (unsigned i = 0; i < UNITS && !t->over && t->feed;
	     i++) { // a write takes SETs: another ring, or none
		int got = hz_outfeed_take(t->feed, &unit);
		if (got == -EOVERFLOW)
			t->status.dropped++;
		if (got)
			break;
		begin_wait(t, WRITE_US);
		err = forward(t, &unit);
		if (err || t->late) {
			retry(t, t->late ? HZ_INGEST_STALLED : HZ_INGEST_CLOSED);
			return;
		}
	}
	begin_wait(t, 0);
	if (t->feed && hz_outfeed_lag_us(t->feed) > LAG_US) { // it takes less than comes
		t->status.dropped++;
		hz_outfeed_skip(t->feed);
	}
	rest(t);
}

void hz_target_run(struct hz_target_run *t)
{
	enter_state(t, HZ_INGEST_STARTING, HZ_INGEST_NONE);
	while (!t->over) {
		if (t->outlet && t->feed)
			send_on(t);
		else if (hz_now_us() >= t->again_us)
			connect_target(t);
		else
			rest(t);
	}
	t->over = false;
	t->leaving = true; // let it take leave
	begin_wait(t, LEAVE_US);
	hz_outlet_free(t->outlet);
	hz_aac_free(t->aac);
	hz_outfeed_free(t->feed);
	hz_wipe(&t->address, sizeof(t->address));
}
