#include "media/mix/mixer.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "media/mix/speakers.h"
#include "media/mix/state.h"
#include "media/mix/streams.h"

#define FADE_IN  1.0f // a tick: the begin of a word is not to be lost
#define FADE_OUT 0.2f

static size_t aligned(size_t bytes)
{
	return (bytes + 63) / 64 * 64;
}

static int set_defaults(struct hz_mixer_config *c)
{
	c->speakers = c->speakers ? c->speakers : 5;
	c->bitrate_bps = c->bitrate_bps ? c->bitrate_bps : 32000;
	c->complexity = c->complexity ? c->complexity : 5;
	c->loss_percent = c->loss_percent ? c->loss_percent : 10;
	c->loudness_lufs = c->loudness_lufs < 0 ? c->loudness_lufs : -23;
	c->floor_db = c->floor_db < 0 ? c->floor_db : -15;
	bool ok = c->speakers <= HZ_MIXER_SPEAKERS && c->bitrate_bps >= 6000 && c->bitrate_bps <= 128000 &&
	          c->complexity <= 10 && c->loss_percent <= 100;
	return ok ? 0 : -EINVAL;
}

static int make_coders(struct hz_mixer *mixer)
{
	size_t decoder = aligned((size_t)opus_decoder_get_size(1));
	mixer->encoder_bytes = aligned((size_t)opus_encoder_get_size(1));
	size_t bytes = HZ_MIXER_INPUTS * decoder + HZ_MIX_STREAMS * mixer->encoder_bytes;
	mixer->coders = aligned_alloc(64, bytes);
	if (!mixer->coders)
		return -ENOMEM;
	memset(mixer->coders, 0, bytes);
	char *at = mixer->coders;
	for (unsigned i = 0; i < HZ_MIXER_INPUTS; i++, at += decoder) {
		if (opus_decoder_init((OpusDecoder *)at, 48000, 1))
			return -EINVAL;
		mixer->input[i].playout.decoder = (OpusDecoder *)at;
	}
	for (unsigned i = 0; i < HZ_MIX_STREAMS; i++, at += mixer->encoder_bytes) {
		mixer->stream[i].encoder = (OpusEncoder *)at;
		int err = hz_streams_set_up(mixer, &mixer->stream[i]);
		if (err)
			return err;
	}
	return 0;
}

int hz_mixer_new(const struct hz_mixer_config *config, int64_t now_us, struct hz_mixer **ret)
{
	struct hz_mixer_config with = config ? *config : (struct hz_mixer_config){0};
	int err = set_defaults(&with);
	if (err)
		return err;
	struct hz_mixer *mixer = calloc(1, sizeof(*mixer));
	if (!mixer)
		return -ENOMEM;
	mixer->config = with;
	mixer->next_us = now_us;
	mixer->floor_weight = powf(10, with.floor_db / 20);
	err = make_coders(mixer);
	if (err) {
		hz_mixer_free(mixer);
		return err;
	}
	*ret = mixer;
	return 0;
}

void hz_mixer_free(struct hz_mixer *mixer)
{
	if (!mixer)
		return;
	free(mixer->coders);
	free(mixer);
}

static struct hz_mix_member *find(struct hz_mixer *mixer, uint32_t member)
{
	unsigned i = member & 0xffff;
	if (i >= HZ_MIXER_MEMBERS || !mixer->member[i].used || mixer->member[i].generation != member >> 16)
		return NULL;
	return &mixer->member[i];
}

int hz_mixer_add(struct hz_mixer *mixer, uint32_t *ret_member)
{
	for (unsigned i = 0; i < HZ_MIXER_MEMBERS; i++) {
		struct hz_mix_member *m = &mixer->member[i];
		if (m->used)
			continue;
		*m = (struct hz_mix_member){.used = true,
		                            .generation = (uint16_t)(m->generation + 1),
		                            .input = HZ_MIX_NONE,
		                            .stream = HZ_MIX_NONE};
		*ret_member = (uint32_t)m->generation << 16 | i;
		return 0;
	}
	return -ENOSPC;
}

// Its stream may have been made for it alone.
static void stop_listening(struct hz_mixer *mixer, struct hz_mix_member *m)
{
	int self = (int)(m - mixer->member);
	m->listens = false;
	m->stream = HZ_MIX_NONE;
	for (unsigned i = 0; i < HZ_MIX_STREAMS; i++)
		if (mixer->stream[i].used && mixer->stream[i].minus == self)
			mixer->stream[i].used = false;
}

