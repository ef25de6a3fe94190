// Reads a source: connects, takes its first picture and its first sound, and hands them on as H.264 access units and Opus
// packets, re-encoded where that must be. One attempt; the caller makes another one. Thread: main.
#ifndef HZ_MEDIA_PIPELINE_SOURCE_INPUT_H
#define HZ_MEDIA_PIPELINE_SOURCE_INPUT_H

#include "media/pipeline/source_state.h"

// Starts. address: of the host, numeric; NULL where there is none. -ENOMEM, -EIO (nothing can be made of it).
int hz_input_new(struct hz_source *s, const char *address, struct hz_input **ret);
// 0: goes on; 1: it is at its end; -1: over, because of *ret_reason.
int hz_input_poll(struct hz_input *in, uint8_t *ret_reason);
// The encoder, if there is one, makes a keyframe. False: it is passed through. Thread: any.
bool hz_input_keyframe(struct hz_input *in);
void hz_input_free(struct hz_input *in); // may take as long as the source's library does

// source_branch.c: the pipelines behind it. Texts for gst_parse; static.
const char *hz_branch_of(const GstStructure *caps, bool encode, bool *ret_video, bool *ret_passed);
void hz_branch_codec(struct hz_source *s, const GstStructure *caps, bool video, bool passed);
// Connects the ends of a branch ("video", "audio") within a bin to the source.
void hz_branch_attach(struct hz_source *s, GstBin *bin, bool paced);

#endif
