// Temporal and spatial layers: what is left out leaves no gap, late packets and retransmissions keep their places,
// layers rise only where a decoder can follow.
#include "tests/unit/router/fixture.h"

#include "media/router/layers.h"
#include "media/rtp/dependency.h"
#include "media/rtp/keyframe.h"
#include "media/rtp/vp9.h"
#include "tests/unit/rtp/dd_write.h"
#include "tests/unit/rtp/random.h"

#define VIDEO  HZ_KIND_VIDEO
#define PT_VP9 98
#define PT_AV1 45

static int setup(void **state)
{
	struct fx *fx = fx_two();
	union hz_msg t = fx_track_msg(0, 0, VIDEO, 1);
	t.track_set.pt[1] = (struct hz_pt){PT_VP9, 99, HZ_CODEC_VP9, HZ_PT_NACK | HZ_PT_PLI};
	t.track_set.pt[2] = (struct hz_pt){PT_AV1, 46, HZ_CODEC_AV1, HZ_PT_NACK | HZ_PT_PLI};
	t.track_set.pt_count = 3;
	t.track_set.ext.dependency = 7;
	assert_int_equal(fx_command(fx, &t, HZ_CMD_TRACK_SET, sizeof(t.track_set)), 0);
	union hz_msg m = fx_sub_msg(0, 1, 0, VIDEO);
	m.sub_set.pt[1] = (struct hz_pt){100, 101, HZ_CODEC_VP9, HZ_PT_NACK | HZ_PT_PLI};
	m.sub_set.pt[2] = (struct hz_pt){35, 36, HZ_CODEC_AV1, HZ_PT_NACK | HZ_PT_PLI};
	m.sub_set.pt_count = 3;
	m.sub_set.ext.dependency = 13;
	m.sub_set.ext.twcc = 0; // without feedback the allocator keeps out of it
	assert_int_equal(fx_sub_set(fx, &m), 0);
	*state = fx;
	return 0;
}

static void want(struct fx *fx, uint8_t spatial, uint8_t temporal, uint8_t flow)
{
	struct hz_layers l = {2, spatial, temporal, flow};
	hz_layers_want(fx->router, 0, &l, fx->now);
}

struct stream {
	uint16_t seq, picture;
	uint32_t frame, body;
	unsigned templates; // of AV1: id of the first one
	uint8_t tl0;
};

struct packet {
	struct fx_in in;
	uint8_t raw[64];
	unsigned temporal;
	bool first;
};

// The picture's packets, `count` of them; temporal ids 0 2 1 2, Y on the first of each period.
static void vp8_picture(struct stream *s, struct packet *p, unsigned count, bool key)
{
	static const uint8_t pattern[] = {0, 2, 1, 2};
	unsigned tid = key ? 0 : pattern[s->frame % 4];
	s->picture++;
	s->tl0 += tid == 0;
	for (unsigned i = 0; i < count; i++) {
		uint8_t *r = p[i].raw;
		r[0] = (uint8_t)(0x80 | (i == 0 ? 0x10 : 0));
		r[1] = 0xe0;
		r[2] = (uint8_t)(0x80 | (s->picture >> 8 & 0x7f));
		r[3] = (uint8_t)s->picture;
		r[4] = s->tl0;
		r[5] = (uint8_t)(tid << 6 | (tid && s->frame % 4 < 3 ? 0x20 : 0));
		r[6] = key && i == 0 ? 0x10 : 0x11;
		s->body++;
		memcpy(r + 7, &s->body, 4);
		p[i].temporal = tid;
		p[i].first = i == 0;
		p[i].in = (struct fx_in){.ssrc = fx_ssrc(0, 0),
		                         .seq = s->seq++,
		                         .ts = s->frame * 3000,
		                         .pt = PT_VP8,
		                         .marker = i == count - 1,
		                         .raw_bytes = 11};
	}
	s->frame++;
}

static void arrive(struct fx *fx, struct packet *p)
{
	p->in.raw = p->raw;
	assert_int_equal(fx_in(fx, 0, &p->in), 0);
}

