// Answers a GET with a file, whole or in part (RFC 9110, sections 13 and 14): conditions, ranges, 206 and 416. The file is
// read while the client takes it, a piece at a time, so that its size costs no memory. Thread: the server's.
#ifndef HZ_SIGNALING_SERVER_FILE_H
#define HZ_SIGNALING_SERVER_FILE_H

#include "signaling/server/http.h"

struct hz_file_reply {
	int fd;      // of a regular file; owned by the answer from here on, also on failure
	uint64_t at; // where in it the answer begins; what is before and behind is nobody's who asks
	uint64_t bytes;
	const char *type; // static
	const char *etag; // strong, with quotes
	// A range without an end gets at most this much (0: all of it). RFC 9110, 15.3.7: a server may send less than was asked
	// for; the client asks on. So players of many files at once do not hold all the connections a browser has for a host.
	uint64_t piece;
};

void hz_file_answer(const struct hz_file_reply *file, const struct hz_request *req, struct hz_response *res);

#endif
