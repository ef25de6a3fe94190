// The insides of record_link.h. record_link.c: the socket; record_link_want.c: what is wanted.
//
// Each record has a line of operations that wait for its OPEN to be acknowledged, and then are sent in the order in which
// they were asked for; what was sent waits in a second line for its ACK. A repetition throws both away and makes the first
// anew from what is remembered: events, then tracks, so that nothing is open before its consent is on disk.
#ifndef HZ_GATEWAY_LINK_RECORD_LINK_INTERNAL_H
#define HZ_GATEWAY_LINK_RECORD_LINK_INTERNAL_H

#include "gateway/base/map.h"
#include "gateway/link/record_link.h"

struct hz_rl_track {
	struct hz_rl_track *next;
	unsigned worker;
	hz_id id;
	bool closing;
	int64_t since_us;
	char *json;
};

struct hz_rl_event {
	struct hz_rl_event *next;
	uint64_t number;
	bool sent;
	int64_t at_us;
	size_t bytes;
	char json[];
};

struct hz_rl_op {
	struct hz_rl_op *next;
	enum hz_rec_type type; // TRACK_OPEN, TRACK_CLOSE, EVENT, OPEN (again), CLOSE
	uint32_t seq;
	uint8_t flags;
	unsigned worker; // TRACK_*
	hz_id track;
	uint64_t number; // EVENT
};

struct hz_rl_line {
	struct hz_rl_op *head, **tail;
};

enum hz_rl_open { HZ_RL_UNSENT = 0, HZ_RL_SENT, HZ_RL_OPEN };

struct hz_rl_record {
	char id[HZ_REC_ID_BYTES];
	char *json;
	enum hz_rl_open open;
	uint32_t open_seq;
	bool closing;    // wanted
	bool close_sent; // nothing follows
	struct hz_rl_line ops, sent;
	struct hz_rl_track *tracks;
	unsigned track_count;
	struct hz_rl_event *events, **events_tail; // not on disk, oldest first
};

enum hz_rl_phase { HZ_RL_STOPPED = 0, HZ_RL_BEGIN, HZ_RL_NAMING, HZ_RL_IDLE };

struct hz_record_link {
	int fd;
	const struct hz_record_link_ops *ops;
	void *ctx;
	struct hz_map *records; // by id
	enum hz_rl_phase phase;
	int32_t hello;    // of the newest HELLO; 0: none yet
	uint32_t seq;     // newest sent
	uint32_t end_seq; // of END, 0: not sent
	size_t event_bytes;
	bool ready, blocked;
	struct hz_record_link_counters counters;
};

// record_link_want.c
struct hz_rl_record *hz_rl_find(const struct hz_record_link *link, const char *record);
struct hz_rl_track *hz_rl_track(const struct hz_rl_record *r, unsigned worker, hz_id track);
struct hz_rl_event *hz_rl_event(const struct hz_rl_record *r, uint64_t number);
int hz_rl_push(struct hz_rl_record *r, const struct hz_rl_op *op); // copied
struct hz_rl_op *hz_rl_pop(struct hz_rl_line *line);
void hz_rl_move(struct hz_rl_line *from,
                struct hz_rl_line *to); // the first of the one behind the last of the other
struct hz_rl_op *hz_rl_take(struct hz_rl_line *line, uint32_t seq); // NULL: not there
void hz_rl_again(struct hz_record_link *link,
                 struct hz_rl_record *r); // its operations, anew from what is wanted
void hz_rl_events_upto(struct hz_record_link *link, struct hz_rl_record *r, uint64_t number); // are on disk
void hz_rl_event_done(struct hz_record_link *link, struct hz_rl_record *r, uint64_t number, int err);
void hz_rl_track_done(struct hz_record_link *link, struct hz_rl_record *r, const struct hz_rl_op *op,
                      int err);
void hz_rl_forget(struct hz_record_link *link, struct hz_rl_record *r); // frees it

#endif
