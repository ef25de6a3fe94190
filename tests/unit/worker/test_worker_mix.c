// A real worker and a real mix, the test where people are: a voice comes over a relay, the worker passes it on to the mix, its
// mix comes back and goes out. To the worker the mix is one more worker. Kills of either, in the middle of it.
#include <math.h>
#include <opus/opus.h>
#include <sys/eventfd.h>

#include "gateway/base/ring.h"
#include "gateway/base/ring_grid.h"
#include "media/mix/api.h"
#include "media/mix/pipe.h"
#include "tests/unit/worker/client.h"

#define PROCESSES 5
#define PEOPLE    0 // the test, as another worker
#define MINE      3 // as client.h starts it
#define MIX       4
#define CONSULT   77
#define PT        97
#define PT_RED    63
#define SPEAKS    4711 // SSRC: of the voice to the worker
#define VOICE     900  // from the worker to the mix
#define HEARS     816  // of the mix, from the worker to who listens
#define TO_PEOPLE HZ_ID(5, 1)
#define TO_MIX    HZ_ID(6, 1)

static struct rig *rig;
static uint8_t *memory;
static struct hz_ring to, from;
static int api;
static pid_t mix;
static OpusEncoder *encoder;
static OpusDecoder *decoder;
static uint16_t seq;
static double phase;
static float loud; // the loudest sample of what was heard

static void start_mix(void)
{
	int pair[2];
	assert_int_equal(hz_seqpacket_pair(0, pair), 0);
	mix = fork();
	if (mix == 0) {
		const struct hz_pipe_fds fds = {
		    .api = pair[1], .rings = rig->fds.rings, .wake = rig->fds.wake, .workers = PROCESSES - 1};
		close(pair[0]);
		_exit(hz_mix_pipe_run(&fds) ? 1 : 0);
	}
	close(pair[1]);
	api = pair[0];
}

static void end_mix(int signal)
{
	kill(mix, signal);
	assert_int_equal(waitpid(mix, NULL, 0), mix);
	close(api);
}

static void command(union hz_msg m, uint16_t type, size_t bytes)
{
	assert_int_equal(rig_command(rig, &m, type, bytes), 0);
}

static void set_link(hz_id peer, uint32_t relay)
{
	command(
	    (union hz_msg){
	        .peer_set = {.peer = peer, .consult = CONSULT, .flags = HZ_PEER_RELAY, .relay = relay}},
	    HZ_CMD_PEER_SET, sizeof(struct hz_cmd_peer_set));
}

static void set_track(uint32_t slot, hz_id peer, uint32_t ssrc)
{
	command((union hz_msg){.track_set = {.track = HZ_ID(slot, 1),
	                                     .peer = peer,
	                                     .kind = HZ_KIND_AUDIO,
	                                     .layer_count = 1,
	                                     .pt_count = 1,
	                                     .ssrc = {ssrc},
	                                     .pt = {{PT, 0, HZ_CODEC_OPUS, 0}}}},
	        HZ_CMD_TRACK_SET, sizeof(struct hz_cmd_track_set));
}

static void set_sub(uint32_t slot, hz_id peer, uint32_t track, uint32_t ssrc)
{
	command((union hz_msg){.sub_set = {.sub = HZ_ID(slot, 1),
	                                   .peer = peer,
	                                   .track = HZ_ID(track, 1),
	                                   .kind = HZ_KIND_AUDIO,
	                                   .pt_count = 1,
	                                   .flags = HZ_SUB_PIN,
	                                   .ssrc = ssrc,
	                                   .pt = {{PT, 0, HZ_CODEC_OPUS, 0}}}},
	        HZ_CMD_SUB_SET, sizeof(struct hz_cmd_sub_set));
}

// What control says to a mix that said HELLO: who speaks, who hears.
static void tell_mix(uint32_t mix_ssrc)
{
	struct hz_mix_member_set m = {
	    .h = {.version = HZ_MIX_API_VERSION, .type = HZ_MIX_MEMBER_SET, .bytes = sizeof(m)},
	    .member = 1,
	    .consult = CONSULT,
	    .voice_ssrc = VOICE,
	    .voice_worker = MINE,
	    .mix_worker = MINE,
	    .voice_pt = PT,
	    .mix_pt = PT};
	assert_int_equal(hz_seqpacket_send(api, &m, sizeof(m)), 0);
	m.member = 2;
	m.voice_ssrc = 0;
	m.mix_ssrc = mix_ssrc;
	assert_int_equal(hz_seqpacket_send(api, &m, sizeof(m)), 0);
	set_track(1, TO_MIX, mix_ssrc);
}

