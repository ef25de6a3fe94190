#include "media/imaging/video.h"

#include <errno.h>
#include <libavutil/pixdesc.h>
#include <stdlib.h>
#include <string.h>

#include "media/imaging/video_canary.h"
#include "media/imaging/video_stream.h"

#define STRICT      (AV_EF_CRCCHECK | AV_EF_EXPLODE) // not BITSTREAM: padding of MPEG-2's slices is no fault
#define PIXELS_MOST ((uint64_t)8192 * 4352)          // of a picture: level 6.2; a decoder keeps 17 of them

struct hz_video {
	struct hz_video_limits limits;
	struct hz_pixel_shape expect;
	struct hz_video_stream stream;
	AVCodecContext *context; // NULL: decoding begins anew with the next picture
	AVPacket *packet;
	AVFrame *frame, *held; // what comes out; the picture that was asked for last
	int64_t at;            // number of the picture that is held, -1: none
	uint32_t next;         // packet
	uint32_t due;          // number of the picture that comes out next
	int64_t damaged;       // packet, -1: none
	bool drained;
	bool
	    plain; // the order is not what the packets say: pictures are counted as they come, from the first
	uint64_t left;    // pixels that this call may decode
	uint32_t begun;   // packet that decoding began with
	bool trailed;     // one that is shown after it has been decoded
	unsigned buffers; // that the decoder has asked for
};

static int check_head(const struct hz_video_stream *s, const struct hz_pixel_shape *e,
                      struct hz_dicom_fault *fault)
{
	if (s->columns && (s->columns != e->columns || s->rows != e->rows))
		return hz_dicom_fail(fault, HZ_DICOM_SIZE, "%s of %u x %u, the header says %u x %u",
		                     hz_video_codec_name(s), s->columns, s->rows, e->columns, e->rows);
	if (e->samples != 3)
		return hz_dicom_fail(fault, HZ_DICOM_COMPONENTS, "%s of 3 components, the header says %u",
		                     hz_video_codec_name(s), e->samples);
	return 0;
}

int hz_video_open(const uint8_t *bytes, size_t count, const struct hz_pixel_shape *expect,
                  const struct hz_video_limits *limits, struct hz_dicom_fault *fault, struct hz_video **ret)
{
	uint64_t pixels = (uint64_t)expect->columns * expect->rows;
	if (pixels > PIXELS_MOST || pixels * 3 * (expect->bits_allocated / 8) > limits->frame_bytes)
		return hz_dicom_fail(fault, HZ_DICOM_TOO_BIG, "a video of %u x %u", expect->columns,
		                     expect->rows);
	struct hz_video *v = calloc(1, sizeof(*v));
	if (!v)
		return hz_dicom_fail(fault, HZ_DICOM_MEMORY, "no memory for a video");
	v->limits = *limits;
	v->expect = *expect;
	v->at = v->damaged = -1;
	v->packet = av_packet_alloc();
	v->frame = av_frame_alloc();
	v->held = av_frame_alloc();
	uint32_t packets = limits->pictures > UINT32_MAX / 2 ? UINT32_MAX : limits->pictures * 2;
	int err = hz_video_stream_read(bytes, count, packets, fault, &v->stream);
	if (err == 0)
		err = check_head(&v->stream, expect, fault);
	if (err == 0 && (!v->packet || !v->frame || !v->held))
		err = hz_dicom_fail(fault, HZ_DICOM_MEMORY, "no memory for a video");
	if (err < 0)
		hz_video_close(v);
	else
		*ret = v;
	return err;
}

void hz_video_close(struct hz_video *video)
{
	if (!video)
		return;
	avcodec_free_context(&video->context);
	av_packet_free(&video->packet);
	av_frame_free(&video->frame);
	av_frame_free(&video->held);
	hz_video_stream_done(&video->stream);
	free(video);
}

// --- decoding

