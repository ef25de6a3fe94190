#include "media/mix/streams.h"

#include <errno.h>
#include <string.h>

#define WEIGHT_STEP 0.1f // a tick

int hz_streams_set_up(struct hz_mixer *mixer, struct hz_mix_stream *s)
{
	const struct hz_mixer_config *c = &mixer->config;
	int err = opus_encoder_init(s->encoder, 48000, 1, OPUS_APPLICATION_VOIP);
	if (!err)
		err = opus_encoder_ctl(s->encoder, OPUS_SET_BITRATE((int)c->bitrate_bps));
	if (!err)
		err = opus_encoder_ctl(s->encoder, OPUS_SET_COMPLEXITY((int)c->complexity));
	if (!err)
		err = opus_encoder_ctl(s->encoder, OPUS_SET_PACKET_LOSS_PERC((int)c->loss_percent));
	if (err)
		return -EINVAL;
	opus_encoder_ctl(s->encoder, OPUS_SET_INBAND_FEC(1));
	opus_encoder_ctl(s->encoder, OPUS_SET_DTX(c->dtx));
	// One mode all the time: FEC is in SILK's part only, and a change of mode at a change-over could be heard.
	opus_encoder_ctl(s->encoder, OPUS_SET_SIGNAL(OPUS_SIGNAL_VOICE));
	hz_limiter_init(&s->limiter);
	s->settled = 0;
	return 0;
}

static void copy(struct hz_mixer *mixer, struct hz_mix_stream *to, const struct hz_mix_stream *from)
{
	OpusEncoder *encoder = to->encoder;
	memcpy(encoder, from->encoder, mixer->encoder_bytes); // opus.h: a shallow copy is a copy
	*to = *from;
	to->encoder = encoder;
	to->settled = 0;
}

static float wanted_weight(const struct hz_mixer *mixer, unsigned language, unsigned bus)
{
	if (bus == 0)
		return language && mixer->interpreted[language] ? mixer->floor_weight : 1;
	return bus == language;
}

static void begin(struct hz_mixer *mixer, struct hz_mix_stream *s, unsigned language)
{
	(void)hz_streams_set_up(mixer, s); // did so in hz_mixer_new() with the same settings
	s->used = true;
	s->language = language;
	s->minus = HZ_MIX_NONE;
	for (unsigned b = 0; b < HZ_MIX_SHARED; b++)
		s->weight[b] = wanted_weight(mixer, language, b);
}

static int find_free(const struct hz_mixer *mixer)
{
	for (unsigned i = HZ_MIX_SHARED; i < HZ_MIX_STREAMS; i++)
		if (!mixer->stream[i].used)
			return (int)i;
	return HZ_MIX_NONE;
}

static unsigned language_of(const struct hz_mix_member *m)
{
	return m->interprets == m->language ? 0 : m->language;
}

// Who interprets is not in the floor, nor in what it hears.
static bool in_own_mix(const struct hz_mixer *mixer, const struct hz_mix_member *m)
{
	if (m->input == HZ_MIX_NONE)
		return false;
	const struct hz_mix_input *in = &mixer->input[m->input];
	return (in->heard || in->fade > 0) && (!in->interprets || in->interprets == language_of(m));
}

static unsigned listeners_of(const struct hz_mixer *mixer, int stream)
{
	unsigned n = 0;
	for (unsigned i = 0; i < HZ_MIXER_MEMBERS; i++)
		n += mixer->member[i].listens && mixer->member[i].stream == stream;
	return n;
}

