#include "media/hls/sound.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "media/hls/api.h"
#include "media/mix/mixer.h"

struct hz_sound {
	struct hz_sound_ops ops;
	struct hz_mixer *mixer; // NULL: no memory for one
	uint32_t ear;
	uint32_t voice[HZ_HLS_VOICES];
	bool used[HZ_HLS_VOICES];
	int64_t now_us;
};

static int add_voice(struct hz_sound *s, unsigned n)
{
	int err = hz_mixer_add(s->mixer, &s->voice[n]);
	return err ? err : hz_mixer_publish(s->mixer, s->voice[n], true);
}

static int open_mixer(struct hz_sound *s)
{
	const struct hz_mixer_config config = {.bitrate_bps = 64000, .loss_percent = 1};
	int err = hz_mixer_new(&config, s->now_us, &s->mixer);
	if (!err)
		err = hz_mixer_add(s->mixer, &s->ear);
	if (!err)
		err = hz_mixer_listen(s->mixer, s->ear, true);
	for (unsigned i = 0; i < HZ_HLS_VOICES && !err; i++) {
		if (s->used[i])
			err = add_voice(s, i);
	}
	if (err) {
		hz_mixer_free(s->mixer);
		s->mixer = NULL;
	}
	return err;
}

int hz_sound_new(const struct hz_sound_ops *ops, int64_t now_us, struct hz_sound **ret)
{
	struct hz_sound *s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->ops = *ops;
	s->now_us = now_us;
	int err = open_mixer(s);
	if (err)
		free(s);
	else
		*ret = s;
	return err;
}

void hz_sound_free(struct hz_sound *s)
{
	if (s)
		hz_mixer_free(s->mixer);
	free(s);
}

void hz_sound_reset(struct hz_sound *s)
{
	hz_mixer_free(s->mixer);
	s->mixer = NULL;
	(void)open_mixer(s);
}

int hz_sound_voice(struct hz_sound *s, unsigned n, uint32_t ssrc)
{
	if (s->used[n] && s->mixer)
		(void)hz_mixer_remove(s->mixer, s->voice[n]);
	s->used[n] = ssrc != 0;
	if (!s->mixer)
		return 0;
	int err = ssrc ? add_voice(s, n) : 0;
	s->used[n] = ssrc && !err;
	return err;
}

int hz_sound_push(struct hz_sound *s, unsigned n, const struct hz_rtp_packet *packet, int64_t arrival_us)
{
	const struct hz_mixer_rtp rtp = {packet->payload, packet->payload_bytes, packet->ts, arrival_us};
	return s->mixer && s->used[n] ? hz_mixer_push(s->mixer, s->voice[n], &rtp) : -ENOENT;
}

static void on_packet(void *ctx, const struct hz_mixer_packet *packet)
{
	const struct hz_sound *s = ctx;
	for (unsigned i = 0; i < packet->to_count; i++) {
		if (packet->to[i].member != s->ear)
			continue;
		const struct hz_sound_packet out = {packet->payload, packet->bytes, packet->rtp_ts,
		                                    s->now_us};
		s->ops.packet(s->ops.ctx, &out);
	}
}

int64_t hz_sound_tick(struct hz_sound *s, int64_t now_us)
{
	s->now_us = now_us;
	if (!s->mixer && open_mixer(s))
		return now_us + 1000000;
	return hz_mixer_tick(s->mixer, now_us, on_packet, s);
}
