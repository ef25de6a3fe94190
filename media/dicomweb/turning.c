#include "media/dicomweb/turning.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "gateway/base/memfd.h"
#include "gateway/base/seqpacket.h"

#define HTJ2K_RPCL "1.2.840.10008.1.2.4.202"
#define WAIT_US    30000000 // theirs is 20 s

struct order {
	struct hz_turn_order order;
	const void *data; // NULL: `file`, owned
	int file;
	int64_t asked_us;
	bool again; // one died of it already, or with it
};

struct channel {
	int fd, out;       // out: the file that the order under way is written to
	struct order busy; // id 0: idle
	char *made;        // what was written when it was made, and not proven yet; its length
	size_t made_bytes;
	uint64_t sent; // its number on the wire: another one each time, an answer to an earlier one is none
	int64_t began_us;
	bool ready, gone; // ready: it has said HELLO once
};

struct hz_turning {
	hz_turned_cb *cb;
	void *ctx;
	struct channel channel[HZ_TURN_MOST];
	unsigned channels, count, first; // of waiting[], a ring
	struct order waiting[HZ_DWEB_JOBS];
};

void hz_turned_type(const struct hz_turned *turned, char ret[HZ_DWEB_TYPE_BYTES])
{
	size_t used =
	    (size_t)snprintf(ret, HZ_DWEB_TYPE_BYTES, "image/jphc; transfer-syntax=%s; ends=", HTJ2K_RPCL);
	for (unsigned r = 0; r < turned->levels && used + 12 < HZ_DWEB_TYPE_BYTES; r++)
		used += (size_t)snprintf(ret + used, HZ_DWEB_TYPE_BYTES - used, "%s%llu", r ? "," : "",
		                         (unsigned long long)turned->end[r]);
}

int hz_turning_new(const int *fds, unsigned count, hz_turned_cb *cb, void *ctx, struct hz_turning **ret)
{
	struct hz_turning *t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->cb = cb;
	t->ctx = ctx;
	t->channels = count < HZ_TURN_MOST ? count : HZ_TURN_MOST;
	for (unsigned i = 0; i < t->channels; i++)
		t->channel[i] = (struct channel){.fd = fds[i], .out = -1};
	*ret = t;
	return 0;
}

static void forget(struct order *o)
{
	if (o->order.id && !o->data && o->file >= 0)
		close(o->file);
	o->order.id = 0;
}

void hz_turning_free(struct hz_turning *t)
{
	for (unsigned i = 0; t && i < t->count; i++)
		forget(&t->waiting[(t->first + i) % HZ_DWEB_JOBS]);
	for (unsigned i = 0; t && i < t->channels; i++) {
		forget(&t->channel[i].busy);
		if (t->channel[i].out >= 0)
			close(t->channel[i].out);
		free(t->channel[i].made);
	}
	free(t);
}

static void let_go(struct channel *c)
{
	forget(&c->busy);
	if (c->out >= 0)
		close(c->out);
	c->out = -1;
	free(c->made);
	c->made = NULL;
}

static void over(struct hz_turning *t, struct channel *c, const struct hz_turned *turned)
{
	char *made = c->made; // turned is of it
	c->made = NULL;
	let_go(c);
	t->cb(t->ctx, turned);
	free(made);
}

static void give_back(struct hz_turning *t, struct channel *c, const char *why)
{
	const struct hz_turned turned = {.id = c->busy.order.id};
	if (!turned.id)
		return;
	hz_warn("images.turn", "what=%s bytes=%llu", why, (unsigned long long)c->busy.order.bytes);
	over(t, c, &turned);
}

// 0: it is under way. Otherwise its frame goes out as it came.
static int send_order(struct channel *c)
{
	struct hz_turn_order order = c->busy.order;
	order.id = ++c->sent;
	int fds[2] = {-1, memfd_create("turned", MFD_CLOEXEC)};
	int err = fds[1] < 0 ? -errno : 0;
	if (!err && c->busy.data)
		err = hz_memfd_from("frame", c->busy.data, c->busy.order.bytes, &fds[0]);
	else if (!err && (fds[0] = fcntl(c->busy.file, F_DUPFD_CLOEXEC, 0)) < 0)
		err = -errno;
	if (!err)
		err = hz_seqpacket_send_fds(c->fd, &order, sizeof(order), fds, 2);
	if (fds[0] >= 0)
		close(fds[0]);
	c->out = fds[1];
	c->began_us = hz_now_us();
	return err;
}

// The oldest that this channel takes: one of them is for frames alone, that videos do not hold up everybody's.
static bool next_for(struct hz_turning *t, bool films, struct order *ret)
{
	for (unsigned k = 0; k < t->count; k++) {
		const struct order *o = &t->waiting[(t->first + k) % HZ_DWEB_JOBS];
		if (o->order.film && !films)
			continue;
		*ret = *o;
		for (; k > 0; k--)
			t->waiting[(t->first + k) % HZ_DWEB_JOBS] =
			    t->waiting[(t->first + k - 1) % HZ_DWEB_JOBS];
		t->first = (t->first + 1) % HZ_DWEB_JOBS;
		t->count--;
		return true;
	}
	return false;
}

