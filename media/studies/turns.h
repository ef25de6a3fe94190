// Frames of the store that are not encoded, into HTJ2K: as huizhen-imaging does it (media/dicomweb/turn.h), by processes that decode and have
// nothing else, proven before anybody gets all of it. Kept in a cache beside the store, named by the object's content, so that what comes back
// under the same UID is another one; what a study has in it goes before the study does. Bounded: where as many as can be wait, frames go out
// as they are stored. Thread: one.
#ifndef HZ_MEDIA_STUDIES_TURNS_H
#define HZ_MEDIA_STUDIES_TURNS_H

#include "media/studies/answer.h"

struct hz_dweb_cache;
struct hz_local_turns;

// fd: borrowed, -1 none.
typedef void hz_local_done_cb(void *ctx, struct hz_dweb_done *done, int fd);
struct hz_local_turns_of {
	struct hz_local *local;
	struct hz_local_reader *reader;
	const int *fds; // ends of pairs with processes that decode; borrowed, as all of it
	unsigned count;
	hz_local_done_cb *done;
	void *ctx;
};

// Its cache: opened before a sandbox closes the folder. Empties it where the store is.
int hz_local_turns_open(const char *dir, uint64_t bytes, struct hz_local *local, struct hz_dweb_cache **ret);
// cache: owned from then on, NULL allowed: nothing is turned. -ENOMEM.
int hz_local_turns_new(const struct hz_local_turns_of *of, struct hz_dweb_cache *cache,
                       struct hz_local_turns **ret);
void hz_local_turns_free(struct hz_local_turns *turns); // NULL allowed; who waits is not told

// true: it is answered, or will be; false: it is to be answered as ever. get is valid.
bool hz_local_turns_get(struct hz_local_turns *turns, const struct hz_dweb_get *get);
void hz_local_turns_cancel(struct hz_local_turns *turns, uint64_t id);
// -EPIPE: who decodes is gone for good; the caller is to end.
int hz_local_turns_read(struct hz_local_turns *turns);
void hz_local_turns_tick(struct hz_local_turns *turns); // about once a second

#endif
