#include "media/studies/turns.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "gateway/base/memfd.h"
#include "media/dicomweb/cache.h"
#include "media/dicomweb/pipe_film.h"
#include "media/dicomweb/request.h"
#include "media/dicomweb/turning.h"

#define JOBS       64
#define JOBS_BYTES ((uint64_t)512 << 20) // of frames as they are stored
#define WAITERS    16                    // for one frame
#define PREFIX     32                    // of a name in the cache: the study's

struct job { // id 0: none
	uint64_t id;
	char key[HZ_DWEB_HASH_BYTES];
	bool gone; // its study: it is not kept
	unsigned waiters;
	uint64_t waiter[WAITERS];
	struct hz_local_answer stored;
	void *map; // of it
};

struct hz_local_turns {
	struct hz_local_turns_of of;
	struct hz_dweb_cache *cache; // NULL: nothing is turned
	struct hz_turning *turning;
	uint64_t ids, bytes;
	struct job job[JOBS];
};

static void study_prefix(const char *study, char ret[PREFIX + 1])
{
	char hash[HZ_DWEB_HASH_BYTES];
	hz_dweb_sha256(study, strlen(study), hash);
	snprintf(ret, PREFIX + 1, "%.*s", PREFIX, hash);
}

// Of the study, so that it can be found; then of the object's content, the frame, and the word about it.
static void key_of(const struct hz_dweb_request *r, const char *name, char ret[HZ_DWEB_HASH_BYTES])
{
	char request[HZ_DWEB_HASH_BYTES], prefix[PREFIX + 1], text[2 * HZ_DWEB_HASH_BYTES];
	hz_dweb_request_key(r, request);
	int bytes = snprintf(text, sizeof(text), "%s/%s", name, request);
	hz_dweb_sha256(text, (size_t)bytes, request);
	study_prefix(r->study, prefix);
	snprintf(ret, HZ_DWEB_HASH_BYTES, "%s%s", prefix, request + PREFIX);
}

static void on_drop(void *ctx, const char *study)
{
	struct hz_local_turns *t = ctx;
	char prefix[PREFIX + 1];
	study_prefix(study, prefix);
	for (unsigned i = 0; i < JOBS; i++) {
		if (t->job[i].id && strncmp(t->job[i].key, prefix, PREFIX) == 0)
			t->job[i].gone = true;
	}
	if (t->cache)
		hz_dweb_cache_drop(t->cache, prefix);
}

static void release(struct hz_local_turns *t, struct job *job)
{
	munmap(job->map, job->stored.bytes);
	close(job->stored.fd);
	t->bytes -= job->stored.bytes;
	*job = (struct job){.id = 0};
}

static void say_all(struct hz_local_turns *t, const struct job *job, struct hz_dweb_done *done, int fd)
{
	for (unsigned i = 0; i < job->waiters; i++) {
		done->id = job->waiter[i];
		t->of.done(t->of.ctx, done, fd);
	}
}

static struct hz_dweb_done done_of(const struct hz_local_answer *a)
{
	struct hz_dweb_done done = {.bytes = a->bytes, .result = HZ_DWEB_OK};
	memcpy(done.type, a->type, sizeof(done.type));
	memcpy(done.hash, a->hash, sizeof(done.hash));
	return done;
}

static void on_turned(void *ctx, const struct hz_turned *turned)
{
	struct hz_local_turns *t = ctx;
	struct job *job = NULL;
	struct hz_dweb_entry e = {.fd = -1};
	int fd = -1;
	for (unsigned i = 0; i < JOBS && !job; i++) {
		if (t->job[i].id == turned->id)
			job = &t->job[i];
	}
	if (!job)
		return;
	struct hz_dweb_done done = done_of(&job->stored);
	if (turned->bytes) {
		hz_turned_type(turned, done.type);
		hz_dweb_cache_tag(t->cache, turned->data, turned->bytes, done.hash);
		done.bytes = turned->bytes;
	}
	done.early = turned->made;
	memcpy(e.type, done.type, sizeof(e.type));
	memcpy(e.hash, done.hash, sizeof(e.hash));
	e.bytes = done.bytes;
	const void *data = turned->bytes ? turned->data : job->map;
	// What nobody looked at is not kept as it came.
	bool keep = !turned->made && !turned->untried && !job->gone;
	if (keep && hz_dweb_cache_put(t->cache, job->key, &e, data, &e) == 0)
		fd = e.fd;
	else if (turned->bytes && hz_memfd_from("image", data, done.bytes, &fd))
		done = done_of(&job->stored); // no memory for it: as it came, unless its beginning went out
	if (!turned->made || fd >= 0)
		say_all(t, job, &done, fd >= 0 ? fd : job->stored.fd);
	if (fd >= 0)
		close(fd);
	if (!turned->made)
		release(t, job);
}

int hz_local_turns_open(const char *dir, uint64_t bytes, struct hz_local *local, struct hz_dweb_cache **ret)
{
	char path[HZ_DWEB_TEXT_BYTES + 8];
	snprintf(path, sizeof(path), "%s/turned", dir);
	int err = hz_dweb_cache_open(path, bytes, ret);
	if (!err && hz_local_studies(local) == 0) // it has none, or lost its index and does not know which
		hz_dweb_cache_drop(*ret, "");
	return err;
}

