// Which parts of GStreamer a source may use.
#ifndef HZ_MEDIA_PIPELINE_SOURCE_PLUGINS_H
#define HZ_MEDIA_PIPELINE_SOURCE_PLUGINS_H

// Forgets all others. After gst_init(), before anything is made.
void hz_source_plugins(void);
// Loads what most sources need, so that nothing waits for a library later. An element that is not installed; NULL: all are.
const char *hz_source_plugins_load(void);

#endif
