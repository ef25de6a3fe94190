// The audience of a broadcast: what its viewers ask and say, what becomes of it, and what they are told beside the picture
// (docs/decisions/016-the-broadcast.md). Viewers stay without names and out of every list: a message has the name its sender
// chose, if any, and nothing of a participant goes out but the title of the role that answered.
//
// It begins with the first broadcast of a consult and stays until the consult is closed: also when there is no broadcast,
// somebody waits for one or has seen one. What is acknowledged is in the store. Thread: control's.
#ifndef HZ_GATEWAY_SESSION_BROADCAST_AUDIENCE_H
#define HZ_GATEWAY_SESSION_BROADCAST_AUDIENCE_H

#include <jansson.h>

#include "gateway/base/map.h"
#include "gateway/session/model.h"
#include "signaling/server/http.h"

#define HZ_AUDIENCE_QUESTIONS                                                                                \
	1000 // of a broadcast, in memory; full: the oldest that nobody decided is dropped
#define HZ_AUDIENCE_CHAT     300
#define HZ_AUDIENCE_WAITING  5     // of one sender, not decided
#define HZ_AUDIENCE_SENDERS  8192  // whose rate is known
#define HZ_AUDIENCE_WATCHERS 20000 // of the delayed leg, who are counted
#define HZ_AUDIENCE_PAGE     25 // messages of one answer to the desk: at most a half of what a socket may queue
#define HZ_AUDIENCE_FEED     50   // messages of one answer to a viewer
#define HZ_AUDIENCE_HELD     2000 // answers of the feed that wait, of all consults; others are answered at once
#define HZ_AUDIENCE_SLOW_S   600
#define HZ_POSTER_BYTES      (224u * 1024)

enum hz_audience_kind { HZ_AUDIENCE_QUESTION, HZ_AUDIENCE_CHAT_LINE, HZ_AUDIENCE_KINDS };
enum hz_audience_mode { HZ_AUDIENCE_OFF, HZ_AUDIENCE_MODERATED, HZ_AUDIENCE_OPEN, HZ_AUDIENCE_MODES };
enum hz_audience_state { // in the store: numbers stay; viewers see the second to the fourth
	HZ_AUDIENCE_WAITS,
	HZ_AUDIENCE_APPROVED,
	HZ_AUDIENCE_ANSWERING,
	HZ_AUDIENCE_ANSWERED,
	HZ_AUDIENCE_REJECTED,
	HZ_AUDIENCE_DROPPED, // nobody looked at it before there were too many
	HZ_AUDIENCE_STATES,
};

struct hz_audience_settings {
	bool questions, count; // they may be asked; viewers see how many they are
	uint8_t chat;          // enum hz_audience_mode
	unsigned slow_s;       // at least so long between two of a sender
	int64_t starts_ms;     // 0: not told
	char poster[HZ_LABEL_BYTES];
};

struct hz_audience_message {
	struct hz_audience_message *prev, *next; // in the order of their last change
	int64_t id, time_ms;
	uint64_t revision;
	uint8_t kind, state;
	bool was_shown;
	char sender[HZ_ID_TEXT_BYTES];
	char by[HZ_ID_TEXT_BYTES]; // who decided last; ""
	uint8_t role;              // enum hz_role of that one
	char *name, *text, *answer;
};

struct hz_audience {
	struct hz_audience_settings is;
	struct hz_audience_message *first, *last;
	unsigned count[HZ_AUDIENCE_KINDS], waiting[HZ_AUDIENCE_KINDS];
	uint64_t dropped;
	uint64_t shown;          // the newest revision that viewers are told
	uint64_t revision, head; // of messages; of all else that viewers are told
	uint32_t epoch;          // another one: what a viewer has is of before
	int64_t after;           // messages up to this one are of earlier broadcasts
	unsigned viewers, peak;
	bool unsaved; // the peak
	int64_t saved_us, tokens_us;
	struct hz_map *senders;
	struct hz_map *watchers; // of the delayed leg, by subject; NULL: none yet
	int64_t swept_us;
	struct hz_feed_wait *waits;
	bool wake, wake_now; // they are to be told; at once
	int64_t woke_us, counted_us;
	bool recount;
	char image_type[16]; // of the poster; "": none
	uint64_t image;      // counts its changes
};

