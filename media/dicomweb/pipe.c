#include "media/dicomweb/pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "gateway/base/memfd.h"
#include "gateway/base/seqpacket.h"
#include "media/dicomweb/cache.h"
#include "media/dicomweb/fetch.h"
#include "media/dicomweb/multipart.h"
#include "media/dicomweb/pipe_film.h"
#include "media/dicomweb/pipe_keep.h"
#include "media/dicomweb/pipe_proof.h"
#include "media/dicomweb/pipe_send.h"
#include "media/dicomweb/request.h"
#include "media/dicomweb/shelter.h"
#include "media/dicomweb/turning.h"
#include "media/imaging/fault.h"

#define FRESH_MS      30000 // metadata may have become more since
#define WAIT_MS       1000
#define MESSAGES_MAX  64
#define STATUS_US     2000000
#define SEND_TRIES    100
#define SEND_PAUSE_US 10000

struct pipe_state {
	int api;
	struct hz_turning *turning;
	struct hz_dweb_fetch *fetch;
	struct hz_dweb_cache *cache; // NULL: no SETUP yet, or no disk
	struct hz_pipe_keep keep;
	struct hz_proof proof;
	struct hz_film_wants films;
	bool set;              // SETUP has come, and each PACS with it
	bool shelter, shut_in; // there is a sandbox to enter; we are in it
	bool over;
	struct hz_dweb_status status;
	int64_t told_us;
	char dir[HZ_DWEB_TEXT_BYTES];
	struct hz_dweb_request keyed; // the last one whose key was made
	char key[HZ_DWEB_HASH_BYTES]; // "": none
};

static union {
	struct hz_dweb_header h;
	struct hz_dweb_setup setup;
	struct hz_dweb_pacs pacs;
	struct hz_dweb_get get;
	struct hz_dweb_cancel cancel;
	struct hz_dweb_keep keep;
	struct hz_dweb_send send;
} in;

static void send_done(struct pipe_state *p, struct hz_dweb_done *done, int fd)
{
	done->h =
	    (struct hz_dweb_header){.version = HZ_DWEB_VERSION, .type = HZ_DWEB_DONE, .bytes = sizeof(*done)};
	// Control reads all the time; what it does not take within a second its readers ask for again.
	for (int i = 0; i < SEND_TRIES; i++) {
		int err = hz_seqpacket_send_fds(p->api, done, sizeof(*done), &fd, fd >= 0);
		if (err != -EAGAIN) {
			p->over = p->over || err == -EPIPE;
			return;
		}
		usleep(SEND_PAUSE_US);
	}
}

static void refuse(struct pipe_state *p, uint64_t id, enum hz_dweb_result result)
{
	struct hz_dweb_done done = {.id = id, .result = result};
	send_done(p, &done, -1);
}

static void hand_over(struct pipe_state *p, uint64_t id, const struct hz_dweb_entry *e, bool stale)
{
	struct hz_dweb_done done = {
	    .id = id, .bytes = e->bytes, .at = e->at, .result = HZ_DWEB_OK, .stale = stale};
	memcpy(done.type, e->type, sizeof(done.type));
	memcpy(done.hash, e->hash, sizeof(done.hash));
	send_done(p, &done, e->fd);
}

// Looked for, and kept a moment later: the same one.
static const char *key_of(struct pipe_state *p, const struct hz_dweb_request *request)
{
	if (!p->key[0] || memcmp(&p->keyed, request, sizeof(*request)) != 0) {
		p->keyed = *request;
		hz_dweb_request_key(request, p->key);
	}
	return p->key;
}

static int find(struct pipe_state *p, const struct hz_dweb_request *request, struct hz_dweb_entry *ret)
{
	if (!p->cache || hz_dweb_request_fleeting(request))
		return -ENOENT;
	return hz_dweb_cache_get(p->cache, key_of(p, request), ret);
}

