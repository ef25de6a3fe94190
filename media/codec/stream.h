// Encoded media into libavformat's muxers: what every container that we write has in common. Thread: that of the context.
#ifndef HZ_MEDIA_CODEC_STREAM_H
#define HZ_MEDIA_CODEC_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libavformat/avformat.h>

// 0, -errno where libav means one, -EBADMSG for its own tags.
int hz_av_error(int err);

struct hz_av_video {
	enum AVCodecID codec;
	uint16_t width, height;
	const uint8_t *config; // avcC, or AV1's sequence header; copied
	size_t config_bytes;
	int hz; // time base
};
// The stream belongs to the context.
int hz_av_add_video(AVFormatContext *format, const struct hz_av_video *with, AVStream **ret);
int hz_av_add_opus(AVFormatContext *format, unsigned channels,
                   AVStream **ret); // RFC 7845 5.1; 1 or 2; time base 48 kHz
int hz_av_add_aac(AVFormatContext *format, unsigned channels, const uint8_t *config, size_t config_bytes,
                  AVStream **ret); // config: AudioSpecificConfig (ISO/IEC 14496-3 1.6.2.1); time base 48 kHz

// A copy of the frame into the packet, with the padding that libav wants; times and flags are the caller's. -ENOMEM.
int hz_av_fill(AVPacket *packet, const uint8_t *data, size_t bytes);

#endif
