// Opus in RED (RFC 2198): receivers that took RED get it as it came, others the newest frame alone; what the
// publisher's link lost is taken out of the redundancy for all of them.
#include <string.h>

#include "media/router/state.h"
#include "media/rtp/red.h"

bool hz_audio_open(struct hz_rt_in *in)
{
	struct hz_red red;
	in->primary = NULL;
	if (in->codec != HZ_CODEC_RED || !in->packet.payload_bytes)
		return true;
	if (hz_red_parse(in->packet.payload, in->packet.payload_bytes, &red))
		return false;
	in->primary = red.primary.data;
	in->primary_bytes = red.primary.bytes;
	return true;
}

size_t hz_audio_missed(const struct hz_rt_in *in, unsigned back, uint8_t *buf, size_t room)
{
	struct hz_red red;
	struct hz_rtp_offsets at;
	if (hz_red_parse(in->packet.payload, in->packet.payload_bytes, &red) || back > red.count)
		return 0;
	// Blocks carry no sequence numbers: senders put in their last packets, one block each.
	const struct hz_red_block *block = &red.block[red.count - back];
	struct hz_rtp_header header = {.ts = in->packet.ts - block->ts_offset,
	                               .ssrc = in->packet.ssrc,
	                               .seq = (uint16_t)(in->packet.seq - back),
	                               .pt = block->pt};
	if (!block->bytes || !block->ts_offset || block->pt > 127 ||
	    hz_rtp_write_header(buf, room, &header, NULL, NULL, &at) || room - at.header_bytes < block->bytes)
		return 0;
	memcpy(buf + at.header_bytes, block->data, block->bytes);
	return at.header_bytes + block->bytes;
}