bool hz_streams_own(struct hz_mixer *mixer, int member)
{
	struct hz_mix_member *m = &mixer->member[member];
	if (m->stream >= (int)HZ_MIX_SHARED &&
	    (mixer->stream[m->stream].minus == member || listeners_of(mixer, m->stream) == 1)) {
		mixer->stream[m->stream].minus = member;
		mixer->stream[m->stream].settled = 0;
		return true;
	}
	int to = find_free(mixer);
	if (to == HZ_MIX_NONE)
		return false;
	if (m->stream == HZ_MIX_NONE)
		begin(mixer, &mixer->stream[to], language_of(m));
	else
		copy(mixer, &mixer->stream[to], &mixer->stream[m->stream]);
	mixer->stream[to].minus = member;
	mixer->stream[to].language = language_of(m);
	mixer->stream[to].made = mixer->stats.ticks;
	mixer->stream[to].from = UINT64_MAX;
	m->stream = to;
	return true;
}

static void change_language(struct hz_mixer *mixer, struct hz_mix_member *m, unsigned language)
{
	uint64_t from = (uint64_t)m->stream;
	if (m->stream >= (int)HZ_MIX_SHARED && listeners_of(mixer, m->stream) == 1) {
		mixer->stream[m->stream].language = language;
		mixer->stream[m->stream].settled = 0;
		return;
	}
	for (unsigned i = HZ_MIX_SHARED; i < HZ_MIX_STREAMS; i++) {
		struct hz_mix_stream *s = &mixer->stream[i];
		if (s->used && s->made == mixer->stats.ticks && s->from == from && s->language == language) {
			m->stream = (int)i;
			return;
		}
	}
	int to = find_free(mixer);
	if (to == HZ_MIX_NONE)
		return; // next tick
	copy(mixer, &mixer->stream[to], &mixer->stream[m->stream]);
	mixer->stream[to].language = language;
	mixer->stream[to].made = mixer->stats.ticks;
	mixer->stream[to].from = from;
	m->stream = to;
}

// Both have been fed the same for a while.
static void go_back(struct hz_mixer *mixer, struct hz_mix_member *m)
{
	struct hz_mix_stream *own = &mixer->stream[m->stream], *shared = &mixer->stream[own->language];
	if (!shared->used) {
		copy(mixer, shared, own);
		shared->minus = HZ_MIX_NONE;
	}
	m->stream = (int)own->language;
}

static void route(struct hz_mixer *mixer, int member)
{
	struct hz_mix_member *m = &mixer->member[member];
	unsigned language = language_of(m);
	bool apart = in_own_mix(mixer, m);
	if (m->stream == HZ_MIX_NONE && apart) {
		(void)hz_streams_own(mixer, member); // none is free: hears nothing until one is
		return;
	}
	if (m->stream == HZ_MIX_NONE) {
		if (!mixer->stream[language].used)
			begin(mixer, &mixer->stream[language], language);
		m->stream = (int)language;
		return;
	}
	struct hz_mix_stream *s = &mixer->stream[m->stream];
	if (apart && s->minus != member)
		(void)hz_streams_own(mixer, member);
	else if (s->language != language)
		change_language(mixer, m, language);
	else if (m->stream >= (int)HZ_MIX_SHARED && !apart && s->settled >= HZ_STREAMS_SETTLE)
		go_back(mixer, m);
}

static bool same_as_shared(const struct hz_mixer *mixer, const struct hz_mix_stream *s)
{
	if (s->minus != HZ_MIX_NONE && in_own_mix(mixer, &mixer->member[s->minus]))
		return false;
	for (unsigned b = 0; b < HZ_MIX_SHARED; b++)
		if (s->weight[b] != wanted_weight(mixer, s->language, b))
			return false;
	return true;
}

void hz_streams_route(struct hz_mixer *mixer)
{
	unsigned listeners[HZ_MIX_STREAMS] = {0};
	for (unsigned i = HZ_MIX_SHARED; i < HZ_MIX_STREAMS; i++) {
		struct hz_mix_stream *s = &mixer->stream[i];
		if (s->used)
			s->settled = same_as_shared(mixer, s) ? s->settled + 1 : 0;
	}
	for (unsigned i = 0; i < HZ_MIXER_MEMBERS; i++) {
		struct hz_mix_member *m = &mixer->member[i];
		if (!m->used || !m->listens)
			continue;
		route(mixer, (int)i);
		if (m->stream != HZ_MIX_NONE)
			listeners[m->stream]++;
	}
	for (unsigned i = 0; i < HZ_MIX_STREAMS; i++)
		if (!listeners[i])
			mixer->stream[i].used = false;
}