static uint32_t body_of(const struct fx_packet *o)
{
	uint32_t body;
	memcpy(&body, o->p.payload + o->p.payload_bytes - 4, 4);
	return body;
}

static void assert_gapless(const struct fx *fx)
{
	struct hz_vp8_descriptor d, before = {0};
	for (size_t i = 0; i < fx->out_count; i++) {
		if (i)
			assert_int_equal(fx->out[i].index, fx->out[i - 1].index + 1);
		assert_int_equal(hz_vp8_parse(fx->out[i].p.payload, fx->out[i].p.payload_bytes, &d), 0);
		if (i)
			assert_int_equal(d.picture_id, (before.picture_id + d.start) & 0x7fff);
		before = d;
	}
}

static unsigned highest_temporal(const struct fx *fx, size_t from)
{
	struct hz_vp8_descriptor d;
	unsigned t = 0;
	for (size_t i = from; i < fx->out_count; i++) {
		assert_int_equal(hz_vp8_parse(fx->out[i].p.payload, fx->out[i].p.payload_bytes, &d), 0);
		t = d.temporal_id > t ? d.temporal_id : t;
	}
	return t;
}

static void run_vp8(struct fx *fx, struct stream *s, unsigned frames)
{
	struct packet p[3];
	for (unsigned i = 0; i < frames; i++) {
		vp8_picture(s, p, 1 + s->frame % 3, s->frame == 0);
		for (unsigned k = 0; k < 1 + (s->frame - 1) % 3; k++)
			arrive(fx, &p[k]);
		fx_advance(fx, 33000);
	}
}

static void vp8_layers_fall_and_rise_without_gaps(void **state)
{
	struct fx *fx = *state;
	struct stream s = {.seq = 65000, .picture = 0x7ff0};
	struct hz_layers now;
	run_vp8(fx, &s, 16);
	assert_int_equal(highest_temporal(fx, 0), 2);
	want(fx, HZ_LAYERS_ALL, 0, HZ_FLOW_ALL);
	size_t from = fx->out_count;
	run_vp8(fx, &s, 400);
	assert_int_equal(highest_temporal(fx, from), 0);
	assert_true(hz_layers_now(fx->router, 0, &now));
	assert_int_equal(now.temporal, 0);
	want(fx, HZ_LAYERS_ALL, 1, HZ_FLOW_ALL);
	from = fx->out_count;
	run_vp8(fx, &s, 16);
	assert_int_equal(highest_temporal(fx, from), 1);
	want(fx, HZ_LAYERS_ALL, HZ_LAYERS_ALL, HZ_FLOW_ALL);
	run_vp8(fx, &s, 16);
	from = fx->out_count;
	run_vp8(fx, &s, 600);
	assert_int_equal(highest_temporal(fx, from), 2);
	assert_gapless(fx);
	assert_int_equal(fx_rtcp_seen(fx, 0, HZ_RTCP_PSFB, HZ_PSFB_PLI), 1); // the one at the beginning
}

