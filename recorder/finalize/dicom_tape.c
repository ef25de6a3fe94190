#include "recorder/finalize/dicom_tape.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "recorder/finalize/opus.h"

#define RUN_GAP    HZ_DICOM_SOUND_HZ        // so long without sound ends a run
#define SLACK      (HZ_DICOM_SOUND_HZ / 50) // so much earlier than it should be may a packet be
#define MOST_BYTES (1u << 30)               // of compressed sound in memory: days
#define SILENCE    960                      // samples of a packet of silence put in

struct reading {
	struct hz_tape *tape;
	int64_t offset_us, end; // end: where the last packet's timestamp and length end in the output
	int64_t at;             // of the run, behind its last packet
	size_t run;             // its first packet
	bool opus, begun, any;  // begun: a run
};

int hz_tape_grow(uint8_t **data, size_t *room, size_t at, size_t bytes)
{
	if (bytes <= *room - at)
		return 0;
	size_t more = 2 * *room + bytes + 65536;
	uint8_t *grown = realloc(*data, more);
	if (!grown)
		return -ENOMEM;
	*data = grown;
	*room = more;
	return 0;
}

// A packet behind the others of the run.
static int append(struct reading *r, const uint8_t *data, size_t bytes, uint32_t samples, int64_t said)
{
	struct hz_tape *t = r->tape;
	if (t->packets == t->packet_room) {
		size_t room = t->packet_room ? 2 * t->packet_room : 4096;
		struct hz_tape_packet *more = realloc(t->packet, room * sizeof(*more));
		if (!more)
			return -ENOMEM;
		t->packet = more;
		t->packet_room = room;
	}
	if (t->bytes + bytes > MOST_BYTES)
		return -EFBIG;
	if (hz_tape_grow(&t->data, &t->data_room, t->bytes, bytes + AV_INPUT_BUFFER_PADDING_SIZE))
		return -ENOMEM;
	memcpy(t->data + t->bytes, data, bytes);
	memset(t->data + t->bytes + bytes, 0, AV_INPUT_BUFFER_PADDING_SIZE);
	t->packet[t->packets++] = (struct hz_tape_packet){
	    .at = r->at, .said = said, .from = t->bytes, .bytes = (uint32_t)bytes, .samples = samples};
	t->bytes += bytes;
	r->at += samples;
	return 0;
}

static int append_silence(struct reading *r, int64_t samples)
{
	uint8_t packet[HZ_OPUS_SILENCE_BYTES];
	int err = 0;
	while (!err && samples > 0) {
		uint32_t n = hz_opus_silence(samples > SILENCE ? SILENCE : (uint32_t)samples, packet);
		if (!n)
			break;
		err = append(r, packet, sizeof(packet), n, r->end);
		r->end += n;
		samples -= n;
	}
	return err;
}

static int add_slice(struct hz_tape *t, const struct hz_tape_slice *slice)
{
	if (slice->said + slice->stop - slice->begin < -2 * HZ_AAC_FRAME) // before the first picture
		return 0;
	if (t->slices == t->slice_room) {
		size_t room = t->slice_room ? 2 * t->slice_room : 64;
		struct hz_tape_slice *more = realloc(t->slice, room * sizeof(*more));
		if (!more)
			return -ENOMEM;
		t->slice = more;
		t->slice_room = room;
	}
	t->slice[t->slices++] = *slice;
	return 0;
}

// The run's slices, each placed by the first packet that begins in it.
static int end_run(struct reading *r)
{
	struct hz_tape *t = r->tape;
	if (!r->begun)
		return 0;
	r->begun = false;
	int err = r->opus ? append_silence(r, SILENCE) : 0; // the decoder fades out with it
	int64_t stop = (r->at + HZ_AAC_FRAME - 1) / HZ_AAC_FRAME * HZ_AAC_FRAME;
	size_t p = r->run;
	for (int64_t begin = 0; !err && begin < stop; begin += HZ_SLICE_SAMPLES) {
		while (p + 1 < t->packets && t->packet[p].at < begin)
			p++;
		struct hz_tape_slice slice = {.first = r->run,
		                              .end = t->packets,
		                              .begin = begin,
		                              .stop = begin + HZ_SLICE_SAMPLES,
		                              .said = t->packet[p].said - (t->packet[p].at - begin)};
		slice.last = slice.stop >= stop;
		slice.stop = slice.last ? stop : slice.stop;
		err = add_slice(t, &slice);
	}
	return err;
}