static int setup(void **state)
{
	size_t bytes = hz_ring_grid_bytes(PROCESSES), each = hz_ring_grid_each(PROCESSES);
	void *map;
	int err;
	(void)state;
	rig = rig_new(1 << 20);
	rig_expect(rig, HZ_EV_HELLO);
	rig_kill(rig); // client.h knows no rings: start it again with them
	assert_int_equal(hz_memfd_new("rings", bytes, &rig->fds.rings), 0);
	assert_int_equal(hz_memfd_map(rig->fds.rings, bytes, &map), 0);
	memory = map;
	rig->fds.workers = PROCESSES;
	for (unsigned i = 0; i < PROCESSES; i++)
		rig->fds.wake[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	assert_int_equal(hz_ring_produce(&to, hz_ring_grid_place(memory, PROCESSES, PEOPLE, MINE), each), 0);
	assert_int_equal(hz_ring_consume(&from, hz_ring_grid_place(memory, PROCESSES, MINE, PEOPLE), each),
	                 0);
	encoder = opus_encoder_create(48000, 1, OPUS_APPLICATION_VOIP, &err);
	decoder = opus_decoder_create(48000, 1, &err);
	rig_spawn(rig);
	rig_expect(rig, HZ_EV_HELLO);
	start_mix();
	set_link(TO_PEOPLE, PEOPLE);
	set_link(TO_MIX, MIX);
	set_track(0, TO_PEOPLE, SPEAKS);
	set_sub(0, TO_MIX, 0, VOICE);
	tell_mix(901);
	set_sub(1, TO_PEOPLE, 1, HEARS);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	end_mix(SIGKILL);
	opus_encoder_destroy(encoder);
	opus_decoder_destroy(decoder);
	hz_memfd_unmap(memory, hz_ring_grid_bytes(PROCESSES));
	close(rig->fds.rings);
	for (unsigned i = 0; i < PROCESSES; i++)
		close(rig->fds.wake[i]);
	rig_free(rig);
	return 0;
}

static size_t encode(uint8_t ret[400])
{
	float pcm[960];
	for (unsigned i = 0; i < 960; i++, phase += 2 * M_PI * 440 / 48000)
		pcm[i] = 0.2f * (float)sin(phase);
	int n = opus_encode_float(encoder, pcm, 960, ret, 400);
	assert_true(n > 0);
	return (size_t)n;
}

static void send_voice(uint8_t pt, uint8_t *buf, size_t bytes) // room for the header in front
{
	struct hz_rtp_offsets offsets;
	struct hz_rtp_header header = {.ts = 960u * seq, .ssrc = SPEAKS, .seq = seq, .pt = pt};
	const struct hz_ring_record record = {HZ_RING_RTP, 0, CONSULT, hz_now_us()};
	seq++;
	assert_int_equal(hz_rtp_write_header(buf, 12, &header, NULL, NULL, &offsets), 0);
	assert_int_equal(hz_ring_put(&to, &record, buf, 12 + bytes), 0);
	assert_int_equal(eventfd_write(rig->fds.wake[MINE], 1), 0);
}

static void say(void)
{
	uint8_t buf[12 + 400];
	send_voice(PT, buf, encode(buf + 12));
}

// RFC 2198: the frame before goes along.
static void say_in_red(void)
{
	static uint8_t before[400];
	static size_t before_bytes;
	uint8_t buf[12 + 5 + 800], now[400];
	size_t n = encode(now), old = before_bytes, at = 12;
	if (old) {
		buf[at++] = 0x80 | PT;
		buf[at++] = (uint8_t)(960 >> 6);
		buf[at++] = (uint8_t)((960 & 63) << 2 | old >> 8);
		buf[at++] = (uint8_t)old;
	}
	buf[at++] = PT;
	memcpy(buf + at, before, old);
	memcpy(buf + at + old, now, n);
	memcpy(before, now, n);
	before_bytes = n;
	if (seq % 4 == 3)
		seq++; // lost on its way
	else
		send_voice(PT_RED, buf, at - 12 + old + n);
}

static unsigned hear(void)
{
	struct hz_ring_record record;
	struct hz_rtp_packet p;
	uint8_t buf[HZ_RING_RECORD_BYTES];
	float pcm[960];
	size_t bytes;
	unsigned packets = 0;
	while (hz_ring_take(&from, &record, buf, &bytes) == 1) {
		assert_int_equal(record.source, CONSULT);
		if (record.kind != HZ_RING_RTP)
			continue;
		assert_int_equal(hz_rtp_parse(buf, bytes, &p), 0);
		assert_int_equal(p.ssrc, HEARS);
		int n = opus_decode_float(decoder, p.payload, (int)p.payload_bytes, pcm, 960, 0);
		for (int i = 0; i < n; i++)
			loud = fmaxf(loud, fabsf(pcm[i]));
		packets++;
	}
	return packets;
}

// Speaks in real time until so many packets of the mix were heard, at most 10 s; the time that took.
static int64_t talk(unsigned want)
{
	int64_t begin_us = hz_now_us();
	unsigned heard = 0;
	loud = 0;
	for (unsigned tick = 0; tick < 500 && heard < want; tick++) {
		say();
		usleep(20000);
		heard += hear();
	}
	assert_true(heard >= want);
	return hz_now_us() - begin_us;
}

static void a_voice_comes_back_mixed(void **state)
{
	(void)state;
	(void)talk(10);
	assert_true(talk(50) < 5000000);
	assert_true(loud > 0.05f);
	// Paused where it is published, it is silent in the mix: nobody has to tell the mix.
	command((union hz_msg){.track_set = {.track = HZ_ID(0, 1),
	                                     .peer = TO_PEOPLE,
	                                     .kind = HZ_KIND_AUDIO,
	                                     .layer_count = 1,
	                                     .pt_count = 1,
	                                     .flags = HZ_TRACK_PAUSED,
	                                     .ssrc = {SPEAKS},
	                                     .pt = {{PT, 0, HZ_CODEC_OPUS, 0}}}},
	        HZ_CMD_TRACK_SET, sizeof(struct hz_cmd_track_set));
	(void)talk(40); // what was on its way, and its fading
	(void)talk(10);
	assert_true(loud < 0.001f);
}

// The newest that the mix said of itself.
static struct hz_mix_status mix_says(void)
{
	_Alignas(8) uint8_t buf[HZ_API_MAX_BYTES];
	struct hz_mix_status status = {0};
	size_t bytes;
	while (hz_seqpacket_recv(api, buf, sizeof(buf), &bytes) == 0) {
		const struct hz_msg_header *h = (const void *)buf;
		if (h->type == HZ_MIX_STATUS && bytes == sizeof(status))
			memcpy(&status, buf, bytes);
	}
	return status;
}

// A voice in RED reaches the mix as bare Opus, what was lost on the publisher's link as well.
static void a_voice_in_red(void **state)
{
	(void)state;
	command(
	    (union hz_msg){.track_set = {.track = HZ_ID(0, 1),
	                                 .peer = TO_PEOPLE,
	                                 .kind = HZ_KIND_AUDIO,
	                                 .layer_count = 1,
	                                 .pt_count = 2,
	                                 .ssrc = {SPEAKS},
	                                 .pt = {{PT, 0, HZ_CODEC_OPUS, 0}, {PT_RED, 0, HZ_CODEC_RED, 0}}}},
	    HZ_CMD_TRACK_SET, sizeof(struct hz_cmd_track_set));
	unsigned heard = 0;
	loud = 0;
	for (unsigned i = 0; i < 100; i++) {
		say_in_red();
		usleep(20000);
		heard += hear();
	}
	assert_true(heard > 50);
	assert_true(loud > 0.05f);
	usleep(600000);
	struct hz_mix_status status = mix_says();
	assert_true(status.refused < 50);     // in RED all were; on a busy machine some wait too long
	assert_true(status.packets_in >= 98); // 25 of the 100 were lost; the last may be
}

static void the_mix_is_killed(void **state)
{
	(void)state;
	(void)talk(20);
	for (uint32_t round = 0; round < 3; round++) {
		end_mix(SIGKILL);
		for (unsigned i = 0; i < 5; i++)
			say();
		(void)hear();
		int64_t begin_us = hz_now_us();
		start_mix();
		tell_mix(902 + round);
		(void)talk(5);
		int64_t took_us = hz_now_us() - begin_us;
		print_message("the fifth packet of a new mix after %d ms\n", (int)(took_us / 1000));
		assert_true(took_us < 2000000);
	}
	(void)talk(50);
	assert_true(loud > 0.05f);
}

static void the_worker_is_killed(void **state)
{
	(void)state;
	(void)talk(20);
	rig_kill(rig);
	rig_spawn(rig);
	rig_expect(rig, HZ_EV_HELLO);
	assert_true(talk(20) < 3000000); // nobody has told the mix
	(void)talk(20);
	assert_true(loud > 0.05f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(a_voice_comes_back_mixed, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_voice_in_red, setup, teardown),
	    cmocka_unit_test_setup_teardown(the_mix_is_killed, setup, teardown),
	    cmocka_unit_test_setup_teardown(the_worker_is_killed, setup, teardown),
	};
	assert(!hz_srtp_init());
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	hz_srtp_done();
	return failed;
}
