// Participants: entering, the lobby, their session (the WebSocket and what outlives it), leaving. Functions that end one
// free it: the pointer is gone afterwards. Thread: control's.
#ifndef HZ_GATEWAY_SESSION_PARTICIPANT_H
#define HZ_GATEWAY_SESSION_PARTICIPANT_H

#include "gateway/session/model.h"

struct hz_participant *hz_participant_find(const struct hz_consult *consult,
                                           const char *id); // NULL: not here now

// True if one more may come. waits: its role waits in the lobby; the last tenth of the places is not for those.
bool hz_participant_room(const struct hz_brain *brain, const struct hz_consult *consult, bool waits);

// Makes or updates the participant of a verified token: into the lobby (and rings) when the token needs admission and
// nobody admitted it yet, also when it was here in a role that needs none. -ENOSPC: the consult is full; -ENOMEM.
int hz_participant_enter(struct hz_brain *brain, struct hz_consult *consult, const struct hz_claims *claims,
                         struct hz_participant **ret);

// A new session on this socket, resumed with this key, which is nobody's; an older one is told `end {replaced}` and closed, its media
// ends.
int hz_participant_start_session(struct hz_brain *brain, struct hz_participant *p, struct hz_conn *conn,
                                 const char *key);

// The session goes on on another socket; an older one is closed with 4001.
void hz_participant_resume(struct hz_brain *brain, struct hz_participant *p, struct hz_conn *conn);

// Tells it what it missed while it was away: that its transport is over.
void hz_participant_remind(struct hz_brain *brain, const struct hz_participant *p);

// Whose session this resume key continues; NULL: nobody's.
struct hz_participant *hz_participant_by_key(struct hz_brain *brain, const char *key);

// Enters a loaded session into brain->sessions.
int hz_participant_index_session(struct hz_brain *brain, struct hz_participant *p);

// Its socket is gone: away for HZ_RESUME_MS.
void hz_participant_detach(struct hz_brain *brain, struct hz_participant *p);

// Tells and closes the socket, forgets the resume key. Inside gateway/session: hz_participant_end_session() is the whole.
void hz_session_close(struct hz_brain *brain, struct hz_participant *p, const char *reason);

// Ends the session and its media; the participant leaves unless a WHIP or WHEP resource keeps it. reason: of the `end`
// push, NULL: none (nobody listens).
void hz_participant_end_session(struct hz_brain *brain, struct hz_participant *p, const char *reason);

// Leaves when neither a session nor a media peer is left.
void hz_participant_maybe_leave(struct hz_brain *brain, struct hz_participant *p);

// Ends everything at once. status: HZ_STATUS_LEFT or HZ_STATUS_REMOVED.
void hz_participant_end(struct hz_brain *brain, struct hz_participant *p, uint8_t status, const char *reason);

// Lets it in. by: who did.
void hz_participant_admit(struct hz_brain *brain, struct hz_participant *p, const char *by);

// Back to the lobby: nothing of it is forwarded, nothing to it, at once. -EPERM: its role does not wait in a lobby.
int hz_participant_return(struct hz_brain *brain, struct hz_participant *p);

// Out, and its tokens and links with it. -errno of the store: nothing was changed.
int hz_participant_remove(struct hz_brain *brain, struct hz_participant *p);

bool hz_participant_away(const struct hz_participant *p);
unsigned hz_lobby_position(const struct hz_participant *p); // from 1; 0: not waiting

// Frees memory only (at the end of the process).
void hz_participant_free_memory(struct hz_participant *p);

#endif
