#include <string.h>

#include "gateway/base/log.h"
#include "gateway/base/seqpacket.h"
#include "media/pipeline/source_state.h"

#define TELL_US 500000

static void send_message(struct hz_source *s, struct hz_msg_header *h, unsigned type, size_t bytes)
{
	h->version = HZ_INGEST_API_VERSION;
	h->type = (uint16_t)type;
	h->bytes = (uint32_t)bytes;
	(void)hz_seqpacket_send(s->fd, h, bytes); // full: the next one says it
}

// Half a second has a picture more or less.
static uint32_t smooth(uint32_t before, uint64_t now)
{
	return (uint32_t)(before && now ? (3 * (uint64_t)before + now) / 4 : now);
}

void hz_source_tell(struct hz_source *s, int64_t now_us, bool now)
{
	struct hz_ingest_status m = {.source = s->set.source, .state = s->state, .reason = s->reason};
	int64_t passed_us = now_us - s->told_us;
	if (!now && passed_us < TELL_US)
		return;
	unsigned long long bytes = atomic_load(&s->seen.bytes);
	unsigned frames = atomic_load(&s->seen.frames);
	if (passed_us >= TELL_US) {
		s->bitrate = (uint32_t)((bytes - s->told_bytes) * 8000000 / (unsigned long long)passed_us);
		s->rate =
		    smooth(s->rate, (uint64_t)(frames - s->told_frames) * 1000000000u / (uint64_t)passed_us);
		s->told_bytes = bytes;
		s->told_frames = frames;
		s->told_us = now_us;
	}
	unsigned size = atomic_load(&s->seen.size);
	m.bitrate = s->state == HZ_INGEST_LIVE ? s->bitrate : 0;
	m.rate = s->state == HZ_INGEST_LIVE ? s->rate : 0;
	m.attempts = s->attempts;
	m.keyframes = s->unmet;
	m.video = (uint8_t)atomic_load(&s->seen.video_codec);
	m.audio = (uint8_t)atomic_load(&s->seen.audio_codec);
	m.passed_video = atomic_load(&s->seen.video) && atomic_load(&s->seen.passed_video);
	m.passed_audio = atomic_load(&s->seen.audio) && atomic_load(&s->seen.passed_audio);
	m.synced = atomic_load(&s->seen.synced);
	m.width = (uint16_t)(size >> 16);
	m.height = (uint16_t)size;
	pthread_mutex_lock(&s->lock);
	memcpy(m.name, s->seen.name, sizeof(m.name));
	pthread_mutex_unlock(&s->lock);
	send_message(s, &m.h, HZ_INGEST_STATUS, sizeof(m));
}

void hz_source_tell_picture(struct hz_source *s, const void *jpeg, size_t bytes)
{
	static struct {
		struct hz_ingest_picture head;
		uint8_t data[HZ_INGEST_PICTURE_BYTES];
	} m; // the main loop's
	if (bytes > sizeof(m.data))
		return;
	m.head = (struct hz_ingest_picture){.source = s->set.source, .bytes = (uint32_t)bytes};
	memcpy(m.data, jpeg, bytes);
	send_message(s, &m.head.h, HZ_INGEST_PICTURE, sizeof(m.head) + bytes);
}
