#include "recorder/finalize/sound.h"

#include "recorder/finalize/opus.h"

#define HOLE_US 5000 // less is the play of the clock fit

static int64_t samples_us(uint32_t samples)
{
	return (int64_t)samples * 1000 / 48;
}

void hz_sound_init(struct hz_sound *sound, hz_sound_cb *cb, void *arg, bool fill)
{
	*sound = (struct hz_sound){.cb = cb, .arg = arg, .begun = fill};
}

int hz_sound_advance(struct hz_sound *sound, int64_t us)
{
	uint8_t packet[HZ_OPUS_SILENCE_BYTES];
	while (sound->begun && us - sound->end_us >= 2500) {
		int64_t left = (us - sound->end_us) * 48 / 1000;
		uint32_t samples = hz_opus_silence(left > 960 ? 960 : (uint32_t)left, packet);
		if (!samples)
			break;
		int err = sound->cb(sound->arg, packet, sizeof(packet), sound->end_us, samples);
		if (err)
			return err;
		sound->end_us += samples_us(samples);
		sound->silence_us += samples_us(samples);
		sound->packets++;
	}
	return 0;
}

int hz_sound_put(struct hz_sound *sound, const uint8_t *data, size_t bytes, int64_t us, uint32_t samples)
{
	int64_t length = samples_us(samples);
	if (sound->begun && us < sound->end_us - length / 2) {
		sound->dropped++;
		return 0;
	}
	int err = sound->begun && us - sound->end_us >= HOLE_US ? hz_sound_advance(sound, us) : 0;
	if (!err)
		err = sound->cb(sound->arg, data, bytes, us, samples);
	if (err)
		return err;
	sound->begun = true;
	sound->end_us = us + length;
	sound->packets++;
	return 0;
}