static bool is_silence(const uint8_t *data, size_t bytes)
{
	return bytes == HZ_OPUS_SILENCE_BYTES && data[0] >> 3 >= 28 && !(data[0] & 3) && data[1] == 0xff &&
	       data[2] == 0xfe;
}

static int64_t length_of(const struct reading *r, const AVPacket *p, AVRational base)
{
	struct hz_opus_info info;
	if (r->opus)
		return hz_opus_parse(p->data, (size_t)p->size, &info) == 0 ? info.samples : 0;
	int64_t samples = av_rescale_q(p->duration, base, (AVRational){1, HZ_DICOM_SOUND_HZ});
	return samples < 0 ? 0 : samples < 10 * RUN_GAP ? samples : 10 * RUN_GAP;
}

static int take(struct reading *r, const AVPacket *p)
{
	struct hz_tape *t = r->tape;
	const AVRational base = t->in->streams[t->index]->time_base;
	int64_t said = r->end, samples = length_of(r, p, base);
	if (p->pts != AV_NOPTS_VALUE) {
		int64_t us = av_rescale_q(p->pts, base, AV_TIME_BASE_Q);
		if (us > INT64_MAX / 4 || us < INT64_MIN / 4)
			return 0;
		said = av_rescale(us + r->offset_us, HZ_DICOM_SOUND_HZ, 1000000);
	}
	if (samples == 0 || (r->opus && is_silence(p->data, (size_t)p->size)))
		return 0;
	int64_t gap = r->any ? said - r->end : 0;
	if (gap < -SLACK) // went back: over what was said before
		return 0;
	int err = 0;
	r->any = true;
	if (r->begun && gap >= RUN_GAP)
		err = end_run(r);
	if (!r->begun) {
		r->begun = true;
		r->run = t->packets;
		r->at = 0;
		r->end = said;
	} else if (!err && gap > 0) { // packets that are missing, by their number
		int64_t one = t->packet[t->packets - 1].samples, missing = (gap + one / 2) / one * one;
		if (r->opus)
			err = append_silence(r, missing);
		else
			r->at += missing;
	}
	if (!err)
		err = append(r, p->data, (size_t)p->size, (uint32_t)samples, said);
	r->end = said + samples;
	return err;
}

static int read_all(struct hz_tape *t, int64_t offset_us)
{
	struct reading r = {.tape = t, .offset_us = offset_us};
	AVPacket *packet = av_packet_alloc();
	int err = packet ? 0 : -ENOMEM;
	r.opus = t->in->streams[t->index]->codecpar->codec_id == AV_CODEC_ID_OPUS;
	while (!err && av_read_frame(t->in, packet) >= 0) {
		if (packet->stream_index == t->index && packet->size > 0)
			err = take(&r, packet);
		av_packet_unref(packet);
	}
	if (!err)
		err = end_run(&r);
	av_packet_free(&packet);
	return err;
}

int hz_tape_open(const char *path, int64_t offset_us, struct hz_tape *ret)
{
	struct hz_tape t = {.in = NULL};
	const AVCodec *codec = NULL;
	int err = 0;
	if (avformat_open_input(&t.in, path, NULL, NULL) < 0 || avformat_find_stream_info(t.in, NULL) < 0)
		err = -EBADMSG;
	else if ((t.index = av_find_best_stream(t.in, AVMEDIA_TYPE_AUDIO, -1, -1, &codec, 0)) < 0 || !codec)
		err = -ENOENT;
	if (err) {
		hz_tape_done(&t);
		return err;
	}
	for (unsigned i = 0; i < t.in->nb_streams; i++)
		t.in->streams[i]->discard = (int)i == t.index ? AVDISCARD_DEFAULT : AVDISCARD_ALL;
	const AVCodecParameters *p = t.in->streams[t.index]->codecpar;
	t.copy = p->codec_id == AV_CODEC_ID_AAC && p->sample_rate == HZ_DICOM_SOUND_HZ &&
	         p->ch_layout.nb_channels <= 2 && p->extradata_size > 0;
	t.channels = p->ch_layout.nb_channels == 1 ? 1 : 2;
	err = t.copy ? 0 : read_all(&t, offset_us);
	if (err)
		hz_tape_done(&t);
	else
		*ret = t;
	return err;
}

void hz_tape_done(struct hz_tape *tape)
{
	free(tape->packet);
	free(tape->data);
	free(tape->slice);
	avformat_close_input(&tape->in);
	*tape = (struct hz_tape){.in = NULL};
}
