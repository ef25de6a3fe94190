// Looking at finished records: who may, what is shown, and that each viewing is written down before anything is shown.
// REST is in rest_replay.c and rest_viewings.c, the page in web/pages/records. Thread: control's.
//
// Who may (docs/PROTOCOL.md, "Records"): an auditor (grant `audit`) and an admin see every record of their token's consult, or of
// all consults when it has none; whoever has the grant `record` besides (clinic, expert) those of the consults they were in
// themselves while it was recorded. To all others no record exists.
#ifndef HZ_GATEWAY_SESSION_RECORD_REPLAY_H
#define HZ_GATEWAY_SESSION_RECORD_REPLAY_H

#include "gateway/session/model.h"
#include "gateway/session/record/replay_files.h"
#include "gateway/session/record/replay_pass.h"
#include "gateway/store/viewings.h"

#define HZ_REPLAY_UNHANDED 200 // files written at a time, of those that could not be before

struct hz_replay {
	char dir[HZ_RECORD_PATH_BYTES]; // the record store
	uint8_t key[HZ_SHA256_BYTES];   // of passes
	struct hz_replay_lists *lists;
};

int hz_replay_new(const char *dir, struct hz_replay **ret); // -ENOMEM, -ENAMETOOLONG
void hz_replay_free(struct hz_replay *replay);              // NULL is fine

enum hz_replay_scope { HZ_REPLAY_NONE, HZ_REPLAY_OWN, HZ_REPLAY_ALL };
enum hz_replay_scope hz_replay_scope(const struct hz_claims *claims);

struct hz_replay_record {
	char id[HZ_RECORD_ID_BYTES], consult[HZ_ID_TEXT_BYTES], started_by[HZ_ID_TEXT_BYTES];
	int64_t started_ms, ended_ms;
	bool found; // its folder has a state that can be read
	char folder[HZ_RECORD_PATH_BYTES];
	struct hz_record_state state;
};

// Looks a record up and whether these claims may see it. -ENOENT: not there or not for them, which is the same to the caller.
int hz_replay_enter(struct hz_brain *brain, const struct hz_claims *claims, const char *id,
                    struct hz_replay_record *ret);
// The same without claims: for who has a pass.
int hz_replay_get(struct hz_brain *brain, const char *id, struct hz_replay_record *ret);
void hz_replay_fill(struct hz_brain *brain, const struct hz_record_row *row, struct hz_replay_record *ret);

// Writes a viewing down, durably: into the store, as a file audit/<number>.json into the record's folder, and noted for the archive,
// which hands it on to the EMR (recorder/record/viewing.h). Once for each `what` of a view; repeating it is 0. -errno: nothing may be shown. A file that cannot be
// written now is written later.
int hz_replay_note(struct hz_brain *brain, const struct hz_replay_record *record,
                   const struct hz_viewing_row *row);
// Writes the files that could not be written when they were due. From the sweep, once a minute.
void hz_replay_hand_over(struct hz_brain *brain);

#endif