// What came out, by index, against what went in: each body once, under its index, also when asked for again.
static void loss_and_reordering_keep_the_places(void **state)
{
	struct fx *fx = *state;
	struct hz_test_random rng = {99};
	struct stream s = {.seq = 60000, .picture = 100};
	struct packet held[64], p[3];
	unsigned holding = 0;
	want(fx, HZ_LAYERS_ALL, HZ_LAYERS_ALL, HZ_FLOW_ALL);
	for (unsigned frame = 0; frame < 3000; frame++) {
		unsigned count = 1 + random_below(&rng, 3);
		if (frame && random_percent(&rng, 5))
			want(fx, HZ_LAYERS_ALL, (uint8_t)random_below(&rng, 3), HZ_FLOW_ALL);
		vp8_picture(&s, p, count, frame == 0);
		for (unsigned i = 0; i < count; i++) {
			if (frame && random_percent(&rng, 10) && holding < 64)
				held[holding++] = p[i]; // late, or never
			else
				arrive(fx, &p[i]);
		}
		while (holding && random_percent(&rng, 40)) {
			unsigned i = random_below(&rng, holding);
			if (random_percent(&rng, 80))
				arrive(fx, &held[i]);
			held[i] = held[--holding];
		}
		fx->now += 1000;
	}
	static uint32_t at[40000];
	uint64_t first = fx->out[0].index;
	size_t empty = 0, sent = fx->out_count;
	memset(at, 0, sizeof(at));
	for (size_t i = 0; i < sent; i++) {
		uint64_t k = fx->out[i].index - first;
		assert_in_range(k, 0, 39999);
		assert_int_equal(at[k], 0); // an index never twice
		at[k] = fx->out[i].p.payload_bytes ? body_of(&fx->out[i]) : UINT32_MAX;
		empty += !fx->out[i].p.payload_bytes;
	}
	assert_in_range(empty, 1, sent / 10);
	unsigned again = 0;
	size_t from = sent > 150 ? sent - 150 : 0;
	for (size_t i = from; i < sent; i++) { // of the newest, by NACK
		fx_nack(fx, 1, 900000, (uint16_t)fx->out[i].index);
		if (fx->out_count == sent)
			continue;
		const struct fx_packet *o = &fx->out[sent];
		assert_int_equal(o->p.ssrc, 950000);
		assert_int_equal((uint16_t)(o->p.payload[0] << 8 | o->p.payload[1]),
		                 (uint16_t)fx->out[i].index);
		if (fx->out[i].p.payload_bytes) { // bit for bit what went out, VP8 ids included
			assert_int_equal(o->p.payload_bytes, fx->out[i].p.payload_bytes + 2);
			assert_memory_equal(o->p.payload + 2, fx->out[i].p.payload,
			                    fx->out[i].p.payload_bytes);
		} else {
			assert_int_equal(o->p.payload_bytes, 2);
		}
		again++;
		fx->out_count = sent;
	}
	assert_in_range(again, 140, 150);
}

static void a_kill_in_the_middle(void **state)
{
	struct fx *fx = *state;
	struct stream s = {.seq = 100, .picture = 100};
	run_vp8(fx, &s, 8);
	want(fx, HZ_LAYERS_ALL, 0, HZ_FLOW_ALL);
	run_vp8(fx, &s, 40);
	fx_restart(fx);
	struct hz_layers now;
	assert_true(hz_layers_now(fx->router, 0, &now));
	assert_int_equal(now.temporal, 0);
	size_t from = fx->out_count;
	want(fx, HZ_LAYERS_ALL, 0, HZ_FLOW_ALL);
	run_vp8(fx, &s, 40);
	assert_int_equal(highest_temporal(fx, from), 0);
	assert_gapless(fx);
}

// --- VP9: 3 spatial, 2 temporal layers, one packet each.

static void vp9_superframe(struct fx *fx, struct stream *s, bool key)
{
	unsigned tid = key ? 0 : s->frame % 2;
	s->picture++;
	for (unsigned sid = 0; sid < 3; sid++) {
		uint8_t raw[] = {(uint8_t)(0xac | (key ? 0 : 0x40)), // I L B E, P
		                 (uint8_t)(0x80 | (s->picture >> 8 & 0x7f)),
		                 (uint8_t)s->picture,
		                 (uint8_t)(tid << 5 | (tid == 0 ? 0x10 : 0) | sid << 1 | (sid > 0)),
		                 0,
		                 0xaa};
		struct fx_in in = {.ssrc = fx_ssrc(0, 0),
		                   .seq = s->seq++,
		                   .ts = s->frame * 3000,
		                   .pt = PT_VP9,
		                   .marker = sid == 2,
		                   .raw = raw,
		                   .raw_bytes = sizeof(raw)};
		assert_int_equal(fx_in(fx, 0, &in), 0);
	}
	s->frame++;
	fx_advance(fx, 33000);
}

struct seen {
	unsigned spatial, temporal, markers, pictures;
};

