#include "recorder/finalize/frames_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ALL_LAYERS 255

int hz_frames_new(uint8_t codec, struct hz_refused *refused, hz_frames_cb *cb, void *arg,
                  struct hz_frames **ret)
{
	static const struct hz_depacketiser *const ops[HZ_CODEC_COUNT] = {
	    [HZ_CODEC_H264_CB] = &hz_depacketise_h264, [HZ_CODEC_H264_HIGH] = &hz_depacketise_h264,
	    [HZ_CODEC_VP8] = &hz_depacketise_vp8,      [HZ_CODEC_VP9] = &hz_depacketise_vp9,
	    [HZ_CODEC_AV1] = &hz_depacketise_av1,
	};
	bool audio = codec == HZ_CODEC_OPUS || codec == HZ_CODEC_RED;
	if (codec >= HZ_CODEC_COUNT || (!ops[codec] && !audio))
		return -ENOTSUP;
	struct hz_frames *f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	f->codec_ops = ops[codec];
	f->codec = codec;
	f->refused = refused;
	f->cb = cb;
	f->arg = arg;
	f->need_key = true;
	f->tid_ok = ALL_LAYERS;
	int err = hz_probe_new(codec, &f->probe);
	if (!err)
		err = audio ? hz_frames_audio_init(f) : f->codec_ops->init ? f->codec_ops->init(f) : 0;
	if (err) {
		hz_probe_free(f->probe);
		free(f);
		return err;
	}
	*ret = f;
	return 0;
}

void hz_frames_free(struct hz_frames *frames)
{
	if (!frames)
		return;
	if (frames->codec_ops && frames->codec_ops->free)
		frames->codec_ops->free(frames);
	hz_probe_free(frames->probe);
	free(frames->codec_state);
	free(frames->buf);
	free(frames);
}

int hz_frames_append(struct hz_frames *f, const void *data, size_t bytes)
{
	if (bytes > HZ_FRAME_BYTES - f->bytes)
		return -EBADMSG;
	if (f->bytes + bytes > f->room) {
		size_t room = f->room ? f->room : 16384;
		while (room < f->bytes + bytes)
			room *= 2;
		uint8_t *buf = realloc(f->buf, room);
		if (!buf)
			return -ENOMEM;
		f->buf = buf;
		f->room = room;
	}
	if (bytes)
		memcpy(f->buf + f->bytes, data, bytes);
	f->bytes += bytes;
	return 0;
}

bool hz_frames_good(struct hz_frames *f, const struct hz_frame *frame)
{
	struct hz_refused *r = f->refused;
	if (r && r->replay) {
		if (r->at == r->count || r->frame[r->at].seq != frame->seq || r->frame[r->at].ts != frame->ts)
			return true;
		r->at++;
		return false;
	}
	if (hz_probe_frame(f->probe, frame))
		return true;
	if (r && r->count == r->room) {
		size_t room = r->room ? r->room * 2 : 16;
		struct hz_refused_frame *more = realloc(r->frame, room * sizeof(*more));
		if (!more) // the second run then takes it: no worse than without a probe
			return false;
		r->frame = more;
		r->room = room;
	}
	if (r)
		r->frame[r->count++] = (struct hz_refused_frame){frame->seq, frame->ts};
	return false;
}

static void odd(struct hz_frames *f)
{
	f->stats.malformed++;
	hz_probe_alarm(f->probe);
}

static void left_out(struct hz_frames *f)
{
	f->stats.left_out++;
	f->kept = false;
	f->bytes = 0;
	if (f->layered && f->tid > 0) { // the layers below do not need it
		if (f->tid_ok >= f->tid)
			f->tid_ok = f->tid - 1;
	} else {
		f->need_key = true;
	}
}

static void begin(struct hz_frames *f, const struct hz_order_packet *p)
{
	f->open = true;
	f->ts = p->ts;
	f->seq = p->seq;
	f->at_us = p->at_us;
	f->lost = f->pending_lost;
	f->restart = f->pending_restart;
	f->missing = f->pending_missing;
	f->pending_lost = f->pending_restart = false;
	f->pending_missing = 0;
	if (!f->kept)
		f->bytes = 0;
	f->layered = f->sync = false;
	f->tid = 0;
	f->bad = f->lost && !f->codec_ops->begins(f, p->payload, p->bytes);
}

// Whether the frame may be handed on, after what was lost before it.
static bool pass(struct hz_frames *f, const struct hz_frame *frame)
{
	if (frame->key) {
		f->need_key = false;
		f->tid_ok = ALL_LAYERS;
		return true;
	}
	if (f->lost) {
		enum hz_loss loss =
		    f->restart || f->need_key ? HZ_LOSS_FATAL : f->codec_ops->judge(f, frame, f->missing);
		if (loss == HZ_LOSS_FATAL)
			f->need_key = true;
		else if (loss == HZ_LOSS_UPPER)
			f->tid_ok = 0;
	}
	if (f->need_key)
		return false;
	if (f->layered && f->tid > f->tid_ok) {
		if (!f->sync || f->tid != f->tid_ok + 1)
			return false;
		f->tid_ok = f->tid;
	}
	return true;
}

static void end(struct hz_frames *f)
{
	struct hz_frame frame = {.codec = f->codec, .ts = f->ts, .seq = f->seq, .at_us = f->at_us};
	f->open = false;
	int err = f->bad ? -EBADMSG : f->codec_ops->finish(f, &frame);
	if (err == -EAGAIN) {
		f->kept = true;
		f->pending_lost |= f->lost;
		f->pending_restart |= f->restart;
		f->pending_missing += f->missing;
		return;
	}
	f->kept = false;
	if (err) {
		if (!f->bad)
			odd(f);
		left_out(f);
		return;
	}
	if (!pass(f, &frame)) {
		f->stats.left_out++;
		return;
	}
	frame.data = f->buf;
	frame.bytes = f->bytes;
	if (!hz_frames_good(f, &frame)) {
		f->stats.malformed++;
		left_out(f);
		return;
	}
	f->stats.frames++;
	f->stats.keyframes += frame.key;
	f->codec_ops->done(f, &frame);
	f->cb(f->arg, &frame);
}

void hz_frames_put(struct hz_frames *frames, const struct hz_order_packet *packet)
{
	struct hz_frames *f = frames;
	if (!f->codec_ops) {
		hz_frames_audio(f, packet);
		return;
	}
	if (packet->missing || packet->restart) {
		if (f->open) {
			f->open = false;
			left_out(f);
		}
		f->pending_lost = true;
		f->pending_restart |= packet->restart;
		f->pending_missing += packet->missing;
	}
	if (!packet->bytes)
		return;
	if (f->open && packet->ts != f->ts)
		end(f);
	if (!f->open)
		begin(f, packet);
	if (!f->bad && f->codec_ops->add(f, packet->payload, packet->bytes) != 0) {
		f->bad = true;
		odd(f);
	}
	if (packet->marker)
		end(f);
}

void hz_frames_flush(struct hz_frames *frames)
{
	if (frames->codec_ops && frames->open)
		end(frames);
}

void hz_frames_stats(const struct hz_frames *frames, struct hz_frames_stats *ret)
{
	*ret = frames->stats;
}