// The object is here: its frame is decoded.
static void start_film(struct pipe_state *p, struct hz_film_want *want, const struct hz_dweb_entry *e)
{
	struct hz_turn_order order;
	uint64_t id = want->id;
	if (!hz_film_turn(&p->films, want, e->bytes, &order))
		return;
	if (hz_turning_ask_file(p->turning, &order, fcntl(e->fd, F_DUPFD_CLOEXEC, 0)) == 0) {
		p->status.turning++;
		return;
	}
	hz_film_forget(&p->films, id);
	refuse(p, id, HZ_DWEB_FULL);
}

static void on_film(struct pipe_state *p, const struct hz_dweb_get *get)
{
	struct hz_dweb_request object;
	struct hz_dweb_entry e;
	hz_film_object_of(&get->request, &object);
	if (hz_film_want(&p->films, get->id, &get->request)) {
		refuse(p, get->id, HZ_DWEB_FULL);
		return;
	}
	if (find(p, &object, &e) == 0) { // objects do not change
		start_film(p, hz_film_waiting(&p->films, get->id), &e);
		close(e.fd);
		return;
	}
	enum hz_dweb_result result = hz_dweb_fetch_ask(p->fetch, get->id, get->asker, &object);
	if (result == HZ_DWEB_OK)
		return;
	hz_film_forget(&p->films, get->id);
	refuse(p, get->id, result);
}

// What is of the study that was allowed.
static void ask(struct pipe_state *p, const struct hz_dweb_get *get)
{
	if (hz_film_is(&get->request)) {
		on_film(p, get);
		return;
	}
	enum hz_dweb_result result = hz_dweb_fetch_ask(p->fetch, get->id, get->asker, &get->request);
	if (result != HZ_DWEB_OK)
		refuse(p, get->id, result);
}

static void on_get(struct pipe_state *p, const struct hz_dweb_get *get)
{
	struct hz_dweb_entry e;
	if (!p->set) // of before our HELLO: it is said again behind SETUP
		return;
	if (!hz_dweb_request_valid(&get->request) || get->request.kind == HZ_DWEB_FORWARD) {
		refuse(p, get->id, HZ_DWEB_MISSING);
		return;
	}
	if (find(p, &get->request, &e) == 0) {
		bool good = get->request.kind == HZ_DWEB_FRAME ||
		            hz_dweb_request_object(&get->request) || // objects do not change
		            (e.age_ms >= 0 && e.age_ms < FRESH_MS);  // clocks go back
		if (good)
			hand_over(p, get->id, &e, false);
		close(e.fd);
		p->status.hits += good;
		if (good)
			return;
	}
	p->status.misses++;
	if (hz_proof_has(&p->proof, p->cache, &get->request)) {
		ask(p, get);
		return;
	}
	enum hz_dweb_result result = hz_proof_wait(&p->proof, get);
	if (result != HZ_DWEB_OK)
		refuse(p, get->id, result);
}

// In memory, where the disk does not take it or it is not to be kept.
static int keep_in_memory(const char *data, struct hz_dweb_entry *e)
{
	e->fd = memfd_create("image", MFD_CLOEXEC);
	if (e->fd < 0)
		return -errno;
	for (uint64_t at = 0; at < e->bytes;) {
		ssize_t n = write(e->fd, data + at, e->bytes - at);
		if (n <= 0) {
			close(e->fd);
			e->fd = -1;
			return -EIO;
		}
		at += (uint64_t)n;
	}
	return 0;
}

static int keep(struct pipe_state *p, const struct hz_dweb_request *request, const struct hz_part *part,
                struct hz_dweb_entry *ret)
{
	char group[HZ_DWEB_GROUP_BYTES];
	struct hz_dweb_entry e = {.fd = -1, .bytes = part->bytes};
	snprintf(e.type, sizeof(e.type), "%s", part->type);
	if (request->kind ==
	    HZ_DWEB_FRAME) { // goes to control alone: others get files with nothing else in them
		snprintf(group, sizeof(group), "%s/%s/%s", request->pacs, request->study, request->series);
		e.group = group;
	}
	hz_dweb_cache_tag(p->cache, part->data, part->bytes, e.hash);
	if (p->cache && !hz_dweb_request_fleeting(request)) {
		int err = hz_dweb_cache_put(p->cache, key_of(p, request), &e, part->data, ret);
		if (!err)
			return 0;
		hz_warn("images.cache", "err=%d what=put", -err);
	}
	*ret = e;
	ret->group = NULL;
	return keep_in_memory(part->data, ret);
}

