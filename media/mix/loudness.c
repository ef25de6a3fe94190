#include "media/mix/loudness.h"

#include <math.h>
#include <string.h>

#define NOISE_LEAST   (-75.0f) // LUFS
#define NOISE_MOST    (-55.0f) // whatever is louder may be a voice
#define OPEN_DB       9.0f     // above the background
#define NOISE_UP_DB   0.02f    // a frame: 1 dB/s
#define GATE_HOLD     20u      // frames: between words it stays open
#define SPEECH_FRAMES 100u     // of speech that the gain looks back: 2 s
#define GAIN_MOST_DB  27.0f
#define GAIN_LEAST_DB (-20.0f)
#define GAIN_UP_DB    0.14f // a frame: 7 dB/s
#define GAIN_DOWN_DB  0.4f  // 20 dB/s: too loud hurts, too quiet does not

void hz_loudness_init(struct hz_loudness *loudness)
{
	memset(loudness, 0, sizeof(*loudness));
	loudness->noise = NOISE_LEAST + 10;
}

static float lufs(float power)
{
	float l = power > 0 ? -0.691f + 10 * log10f(power) : HZ_LOUDNESS_SILENCE;
	return l > HZ_LOUDNESS_SILENCE ? l : HZ_LOUDNESS_SILENCE;
}

float hz_loudness_lufs(const struct hz_loudness *loudness)
{
	return lufs(loudness->power);
}

// BS.1770-4 tables 1 and 2, 48 kHz; both in transposed form in one pass. Doubles: the second filter's poles lie close to 1.
static float weighted(struct hz_loudness *l, const float *pcm, size_t samples)
{
	double s0 = l->shelf[0], s1 = l->shelf[1], h0 = l->high[0], h1 = l->high[1], sum = 0;
	for (size_t i = 0; i < samples; i++) {
		double x = (double)pcm[i];
		double y = 1.53512485958697 * x + s0;
		s0 = -2.69169618940638 * x + 1.69065929318241 * y + s1;
		s1 = 1.19839281085285 * x - 0.73248077421585 * y;
		double z = y + h0;
		h0 = -2.0 * y + 1.99004745483398 * z + h1;
		h1 = y - 0.99007225036621 * z;
		sum += z * z;
	}
	// What is left of a voice after seconds of digital silence would be denormal numbers, which are slow.
	l->shelf[0] = fabs(s0) > 1e-15 ? s0 : 0;
	l->shelf[1] = fabs(s1) > 1e-15 ? s1 : 0;
	l->high[0] = fabs(h0) > 1e-15 ? h0 : 0;
	l->high[1] = fabs(h1) > 1e-15 ? h1 : 0;
	return (float)(sum / (double)samples);
}

static void move_gate(struct hz_loudness *l, float now)
{
	if (now < l->noise)
		l->noise += 0.2f * (now - l->noise);
	else
		l->noise += NOISE_UP_DB;
	l->noise = fminf(fmaxf(l->noise, NOISE_LEAST), NOISE_MOST);
	if (now > l->noise + OPEN_DB) {
		l->open = true;
		l->quiet_ticks = 0;
	} else if (++l->quiet_ticks > GATE_HOLD) {
		l->open = false;
	}
}

void hz_loudness_on_frame(struct hz_loudness *l, const float *pcm, size_t samples, float target_lufs)
{
	float power = weighted(l, pcm, samples);
	l->power += 0.1f * (power - l->power);
	move_gate(l, lufs(power));
	if (l->open && l->quiet_ticks == 0) {
		l->speech_frames += l->speech_frames < SPEECH_FRAMES;
		l->speech += (power - l->speech) / (float)l->speech_frames;
	}
	if (!l->open || l->speech_frames < 5)
		return;
	float want = target_lufs - lufs(l->speech), by = want - l->gain_db;
	by = fminf(fmaxf(by, -GAIN_DOWN_DB), GAIN_UP_DB);
	l->gain_db = fminf(fmaxf(l->gain_db + by, GAIN_LEAST_DB), GAIN_MOST_DB);
}
