// Writes the seeds of fuzz_rooms: consults with tones as libopus encodes them.
//   ninja rooms_seeds && build/release/tests/fuzz/rooms_seeds tests/fuzz/corpus/rooms
#include <math.h>
#include <opus/opus.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint8_t seed[1 << 14];
static size_t seed_bytes;
static OpusEncoder *encoder;

static void step(unsigned what, const uint8_t *data, size_t bytes)
{
	if (bytes > 255 || seed_bytes + 2 + bytes > sizeof(seed))
		abort();
	seed[seed_bytes++] = (uint8_t)what;
	seed[seed_bytes++] = (uint8_t)bytes;
	if (bytes)
		memcpy(seed + seed_bytes, data, bytes);
	seed_bytes += bytes;
}

// type: 0 begin, 1 end of a reconciliation, 2 set, 3 delete
static void wish(unsigned type, unsigned member, unsigned consult, unsigned voice, unsigned mix)
{
	const uint8_t data[8] = {(uint8_t)type,  (uint8_t)member, (uint8_t)consult,
	                         (uint8_t)voice, (uint8_t)mix,    (uint8_t)(member % 3 * 5)};
	step(0, data, sizeof(data));
}

static void talk(unsigned member, unsigned consult, unsigned voice, unsigned flags)
{
	static double phase;
	float pcm[960];
	uint8_t data[255] = {(uint8_t)voice};
	for (int i = 0; i < 960; i++, phase += 0.06)
		pcm[i] = 0.3f * (float)sin(phase);
	int n = opus_encode_float(encoder, pcm, 960, data + 1, 254);
	if (n <= 0)
		abort();
	step(2 | (member % 3 | consult << 2 | flags) << 2, data, 1 + (size_t)n);
}

static void save(const char *folder, const char *name)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *f = fopen(path, "wb");
	if (!f || fwrite(seed, seed_bytes, 1, f) != 1 || fclose(f))
		abort();
	seed_bytes = 0;
}

static void conversation(unsigned flags)
{
	for (unsigned m = 1; m <= 3; m++)
		wish(2, m, 0, m, m + 8);
	for (unsigned n = 0; n < 15; n++) {
		talk(1, 0, 1, flags);
		talk(2, 0, 2, flags);
		step(3, NULL, 0);
	}
}

int main(int argc, char **argv)
{
	int err;
	encoder = opus_encoder_create(48000, 1, OPUS_APPLICATION_VOIP, &err);
	if (argc != 2 || err)
		return 2;
	opus_encoder_ctl(encoder, OPUS_SET_BITRATE(24000));
	conversation(0);
	save(argv[1], "conversation");
	conversation(0);
	wish(0, 0, 0, 0, 0);
	wish(2, 1, 0, 4, 9); // another voice
	wish(1, 0, 0, 0, 0); // the others are swept
	talk(1, 0, 4, 0);
	step(3, NULL, 0);
	wish(3, 1, 0, 0, 0);
	step(3, NULL, 0);
	save(argv[1], "come-and-go");
	conversation(32); // late
	conversation(16); // headers of anybody
	wish(2, 4, 1, 1, 1);
	wish(2, 4, 2, 1, 1); // in one consult at a time
	talk(4, 1, 1, 0);
	step(1, (const uint8_t *)"not a message of anybody", 24);
	step(3, NULL, 0);
	save(argv[1], "strangers");
	opus_encoder_destroy(encoder);
	return 0;
}
