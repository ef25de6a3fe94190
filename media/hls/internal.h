// Inside of the packager: units -> queue (the delay) -> plan (segment boundaries of all tracks) -> output (parts and segments
// of one track) -> store; playlists from what is out. Programme time is µs since `origin_us` on the clock of the marks.
#ifndef HZ_MEDIA_HLS_INTERNAL_H
#define HZ_MEDIA_HLS_INTERNAL_H

#include "media/codec/fmp4.h"
#include "media/hls/hls.h"

#define HZ_HLS_SEGMENTS      2048 // kept of a track; the oldest goes
#define HZ_HLS_PARTS         128  // of a segment
#define HZ_HLS_MAPS          16   // initialization sections of a track at a time
#define HZ_HLS_CONFIG_BYTES  2560
#define HZ_HLS_SEGMENT_BYTES (48u << 20) // more is not taken into one segment
#define HZ_HLS_SLACK_US      400000      // that a segment may be longer than its target (EXTINF is rounded)
#define HZ_HLS_FIT_US        1000000     // pts farther from its mark than this have jumped
#define HZ_HLS_HOLE_US       100000      // less than this between units is no hole

// An access unit as MP4 takes it, in one block.
struct hz_hls_au {
	struct hz_hls_au *next;
	int64_t pts, dts;        // as given, later in ticks of the file
	int64_t mark_us, end_us; // captured from, until (exclusive); end_us INT64_MIN: a slate's
	uint32_t duration;
	bool key;
	uint32_t bytes, config_bytes; // config: avcC of the parameter sets that came with it
	uint8_t data[];               // the unit, then the config
};
// -EBADMSG, -ENOMEM.
int hz_hls_au_video(const struct hz_hls_unit *unit, enum hz_hls_framing framing, struct hz_hls_au **ret);
int hz_hls_au_sound(const struct hz_hls_unit *unit, uint32_t ticks, struct hz_hls_au **ret);
int hz_hls_au_copy(const struct hz_hls_au *au, struct hz_hls_au **ret);
uint32_t hz_hls_opus_ticks(const uint8_t *data, size_t bytes); // 0: not Opus (RFC 6716 3.1)

struct hz_hls_list { // owns its units
	struct hz_hls_au *head, *tail;
	unsigned count;
	size_t bytes;
};
void hz_hls_list_add(struct hz_hls_list *list, struct hz_hls_au *au);
struct hz_hls_au *hz_hls_list_take(struct hz_hls_list *list); // NULL: empty
unsigned hz_hls_list_cut(struct hz_hls_list *list,
                         int64_t mark_us); // the first that ends later, and all behind it

struct hz_hls_part {
	int64_t ticks;
	int64_t end_us; // captured until
	bool gap, independent, on_disk;
};
struct hz_hls_seg {
	int64_t start, ticks; // of the file's clock
	int64_t end_us;       // captured until: INT64_MIN for a slate
	uint64_t bytes;
	uint32_t map; // 0: none yet
	bool gap, on_disk;
	unsigned parts, samples;
	struct hz_hls_part *part; // NULL when no longer kept
};
struct hz_hls_map {
	uint32_t id;
	uint32_t config_bytes;
	uint8_t config[HZ_HLS_CONFIG_BYTES];
};

struct hz_hls_track {
	unsigned index;
	bool video;
	uint32_t hz;
	char name[32], title[64], language[16];
	enum hz_hls_framing framing;
	enum hz_hls_sound codec;
	unsigned channels;
	uint8_t sound_config[16]; // AudioSpecificConfig
	size_t sound_config_bytes;

	struct hz_hls_list held, slate;
	const struct hz_hls_au *slate_at; // next to be shown
	int64_t slate_base, slate_period; // ticks
	bool refused;                     // a unit is missing in `held`: video waits for a keyframe

	bool anchored;  // offset is known
	int64_t offset; // ticks from pts to the file's clock

	// the segment that is being made
	struct hz_fmp4 *writer;
	struct hz_hls_map map[HZ_HLS_MAPS];
	unsigned maps;
	uint32_t map_id, next_map;
	bool waiting;              // video: for a keyframe
	struct hz_hls_au *pending; // its duration is not known yet
	struct hz_hls_list part;
	int64_t part_at, at; // ticks: begin of the part, end of what is in it
	uint32_t typical;    // ticks of a unit
	uint8_t *data;       // of the segment
	size_t bytes, room;
	struct hz_hls_seg *seg; // ring of HZ_HLS_SEGMENTS by sequence
	bool used;              // has had media
	bool dirty;             // its playlist has changed
	uint16_t width, height;
	char codecs[24];
	uint64_t peak_bps, sum_bits;
	int64_t sum_ticks;
	uint32_t frame_rate_milli;
};