static struct seen look(const struct fx *fx, size_t from)
{
	struct seen seen = {0};
	struct hz_vp9_descriptor d;
	for (size_t i = from; i < fx->out_count; i++) {
		if (i)
			assert_int_equal(fx->out[i].index, fx->out[i - 1].index + 1);
		assert_int_equal(hz_vp9_parse(fx->out[i].p.payload, fx->out[i].p.payload_bytes, &d), 0);
		seen.spatial = d.spatial_id > seen.spatial ? d.spatial_id : seen.spatial;
		seen.temporal = d.temporal_id > seen.temporal ? d.temporal_id : seen.temporal;
		seen.markers += fx->out[i].p.marker;
		seen.pictures += d.spatial_id == 0;
	}
	return seen;
}

static void vp9_falls_at_once_and_rises_at_a_keyframe(void **state)
{
	struct fx *fx = *state;
	struct stream s = {.seq = 1};
	vp9_superframe(fx, &s, true);
	for (unsigned i = 0; i < 9; i++)
		vp9_superframe(fx, &s, false);
	assert_int_equal(look(fx, 0).spatial, 2);
	want(fx, 1, HZ_LAYERS_ALL, HZ_FLOW_ALL);
	size_t from = fx->out_count;
	for (unsigned i = 0; i < 10; i++)
		vp9_superframe(fx, &s, false);
	struct seen seen = look(fx, from);
	assert_int_equal(seen.spatial, 1);
	assert_int_equal(seen.temporal, 1);
	assert_int_equal(seen.pictures, 10);
	assert_int_equal(seen.markers, 10); // on the highest layer that goes out
	fx_clear(fx);
	want(fx, 2, HZ_LAYERS_ALL, HZ_FLOW_ALL);
	assert_int_equal(fx_rtcp_seen(fx, 0, HZ_RTCP_PSFB, HZ_PSFB_PLI), 1);
	for (unsigned i = 0; i < 5; i++)
		vp9_superframe(fx, &s, false);
	assert_int_equal(look(fx, 0).spatial, 1); // not before the keyframe
	from = fx->out_count;
	vp9_superframe(fx, &s, true);
	assert_int_equal(look(fx, from).spatial, 2);
	want(fx, 2, 0, HZ_FLOW_ALL);
	vp9_superframe(fx, &s, false);
	from = fx->out_count;
	for (unsigned i = 0; i < 6; i++)
		vp9_superframe(fx, &s, false);
	seen = look(fx, from);
	assert_int_equal(seen.temporal, 0);
	assert_int_equal(seen.pictures, 3);
	want(fx, 2, 1, HZ_FLOW_ALL); // U lets the higher temporal layer in without a keyframe
	from = fx->out_count;
	for (unsigned i = 0; i < 6; i++)
		vp9_superframe(fx, &s, false);
	assert_int_equal(look(fx, from).temporal, 1);
}

// What a small tile asks for bounds the spatial layers as it bounds simulcast ones.
static void control_bounds_spatial_layers(void **state)
{
	struct fx *fx = *state;
	struct stream s = {.seq = 1};
	union hz_msg m = {.sub_set = *hz_arena_sub_set(&fx->arena->sub[0])};
	vp9_superframe(fx, &s, true);
	vp9_superframe(fx, &s, false);
	m.sub_set.max_layer = 0;
	assert_int_equal(fx_sub_set(fx, &m), 0);
	size_t from = fx->out_count;
	for (unsigned i = 0; i < 6; i++)
		vp9_superframe(fx, &s, false);
	assert_int_equal(look(fx, from).spatial, 0);
	assert_int_equal(look(fx, from).markers, 6);
	fx->now += 1000000;
	fx_clear(fx);
	m.sub_set.max_layer = 1;
	assert_int_equal(fx_sub_set(fx, &m), 0);
	assert_int_equal(fx_rtcp_seen(fx, 0, HZ_RTCP_PSFB, HZ_PSFB_PLI), 1);
	vp9_superframe(fx, &s, false);
	assert_int_equal(look(fx, 0).spatial, 0);
	vp9_superframe(fx, &s, true);
	vp9_superframe(fx, &s, false);
	assert_int_equal(look(fx, 0).spatial, 1);
}

