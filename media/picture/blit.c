#include "media/picture/blit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libavcodec/avcodec.h>
#include <libswscale/swscale.h>

struct hz_blit {
	struct SwsContext *scaler;
	int how;
	struct hz_canvas
	    scaled; // swscale writes whole vectors, beyond the right border of what it was asked for
};

static struct hz_blit *blit_new(int how)
{
	struct hz_blit *b = calloc(1, sizeof(*b));
	if (b)
		b->how = how;
	return b;
}

struct hz_blit *hz_blit_new(void)
{
	return blit_new(SWS_BILINEAR | SWS_BITEXACT);
}

struct hz_blit *hz_blit_new_fast(void)
{
	return blit_new(SWS_FAST_BILINEAR);
}

void hz_blit_free(struct hz_blit *blit)
{
	if (!blit)
		return;
	sws_freeContext(blit->scaler);
	hz_canvas_free(&blit->scaled);
	free(blit);
}

// 4:2:0 of 8 or 10 bits is what the codecs of WebRTC can have; 4:4:4 is VP9's and H.264's for screens.
static bool is_taken(int format)
{
	return format == AV_PIX_FMT_YUV420P || format == AV_PIX_FMT_YUVJ420P || format == AV_PIX_FMT_NV12 ||
	       format == AV_PIX_FMT_YUV444P || format == AV_PIX_FMT_YUVJ444P ||
	       format == AV_PIX_FMT_YUV422P || format == AV_PIX_FMT_YUV420P10LE || format == AV_PIX_FMT_GRAY8;
}

static int make_room(struct hz_blit *b, struct hz_rect to)
{
	int width = (to.w + 63) & ~63;
	if (b->scaled.width == width && b->scaled.height == to.h)
		return 0;
	hz_canvas_free(&b->scaled);
	return hz_canvas_new(width, to.h, &b->scaled);
}

static int scale(struct hz_blit *b, struct hz_canvas *canvas, struct hz_rect to, const AVFrame *frame)
{
	int err = make_room(b, to);
	if (err)
		return err;
	b->scaler = sws_getCachedContext(b->scaler, frame->width, frame->height, frame->format, to.w, to.h,
	                                 AV_PIX_FMT_YUV420P, b->how, NULL, NULL, NULL);
	if (!b->scaler)
		return -ENOMEM;
	sws_scale(b->scaler, (const uint8_t *const *)frame->data, frame->linesize, 0, frame->height,
	          b->scaled.plane, b->scaled.stride);
	for (int p = 0; p < 3; p++) {
		int shift = p > 0;
		uint8_t *out = canvas->plane[p] + (long)(to.y >> shift) * canvas->stride[p] + (to.x >> shift);
		for (int y = 0; y < to.h >> shift; y++)
			memcpy(out + (long)y * canvas->stride[p],
			       b->scaled.plane[p] + (long)y * b->scaled.stride[p], (size_t)(to.w >> shift));
	}
	return 0;
}

static void fill_around(struct hz_canvas *c, struct hz_rect box, struct hz_rect in)
{
	int right = in.x + in.w, bottom = in.y + in.h;
	hz_canvas_fill(c, (struct hz_rect){box.x, box.y, box.w, in.y - box.y}, HZ_COLOUR_TILE);
	hz_canvas_fill(c, (struct hz_rect){box.x, bottom, box.w, box.y + box.h - bottom}, HZ_COLOUR_TILE);
	hz_canvas_fill(c, (struct hz_rect){box.x, in.y, in.x - box.x, in.h}, HZ_COLOUR_TILE);
	hz_canvas_fill(c, (struct hz_rect){right, in.y, box.x + box.w - right, in.h}, HZ_COLOUR_TILE);
}

int hz_blit_frame(struct hz_blit *blit, struct hz_canvas *canvas, struct hz_rect box, const AVFrame *frame)
{
	if (!is_taken(frame->format))
		return -ENOTSUP;
	struct hz_rect to = hz_layout_fit(box, frame->width, frame->height);
	fill_around(canvas, box, to);
	return scale(blit, canvas, to, frame);
}

static void as_frame(const struct hz_canvas *canvas, AVFrame *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->width = canvas->width;
	ret->height = canvas->height;
	ret->format = AV_PIX_FMT_YUV420P;
	for (int i = 0; i < 3; i++) {
		ret->data[i] = canvas->plane[i];
		ret->linesize[i] = canvas->stride[i];
	}
}

