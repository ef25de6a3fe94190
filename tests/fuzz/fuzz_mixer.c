// The mixer under hostile publishers: any payload, timestamp and arrival, members that come, go and change what they
// hear. Each step: what to do, who, and for packets a jump of the timestamp, a length and the payload.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "media/mix/mixer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(x)                                                                                             \
	do {                                                                                                 \
		if (!(x))                                                                                    \
			abort();                                                                             \
	} while (0)

#define PEOPLE 4u
#define TICKS  400u // at most: each encodes

struct fuzz {
	struct hz_mixer *mixer;
	int64_t now_us;
	unsigned ticks;
	uint32_t member[PEOPLE], ts[PEOPLE];
};

static void emit(void *ctx, const struct hz_mixer_packet *packet)
{
	CHECK(packet->bytes > 0 && packet->bytes <= 1276);
	CHECK(packet->to_count > 0 && packet->to_count <= PEOPLE);
}

static void tick(struct fuzz *f, int64_t us)
{
	if (f->ticks++ >= TICKS)
		return;
	f->now_us += us;
	CHECK(hz_mixer_tick(f->mixer, f->now_us, emit, NULL) > f->now_us);
}

static void change(struct fuzz *f, unsigned who, unsigned what)
{
	uint32_t member = f->member[who];
	switch (what & 7) {
	case 0:
		CHECK(hz_mixer_remove(f->mixer, member) == 0);
		CHECK(hz_mixer_add(f->mixer, &f->member[who]) == 0);
		break;
	case 1:
	case 2:
		(void)hz_mixer_publish(f->mixer, member, what & 1);
		break;
	case 3:
	case 4:
		CHECK(hz_mixer_listen(f->mixer, member, what & 1) == 0);
		break;
	case 5:
		(void)hz_mixer_set_language(f->mixer, member, what >> 4);
		break;
	default:
		(void)hz_mixer_set_interprets(f->mixer, member, what >> 4);
	}
}

// The rest of a packet step; returns the bytes it took.
static size_t packet(struct fuzz *f, unsigned who, const uint8_t *data, size_t size)
{
	static const uint32_t jump[4] = {0, 120, 96001, 0x7fffffff};
	size_t bytes = (size_t)data[1] * 6 < size - 2 ? (size_t)data[1] * 6 : size - 2;
	f->ts[who] += 120u * (data[0] & 63) + jump[data[0] >> 6];
	struct hz_mixer_rtp rtp = {data + 2, bytes, f->ts[who], f->now_us - 1000 * (int64_t)(data[0] & 15)};
	(void)hz_mixer_push(f->mixer, f->member[who], &rtp);
	return 2 + bytes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = {.now_us = 1000000};
	struct hz_mixer_config config = {
	    .complexity = 1, .speakers = 2, .dtx = size & 1, .keep_levels = size & 2};
	CHECK(hz_mixer_new(&config, f.now_us, &f.mixer) == 0);
	for (unsigned i = 0; i < PEOPLE; i++) {
		CHECK(hz_mixer_add(f.mixer, &f.member[i]) == 0);
		CHECK(hz_mixer_publish(f.mixer, f.member[i], true) == 0);
		CHECK(hz_mixer_listen(f.mixer, f.member[i], true) == 0);
	}
	while (size >= 3) {
		unsigned who = data[0] & 3, what = data[0] >> 6;
		data++, size--;
		if (what < 2) {
			size_t took = packet(&f, who, data, size);
			data += took, size -= took;
			if (what == 0)
				tick(&f, HZ_MIXER_FRAME_US);
			continue;
		}
		if (what == 2)
			tick(&f, 1000 * (int64_t)data[0]);
		else
			change(&f, who, data[0]);
		data++, size--;
	}
	hz_mixer_free(f.mixer);
	return 0;
}
