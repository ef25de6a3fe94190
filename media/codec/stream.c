#include "media/codec/stream.h"

#include <errno.h>
#include <string.h>

int hz_av_error(int err)
{
	return err >= 0      ? 0
	       : err > -4096 ? err
	                     : -EBADMSG; // errno values as they are, tags of libav as "bad"
}

static int set_extradata(AVCodecParameters *par, const uint8_t *data, size_t bytes)
{
	if (!bytes)
		return 0;
	par->extradata = av_mallocz(bytes + AV_INPUT_BUFFER_PADDING_SIZE);
	if (!par->extradata)
		return -ENOMEM;
	memcpy(par->extradata, data, bytes);
	par->extradata_size = (int)bytes;
	return 0;
}

int hz_av_add_video(AVFormatContext *format, const struct hz_av_video *with, AVStream **ret)
{
	AVStream *stream = avformat_new_stream(format, NULL);
	if (!stream)
		return -ENOMEM;
	AVCodecParameters *par = stream->codecpar;
	par->codec_type = AVMEDIA_TYPE_VIDEO;
	par->codec_id = with->codec;
	par->width = with->width;
	par->height = with->height;
	stream->time_base = (AVRational){1, with->hz};
	*ret = stream;
	return set_extradata(par, with->config, with->config_bytes);
}

static int add_audio(AVFormatContext *format, enum AVCodecID codec, unsigned channels, AVStream **ret)
{
	AVStream *stream = avformat_new_stream(format, NULL);
	if (!stream)
		return -ENOMEM;
	AVCodecParameters *par = stream->codecpar;
	par->codec_type = AVMEDIA_TYPE_AUDIO;
	par->codec_id = codec;
	par->sample_rate = 48000;
	av_channel_layout_default(&par->ch_layout, (int)channels);
	stream->time_base = (AVRational){1, 48000};
	*ret = stream;
	return 0;
}

int hz_av_add_opus(AVFormatContext *format, unsigned channels, AVStream **ret)
{
	// RFC 7845 5.1: version, channels, pre-skip 0, 48000 Hz, gain 0, mapping family 0
	uint8_t head[19] = {'O', 'p', 'u', 's', 'H', 'e', 'a', 'd', 1, 1, 0, 0, 0x80, 0xbb, 0, 0, 0, 0, 0};
	head[9] = (uint8_t)channels;
	int err = add_audio(format, AV_CODEC_ID_OPUS, channels, ret);
	if (err)
		return err;
	(*ret)->codecpar->seek_preroll = 3840;
	return set_extradata((*ret)->codecpar, head, sizeof(head));
}

int hz_av_add_aac(AVFormatContext *format, unsigned channels, const uint8_t *config, size_t config_bytes,
                  AVStream **ret)
{
	int err = add_audio(format, AV_CODEC_ID_AAC, channels, ret);
	if (err)
		return err;
	(*ret)->codecpar->frame_size = 1024;
	return set_extradata((*ret)->codecpar, config, config_bytes);
}

int hz_av_fill(AVPacket *packet, const uint8_t *data, size_t bytes)
{
	uint8_t *copy = av_malloc(bytes + AV_INPUT_BUFFER_PADDING_SIZE);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, data, bytes);
	memset(copy + bytes, 0, AV_INPUT_BUFFER_PADDING_SIZE);
	if (av_packet_from_data(packet, copy, (int)bytes) < 0) {
		av_free(copy);
		return -ENOMEM;
	}
	return 0;
}