static void stills_and_off(void **state)
{
	struct fx *fx = *state;
	struct stream s = {.seq = 1};
	vp9_superframe(fx, &s, true);
	want(fx, 0, 0, HZ_FLOW_STILL);
	fx_clear(fx);
	for (unsigned i = 0; i < 30; i++)
		vp9_superframe(fx, &s, i % 10 == 0);
	assert_int_equal(fx->out_count, 0); // also keyframes that nobody asked for
	hz_layers_still(fx->router, 0, fx->now);
	assert_int_equal(fx_rtcp_seen(fx, 0, HZ_RTCP_PSFB, HZ_PSFB_PLI), 1);
	vp9_superframe(fx, &s, false);
	vp9_superframe(fx, &s, true);
	vp9_superframe(fx, &s, false);
	vp9_superframe(fx, &s, true);
	assert_int_equal(fx->out_count, 1);
	assert_true(fx->out[0].p.marker);
	hz_layers_still(fx->router, 0, fx->now);
	vp9_superframe(fx, &s, true);
	assert_int_equal(fx->out_count, 2);
	want(fx, 0, 0, HZ_FLOW_OFF);
	for (unsigned i = 0; i < 100; i++)
		vp9_superframe(fx, &s, i % 10 == 0);
	assert_int_equal(fx->out_count, 2);
	fx->rtcp_count = 0;
	want(fx, 2, HZ_LAYERS_ALL, HZ_FLOW_ALL);
	assert_int_equal(fx_rtcp_seen(fx, 0, HZ_RTCP_PSFB, HZ_PSFB_PLI), 1);
	vp9_superframe(fx, &s, false);
	assert_int_equal(fx->out_count, 2);
	vp9_superframe(fx, &s, true);
	vp9_superframe(fx, &s, false);
	assert_int_equal(fx->out_count, 8);
	assert_int_equal(look(fx, 0).spatial, 2);
}

// --- AV1 by dependency descriptor: 2 spatial, 3 temporal layers.

static size_t av1_packet(struct stream *s, unsigned sid, bool key, uint8_t buf[256])
{
	static const uint8_t pattern[] = {0, 2, 1, 2};
	unsigned tid = key ? 0 : pattern[s->frame % 4], number = s->body++;
	struct dd_bits b;
	size_t n = 3;
	if (key && sid == 0)
		n = dd_key_at(&b, s->templates, number, 2, 3);
	else
		dd_head(&b, 1, 1, s->templates + sid * 3 + tid, number);
	struct hz_ext_ids ids = {.dependency = 7};
	struct hz_rtp_exts exts = {
	    .has = HZ_EXT_DEPENDENCY, .dependency = b.data, .dependency_bytes = (uint8_t)n};
	struct hz_rtp_offsets at;
	struct hz_rtp_header h = {
	    .ts = s->frame * 3000, .ssrc = fx_ssrc(0, 0), .seq = s->seq++, .pt = PT_AV1, .marker = sid == 1};
	assert_int_equal(hz_rtp_write_header(buf, 256, &h, &exts, &ids, &at), 0);
	memcpy(buf + at.header_bytes, key && sid == 0 ? "\x18\x0a\x0b" : "\x10\x32\x00", 3);
	return at.header_bytes + 3u;
}

static void av1_frame(struct fx *fx, struct stream *s, bool key)
{
	uint8_t buf[256];
	for (unsigned sid = 0; sid < 2; sid++) {
		size_t bytes = av1_packet(s, sid, key, buf);
		assert_int_equal(hz_router_rtp(fx->router, 0, buf, bytes, 0, fx->now), 0);
	}
	s->frame++;
	fx_advance(fx, 33000);
}

static struct seen look_av1(const struct fx *fx, size_t from, struct hz_dd_structure *st)
{
	struct hz_ext_ids ids = {.dependency = 13};
	struct seen seen = {0};
	for (size_t i = from; i < fx->out_count; i++) {
		struct hz_rtp_exts x;
		struct hz_dd d;
		if (i)
			assert_int_equal(fx->out[i].index, fx->out[i - 1].index + 1);
		hz_rtp_parse_exts(&fx->out[i].p, &ids, &x);
		assert_true(x.has & HZ_EXT_DEPENDENCY); // copied to who negotiated it
		assert_int_equal(hz_dd_parse(x.dependency, x.dependency_bytes, st, &d, st), 0);
		seen.spatial = d.spatial > seen.spatial ? d.spatial : seen.spatial;
		seen.temporal = d.temporal > seen.temporal ? d.temporal : seen.temporal;
		seen.markers += fx->out[i].p.marker;
		seen.pictures += d.spatial == 0;
	}
	return seen;
}

