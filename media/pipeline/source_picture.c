#include "media/pipeline/source_picture.h"

#include <stdlib.h>

#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>

#include "gateway/base/clock.h"
#include "media/ingest/api.h"

#define PATIENCE_US 4000000

struct hz_picture {
	GstElement *pipeline, *end;
	int64_t since_us;
};

static const char text[] =
    "appsrc name=in format=time caps=video/x-h264,stream-format=byte-stream,alignment=au ! h264parse "
    "! avdec_h264 max-threads=1 ! videoconvertscale "
    "! video/x-raw,width=320,height=(int)[16,320],pixel-aspect-ratio=1/1 ! jpegenc quality=60 "
    "! appsink name=out sync=false max-buffers=1 drop=true";

struct hz_picture *hz_picture_new(GstBuffer *keyframe)
{
	struct hz_picture *p = calloc(1, sizeof(*p));
	GError *error = NULL;
	GstElement *pipeline = p ? gst_parse_launch(text, &error) : NULL;
	if (!pipeline || error) {
		g_clear_error(&error);
		if (pipeline)
			gst_object_unref(pipeline);
		gst_buffer_unref(keyframe);
		free(p);
		return NULL;
	}
	GstElement *in = gst_bin_get_by_name(GST_BIN(pipeline), "in");
	GstBuffer *one = gst_buffer_copy(keyframe);
	gst_buffer_unref(keyframe);
	GST_BUFFER_PTS(one) = GST_BUFFER_DTS(one) = 0;
	p->pipeline = pipeline;
	p->end = gst_bin_get_by_name(GST_BIN(pipeline), "out");
	p->since_us = hz_now_us();
	gst_element_set_state(pipeline, GST_STATE_PLAYING);
	gst_app_src_push_buffer(GST_APP_SRC(in), one);
	gst_app_src_end_of_stream(GST_APP_SRC(in)); // the decoder keeps nothing back
	gst_object_unref(in);
	return p;
}

int hz_picture_poll(struct hz_picture *p, GstBuffer **ret_jpeg)
{
	GstSample *sample = gst_app_sink_try_pull_sample(GST_APP_SINK(p->end), 0);
	if (!sample)
		return gst_app_sink_is_eos(GST_APP_SINK(p->end)) || hz_now_us() - p->since_us > PATIENCE_US
		           ? -1
		           : 0;
	GstBuffer *jpeg = gst_sample_get_buffer(sample);
	int rc = jpeg && gst_buffer_get_size(jpeg) <= HZ_INGEST_PICTURE_BYTES ? 1 : -1;
	if (rc == 1)
		*ret_jpeg = gst_buffer_ref(jpeg);
	gst_sample_unref(sample);
	return rc;
}

void hz_picture_free(struct hz_picture *p)
{
	if (!p)
		return;
	gst_element_set_state(p->pipeline, GST_STATE_NULL);
	gst_object_unref(p->end);
	gst_object_unref(p->pipeline);
	free(p);
}
