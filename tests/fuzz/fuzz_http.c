// Request heads as the server reads them, in pieces of any size, and the helpers that handlers use on what came out.
// The socket, TLS and timers around them are libwebsockets'; tests/unit/server drives those over real sockets.
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "signaling/server/head.h"
#include "signaling/server/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool truth)
{
	if (!truth)
		abort();
}

// What handlers rely on.
static void check_head(const struct hz_head *head)
{
	must(head->path[0] == '/' && !strstr(head->path, "//") && !strstr(head->path, "/../"));
	must(hz_utf8_valid(head->path, strlen(head->path)));
	for (const char *at = head->path; *at; at++)
		must((unsigned char)*at >= 0x20 && *at != 0x7f);
	must(head->header[HZ_H_HOST] != NULL);
	for (int i = 0; i < HZ_H_COUNT; i++)
		for (const char *at = head->header[i]; at && *at; at++)
			must((unsigned char)*at >= 0x20 || *at == '\t');
	must(head->length >= -1);
}

static void use(const struct hz_head *head)
{
	char value[64];
	struct hz_request req = {
	    .method = head->method, .path = head->path, .query = head->query, .body = ""};
	memcpy(req.header, head->header, sizeof(req.header));
	if (hz_request_query(&req, "a", value, sizeof(value)) == 0)
		must(strlen(value) < sizeof(value));
	if (hz_request_cookie(&req, "k", value, sizeof(value)) == 0)
		must(strlen(value) < sizeof(value));
	const char *token = hz_request_bearer(&req);
	must(!token || (*token && !strchr(token, ' ')));
	hz_request_accepts(&req, "application/sdp");
	hz_request_content_is(&req, "application/json");
	if (req.header[HZ_H_IF_MATCH])
		hz_etag_listed(req.header[HZ_H_IF_MATCH], "\"a\"");
}

// The first byte says how large the pieces are in which the rest arrives.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hz_head head;
	if (size < 1)
		return 0;
	const char *bytes = (const char *)data + 1;
	size_t n = size - 1, piece = data[0] ? data[0] : n, have = 0, seen = 0;
	long whole = hz_head_complete(bytes, n, 0), got = 0;
	while (have < n && !got) {
		have = have + piece < n ? have + piece : n;
		got = hz_head_complete(bytes, have, seen);
		seen = have;
	}
	must(whole <= 0 || got == whole); // the cuts change nothing
	must(whole <= (long)n && got <= (long)n);
	if (got <= 0)
		return 0;
	char *text = malloc((size_t)got);
	if (!text)
		return 0;
	memcpy(text, bytes, (size_t)got);
	int status = hz_head_parse(text, (size_t)got, &head);
	must(status == 0 || (status >= 400 && status < 600));
	if (status == 0) {
		check_head(&head);
		use(&head);
	}
	free(text);
	return 0;
}
