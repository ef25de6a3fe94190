// Frames and objects wait until it is known that they are of the study that they are asked for in (belongs.h): by metadata that was seen, that
// is in the cache, or that the PACS is asked for now. What is in the cache was proven when it came. Bounded: HZ_PROOFS_WAIT. Thread: one.
#ifndef HZ_MEDIA_DICOMWEB_PIPE_PROOF_H
#define HZ_MEDIA_DICOMWEB_PIPE_PROOF_H

#include "media/dicomweb/belongs.h"
#include "media/dicomweb/cache.h"
#include "media/dicomweb/fetch.h"

#define HZ_PROOFS_WAIT  512
#define HZ_PROOF_WAITER (UINT64_MAX - 1) // of requests; control's numbers never get there

#define HZ_PROOFS_READ 64 // metadata of the cache that are not read again

struct hz_proof_read {
	char key[HZ_DWEB_HASH_BYTES], hash[HZ_DWEB_HASH_BYTES];
	unsigned forgot; // hz_belongs_forgot() when it was read
};

struct hz_proof {
	struct hz_belongs *belongs; // owned
	struct hz_dweb_fetch *fetch;
	struct hz_dweb_get *wait; // owned
	unsigned count;
	struct hz_proof_read read[HZ_PROOFS_READ]; // a ring
	unsigned reads;                            // in all
};

int hz_proof_init(struct hz_proof *proof, struct hz_dweb_fetch *fetch); // -ENOMEM
void hz_proof_done(struct hz_proof *proof);
// Does it need none, or is it there? cache: NULL allowed.
bool hz_proof_has(struct hz_proof *proof, struct hz_dweb_cache *cache, const struct hz_dweb_request *request);
// It waits now. HZ_DWEB_OK, or why not.
enum hz_dweb_result hz_proof_wait(struct hz_proof *proof, const struct hz_dweb_get *get);
void hz_proof_cancel(struct hz_proof *proof, uint64_t id);
// What a PACS said to a request for metadata. HZ_DWEB_OK, or MISSING: it is of another study.
enum hz_dweb_result hz_proof_look(struct hz_proof *proof, const struct hz_dweb_request *request,
                                  const char *data, size_t bytes);
// Behind that, the next one that waited for it: false: no more. *ret_result: HZ_DWEB_OK: go on.
bool hz_proof_next(struct hz_proof *proof, const struct hz_dweb_request *request, enum hz_dweb_result result,
                   struct hz_dweb_get *ret, enum hz_dweb_result *ret_result);

#endif
