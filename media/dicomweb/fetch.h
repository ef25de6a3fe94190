// Requests to PACS over HTTP(S), many at once: at most 8 to each PACS, 256 in all; the same one twice is one; what nobody waits for
// any more is ended; who wants much waits behind who wants little. Answers are bounded in bytes and time; TLS is verified, nothing redirects. Thread: one.
#ifndef HZ_MEDIA_DICOMWEB_FETCH_H
#define HZ_MEDIA_DICOMWEB_FETCH_H

#include <stdbool.h>
#include <stddef.h>

#include "media/dicomweb/api.h"

#define HZ_DWEB_JOBS         256
#define HZ_DWEB_AT_ONCE      8                   // to one PACS
#define HZ_DWEB_ANSWER_BYTES ((size_t)256 << 20) // one
#define HZ_DWEB_MEMORY       ((size_t)512 << 20) // all that are under way
#define HZ_DWEB_WAITERS      512 // of one: as many as control lets wait; then the oldest is forgotten

struct hz_dweb_fetch;

struct hz_dweb_answer {
	uint64_t id;                // of this fetch, not of a waiter: for hz_dweb_fetch_over()
	enum hz_dweb_result result; // HZ_DWEB_OK: data, as the PACS sent it
	const char *data;
	size_t bytes;
	const char *type; // Content-Type; "" none
	const struct hz_dweb_request *request;
	const uint64_t *waiter;
	unsigned waiters;
};

struct hz_dweb_body {
	const char *type; // for good, or within data
	char *data;       // of malloc()
	size_t bytes;
	// With a file, data from head to tail goes before it, and what is behind tail after it: read while it is sent.
	bool has_file;
	int fd; // taken over
	uint64_t file_bytes;
	size_t head, tail;
};

struct hz_dweb_times { // 0: 5, 15, 300
	unsigned connect_s, stall_s, most_s;
};

// true: it is not over. The answer stays, and its waiters may become more or none, until hz_dweb_fetch_over().
typedef bool hz_dweb_answer_cb(void *ctx, const struct hz_dweb_answer *answer);

// -ENOMEM. Once a process, before threads.
int hz_dweb_fetch_new(const struct hz_dweb_times *times, hz_dweb_answer_cb *cb, void *ctx,
                      struct hz_dweb_fetch **ret);
void hz_dweb_fetch_free(struct hz_dweb_fetch *fetch); // NULL allowed; nobody is told
void hz_dweb_fetch_pacs(struct hz_dweb_fetch *fetch, const struct hz_dweb_pacs *pacs); // copied

// HZ_DWEB_OK: it is under way, and the callback comes once, not from in here.
enum hz_dweb_result hz_dweb_fetch_ask(struct hz_dweb_fetch *fetch, uint64_t id, uint64_t asker,
                                      const struct hz_dweb_request *request);
// STOW-RS into a study: body is taken over in any case. The same twice is two.
enum hz_dweb_result hz_dweb_fetch_store(struct hz_dweb_fetch *fetch, uint64_t id, const char *pacs,
                                        const char *study, struct hz_dweb_body *body);
void hz_dweb_fetch_cancel(struct hz_dweb_fetch *fetch, uint64_t id);
// What the callback kept: false when there is none such. hz_dweb_fetch_over() takes it away.
bool hz_dweb_fetch_kept(struct hz_dweb_fetch *fetch, uint64_t id, struct hz_dweb_answer *ret);
void hz_dweb_fetch_over(struct hz_dweb_fetch *fetch, uint64_t id);
// Waits for the network, some of fds (at most HZ_DWEB_FDS, -1: none) or the time, and does what is to be done. *ret: 1 << i: of
// fds[i] something can be read, or it is gone. -EIO.
#define HZ_DWEB_FDS 8
int hz_dweb_fetch_wait(struct hz_dweb_fetch *fetch, const int *fds, unsigned count, int timeout_ms,
                       unsigned *ret);
unsigned hz_dweb_fetch_waiting(const struct hz_dweb_fetch *fetch);

#endif