// A broadcast begins: its messages are its own. -ENOMEM, or of the store.
int hz_audience_begin(struct hz_brain *brain, struct hz_consult *consult);
// Something that viewers are told has changed. now: does not wait for what else may change.
void hz_audience_touch(struct hz_brain *brain, struct hz_consult *consult, bool now);
// Once a second or so: the number of viewers.
void hz_audience_tick(struct hz_brain *brain, struct hz_consult *consult);

// What a body says over what is set already (schema audience.set, checked).
void hz_audience_parse(const json_t *body, struct hz_audience_settings *in_out);
// -ENOENT: there is no broadcast.
int hz_audience_set(struct hz_brain *brain, struct hz_consult *consult,
                    const struct hz_audience_settings *wish, const char *by);
// bytes 0: none any more. -EINVAL neither a PNG nor a JPEG; -E2BIG; -ENOENT.
int hz_audience_poster(struct hz_brain *brain, struct hz_consult *consult, const void *image, size_t bytes,
                       const char *by);

struct hz_audience_post {
	const char *sender; // the subject of its token
	uint8_t kind;
	const char *name, *text; // checked by the schema; name "": none
};
// 0 and the message; -ENOENT no broadcast; -EPERM not now; -EAGAIN too fast: *ret_wait_s; -EDQUOT too many wait; -EINVAL
// nothing that can be seen; of the store.
int hz_audience_say(struct hz_brain *brain, struct hz_consult *consult, const struct hz_audience_post *post,
                    unsigned *ret_wait_s, const struct hz_audience_message **ret);
// A moderator's word. answer NULL: as it was. -ENOENT; -EINVAL a line of chat is not answered.
int hz_audience_decide(struct hz_brain *brain, struct hz_participant *p, int64_t id, uint8_t state,
                       const char *answer);
struct hz_audience_message *hz_audience_find(const struct hz_audience *audience, int64_t id);
bool hz_audience_shown(uint8_t state);

// --- what is told (audience_json.c)

const char *hz_audience_kind_name(uint8_t kind);
const char *hz_audience_state_name(uint8_t state);
int hz_audience_kind_parse(const char *name, uint8_t *ret);  // -EINVAL
int hz_audience_state_parse(const char *name, uint8_t *ret); // -EINVAL
// To the store, and back. NULL: no memory.
json_t *hz_audience_settings_json(const struct hz_audience *audience);
// For directors: settings and counts; one message.
json_t *hz_audience_desk_json(const struct hz_audience *audience);
json_t *hz_audience_message_json(const struct hz_audience_message *m);
// For viewers: cursor "": everything that is shown now.
json_t *hz_audience_feed_json(struct hz_brain *brain, const struct hz_consult *consult, const char *cursor);
// Of the same, if its cursor is the newest: with quotes.
void hz_audience_etag(const struct hz_consult *consult, char *ret, size_t bytes);

// Keeps a feed's answer until there are news, for some seconds. false: answer at once.
bool hz_audience_hold(struct hz_brain *brain, struct hz_consult *consult, struct hz_response *res,
                      const char *cursor);
// Tells those who wait what is due. When the next one is (now_us scale), INT64_MAX: none.
int64_t hz_audience_due(struct hz_brain *brain);
void hz_audience_feed_tick(struct hz_brain *brain, struct hz_consult *consult);
void hz_audience_feed_end(struct hz_consult *consult);

// --- the delayed leg (audience_legs.c)

// Whoever has a token of this subject plays it (files), or does not: counted for 40 s, once.
void hz_audience_watches(struct hz_brain *brain, struct hz_consult *consult, const char *sub, bool files);
bool hz_audience_plays(const struct hz_consult *consult, const char *sub); // is counted so now
unsigned hz_audience_watching(const struct hz_consult *consult);
unsigned hz_audience_viewers(const struct hz_consult *consult); // of both legs

// --- gone (audience_erase.c)

// Settings, messages and poster, of open and closed consults; audited. -EBUSY: there is a broadcast; -errno of the store.
int hz_audience_erase(struct hz_brain *brain, const char *id, const char *by, int64_t *ret_messages);
void hz_audience_expire(struct hz_brain *brain); // whose time is over

// --- life

int hz_audience_load(struct hz_brain *brain);
void hz_audience_free_memory(struct hz_consult *consult);

#endif
