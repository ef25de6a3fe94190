// A broadcast of theatres in front of a mosaic: a director who says what is on the air, viewers, and what their workers and the mosaic
// make of it.
#ifndef HZ_TESTS_UNIT_SESSION_AIR_RIG_H
#define HZ_TESTS_UNIT_SESSION_AIR_RIG_H

#include "gateway/session/broadcast/broadcast.h"
#include "tests/unit/session/picture_rig.h"

#define PATH   "/api/v1/consults/c1/broadcast"
#define VIEWER "a:0:recv v:1:recv"

static inline struct web *rest_as(struct rig *rig, enum hz_http_method method, const char *path,
                                  const char *role, const char *body)
{
	static char token[4096];
	snprintf(token, sizeof(token), "%s", rig_sign(rig, (struct rig_token){.sub = "dir", .role = role}));
	return web_ask(rig, (struct web_ask){.method = method, .path = path, .token = token, .body = body});
}

static inline struct web *rest(struct rig *rig, enum hz_http_method method, const char *path,
                               const char *body)
{
	return rest_as(rig, method, path, "director", body);
}

// WHIP or WHEP; the answer's status.
static inline int post(struct rig *rig, const char *path, const char *sub, const char *role,
                       const char *lines)
{
	static char sdp[OFFER_BYTES], token[4096];
	static unsigned session = 100;
	snprintf(sdp, sizeof(sdp), "%s",
	         offer_sdp((struct offer_spec){.lines = lines, .session = ++session}));
	snprintf(token, sizeof(token), "%s", rig_sign(rig, (struct rig_token){.sub = sub, .role = role}));
	return web_ask(rig, (struct web_ask){.method = HZ_POST,
	                                     .path = path,
	                                     .token = token,
	                                     .body = sdp,
	                                     .type = "application/sdp"})
	    ->status;
}

// Of the viewer, as its worker knows it.
static inline const struct hz_cmd_sub_set *shown_slot(const struct rig *rig)
{
	const struct hz_cmd_sub_set *found = NULL;
	for (unsigned w = 0; w < 2; w++) {
		for (unsigned i = 0; i < HZ_MAX_SUBS; i++) {
			const struct hz_cmd_sub_set *s = &worker(rig, w)->sub[i];
			if (s->sub && s->kind == HZ_KIND_VIDEO && s->flags & HZ_SUB_LIVE)
				found = s;
		}
	}
	assert_non_null(found);
	return found;
}

// The rendition whose track the viewer's slot shows; NULL: it shows something else, or nothing.
static inline const struct hz_mosaic_rendition_set *painted(const struct rig *rig)
{
	const struct hz_cmd_sub_set *s = shown_slot(rig);
	const struct hz_cmd_track_set *t = NULL;
	for (unsigned w = 0; w < 2; w++) {
		const struct hz_cmd_track_set *at = &worker(rig, w)->track[HZ_ID_SLOT(s->track)];
		if (s->track && at->track == s->track && !(s->flags & HZ_SUB_PAUSED))
			t = at;
	}
	for (unsigned i = 0; t && i < 64; i++) {
		const struct hz_mosaic_rendition_set *r = &known[2][i].set.rendition;
		if (known[2][i].live && r->ssrc == t->ssrc[0] && r->member && r->workers)
			return r;
	}
	return NULL;
}

#endif