// A decoder of its own each time: what a stream says in its middle must not reach back to its beginning.
static int begin(struct hz_video *v, uint32_t packet, uint32_t due, struct hz_dicom_fault *fault)
{
	const AVCodec *codec = avcodec_find_decoder(v->stream.parameters->codec_id);
	avcodec_free_context(&v->context);
	v->context = codec ? avcodec_alloc_context3(codec) : NULL;
	if (!v->context)
		return hz_dicom_fail(fault, codec ? HZ_DICOM_MEMORY : HZ_DICOM_UNSUPPORTED,
		                     "no decoder for %s", hz_video_codec_name(&v->stream));
	int err = avcodec_parameters_to_context(v->context, v->stream.parameters);
	v->context->thread_count = 1;
	v->context->max_pixels =
	    ((int64_t)v->expect.columns + 256) * ((int64_t)v->expect.rows + 256); // with edges
	v->context->err_recognition = STRICT;
	v->context->apply_cropping = 0; // below: the canary's places are those of the whole picture
	v->context->opaque = &v->buffers;
	v->context->get_buffer2 = hz_video_canary_buffer;
	if (err >= 0)
		err = avcodec_open2(v->context, codec, NULL);
	if (err < 0) {
		avcodec_free_context(&v->context);
		return hz_dicom_fail(fault, err == AVERROR(ENOMEM) ? HZ_DICOM_MEMORY : HZ_DICOM_CODESTREAM,
		                     "%s whose parameters are damaged", hz_video_codec_name(&v->stream));
	}
	v->next = v->begun = packet;
	v->due = due;
	v->damaged = -1;
	v->drained = v->trailed = false;
	return 0;
}

static int fill_packet(struct hz_video *v, const struct hz_video_packet *p)
{
	const uint8_t *from = (p->copied ? v->stream.store : v->stream.bytes) + p->at;
	if (av_new_packet(v->packet, (int)p->bytes) < 0)
		return AVERROR(ENOMEM);
	memcpy(v->packet->data, from, p->bytes);
	v->packet->pts = v->packet->dts = v->next;
	v->packet->flags = (p->key ? AV_PKT_FLAG_KEY : 0) | (p->discard ? AV_PKT_FLAG_DISCARD : 0);
	return 0;
}

// Shown before the key picture and decoded after it: it may build upon what was not decoded. Nobody asks for it, but others say things of it.
static bool leading(const struct hz_video *v, uint32_t packet)
{
	const struct hz_video_packet *all = v->stream.packet;
	return !v->plain && v->begun > 0 && packet > v->begun && all[packet].rank < all[v->begun].rank;
}

static void hurt(struct hz_video *v, uint32_t packet)
{
	if (v->damaged < 0 && !leading(v, packet))
		v->damaged = packet;
}

// One packet into the decoder; after the last one, or a damaged one, what it still holds back is let out.
static int feed(struct hz_video *v, struct hz_dicom_fault *fault)
{
	uint64_t pixels = (uint64_t)v->expect.columns * v->expect.rows;
	int err;
	if (!v->context)
		return hz_dicom_fail(fault, HZ_DICOM_CODESTREAM, "no decoder");
	if (v->damaged >= 0 || v->next >= v->stream.packets) {
		v->drained = true;
		return avcodec_send_packet(v->context, NULL) < 0 ? -EBADMSG : 0;
	}
	if (v->left < pixels)
		return hz_dicom_fail(fault, HZ_DICOM_LATER,
		                     "the picture is too far behind the one that decoding begins with");
	v->left -= pixels;
	const struct hz_video_packet *p = &v->stream.packet[v->next];
	v->buffers = 0;
	// The first one behind leading pictures may take back references to what was not decoded. The canary looks after it.
	bool lead = leading(v, v->next),
	     first = !lead && !v->trailed && v->begun > 0 && !v->stream.packet[v->begun].closed;
	v->context->err_recognition = lead || (first && v->next != v->begun) ? 0 : STRICT;
	v->trailed = v->trailed || (!lead && v->next != v->begun);
	err = p->broken ? AVERROR_INVALIDDATA : fill_packet(v, p);
	if (err == 0)
		err = avcodec_send_packet(v->context, v->packet);
	av_packet_unref(v->packet);
	if (err == AVERROR(ENOMEM))
		return hz_dicom_fail(fault, HZ_DICOM_MEMORY, "no memory for a picture");
	// More than one picture out of a packet: it refers to some that are missing, and got grey ones.
	if (err < 0 || (v->buffers > 1 && v->next != v->begun))
		hurt(v, v->next);
	v->next++;
	return 0;
}

