// The live lane: from the command (another slice, another window) to the encoded picture, and how good that picture is.
// A stack scrolls at 20 slices a second and 2 Mb/s, then rests. p50/p95 of the time, SSIM of what a receiver decodes against
// what was drawn, while it moves and 0.5 s after it came to rest. Exit 1: a wanted figure was missed.
// Beside the time its processor time, which says what a machine that has other things to do made of it.
//   bench_live [--json FILE] [FOLDER of a series]; without one ../shared/dicom/series_mr_t1, without that a stack of its own
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <libavcodec/avcodec.h>
#include <libavutil/log.h>

#include "media/api.h"
#include "media/imaging/frame.h"
#include "media/imaging/render.h"
#include "media/live/encoder.h"
#include "media/live/view.h"
#include "media/picture/blit.h"

#define SLICES   64
#define SECONDS  10
#define SCROLL   20 // slices a second
#define RATE_BPS 2000000u
#define REST_S   0.5

struct slice {
	uint8_t *file;
	size_t bytes;
};
static struct slice slice[SLICES];
static int slices;

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_file(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static void read_folder(const char *folder)
{
	struct dirent **list = NULL;
	int n = scandir(folder, &list, is_file, by_name);
	for (int i = 0; i < n; i++) {
		char path[4096];
		snprintf(path, sizeof(path), "%s/%s", folder, list[i]->d_name);
		FILE *f = slices < SLICES ? fopen(path, "rb") : NULL;
		if (f) {
			struct slice *s = &slice[slices++];
			fseek(f, 0, SEEK_END);
			s->bytes = (size_t)ftell(f);
			rewind(f);
			s->file = malloc(s->bytes);
			if (!s->file || fread(s->file, 1, s->bytes, f) != s->bytes)
				slices--;
			fclose(f);
		}
		free(list[i]);
	}
	free(list);
}

// --- a stack of its own: explicit little endian, 16 bits

static uint8_t *put(uint8_t *at, unsigned group, unsigned element, const char *vr, const void *value,
                    size_t n)
{
	const uint8_t head[] = {(uint8_t)group,          (uint8_t)(group >> 8), (uint8_t)element,
	                        (uint8_t)(element >> 8), (uint8_t)vr[0],        (uint8_t)vr[1]};
	memcpy(at, head, 6);
	at += 6;
	if (strcmp(vr, "OW") == 0 || strcmp(vr, "OB") == 0) {
		const uint32_t length[2] = {0, (uint32_t)n};
		memcpy(at, (const uint8_t *)length + 2, 6);
		at += 6;
	} else {
		*at++ = (uint8_t)n;
		*at++ = (uint8_t)(n >> 8);
	}
	memcpy(at, value, n);
	return at + n;
}

static uint8_t *put_text(uint8_t *at, unsigned group, unsigned element, const char *vr, const char *text)
{
	char even[80] = {0};
	size_t n = (size_t)snprintf(even, sizeof(even), "%s", text);
	if (n % 2)
		even[n++] = strcmp(vr, "UI") == 0 ? '\0' : ' ';
	return put(at, group, element, vr, even, n);
}

static uint8_t *put_us(uint8_t *at, unsigned element, unsigned value)
{
	const uint8_t v[2] = {(uint8_t)value, (uint8_t)(value >> 8)};
	return put(at, 0x28, element, "US", v, 2);
}

// A head in T1: skull, folds that change from slice to slice, the noise of a coil.
static uint16_t tissue(int x, int y, int z)
{
	static unsigned dice = 1;
	double u = (x - 128) / 100.0, v = (y - 128) / 118.0, r = sqrt(u * u + v * v), w = z / 9.0;
	dice = dice * 1103515245 + 12345;
	double noise = (double)(dice >> 16 & 31) - 16;
	double fold = sin(9 * u + 3 * sin(6 * v + w)) + sin(11 * v + 3 * sin(5 * u - w));
	double value = r > 1      ? 30
	               : r > 0.93 ? 900
	               : r > 0.87 ? 120
	                          : 480 + 130 * tanh(2 * fold) - 200 * (r < 0.2);
	return (uint16_t)fmax(0, value + noise);
}

static void make_slice(int z)
{
	enum { SIDE = 256 };
	static uint16_t pixels[SIDE * SIDE];
	uint8_t meta[300], *m = meta, *file = calloc(1, sizeof(pixels) + 2048), *at = file + 128;
	char uid[64];
	for (int y = 0; y < SIDE; y++)
		for (int x = 0; x < SIDE; x++)
			pixels[y * SIDE + x] = tissue(x, y, z);
	snprintf(uid, sizeof(uid), "1.2.3.4.%d", z + 1);
	m = put_text(m, 2, 2, "UI", "1.2.840.10008.5.1.4.1.1.4");
	m = put_text(m, 2, 3, "UI", uid);
	m = put_text(m, 2, 0x10, "UI", "1.2.840.10008.1.2.1");
	memcpy(at, "DICM", 4);
	const uint8_t length[4] = {(uint8_t)(m - meta), 0, 0, 0};
	at = put(at + 4, 2, 0, "UL", length, 4);
	memcpy(at, meta, (size_t)(m - meta));
	at += m - meta;
	at = put_text(at, 8, 0x16, "UI", "1.2.840.10008.5.1.4.1.1.4");
	at = put_text(at, 8, 0x18, "UI", uid);
	at = put_us(at, 2, 1);
	at = put_text(at, 0x28, 4, "CS", "MONOCHROME2");
	at = put_us(at, 0x10, SIDE);
	at = put_us(at, 0x11, SIDE);
	at = put_us(at, 0x100, 16);
	at = put_us(at, 0x101, 12);
	at = put_us(at, 0x102, 11);
	at = put_us(at, 0x103, 0);
	at = put(at, 0x7fe0, 0x10, "OW", pixels, sizeof(pixels));
	slice[slices++] = (struct slice){file, (size_t)(at - file)};
}

// --- what a receiver sees

struct receiver {
	AVCodecContext *codec;
	AVPacket *packet;
	AVFrame *frame;
};

static void receiver_new(struct receiver *r)
{
	r->codec = avcodec_alloc_context3(avcodec_find_decoder(AV_CODEC_ID_H264));
	r->codec->flags |= AV_CODEC_FLAG_LOW_DELAY;
	r->codec->thread_count = 1;
	r->packet = av_packet_alloc();
	r->frame = av_frame_alloc();
	if (avcodec_open2(r->codec, NULL, NULL))
		exit(2);
}

static void receive(struct receiver *r, const struct hz_live_encoded *e)
{
	r->packet->data = (uint8_t *)(uintptr_t)e->data;
	r->packet->size = (int)e->bytes;
	if (avcodec_send_packet(r->codec, r->packet) || avcodec_receive_frame(r->codec, r->frame))
		exit(2);
}

// Mean of windows of 8x8 every 4 pixels (Wang et al. 2004, without the Gaussian; as ffmpeg's filter).
static double ssim(const uint8_t *a, int sa, const uint8_t *b, int sb, int side)
{
	const double c1 = .01 * .01 * 255 * 255 * 64, c2 = .03 * .03 * 255 * 255 * 64 * 63;
	double sum = 0;
	int count = 0;
	for (int y = 0; y + 8 <= side; y += 4)
		for (int x = 0; x + 8 <= side; x += 4, count++) {
			int s1 = 0, s2 = 0, ss = 0, s12 = 0;
			for (int k = 0; k < 64; k++) {
				int p = a[(y + k / 8) * sa + x + k % 8], q = b[(y + k / 8) * sb + x + k % 8];
				s1 += p;
				s2 += q;
				ss += p * p + q * q;
				s12 += p * q;
			}
			double vars = (double)ss * 64 - (double)s1 * s1 - (double)s2 * s2,
			       covar = (double)s12 * 64 - (double)s1 * s2;
			sum += (2.0 * s1 * s2 + c1) * (2 * covar + c2) /
			       (((double)s1 * s1 + (double)s2 * s2 + c1) * (vars + c2));
		}
	return sum / count;
}

// --- the run

static double clock_ms(clockid_t which)
{
	struct timespec t;
	clock_gettime(which, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int up(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

// Everything that a command costs: the object is opened, decoded, put through its window, drawn.
static void draw(struct hz_canvas *canvas, int z, double center)
{
	struct hz_dicom *dicom = NULL;
	struct hz_frame_source source = {0};
	struct hz_frame frame = {0};
	struct hz_rendered pixels = {0};
	struct hz_live_map map;
	const struct hz_live_view view = {.zoom = 1};
	const struct hz_rect pane = {0, 0, canvas->width, canvas->height};
	if (hz_dicom_open(slice[z].file, slice[z].bytes, NULL, NULL, &dicom) ||
	    hz_dicom_frame(dicom, 0, NULL, &source) ||
	    hz_frame_decode(&source, &hz_dicom_image(dicom)->shape, 64 << 20, NULL, &frame))
		exit(2);
	const struct hz_look look = {.voi = center > 0 ? HZ_VOI_WINDOW : HZ_VOI_RANGE,
	                             .center = center,
	                             .width = 2 * center,
	                             .overlays = true};
	if (hz_render(dicom, 0, &frame, &look, &pixels))
		exit(2);
	const struct hz_live_plane plane = {.columns = frame.columns, .rows = frame.rows, .spacing = {1, 1}};
	hz_live_map_make(&view, &plane, pane, &map);
	const struct hz_live_pixels p = {pixels.columns, pixels.rows, pixels.channels, pixels.data};
	if (hz_live_paint(canvas, pane, &p, &map))
		exit(2);
	hz_rendered_done(&pixels);
	hz_frame_done(&frame);
	hz_frame_source_done(&source);
	hz_dicom_close(dicom);
}

struct figures {
	int side;
	double p50_ms, p95_ms, cpu_ms, moving, moving_least, rest, rest_s, bps;
};

static void run(struct figures *f)
{
	const struct hz_live_encoder_with with = {HZ_CODEC_H264_CB, f->side, f->side, RATE_BPS};
	const int per = (int)HZ_LIVE_HZ, frames = SECONDS * SCROLL;
	static double ms[SECONDS * SCROLL], cpu[SECONDS * SCROLL];
	struct hz_live_encoder *encoder = NULL;
	struct hz_canvas canvas;
	struct hz_live_encoded e;
	struct receiver r;
	size_t bytes = 0;
	if (hz_live_encoder_new(&with, &encoder) || hz_canvas_new(f->side, f->side, &canvas))
		exit(2);
	receiver_new(&r);
	f->moving_least = 1;
	for (int n = 0; n < frames; n++) {
		int turn = n % (2 * slices - 2), z = turn < slices ? turn : 2 * slices - 2 - turn;
		double began = clock_ms(CLOCK_MONOTONIC), used = clock_ms(CLOCK_PROCESS_CPUTIME_ID);
		draw(&canvas, z, 0);
		if (hz_live_encoder_put(encoder, &canvas, 0, n == 0, &e))
			exit(2);
		ms[n] = clock_ms(CLOCK_MONOTONIC) - began;
		cpu[n] = clock_ms(CLOCK_PROCESS_CPUTIME_ID) - used;
		bytes += e.bytes;
		receive(&r, &e);
		double s =
		    ssim(canvas.plane[0], canvas.stride[0], r.frame->data[0], r.frame->linesize[0], f->side);
		f->moving += s / frames;
		f->moving_least = s < f->moving_least ? s : f->moving_least;
	}
	f->bps = (double)bytes * 8 / SECONDS;
	f->rest_s = INFINITY;
	for (int n = 1; n <= (int)(REST_S * per); n++) {
		if (hz_live_encoder_put(encoder, &canvas, (unsigned)n, false, &e))
			exit(2);
		receive(&r, &e);
		f->rest =
		    ssim(canvas.plane[0], canvas.stride[0], r.frame->data[0], r.frame->linesize[0], f->side);
		if (getenv("HZ_BENCH_VERBOSE"))
			printf("  rest %2d: %.4f, %zu bytes\n", n, f->rest, e.bytes);
		if (f->rest >= 0.99 && f->rest_s > REST_S)
			f->rest_s = (double)n / per;
	}
	qsort(ms, (size_t)frames, sizeof(*ms), up);
	f->p50_ms = ms[frames / 2];
	f->p95_ms = ms[frames * 95 / 100];
	qsort(cpu, (size_t)frames, sizeof(*cpu), up);
	f->cpu_ms = cpu[frames * 95 / 100];
	hz_live_encoder_free(encoder);
	hz_canvas_free(&canvas);
	avcodec_free_context(&r.codec);
	av_packet_free(&r.packet);
	av_frame_free(&r.frame);
}

int main(int argc, char **argv)
{
	struct figures f[2] = {{.side = 512}, {.side = 1024}};
	const double ms[2] = {10, 20}, moving[2] = {.970, .945};
	const char *json = argc > 2 && strcmp(argv[1], "--json") == 0 ? argv[2] : NULL,
	           *folder = argv[json ? 3 : 1];
	bool good = true;
	av_log_set_level(AV_LOG_QUIET);
	if (hz_dicom_init())
		return 2;
	read_folder(folder ? folder : "../shared/dicom/series_mr_t1");
	bool real = slices > 1;
	for (slices = real ? slices : 0; !real && slices < 26;)
		make_slice(slices);
	printf("live lane: %s of %d slices, %d a second, %.1f Mb/s\n",
	       real ? "a real series" : "a synthetic series", slices, SCROLL, RATE_BPS / 1e6);
	printf("| side | p50 ms | p95 ms | of them CPU | wanted | SSIM moving | least | wanted | SSIM at "
	       "rest | 0.99 after "
	       "s | kb/s |\n");
	printf("|---|---|---|---|---|---|---|---|---|---|---|\n");
	for (int i = 0; i < 2; i++) {
		run(&f[i]);
		printf("| %d | %.2f | %.2f | %.2f | %.0f | %.4f | %.4f | %.3f | %.4f | %.2f | %.0f |\n",
		       f[i].side, f[i].p50_ms, f[i].p95_ms, f[i].cpu_ms, ms[i], f[i].moving,
		       f[i].moving_least, moving[i], f[i].rest, f[i].rest_s, f[i].bps / 1e3);
		good = good && f[i].p95_ms < ms[i] && f[i].moving >= moving[i] && f[i].rest >= 0.99;
	}
	FILE *out = json ? fopen(json, "w") : NULL;
	for (int i = 0; out && i < 2; i++)
		fprintf(out,
		        "%s{\"side\": %d, \"p50_ms\": %.3f, \"p95_ms\": %.3f, \"p95_cpu_ms\": %.3f, "
		        "\"ssim_moving\": %.5f, "
		        "\"ssim_rest\": %.5f, \"rest_s\": %.2f}%s",
		        i ? ", " : "[", f[i].side, f[i].p50_ms, f[i].p95_ms, f[i].cpu_ms, f[i].moving,
		        f[i].rest, f[i].rest_s, i ? "]\n" : "");
	if (out)
		fclose(out);
	puts(good ? "all wanted figures reached" : "NOT all wanted figures reached");
	return good ? 0 : 1;
}