static void stop_publishing(struct hz_mixer *mixer, struct hz_mix_member *m, bool gone)
{
	if (m->input == HZ_MIX_NONE)
		return;
	struct hz_mix_input *in = &mixer->input[m->input];
	in->leaving = true;
	if (gone) {
		in->member = HZ_MIX_NONE;
		m->input = HZ_MIX_NONE;
	}
}

int hz_mixer_remove(struct hz_mixer *mixer, uint32_t member)
{
	struct hz_mix_member *m = find(mixer, member);
	if (!m)
		return -ENOENT;
	stop_listening(mixer, m);
	stop_publishing(mixer, m, true);
	m->used = false;
	return 0;
}

int hz_mixer_publish(struct hz_mixer *mixer, uint32_t member, bool on)
{
	struct hz_mix_member *m = find(mixer, member);
	if (!m)
		return -ENOENT;
	if (!on) {
		stop_publishing(mixer, m, false);
		return 0;
	}
	if (m->input != HZ_MIX_NONE) {
		mixer->input[m->input].leaving = false;
		return 0;
	}
	for (unsigned i = 0; i < HZ_MIXER_INPUTS; i++) {
		struct hz_mix_input *in = &mixer->input[i];
		if (in->used)
			continue;
		OpusDecoder *decoder = in->playout.decoder;
		opus_decoder_ctl(decoder, OPUS_RESET_STATE);
		memset(in, 0, offsetof(struct hz_mix_input, playout));
		hz_playout_init(&in->playout, decoder);
		hz_loudness_init(&in->loudness);
		in->used = true;
		in->member = (int)(m - mixer->member);
		in->interprets = m->interprets;
		in->gain = 1;
		m->input = (int)i;
		return 0;
	}
	return -ENOSPC;
}

int hz_mixer_listen(struct hz_mixer *mixer, uint32_t member, bool on)
{
	struct hz_mix_member *m = find(mixer, member);
	if (!m)
		return -ENOENT;
	if (!on)
		stop_listening(mixer, m);
	else
		m->listens = true;
	return 0;
}

int hz_mixer_set_language(struct hz_mixer *mixer, uint32_t member, unsigned language)
{
	struct hz_mix_member *m = find(mixer, member);
	if (!m)
		return -ENOENT;
	if (language > HZ_MIXER_LANGUAGES)
		return -EINVAL;
	m->language = language;
	return 0;
}

int hz_mixer_set_interprets(struct hz_mixer *mixer, uint32_t member, unsigned language)
{
	struct hz_mix_member *m = find(mixer, member);
	if (!m)
		return -ENOENT;
	if (language > HZ_MIXER_LANGUAGES)
		return -EINVAL;
	m->interprets = language;
	return 0;
}

int hz_mixer_push(struct hz_mixer *mixer, uint32_t member, const struct hz_mixer_rtp *rtp)
{
	struct hz_mix_member *m = find(mixer, member);
	if (!m || m->input == HZ_MIX_NONE || mixer->input[m->input].leaving)
		return -ENOENT;
	return hz_playout_push(&mixer->input[m->input].playout, rtp);
}

static void apply_gain(float *pcm, float from, float to)
{
	float step = (to - from) / HZ_MIXER_FRAME;
	for (int i = 0; i < (int)HZ_MIXER_FRAME; i++)
		pcm[i] *= from + step * (float)(i + 1);
}

// Sound and its loudness. What is not decoded is not measured: the gate closes as in silence.
static void take(struct hz_mixer *mixer, struct hz_mix_input *in, int64_t now_us)
{
	in->mixed = hz_playout_pull(&in->playout, now_us, !in->loudness.open, in->pcm);
	mixer->stats.inputs += in->mixed;
	hz_loudness_on_frame(&in->loudness, in->pcm, HZ_MIXER_FRAME, mixer->config.loudness_lufs);
}

static void add(float *out, const float *in)
{
	for (int i = 0; i < (int)HZ_MIXER_FRAME; i++)
		out[i] += in[i];
}

static void release(struct hz_mixer *mixer, struct hz_mix_input *in)
{
	if (in->member != HZ_MIX_NONE)
		mixer->member[in->member].input = HZ_MIX_NONE;
	in->used = false;
}

