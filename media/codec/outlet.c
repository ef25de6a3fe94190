#include "media/codec/outlet.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "media/codec/h264.h"
#include "media/codec/stream.h"

#define INTERLEAVE_US 500000      // so long a picture waits for its sound
#define SOCKET_BYTES  (256 << 10) // that may wait in the kernel: who takes nothing is noticed

struct track {
	AVStream *stream;
	int64_t last_us;
	bool any;
};

struct hz_outlet {
	struct hz_outlet_open with;
	AVFormatContext *format;
	AVIOContext *io;
	AVPacket *packet;
	struct track video, sound;
	int64_t base_us;
	bool begun, failed, wait_key;
};

static atomic_int fault;

// The words before they are filled in, so that no address and no key is looked at.
static void on_log(void *ctx, int level, const char *format, va_list arguments)
{
	static const struct {
		const char *word;
		enum hz_outlet_fault means;
	} table[] = {
	    {"Server error", HZ_OUTLET_DENIED},     {"ertificate", HZ_OUTLET_CERTIFICATE},
	    {"handshake", HZ_OUTLET_GARBAGE},       {"Server response", HZ_OUTLET_GARBAGE},
	    {"TLS fatal alert", HZ_OUTLET_GARBAGE}, {"The TLS connection was", HZ_OUTLET_GARBAGE},
	};
	(void)ctx;
	(void)arguments;
	if (level > AV_LOG_WARNING || atomic_load(&fault) == HZ_OUTLET_CERTIFICATE)
		return;
	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strstr(format, table[i].word))
			atomic_store(&fault, table[i].means);
}

enum hz_outlet_fault hz_outlet_fault(void)
{
	return (enum hz_outlet_fault)atomic_load(&fault);
}

static int on_interrupt(void *ctx)
{
	const struct hz_outlet *o = ctx;
	return o->with.interrupted(o->with.ctx);
}

static void set_rtmp(const struct hz_outlet_open *w, const char *host, AVDictionary **options)
{
	char text[768];
	snprintf(text, sizeof(text), "%s://%s:%u/%s", w->kind == HZ_OUTLET_RTMPS ? "rtmps" : "rtmp", host,
	         w->port, w->app);
	av_dict_set(options, "rtmp_tcurl", text, 0);
	av_dict_set(options, "rtmp_app", w->app, 0);
	av_dict_set(options, "rtmp_playpath", w->key, 0);
	av_dict_set(options, "tcp_nodelay", "1", 0);
	av_dict_set_int(options, "send_buffer_size", SOCKET_BYTES, 0);
	if (w->kind != HZ_OUTLET_RTMPS)
		return;
	av_dict_set(options, "tls_verify", "1", 0);
	av_dict_set(options, "verifyhost", w->host, 0);
	av_dict_set(options, "ca_file", w->ca, 0);
}

static void set_srt(const struct hz_outlet_open *w, AVDictionary **options)
{
	av_dict_set(options, "mode", "caller", 0);
	av_dict_set(options, "transtype", "live", 0);
	av_dict_set(options, "connect_timeout", "3000", 0);
	av_dict_set(options, "linger", "0", 0);
	if (w->streamid[0])
		av_dict_set(options, "streamid", w->streamid, 0);
	if (w->passphrase[0])
		av_dict_set(options, "passphrase", w->passphrase, 0);
	if (w->pbkeylen)
		av_dict_set_int(options, "pbkeylen", w->pbkeylen, 0);
	if (w->latency_ms)
		av_dict_set_int(options, "latency", w->latency_ms * 1000ll, 0);
}

static int open_io(struct hz_outlet *o)
{
	const struct hz_outlet_open *w = &o->with;
	static const char *const scheme[] = {"rtmp", "rtmps", "srt"};
	AVDictionary *options = NULL;
	char host[300], url[512];
	snprintf(host, sizeof(host), strchr(w->host, ':') ? "[%s]" : "%s", w->host);
	snprintf(url, sizeof(url), "%s://%s:%u%s", scheme[w->kind], host, w->port,
	         w->kind == HZ_OUTLET_SRT ? "" : "/");
	if (w->kind == HZ_OUTLET_SRT)
		set_srt(w, &options);
	else
		set_rtmp(w, host, &options);
	const AVIOInterruptCB callback = {.callback = on_interrupt, .opaque = o};
	atomic_store(&fault, HZ_OUTLET_SILENT);
	int err = avio_open2(&o->io, url, AVIO_FLAG_WRITE, &callback, &options);
	av_dict_free(&options);
	return err == AVERROR_EXIT ? -EINTR : hz_av_error(err);
}