struct hz_hls {
	struct hz_hls_open with;
	struct hz_hls_track track[HZ_HLS_TRACKS];
	unsigned tracks;
	size_t held_bytes;
	bool begun, ended, on_slate, cut, resuming;
	int64_t cut_us, resume_us;
	int64_t origin_us;  // wall clock of programme time 0
	int64_t now_us;     // of the newest tick; 0: none yet
	int64_t shown_us;   // wall clock: what was captured until here is out
	int64_t segment_at; // programme time: begin of the running segment
	int64_t first_us;   // mark of the first unit
	bool seen, shared;
	int64_t share_us; // from pts to programme time, as of the track that set the clock
	int64_t gop_us, last_key_us, last_break_us;
	uint64_t first_kept, first_listed, parts_from, current; // sequences
	uint64_t breaks_before;                                 // discontinuities before first_listed
	int64_t start_us[HZ_HLS_SEGMENTS];                      // ring: programme time
	bool broken[HZ_HLS_SEGMENTS];                           // ring: a discontinuity is before the segment
	char *master;                                           // as it was written
	int error;                                              // first of this tick
	struct hz_hls_stats stats;
};

static inline int64_t hz_hls_us(const struct hz_hls_track *t, int64_t ticks)
{
	return t->hz == 90000 ? ticks * 100 / 9 : ticks * 125 / 6;
}

static inline int64_t hz_hls_ticks(const struct hz_hls_track *t, int64_t us)
{
	return t->hz == 90000 ? (us * 9 + 50) / 100 : (us * 6 + 62) / 125;
}

static inline struct hz_hls_seg *hz_hls_seg(const struct hz_hls_track *t, uint64_t sequence)
{
	return &t->seg[sequence % HZ_HLS_SEGMENTS];
}

// plan.c: everything captured until `until_us` goes out.
void hz_hls_plan(struct hz_hls *h, int64_t until_us);
// segments.c: ends the running segment of all tracks and begins the next one; what leaves the window.
void hz_hls_boundary(struct hz_hls *h, int64_t at_us, bool discontinuity);
void hz_hls_expire(struct hz_hls *h);

// clock.c: the offset that puts a unit into its track's file. True: it is where the units before made us expect it.
bool hz_hls_locate(const struct hz_hls *h, const struct hz_hls_track *t, const struct hz_hls_au *au,
                   int64_t *ret_offset);
void hz_hls_anchor(struct hz_hls *h, struct hz_hls_track *t, const struct hz_hls_au *au, int64_t offset);

// slate.c
void hz_hls_slate_begin(struct hz_hls *h, int64_t at_us);
int64_t hz_hls_slate_time(const struct hz_hls_track *t); // of the next unit; INT64_MAX: none
int hz_hls_slate_next(struct hz_hls_track *t, struct hz_hls_au **ret);

// output.c: one track's segments. Takes the unit, whose times are the file's.
void hz_hls_output_add(struct hz_hls *h, struct hz_hls_track *t, struct hz_hls_au *au);
void hz_hls_output_close(struct hz_hls *h, struct hz_hls_track *t, int64_t at); // ends the segment
void hz_hls_output_open(struct hz_hls *h, struct hz_hls_track *t);              // the one of h->current
bool hz_hls_output_fresh(const struct hz_hls *h); // nothing of the running segment is published
// map.c: the parameters of what follows. -ENOBUFS: too many at a time; -EBADMSG; of the store.
int hz_hls_output_config(struct hz_hls *h, struct hz_hls_track *t, const uint8_t *config, size_t bytes);
// forget.c
void hz_hls_output_cut(struct hz_hls *h, struct hz_hls_track *t, int64_t mark_us);
void hz_hls_output_clear(struct hz_hls *h,
                         struct hz_hls_track *t); // the segment in the making, but for a slate
void hz_hls_output_forget(struct hz_hls *h, struct hz_hls_track *t, uint64_t sequence); // its files
void hz_hls_output_forget_parts(struct hz_hls *h, struct hz_hls_track *t, uint64_t sequence);

// playlist.c
void hz_hls_publish(struct hz_hls *h); // the playlists that changed
// master.c
void hz_hls_publish_master(struct hz_hls *h);

// text.c: a text that grows; the caller frees `text`.
struct hz_hls_text {
	char *text;
	size_t bytes, room;
	bool bad; // no memory
};
void hz_hls_say(struct hz_hls_text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

void hz_hls_failed(struct hz_hls *h, int err); // notes an error of the store

#endif