static void av1_by_dependency_descriptor(void **state)
{
	struct fx *fx = *state;
	struct stream s = {.seq = 1};
	struct hz_dd_structure st = {0};
	av1_frame(fx, &s, true);
	for (unsigned i = 0; i < 8; i++)
		av1_frame(fx, &s, false);
	struct seen seen = look_av1(fx, 0, &st);
	assert_int_equal(seen.spatial, 1);
	assert_int_equal(seen.temporal, 2);
	want(fx, 0, 0, HZ_FLOW_ALL);
	size_t from = fx->out_count;
	for (unsigned i = 0; i < 12; i++)
		av1_frame(fx, &s, false);
	seen = look_av1(fx, from, &st);
	assert_int_equal(seen.spatial, 0);
	assert_int_equal(seen.temporal, 0);
	assert_int_equal(seen.markers, seen.pictures);
	assert_int_equal(seen.pictures, 3);
	want(fx, 0, 2, HZ_FLOW_ALL); // a picture of temporal layer 0 is a switching point
	from = fx->out_count;
	for (unsigned i = 0; i < 12; i++)
		av1_frame(fx, &s, false);
	assert_int_equal(look_av1(fx, from, &st).temporal, 2);
	want(fx, 1, 2, HZ_FLOW_ALL);
	from = fx->out_count;
	for (unsigned i = 0; i < 12; i++)
		av1_frame(fx, &s, false);
	assert_int_equal(look_av1(fx, from, &st).spatial, 0);
	av1_frame(fx, &s, true);
	av1_frame(fx, &s, false);
	assert_int_equal(look_av1(fx, from, &st).spatial, 1);
	struct hz_layers_rates rates;
	hz_layers_rates(fx->router, 0, &rates);
	assert_int_equal(rates.count, 1);
	assert_int_equal(rates.spatial[0], 1);
	assert_int_equal(rates.temporal[0], 2);
	assert_true(rates.bps[0][0][0] > 0 && rates.bps[0][0][2] > rates.bps[0][0][0]);
	assert_true(rates.bps[0][1][2] > rates.bps[0][0][2]);
	assert_int_equal(rates.bps[0][3][3], rates.bps[0][1][2]);
}

// Another SSRC takes the layer's place while packets of the one before wait in the same burst, with what its descriptor
// said: they go out by it, not by what is freed for the new one.
static void another_ssrc_in_the_midst_of_a_burst(void **state)
{
	struct fx *fx = *state;
	struct stream s = {.seq = 1};
	static uint8_t buf[2][256];
	struct hz_ext_ids ids = {.mid = 1, .dependency = 7};
	struct dd_bits b;
	av1_frame(fx, &s, true);
	want(fx, 0, 0, HZ_FLOW_ALL);
	for (unsigned i = 0; i < 8; i++)
		av1_frame(fx, &s, false);
	want(fx, 1, 2, HZ_FLOW_ALL); // so that the waiting picture is looked at for a way up
	size_t from = fx->out_count;
	hz_router_burst_begin(fx->router);
	for (unsigned i = 0; i < 2; i++) {
		struct hz_rtp_exts exts = {.has = HZ_EXT_MID | HZ_EXT_DEPENDENCY,
		                           .mid = "m0",
		                           .dependency = b.data,
		                           .dependency_bytes = 3};
		struct hz_rtp_header h = {
		    .ts = s.frame * 3000, .ssrc = i ? 777 : fx_ssrc(0, 0), .seq = s.seq++, .pt = PT_AV1};
		struct hz_rtp_offsets at;
		dd_head(&b, 1, 1, 0, s.body++);
		assert_int_equal(hz_rtp_write_header(buf[i], sizeof(buf[i]), &h, &exts, &ids, &at), 0);
		memcpy(buf[i] + at.header_bytes, "\x10\x32\x00", 3);
		assert_int_equal(hz_router_rtp(fx->router, 0, buf[i], at.header_bytes + 3u, 0, fx->now), 0);
	}
	hz_router_burst_end(fx->router);
	assert_int_equal(fx->out_count, from + 1);
}