// What is there of before, when the PACS does not give it now.
static bool stale(struct pipe_state *p, const struct hz_dweb_answer *a, struct hz_dweb_entry *ret)
{
	bool gone = a->result == HZ_DWEB_AWAY || a->result == HZ_DWEB_SLOW || a->result == HZ_DWEB_BROKEN ||
	            a->result == HZ_DWEB_FAILED;
	return gone && find(p, a->request, ret) == 0;
}

static void answer_all(struct pipe_state *p, const struct hz_dweb_answer *a, enum hz_dweb_result result,
                       const struct hz_dweb_entry *e, bool old)
{
	for (unsigned i = 0; i < a->waiters; i++) {
		struct hz_film_want *film = hz_film_waiting(&p->films, a->waiter[i]);
		if (a->waiter[i] == HZ_KEEP_WAITER || a->waiter[i] == HZ_PROOF_WAITER)
			continue;
		if (film && (result == HZ_DWEB_OK || old)) {
			start_film(p, film, e);
			continue;
		}
		hz_film_forget(&p->films, a->waiter[i]);
		if (result == HZ_DWEB_OK || old)
			hand_over(p, a->waiter[i], e, old);
		else
			refuse(p, a->waiter[i], result);
	}
	if (e->fd >= 0)
		close(e->fd);
}

// Does somebody turn it? Then it is not over yet.
static bool turn(struct pipe_state *p, const struct hz_dweb_answer *a, const struct hz_part *part)
{
	const struct hz_dweb_pixels *pixels = &a->request->pixels;
	bool reads = hz_dweb_request_reads(a->request) && part->bytes <= HZ_TURN_BYTES;
	enum hz_turn_kind kind =
	    pixels->rows ? hz_turn_kind(pixels, part->type, part->data, part->bytes) : HZ_TURN_NOT;
	const struct hz_turn_order order = {.id = a->id,
	                                    .bytes = part->bytes,
	                                    .pixels = *pixels,
	                                    .encoded = kind == HZ_TURN_CODESTREAM,
	                                    .reads = reads ? a->request->kind : 0};
	return (reads || kind != HZ_TURN_NOT) && hz_turning_ask(p->turning, &order, part->data) == 0;
}

// What is in an answer that came whole.
static enum hz_dweb_result read_answer(const struct hz_dweb_answer *a, struct hz_part *ret)
{
	if (hz_multipart_only(a->type, a->data, a->bytes, ret))
		return HZ_DWEB_BROKEN;
	return hz_dweb_answer_fits(a->request, ret->type, ret->data, ret->bytes) ? HZ_DWEB_OK
	                                                                         : HZ_DWEB_NOT_DICOM;
}

// What waited to know whether it is of this study.
static void go_on(struct pipe_state *p, const struct hz_dweb_request *request, enum hz_dweb_result result)
{
	struct hz_dweb_get get;
	enum hz_dweb_result its;
	while (hz_proof_next(&p->proof, request, result, &get, &its)) {
		if (its == HZ_DWEB_OK)
			ask(p, &get);
		else
			refuse(p, get.id, its);
	}
}

