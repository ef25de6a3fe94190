#include "tests/unit/mix/fake_room.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

void voice_init(struct fake_voice *voice, double hz, float amplitude)
{
	int err;
	*voice = (struct fake_voice){.hz = hz, .amplitude = amplitude, .ts = 0xffff0000u, .harmonics = 1};
	voice->encoder = opus_encoder_create(48000, 1, OPUS_APPLICATION_VOIP, &err);
	assert_int_equal(err, 0);
	opus_encoder_ctl(voice->encoder, OPUS_SET_BITRATE(64000));
	opus_encoder_ctl(voice->encoder, OPUS_SET_COMPLEXITY(4));
	opus_encoder_ctl(voice->encoder, OPUS_SET_INBAND_FEC(1));
	opus_encoder_ctl(voice->encoder, OPUS_SET_PACKET_LOSS_PERC(15));
}

void voice_done(struct fake_voice *voice)
{
	opus_encoder_destroy(voice->encoder);
}

int voice_packet(struct fake_voice *voice, uint8_t payload[1276])
{
	float pcm[960];
	for (unsigned i = 0; i < 960; i++) {
		double x = 0;
		for (unsigned k = 1; k <= voice->harmonics; k++)
			x += sin(k * voice->phase + k * k) / (k > 1 ? k : 1);
		if (voice->harmonics > 1) // 4 Hz
			x *= 0.7 + 0.3 * sin(2 * M_PI * 4 * (voice->ts % 12000 + i) / 48000);
		pcm[i] = voice->amplitude * (float)x;
		voice->phase += 2 * M_PI * voice->hz / 48000;
	}
	voice->ts += 960;
	int n = opus_encode_float(voice->encoder, pcm, 960, payload, 1276);
	assert_true(n > 0);
	return n;
}

void room_init(struct fake_room *room, const struct hz_mixer_config *config)
{
	memset(room, 0, sizeof(*room));
	room->now_us = 5000000;
	assert_int_equal(hz_mixer_new(config, room->now_us, &room->mixer), 0);
}

void room_done(struct fake_room *room)
{
	for (unsigned i = 0; i < room->people; i++) {
		struct fake_person *p = &room->person[i];
		if (p->voice.encoder)
			voice_done(&p->voice);
		if (p->decoder)
			opus_decoder_destroy(p->decoder);
		free(p->heard);
	}
	hz_mixer_free(room->mixer);
}

unsigned room_join(struct fake_room *room, double hz, float amplitude, bool listens)
{
	int err;
	assert_true(room->people < ROOM_PEOPLE);
	struct fake_person *p = &room->person[room->people];
	assert_int_equal(hz_mixer_add(room->mixer, &p->member), 0);
	if (hz > 0) {
		voice_init(&p->voice, hz, amplitude);
		p->speaks = true;
		assert_int_equal(hz_mixer_publish(room->mixer, p->member, true), 0);
	}
	if (listens) {
		p->listens = true;
		p->decoder = opus_decoder_create(48000, 1, &err);
		p->heard = calloc(ROOM_SAMPLES, sizeof(*p->heard));
		assert_non_null(p->heard);
		assert_int_equal(hz_mixer_listen(room->mixer, p->member, true), 0);
	}
	return room->people++;
}

static void hear(struct fake_person *p, const struct hz_mixer_packet *packet, uint16_t seq)
{
	if (p->started)
		p->breaks += packet->rtp_ts != p->rtp_ts + 960 || seq != (uint16_t)(p->seq + 1);
	p->started = true;
	p->rtp_ts = packet->rtp_ts;
	p->seq = seq;
	assert_true(p->heard_samples + 960 <= ROOM_SAMPLES);
	int n = opus_decode_float(p->decoder, packet->payload, (int)packet->bytes,
	                          p->heard + p->heard_samples, 960, 0);
	assert_int_equal(n, 960);
	p->heard_samples += 960;
}

static void emit(void *ctx, const struct hz_mixer_packet *packet)
{
	struct fake_room *room = ctx;
	for (unsigned t = 0; t < packet->to_count; t++)
		for (unsigned i = 0; i < room->people; i++)
			if (room->person[i].member == packet->to[t].member)
				hear(&room->person[i], packet, packet->to[t].seq);
}

void room_run(struct fake_room *room, double seconds)
{
	uint8_t payload[1276];
	for (int ticks = (int)(seconds * 50 + 0.5); ticks > 0; ticks--) {
		for (unsigned i = 0; i < room->people; i++) {
			struct fake_person *p = &room->person[i];
			if (!p->speaks) {
				p->voice.ts += 960;
				continue;
			}
			int n = voice_packet(&p->voice, payload);
			struct hz_mixer_rtp rtp = {payload, (size_t)n, p->voice.ts, room->now_us - 3000};
			assert_int_equal(hz_mixer_push(room->mixer, p->member, &rtp), 0);
		}
		struct hz_mixer_stats stats;
		hz_mixer_tick(room->mixer, room->now_us, emit, room);
		hz_mixer_get_stats(room->mixer, &stats);
		if (stats.encodes_now > room->encodes_most)
			room->encodes_most = stats.encodes_now;
		room->now_us += HZ_MIXER_FRAME_US;
	}
}

double tone_in(const float *pcm, unsigned samples, double hz)
{
	double re = 0, im = 0, all = 0;
	for (unsigned i = 0; i < samples; i++) {
		double w = 1 - cos(2 * M_PI * i / samples), a = 2 * M_PI * hz * i / 48000; // Hann
		re += w * (double)pcm[i] * cos(a);
		im += w * (double)pcm[i] * sin(a);
		all += w;
	}
	return 2 * sqrt(re * re + im * im) / all;
}

double room_tone(const struct fake_room *room, unsigned person, double hz, double seconds)
{
	const struct fake_person *p = &room->person[person];
	unsigned n = (unsigned)(seconds * 48000);
	assert_true(p->heard_samples >= n);
	return tone_in(p->heard + p->heard_samples - n, n, hz);
}

float peak_in(const float *pcm, unsigned samples)
{
	float most = 0;
	for (unsigned i = 0; i < samples; i++)
		most = fmaxf(most, fabsf(pcm[i]));
	return most;
}

float step_in(const float *pcm, unsigned samples)
{
	float most = 0;
	for (unsigned i = 2; i < samples; i++)
		most = fmaxf(most, fabsf(pcm[i] - 2 * pcm[i - 1] + pcm[i - 2]));
	return most;
}
