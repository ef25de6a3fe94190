// What packets of a video are, and the order in which their pictures are shown, without decoding them: picture types (MPEG-2) and picture
// order counts (ITU-T H.264 8.2.1, H.265 8.3.1), by the parsers of libavcodec. Nobody has to be right about it: what the decoder gives is
// held against it (video.c).
#include "media/imaging/video_stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct hz_video_order {
	AVCodecParserContext *parser;
	AVCodecContext *context; // of the parser; nothing is decoded with it
	unsigned prefix;         // bytes of the length in front of a unit; 0: start codes
};

int hz_video_order_new(const AVCodecParameters *parameters, struct hz_video_order **ret)
{
	struct hz_video_order *o = calloc(1, sizeof(*o));
	if (!o)
		return -ENOMEM;
	o->parser = av_parser_init((int)parameters->codec_id);
	o->context = avcodec_alloc_context3(avcodec_find_decoder(parameters->codec_id));
	if (!o->parser || !o->context || avcodec_parameters_to_context(o->context, parameters) < 0) {
		hz_video_order_free(o);
		return -ENOMEM;
	}
	o->parser->flags |= PARSER_FLAG_COMPLETE_FRAMES;
	const uint8_t *e = parameters->extradata;
	int n = parameters->extradata_size;
	if (parameters->codec_id == AV_CODEC_ID_H264 && n >= 7 && e[0] == 1)
		o->prefix = (e[4] & 3u) + 1;
	if (parameters->codec_id == AV_CODEC_ID_HEVC && n >= 23 && e[0] == 1)
		o->prefix = (e[21] & 3u) + 1;
	*ret = o;
	return 0;
}

void hz_video_order_free(struct hz_video_order *order)
{
	if (!order)
		return;
	if (order->parser)
		av_parser_close(order->parser);
	avcodec_free_context(&order->context);
	free(order);
}

// The next unit's first byte, or NULL; *at moves behind it.
static const uint8_t *next_unit(const struct hz_video_order *o, const uint8_t *p, size_t n, size_t *at)
{
	if (o->prefix) {
		uint64_t length = 0;
		if (n - *at <= o->prefix)
			return NULL;
		for (unsigned i = 0; i < o->prefix; i++)
			length = length << 8 | p[*at + i];
		const uint8_t *unit = p + *at + o->prefix;
		uint64_t left = n - *at - o->prefix;
		*at = length < left ? *at + o->prefix + (size_t)length : n;
		return length ? unit : NULL;
	}
	for (size_t i = *at; i + 3 < n; i++) {
		if (p[i] == 0 && p[i + 1] == 0 && p[i + 2] == 1) {
			*at = i + 4;
			return p + i + 3;
		}
	}
	return NULL;
}

struct head { // of an access unit, up to its first slice
	bool parameters;
	int slice; // nal_unit_type, -1: none
};

static struct head head_of(const struct hz_video_order *o, bool hevc, const uint8_t *p, size_t n)
{
	struct head h = {.slice = -1};
	const uint8_t *unit;
	size_t at = 0;
	while (h.slice < 0 && (unit = next_unit(o, p, n, &at))) {
		int type = hevc ? *unit >> 1 & 63 : *unit & 31;
		h.parameters = h.parameters || type == (hevc ? 33 : 7);
		if (hevc ? type < 32 : type == 1 || type == 5)
			h.slice = type;
	}
	return h;
}

static void say_key(const struct hz_video_order *o, const struct hz_video_stream *s, const uint8_t *data,
                    size_t bytes, struct hz_video_packet *p)
{
	static const uint8_t sequence[4] = {0, 0, 1, 0xb3};
	enum AVCodecID id = s->parameters->codec_id;
	if (id == AV_CODEC_ID_MPEG2VIDEO) {
		p->key = p->closed =
		    p->type == AV_PICTURE_TYPE_I && bytes > 4 && memcmp(data, sequence, 4) == 0;
		return;
	}
	bool hevc = id == AV_CODEC_ID_HEVC;
	struct head h = head_of(o, hevc, data, bytes);
	p->closed = hevc ? h.slice >= 16 && h.slice <= 20 : h.slice == 5;
	bool open = hevc ? h.slice == 21 : o->parser->key_frame == 1 && p->type == AV_PICTURE_TYPE_I;
	// A decoder that begins anew knows no parameters but these.
	p->key = (p->closed || open) && (s->global || h.parameters);
}

