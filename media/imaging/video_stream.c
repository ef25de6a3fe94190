// A stream into packets, by the demultiplexers of libavformat: from memory, one kind each, as the first bytes say, never by probing.
#include "media/imaging/video_stream.h"

#include <errno.h>
#include <libavformat/avformat.h>
#include <stdlib.h>
#include <string.h>

#define STORE_MOST  ((size_t)512 << 20)
#define IO_BYTES    (64 << 10)
#define OTHERS_MOST 4000000u // packets of sound and the like

struct source {
	const uint8_t *bytes;
	int64_t count, at;
};

static int source_read(void *opaque, uint8_t *to, int room)
{
	struct source *s = opaque;
	int64_t n = s->count - s->at < room ? s->count - s->at : room;
	if (n <= 0)
		return AVERROR_EOF;
	memcpy(to, s->bytes + s->at, (size_t)n);
	s->at += n;
	return (int)n;
}

static int64_t source_seek(void *opaque, int64_t to, int whence)
{
	struct source *s = opaque;
	whence &= ~AVSEEK_FORCE;
	if (whence == AVSEEK_SIZE)
		return s->count;
	int64_t base = whence == SEEK_CUR ? s->at : whence == SEEK_END ? s->count : 0;
	if (to > s->count || to < -s->count || base + to < 0 || base + to > s->count)
		return AVERROR(EINVAL);
	return s->at = base + to;
}

// A container that names other files gets none.
static int no_other(AVFormatContext *f, AVIOContext **ret, const char *url, int flags, AVDictionary **options)
{
	(void)f;
	(void)ret;
	(void)url;
	(void)flags;
	(void)options;
	return AVERROR(EPERM);
}

// The first unit of a stream of Annex B: parameters, a delimiter or SEI of one codec are none of the other's.
static const char *annex_b(const uint8_t *p)
{
	unsigned hevc = p[0] >> 1, h264 = p[0] & 31;
	if (p[0] & 0x80)
		return NULL;
	if (((hevc >= 32 && hevc <= 35) || hevc == 39) && !(p[0] & 1) && p[1] == 1)
		return "hevc";
	return h264 == 7 || h264 == 9 || (h264 == 6 && !(p[0] & 0x60)) ? "h264" : NULL;
}

static const char *kind_of(const uint8_t *p, size_t n)
{
	static const uint8_t start[3] = {0, 0, 1};
	if (n < 16)
		return NULL;
	if (memcmp(p + 4, "ftyp", 4) == 0)
		return "mov";
	for (unsigned at = 0; at <= 4; at += 4) { // 4: with an arrival time in front of each
		size_t step = 188 + at;
		if (n > at + 2 * step && p[at] == 0x47 && p[at + step] == 0x47 && p[at + 2 * step] == 0x47)
			return "mpegts";
	}
	size_t zeros = 0;
	while (zeros < n - 4 && zeros < 64 && p[zeros] == 0)
		zeros++;
	if (zeros < 2 || memcmp(p + zeros - 2, start, 3) != 0)
		return NULL;
	if (p[zeros + 1] == 0xba)
		return "mpeg";
	return p[zeros + 1] == 0xb3 ? "mpegvideo" : annex_b(p + zeros + 1);
}