// out += in * a line from one weight to the other.
static void add(float *out, const float *in, float from, float to)
{
	float step = (to - from) / HZ_MIXER_FRAME;
	for (int i = 0; i < (int)HZ_MIXER_FRAME; i++)
		out[i] += in[i] * (from + step * (float)(i + 1));
}

static void mix(struct hz_mixer *mixer, struct hz_mix_stream *s)
{
	const struct hz_mix_input *self = NULL;
	memset(mixer->scratch, 0, sizeof(mixer->scratch));
	if (s->minus != HZ_MIX_NONE && mixer->member[s->minus].input != HZ_MIX_NONE)
		self = &mixer->input[mixer->member[s->minus].input];
	for (unsigned b = 0; b < HZ_MIX_SHARED; b++) {
		float by = wanted_weight(mixer, s->language, b) - s->weight[b], from = s->weight[b];
		bool there = by > -WEIGHT_STEP && by < WEIGHT_STEP;
		s->weight[b] = there ? from + by : from + (by > 0 ? WEIGHT_STEP : -WEIGHT_STEP);
		if (there)
			s->weight[b] = wanted_weight(mixer, s->language, b);
		if (!mixer->bus_mixed[b] || (from == 0 && s->weight[b] == 0))
			continue;
		add(mixer->scratch, mixer->bus[b], from, s->weight[b]);
		if (self && self->mixed && self->interprets == b)
			add(mixer->scratch, self->pcm, -from, -s->weight[b]);
	}
	hz_limiter_run(&s->limiter, mixer->scratch, HZ_MIXER_FRAME);
}

static unsigned address(struct hz_mixer *mixer, int stream, bool silent)
{
	unsigned n = 0;
	for (unsigned i = 0; i < HZ_MIXER_MEMBERS; i++) {
		struct hz_mix_member *m = &mixer->member[i];
		if (!m->used || !m->listens || m->stream != stream)
			continue;
		if (!silent)
			mixer->to[n++] = (struct hz_mixer_to){(uint32_t)m->generation << 16 | i, m->seq++,
			                                      m->silent || !m->sent};
		m->sent |= !silent;
		m->silent = silent;
	}
	return n;
}

static void encode(struct hz_mixer *mixer, unsigned stream, hz_mixer_emit_fn *emit, void *ctx)
{
	struct hz_mix_stream *s = &mixer->stream[stream];
	mix(mixer, s);
	int n = opus_encode_float(s->encoder, mixer->scratch, HZ_MIXER_FRAME, mixer->payload,
	                          sizeof(mixer->payload));
	mixer->stats.encodes++;
	mixer->stats.encodes_now++;
	bool silent = n <= (mixer->config.dtx ? 2 : 0); // two bytes and less: nothing need be sent (opus.h)
	unsigned to = address(mixer, (int)stream, silent);
	if (silent || !to)
		return;
	struct hz_mixer_packet packet = {stream, mixer->payload, (size_t)n, mixer->rtp_ts, mixer->to, to};
	emit(ctx, &packet);
}

void hz_streams_encode(struct hz_mixer *mixer, hz_mixer_emit_fn *emit, void *ctx)
{
	mixer->stats.encodes_now = 0;
	mixer->stats.own_streams = 0;
	for (unsigned i = 0; i < HZ_MIX_STREAMS; i++) {
		if (!mixer->stream[i].used)
			continue;
		mixer->stats.own_streams += i >= HZ_MIX_SHARED;
		encode(mixer, i, emit, ctx);
	}
}
