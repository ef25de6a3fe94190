// Initialization sections: one for each set of parameters that the segments in the folder need.
#include "media/hls/internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "media/codec/h264.h"
#include "media/rtp/bytes.h"

static bool needed(const struct hz_hls *h, const struct hz_hls_track *t, uint32_t id)
{
	if (t->map_id == id)
		return true;
	for (uint64_t q = h->first_kept; q < h->current; q++)
		if (hz_hls_seg(t, q)->map == id)
			return true;
	return false;
}

static void name_of(const struct hz_hls_track *t, uint32_t id, char *name, size_t room)
{
	snprintf(name, room, "%s/init%u.mp4", t->name, id);
}

static bool make_room(struct hz_hls *h, struct hz_hls_track *t)
{
	char name[96];
	for (unsigned i = 0; t->maps == HZ_HLS_MAPS && i < t->maps; i++) {
		if (needed(h, t, t->map[i].id))
			continue;
		name_of(t, t->map[i].id, name, sizeof(name));
		(void)h->with.store.remove(h->with.store.ctx, name);
		t->map[i] = t->map[--t->maps];
	}
	return t->maps < HZ_HLS_MAPS;
}

static const struct hz_hls_map *find(const struct hz_hls_track *t, const uint8_t *config, size_t bytes)
{
	for (unsigned i = 0; i < t->maps; i++)
		if (t->map[i].config_bytes == bytes &&
		    (!bytes || memcmp(t->map[i].config, config, bytes) == 0))
			return &t->map[i];
	return NULL;
}

static int store_map(struct hz_hls *h, struct hz_hls_track *t, const struct hz_fmp4 *writer)
{
	char name[96];
	size_t bytes;
	const uint8_t *init = hz_fmp4_init(writer, &bytes);
	name_of(t, t->next_map, name, sizeof(name));
	int err = h->with.store.put(h->with.store.ctx, name, init, bytes);
	if (err)
		hz_hls_failed(h, err);
	return err;
}

static int open_video(const uint8_t *config, size_t bytes, struct hz_fmp4_open *with)
{
	struct hz_h264_sps sps;
	size_t length = bytes > 8 ? hz_get16(config + 6) : 0;
	if (bytes < 8 + length || hz_h264_sps_parse(config + 8, length, &sps) != 0)
		return -EBADMSG;
	with->codec = HZ_FMP4_H264;
	with->width = sps.width;
	with->height = sps.height;
	return 0;
}

// The multivariant playlist tells of the programme, not of its slate.
static void describe(const struct hz_hls *h, struct hz_hls_track *t, const struct hz_fmp4_open *with)
{
	if (t->video && (!h->on_slate || !t->codecs[0])) {
		t->width = with->width;
		t->height = with->height;
		snprintf(t->codecs, sizeof(t->codecs), "avc1.%02x%02x%02x", with->config[1], with->config[2],
		         with->config[3]);
	}
}

int hz_hls_output_config(struct hz_hls *h, struct hz_hls_track *t, const uint8_t *config, size_t bytes)
{
	struct hz_fmp4_open with = {.channels = t->channels, .config = config, .config_bytes = bytes};
	if (!t->video) {
		with.codec = t->codec == HZ_HLS_AAC ? HZ_FMP4_AAC : HZ_FMP4_OPUS;
		with.config = config = t->sound_config;
		with.config_bytes = bytes = t->sound_config_bytes;
	} else if (open_video(config, bytes, &with) != 0) {
		return -EBADMSG;
	}
	const struct hz_hls_map *known = find(t, config, bytes);
	if (known && known->id == t->map_id && t->writer)
		return 0;
	if (bytes > HZ_HLS_CONFIG_BYTES || (!known && !make_room(h, t)))
		return -ENOBUFS;
	struct hz_fmp4 *writer = NULL;
	int err = hz_fmp4_new(&with, &writer);
	if (!err && !known)
		err = store_map(h, t, writer);
	if (err) {
		hz_fmp4_free(writer);
		return err;
	}
	hz_fmp4_free(t->writer);
	t->writer = writer;
	if (!known) {
		struct hz_hls_map *m = &t->map[t->maps++];
		*m = (struct hz_hls_map){.id = t->next_map++, .config_bytes = (uint32_t)bytes};
		memcpy(m->config, config, bytes);
		known = m;
	}
	t->map_id = known->id;
	describe(h, t, &with);
	return 0;
}