static int open_source(struct source *source, AVFormatContext **ret, struct hz_dicom_fault *fault)
{
	const char *kind = kind_of(source->bytes, (size_t)source->count);
	const AVInputFormat *format = kind ? av_find_input_format(kind) : NULL;
	if (!kind)
		return hz_dicom_fail(fault, HZ_DICOM_CODESTREAM, "no video stream that is known");
	AVFormatContext *f = avformat_alloc_context();
	uint8_t *room = av_malloc(IO_BYTES);
	AVIOContext *io =
	    f && room ? avio_alloc_context(room, IO_BYTES, 0, source, source_read, NULL, source_seek) : NULL;
	if (!io || !format) {
		av_free(room);
		avformat_free_context(f);
		return hz_dicom_fail(fault, format ? HZ_DICOM_MEMORY : HZ_DICOM_UNSUPPORTED,
		                     "no demultiplexer for this video");
	}
	f->pb = io;
	f->flags |= AVFMT_FLAG_CUSTOM_IO | AVFMT_FLAG_NOFILLIN;
	f->io_open = no_other;
	f->max_streams = 64;
	int err = avformat_open_input(&f, NULL, format, NULL); // frees f when it fails
	if (err < 0 || !f) {
		av_freep(&io->buffer);
		avio_context_free(&io);
		return hz_dicom_fail(fault, HZ_DICOM_CODESTREAM, "a video stream whose head is damaged");
	}
	*ret = f;
	return 0;
}

static void close_source(AVFormatContext *f)
{
	AVIOContext *io = f->pb;
	avformat_close_input(&f);
	av_freep(&io->buffer);
	avio_context_free(&io);
}

static int keep_bytes(struct hz_video_stream *s, const AVPacket *from, size_t *cursor,
                      struct hz_video_packet *p)
{
	size_t n = (size_t)from->size;
	const size_t guesses[] = {*cursor, from->pos >= 0 ? (size_t)from->pos : s->count};
	for (unsigned i = 0; i < 2; i++) { // mostly they lie in the stream as they are
		if (guesses[i] <= s->count && n <= s->count - guesses[i] &&
		    memcmp(s->bytes + guesses[i], from->data, n) == 0) {
			p->at = guesses[i];
			*cursor = guesses[i] + n;
			return 0;
		}
	}
	if (s->stored + n > s->store_room) {
		size_t room = (s->stored + n) + (s->stored + n) / 2;
		uint8_t *more = s->stored + n > STORE_MOST ? NULL : realloc(s->store, room);
		if (s->stored + n > STORE_MOST)
			return -E2BIG; // of the file: it stays so
		if (!more)
			return -ENOMEM;
		s->store = more;
		s->store_room = room;
	}
	memcpy(s->store + s->stored, from->data, n);
	p->at = s->stored;
	p->copied = true;
	s->stored += n;
	return 0;
}

static struct hz_video_packet *next_packet(struct hz_video_stream *s)
{
	if (s->packets == s->room) {
		uint32_t room = s->room ? s->room * 2 : 256;
		struct hz_video_packet *more = realloc(s->packet, room * sizeof(*more));
		if (!more)
			return NULL;
		s->packet = more;
		s->room = room;
	}
	s->packet[s->packets] = (struct hz_video_packet){0};
	return &s->packet[s->packets++];
}

struct reading {
	AVFormatContext *format;
	struct hz_video_order *order;
	struct hz_video_stream *stream;
	int index; // of the stream, -1: not met yet
	size_t cursor;
	uint32_t limit, others;
	struct hz_dicom_fault *fault;
};

static int choose(struct reading *r, const AVPacket *packet)
{
	const AVCodecParameters *p = r->format->streams[packet->stream_index]->codecpar;
	struct hz_video_stream *s = r->stream;
	if (p->codec_type != AVMEDIA_TYPE_VIDEO)
		return 0;
	if (p->codec_id != AV_CODEC_ID_MPEG2VIDEO && p->codec_id != AV_CODEC_ID_H264 &&
	    p->codec_id != AV_CODEC_ID_HEVC)
		return hz_dicom_fail(r->fault, HZ_DICOM_UNSUPPORTED,
		                     "a video that is neither MPEG-2 nor H.264 nor HEVC");
	s->parameters = avcodec_parameters_alloc();
	if (!s->parameters || avcodec_parameters_copy(s->parameters, p) < 0 ||
	    hz_video_order_new(s->parameters, &r->order) < 0)
		return hz_dicom_fail(r->fault, HZ_DICOM_MEMORY, "no memory for a video");
	s->global = p->extradata_size > 0;
	r->index = packet->stream_index;
	return 0;
}

