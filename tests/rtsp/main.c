// hz-rtsp PORT USER:PASSWORD: a camera for tests: rtsp://127.0.0.1:PORT/cam with H.264 and Opus; PORT 0: any. Prints the port.
// A user makes it ask for a password. Runs until it is killed.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gst/rtsp-server/rtsp-server.h>

static const char launch[] =
    "( videotestsrc is-live=true pattern=smpte ! video/x-raw,format=I420,width=640,height=360,framerate=25/1 "
    "! x264enc tune=zerolatency speed-preset=ultrafast threads=1 bitrate=500 key-int-max=25 "
    "! video/x-h264,profile=constrained-baseline ! rtph264pay name=pay0 pt=96 "
    "audiotestsrc is-live=true freq=440 ! audio/x-raw,rate=48000,channels=1 ! opusenc ! rtpopuspay name=pay1 "
    "pt=97 )";

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
	gst_rtsp_mount_points_add_factory(mounts, "/cam", factory);
	g_object_unref(mounts);
	if (!gst_rtsp_server_attach(server, NULL))
		return 1;
	printf("%d\n", gst_rtsp_server_get_bound_port(server));
	fflush(stdout);
	g_main_loop_run(loop);
	return 0;
}
