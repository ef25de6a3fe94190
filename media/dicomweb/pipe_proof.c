#include "media/dicomweb/pipe_proof.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gateway/base/log.h"
#include "media/dicomweb/request.h"

int hz_proof_init(struct hz_proof *proof, struct hz_dweb_fetch *fetch)
{
	*proof = (struct hz_proof){.fetch = fetch};
	proof->wait = calloc(HZ_PROOFS_WAIT, sizeof(*proof->wait));
	return proof->wait ? hz_belongs_new(&proof->belongs) : -ENOMEM;
}

void hz_proof_done(struct hz_proof *proof)
{
	hz_belongs_free(proof->belongs);
	free(proof->wait);
}

static struct hz_dweb_request series_of(const struct hz_dweb_request *r)
{
	struct hz_dweb_request series = {.kind = HZ_DWEB_SERIES};
	memcpy(series.pacs, r->pacs, sizeof(series.pacs));
	memcpy(series.study, r->study, sizeof(series.study));
	memcpy(series.series, r->series, sizeof(series.series));
	return series;
}

// Once is enough: what it does not name it will not name the next time, and megabytes hold up everybody.
static bool was_read(const struct hz_proof *proof, const char *key, const char *hash)
{
	for (unsigned i = 0; i < HZ_PROOFS_READ; i++) {
		const struct hz_proof_read *r = &proof->read[i];
		if (strcmp(r->key, key) == 0 && strcmp(r->hash, hash) == 0 &&
		    r->forgot == hz_belongs_forgot(proof->belongs))
			return true;
	}
	return false;
}

static void note_read(struct hz_proof *proof, const char *key, const char *hash, unsigned forgot)
{
	struct hz_proof_read *r = &proof->read[proof->reads++ % HZ_PROOFS_READ];
	memcpy(r->key, key, sizeof(r->key));
	memcpy(r->hash, hash, sizeof(r->hash));
	r->forgot = forgot;
}

// Of before a restart of ours, or so long ago that we forgot.
static void learn_from_cache(struct hz_proof *proof, struct hz_dweb_cache *cache,
                             const struct hz_dweb_request *series)
{
	char key[HZ_DWEB_HASH_BYTES];
	struct hz_dweb_entry e;
	hz_dweb_request_key(series, key);
	if (!cache || hz_dweb_cache_get(cache, key, &e))
		return;
	void *data = e.bytes && !was_read(proof, key, e.hash)
	                 ? mmap(NULL, e.bytes, PROT_READ, MAP_PRIVATE, e.fd, 0)
	                 : MAP_FAILED;
	close(e.fd);
	if (data == MAP_FAILED)
		return;
	unsigned forgot = hz_belongs_forgot(proof->belongs);
	(void)hz_belongs_learn(proof->belongs, series, data, e.bytes);
	munmap(data, e.bytes);
	note_read(proof, key, e.hash, forgot);
}

bool hz_proof_has(struct hz_proof *proof, struct hz_dweb_cache *cache, const struct hz_dweb_request *r)
{
	if ((r->kind != HZ_DWEB_FRAME && !hz_dweb_request_object(r)) || hz_belongs_knows(proof->belongs, r))
		return true;
	const struct hz_dweb_request series = series_of(r);
	learn_from_cache(proof, cache, &series);
	return hz_belongs_knows(proof->belongs, r);
}

enum hz_dweb_result hz_proof_wait(struct hz_proof *proof, const struct hz_dweb_get *get)
{
	const struct hz_dweb_request series = series_of(&get->request);
	for (unsigned i = 0; i < proof->count; i++) {
		if (proof->wait[i].id == get->id)
			return HZ_DWEB_OK; // said again
	}
	if (proof->count == HZ_PROOFS_WAIT)
		return HZ_DWEB_FULL;
	enum hz_dweb_result result = hz_dweb_fetch_ask(proof->fetch, HZ_PROOF_WAITER, get->asker, &series);
	if (result == HZ_DWEB_OK)
		proof->wait[proof->count++] = *get;
	return result;
}

void hz_proof_cancel(struct hz_proof *proof, uint64_t id)
{
	for (unsigned i = 0; i < proof->count; i++) {
		if (proof->wait[i].id == id)
			proof->wait[i--] = proof->wait[--proof->count];
	}
}

enum hz_dweb_result hz_proof_look(struct hz_proof *proof, const struct hz_dweb_request *r, const char *data,
                                  size_t bytes)
{
	bool metadata = r->kind == HZ_DWEB_STUDY || r->kind == HZ_DWEB_SERIES || r->kind == HZ_DWEB_INSTANCE;
	if (!metadata || hz_belongs_learn(proof->belongs, r, data, bytes))
		return HZ_DWEB_OK;
	hz_warn("images.other_study", "pacs=%s kind=%u", r->pacs, r->kind);
	return HZ_DWEB_MISSING;
}

bool hz_proof_next(struct hz_proof *proof, const struct hz_dweb_request *r, enum hz_dweb_result result,
                   struct hz_dweb_get *ret, enum hz_dweb_result *ret_result)
{
	for (unsigned i = 0; r->kind == HZ_DWEB_SERIES && i < proof->count; i++) {
		const struct hz_dweb_request *w = &proof->wait[i].request;
		if (strcmp(w->pacs, r->pacs) != 0 || strcmp(w->study, r->study) != 0 ||
		    strcmp(w->series, r->series) != 0)
			continue;
		*ret = proof->wait[i];
		// A PACS whose list of this series has no such object: perhaps it has, but of another study.
		*ret_result =
		    result == HZ_DWEB_OK && !hz_belongs_knows(proof->belongs, w) ? HZ_DWEB_MISSING : result;
		proof->wait[i] = proof->wait[--proof->count];
		return true;
	}
	return false;
}
