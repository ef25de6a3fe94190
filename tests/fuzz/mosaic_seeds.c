// Writes the seeds of fuzz_mosaic: small pictures as x264 and libvpx encode them, wishes and ticks between them.
//   ninja mosaic_seeds && build/release/tests/fuzz/mosaic_seeds tests/fuzz/corpus/mosaic
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/log.h>

#include "media/api.h"
#include "media/mosaic/encoder.h"
#include "media/mosaic/packetise.h"
#include "media/picture/blit.h"

static uint8_t seed[1 << 14];
static size_t seed_bytes;
static unsigned how; // of the next packet

static void step(unsigned what, unsigned kind, const void *data, size_t bytes)
{
	if (bytes > 255 || seed_bytes + 3 + bytes > sizeof(seed))
		abort();
	seed[seed_bytes++] = (uint8_t)what;
	seed[seed_bytes++] = (uint8_t)bytes;
	seed[seed_bytes++] = (uint8_t)kind;
	if (bytes)
		memcpy(seed + seed_bytes, data, bytes);
	seed_bytes += bytes;
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

static void on_payload(void *ctx, const uint8_t *payload, size_t bytes, bool last)
{
	step(3, how | (last ? 16 : 0), payload, bytes);
	how &= ~4u;
}

static void film(uint8_t codec, unsigned pictures, unsigned lose)
{
	const struct hz_encoder_with with = {codec, 64, 64, 200000};
	const struct hz_packetise_sink sink = {NULL, on_payload};
	struct hz_encoder *encoder;
	struct hz_canvas canvas;
	struct hz_encoded e;
	if (hz_encoder_new(&with, &encoder) || hz_canvas_new(64, 64, &canvas))
		abort();
	for (unsigned n = 0; n < pictures; n++) {
		hz_canvas_fill(&canvas, (struct hz_rect){(int)n * 4 % 48, 16, 16, 16}, HZ_COLOUR_TEXT);
		if (hz_encoder_put(encoder, &canvas, n, n % 5 == 0, &e))
			abort();
		how = (codec == HZ_CODEC_VP8 ? 8 : 0) | (n ? 4 : 0) | (lose && n % lose == 2 ? 2 : 0) |
		      (n & 1) << 5;
		if (codec == HZ_CODEC_VP8)
			hz_packetise_vp8(e.data, e.bytes, (uint16_t)n, &sink);
		else
			hz_packetise_h264(e.data, e.bytes, &sink);
		if (n % 2)
			step(2, 0, NULL, 0);
	}
	hz_encoder_free(encoder);
	hz_canvas_free(&canvas);
}

static void wish(unsigned type, unsigned a, unsigned b, unsigned c)
{
	const uint8_t data[8] = {(uint8_t)type, (uint8_t)a, (uint8_t)b, (uint8_t)c};
	step(0, 0, data, sizeof(data));
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	av_log_set_level(AV_LOG_QUIET);
	film(HZ_CODEC_H264_CB, 12, 0);
	save(argv[1], "h264");
	film(HZ_CODEC_VP8, 12, 0);
	save(argv[1], "vp8");
	film(HZ_CODEC_H264_CB, 12, 4);
	film(HZ_CODEC_VP8, 12, 3);
	save(argv[1], "lost");
	wish(0, 0, 4, 1);
	wish(5, 1, 12, 0);
	film(HZ_CODEC_VP8, 4, 0);
	wish(1, 3, 3, 2);
	wish(6, 1, 0, 0);
	wish(2, 1, 1, 1);
	step(2, 0, NULL, 0);
	wish(6, 0, 0, 0);
	wish(4, 1, 0, 0);
	step(2, 0, NULL, 0);
	save(argv[1], "wishes");
	return 0;
}