static bool on_answer(void *ctx, const struct hz_dweb_answer *a)
{
	struct pipe_state *p = ctx;
	struct hz_part part = {.data = "", .bytes = 0};
	struct hz_dweb_entry e = {.fd = -1};
	enum hz_dweb_result result = a->result;
	if (a->request->kind == HZ_DWEB_STORE) {
		if (hz_pipe_keep_owns(a))
			hz_pipe_keep_answer(&p->keep, a, result, a->data, a->bytes);
		else
			hz_pipe_send_answer(p->api, &p->over, a);
		return false;
	}
	bool old = stale(p, a, &e);
	if (result == HZ_DWEB_OK)
		result = read_answer(a, &part);
	if (result == HZ_DWEB_OK)
		result = hz_proof_look(&p->proof, a->request, part.data, part.bytes);
	*(result == HZ_DWEB_OK ? &p->status.fetched : &p->status.refused) += 1;
	if (result == HZ_DWEB_OK && turn(p, a, &part)) {
		p->status.turning++;
		return true;
	}
	if (result == HZ_DWEB_OK &&
	    hz_dweb_request_reads(a->request)) // nobody could: the object itself is no answer
		result = part.bytes > HZ_TURN_BYTES ? HZ_DWEB_TOO_LARGE : HZ_DWEB_FULL;
	if (result == HZ_DWEB_OK && keep(p, a->request, &part, &e))
		result = HZ_DWEB_DISK;
	if (result != HZ_DWEB_OK)
		hz_warn("images.refused", "pacs=%s kind=%u result=%u stale=%d", a->request->pacs,
		        a->request->kind, result, old);
	answer_all(p, a, result, &e, old);
	hz_pipe_keep_answer(&p->keep, a, result, part.data, part.bytes);
	go_on(p, a->request, result);
	return false;
}

// Who waits may have its beginning while it is proven. Not kept: nobody else gets it.
static void on_made(struct pipe_state *p, const struct hz_turned *turned)
{
	struct hz_dweb_answer a;
	struct hz_part part = {.data = turned->data, .bytes = turned->bytes};
	struct hz_dweb_done done = {.bytes = turned->bytes, .result = HZ_DWEB_OK, .early = 1};
	int fd = -1;
	if (!hz_dweb_fetch_kept(p->fetch, turned->id, &a) || !a.waiters ||
	    hz_memfd_from("image", turned->data, turned->bytes, &fd))
		return;
	hz_turned_type(turned, part.type);
	snprintf(done.type, sizeof(done.type), "%s", part.type);
	hz_dweb_cache_tag(p->cache, part.data, part.bytes, done.hash);
	for (unsigned i = 0; i < a.waiters; i++) {
		done.id = a.waiter[i];
		if (done.id != HZ_KEEP_WAITER)
			send_done(p, &done, fd);
	}
	close(fd);
}

static void on_film_turned(struct pipe_state *p, const struct hz_turned *turned)
{
	const struct hz_film_want *want = hz_film_turned(&p->films, turned->id);
	struct hz_part part = {.data = turned->data, .bytes = turned->bytes};
	struct hz_dweb_entry e = {.fd = -1};
	enum hz_dweb_result result = turned->bytes     ? HZ_DWEB_OK
	                             : turned->untried ? HZ_DWEB_FULL
	                                               : hz_film_result(turned->fault);
	if (want && result == HZ_DWEB_OK) {
		hz_turned_type(turned, part.type);
		if (keep(p, &want->request, &part, &e))
			result = HZ_DWEB_DISK;
	}
	if (result != HZ_DWEB_OK)
		hz_warn("images.film", "fault=%s result=%u", hz_dicom_code_name(turned->fault), result);
	for (; want; want = hz_film_turned(&p->films, turned->id)) {
		if (result == HZ_DWEB_OK)
			hand_over(p, want->id, &e, false);
		else
			refuse(p, want->id, result);
		hz_film_forget(&p->films, want->id);
	}
	if (e.fd >= 0)
		close(e.fd);
}

static void on_turned(void *ctx, const struct hz_turned *turned)
{
	struct pipe_state *p = ctx;
	struct hz_dweb_answer a;
	struct hz_part part;
	struct hz_dweb_entry e = {.fd = -1};
	enum hz_dweb_result result = HZ_DWEB_OK;
	if (turned->made) {
		on_made(p, turned);
		return;
	}
	p->status.turning--;
	*(turned->bytes ? &p->status.turned : &p->status.as_they_came) += 1;
	if (turned->id & HZ_FILM_TURN) {
		on_film_turned(p, turned);
		return;
	}
	if (!hz_dweb_fetch_kept(p->fetch, turned->id, &a))
		return;
	const char *reads = hz_dweb_request_reads(a.request);
	if (turned->bytes) {
		part = (struct hz_part){.data = turned->data, .bytes = turned->bytes};
		if (reads)
			snprintf(part.type, sizeof(part.type), "%s", reads);
		else
			hz_turned_type(turned, part.type);
	} else if (turned->untried) {
		result = HZ_DWEB_FULL;
	} else if (reads) {
		result = HZ_DWEB_BROKEN;
	} else {
		result = read_answer(&a, &part);
	}
	if (result == HZ_DWEB_OK && keep(p, a.request, &part, &e))
		result = HZ_DWEB_DISK;
	answer_all(p, &a, result, &e, false);
	hz_dweb_fetch_over(p->fetch, turned->id);
}