static void mix_input(struct hz_mixer *mixer, struct hz_mix_input *in)
{
	float gain = mixer->config.keep_levels ? 1 : powf(10, in->loudness.gain_db / 20);
	bool on = in->heard && in->loudness.open && !in->leaving;
	float fade = on ? in->fade + FADE_IN : in->fade - FADE_OUT;
	fade = fade < 0.001f ? 0 : fade > 1 ? 1 : fade;
	float from = in->fade * in->gain, to = fade * gain;
	in->fade = fade;
	in->gain = gain;
	in->mixed = in->mixed && (from > 0 || to > 0);
	if (in->mixed) {
		apply_gain(in->pcm, from, to);
		add(mixer->bus[in->interprets], in->pcm);
		mixer->bus_mixed[in->interprets] = true;
	}
	mixer->stats.speakers += in->heard;
	if (in->leaving && from <= 0)
		release(mixer, in);
}

static void tick(struct hz_mixer *mixer, int64_t now_us, hz_mixer_emit_fn *emit, void *ctx)
{
	mixer->stats.ticks++;
	mixer->stats.speakers = mixer->stats.inputs = 0;
	memset(mixer->bus, 0, sizeof(mixer->bus));
	memset(mixer->bus_mixed, 0, sizeof(mixer->bus_mixed));
	memset(mixer->interpreted, 0, sizeof(mixer->interpreted));
	for (unsigned i = 0; i < HZ_MIXER_INPUTS; i++)
		if (mixer->input[i].used)
			take(mixer, &mixer->input[i], now_us);
	hz_speakers_choose(mixer, hz_streams_own);
	for (unsigned i = 0; i < HZ_MIXER_INPUTS; i++) {
		const struct hz_mix_input *in = &mixer->input[i];
		if (in->used && !in->leaving && in->interprets)
			mixer->interpreted[in->interprets] = true;
	}
	hz_streams_route(mixer);
	for (unsigned i = 0; i < HZ_MIXER_INPUTS; i++)
		if (mixer->input[i].used)
			mix_input(mixer, &mixer->input[i]);
	hz_streams_encode(mixer, emit, ctx);
	mixer->rtp_ts += HZ_MIXER_FRAME;
}

int64_t hz_mixer_tick(struct hz_mixer *mixer, int64_t now_us, hz_mixer_emit_fn *emit, void *ctx)
{
	if (now_us < mixer->next_us)
		return mixer->next_us;
	int64_t due = (now_us - mixer->next_us) / HZ_MIXER_FRAME_US + 1;
	if (due > (int64_t)HZ_MIXER_CATCH_UP) {
		int64_t skip = due - HZ_MIXER_CATCH_UP;
		mixer->stats.skipped_ticks += (uint64_t)skip;
		mixer->rtp_ts += (uint32_t)((uint64_t)skip * HZ_MIXER_FRAME);
		mixer->next_us += skip * HZ_MIXER_FRAME_US;
		due -= skip;
	}
	for (; due > 0; due--) {
		tick(mixer, mixer->next_us, emit, ctx);
		mixer->next_us += HZ_MIXER_FRAME_US;
	}
	return mixer->next_us;
}

void hz_mixer_get_stats(const struct hz_mixer *mixer, struct hz_mixer_stats *ret)
{
	*ret = mixer->stats;
}

int hz_mixer_get_voice(const struct hz_mixer *mixer, uint32_t member, struct hz_mixer_voice *ret)
{
	const struct hz_mix_member *m = find((struct hz_mixer *)mixer, member);
	if (!m || m->input == HZ_MIX_NONE)
		return -ENOENT;
	const struct hz_mix_input *in = &mixer->input[m->input];
	*ret = in->playout.stats;
	ret->loudness_lufs = hz_loudness_lufs(&in->loudness);
	ret->gain_db = mixer->config.keep_levels ? 0 : in->loudness.gain_db;
	ret->heard = in->heard;
	return 0;
}

int hz_mixer_get_heard(const struct hz_mixer *mixer, uint32_t member, uint32_t *ret_rtp_ts)
{
	const struct hz_mix_member *m = find((struct hz_mixer *)mixer, member);
	if (!m || m->input == HZ_MIX_NONE)
		return -ENOENT;
	const struct hz_mix_input *in = &mixer->input[m->input];
	if (!in->mixed)
		return -EAGAIN;
	*ret_rtp_ts = hz_playout_ts(&in->playout);
	return 0;
}
