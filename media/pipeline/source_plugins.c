#include "media/pipeline/source_plugins.h"

#include <string.h>

#include <gst/gst.h>

// Everything else is taken out of the registry: what nobody can name, no hostile source can reach.
static const char *const plugins[] = {
    "coreelements",
    "app",
    "typefindfunctions",
    "playback",
    "rtp",
    "rtpmanager",
    "rtsp",
    "udp",
    "tcp",
    "srt",
    "rtmp2",
    "flv",
    "mpegtsdemux",
    "isomp4",
    "matroska",
    "videoparsersbad",
    "audioparsers",
    "opus",
    "opusparse",
    "x264",
    "libav",
    "webrtc",
    "nice",
    "dtls",
    "srtp",
    "sctp",
    "videoconvertscale",
    "videorate",
    "videotestsrc",
    "audiotestsrc",
    "audioconvert",
    "audioresample",
    "jpeg",
    "pango",
    "deinterlace",
    "debugutilsbad",
    "rawparse",
    NULL,
};

// Within libav, decoders alone; libavformat's demuxers have parsers for hundreds of formats.
static gboolean unwanted(GstPluginFeature *feature, gpointer user)
{
	const char *name = gst_plugin_feature_get_name(feature);
	return g_str_has_prefix(name, "avdemux") || g_str_has_prefix(name, "avmux") ||
	       g_str_has_prefix(name, "avenc") || strcmp(name, "webrtcdsp") == 0;
}

void hz_source_plugins(void)
{
	GstRegistry *registry = gst_registry_get();
	GList *all = gst_registry_get_plugin_list(registry);
	for (GList *i = all; i; i = i->next) {
		const char *name = gst_plugin_get_name(i->data);
		if (!g_strv_contains(plugins, name) && strcmp(name, "staticelements") != 0)
			gst_registry_remove_plugin(registry, i->data);
	}
	gst_plugin_list_free(all);
	GList *features = gst_registry_feature_filter(registry, unwanted, FALSE, NULL);
	for (GList *i = features; i; i = i->next)
		gst_registry_remove_feature(registry, i->data);
	gst_plugin_feature_list_free(features);
}

const char *hz_source_plugins_load(void)
{
	static const char *const needed[] = {
	    "webrtcbin", "nicesrc",    "dtlsenc",    "srtpenc", "rtspsrc",  "srtsrc",     "rtmp2src",
	    "parsebin",  "h264parse",  "avdec_h264", "x264enc", "opusenc",  "rtph264pay", "rtpopuspay",
	    "jpegenc",   "avdec_h265", "avdec_aac",  "tsdemux", "flvdemux", "qtdemux"};
	for (unsigned i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		GstElementFactory *factory = gst_element_factory_find(needed[i]);
		GstPluginFeature *loaded =
		    factory ? gst_plugin_feature_load(GST_PLUGIN_FEATURE(factory)) : NULL;
		if (factory)
			gst_object_unref(factory);
		if (!loaded)
			return needed[i];
		gst_object_unref(loaded);
	}
	return NULL;
}