// Browsers number the templates anew with each keyframe, and say so in its first packet alone: when that one was lost and comes
// once more behind others, the layers of what follows are known all the same.
static void av1_templates_that_come_late(void **state)
{
	struct fx *fx = *state;
	struct stream s = {.seq = 1};
	uint8_t first[256], buf[256];
	av1_frame(fx, &s, true);
	for (unsigned i = 0; i < 8; i++)
		av1_frame(fx, &s, false);
	s.templates = 6;
	size_t bytes = av1_packet(&s, 0, true, first), more = av1_packet(&s, 1, true, buf);
	assert_int_equal(hz_router_rtp(fx->router, 0, buf, more, 0, fx->now), 0);
	s.frame++;
	av1_frame(fx, &s, false);
	assert_int_equal(hz_router_rtp(fx->router, 0, first, bytes, 0, fx->now), 0);
	for (unsigned i = 0; i < 3; i++)
		av1_frame(fx, &s, false);
	want(fx, 0, 0, HZ_FLOW_ALL);
	for (unsigned i = 0; i < 4; i++)
		av1_frame(fx, &s, false);
	size_t from = fx->out_count;
	for (unsigned i = 0; i < 12; i++)
		av1_frame(fx, &s, false);
	assert_int_equal(fx->out_count - from, 3); // of spatial layer 0, temporal layer 0
}

// A slot that is pointed at another publisher: frame numbers go on upwards, or Chromium drops the keyframe.
static void frame_numbers_go_on_over_a_switch(void **state)
{
	struct fx *fx = *state;
	struct stream s = {.seq = 1, .body = 60000};
	struct hz_ext_ids ids = {.dependency = 13};
	union hz_msg t = {.track_set = *hz_arena_track_set(&fx->arena->track[0])};
	struct hz_rtp_exts x;
	uint16_t last = 0;
	for (unsigned round = 0; round < 4; round++) {
		av1_frame(fx, &s, true);
		for (unsigned i = 0; i < 5; i++)
			av1_frame(fx, &s, false);
		if (round == 1)
			fx_restart(fx);
		union hz_msg d = {.track_del = {.track = HZ_ID(0, 1)}};
		assert_int_equal(fx_command(fx, &d, HZ_CMD_TRACK_DEL, sizeof(d.track_del)), 0);
		assert_int_equal(fx_command(fx, &t, HZ_CMD_TRACK_SET, sizeof(t.track_set)), 0);
		union hz_msg m = {.sub_set = *hz_arena_sub_set(&fx->arena->sub[0])};
		m.sub_set.track = HZ_ID(0, 1);
		assert_int_equal(fx_sub_set(fx, &m), 0);
		s.body -= 20000; // another publisher
	}
	assert_int_equal(fx->out_count, 48);
	for (size_t i = 0; i < fx->out_count; i++) {
		hz_rtp_parse_exts(&fx->out[i].p, &ids, &x);
		assert_int_equal(x.has & HZ_EXT_DEPENDENCY, HZ_EXT_DEPENDENCY);
		uint16_t number = (uint16_t)(x.dependency[1] << 8 | x.dependency[2]);
		if (i)
			assert_int_equal(number, (uint16_t)(last + 1));
		last = number;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(vp8_layers_fall_and_rise_without_gaps, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(loss_and_reordering_keep_the_places, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(a_kill_in_the_middle, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(vp9_falls_at_once_and_rises_at_a_keyframe, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(control_bounds_spatial_layers, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(stills_and_off, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(frame_numbers_go_on_over_a_switch, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(av1_by_dependency_descriptor, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(av1_templates_that_come_late, setup, fx_teardown),
	    cmocka_unit_test_setup_teardown(another_ssrc_in_the_midst_of_a_burst, setup, fx_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
