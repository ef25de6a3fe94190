// The mix as a process: two workers' rings, control's socket; it is killed, hangs, is fed garbage, loses its parent.
#include "media/mix/pipe.h"

#include "gateway/base/clock.h"
#include "media/mix/api.h"
#include "media/rtp/packet.h"
#include "tests/unit/mix/fake_room.h"
#include "tests/unit/pipe/process_rig.h"

#define CONSULT 5u
#define PT      97

static struct hz_ring to_mix, from_mix; // of worker 0, and of worker 1
static struct fake_voice voice;
static uint16_t seq;

static int setup(void **state)
{
	static const struct rig_kind kind = {.run = hz_mix_pipe_run,
	                                     .version = HZ_MIX_API_VERSION,
	                                     .hello = HZ_MIX_HELLO,
	                                     .workers = 2,
	                                     .grid = true,
	                                     .wait_ms = 5000};
	rig_new(&kind);
	rig_attach(&to_mix, 0, true);
	rig_attach(&from_mix, 1, false);
	voice_init(&voice, 440, 0.2f);
	rig_start();
	return 0;
}

static int teardown(void **state)
{
	rig_done();
	voice_done(&voice);
	return 0;
}

static int set(uint32_t member, uint32_t voice_ssrc, uint32_t mix_ssrc)
{
	struct hz_mix_member_set m = {.h = {.version = HZ_MIX_API_VERSION,
	                                    .type = HZ_MIX_MEMBER_SET,
	                                    .bytes = sizeof(m),
	                                    .seq = 40 + member},
	                              .member = member,
	                              .consult = CONSULT,
	                              .voice_ssrc = voice_ssrc,
	                              .mix_ssrc = mix_ssrc,
	                              .voice_worker = 0,
	                              .mix_worker = 1,
	                              .voice_pt = PT,
	                              .mix_pt = PT};
	struct hz_ev_ack ack;
	assert_int_equal(hz_seqpacket_send(rig.api, &m, sizeof(m)), 0);
	rig_hear(HZ_MIX_ACK, &ack, sizeof(ack));
	assert_int_equal(ack.h.seq, 40 + member);
	assert_int_equal(ack.id, member);
	return ack.err;
}

static void say(void)
{
	uint8_t buf[12 + 1276], payload[1276];
	struct hz_rtp_offsets offsets;
	struct hz_rtp_header header = {.ts = voice.ts, .ssrc = 10, .seq = seq++, .pt = PT};
	const struct hz_ring_record record = {
	    .kind = HZ_RING_RTP, .source = CONSULT, .arrival_us = hz_now_us()};
	int n = voice_packet(&voice, payload);
	assert_int_equal(hz_rtp_write_header(buf, 12, &header, NULL, NULL, &offsets), 0);
	memcpy(buf + 12, payload, (size_t)n);
	(void)hz_ring_put(&to_mix, &record, buf, 12 + (size_t)n);
	rig_poke();
}

// Speaks in real time until so many packets of the mix have come; how many ticks that took, at most 200.
static unsigned talk(uint32_t mix_ssrc, unsigned packets)
{
	uint8_t buf[HZ_RING_RECORD_BYTES];
	struct hz_ring_record record;
	struct hz_rtp_packet p;
	size_t bytes = 0;
	unsigned ticks = 0;
	while (packets && ticks++ < 200) {
		say();
		usleep(20000);
		while (packets && hz_ring_take(&from_mix, &record, buf, &bytes) == 1) {
			assert_int_equal(record.source, CONSULT);
			assert_int_equal(hz_rtp_parse(buf, bytes, &p), 0);
			packets -= p.ssrc == mix_ssrc;
		}
	}
	assert_int_equal(packets, 0);
	return ticks;
}

static void join(uint32_t mix_ssrc)
{
	rig_hello();
	assert_int_equal(set(1, 10, 0), 0);
	assert_int_equal(set(2, 0, mix_ssrc), 0);
}

static void mixes(void **state)
{
	eventfd_t woken;
	struct hz_mix_status status;
	join(20);
	(void)talk(20, 50);
	assert_int_equal(eventfd_read(rig.wake[1], &woken), 0);
	assert_int_equal(eventfd_read(rig.wake[0], &woken), -1); // nobody listens there
	do                                                       // older ones may wait
		rig_hear(HZ_MIX_STATUS, &status, sizeof(status));
	while (status.packets_out < 45);
	assert_int_equal(status.members, 2);
	assert_int_equal(status.speakers, 1);
	assert_int_equal(status.refused + status.unmatched, 0);
	assert_int_equal(set(1, 10, 0x7fffffff), 0);
	rig_leave();
}

// Killed in the middle of it: the next one is told and mixes what comes from then on.
static void killed(void **state)
{
	join(20);
	(void)talk(20, 10);
	rig_kill();
	for (unsigned n = 0; n < 20; n++)
		say(); // meanwhile the worker writes on
	int64_t begin_us = hz_now_us();
	rig_start();
	join(21);
	(void)talk(21, 5);
	assert_true(hz_now_us() - begin_us < 2000000);
}

static void starved(void **state)
{
	join(20);
	(void)talk(20, 5);
	rig_starve();
	(void)talk(20, 5);
}

static void hangs(void **state)
{
	join(20);
	rig_hang();
	rig_start();
	join(21);
	(void)talk(21, 5);
}

static void garbage(void **state)
{
	join(20);
	rig_garbage(&to_mix, CONSULT, 300);
	(void)talk(20, 10);
	rig_break_rings(&to_mix);
	(void)talk(20, 10);
}

static void answers_wait(void **state)
{
	struct hz_mix_member_del m = {
	    .h = {.version = HZ_MIX_API_VERSION, .type = HZ_MIX_MEMBER_DEL, .bytes = sizeof(m)}, .member = 9};
	rig_hello();
	rig_answers_wait(&m.h, sizeof(m), HZ_MIX_ACK);
}

static void wrong_start(void **state)
{
	rig_wrong_start(63);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(mixes, setup, teardown),
	    cmocka_unit_test_setup_teardown(killed, setup, teardown),
	    cmocka_unit_test_setup_teardown(starved, setup, teardown),
	    cmocka_unit_test_setup_teardown(hangs, setup, teardown),
	    cmocka_unit_test_setup_teardown(garbage, setup, teardown),
	    cmocka_unit_test_setup_teardown(answers_wait, setup, teardown),
	    cmocka_unit_test_setup_teardown(wrong_start, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