int hz_local_turns_new(const struct hz_local_turns_of *of, struct hz_dweb_cache *cache,
                       struct hz_local_turns **ret)
{
	struct hz_local_turns *t = calloc(1, sizeof(*t));
	int err = t ? hz_turning_new(of->fds, of->count, on_turned, t, &t->turning) : -ENOMEM;
	if (err) {
		hz_dweb_cache_close(cache);
		free(t);
		return err;
	}
	t->of = *of;
	t->cache = cache;
	hz_local_on_drop(of->local, on_drop, t);
	*ret = t;
	return 0;
}

void hz_local_turns_free(struct hz_local_turns *t)
{
	if (!t)
		return;
	hz_local_on_drop(t->of.local, NULL, NULL);
	hz_turning_free(t->turning);
	for (unsigned i = 0; i < JOBS; i++) {
		if (t->job[i].id)
			release(t, &t->job[i]);
	}
	hz_dweb_cache_close(t->cache);
	free(t);
}

static bool join(struct job *job, uint64_t id)
{
	for (unsigned i = 0; i < job->waiters; i++) {
		if (job->waiter[i] == id)
			return true; // said again
	}
	if (job->gone || job->waiters == WAITERS)
		return false;
	job->waiter[job->waiters++] = id;
	return true;
}

// Its answer is the job's from then on. false: it goes out as it is stored.
static bool start(struct hz_local_turns *t, struct job *job, const struct hz_dweb_get *get,
                  const struct hz_local_answer *stored)
{
	const struct hz_dweb_pixels *pixels = &get->request.pixels;
	if (!stored->bytes || stored->bytes > HZ_TURN_BYTES || t->bytes + stored->bytes > JOBS_BYTES)
		return false;
	void *map = mmap(NULL, stored->bytes, PROT_READ, MAP_PRIVATE, stored->fd, 0);
	if (map == MAP_FAILED)
		return false;
	enum hz_turn_kind kind = hz_turn_kind(pixels, stored->type, map, stored->bytes);
	const struct hz_turn_order order = {
	    .id = ++t->ids, .bytes = stored->bytes, .pixels = *pixels, .encoded = kind == HZ_TURN_CODESTREAM};
	if (kind == HZ_TURN_NOT || hz_turning_ask(t->turning, &order, map)) {
		munmap(map, stored->bytes);
		return false;
	}
	job->id = order.id;
	job->waiter[job->waiters++] = get->id;
	job->stored = *stored;
	job->map = map;
	t->bytes += stored->bytes;
	return true;
}

static void ask(struct hz_local_turns *t, struct job *job, const struct hz_dweb_get *get)
{
	struct hz_local_answer stored;
	enum hz_dweb_result result = hz_local_answer(t->of.reader, &get->request, &stored);
	if (result == HZ_DWEB_OK && start(t, job, get, &stored))
		return;
	struct hz_dweb_done done = {.result = result};
	if (result == HZ_DWEB_OK)
		done = done_of(&stored);
	done.id = get->id;
	t->of.done(t->of.ctx, &done, stored.fd);
	if (stored.fd >= 0)
		close(stored.fd);
}

bool hz_local_turns_get(struct hz_local_turns *t, const struct hz_dweb_get *get)
{
	const struct hz_dweb_request *r = &get->request;
	char name[HZ_DWEB_HASH_BYTES], key[HZ_DWEB_HASH_BYTES];
	struct hz_dweb_entry e;
	struct job *room = NULL;
	if (!t->cache || r->kind != HZ_DWEB_FRAME || !r->pixels.rows || hz_film_is(r) ||
	    hz_local_name(t->of.local, r, name))
		return false;
	key_of(r, name, key);
	if (hz_dweb_cache_get(t->cache, key, &e) == 0) {
		struct hz_dweb_done done = {.id = get->id, .bytes = e.bytes, .result = HZ_DWEB_OK};
		memcpy(done.type, e.type, sizeof(done.type));
		memcpy(done.hash, e.hash, sizeof(done.hash));
		t->of.done(t->of.ctx, &done, e.fd);
		close(e.fd);
		return true;
	}
	for (unsigned i = 0; i < JOBS; i++) {
		struct job *job = &t->job[i];
		if (job->id && strcmp(job->key, key) == 0)
			return join(job, get->id);
		room = room || job->id ? room : job;
	}
	if (!room)
		return false;
	memcpy(room->key, key, sizeof(key));
	ask(t, room, get);
	return true;
}

void hz_local_turns_cancel(struct hz_local_turns *t, uint64_t id)
{
	for (unsigned i = 0; i < JOBS; i++) {
		struct job *job = &t->job[i];
		for (unsigned k = 0; job->id && k < job->waiters; k++) {
			if (job->waiter[k] == id) {
				job->waiter[k] = job->waiter[--job->waiters];
				return;
			}
		}
	}
}

int hz_local_turns_read(struct hz_local_turns *t)
{
	return t->of.count ? hz_turning_read(t->turning) : 0;
}

void hz_local_turns_tick(struct hz_local_turns *t)
{
	int64_t now_us = hz_now_us();
	hz_turning_tick(t->turning, now_us);
	if (t->cache)
		hz_dweb_cache_tick(t->cache, now_us);
}
