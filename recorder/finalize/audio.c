// Sound of frames.h: each packet is a frame. RED carries earlier ones once more: those that never came are taken.
#include <stdlib.h>

#include "media/rtp/red.h"
#include "recorder/finalize/frames_internal.h"
#include "recorder/finalize/opus.h"

struct audio {
	int64_t last_ts; // of the newest frame handed on
	bool begun;
};

int hz_frames_audio_init(struct hz_frames *f)
{
	f->codec_state = calloc(1, sizeof(struct audio));
	return f->codec_state ? 0 : -1;
}

// One block, as old as `ago` before its packet.
static void hand_on(struct hz_frames *f, const struct hz_order_packet *p, const uint8_t *data, size_t bytes,
                    int64_t ago)
{
	struct audio *a = f->codec_state;
	struct hz_opus_info info;
	if (hz_opus_parse(data, bytes, &info) != 0) {
		f->stats.malformed++;
		hz_probe_alarm(f->probe);
		return;
	}
	if (info.silent) // nothing coded: the writer makes silence where it has no frames
		return;
	struct hz_frame frame = {.codec = HZ_CODEC_OPUS,
	                         .key = true,
	                         .ts = p->ts - ago,
	                         .seq = p->seq,
	                         .at_us = p->at_us,
	                         .data = data,
	                         .bytes = bytes,
	                         .samples = info.samples,
	                         .stereo = info.stereo,
	                         .recovered = ago > 0};
	if (!hz_frames_good(f, &frame)) {
		f->stats.malformed++;
		return;
	}
	a->last_ts = p->ts - ago;
	a->begun = true;
	f->stats.frames++;
	f->stats.recovered += ago > 0;
	f->cb(f->arg, &frame);
}

void hz_frames_audio(struct hz_frames *f, const struct hz_order_packet *p)
{
	const struct audio *a = f->codec_state;
	struct hz_red red;
	if (!p->bytes)
		return;
	if (f->codec != HZ_CODEC_RED) {
		hand_on(f, p, p->payload, p->bytes, 0);
		return;
	}
	if (hz_red_parse(p->payload, p->bytes, &red) != 0) {
		f->stats.malformed++;
		return;
	}
	for (unsigned i = 0; p->missing && i < red.count; i++) {
		const struct hz_red_block *b = &red.block[i];
		if (b->bytes && a->begun && p->ts - b->ts_offset > a->last_ts && b->ts_offset)
			hand_on(f, p, b->data, b->bytes, b->ts_offset);
	}
	if (red.primary.bytes)
		hand_on(f, p, red.primary.data, red.primary.bytes, 0);
}
