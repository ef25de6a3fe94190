// What a composed picture costs: six cameras of 720p25 in a grid, encoded once at 720p25, CPU seconds a second; beside it the same
// streams through a bare gst-launch (decode, compositor, encode with the same settings), in the same run.
//   bench_mosaic [SECONDS [CAMERAS]]
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <libavutil/log.h>

#include "gateway/base/ring.h"
#include "media/mosaic/encoder.h"
#include "media/mosaic/packetise.h"
#include "media/mosaic/rooms.h"
#include "media/picture/blit.h"
#include "media/picture/layout.h"

#define MOST    25u
#define LOOP    50 // pictures that repeat
#define WIDTH   1280
#define HEIGHT  720
#define CONSULT 1u

struct stream {
	uint8_t *data[LOOP];
	size_t bytes[LOOP];
};
static struct stream stream[MOST];
static uint16_t seq[MOST];
static uint64_t bytes_out;
static unsigned encoded;

static double cpu_s(int who)
{
	struct rusage u;
	getrusage(who, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

// Something like a room with a head in it: a texture that stands, a disc that moves, a sensor's noise.
static void draw(struct hz_canvas *c, unsigned who, int n)
{
	static unsigned dice = 1;
	int x = WIDTH / 2 + (int)(200 * sin(2 * M_PI * n / LOOP + who)),
	    y = HEIGHT / 2 + (int)(80 * cos(2 * M_PI * n / LOOP));
	for (int row = 0; row < HEIGHT; row++)
		for (int i = 0; i < WIDTH; i++) {
			dice = dice * 1103515245 + 12345;
			int v = 90 + (int)who * 8 + ((i / 24 + row / 18) % 7) * 9 + (i * row / 4096) % 13;
			c->plane[0][row * c->stride[0] + i] = (uint8_t)(v + (int)(dice >> 29));
		}
	hz_canvas_disc(c, x, y, 140, (struct hz_colour){180, 110, 150});
	hz_canvas_disc(c, x - 40, y - 30, 20, (struct hz_colour){40, 128, 128});
	hz_canvas_disc(c, x + 40, y - 30, 20, (struct hz_colour){40, 128, 128});
}

static void film(unsigned who)
{
	const struct hz_encoder_with with = {HZ_CODEC_H264_CB, WIDTH, HEIGHT, 1500000};
	struct hz_encoder *encoder;
	struct hz_canvas canvas;
	struct hz_encoded e;
	if (hz_encoder_new(&with, &encoder) || hz_canvas_new(WIDTH, HEIGHT, &canvas))
		exit(1);
	for (int n = 0; n < LOOP; n++) {
		draw(&canvas, who, n);
		if (hz_encoder_put(encoder, &canvas, n, n == 0, &e))
			exit(1);
		stream[who].data[n] = malloc(e.bytes);
		memcpy(stream[who].data[n], e.data, e.bytes);
		stream[who].bytes[n] = e.bytes;
	}
	hz_encoder_free(encoder);
	hz_canvas_free(&canvas);
}

// --- the mosaic

static struct hz_mosaic *mosaic;
static int64_t now_us = 1000000;
static unsigned sender;
static int picture;

static void on_send(void *ctx, unsigned worker, const struct hz_mosaic_out *out)
{
	encoded += out->kind == HZ_RING_RTP && out->data[1] & 0x80;
	bytes_out += out->kind == HZ_RING_RTP ? out->bytes : 0;
}

static bool on_tell(void *ctx, const struct hz_mosaic_tiles *tiles)
{
	return true;
}

static void on_payload(void *ctx, const uint8_t *payload, size_t bytes, bool last)
{
	uint8_t buf[HZ_RTP_FIXED_BYTES + HZ_PACKETISE_BYTES];
	struct hz_rtp_offsets offsets;
	const struct hz_rtp_header header = {.ts = (uint32_t)picture * 3600,
	                                     .ssrc = 10 + sender,
	                                     .seq = seq[sender]++,
	                                     .pt = 102,
	                                     .marker = last};
	if (hz_rtp_write_header(buf, sizeof(buf), &header, NULL, NULL, &offsets))
		exit(1);
	memcpy(buf + HZ_RTP_FIXED_BYTES, payload, bytes);
	const struct hz_mosaic_record record = {.consult = CONSULT,
	                                        .kind = HZ_RING_RTP,
	                                        .data = buf,
	                                        .bytes = HZ_RTP_FIXED_BYTES + bytes,
	                                        .arrival_us = now_us};
	hz_mosaic_take(mosaic, &record, now_us);
}

static void wish(void *message, unsigned type, size_t bytes)
{
	struct hz_msg_header *h = message;
	uint32_t object;
	*h = (struct hz_msg_header){HZ_MOSAIC_API_VERSION, (uint16_t)type, (uint32_t)bytes, 1, 0};
	if (hz_mosaic_command(mosaic, message, bytes, now_us, &object))
		exit(1);
}

static void wishes(unsigned cameras)
{
	struct hz_mosaic_room_set room = {.consult = CONSULT, .layout = HZ_MOSAIC_GRID, .flags = 7};
	struct hz_mosaic_rendition_set rendition = {.rendition = 1,
	                                            .consult = CONSULT,
	                                            .workers = 1,
	                                            .ssrc = 1,
	                                            .height = 720,
	                                            .codec = HZ_CODEC_H264_CB,
	                                            .pt = 102};
	wish(&room, HZ_MOSAIC_ROOM_SET, sizeof(room));
	wish(&rendition, HZ_MOSAIC_RENDITION_SET, sizeof(rendition));
	for (unsigned i = 0; i < cameras; i++) {
		struct hz_mosaic_member_set m = {.member = 1 + i,
		                                 .consult = CONSULT,
		                                 .ssrc = 10 + i,
		                                 .kind = HZ_MOSAIC_CAMERA,
		                                 .pt_count = 1,
		                                 .pt = {{.pt = 102, .codec = HZ_CODEC_H264_CB}},
		                                 .name = "李医生 Dr Li"};
		wish(&m, HZ_MOSAIC_MEMBER_SET, sizeof(m));
	}
}

static void tick(unsigned cameras)
{
	const struct hz_packetise_sink sink = {NULL, on_payload};
	for (sender = 0; sender < cameras; sender++)
		hz_packetise_h264(stream[sender].data[picture % LOOP], stream[sender].bytes[picture % LOOP],
		                  &sink);
	picture++;
	now_us += HZ_ROOM_TICK_US;
	(void)hz_mosaic_tick(mosaic, now_us, 1795420800000000ll + now_us);
}

static double bench_mosaic(unsigned cameras, unsigned seconds)
{
	const struct hz_mosaic_ops ops = {.send = on_send, .tell = on_tell};
	struct hz_mosaic_status s = {0};
	struct hz_text *text = NULL;
	(void)hz_text_open(NULL, &text);
	if (hz_mosaic_new(&ops, 1, text, &mosaic))
		exit(1);
	wishes(cameras);
	(void)hz_mosaic_tick(mosaic, now_us, 0); // they are seen from now on
	tick(cameras);
	double before = cpu_s(RUSAGE_SELF);
	unsigned first = encoded;
	for (unsigned n = 0; n < seconds * HZ_ENCODER_HZ; n++)
		tick(cameras);
	double cost = (cpu_s(RUSAGE_SELF) - before) / seconds;
	hz_mosaic_status(mosaic, &s);
	printf("mosaic     %u cameras of 720p25 -> 720p25: CPU %.3f s/s  (%u pictures, %.0f kb/s, %llu "
	       "decoded, %llu broken)\n",
	       cameras, cost, encoded - first, (double)bytes_out * 8 / 1000 / seconds,
	       (unsigned long long)s.decoded, (unsigned long long)s.broken);
	hz_mosaic_free(mosaic);
	hz_text_close(text);
	return cost;
}

// --- gst-launch

static void write_streams(const char *folder, unsigned cameras, unsigned pictures)
{
	char path[64];
	for (unsigned i = 0; i < cameras; i++) {
		snprintf(path, sizeof(path), "%s/%u.h264", folder, i);
		FILE *f = fopen(path, "w");
		for (unsigned n = 0; f && n < pictures; n++)
			(void)fwrite(stream[i].data[n % LOOP], 1, stream[i].bytes[n % LOOP], f);
		if (!f || fclose(f))
			exit(1);
	}
}

// The same places as in the mosaic; one thread for each codec, as there.
static void launch_line(const char *folder, unsigned cameras, char *line, size_t room)
{
	struct hz_layout layout;
	hz_layout_make(
	    &(struct hz_layout_want){
	        .width = WIDTH, .height = HEIGHT, .count = cameras, .large = -1, .captions = true},
	    &layout);
	size_t n =
	    (size_t)snprintf(line, room, "exec gst-launch-1.0 -q compositor name=mix background=black");
	for (unsigned i = 0; i < cameras; i++) {
		struct hz_rect r = hz_layout_fit(layout.tile[i].picture, WIDTH, HEIGHT);
		n += (size_t)snprintf(
		    line + n, room - n,
		    " sink_%u::xpos=%d sink_%u::ypos=%d sink_%u::width=%d sink_%u::height=%d", i, r.x, i, r.y,
		    i, r.w, i, r.h);
	}
	n += (size_t)snprintf(
	    line + n, room - n,
	    " ! video/x-raw,format=I420,width=%d,height=%d,framerate=25/1 ! x264enc "
	    "tune=zerolatency speed-preset=superfast bitrate=1600 vbv-buf-capacity=500 threads=1 "
	    "key-int-max=250 option-string=scenecut=0 ! "
	    "video/x-h264,profile=constrained-baseline ! fakesink sync=false",
	    WIDTH, HEIGHT);
	for (unsigned i = 0; i < cameras; i++)
		n += (size_t)snprintf(line + n, room - n,
		                      " filesrc location=%s/%u.h264 ! h264parse ! "
		                      "video/x-h264,framerate=25/1 ! avdec_h264 max-threads=1 ! mix.sink_%u",
		                      folder, i, i);
}

static double bench_gst(unsigned cameras, unsigned seconds)
{
	char folder[] = "/tmp/bench-mosaic-XXXXXX", line[16384], path[64];
	int status = 0;
	if (!mkdtemp(folder))
		exit(1);
	write_streams(folder, cameras, seconds * HZ_ENCODER_HZ);
	launch_line(folder, cameras, line, sizeof(line));
	double before = cpu_s(RUSAGE_CHILDREN);
	pid_t child = fork();
	if (child == 0) {
		execl("/bin/sh", "sh", "-c", line, (char *)NULL);
		_exit(127);
	}
	waitpid(child, &status, 0);
	double cost = (cpu_s(RUSAGE_CHILDREN) - before) / seconds;
	for (unsigned i = 0; i < cameras; i++) {
		snprintf(path, sizeof(path), "%s/%u.h264", folder, i);
		unlink(path);
	}
	rmdir(folder);
	if (!WIFEXITED(status) || WEXITSTATUS(status)) {
		printf("gst-launch did not run (gstreamer1.0-libav, -plugins-ugly?)\n");
		return NAN;
	}
	printf("gst-launch %u cameras of 720p25 -> 720p25: CPU %.3f s/s\n", cameras, cost);
	return cost;
}

int main(int argc, char **argv)
{
	unsigned seconds = argc > 1 ? (unsigned)atoi(argv[1]) : 10,
	         cameras = argc > 2 ? (unsigned)atoi(argv[2]) : 6;
	if (!seconds || seconds > 600 || !cameras || cameras > MOST)
		return 2;
	av_log_set_level(AV_LOG_QUIET);
	for (unsigned i = 0; i < cameras; i++)
		film(i);
	double ours = bench_mosaic(cameras, seconds), bare = bench_gst(cameras, seconds);
	printf("mosaic / gst-launch: %.2f\n", ours / bare);
	return 0;
}
