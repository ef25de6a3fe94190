#include "media/hls/unpack.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "media/rtp/packet.h"

#define MASK         (HZ_UNPACK_PACKETS - 1)
#define PACKET_BYTES 1600u

enum { NAL_IDR = 5, NAL_SPS = 7, NAL_PPS = 8, NAL_STAP_A = 24, NAL_FU_A = 28 };

struct slot {
	bool used;
	uint16_t seq;
	uint16_t bytes;
	int64_t arrival_us;
	uint8_t data[PACKET_BYTES];
};

struct set {
	size_t bytes;
	uint8_t data[HZ_UNPACK_SET_BYTES];
};

struct hz_unpack {
	struct hz_unpack_ops ops;
	struct slot *slot; // ring by sequence number
	bool begun;
	uint16_t next;    // the next packet that is to be looked at
	unsigned waiting; // in slot

	// the unit in the making
	uint8_t *unit;
	size_t bytes;
	uint32_t ts;
	int64_t arrival_us;
	bool open, key, bad, fragment, has_sps, has_pps;
	bool wait_key;
	struct set sps, pps;
	uint64_t broken;
};

int hz_unpack_new(const struct hz_unpack_ops *ops, struct hz_unpack **ret)
{
	struct hz_unpack *u = calloc(1, sizeof(*u));
	if (!u)
		return -ENOMEM;
	u->ops = *ops;
	u->wait_key = true;
	u->slot = calloc(HZ_UNPACK_PACKETS, sizeof(*u->slot));
	u->unit = malloc(HZ_UNPACK_UNIT_BYTES);
	if (!u->slot || !u->unit) {
		hz_unpack_free(u);
		return -ENOMEM;
	}
	*ret = u;
	return 0;
}

void hz_unpack_free(struct hz_unpack *u)
{
	if (!u)
		return;
	free(u->slot);
	free(u->unit);
	free(u);
}

static void unit_clear(struct hz_unpack *u)
{
	u->bytes = 0;
	u->open = u->key = u->bad = u->fragment = u->has_sps = u->has_pps = false;
}

void hz_unpack_reset(struct hz_unpack *u)
{
	for (unsigned i = 0; i < HZ_UNPACK_PACKETS; i++)
		u->slot[i].used = false;
	unit_clear(u);
	u->begun = false;
	u->waiting = 0;
	u->wait_key = true;
	u->sps.bytes = u->pps.bytes = 0;
}

bool hz_unpack_needs_key(const struct hz_unpack *u)
{
	return u->wait_key;
}

uint64_t hz_unpack_broken(const struct hz_unpack *u)
{
	return u->broken;
}

// --- units

static void append(struct hz_unpack *u, const uint8_t *data, size_t bytes)
{
	if (u->bytes + bytes > HZ_UNPACK_UNIT_BYTES) {
		u->bad = true;
		return;
	}
	memcpy(u->unit + u->bytes, data, bytes);
	u->bytes += bytes;
}

static void append_code(struct hz_unpack *u)
{
	static const uint8_t code[] = {0, 0, 0, 1};
	append(u, code, sizeof(code));
}

static void keep(struct set *set, const uint8_t *nal, size_t bytes)
{
	if (bytes > sizeof(set->data))
		return;
	memcpy(set->data, nal, bytes);
	set->bytes = bytes;
}

// The sets that the keyframe lacks go before its first slice.
static void complete_key(struct hz_unpack *u)
{
	if (!u->has_sps && u->sps.bytes) {
		append_code(u);
		append(u, u->sps.data, u->sps.bytes);
	}
	if (!u->has_pps && u->pps.bytes) {
		append_code(u);
		append(u, u->pps.data, u->pps.bytes);
	}
	u->has_sps = u->has_pps = true;
}

// A NAL unit begins with this type.
static void begin_nal(struct hz_unpack *u, uint8_t type)
{
	if (type == NAL_IDR) {
		u->key = true;
		complete_key(u);
	}
	append_code(u);
}

static void add_nal(struct hz_unpack *u, const uint8_t *nal, size_t bytes)
{
	uint8_t type = nal[0] & 31;
	if (type == 0 || type >= NAL_STAP_A || nal[0] & 0x80) {
		u->bad = true;
		return;
	}
	if (type == NAL_SPS) {
		keep(&u->sps, nal, bytes);
		u->has_sps = true;
	} else if (type == NAL_PPS) {
		keep(&u->pps, nal, bytes);
		u->has_pps = true;
	}
	begin_nal(u, type);
	append(u, nal, bytes);
}

static void add_stap(struct hz_unpack *u, const uint8_t *p, size_t bytes)
{
	while (bytes >= 3) {
		size_t length = (size_t)p[0] << 8 | p[1];
		if (length == 0 || length > bytes - 2)
			break;
		add_nal(u, p + 2, length);
		p += 2 + length;
		bytes -= 2 + length;
	}
	u->bad |= bytes != 0;
}