static bool terminated(const char *text, size_t room)
{
	return memchr(text, '\0', room) != NULL;
}

static void on_setup(struct pipe_state *p, const struct hz_dweb_setup *setup)
{
	if (!terminated(setup->dir, sizeof(setup->dir)))
		return;
	p->set = true;
	if (p->shut_in) // of a control that knows another folder: we cannot get there from here
		p->over = p->over || strcmp(p->dir, setup->dir) != 0;
	if (p->cache || p->over)
		return;
	memcpy(p->dir, setup->dir, sizeof(p->dir));
	int err = hz_dweb_cache_open(setup->dir, setup->cache_bytes, &p->cache);
	if (err)
		hz_error("images.cache", "err=%d what=open", -err);
	else
		hz_pipe_keep_open(&p->keep, setup->dir, p->fetch);
}

static void on_pacs(struct pipe_state *p, const struct hz_dweb_pacs *pacs)
{
	if (p->shut_in && hz_dweb_shelter_other(pacs)) {
		hz_info("images.again", "what=other_files");
		p->over = true; // its files cannot be read from in here: the next one of us can
		return;
	}
	if (!p->shut_in)
		hz_dweb_shelter_pacs(pacs);
	hz_dweb_fetch_pacs(p->fetch, pacs);
	p->keep.ready = p->keep.ready || pacs->index + 1 == pacs->count;
}

// Before the first bytes of strangers, and with all in hand that is needed.
static void shut_in(struct pipe_state *p)
{
	if (p->shut_in || !p->shelter)
		return;
	int err = hz_dweb_shelter_enter(p->cache ? p->dir : NULL);
	if (err)
		hz_error("images.sandbox", "err=%d what=fetch", -err);
	p->shut_in = !err;
	p->over = p->over || err;
}

static void on_message(struct pipe_state *p, size_t bytes, int fd)
{
	static const size_t sizes[] = {
	    [HZ_DWEB_SETUP] = sizeof(struct hz_dweb_setup), [HZ_DWEB_PACS_SET] = sizeof(struct hz_dweb_pacs),
	    [HZ_DWEB_GET] = sizeof(struct hz_dweb_get),     [HZ_DWEB_CANCEL] = sizeof(struct hz_dweb_cancel),
	    [HZ_DWEB_KEEP] = sizeof(struct hz_dweb_keep),   [HZ_DWEB_SEND] = sizeof(struct hz_dweb_send)};
	if (bytes < sizeof(in.h) || in.h.version != HZ_DWEB_VERSION || in.h.type > HZ_DWEB_SEND ||
	    !in.h.type || sizes[in.h.type] != bytes)
		return;
	if (in.h.type == HZ_DWEB_SETUP) {
		on_setup(p, &in.setup);
	} else if (in.h.type == HZ_DWEB_PACS_SET) {
		on_pacs(p, &in.pacs);
	} else if (in.h.type == HZ_DWEB_GET) {
		if (p->set)
			shut_in(p);
		if (!p->over)
			on_get(p, &in.get);
	} else if (in.h.type == HZ_DWEB_KEEP) {
		if (p->set)
			hz_pipe_keep_order(&p->keep, &in.keep, fd);
	} else if (in.h.type == HZ_DWEB_SEND) {
		if (p->keep.ready)
			shut_in(p);
		if (!p->over)
			hz_pipe_send_order(p->api, p->keep.ready ? p->fetch : NULL, &in.send, fd);
	} else {
		hz_proof_cancel(&p->proof, in.cancel.id);
		hz_film_forget(&p->films, in.cancel.id);
		hz_dweb_fetch_cancel(p->fetch, in.cancel.id);
	}
}

