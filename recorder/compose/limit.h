// A limiter: the sum of all voices, never louder than -1 dBFS. Looks 5 ms ahead, so that gain falls before a peak and
// nothing is clipped; comes back by 40 dB a second. Pure; the same samples give the same samples.
#ifndef HZ_RECORDER_COMPOSE_LIMIT_H
#define HZ_RECORDER_COMPOSE_LIMIT_H

#define HZ_LIMIT_BLOCK 240     // stereo samples of one step at 48 kHz; what comes out is that much later
#define HZ_LIMIT_PEAK  0.8913f // -1 dBFS

struct hz_limit {
	float held[2 * HZ_LIMIT_BLOCK]; // the block before
	float held_gain;                // what it needs
	float gain;                     // where it begins
};

void hz_limit_init(struct hz_limit *limit);
// One block, left and right in turn, in place: the block before comes out. The first that comes out is silence.
void hz_limit_block(struct hz_limit *limit, float *samples);

#endif
