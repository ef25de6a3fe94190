// Writes the seeds of fuzz_mixer: tones as libopus encodes them, with what happens in a consult.
//   ninja mixer_seeds && build/release/tests/fuzz/mixer_seeds tests/fuzz/corpus/mixer
#include <math.h>
#include <opus/opus.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint8_t seed[1 << 15];
static size_t seed_bytes;
static OpusEncoder *encoder;

static void put(unsigned byte)
{
	if (seed_bytes >= sizeof(seed))
		abort();
	seed[seed_bytes++] = (uint8_t)byte;
}

// One packet of `samples` (48 kHz), padded as libopus pads to a length that the target can tell.
static void put_packet(unsigned step, unsigned jump, int samples)
{
	static double phase;
	static float pcm[2880];
	uint8_t payload[255 * 6];
	for (int i = 0; i < samples; i++, phase += 0.06)
		pcm[i] = 0.3f * (float)sin(phase);
	int n = opus_encode_float(encoder, pcm, samples, payload, 1200), whole = (n + 5) / 6 * 6;
	if (n <= 0 || opus_packet_pad(payload, n, whole))
		abort();
	put(step);
	put(jump | (unsigned)samples / 120);
	put((unsigned)whole / 6);
	for (int i = 0; i < whole; i++)
		put(payload[i]);
}

static void save(const char *folder, const char *name)
{
	char path[4096];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *f = fopen(path, "wb");
	if (!f || fwrite(seed, 1, seed_bytes, f) != seed_bytes || fclose(f))
		abort();
	seed_bytes = 0;
}

static void conversation(void)
{
	for (unsigned n = 0; n < 60; n++)
		put_packet((n / 15) & 3, 0, 960);
}

static void loss_and_jumps(void)
{
	for (unsigned n = 0; n < 40; n++) {
		if (n % 7 == 3)
			put(0x80), put(20); // a tick without
		put_packet(n & 1, n % 10 == 9 ? 0xc0 : n % 10 == 5 ? 0x80 : 0, n & 4 ? 2880 : 480);
	}
}

static void interpreter(void)
{
	put(0xc0 | 1), put(6 | 1 << 4); // 1 interprets language 1
	for (unsigned n = 0; n < 50; n++) {
		if (n % 20 == 10)
			put(0xc0 | 2), put(5 | (n / 20 % 2 ? 0 : 1) << 4);
		put_packet(0x40 | 1, 0, 960);
		put_packet(n % 30 < 15 ? 0 : 2, 0, 960);
	}
}

static void come_and_go(void)
{
	for (unsigned n = 0; n < 40; n++) {
		put(0xc0 | (n & 3)), put(n % 5);
		put_packet(n & 3, 0, 960);
		put(0x80), put(n == 20 ? 250 : 15);
	}
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*make)(void);
	} seeds[] = {{"conversation", conversation},
	             {"loss-and-jumps", loss_and_jumps},
	             {"interpreter", interpreter},
	             {"come-and-go", come_and_go}};
	int err;
	if (argc != 2)
		return 2;
	encoder = opus_encoder_create(48000, 1, OPUS_APPLICATION_VOIP, &err);
	if (err)
		return 1;
	opus_encoder_ctl(encoder, OPUS_SET_BITRATE(24000));
	opus_encoder_ctl(encoder, OPUS_SET_INBAND_FEC(1));
	opus_encoder_ctl(encoder, OPUS_SET_PACKET_LOSS_PERC(10));
	for (unsigned i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++) {
		seeds[i].make();
		save(argv[1], seeds[i].name);
	}
	opus_encoder_destroy(encoder);
	return 0;
}