int hz_blit_canvas(struct hz_blit *blit, struct hz_canvas *to, struct hz_rect box,
                   const struct hz_canvas *from)
{
	AVFrame frame;
	as_frame(from, &frame);
	return hz_blit_frame(blit, to, box, &frame);
}

// --- JPEG

static int write_file(const char *path, const void *data, size_t bytes)
{
	char part[520];
	const char *at = data;
	if ((size_t)snprintf(part, sizeof(part), "%s.part", path) >= sizeof(part))
		return -ENAMETOOLONG;
	int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640), err = fd < 0 ? -errno : 0;
	while (!err && bytes > 0) {
		ssize_t n = write(fd, at, bytes);
		if (n < 0)
			err = -errno;
		else
			at += n, bytes -= (size_t)n;
	}
	if (!err && fsync(fd) < 0)
		err = -errno;
	if (fd >= 0)
		close(fd);
	if (!err && rename(part, path) < 0)
		err = -errno;
	if (err && fd >= 0)
		unlink(part);
	return err;
}

static AVCodecContext *jpeg_encoder(const struct hz_canvas *canvas, int quality)
{
	const AVCodec *codec = avcodec_find_encoder(AV_CODEC_ID_MJPEG);
	AVCodecContext *c = codec ? avcodec_alloc_context3(codec) : NULL;
	if (!c)
		return NULL;
	c->width = canvas->width;
	c->height = canvas->height;
	c->pix_fmt = AV_PIX_FMT_YUVJ420P;
	c->color_range = AVCOL_RANGE_JPEG;
	c->time_base = (AVRational){1, 25};
	c->thread_count = 1;
	c->flags |= AV_CODEC_FLAG_QSCALE | AV_CODEC_FLAG_BITEXACT;
	c->global_quality = FF_QP2LAMBDA * quality;
	if (avcodec_open2(c, codec, NULL) < 0)
		avcodec_free_context(&c);
	return c;
}

int hz_blit_jpeg(struct hz_blit *blit, const struct hz_canvas *canvas, int quality, const char *path)
{
	AVCodecContext *c = jpeg_encoder(canvas, quality);
	AVFrame *full = av_frame_alloc(), from;
	AVPacket *packet = av_packet_alloc();
	int err = c && full && packet ? 0 : -ENOMEM;
	as_frame(canvas, &from);
	if (!err) {
		full->width = canvas->width;
		full->height = canvas->height;
		full->format = AV_PIX_FMT_YUVJ420P;
		full->quality = c->global_quality;
		err = av_frame_get_buffer(full, 0) < 0 ? -ENOMEM : 0;
	}
	struct SwsContext *range =
	    err ? NULL
	        : sws_getContext(from.width, from.height, AV_PIX_FMT_YUV420P, full->width, full->height,
	                         AV_PIX_FMT_YUVJ420P, SWS_BILINEAR | SWS_BITEXACT, NULL, NULL, NULL);
	if (!err && !range)
		err = -ENOMEM;
	if (!err) {
		sws_scale(range, (const uint8_t *const *)from.data, from.linesize, 0, from.height, full->data,
		          full->linesize);
		bool done = avcodec_send_frame(c, full) >= 0 && avcodec_receive_packet(c, packet) >= 0;
		err = done ? write_file(path, packet->data, (size_t)packet->size) : -EIO;
	}
	sws_freeContext(range);
	avcodec_free_context(&c);
	av_frame_free(&full);
	av_packet_free(&packet);
	return err;
}

// --- canvases of one's own

int hz_canvas_new(int width, int height, struct hz_canvas *ret)
{
	size_t luma = (size_t)width * (size_t)height;
	uint8_t *memory = aligned_alloc(64, (luma * 3 / 2 + 191) & ~(size_t)63);
	if (!memory)
		return -ENOMEM;
	*ret = (struct hz_canvas){.width = width,
	                          .height = height,
	                          .plane = {memory, memory + luma, memory + luma + luma / 4},
	                          .stride = {width, width / 2, width / 2}};
	hz_canvas_fill(ret, (struct hz_rect){0, 0, width, height}, HZ_COLOUR_BACK);
	return 0;
}

void hz_canvas_free(struct hz_canvas *canvas)
{
	free(canvas->plane[0]);
	*canvas = (struct hz_canvas){0};
}

void hz_canvas_copy(struct hz_canvas *to, const struct hz_canvas *from)
{
	for (int p = 0; p < 3; p++) {
		int shift = p > 0;
		for (int y = 0; y < to->height >> shift; y++)
			memcpy(to->plane[p] + (long)y * to->stride[p],
			       from->plane[p] + (long)y * from->stride[p], (size_t)(to->width >> shift));
	}
}