static void read_all(struct pipe_state *p)
{
	size_t bytes = 0;
	for (int i = 0; i < MESSAGES_MAX && !p->over; i++) {
		int fds[1] = {-1};
		const struct hz_seqpacket_in what = {.buf = &in, .cap = sizeof(in), .fds = fds, .fds_cap = 1};
		unsigned count = 0;
		int err = hz_seqpacket_recv_fds(p->api, &what, &bytes, &count);
		if (err == -EAGAIN)
			return;
		if (err == -EPIPE)
			p->over = true;
		else if (!err)
			on_message(p, bytes, count ? fds[0] : -1);
		if (!err && count)
			close(fds[0]);
	}
}

// What it does; lost when control does not take it: the next one says more.
static void tell(struct pipe_state *p, int64_t now_us)
{
	struct hz_dweb_status *s = &p->status;
	if (now_us - p->told_us < STATUS_US)
		return;
	p->told_us = now_us;
	s->h =
	    (struct hz_dweb_header){.version = HZ_DWEB_VERSION, .type = HZ_DWEB_STATUS, .bytes = sizeof(*s)};
	s->waiting = hz_dweb_fetch_waiting(p->fetch);
	s->cache_bytes = p->cache ? hz_dweb_cache_bytes(p->cache) : 0;
	(void)hz_seqpacket_send(p->api, s, sizeof(*s));
}

static int run(struct pipe_state *p, const struct hz_dweb_pipe_fds *fds)
{
	int wait[1 + HZ_TURN_MOST] = {fds->api};
	unsigned turns = fds->turns < HZ_TURN_MOST ? fds->turns : HZ_TURN_MOST;
	int err = 0;
	for (unsigned i = 0; i < turns; i++)
		wait[1 + i] = fds->turn[i];
	while (!err && !p->over) {
		unsigned readable = 0;
		err = hz_dweb_fetch_wait(p->fetch, wait, 1 + turns, WAIT_MS, &readable);
		if (err)
			break;
		if (readable & 1)
			read_all(p);
		if (!p->over && hz_pipe_keep_due(&p->keep))
			shut_in(p);
		if (!p->over)
			hz_pipe_keep_tick(&p->keep);
		// A nursery that is gone cannot be had again in here: the supervisor starts all of us anew.
		if (readable & ~1u)
			err = hz_turning_read(p->turning) == -EPIPE ? -ECHILD : 0;
		int64_t now_us = hz_now_us();
		hz_turning_tick(p->turning, now_us);
		if (p->cache)
			hz_dweb_cache_tick(p->cache, now_us);
		tell(p, now_us);
	}
	return err;
}

int hz_dweb_pipe_run(const struct hz_dweb_pipe_fds *fds, const struct hz_dweb_times *times, bool shut_in)
{
	struct pipe_state p = {
	    .api = fds->api, .shelter = shut_in, .told_us = hz_now_us(), .keep = {.api = fds->api}};
	p.keep.over = &p.over;
	const struct hz_dweb_header hello = {
	    .version = HZ_DWEB_VERSION, .type = HZ_DWEB_HELLO, .bytes = sizeof(hello)};
	int err = hz_dweb_fetch_new(times, on_answer, &p, &p.fetch);
	if (!err)
		err = hz_proof_init(&p.proof, p.fetch);
	if (!err)
		err = hz_turning_new(fds->turn, fds->turns, on_turned, &p, &p.turning);
	if (!err)
		err = hz_seqpacket_send(fds->api, &hello, sizeof(hello));
	if (!err)
		err = run(&p, fds);
	explicit_bzero(&in, sizeof(in));
	hz_dweb_fetch_free(p.fetch);
	hz_keep_free(p.keep.keep);
	hz_proof_done(&p.proof);
	hz_turning_free(p.turning);
	hz_film_wants_done(&p.films);
	hz_dweb_cache_close(p.cache);
	return err == -EPIPE ? 0 : err;
}
