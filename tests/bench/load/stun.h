// STUN of a load generator's ICE agent (RFC 8489, RFC 8445): checks in either role, answers to the server's checks.
// Trusts its peer (MESSAGE-INTEGRITY of what comes in is not looked at): it measures, it does not guard. Thread: any.
#ifndef HZ_TESTS_BENCH_LOAD_STUN_H
#define HZ_TESTS_BENCH_LOAD_STUN_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOAD_STUN_BYTES    256 // longest message made here
#define LOAD_STUN_ID_BYTES 12

enum load_stun_kind { LOAD_STUN_OTHER = 0, LOAD_STUN_REQUEST, LOAD_STUN_RESPONSE };

struct load_check {
	const char *username; // "remote:local"
	const char *pwd;      // the server's
	bool controlling;     // with USE-CANDIDATE
	uint64_t tie_breaker;
	uint8_t id[LOAD_STUN_ID_BYTES];
};

enum load_stun_kind load_stun_kind(const uint8_t *data, size_t bytes);

// A binding request into buf (LOAD_STUN_BYTES). Returns its bytes.
size_t load_stun_request(const struct load_check *check, uint8_t *buf);

// The success response to `request`, which came from `from` and was made with our `pwd`. Returns its bytes.
size_t load_stun_answer(const uint8_t *request, const struct sockaddr_in *from, const char *pwd,
                        uint8_t *buf);

#endif