static void add_fragment(struct hz_unpack *u, const uint8_t *p, size_t bytes)
{
	if (bytes < 3) {
		u->bad = true;
		return;
	}
	bool start = p[1] & 0x80, end = p[1] & 0x40;
	uint8_t header = (uint8_t)((p[0] & 0xe0) | (p[1] & 31));
	if (start == u->fragment || (start && end)) {
		u->bad = true;
		return;
	}
	if (start) {
		begin_nal(u, header & 31);
		append(u, &header, 1);
	}
	append(u, p + 2, bytes - 2);
	u->fragment = !end;
}

static void close_unit(struct hz_unpack *u)
{
	if (!u->open)
		return;
	bool whole = !u->bad && !u->fragment && u->bytes > 0;
	if (whole && (u->key || !u->wait_key)) {
		const struct hz_unpack_unit unit = {.data = u->unit,
		                                    .bytes = u->bytes,
		                                    .rtp_ts = u->ts,
		                                    .arrival_us = u->arrival_us,
		                                    .key = u->key};
		u->wait_key = false;
		u->ops.unit(u->ops.ctx, &unit);
	} else if (!whole && u->bytes > 0) {
		u->broken++;
		u->wait_key = true;
	}
	unit_clear(u);
}

static void take(struct hz_unpack *u, const struct slot *s)
{
	struct hz_rtp_packet p;
	if (hz_rtp_parse(s->data, s->bytes, &p) || p.payload_bytes == 0)
		return; // padding: probes
	if (u->open && p.ts != u->ts)
		close_unit(u);
	if (!u->open) {
		u->open = true;
		u->ts = p.ts;
		u->arrival_us = s->arrival_us;
	}
	if (s->arrival_us < u->arrival_us)
		u->arrival_us = s->arrival_us;
	uint8_t type = p.payload[0] & 31;
	if (type == NAL_FU_A)
		add_fragment(u, p.payload, p.payload_bytes);
	else if (u->fragment)
		u->bad = true; // another unit in the middle of one
	else if (type == NAL_STAP_A)
		add_stap(u, p.payload + 1, p.payload_bytes - 1);
	else
		add_nal(u, p.payload, p.payload_bytes);
	if (p.marker)
		close_unit(u);
}

// --- order

static void drain(struct hz_unpack *u)
{
	for (struct slot *s = &u->slot[u->next & MASK]; s->used && s->seq == u->next;
	     s = &u->slot[u->next & MASK]) {
		s->used = false;
		u->waiting--;
		u->next++;
		take(u, s);
	}
}

// What did not come is given up; goes on with the first that is there.
static void give_up(struct hz_unpack *u)
{
	if (u->open) {
		u->bad = true;
		close_unit(u);
	} else if (!u->wait_key) {
		u->broken++;
	}
	u->wait_key = true;
	while (u->waiting && !(u->slot[u->next & MASK].used && u->slot[u->next & MASK].seq == u->next))
		u->next++;
	drain(u);
}

int hz_unpack_push(struct hz_unpack *u, const uint8_t *packet, size_t bytes, int64_t arrival_us)
{
	struct hz_rtp_packet p;
	if (hz_rtp_parse(packet, bytes, &p))
		return -EBADMSG;
	if (bytes > PACKET_BYTES)
		return -EMSGSIZE;
	int16_t ahead = (int16_t)(uint16_t)(p.seq - u->next);
	if (!u->begun || ahead >= (int)HZ_UNPACK_PACKETS || ahead <= -(int)HZ_UNPACK_PACKETS) {
		if (u->begun) { // far off: it begins anew, and what waits is of before
			for (unsigned i = 0; i < HZ_UNPACK_PACKETS; i++)
				u->slot[i].used = false;
			u->waiting = 0;
			give_up(u);
		}
		u->begun = true;
		u->next = p.seq;
		ahead = 0;
	}
	struct slot *s = &u->slot[p.seq & MASK];
	if (ahead < 0 || s->used)
		return 0; // too late, or twice
	s->used = true;
	s->seq = p.seq;
	s->bytes = (uint16_t)bytes;
	s->arrival_us = arrival_us;
	memcpy(s->data, packet, bytes);
	u->waiting++;
	drain(u);
	return 0;
}

void hz_unpack_tick(struct hz_unpack *u, int64_t now_us)
{
	for (unsigned k = 0; u->waiting && k < HZ_UNPACK_PACKETS; k++) {
		int64_t oldest_us = INT64_MAX;
		for (unsigned i = 0; i < HZ_UNPACK_PACKETS; i++) {
			if (u->slot[i].used && u->slot[i].arrival_us < oldest_us)
				oldest_us = u->slot[i].arrival_us;
		}
		if (now_us - oldest_us < HZ_UNPACK_WAIT_US)
			return;
		give_up(u);
	}
}
