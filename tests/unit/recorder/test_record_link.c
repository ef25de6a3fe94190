// The link to the recorder, with the test as the recorder: what is said when, repeated, confirmed; a full queue; nonsense.
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/base/seqpacket.h"
#include "gateway/link/record_link.h"

#define RECORD "0190a1b2-0000-7000-8000-00000000000a"
#define TRACK  HZ_ID(3, 1)

struct world {
	struct hz_record_link *link;
	int fd[2]; // [0]: the recorder's
	struct hz_rec_msg msg;
	char text[HZ_REC_MESSAGE_BYTES + 1];
	char log[4096]; // of callbacks
};

static void note(struct world *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void note(struct world *w, const char *fmt, ...)
{
	size_t n = strlen(w->log);
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(w->log + n, sizeof(w->log) - n, fmt, ap);
	va_end(ap);
}

static void on_open(void *ctx, const char *record, uint64_t newest, int err)
{
	note(ctx, "open %c %llu %d;", record[35], (unsigned long long)newest, err);
}

static void on_track(void *ctx, const char *record, unsigned worker, hz_id track, int err)
{
	note(ctx, "track %c %u %x %d;", record[35], worker, track, err);
}

static void on_track_closed(void *ctx, const char *record, unsigned worker, hz_id track, int err)
{
	note(ctx, "closed %c %u %x %d;", record[35], worker, track, err);
}

static void on_event(void *ctx, const char *record, uint64_t number, int err)
{
	note(ctx, "event %c %llu %d;", record[35], (unsigned long long)number, err);
}

static void on_state(void *ctx, const char *record, enum hz_rec_state state, const char *text)
{
	note(ctx, "state %c %u %s;", record[35], state, text);
}

static void on_ready(void *ctx, bool ready)
{
	note(ctx, "ready %d;", ready);
}

static const struct hz_record_link_ops ops = {.on_open = on_open,
                                              .on_track = on_track,
                                              .on_track_closed = on_track_closed,
                                              .on_event = on_event,
                                              .on_state = on_state,
                                              .on_ready = on_ready};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	assert_int_equal(hz_seqpacket_pair(65536, w->fd), 0);
	assert_int_equal(hz_record_link_new(w->fd[1], &ops, w, &w->link), 0);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	hz_record_link_free(w->link);
	close(w->fd[0]);
	close(w->fd[1]);
	free(w);
	return 0;
}

// The recorder's next message; false: there is none.
static bool hears(struct world *w)
{
	static union {
		struct hz_rec_msg head;
		char raw[HZ_REC_MESSAGE_BYTES + 1];
	} m;
	size_t bytes;
	hz_record_link_flush(w->link);
	if (hz_seqpacket_recv(w->fd[0], &m, HZ_REC_MESSAGE_BYTES, &bytes))
		return false;
	m.raw[bytes] = '\0';
	assert_int_equal(m.head.bytes, bytes);
	assert_int_equal(m.head.version, HZ_REC_API_VERSION);
	w->msg = m.head;
	strcpy(w->text, m.raw + sizeof(m.head));
	return true;
}

static void expect(struct world *w, enum hz_rec_type type)
{
	assert_true(hears(w));
	assert_int_equal(w->msg.type, type);
}

static void says(struct world *w, enum hz_rec_type type, const char *record, int value, uint64_t number)
{
	struct hz_rec_msg m = {.version = HZ_REC_API_VERSION,
	                       .type = type,
	                       .bytes = sizeof(m),
	                       .seq = w->msg.seq,
	                       .value = value,
	                       .number = number};
	strcpy(m.record, record);
	assert_int_equal(hz_seqpacket_send(w->fd[0], &m, sizeof(m)), 0);
	assert_int_equal(hz_record_link_read(w->link), 0);
}

static void acks(struct world *w, int err)
{
	char record[HZ_REC_ID_BYTES];
	memcpy(record, w->msg.record, sizeof(record));
	says(w, HZ_REC_ACK, record, err, 0);
}

static void is_log(struct world *w, const char *text)
{
	assert_string_equal(w->log, text);
	w->log[0] = '\0';
}

static void start_empty(struct world *w)
{
	hz_record_link_start(w->link);
	expect(w, HZ_REC_BEGIN);
	expect(w, HZ_REC_END);
	acks(w, 0);
	is_log(w, "ready 1;");
}

static void begin(struct world *w)
{
	start_empty(w);
	assert_int_equal(hz_record_link_open(w->link, RECORD, "{1}"), 0);
	expect(w, HZ_REC_OPEN);
	assert_string_equal(w->msg.record, RECORD);
	assert_string_equal(w->text, "{1}");
	acks(w, 0);
	is_log(w, "open a 0 0;");
}