static int take(struct reading *r, const AVPacket *packet)
{
	int err = r->index < 0 ? choose(r, packet) : 0;
	if (err < 0)
		return err;
	if (packet->stream_index != r->index || packet->size <= 0)
		return ++r->others < OTHERS_MOST
		           ? 0
		           : hz_dicom_fail(r->fault, HZ_DICOM_TOO_MANY, "too many packets beside the video");
	if (r->stream->packets >= r->limit)
		return hz_dicom_fail(r->fault, HZ_DICOM_TOO_MANY, "a video of more than %u packets",
		                     r->limit);
	struct hz_video_packet *p = next_packet(r->stream);
	err = p ? keep_bytes(r->stream, packet, &r->cursor, p) : -ENOMEM;
	if (err == -E2BIG)
		return hz_dicom_fail(r->fault, HZ_DICOM_TOO_BIG, "a video of more than %zu bytes",
		                     STORE_MOST);
	if (err < 0)
		return hz_dicom_fail(r->fault, HZ_DICOM_MEMORY, "no memory for a video");
	p->bytes = (uint32_t)packet->size;
	p->broken = (packet->flags & AV_PKT_FLAG_CORRUPT) ||
	            av_packet_get_side_data(packet, AV_PKT_DATA_NEW_EXTRADATA, NULL);
	p->discard = packet->flags & AV_PKT_FLAG_DISCARD;
	hz_video_order_packet(r->order, packet->data, (size_t)packet->size, r->stream, p);
	return 0;
}

static int read_packets(struct reading *r)
{
	AVPacket *packet = av_packet_alloc();
	int err = packet ? 0 : hz_dicom_fail(r->fault, HZ_DICOM_MEMORY, "no memory for a video"), got = 0;
	while (packet && err == 0 && (got = av_read_frame(r->format, packet)) >= 0) {
		err = take(r, packet);
		av_packet_unref(packet);
	}
	av_packet_free(&packet);
	if (err == 0 && r->stream->packets == 0)
		err = hz_dicom_fail(r->fault, HZ_DICOM_CODESTREAM, "a video stream without a picture");
	if (err == 0 && got == AVERROR(ENOMEM))
		err = hz_dicom_fail(r->fault, HZ_DICOM_MEMORY, "no memory for a video");
	return err;
}

int hz_video_stream_read(const uint8_t *bytes, size_t count, uint32_t limit, struct hz_dicom_fault *fault,
                         struct hz_video_stream *ret)
{
	struct source source = {.bytes = bytes, .count = (int64_t)count};
	struct hz_video_stream s = {.bytes = bytes, .count = count};
	struct reading r = {.stream = &s, .index = -1, .limit = limit, .fault = fault};
	av_log_set_level(AV_LOG_QUIET); // what it says quotes what it read
	int err = open_source(&source, &r.format, fault);
	if (err < 0 || !r.format)
		return err < 0 ? err : -ENOMEM;
	err = read_packets(&r);
	close_source(r.format);
	hz_video_order_free(r.order);
	if (err == 0 && hz_video_order_shown(&s) < 0)
		err = hz_dicom_fail(fault, HZ_DICOM_MEMORY, "no memory for a video");
	if (err < 0)
		hz_video_stream_done(&s);
	else
		*ret = s;
	return err;
}

void hz_video_stream_done(struct hz_video_stream *stream)
{
	avcodec_parameters_free(&stream->parameters);
	free(stream->packet);
	free(stream->store);
	free(stream->shown);
	memset(stream, 0, sizeof(*stream));
}

const char *hz_video_codec_name(const struct hz_video_stream *stream)
{
	enum AVCodecID id = stream->parameters->codec_id;
	return id == AV_CODEC_ID_H264 ? "H.264" : id == AV_CODEC_ID_HEVC ? "HEVC" : "MPEG-2";
}
