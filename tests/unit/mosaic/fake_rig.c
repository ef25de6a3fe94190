#include "tests/unit/mosaic/fake_rig.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <libavutil/log.h>

#include "gateway/base/ring.h"

const struct hz_colour rig_colour[CAMERAS] = {{120, 60, 180}, {90, 180, 100},  {160, 100, 90},
                                              {70, 150, 170}, {200, 120, 150}, {110, 90, 60}};

static void on_rtcp(struct rig *r, const struct hz_mosaic_out *out)
{
	struct hz_rtcp_iter iter;
	struct hz_rtcp_packet p;
	struct hz_rtcp_feedback fb;
	struct hz_rtcp_report report;
	assert_int_equal(hz_rtcp_check(out->data, out->bytes), 0);
	hz_rtcp_iter_init(&iter, out->data, out->bytes);
	while (hz_rtcp_next(&iter, &p) == 1) {
		if (p.type == HZ_RTCP_SR && hz_rtcp_parse_report(&p, &report) == 0) {
			r->reports++;
			r->report_ntp = report.sender.ntp;
			r->report_ts = report.sender.rtp_ts;
		}
		if (p.type != HZ_RTCP_PSFB)
			continue;
		assert_int_equal(p.count, HZ_PSFB_PLI);
		assert_int_equal(hz_rtcp_parse_feedback(&p, &fb), 0);
		r->plis++;
		r->pli_ssrc = fb.media_ssrc;
		for (unsigned i = 0; i < r->cameras; i++)
			r->camera[i].wants_key |= r->camera[i].ssrc == fb.media_ssrc;
	}
}

static void on_send(void *ctx, unsigned worker, const struct hz_mosaic_out *out)
{
	struct rig *r = ctx;
	assert_in_range(worker, 0, 3);
	assert_int_equal(out->consult, CONSULT);
	r->sent_to[worker]++;
	if (out->kind == HZ_RING_RTCP) {
		on_rtcp(r, out);
		return;
	}
	for (unsigned i = 0; i < r->viewers && worker == 1; i++)
		fake_viewer_put(&r->viewer[i], out->data, out->bytes);
}

static bool on_tell(void *ctx, const struct hz_mosaic_tiles *tiles)
{
	struct rig *r = ctx;
	if (!r->deaf)
		r->tiles = *tiles;
	return !r->deaf;
}

int rig_command(struct rig *r, void *message, unsigned type, size_t bytes)
{
	struct hz_msg_header *h = message;
	uint32_t object;
	*h = (struct hz_msg_header){HZ_MOSAIC_API_VERSION, (uint16_t)type, (uint32_t)bytes, 1, 0};
	return hz_mosaic_command(r->mosaic, message, bytes, r->now_us, &object);
}

int rig_set_room(struct rig *r, uint32_t consult, uint8_t layout, uint32_t focus)
{
	struct hz_mosaic_room_set m = {.consult = consult,
	                               .focus = focus,
	                               .layout = layout,
	                               .flags = HZ_MOSAIC_ROOM_CAPTIONS | HZ_MOSAIC_ROOM_CLOCK,
	                               .title = "会诊 12"};
	return rig_command(r, &m, HZ_MOSAIC_ROOM_SET, sizeof(m));
}

struct hz_mosaic_member_set rig_member_of(uint32_t member)
{
	struct hz_mosaic_member_set m = {
	    .member = member,
	    .consult = CONSULT,
	    .person = 100 + member,
	    .ssrc = 1000 + member,
	    .order = member,
	    .kind = HZ_MOSAIC_CAMERA,
	    .pt_count = 2,
	    .pt = {{.pt = 96, .codec = HZ_CODEC_VP8}, {.pt = 102, .codec = HZ_CODEC_H264_CB}},
	    .name = "李医生 Dr Li"};
	return m;
}

int rig_set_member(struct rig *r, struct hz_mosaic_member_set m)
{
	return rig_command(r, &m, HZ_MOSAIC_MEMBER_SET, sizeof(m));
}

int rig_set_rendition(struct rig *r, uint32_t id, uint16_t height, uint8_t codec)
{
	struct hz_mosaic_rendition_set m = {.rendition = id,
	                                    .consult = CONSULT,
	                                    .workers = 2,
	                                    .ssrc = 5000 + id,
	                                    .height = height,
	                                    .codec = codec,
	                                    .pt = 98};
	return rig_command(r, &m, HZ_MOSAIC_RENDITION_SET, sizeof(m));
}

int rig_speak(struct rig *r, uint32_t member)
{
	struct hz_mosaic_speakers_set m = {
	    .consult = CONSULT, .count = member != 0, .person = {100 + member}};
	return rig_command(r, &m, HZ_MOSAIC_SPEAKERS_SET, sizeof(m));
}

void rig_add_viewer(struct rig *r, uint32_t id, uint16_t height, uint8_t codec)
{
	fake_viewer_init(&r->viewer[r->viewers++], codec, 5000 + id);
	assert_int_equal(rig_set_rendition(r, id, height, codec), 0);
}

void rig_send_packet(struct rig *r, const struct fake_camera *c, unsigned i)
{
	const struct hz_mosaic_record record = {.worker = 0,
	                                        .consult = CONSULT,
	                                        .kind = HZ_RING_RTP,
	                                        .data = c->out.data[i],
	                                        .bytes = c->out.bytes[i],
	                                        .arrival_us = r->now_us};
	hz_mosaic_take(r->mosaic, &record, r->now_us);
}

void rig_tick(struct rig *r)
{
	r->now_us += HZ_ROOM_TICK_US;
	for (unsigned i = 0; i < r->cameras; i++) {
		struct fake_camera *c = &r->camera[i];
		fake_camera_take(c);
		for (unsigned k = 0; k < c->out.count; k++)
			if (i || (int)k != r->drop || (r->every_other && c->number % 2))
				rig_send_packet(r, c, k);
	}
	int64_t next_us = hz_mosaic_tick(r->mosaic, r->now_us, 1795420800000000ll + r->now_us);
	assert_true(next_us > r->now_us);
}

void rig_run(struct rig *r, unsigned ticks)
{
	while (ticks--)
		rig_tick(r);
}

int rig_setup(void **state)
{
	struct rig *r = calloc(1, sizeof(*r));
	const struct hz_mosaic_ops ops = {.ctx = r, .send = on_send, .tell = on_tell};
	r->now_us = 1000000;
	r->drop = -1;
	(void)hz_text_open(NULL, &r->text);
	assert_int_equal(hz_mosaic_new(&ops, 4, r->text, &r->mosaic), 0);
	assert_int_equal(rig_set_room(r, CONSULT, HZ_MOSAIC_GRID, 0), 0);
	*state = r;
	return 0;
}

int rig_teardown(void **state)
{
	struct rig *r = *state;
	for (unsigned i = 0; i < r->cameras; i++)
		fake_camera_done(&r->camera[i]);
	for (unsigned i = 0; i < r->viewers; i++)
		fake_viewer_done(&r->viewer[i]);
	hz_mosaic_free(r->mosaic);
	hz_text_close(r->text);
	free(r);
	return 0;
}

void rig_add_cameras(struct rig *r, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		uint32_t member = ++r->cameras;
		fake_camera_init(&r->camera[member - 1], i % 2 ? HZ_CODEC_VP8 : HZ_CODEC_H264_CB,
		                 1000 + member, rig_colour[member - 1]);
		assert_int_equal(rig_set_member(r, rig_member_of(member)), 0);
	}
}
