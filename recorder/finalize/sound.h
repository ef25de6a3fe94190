// The sound of one file, without holes: where nothing was sent (muted, late, lost, discontinuous transmission) come
// packets of silence, so that every player keeps its place in time. Thread: one.
#ifndef HZ_RECORDER_FINALIZE_SOUND_H
#define HZ_RECORDER_FINALIZE_SOUND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef int hz_sound_cb(void *arg, const uint8_t *data, size_t bytes, int64_t us, uint32_t samples);

struct hz_sound {
	hz_sound_cb *cb; // 0; -errno, which the functions below pass on
	void *arg;
	int64_t end_us; // where what was written ends
	bool begun;
	uint64_t packets, silence_us, dropped;
};

// fill: silence begins at 0, else the first packet begins it.
void hz_sound_init(struct hz_sound *sound, hz_sound_cb *cb, void *arg, bool fill);
// A packet at its moment. One that lies mostly inside what was written is dropped.
int hz_sound_put(struct hz_sound *sound, const uint8_t *data, size_t bytes, int64_t us, uint32_t samples);
// Silence up to a moment.
int hz_sound_advance(struct hz_sound *sound, int64_t us);

#endif