// 1: a picture is in v->frame; 0: there is none any more.
static int receive(struct hz_video *v, struct hz_dicom_fault *fault)
{
	for (;;) {
		int got = avcodec_receive_frame(v->context, v->frame);
		if (got == 0)
			return 1;
		if (got == AVERROR(ENOMEM))
			return hz_dicom_fail(fault, HZ_DICOM_MEMORY, "no memory for a picture");
		if (got != AVERROR(EAGAIN) && got != AVERROR_EOF)
			hurt(v, v->next - 1);
		if (got == AVERROR_EOF || v->drained)
			return 0;
		int err = feed(v, fault);
		if (err < 0)
			return err;
	}
}

static int damage(const struct hz_video *v, struct hz_dicom_fault *fault)
{
	return hz_dicom_fail(fault, HZ_DICOM_CODESTREAM,
	                     "%s: picture %u, or one that it builds upon, is damaged",
	                     hz_video_codec_name(&v->stream), v->due + 1);
}

static int check_frame(const struct hz_video *v, struct hz_dicom_fault *fault)
{
	const AVFrame *f = v->frame;
	const struct hz_pixel_shape *e = &v->expect;
	const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(f->format);
	const char *name = hz_video_codec_name(&v->stream);
	if (f->decode_error_flags || (f->flags & AV_FRAME_FLAG_CORRUPT) ||
	    (v->damaged >= 0 && f->pts >= v->damaged))
		return damage(v, fault);
	size_t across = f->crop_left + f->crop_right, down = f->crop_top + f->crop_bottom;
	if ((size_t)f->width != e->columns + across || (size_t)f->height != e->rows + down)
		return hz_dicom_fail(fault, HZ_DICOM_SIZE, "%s of %lld x %lld, the header says %u x %u", name,
		                     f->width - (long long)across, f->height - (long long)down, e->columns,
		                     e->rows);
	if (!d || d->nb_components != 3)
		return hz_dicom_fail(fault, HZ_DICOM_COMPONENTS, "%s of %u components, the header says %u",
		                     name, d ? d->nb_components : 0u, e->samples);
	if (!(d->flags & AV_PIX_FMT_FLAG_PLANAR) || (d->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_BE)) ||
	    f->colorspace == AVCOL_SPC_RGB)
		return hz_dicom_fail(fault, HZ_DICOM_UNSUPPORTED, "%s of another kind of colour", name);
	if (hz_video_canary_alive(f))
		return damage(v, fault);
	int bits = d->comp[0].depth;
	if (bits < 8 || bits > 12 || (bits > 8) != (e->bits_allocated > 8) || bits != e->bits_stored)
		return hz_dicom_fail(fault, HZ_DICOM_BITS, "%s of %d bits, the header says %u of %u", name,
		                     bits, e->bits_stored, e->bits_allocated);
	return 0;
}

#define OTHER_ORDER 2 // the decoder's order is not the one that was worked out

// Which picture is this? 0: the one that is due; 1: one to leave out.
static int identify(const struct hz_video *v, struct hz_dicom_fault *fault)
{
	if (v->plain)
		return v->damaged >= 0 ? damage(v, fault) : 0;
	int64_t packet = v->frame->pts;
	if (packet < 0 || packet >= v->stream.packets || v->stream.packet[packet].hidden)
		return v->damaged >= 0 ? damage(v, fault) : OTHER_ORDER;
	uint32_t rank = v->stream.packet[packet].rank;
	if (rank < v->due) // shown before the key picture, decoded after it
		return 1;
	if (rank > v->due)
		return v->damaged >= 0 ? damage(v, fault) : OTHER_ORDER;
	return 0;
}

// The picture that is due, into v->held.
static int advance(struct hz_video *v, struct hz_dicom_fault *fault)
{
	for (;;) {
		int got = receive(v, fault);
		if (got < 0)
			return got;
		if (got == 0 && v->damaged >= 0)
			return damage(v, fault);
		if (got == 0 && !v->plain)
			return OTHER_ORDER;
		if (got == 0)
			return hz_dicom_fail(fault, HZ_DICOM_PIXELS_SHORT, "the stream has %u pictures",
			                     v->due);
		int is = identify(v, fault);
		if (is < 0 || is == OTHER_ORDER)
			return is;
		if (is == 1)
			continue;
		int err = check_frame(v, fault);
		if (err < 0)
			return err;
		av_frame_unref(v->held);
		av_frame_move_ref(v->held, v->frame);
		v->at = v->due++;
		return 0;
	}
}

