// WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep): their HTTP semantics, apart from sessions and SDP, which the ops
// know. No I/O, no clock. Thread: the caller's.
//
//	POST /whip/{consult}, POST /whep/{consult}/{source}	 application/sdp offer -> 201 answer, Location, ETag, Link
//	OPTIONS of the same					 204 with Accept-Post
//	PATCH, DELETE, OPTIONS of {endpoint's first segment}/{consult}/r/{resource}: the Location
//
// PATCH carries application/trickle-ice-sdpfrag (RFC 8840) with If-Match: the current ETag for trickle (204), the
// current ETag or "*" with other credentials for an ICE restart (200, fragment, new ETag); 428 without, 412 with
// another. CORS: any origin may ask (the bearer token is the only authority; no cookies are looked at).
#ifndef HZ_SIGNALING_WHIP_WHIP_H
#define HZ_SIGNALING_WHIP_WHIP_H

#include <stdbool.h>
#include <stddef.h>

#include "signaling/server/http.h"
#include "media/api.h"
#include "signaling/sdp/frag.h"

#define HZ_WHIP_NAME_BYTES 65 // consult, source and resource names with NUL: 1 to 64 of [A-Za-z0-9._-]
#define HZ_WHIP_ETAG_BYTES 40 // without quotes, with NUL: 1 to 39 of [A-Za-z0-9._-]
#define HZ_WHIP_LINKS      8

enum hz_whip_code {
	HZ_WHIP_OK = 0,
	HZ_WHIP_UNAUTHORISED, // 401: token missing, wrong, expired (never says which)
	HZ_WHIP_FORBIDDEN,    // 403
	HZ_WHIP_NOT_FOUND,    // 404: no such consult, source or resource, or it publishes nothing
	HZ_WHIP_CONFLICT,     // 409: already publishing, or the source cannot be watched now
	HZ_WHIP_BAD_SDP,      // 422: understood, but unusable; `reason`
	HZ_WHIP_BUSY,         // 503 with Retry-After
	HZ_WHIP_FAILED,       // 500
};

struct hz_whip_call {
	const struct hz_request *req;
	const char *token; // never NULL
	bool whep;
	char consult[HZ_WHIP_NAME_BYTES];
	char source[HZ_WHIP_NAME_BYTES];   // WHEP POST, else ""
	char resource[HZ_WHIP_NAME_BYTES]; // PATCH, DELETE, else ""
	void *user;                        // authorise() may leave what the later ops of the same call need
};

struct hz_whip_session { // filled by publish, subscribe, restart
	char resource[HZ_WHIP_NAME_BYTES];
	char etag[HZ_WHIP_ETAG_BYTES];
	char *sdp; // malloc'd: the answer, or (restart) nothing
	char *links
	    [HZ_WHIP_LINKS]; // malloc'd values of Link headers: <stun:host>; rel="ice-server"; NULL-ended if fewer
	char ufrag[HZ_UFRAG_BYTES];
	char pwd[HZ_PWD_BYTES]; // restart: the gateway's new credentials
	char reason[96];        // BAD_SDP: for the problem's detail
	unsigned retry_after_s; // BUSY
	bool later; // publish, subscribe, restart: sdp (restart: none) has to wait for candidates: ops->later
};

struct hz_whip_state { // of a resource
	char etag[HZ_WHIP_ETAG_BYTES];
	char remote_ufrag[HZ_UFRAG_BYTES]; // the client's current ones
	char remote_pwd[HZ_PWD_BYTES];
};

struct hz_whip_ops {
	// First in every call but OPTIONS: is the token good for this consult and role for this verb?
	enum hz_whip_code (*authorise)(void *ctx, struct hz_whip_call *call);
	enum hz_whip_code (*publish)(void *ctx, struct hz_whip_call *call, const char *offer, size_t bytes,
	                             struct hz_whip_session *ret);
	enum hz_whip_code (*subscribe)(void *ctx, struct hz_whip_call *call, const char *offer, size_t bytes,
	                               struct hz_whip_session *ret);
	// The resource's state. NOT_FOUND also when it belongs to another participant, consult or kind.
	enum hz_whip_code (*describe)(void *ctx, struct hz_whip_call *call, struct hz_whip_state *ret);
	enum hz_whip_code (*trickle)(void *ctx, struct hz_whip_call *call,
	                             const struct hz_sdp_frag *fragment);
	enum hz_whip_code (*restart)(void *ctx, struct hz_whip_call *call, const struct hz_sdp_frag *fragment,
	                             struct hz_whip_session *ret);
	// Completes the response with sdp and its candidates (owned from here on; NULL: the fragment that answers a
	// restart) as a body of that type, when they are there. res is held until then; -errno: not held.
	int (*later)(void *ctx, const char *resource, struct hz_response *res, const char *type, char *sdp);
	enum hz_whip_code (*end)(void *ctx, struct hz_whip_call *call);
};

// true if path is below /whip/ or /whep/: res is then filled. false: not ours, res untouched.
bool hz_whip_handle(const struct hz_whip_ops *ops, void *ctx, const struct hz_request *req,
                    struct hz_response *res);

#endif
