// hz-rtsp PORT USER:PASSWORD CLOCK: a camera for tests: rtsp://127.0.0.1:PORT/cam with H.264 and Opus; PORT 0: any. Prints the port.
// A user makes it ask for a password; "-": none. CLOCK: its picture is a clock that machines read, and this number (tests/lib/clockcam.ts).
// Runs until it is killed.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <gst/rtsp-server/rtsp-server.h>

#define WIDTH  640u
#define HEIGHT 360u

static const char launch[] =
    "( videotestsrc is-live=true pattern=smpte ! video/x-raw,format=I420,width=640,height=360,framerate=25/1 "
    "! identity name=clock ! x264enc tune=zerolatency speed-preset=ultrafast threads=1 bitrate=500 "
    "key-int-max=25 "
    "! video/x-h264,profile=constrained-baseline ! rtph264pay name=pay0 pt=96 "
    "audiotestsrc is-live=true freq=440 ! audio/x-raw,rate=48000,channels=1 ! opusenc ! rtpopuspay name=pay1 "
    "pt=97 )";

// 8 x 6 cells of black and white: a pattern, 32 bits of milliseconds since 1970, a number.
static void draw(uint8_t *luma, unsigned number)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	uint32_t ms = (uint32_t)((uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000);
	for (unsigned y = 0; y < HEIGHT; y++) {
		for (unsigned x = 0; x < WIDTH; x++) {
			unsigned row = y * 6 / HEIGHT, column = x * 8 / WIDTH;
			unsigned bit = row == 0  ? column & 1
			               : row < 5 ? ms >> ((row - 1) * 8 + column) & 1
			                         : number >> column & 1;
			luma[y * WIDTH + x] = bit ? 235 : 16;
		}
	}
}

static GstPadProbeReturn on_picture(GstPad *pad, GstPadProbeInfo *info, gpointer number)
{
	GstBuffer *buffer = gst_buffer_make_writable(GST_PAD_PROBE_INFO_BUFFER(info));
	GstMapInfo map;
	if (gst_buffer_map(buffer, &map, GST_MAP_READWRITE)) {
		if (map.size >= WIDTH * HEIGHT)
			draw(map.data, GPOINTER_TO_UINT(number));
		if (map.size >= WIDTH * HEIGHT * 3 / 2) // no colour
			memset(map.data + WIDTH * HEIGHT, 128, WIDTH * HEIGHT / 2);
		gst_buffer_unmap(buffer, &map);
	}
	GST_PAD_PROBE_INFO_DATA(info) = buffer;
	(void)pad;
	return GST_PAD_PROBE_OK;
}

static void on_media(GstRTSPMediaFactory *factory, GstRTSPMedia *media, gpointer number)
{
	GstElement *bin = gst_rtsp_media_get_element(media);
	GstElement *clock = gst_bin_get_by_name_recurse_up(GST_BIN(bin), "clock");
	GstPad *pad = gst_element_get_static_pad(clock, "src");
	gst_pad_add_probe(pad, GST_PAD_PROBE_TYPE_BUFFER, on_picture, number, NULL);
	gst_object_unref(pad);
	gst_object_unref(clock);
	gst_object_unref(bin);
	(void)factory;
}

static void ask_for_password(GstRTSPServer *server, GstRTSPMediaFactory *factory, char *user)
{
	GstRTSPAuth *auth = gst_rtsp_auth_new();
	GstRTSPToken *token =
	    gst_rtsp_token_new(GST_RTSP_TOKEN_MEDIA_FACTORY_ROLE, G_TYPE_STRING, "viewer", NULL);
	char *password = strchr(user, ':');
	*password++ = '\0';
	gst_rtsp_auth_set_supported_methods(auth, GST_RTSP_AUTH_DIGEST);
	gst_rtsp_auth_add_digest(auth, user, password, token);
	gst_rtsp_media_factory_add_role(factory, "viewer", GST_RTSP_PERM_MEDIA_FACTORY_ACCESS, G_TYPE_BOOLEAN,
	                                TRUE, GST_RTSP_PERM_MEDIA_FACTORY_CONSTRUCT, G_TYPE_BOOLEAN, TRUE,
	                                NULL);
	gst_rtsp_server_set_auth(server, auth);
	gst_rtsp_token_unref(token);
	g_object_unref(auth);
}

int main(int argc, char **argv)
{
	gst_init(NULL, NULL);
	GMainLoop *loop = g_main_loop_new(NULL, FALSE);
	GstRTSPServer *server = gst_rtsp_server_new();
	GstRTSPMountPoints *mounts = gst_rtsp_server_get_mount_points(server);
	GstRTSPMediaFactory *factory = gst_rtsp_media_factory_new();
	gst_rtsp_server_set_address(server, "127.0.0.1");
	gst_rtsp_server_set_service(server, argc > 1 ? argv[1] : "0");
	gst_rtsp_media_factory_set_launch(factory, launch);
	gst_rtsp_media_factory_set_shared(factory, TRUE);
	if (argc > 2 && strchr(argv[2], ':'))
		ask_for_password(server, factory, argv[2]);
	if (argc > 3)
		g_signal_connect(factory, "media-configure", G_CALLBACK(on_media),
		                 GUINT_TO_POINTER(atoi(argv[3])));
	gst_rtsp_mount_points_add_factory(mounts, "/cam", factory);
	g_object_unref(mounts);
	if (!gst_rtsp_server_attach(server, NULL))
		return 1;
	printf("%d\n", gst_rtsp_server_get_bound_port(server));
	fflush(stdout);
	g_main_loop_run(loop);
	return 0;
}