// --- seeking

// The packet that decoding of picture `index` may begin with.
static uint32_t key_before(const struct hz_video *v, uint32_t index, bool closed)
{
	const struct hz_video_packet *all = v->stream.packet;
	if (v->plain)
		return 0;
	for (uint32_t i = v->stream.shown[index]; i > 0; i--) {
		if (all[i].key && !all[i].hidden && all[i].rank <= index && (all[i].closed || !closed))
			return i;
	}
	return 0;
}

// From the key before it, or from where we are if that is nearer.
static int decode_to(struct hz_video *v, uint32_t index, bool closed, struct hz_dicom_fault *fault)
{
	uint32_t key = key_before(v, index, closed), first = key ? v->stream.packet[key].rank : 0;
	bool on = v->context && v->damaged < 0 && v->due <= index && v->due >= first && !closed;
	int err = on ? 0 : begin(v, key, first, fault);
	while (err == 0 && v->due <= index)
		err = advance(v, fault);
	// What failed cannot go on, but for one that only takes longer.
	if (err && !(err < 0 && fault->code == HZ_DICOM_LATER))
		avcodec_free_context(&v->context);
	return err;
}

static enum hz_video_matrix matrix_of(const AVFrame *f)
{
	switch (f->colorspace) {
	case AVCOL_SPC_BT709:
		return HZ_MATRIX_709;
	case AVCOL_SPC_BT2020_NCL:
	case AVCOL_SPC_BT2020_CL:
		return HZ_MATRIX_2020;
	case AVCOL_SPC_BT470BG:
	case AVCOL_SPC_SMPTE170M:
	case AVCOL_SPC_FCC:
		return HZ_MATRIX_601;
	default: // no word of it: as everybody takes it
		return f->height - (int)(f->crop_top + f->crop_bottom) > 576 ? HZ_MATRIX_709 : HZ_MATRIX_601;
	}
}

static void say_planes(const AVFrame *f, struct hz_video_planes *ret)
{
	const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(f->format);
	*ret = (struct hz_video_planes){.columns = (uint32_t)(f->width - (int)(f->crop_left + f->crop_right)),
	                                .rows = (uint32_t)(f->height - (int)(f->crop_top + f->crop_bottom)),
	                                .across = d->log2_chroma_w,
	                                .down = d->log2_chroma_h,
	                                .bits = (uint8_t)d->comp[0].depth,
	                                .full = f->color_range == AVCOL_RANGE_JPEG ||
	                                        f->format == AV_PIX_FMT_YUVJ420P,
	                                .matrix = matrix_of(f)};
	for (unsigned i = 0; i < 3; i++) {
		size_t left = f->crop_left >> (i ? ret->across : 0), top = f->crop_top >> (i ? ret->down : 0);
		ret->plane[i] = f->data[i] + (ptrdiff_t)top * f->linesize[i] + left * (ret->bits > 8 ? 2 : 1);
		ret->stride[i] = f->linesize[i];
	}
}

int hz_video_picture(struct hz_video *video, uint32_t index, struct hz_dicom_fault *fault,
                     struct hz_video_planes *ret)
{
	struct hz_dicom_fault own = {0};
	int err = 0;
	fault = fault ? fault : &own;
	video->left = video->limits.pixels;
	if (!video->plain && index >= video->stream.pictures)
		return hz_dicom_fail(fault, HZ_DICOM_PIXELS_SHORT, "picture %u of a video of %u", index + 1,
		                     video->stream.pictures);
	if (video->at != index) {
		err = decode_to(video, index, false, fault);
		// What refreshes step by step is no clean beginning: further back, there is one.
		if (err < 0 && fault->code == HZ_DICOM_CODESTREAM && !video->plain &&
		    key_before(video, index, true) != key_before(video, index, false))
			err = decode_to(video, index, true, fault);
		if (err == OTHER_ORDER) {
			video->plain = true;
			video->at = -1;
			err = decode_to(video, index, false, fault);
		}
	}
	if (err == 0)
		say_planes(video->held, ret);
	return err;
}