static void in_order_behind_its_open(void **state)
{
	struct world *w = *state;
	start_empty(w);
	assert_int_equal(hz_record_link_open(w->link, RECORD, "{1}"), 0);
	assert_int_equal(hz_record_link_event(w->link, RECORD, 6, "{e}", 77), 0);
	assert_int_equal(hz_record_link_track_open(w->link, RECORD, 2, TRACK, "{t}", 99), 0);
	expect(w, HZ_REC_OPEN);
	assert_false(hears(w)); // nothing before the record is on disk
	says(w, HZ_REC_ACK, RECORD, 0, 5);
	is_log(w, "open a 5 0;");
	expect(w, HZ_REC_EVENT);
	assert_int_equal(w->msg.number, 6);
	assert_int_equal(w->msg.at_us, 77);
	acks(w, 0);
	expect(w, HZ_REC_TRACK_OPEN);
	assert_int_equal(w->msg.worker, 2);
	assert_int_equal(w->msg.track, TRACK);
	assert_int_equal(w->msg.at_us, 99);
	assert_string_equal(w->text, "{t}");
	acks(w, 0);
	is_log(w, "event a 6 0;track a 2 10003 0;");
	assert_int_equal(hz_record_link_close(w->link, RECORD), 0);
	expect(w, HZ_REC_CLOSE);
	acks(w, 0);
	is_log(w, "state a 4 {};");
	assert_int_equal(hz_record_link_close(w->link, RECORD), -ENOENT);
}

static void a_close_waits_for_events(void **state)
{
	struct world *w = *state;
	begin(w);
	assert_int_equal(hz_record_link_event(w->link, RECORD, 1, "{e}", 1), 0);
	assert_int_equal(hz_record_link_close(w->link, RECORD), 0);
	assert_int_equal(hz_record_link_event(w->link, RECORD, 2, "{e}", 1), -EINVAL);
	expect(w, HZ_REC_EVENT);
	assert_false(hears(w));
	acks(w, 0);
	expect(w, HZ_REC_CLOSE);
}

// The recorder died: everything again, but for what its successor has on disk.
static void everything_again(void **state)
{
	struct world *w = *state;
	begin(w);
	assert_int_equal(hz_record_link_track_open(w->link, RECORD, 0, TRACK, "{t}", 1), 0);
	expect(w, HZ_REC_TRACK_OPEN);
	acks(w, 0);
	assert_int_equal(hz_record_link_track_open(w->link, RECORD, 0, TRACK + 1, "{u}", 1), 0);
	expect(w, HZ_REC_TRACK_OPEN);
	assert_int_equal(hz_record_link_track_close(w->link, RECORD, 0, TRACK + 1, true), 0);
	for (uint64_t i = 1; i <= 3; i++)
		assert_int_equal(hz_record_link_event(w->link, RECORD, i, "{e}", 1), 0);
	expect(w, HZ_REC_TRACK_CLOSE);
	assert_int_equal(w->msg.flags, HZ_REC_DISCARD);
	expect(w, HZ_REC_EVENT);
	w->log[0] = '\0';
	says(w, HZ_REC_HELLO, "", 77, 0);
	is_log(w, "closed a 0 10004 0;ready 0;"); // it went with the recorder
	while (hears(w) && w->msg.type != HZ_REC_BEGIN)
		; // meant for the one before
	assert_int_equal(w->msg.value, 77);
	expect(w, HZ_REC_OPEN);
	says(w, HZ_REC_ACK, RECORD, 0, 2);
	is_log(w, "event a 1 0;event a 2 0;open a 2 0;");
	expect(w, HZ_REC_EVENT);
	assert_int_equal(w->msg.number, 3);
	acks(w, 0);
	expect(w, HZ_REC_TRACK_OPEN);
	assert_int_equal(w->msg.track, TRACK);
	acks(w, 0);
	expect(w, HZ_REC_END);
	acks(w, 0);
	is_log(w, "event a 3 0;track a 0 10003 0;ready 1;");
	assert_false(hears(w));
}

static void consent_given_again(void **state)
{
	struct world *w = *state;
	begin(w);
	assert_int_equal(hz_record_link_track_open(w->link, RECORD, 0, TRACK, "{t}", 1), 0);
	expect(w, HZ_REC_TRACK_OPEN);
	assert_int_equal(hz_record_link_track_close(w->link, RECORD, 0, TRACK, true), 0);
	acks(w, 0); // too late: it is not to be marked any more
	is_log(w, "");
	expect(w, HZ_REC_TRACK_CLOSE);
	assert_int_equal(hz_record_link_track_open(w->link, RECORD, 0, TRACK, "{v}", 50), 0);
	acks(w, 0);
	is_log(w, "closed a 0 10003 0;");
	expect(w, HZ_REC_TRACK_OPEN);
	assert_int_equal(w->msg.at_us, 50);
	acks(w, 0);
	is_log(w, "track a 0 10003 0;");
}

