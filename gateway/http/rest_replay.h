// Looking at records over REST: what rest_replay.c (records, files) and rest_viewings.c (who looks) say to each other.
// Thread: control's.
#ifndef HZ_GATEWAY_HTTP_REST_REPLAY_H
#define HZ_GATEWAY_HTTP_REST_REPLAY_H

#include "gateway/session/record/replay.h"
#include "gateway/http/rest.h"

// Who fetches a file: of a viewing that was opened, or of a token.
struct hz_rest_viewer {
	enum hz_role role;
	char view[HZ_PASS_VIEW_CHARS + 1];
	char participant[HZ_ID_TEXT_BYTES], name[HZ_NAME_TEXT_BYTES];
};

// The record of the path, for the token of the call. false: the response is a problem.
bool hz_rest_replay_enter(struct hz_rest_call *call, struct hz_replay_record *ret);
// For a path that takes a pass or a token. false: the response is a problem.
bool hz_rest_viewer(struct hz_rest_call *call, struct hz_replay_record *ret_record,
                    struct hz_rest_viewer *ret);
// Writes down that this is shown to them now. 0, or -errno: then it may not be.
int hz_rest_viewer_note(struct hz_rest_call *call, const struct hz_replay_record *record,
                        const struct hz_rest_viewer *viewer, const char *what);
// The same for a token's own request, unless it is part of a viewing that was opened.
int hz_rest_viewing_note(struct hz_rest_call *call, const struct hz_replay_record *record, const char *what);

#endif
