#include <string.h>

#include "media/mix/rooms_state.h"
#include "media/rtp/packet.h"
#include "media/rtp/rtcp.h"

#define STALE_US 200000 // of voices that waited for us: they would be played late

void hz_rooms_rtp(struct hz_rooms *rooms, const struct hz_rooms_rtp *packet, int64_t now_us)
{
	struct hz_rtp_packet p;
	const struct hz_mix_room *room = hz_map_get_u64(rooms->rooms, packet->consult);
	rooms->count.packets_in++;
	if (hz_rtp_parse(packet->data, packet->bytes, &p)) {
		rooms->count.refused++;
		return;
	}
	const struct hz_mix_person *m =
	    room ? hz_map_get_u64(room->voices, hz_rooms_voice_key(packet->worker, p.ssrc)) : NULL;
	if (!m) {
		rooms->count.unmatched++;
		return;
	}
	// written since the clock was read: now
	int64_t arrival_us = packet->arrival_us < now_us ? packet->arrival_us : now_us;
	struct hz_mixer_rtp rtp = {p.payload, p.payload_bytes, p.ts, arrival_us};
	if (p.pt != m->set.voice_pt || arrival_us < now_us - STALE_US ||
	    hz_mixer_push(room->mixer, m->handle, &rtp))
		rooms->count.refused++;
}

void hz_rooms_rtcp(struct hz_rooms *rooms, const struct hz_rooms_rtp *packet, int64_t now_us)
{
	const struct hz_mix_room *room = hz_map_get_u64(rooms->rooms, packet->consult);
	struct hz_rtcp_iter iter;
	struct hz_rtcp_packet p;
	struct hz_rtcp_report report;
	if (!room || hz_rtcp_check(packet->data, packet->bytes))
		return;
	hz_rtcp_iter_init(&iter, packet->data, packet->bytes);
	while (hz_rtcp_next(&iter, &p) == 1) {
		if (p.type != HZ_RTCP_SR || hz_rtcp_parse_report(&p, &report))
			continue;
		struct hz_mix_person *m =
		    hz_map_get_u64(room->voices, hz_rooms_voice_key(packet->worker, report.ssrc));
		int64_t arrival_us = packet->arrival_us < now_us ? packet->arrival_us : now_us;
		if (m && arrival_us >= now_us - STALE_US)
			hz_mix_said_report(&m->said, report.sender.ntp, report.sender.rtp_ts, arrival_us);
	}
}

static void emit(void *ctx, const struct hz_mixer_packet *packet)
{
	struct hz_mix_room *room = ctx;
	struct hz_rooms *r = room->of;
	uint8_t buf[HZ_RTP_FIXED_BYTES + HZ_MIXER_PAYLOAD_BYTES];
	struct hz_rtp_offsets offsets;
	if (packet->bytes > HZ_MIXER_PAYLOAD_BYTES)
		return;
	memcpy(buf + HZ_RTP_FIXED_BYTES, packet->payload, packet->bytes);
	room->rtp_ts = packet->rtp_ts;
	for (unsigned i = 0; i < packet->to_count; i++) {
		struct hz_mix_person *m = hz_map_get_u64(room->handles, packet->to[i].member);
		if (!m)
			continue;
		struct hz_rtp_header header = {.ts = packet->rtp_ts,
		                               .ssrc = m->set.mix_ssrc,
		                               .seq = packet->to[i].seq,
		                               .pt = m->set.mix_pt,
		                               .marker = packet->to[i].marker};
		if (hz_rtp_write_header(buf, HZ_RTP_FIXED_BYTES, &header, NULL, NULL, &offsets))
			continue;
		r->ops.send(r->ops.ctx, m->set.mix_worker, room->consult, false, buf,
		            HZ_RTP_FIXED_BYTES + packet->bytes);
		r->count.packets_out++;
		m->sent[0]++;
		m->sent[1] += (uint32_t)packet->bytes;
	}
}

// tick_us: of the newest packets, wall_us then.
static void report(struct hz_mix_room *room, int64_t tick_us, int64_t wall_us)
{
	const struct hz_rooms_ops *ops = &room->of->ops;
	uint8_t buf[HZ_MIX_REPORT_BYTES];
	struct hz_mix_person *m;
	uint32_t at = 0, ts;
	while ((m = hz_map_next(room->handles, &at)))
		if (hz_mixer_get_heard(room->mixer, m->handle, &ts) == 0)
			hz_mix_age_add(&room->age, &m->said, ts, tick_us);
	if (!hz_mix_age_settle(&room->age))
		return;
	for (at = 0; (m = hz_map_next(room->handles, &at));) {
		if (!m->set.mix_ssrc || !m->sent[0])
			continue;
		size_t bytes =
		    hz_mix_age_write(&room->age, m->set.mix_ssrc, room->rtp_ts, wall_us, m->sent, buf);
		ops->send(ops->ctx, m->set.mix_worker, room->consult, true, buf, bytes);
	}
}

int64_t hz_rooms_tick(struct hz_rooms *rooms, int64_t now_us, int64_t wall_us)
{
	int64_t next_us = INT64_MAX;
	uint32_t at = 0;
	struct hz_mix_room *room;
	while ((room = hz_map_next(rooms->rooms, &at))) {
		if (room->due_us <= now_us)
			room->due_us = hz_mixer_tick(room->mixer, now_us, emit, room);
		if (room->report_us <= now_us) {
			int64_t tick_us = room->due_us - HZ_MIXER_FRAME_US;
			report(room, tick_us, wall_us - (now_us - tick_us));
			room->report_us = now_us + HZ_MIX_REPORT_US;
		}
		if (room->due_us < next_us)
			next_us = room->due_us;
	}
	return next_us;
}

void hz_rooms_status(const struct hz_rooms *rooms, struct hz_mix_status *ret)
{
	struct hz_mix_status s = rooms->count;
	uint32_t at = 0;
	const struct hz_mix_room *room;
	s.h = ret->h;
	s.rooms = hz_map_count(rooms->rooms);
	s.members = hz_map_count(rooms->members);
	s.encodes = rooms->encodes;
	s.skipped = rooms->skipped;
	while ((room = hz_map_next(rooms->rooms, &at))) {
		struct hz_mixer_stats stats;
		hz_mixer_get_stats(room->mixer, &stats);
		s.speakers += stats.speakers;
		s.encodes += stats.encodes;
		s.skipped += stats.skipped_ticks;
	}
	*ret = s;
}
