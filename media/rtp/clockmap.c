#include "media/rtp/clockmap.h"

#include <errno.h>
#include <string.h>

#include "media/rtp/rtcp.h"
#include "media/rtp/seq.h"

#define WINDOW_US 30000000
#define STEP_US   5000000 // more than this is a clock that was set, not the network

void hz_clock_peer_init(struct hz_clock_peer *peer)
{
	memset(peer, 0, sizeof(*peer));
}

void hz_clockmap_init(struct hz_clockmap *map, uint32_t clock_hz)
{
	memset(map, 0, sizeof(*map));
	map->clock_hz = clock_hz ? clock_hz : 90000;
}

static void peer_on_sample(struct hz_clock_peer *peer, int64_t sample_us, int64_t now_us)
{
	int64_t step = sample_us - peer->offset_us;
	if (!peer->valid || step > STEP_US || step < -STEP_US) {
		peer->epoch++;
		peer->valid = 1;
		peer->window_start_us = now_us;
		peer->window_min_us = sample_us;
		peer->previous_min_us = INT64_MAX;
	} else if (now_us - peer->window_start_us > WINDOW_US) {
		peer->window_start_us = now_us;
		peer->previous_min_us = peer->window_min_us;
		peer->window_min_us = sample_us;
	} else if (sample_us < peer->window_min_us) {
		peer->window_min_us = sample_us;
	}
	peer->offset_us =
	    peer->window_min_us < peer->previous_min_us ? peer->window_min_us : peer->previous_min_us;
}

// Can the map's reference be placed on the gateway's clock?
static bool is_usable(const struct hz_clockmap *map, const struct hz_clock_peer *peer)
{
	if (!map->valid)
		return false;
	return !map->from_sr || (peer->valid && map->epoch == peer->epoch);
}

void hz_clockmap_on_sr(struct hz_clockmap *map, struct hz_clock_peer *peer, uint64_t ntp, uint32_t rtp_ts,
                       int64_t now_us)
{
	if (ntp == 0)
		return;
	int64_t ntp_us = hz_ntp_to_us(ntp);
	peer_on_sample(peer, now_us - ntp_us, now_us);
	if (map->from_sr && map->epoch == peer->epoch && ntp_us < map->ref_us)
		return; // a report overtaken on the way
	map->ref_us = ntp_us;
	map->ref_ts = rtp_ts;
	map->from_sr = 1;
	map->valid = 1;
	map->epoch = peer->epoch;
}

static int64_t ts_to_us(const struct hz_clockmap *map, uint32_t rtp_ts)
{
	return (int64_t)hz_ts_diff(rtp_ts, map->ref_ts) * 1000000 / map->clock_hz;
}

void hz_clockmap_on_packet(struct hz_clockmap *map, uint32_t rtp_ts, int64_t now_us)
{
	if (map->from_sr)
		return;
	int64_t late_us = map->valid ? now_us - map->ref_us - ts_to_us(map, rtp_ts) : 0;
	// The earliest packet has waited least; a jump is another source.
	if (map->valid && late_us >= 0 && late_us < STEP_US)
		return;
	map->ref_us = now_us;
	map->ref_ts = rtp_ts;
	map->valid = 1;
}

static int64_t offset_of(const struct hz_clockmap *map, const struct hz_clock_peer *peer)
{
	return map->from_sr ? peer->offset_us : 0;
}

int hz_clockmap_rtp_at(const struct hz_clockmap *map, const struct hz_clock_peer *peer, int64_t at_us,
                       uint32_t *ret_ts)
{
	if (!is_usable(map, peer))
		return -ENODATA;
	int64_t elapsed_us = at_us - offset_of(map, peer) - map->ref_us;
	// In two parts and unsigned: no elapsed time, however absurd, overflows.
	uint64_t ts = (uint64_t)(elapsed_us / 1000000) * map->clock_hz;
	ts += (uint64_t)(elapsed_us % 1000000 * (int64_t)map->clock_hz / 1000000);
	*ret_ts = map->ref_ts + (uint32_t)ts;
	return 0;
}

int hz_clockmap_us_at(const struct hz_clockmap *map, const struct hz_clock_peer *peer, uint32_t rtp_ts,
                      int64_t *ret_us)
{
	if (!is_usable(map, peer))
		return -ENODATA;
	*ret_us = map->ref_us + offset_of(map, peer) + ts_to_us(map, rtp_ts);
	return 0;
}