static void start_some(struct hz_turning *t)
{
	for (unsigned i = 0; i < t->channels && t->count; i++) {
		struct channel *c = &t->channel[i];
		if (c->busy.order.id || !c->ready || c->gone)
			continue;
		int err = next_for(t, i > 0 || t->channels == 1, &c->busy) ? send_order(c) : 0;
		c->gone = err == -EPIPE;
		if (err && !c->gone) {
			const struct hz_turned turned = {.id = c->busy.order.id, .untried = true};
			hz_warn("images.turn", "what=not_sent err=%d", -err);
			over(t, c, &turned);
		}
	}
}

static int add(struct hz_turning *t, const struct order *what)
{
	if (!t->channels)
		return -EPIPE;
	if (t->count == HZ_DWEB_JOBS)
		return -EAGAIN;
	t->waiting[(t->first + t->count++) % HZ_DWEB_JOBS] = *what;
	return 0;
}

int hz_turning_ask(struct hz_turning *t, const struct hz_turn_order *order, const void *data)
{
	const struct order what = {.order = *order, .data = data, .file = -1, .asked_us = hz_now_us()};
	return add(t, &what);
}

int hz_turning_ask_file(struct hz_turning *t, const struct hz_turn_order *order, int fd)
{
	const struct order what = {.order = *order, .file = fd, .asked_us = hz_now_us()};
	int err = fd < 0 ? -EBADF : t->count >= HZ_DWEB_JOBS / 2 ? -EAGAIN : add(t, &what);
	if (err && fd >= 0)
		close(fd);
	return err;
}

static bool sensible(const struct hz_turn_result *r, const struct channel *c)
{
	struct stat st;
	if (!r->bytes || r->bytes > 2 * HZ_TURN_BYTES || r->levels > HZ_TURN_LEVELS ||
	    fstat(c->out, &st) < 0 || (uint64_t)st.st_size != r->bytes || r->end[r->levels] != r->bytes)
		return false;
	for (unsigned i = 1; i <= r->levels; i++) {
		if (r->end[i] < r->end[i - 1])
			return false;
	}
	return true;
}

// Once more, before all others; the second time it was the frame.
static bool try_again(struct hz_turning *t, struct channel *c)
{
	if (c->busy.again || t->count == HZ_DWEB_JOBS)
		return false;
	t->first = (t->first + HZ_DWEB_JOBS - 1) % HZ_DWEB_JOBS;
	t->count++;
	t->waiting[t->first] = c->busy;
	t->waiting[t->first].again = true;
	c->busy.order.id = 0; // its file goes along
	let_go(c);
	return true;
}

// What was written, once: that its writer says of it later is said of these bytes.
static bool read_made(struct channel *c, const struct hz_turn_result *r)
{
	if (!c->made && hz_memfd_read(c->out, r->bytes, &c->made, &c->made_bytes))
		return false;
	return c->made_bytes == r->bytes;
}

static void on_result(struct hz_turning *t, struct channel *c, const struct hz_turn_result *r)
{
	struct hz_turned turned = {.id = c->busy.order.id,
	                           .made = r->made == 1,
	                           .fault = r->fault,
	                           .levels = r->levels,
	                           .end = r->end};
	if (!r->id) { // HELLO: the one before it died with this order
		c->ready = true;
		if (turned.id && !try_again(t, c))
			give_back(t, c, "died");
		return;
	}
	if (!turned.id || r->id != c->sent)
		return; // of an order that was given back
	if (sensible(r, c) && read_made(c, r)) {
		turned.data = c->made;
		turned.bytes = c->made_bytes;
	} else {
		hz_debug("images.turn", "what=as_it_came fault=%u", r->fault);
	}
	if (!turned.made)
		over(t, c, &turned);
	else if (turned.bytes)
		t->cb(t->ctx, &turned);
}

static int read_one(struct hz_turning *t, struct channel *c)
{
	struct hz_turn_result r;
	size_t bytes = 0;
	for (int i = 0; i < 8 && !c->gone; i++) {
		int err = hz_seqpacket_recv(c->fd, &r, sizeof(r), &bytes);
		if (err == -EAGAIN)
			return 0;
		c->gone = err == -EPIPE;
		if (!err && bytes == sizeof(r))
			on_result(t, c, &r);
	}
	return c->gone ? -EPIPE : 0;
}

int hz_turning_read(struct hz_turning *t)
{
	int err = 0;
	for (unsigned i = 0; i < t->channels; i++) {
		int one = read_one(t, &t->channel[i]);
		err = one ? one : err;
	}
	start_some(t);
	return err;
}

void hz_turning_tick(struct hz_turning *t, int64_t now_us)
{
	for (unsigned i = 0; i < t->channels; i++) {
		struct channel *c = &t->channel[i];
		if (c->busy.order.id && now_us - c->began_us > WAIT_US)
			give_back(t, c, "slow");
	}
	while (t->count && now_us - t->waiting[t->first].asked_us > WAIT_US) { // nobody comes
		const struct hz_turned turned = {.id = t->waiting[t->first].order.id, .untried = true};
		forget(&t->waiting[t->first]);
		t->first = (t->first + 1) % HZ_DWEB_JOBS;
		t->count--;
		t->cb(t->ctx, &turned);
	}
	start_some(t);
}
