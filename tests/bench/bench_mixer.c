// What mixed sound costs: listeners with mix-minus, CPU seconds a second and encodes a tick; beside it the same with a mix and
// an encode for each listener (what a mixer without shared streams would do), by the cost of one encode.
//   bench_mixer [LISTENERS SPEAKERS SECONDS]
#include <math.h>
#include <opus/opus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "media/mix/limiter.h"
#include "media/mix/loudness.h"
#include "media/mix/mixer.h"
#include "media/mix/resample.h"

#define LOOP 100u // packets of a voice

static struct {
	uint8_t payload[LOOP][1276];
	int bytes[LOOP];
} voice[HZ_MIXER_INPUTS];
static float source[LOOP * HZ_MIXER_FRAME];

static double cpu_s(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

// Something like a voice: harmonics of a moving pitch, syllables, breath.
static void make_voice(unsigned who)
{
	int err;
	double phase = 0;
	unsigned dice = who + 1;
	OpusEncoder *encoder = opus_encoder_create(48000, 1, OPUS_APPLICATION_VOIP, &err);
	if (err)
		exit(1);
	opus_encoder_ctl(encoder, OPUS_SET_INBAND_FEC(1));
	opus_encoder_ctl(encoder, OPUS_SET_PACKET_LOSS_PERC(10));
	for (unsigned i = 0; i < LOOP * HZ_MIXER_FRAME; i++) {
		double t = i / 48000.0, x = 0;
		phase += 2 * M_PI * (110 + 17 * who % 130 + 15 * sin(2 * M_PI * 1.5 * t)) / 48000;
		for (unsigned k = 1; k <= 20; k++)
			x += sin(k * phase + k * k) / k;
		dice = dice * 1103515245 + 12345;
		x += 0.2 * ((dice >> 16) % 1000 / 500.0 - 1);
		source[i] = (float)(0.1 * x * (0.55 + 0.45 * sin(2 * M_PI * (3.5 + who % 3 * 0.5) * t)));
	}
	for (unsigned n = 0; n < LOOP; n++)
		voice[who].bytes[n] = opus_encode_float(encoder, source + n * HZ_MIXER_FRAME, HZ_MIXER_FRAME,
		                                        voice[who].payload[n], 1276);
	opus_encoder_destroy(encoder);
}

static unsigned long delivered;

static void emit(void *ctx, const struct hz_mixer_packet *packet)
{
	delivered += packet->to_count;
}

static void bench(unsigned listeners, unsigned speakers, unsigned seconds, unsigned complexity)
{
	static uint32_t member[HZ_MIXER_MEMBERS];
	struct hz_mixer_config config = {.complexity = complexity};
	struct hz_mixer_stats before, after;
	struct hz_mixer *mixer;
	int64_t now = 1000000;
	double cpu = 0, most = 0;
	if (hz_mixer_new(&config, now, &mixer))
		exit(1);
	for (unsigned i = 0; i < listeners; i++) {
		hz_mixer_add(mixer, &member[i]);
		hz_mixer_listen(mixer, member[i], true);
		if (i < speakers)
			hz_mixer_publish(mixer, member[i], true);
	}
	delivered = 0;
	hz_mixer_get_stats(mixer, &before);
	for (unsigned n = 0; n < 50 * (seconds + 2); n++, now += HZ_MIXER_FRAME_US) {
		if (n == 100) { // all are heard by now
			hz_mixer_get_stats(mixer, &before);
			cpu = most = 0;
			delivered = 0;
		}
		double t0 = cpu_s();
		for (unsigned i = 0; i < speakers; i++) {
			struct hz_mixer_rtp rtp = {voice[i].payload[n % LOOP],
			                           (size_t)voice[i].bytes[n % LOOP], 960 * n, now - 5000};
			hz_mixer_push(mixer, member[i], &rtp);
		}
		hz_mixer_tick(mixer, now, emit, NULL);
		double took = cpu_s() - t0;
		cpu += took;
		most = took > most ? took : most;
	}
	hz_mixer_get_stats(mixer, &after);
	double ticks = (double)(after.ticks - before.ticks),
	       encodes = (double)(after.encodes - before.encodes);
	printf("%4u listeners  %2u publishers  complexity %2u   CPU %.3f s/s   encodes a tick %4.1f   "
	       "packets/s %6.0f   "
	       "longest tick %.2f ms\n",
	       listeners, speakers, complexity, cpu / (ticks / 50), encodes / ticks,
	       (double)delivered / (ticks / 50), most * 1e3);
	hz_mixer_free(mixer);
}

static double encode_us(unsigned complexity)
{
	uint8_t out[1276];
	int err;
	OpusEncoder *encoder = opus_encoder_create(48000, 1, OPUS_APPLICATION_VOIP, &err);
	opus_encoder_ctl(encoder, OPUS_SET_BITRATE(32000));
	opus_encoder_ctl(encoder, OPUS_SET_COMPLEXITY((int)complexity));
	opus_encoder_ctl(encoder, OPUS_SET_INBAND_FEC(1));
	opus_encoder_ctl(encoder, OPUS_SET_PACKET_LOSS_PERC(10));
	opus_encoder_ctl(encoder, OPUS_SET_SIGNAL(OPUS_SIGNAL_VOICE));
	double t0 = cpu_s();
	for (unsigned n = 0; n < 5 * LOOP; n++)
		if (opus_encode_float(encoder, source + n % LOOP * HZ_MIXER_FRAME, HZ_MIXER_FRAME, out,
		                      1276) < 0)
			exit(1);
	opus_encoder_destroy(encoder);
	return (cpu_s() - t0) * 1e6 / (5 * LOOP);
}

static void bench_parts(void)
{
	enum { ROUNDS = 5000 };
	static float pcm[HZ_MIXER_FRAME];
	struct hz_limiter limiter;
	struct hz_loudness loudness;
	int err;
	hz_limiter_init(&limiter);
	hz_loudness_init(&loudness);
	double t0 = cpu_s();
	for (unsigned n = 0; n < ROUNDS; n++) {
		double pos = 1.5;
		hz_resample(source + n % LOOP * 900, &pos, 1.0005, pcm, HZ_MIXER_FRAME);
	}
	double t1 = cpu_s();
	for (unsigned n = 0; n < ROUNDS; n++)
		hz_loudness_on_frame(&loudness, source + n % LOOP * HZ_MIXER_FRAME, HZ_MIXER_FRAME, -23);
	double t2 = cpu_s();
	for (unsigned n = 0; n < ROUNDS; n++)
		hz_limiter_run(&limiter, pcm, HZ_MIXER_FRAME);
	double t3 = cpu_s();
	OpusDecoder *decoder = opus_decoder_create(48000, 1, &err);
	for (unsigned n = 0; n < ROUNDS; n++)
		if (opus_decode_float(decoder, voice[0].payload[n % LOOP], voice[0].bytes[n % LOOP], pcm,
		                      HZ_MIXER_FRAME, 0) < 0)
			exit(1);
	double t4 = cpu_s();
	opus_decoder_destroy(decoder);
	printf("a frame, us: decode %.1f   resample %.2f   loudness %.2f   limiter %.2f   encode %.0f "
	       "(complexity 5) %.0f (9)\n",
	       (t4 - t3) * 1e6 / ROUNDS, (t1 - t0) * 1e6 / ROUNDS, (t2 - t1) * 1e6 / ROUNDS,
	       (t3 - t2) * 1e6 / ROUNDS, encode_us(5), encode_us(9));
}

int main(int argc, char **argv)
{
	unsigned listeners = argc > 1 ? (unsigned)atoi(argv[1]) : 200,
	         speakers = argc > 2 ? (unsigned)atoi(argv[2]) : 5;
	unsigned seconds = argc > 3 ? (unsigned)atoi(argv[3]) : 20;
	if (!speakers || speakers > HZ_MIXER_INPUTS || listeners < speakers || listeners > HZ_MIXER_MEMBERS ||
	    !seconds)
		return 2;
	for (unsigned i = 0; i < HZ_MIXER_INPUTS; i++)
		make_voice(i);
	bench_parts();
	bench(listeners, speakers, seconds, 5);
	bench(listeners, speakers, seconds, 9);
	bench(speakers, speakers, seconds, 5);
	bench(HZ_MIXER_MEMBERS, HZ_MIXER_INPUTS, seconds, 5);
	printf("%4u encodes a tick, one a listener: %.2f s/s\n", listeners,
	       listeners * encode_us(5) * 50 / 1e6);
	return 0;
}
