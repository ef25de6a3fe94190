#include "media/mix/speakers.h"

#define STAY_TICKS   50u // a second: the shortest time that one is heard before somebody louder takes the place
#define LOUDER_TICKS 15u  // so long somebody must be louder
#define LOUDER_DB    6.0f // and so much
#define HANG_TICKS   60u  // of silence, after which the place is given up

static float score(const struct hz_mix_input *in)
{
	return hz_loudness_lufs(&in->loudness) + in->loudness.gain_db;
}

static void leave(struct hz_mix_input *in)
{
	in->heard = false;
	in->louder_ticks = 0;
}

static bool enter(struct hz_mixer *mixer, struct hz_mix_input *in, bool (*ready)(struct hz_mixer *, int))
{
	bool listens = in->member != HZ_MIX_NONE && mixer->member[in->member].listens;
	if (listens && !in->interprets &&
	    !ready(mixer, in->member)) // an interpreter never hears its own language
		return false;
	in->heard = true;
	in->held_ticks = 0;
	in->louder_ticks = 0;
	return true;
}

static struct hz_mix_input *quietest(struct hz_mixer *mixer, unsigned *ret_count)
{
	struct hz_mix_input *least = NULL;
	*ret_count = 0;
	for (unsigned i = 0; i < HZ_MIXER_INPUTS; i++) {
		struct hz_mix_input *in = &mixer->input[i];
		if (!in->used || !in->heard || in->interprets)
			continue;
		++*ret_count;
		if (in->held_ticks >= STAY_TICKS && (!least || score(in) < score(least)))
			least = in;
	}
	return least;
}

static struct hz_mix_input *loudest_waiting(struct hz_mixer *mixer)
{
	struct hz_mix_input *most = NULL;
	for (unsigned i = 0; i < HZ_MIXER_INPUTS; i++) {
		struct hz_mix_input *in = &mixer->input[i];
		bool waits = in->used && !in->leaving && !in->heard && !in->interprets && in->loudness.open &&
		             in->fade <= 0;
		if (waits && (!most || score(in) > score(most)))
			most = in;
		if (!waits)
			in->louder_ticks = 0;
	}
	return most;
}

// An interpreter's fade has nothing to do with places: it is heard while it speaks.
static void leave_or_stay(struct hz_mixer *mixer, bool (*ready)(struct hz_mixer *, int))
{
	for (unsigned i = 0; i < HZ_MIXER_INPUTS; i++) {
		struct hz_mix_input *in = &mixer->input[i];
		if (!in->used)
			continue;
		unsigned wanted =
		    in->member != HZ_MIX_NONE ? mixer->member[in->member].interprets : in->interprets;
		in->held_ticks++;
		if (wanted != in->interprets) {
			leave(in);
			if (in->fade <= 0)
				in->interprets = wanted;
		}
		if (in->heard && (in->leaving || in->loudness.quiet_ticks > HANG_TICKS))
			leave(in);
		if (in->interprets && !in->heard && in->loudness.open && !in->leaving &&
		    wanted == in->interprets)
			enter(mixer, in, ready);
	}
}

void hz_speakers_choose(struct hz_mixer *mixer, bool (*ready)(struct hz_mixer *mixer, int member))
{
	unsigned count;
	leave_or_stay(mixer, ready);
	for (unsigned turn = 0; turn < HZ_MIXER_SPEAKERS; turn++) {
		struct hz_mix_input *least = quietest(mixer, &count), *most = loudest_waiting(mixer);
		if (!most)
			return;
		if (count < mixer->config.speakers) {
			if (!enter(mixer, most, ready))
				return;
			continue;
		}
		if (!least || score(most) < score(least) + LOUDER_DB)
			most->louder_ticks = 0;
		else if (++most->louder_ticks >= LOUDER_TICKS && enter(mixer, most, ready))
			leave(least);
		return;
	}
}
