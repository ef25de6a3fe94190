// A call of two on a worker: peer 0 publishes Opus and VP8, peer 1 gets both.
#ifndef HZ_TESTS_UNIT_WORKER_CALL_H
#define HZ_TESTS_UNIT_WORKER_CALL_H

#include "tests/unit/worker/client.h"

#define OPUS_SSRC 0x1111 // as published
#define VP8_SSRC  0x2222
#define OPUS_OUT  0xa1 // as received
#define VP8_OUT   0xb1

struct call {
	struct rig *rig;
	struct client *a, *b; // a publishes, b watches
	uint16_t audio_seq, video_seq;
};

// What peer 1 gets of track `slot`: 0 Opus, 1 VP8. repairs: with NACK and RTX.
static inline union hz_msg call_sub(uint32_t slot, uint8_t flags, bool repairs)
{
	union hz_msg m = {.sub_set = {.sub = HZ_ID(slot, 1),
	                              .peer = HZ_ID(1, 1),
	                              .track = HZ_ID(slot, 1),
	                              .kind = slot ? HZ_KIND_VIDEO : HZ_KIND_AUDIO,
	                              .flags = flags,
	                              .pt_count = 1,
	                              .ssrc = slot ? VP8_OUT : OPUS_OUT,
	                              .rtx_ssrc = slot && repairs ? VP8_OUT + 1 : 0,
	                              .mid = {(char)('0' + slot)},
	                              .pt = {{109, 0, HZ_CODEC_OPUS, 0}}}};
	if (slot && repairs)
		m.sub_set.pt[0] = (struct hz_pt){120, 121, HZ_CODEC_VP8, HZ_PT_NACK | HZ_PT_PLI};
	else if (slot)
		m.sub_set.pt[0] = (struct hz_pt){120, 0, HZ_CODEC_VP8, HZ_PT_PLI};
	return m;
}

static inline void call_voice(struct rig *rig)
{
	union hz_msg t = {.track_set = {.track = HZ_ID(0, 1),
	                                .peer = HZ_ID(0, 1),
	                                .kind = HZ_KIND_AUDIO,
	                                .layer_count = 1,
	                                .pt_count = 1,
	                                .mid = "0",
	                                .ssrc = {OPUS_SSRC},
	                                .pt = {{111, 0, HZ_CODEC_OPUS, 0}}}};
	union hz_msg s = call_sub(0, 0, false);
	assert_int_equal(rig_command(rig, &t, HZ_CMD_TRACK_SET, sizeof(t.track_set)), 0);
	assert_int_equal(rig_command(rig, &s, HZ_CMD_SUB_SET, sizeof(s.sub_set)), 0);
}

static inline void call_video(struct rig *rig, bool repairs)
{
	union hz_msg t = {.track_set = {.track = HZ_ID(1, 1),
	                                .peer = HZ_ID(0, 1),
	                                .kind = HZ_KIND_VIDEO,
	                                .layer_count = 1,
	                                .pt_count = 1,
	                                .mid = "1",
	                                .ssrc = {VP8_SSRC},
	                                .pt = {{96, 0, HZ_CODEC_VP8, HZ_PT_PLI}}}};
	union hz_msg s = call_sub(1, 0, repairs);
	if (repairs)
		t.track_set.pt[0] = (struct hz_pt){96, 97, HZ_CODEC_VP8, HZ_PT_NACK | HZ_PT_PLI};
	assert_int_equal(rig_command(rig, &t, HZ_CMD_TRACK_SET, sizeof(t.track_set)), 0);
	assert_int_equal(rig_command(rig, &s, HZ_CMD_SUB_SET, sizeof(s.sub_set)), 0);
}

// A worker that has said HELLO, and both peers told to it; nobody is connected yet.
static inline void call_begin(struct call *call)
{
	memset(call, 0, sizeof(*call));
	call->rig = rig_new(0);
	union hz_msg hello = rig_expect(call->rig, HZ_EV_HELLO);
	assert_int_equal(hello.hello.worker, RIG_INDEX);
	assert_int_equal(hello.hello.incarnation, 1);
	call->a = client_new(call->rig, 0);
	call->b = client_new(call->rig, 1);
	assert_int_equal(client_set(call->a, 1, 0), 0);
	assert_int_equal(client_set(call->b, 1, 0), 0);
}

static inline void call_connect(struct call *call, bool repairs)
{
	client_connect(call->a);
	client_connect(call->b);
	call_voice(call->rig);
	call_video(call->rig, repairs);
}

static inline void call_end(struct call *call)
{
	assert_int_equal(call->b->auth_failed + call->a->auth_failed, 0);
	assert_int_equal(call->b->replayed + call->a->replayed, 0);
	client_free(call->a);
	client_free(call->b);
	rig_free(call->rig);
}

static inline void say(struct call *call) // its body is its number
{
	uint16_t seq = call->audio_seq++;
	struct hz_rtp_header h = {.ts = 960u * seq, .ssrc = OPUS_SSRC, .seq = seq, .pt = 111};
	client_rtp(call->a, &h, &seq, sizeof(seq));
}

static inline void send_video(struct call *call, const uint8_t *body, size_t bytes)
{
	uint16_t seq = call->video_seq++;
	struct hz_rtp_header h = {.ts = 3000u * seq, .ssrc = VP8_SSRC, .seq = seq, .pt = 96, .marker = true};
	client_rtp(call->a, &h, body, bytes);
}

static inline int group_setup(void **state)
{
	(void)state;
	hz_log_init("test", HZ_LOG_ERROR);
	signal(SIGPIPE, SIG_IGN);
	return hz_srtp_init();
}

static inline int group_teardown(void **state)
{
	(void)state;
	hz_srtp_done();
	return 0;
}

#endif