static void refused(void **state)
{
	struct world *w = *state;
	start_empty(w);
	assert_int_equal(hz_record_link_open(w->link, RECORD, "{1}"), 0);
	assert_int_equal(hz_record_link_track_open(w->link, RECORD, 0, TRACK, "{t}", 1), 0);
	expect(w, HZ_REC_OPEN);
	acks(w, -EEXIST);
	is_log(w, "open a 0 -17;");
	assert_false(hears(w));
	assert_int_equal(hz_record_link_event(w->link, RECORD, 1, "{e}", 1), -ENOENT);
}

static void bounds(void **state)
{
	struct world *w = *state;
	static char large[HZ_REC_MESSAGE_BYTES];
	char id[HZ_REC_ID_BYTES];
	int err = 0;
	memset(large, 'x', sizeof(large) - 1);
	assert_int_equal(hz_record_link_open(w->link, RECORD, large), -EMSGSIZE);
	assert_int_equal(hz_record_link_open(w->link, RECORD, ""), -EINVAL);
	assert_int_equal(hz_record_link_open(w->link, "", "{}"), -EINVAL);
	assert_int_equal(hz_record_link_open(w->link, RECORD "0", "{}"), -EINVAL);
	for (unsigned i = 0; i < HZ_REC_MAX_RECORDS; i++) {
		snprintf(id, sizeof(id), "%036u", i);
		assert_int_equal(hz_record_link_open(w->link, id, "{}"), 0);
	}
	assert_int_equal(hz_record_link_open(w->link, RECORD, "{}"), -ENOSPC);
	for (unsigned i = 1; i <= HZ_REC_MAX_TRACKS; i++)
		assert_int_equal(hz_record_link_track_open(w->link, id, 0, i, "{}", 0), 0);
	assert_int_equal(hz_record_link_track_open(w->link, id, 0, 999, "{}", 0), -ENOSPC);
	assert_int_equal(hz_record_link_track_open(w->link, id, 0, 0, "{}", 0), -EINVAL);
	for (unsigned i = 1; !err; i++) {
		err = hz_record_link_event(w->link, id, i, "{}", 0);
		assert_true(i <= HZ_RECORD_LINK_EVENTS + 1);
	}
	assert_int_equal(err, -ENOBUFS);
	// A recorder that reads slowly gets it all, in pieces.
	hz_record_link_start(w->link);
	hz_record_link_flush(w->link);
	assert_true(hz_record_link_blocked(w->link));
	unsigned opened = 0;
	while (hears(w)) {
		opened += w->msg.type == HZ_REC_OPEN;
		if (w->msg.type != HZ_REC_BEGIN)
			acks(w, 0);
	}
	assert_int_equal(opened, HZ_REC_MAX_RECORDS);
	assert_true(hz_record_link_ready(w->link));
	assert_false(hz_record_link_blocked(w->link));
}

static void nonsense(void **state)
{
	struct world *w = *state;
	struct hz_record_link_counters c;
	uint8_t junk[300];
	begin(w);
	srand(1);
	for (unsigned i = 0; i < 3000; i++) {
		size_t n = 1 + (size_t)rand() % sizeof(junk);
		for (size_t k = 0; k < n; k++)
			junk[k] = (uint8_t)rand();
		struct hz_rec_msg head = {.version = HZ_REC_API_VERSION,
		                          .type = (uint32_t)(rand() % 80),
		                          .bytes = (uint32_t)n,
		                          .seq = (uint32_t)rand(),
		                          .value = rand() % 8};
		if (i % 3 && n >= sizeof(head)) {
			memset(head.record, i % 2 ? 'a' : 0, sizeof(head.record));
			if (i % 5 == 0)
				strcpy(head.record, RECORD);
			head.type = head.type == HZ_REC_HELLO ? 1 : head.type;
			memcpy(junk, &head, sizeof(head));
		}
		assert_int_equal(hz_seqpacket_send(w->fd[0], junk, n), 0);
		assert_int_equal(hz_record_link_read(w->link), 0);
	}
	hz_record_link_counters(w->link, &c);
	assert_true(c.bad_messages > 1000);
	assert_int_equal(c.records, 1);
	close(w->fd[0]);
	w->fd[0] = -1;
	assert_int_equal(hz_record_link_read(w->link), -EPIPE);
	assert_false(hz_record_link_ready(w->link));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
	    T(in_order_behind_its_open),
	    T(a_close_waits_for_events),
	    T(everything_again),
	    T(consent_given_again),
	    T(refused),
	    T(bounds),
	    T(nonsense),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