int hz_outlet_new(const struct hz_outlet_open *with, struct hz_outlet **ret)
{
	struct hz_outlet *o = calloc(1, sizeof(*o));
	if (!o)
		return -ENOMEM;
	o->with = *with;
	av_log_set_callback(on_log);
	o->packet = av_packet_alloc();
	int err = o->packet ? open_io(o) : -ENOMEM;
	if (!err && avformat_alloc_output_context2(&o->format, NULL,
	                                           with->kind == HZ_OUTLET_SRT ? "mpegts" : "flv", NULL) < 0)
		err = -ENOMEM;
	if (err)
		hz_outlet_free(o);
	else
		*ret = o;
	return err;
}

void hz_outlet_free(struct hz_outlet *o)
{
	if (!o)
		return;
	if (o->begun && !o->failed)
		(void)av_write_trailer(o->format);
	if (o->io)
		(void)avio_close(o->io);
	avformat_free_context(o->format);
	av_packet_free(&o->packet);
	free(o);
}

static void find_size(const uint8_t *avcc, size_t bytes, struct hz_av_video *video)
{
	struct hz_h264_sps sps;
	size_t length = bytes > 8 ? (size_t)avcc[6] << 8 | avcc[7] : 0; // ISO/IEC 14496-15 5.3.3.1
	if (!length || length > bytes - 8 || hz_h264_sps_parse(avcc + 8, length, &sps))
		return;
	video->width = sps.width;
	video->height = sps.height;
}

int hz_outlet_begin(struct hz_outlet *o, const struct hz_outlet_media *media)
{
	struct hz_av_video video = {.codec = AV_CODEC_ID_H264,
	                            .config = media->avcc,
	                            .config_bytes = media->avcc_bytes,
	                            .hz = 1000000};
	AVDictionary *options = NULL;
	find_size(media->avcc, media->avcc_bytes, &video);
	int err = hz_av_add_video(o->format, &video, &o->video.stream);
	if (!err)
		err = hz_av_add_aac(o->format, 1, media->aac, media->aac_bytes, &o->sound.stream);
	if (err)
		return err;
	o->format->pb = o->io;
	o->format->flags |= AVFMT_FLAG_FLUSH_PACKETS | AVFMT_FLAG_BITEXACT;
	o->format->max_interleave_delta = INTERLEAVE_US;
	if (o->with.kind != HZ_OUTLET_SRT)
		av_dict_set(&options, "flvflags", "no_duration_filesize", 0);
	err = hz_av_error(avformat_write_header(o->format, &options));
	av_dict_free(&options);
	o->begun = !err;
	o->wait_key = true;
	o->failed = err != 0;
	return err;
}

static int write_frame(struct hz_outlet *o, struct track *t, const struct hz_outlet_frame *f)
{
	const AVRational us = {1, 1000000};
	AVPacket *p = o->packet;
	int err = hz_av_fill(p, f->data, f->bytes);
	if (err)
		return err;
	p->pts = av_rescale_q(f->pts_us - o->base_us, us, t->stream->time_base);
	p->dts = av_rescale_q(f->dts_us - o->base_us, us, t->stream->time_base);
	p->stream_index = t->stream->index;
	p->flags = f->key ? AV_PKT_FLAG_KEY : 0;
	if (f->avcc) { // another picture begins: FLV says so before it
		uint8_t *config = av_packet_new_side_data(p, AV_PKT_DATA_NEW_EXTRADATA, f->avcc_bytes);
		if (config)
			memcpy(config, f->avcc, f->avcc_bytes);
	}
	err = hz_av_error(av_interleaved_write_frame(o->format, p)); // takes the packet
	if (!err && o->io->error)
		err = hz_av_error(o->io->error);
	o->failed |= err != 0;
	t->last_us = f->dts_us;
	t->any = true;
	return err;
}

int hz_outlet_video(struct hz_outlet *o, const struct hz_outlet_frame *frame)
{
	if ((o->video.any && frame->dts_us <= o->video.last_us) || (o->wait_key && !frame->key)) {
		o->wait_key = true;
		return 0;
	}
	if (!o->video.any)
		o->base_us = frame->dts_us;
	o->wait_key = false;
	return write_frame(o, &o->video, frame);
}

int hz_outlet_sound(struct hz_outlet *o, const struct hz_outlet_frame *frame)
{
	bool early = !o->video.any || frame->dts_us < o->base_us;
	if (early || (o->sound.any && frame->dts_us <= o->sound.last_us))
		return 0;
	return write_frame(o, &o->sound, frame);
}

uint64_t hz_outlet_bytes(const struct hz_outlet *o)
{
	int64_t at = o->io ? avio_tell(o->io) : 0;
	return at > 0 ? (uint64_t)at : 0;
}
