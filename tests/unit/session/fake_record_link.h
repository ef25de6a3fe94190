// A recorder and the link to it in one, in memory: what it was told, and its answers when a test lets it answer.
// It stands in for gateway/link/record_link.c in this area's programs, and outlives a killed brain as a recorder does.
#ifndef HZ_TESTS_UNIT_SESSION_FAKE_RECORD_LINK_H
#define HZ_TESTS_UNIT_SESSION_FAKE_RECORD_LINK_H

#include <jansson.h>

#include "gateway/link/record_link.h"

#define FAKE_TRACKS 64
#define FAKE_EVENTS 512

struct fake_track {
	unsigned worker;
	hz_id id;
	bool open, discarded;
	int64_t since_us;
	json_t *text;
};

struct fake_record { // one journal
	char id[HZ_REC_ID_BYTES];
	bool closed;
	json_t *text;
	struct fake_track track[FAKE_TRACKS];
	unsigned tracks;
	json_t *event[FAKE_EVENTS]; // [number - 1]
	uint64_t newest;
};

struct fake_recorder {
	struct fake_record record[8];
	unsigned records;
	bool silent;   // answers nothing: what it is told it writes all the same
	bool absent;   // nobody is there: it is told nothing
	int open_err;  // answers OPEN with this
	unsigned room; // events that may wait for their ACK; 0: any number
	unsigned opens, track_opens, gaps;
};

extern struct fake_recorder fake_recorder;

void fake_recorder_reset(void);
struct fake_record *fake_record_newest(void); // NULL: none
struct fake_track *fake_track_of(struct fake_record *record, const char *participant, const char *source);
// How many events of this type; *ret: the last one.
unsigned fake_events(const struct fake_record *record, const char *type, const char *participant,
                     json_t **ret);
void fake_say_state(struct hz_record_link *link, const char *record, enum hz_rec_state state);
// Every track that is open is confirmed again, as after a restart of the recorder.
void fake_say_tracks(struct hz_record_link *link, struct fake_record *record);
void fake_say_disk(struct hz_record_link *link, enum hz_rec_disk disk);
void fake_say_ready(struct hz_record_link *link, bool ready);

#endif
