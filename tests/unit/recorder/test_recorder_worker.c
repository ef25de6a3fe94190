// A publisher with real ICE, DTLS and SRTP, a real worker and a real recorder, killed again and again: how much of the track
// is missing in the journal, and that nothing is in it twice.
#include <fcntl.h>

#include "tests/unit/recorder/recorder_rig.h"

#include "media/rtp/bytes.h"
#include "tests/unit/worker/client.h"

#define TRACK   HZ_ID(5, 1)
#define SSRC    4711
#define STEP_US 2000
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define WORST_US 3000000 // a sanitized worker takes its time to start
#else
#define WORST_US 1000000
#endif

static struct rr_content content;

static void mark(struct rig *worker, uint8_t flags)
{
	union hz_msg t = {.track_set = {.track = TRACK,
	                                .peer = HZ_ID(0, 1),
	                                .kind = HZ_KIND_VIDEO,
	                                .layer_count = 1,
	                                .pt_count = 1,
	                                .flags = flags,
	                                .ssrc = {SSRC},
	                                .pt = {{96, 97, HZ_CODEC_VP8, HZ_PT_NACK | HZ_PT_PLI}}}};
	snprintf(t.track_set.mid, HZ_MID_BYTES, "0");
	assert_int_equal(rig_command(worker, &t, HZ_CMD_TRACK_SET, sizeof(t.track_set)), 0);
}

static void publish(struct client *c, uint32_t number)
{
	uint8_t payload[988] = {0};
	struct hz_rtp_header h = {.ts = number * 90, .ssrc = SSRC, .seq = (uint16_t)number, .pt = 96};
	memcpy(payload, &number, sizeof(number));
	client_rtp(c, &h, payload, sizeof(payload));
}

static void read_back(struct recorder_rig *rr)
{
	uint8_t master[HZ_JOURNAL_KEY_BYTES];
	char folder[HZ_RECORD_PATH_BYTES];
	struct hz_journal_reader *reader;
	struct hz_journal_item item;
	memset(&content, 0, sizeof(content));
	assert_int_equal(hz_record_key_master(rr->key, master), 0);
	assert_int_equal(hz_record_folder(rr->dir, RECORD_A, STARTED_MS, folder), 0);
	assert_int_equal(hz_journal_reader_new(folder, master, &reader), 0);
	while (hz_journal_next(reader, &item) == 1) {
		if (item.kind != HZ_RECORD_RTP)
			continue;
		assert_int_equal(item.bytes, 12 + 988);
		assert_int_equal(hz_get32(item.data + 8), SSRC);
		memcpy(&content.number[content.packets], item.data + 12, 4);
		content.at_us[content.packets++] = item.at_us;
	}
	hz_journal_summary(reader, &content.summary);
	assert_true(content.summary.ended);
	hz_journal_reader_free(reader);
}

static void killed_again_and_again(void **state)
{
	struct rig *worker = rig_new(0);
	struct recorder_rig *rr = rr_new("/dev/shm");
	unsigned kills[2] = {0};
	uint32_t next = 0;
	union hz_msg msg;
	bool up = true;
	close(rr->taps); // the worker's
	rr->taps = fcntl(worker->fds.taps, F_DUPFD_CLOEXEC, 3);
	rr->workers = RIG_INDEX + 1;
	rr->ring_bytes = hz_worker_tap_bytes();
	rr->memory = NULL;
	(void)rig_expect(worker, HZ_EV_HELLO);
	struct client *c = client_new(worker, 0);
	assert_int_equal(client_set(c, 1, 0), 0);
	client_connect(c);
	mark(worker, 0);
	publish(c, 100000); // before any consent
	rr_start(rr);
	rr_record(rr, RECORD_A);
	rr_track_open(rr, RECORD_A, RIG_INDEX, TRACK, 0);
	hz_record_link_start(rr->link);
	rr_expect(rr, "track", 0, 1);
	mark(worker, HZ_TRACK_TAP);
	srand(5);
	int64_t began_us = hz_now_us(), kill_us = began_us + 400000, check_us = 0;
	while (hz_now_us() < began_us + 10000000) {
		publish(c, next++);
		for (int64_t until = began_us + (int64_t)next * STEP_US; hz_now_us() < until;)
			rr_turn(rr);
		if (hz_now_us() > check_us) { // RFC 7675; nobody reads the answers
			client_check_send(c, c->pwd, true);
			check_us = hz_now_us() + 2000000;
		}
		while (rig_event(worker, &msg, 0))
			up = up || msg.h.type == HZ_EV_HELLO;
		if (!up ||
		    !hz_record_link_ready(rr->link)) { // a death in the middle of a birth tells nothing
			kill_us = hz_now_us() + 100000 + rand() % 600000;
			continue;
		}
		if (hz_now_us() < kill_us)
			continue;
		if (rand() % 2) {
			rr_kill(rr);
			rr_start(rr);
			kills[0]++;
		} else {
			rig_kill(worker);
			rig_spawn(worker);
			kills[1]++;
			up = false;
		}
		kill_us = hz_now_us() + 100000 + rand() % 600000;
	}
	rr_run(rr, 500000);
	assert_int_equal(hz_record_link_close(rr->link, RECORD_A), 0);
	rr_expect(rr, "state", HZ_REC_CLOSED, 1);
	read_back(rr);
	int64_t worst_us = 0;
	unsigned lost = content.number[0];
	for (unsigned i = 1; i < content.packets; i++) {
		assert_true(content.number[i] > content.number[i - 1] && content.number[i] < next);
		lost += content.number[i] - content.number[i - 1] - 1;
		int64_t gap = content.at_us[i] - content.at_us[i - 1];
		if (content.number[i] != content.number[i - 1] + 1 && gap > worst_us)
			worst_us = gap;
	}
	print_message("%u kills of the recorder, %u of the worker, %u of %u packets lost, worst %lld ms\n",
	              kills[0], kills[1], lost, next, (long long)worst_us / 1000);
	assert_true(content.packets > 0 && content.number[content.packets - 1] > next - 50);
	assert_true(worst_us < WORST_US);
	client_free(c);
	rr->workers = 0; // its memory is not ours
	rr_free(rr);
	rig_free(worker);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(killed_again_and_again)};
	assert_int_equal(hz_srtp_init(), 0);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	hz_srtp_done();
	return failed;
}