// Two fields, each with a packet of its own, are one picture.
static bool second_field(const struct hz_video_stream *s, const struct hz_video_packet *p)
{
	const struct hz_video_packet *before = p - 1;
	bool field =
	    p->field == AV_PICTURE_STRUCTURE_TOP_FIELD || p->field == AV_PICTURE_STRUCTURE_BOTTOM_FIELD;
	if (!field || p == s->packet || before->hidden)
		return false;
	return before->field != p->field && (before->field == AV_PICTURE_STRUCTURE_TOP_FIELD ||
	                                     before->field == AV_PICTURE_STRUCTURE_BOTTOM_FIELD);
}

void hz_video_order_packet(struct hz_video_order *order, const uint8_t *data, size_t bytes,
                           struct hz_video_stream *stream, struct hz_video_packet *packet)
{
	AVCodecParserContext *parser = order->parser;
	uint8_t *out;
	int out_bytes;
	parser->key_frame = -1;
	av_parser_parse2(parser, order->context, &out, &out_bytes, data, (int)bytes, AV_NOPTS_VALUE,
	                 AV_NOPTS_VALUE, 0);
	packet->type = (uint8_t)parser->pict_type;
	packet->order = parser->output_picture_number;
	bool mpeg2 = stream->parameters->codec_id == AV_CODEC_ID_MPEG2VIDEO; // its parser joins fields
	packet->field = mpeg2 ? AV_PICTURE_STRUCTURE_FRAME : (uint8_t)parser->picture_structure;
	packet->hidden = packet->discard || second_field(stream, packet);
	say_key(order, stream, data, bytes, packet);
	int columns = parser->width > 0 ? parser->width : order->context->width,
	    rows = parser->height > 0 ? parser->height : order->context->height;
	if (!stream->columns && columns > 0 && rows > 0) {
		stream->columns = (uint32_t)columns;
		stream->rows = (uint32_t)rows;
	}
}

// An I or P picture is shown when the next one of these has come (ISO/IEC 13818-2 6.1.1.11).
static void by_type(struct hz_video_stream *s)
{
	int64_t held = -1;
	for (uint32_t i = 0; i < s->packets; i++) {
		if (s->packet[i].hidden)
			continue;
		if (s->packet[i].type == AV_PICTURE_TYPE_B) {
			s->shown[s->pictures++] = i;
			continue;
		}
		if (held >= 0)
			s->shown[s->pictures++] = (uint32_t)held;
		held = i;
	}
	if (held >= 0)
		s->shown[s->pictures++] = (uint32_t)held;
}

struct place {
	int32_t order;
	uint32_t packet;
};

static int compare_places(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	if (x->order != y->order)
		return x->order < y->order ? -1 : 1;
	return x->packet < y->packet ? -1 : x->packet > y->packet;
}

// Counts begin anew with each picture that nothing reaches across.
static int by_count(struct hz_video_stream *s)
{
	struct place *places = malloc(s->packets * sizeof(*places));
	if (!places)
		return -ENOMEM;
	for (uint32_t i = 0; i < s->packets;) {
		size_t n = 0;
		do {
			if (!s->packet[i].hidden)
				places[n++] = (struct place){s->packet[i].order, i};
			i++;
		} while (i < s->packets && (!s->packet[i].closed || s->packet[i].hidden));
		qsort(places, n, sizeof(*places), compare_places);
		for (size_t k = 0; k < n; k++)
			s->shown[s->pictures++] = places[k].packet;
	}
	free(places);
	return 0;
}

int hz_video_order_shown(struct hz_video_stream *stream)
{
	stream->pictures = 0;
	stream->shown = malloc(stream->packets * sizeof(*stream->shown));
	if (!stream->shown)
		return -ENOMEM;
	int err = 0;
	if (stream->parameters->codec_id == AV_CODEC_ID_MPEG2VIDEO)
		by_type(stream);
	else
		err = by_count(stream);
	for (uint32_t i = 0; err == 0 && i < stream->pictures; i++)
		stream->packet[stream->shown[i]].rank = i;
	return err;
}
