// One HTTP POST to a PACS or an EMR: body from memory and a file, streamed; answer bounded; no redirects; TLS 1.2 or later,
// always verified. Thread: any; one request is one thread's. hz_http_init() once before threads are started.
#ifndef HZ_RECORDER_OUTBOX_HTTP_H
#define HZ_RECORDER_OUTBOX_HTTP_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define HZ_HTTP_ANSWER_BYTES                                                                                 \
	(16u << 20) // more is cut off and ends the transfer; a Bundle of thousands is answered at length
#define HZ_HTTP_WHY_BYTES 128

struct hz_http_target { // "" or NULL: not configured
	const char *url;
	const char *user, *password;   // basic authentication
	const char *token;             // bearer
	const char *ca_file;           // PEM; else the system's
	const char *certificate, *key; // PEM files of the client (mTLS)
	unsigned connect_s, stall_s;   // 0: 10 and 120 s
	const _Atomic int *stop;       // set: give up now (-ECANCELED). May be NULL
};

struct hz_http_post {
	const char *url, *content_type, *accept;
	const char *head, *tail; // texts before and after the file; "" allowed
	const char *file;        // NULL: none
	uint64_t file_bytes;     // exactly so many
};

struct hz_http_answer {
	long status;
	char *body; // text with NUL; free()
	size_t bytes;
	char why[HZ_HTTP_WHY_BYTES]; // after an error: what went wrong, without URL
};

int hz_http_init(void);

// 0: there is an answer, whatever its status; -EHOSTUNREACH: nobody answered, or not wholly; -EPROTO: TLS or HTTP are wrong; -EMSGSIZE: the answer is too long;
// -ECANCELED; -ENOMEM; -errno of the file. ret->why is set in each case, the rest after 0 only.
int hz_http_post(const struct hz_http_target *target, const struct hz_http_post *post,
                 struct hz_http_answer *ret);

#endif
