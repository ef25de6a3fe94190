#include "media/codec/fmp4.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <libavutil/opt.h>

#include "media/codec/stream.h"

#define IO_BYTES       4096
#define FRAGMENT_BYTES (64u << 20) // more than this is not one fragment

struct hz_fmp4 {
	AVFormatContext *format;
	AVStream *stream;
	AVPacket *packet;
	uint8_t *init, *out; // out: what was written since the last fragment
	size_t init_bytes, bytes, room;
	bool failed; // for lack of memory
	bool any;
	int64_t last_dts;
};

static int take(void *opaque, uint8_t *data, int count)
{
	struct hz_fmp4 *f = opaque;
	size_t need = f->bytes + (size_t)count;
	if (need > f->room) {
		size_t room = f->room ? f->room : 1 << 16;
		while (room < need)
			room *= 2;
		uint8_t *out = room <= FRAGMENT_BYTES ? realloc(f->out, room) : NULL;
		if (!out) {
			f->failed = true;
			return AVERROR(ENOMEM);
		}
		f->out = out;
		f->room = room;
	}
	memcpy(f->out + f->bytes, data, (size_t)count);
	f->bytes += (size_t)count;
	return count;
}

static int open_stream(struct hz_fmp4 *f, const struct hz_fmp4_open *with)
{
	if (with->codec == HZ_FMP4_OPUS) {
		int err = hz_av_add_opus(f->format, with->channels, &f->stream);
		if (!err)
			f->stream->codecpar->frame_size = 960; // else libav complains; in no box
		return err;
	}
	if (with->codec == HZ_FMP4_AAC)
		return hz_av_add_aac(f->format, with->channels, with->config, with->config_bytes, &f->stream);
	struct hz_av_video video = {.codec = AV_CODEC_ID_H264,
	                            .width = with->width,
	                            .height = with->height,
	                            .config = with->config,
	                            .config_bytes = with->config_bytes,
	                            .hz = 90000};
	return hz_av_add_video(f->format, &video, &f->stream);
}

static int write_init(struct hz_fmp4 *f)
{
	AVDictionary *options = NULL;
	av_dict_set(&options, "movflags", "empty_moov+default_base_moof+frag_custom+cmaf", 0);
	av_dict_set(&options, "use_editlist", "0", 0);
	av_dict_set_int(&options, "video_track_timescale", 90000, 0);
	int err = hz_av_error(avformat_write_header(f->format, &options));
	av_dict_free(&options);
	if (err)
		return err;
	avio_flush(f->format->pb);
	f->init = malloc(f->bytes ? f->bytes : 1);
	if (!f->init || f->failed)
		return -ENOMEM;
	memcpy(f->init, f->out, f->bytes);
	f->init_bytes = f->bytes;
	return 0;
}

int hz_fmp4_new(const struct hz_fmp4_open *with, struct hz_fmp4 **ret)
{
	struct hz_fmp4 *f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	int err = -ENOMEM;
	uint8_t *io = av_malloc(IO_BYTES);
	f->packet = av_packet_alloc();
	if (!io || !f->packet || avformat_alloc_output_context2(&f->format, NULL, "mp4", NULL) < 0) {
		av_free(io);
		goto out;
	}
	f->format->flags |= AVFMT_FLAG_BITEXACT;
	f->format->pb = avio_alloc_context(io, IO_BYTES, 1, f, NULL, take, NULL);
	if (!f->format->pb) {
		av_free(io);
		goto out;
	}
	err = open_stream(f, with);
	if (!err)
		err = write_init(f);
out:
	if (err) {
		hz_fmp4_free(f);
		return err;
	}
	*ret = f;
	return 0;
}

void hz_fmp4_free(struct hz_fmp4 *f)
{
	if (!f)
		return;
	if (f->format && f->format->pb) {
		av_freep(&f->format->pb->buffer);
		avio_context_free(&f->format->pb);
	}
	avformat_free_context(f->format);
	av_packet_free(&f->packet);
	free(f->init);
	free(f->out);
	free(f);
}

const uint8_t *hz_fmp4_init(const struct hz_fmp4 *f, size_t *ret_bytes)
{
	*ret_bytes = f->init_bytes;
	return f->init;
}

static int put(struct hz_fmp4 *f, const struct hz_fmp4_sample *s)
{
	AVPacket *p = f->packet;
	int err = hz_av_fill(p, s->data, s->bytes);
	if (err)
		return err;
	p->pts = s->pts;
	p->dts = s->dts;
	p->duration = s->duration;
	p->stream_index = 0;
	p->flags = s->key ? AV_PKT_FLAG_KEY : 0;
	err = hz_av_error(av_write_frame(f->format, p));
	av_packet_unref(p);
	return err;
}

int hz_fmp4_fragment(struct hz_fmp4 *f, const struct hz_fmp4_sample *sample, unsigned count,
                     const uint8_t **ret, size_t *ret_bytes)
{
	if (count && f->any && sample[0].dts - f->last_dts > INT32_MAX)
		return -ERANGE; // libav would lose the time, without an error
	f->bytes = 0;
	f->failed = false;
	// the next fragment's time is that of its first sample, wherever the one before ended
	int err = hz_av_error(av_opt_set(f->format->priv_data, "movflags", "+frag_discont", 0));
	for (unsigned i = 0; i < count && !err; i++)
		err = put(f, &sample[i]);
	if (!err)
		err = hz_av_error(av_write_frame(f->format, NULL));
	avio_flush(f->format->pb);
	if (!err && f->failed)
		err = -ENOMEM;
	if (err)
		return err;
	f->any = true;
	f->last_dts = count ? sample[count - 1].dts : f->last_dts;
	*ret = f->out;
	*ret_bytes = f->bytes;
	return 0;
}
