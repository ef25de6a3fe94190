#include "media/router/check.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static bool id_ok(hz_id id, uint32_t bound)
{
	return (id >> 16) != 0 && HZ_ID_SLOT(id) < bound;
}

static bool text_ok(const char *text, size_t bytes, size_t least)
{
	size_t n = strnlen(text, bytes);
	return n < bytes && n >= least;
}

static bool pts_ok(const struct hz_pt *pt, uint8_t count)
{
	if (count == 0 || count > HZ_MAX_CODECS)
		return false;
	for (unsigned i = 0; i < count; i++) {
		if (pt[i].pt == 0 || pt[i].pt > 127 || pt[i].rtx_pt > 127 || pt[i].rtx_pt == pt[i].pt)
			return false;
		if (pt[i].codec == HZ_CODEC_NONE || pt[i].codec >= HZ_CODEC_COUNT)
			return false;
		// 64..95 as a payload type would be taken for RTCP (RFC 5761 section 4)
		if ((pt[i].pt >= 64 && pt[i].pt <= 95) || (pt[i].rtx_pt >= 64 && pt[i].rtx_pt <= 95))
			return false;
	}
	return true;
}

static bool kind_ok(uint8_t kind)
{
	return kind == HZ_KIND_AUDIO || kind == HZ_KIND_VIDEO;
}

// Video in RED, and its FEC, only come in.
static bool codecs_fit(uint8_t kind, const struct hz_pt *pt, uint8_t count, bool incoming)
{
	for (unsigned i = 0; i < count; i++) {
		bool red = pt[i].codec == HZ_CODEC_RED;
		bool audio = pt[i].codec == HZ_CODEC_OPUS || red;
		if (kind == HZ_KIND_AUDIO ? !audio : audio && !(red && incoming))
			return false;
		if (pt[i].codec == HZ_CODEC_ULPFEC && !incoming)
			return false;
	}
	return true;
}

static bool ext_ok(const struct hz_ext_ids *ext)
{
	const uint8_t id[] = {
	    ext->mid,  ext->rid,         ext->rrid,          ext->audio_level, ext->abs_send_time,
	    ext->twcc, ext->orientation, ext->playout_delay, ext->dependency,  ext->abs_capture_time};
	for (unsigned i = 0; i < sizeof(id); i++) {
		if (id[i] == 15) // RFC 8285 section 4.2: reserved
			return false;
		for (unsigned j = 0; j < i; j++)
			if (id[i] && id[i] == id[j])
				return false;
	}
	return true;
}

// Nothing from outside may ever reach it: it has no credentials.
static int check_relay(const struct hz_cmd_peer_set *set)
{
	bool bare =
	    !set->local_ufrag[0] && !set->local_pwd[0] && !set->remote_ufrag[0] && !set->remote_pwd[0];
	bool pipe = set->relay >= HZ_RELAY_PIPES && set->relay - HZ_RELAY_PIPES < HZ_MAX_PIPES;
	return bare && (set->relay < HZ_MAX_RELAYS || pipe) ? 0 : -EINVAL;
}

int hz_check_peer_set(const struct hz_cmd_peer_set *set)
{
	if (!id_ok(set->peer, HZ_MAX_PEERS))
		return -EINVAL;
	if ((set->flags & HZ_PEER_RELAY) && (set->flags & HZ_PEER_AGENT))
		return -EINVAL;
	if (set->flags & HZ_PEER_RELAY)
		return check_relay(set);
	// RFC 8445 section 5.3: at least 4 and 22 characters
	if (!text_ok(set->local_ufrag, HZ_UFRAG_BYTES, 4) || !text_ok(set->local_pwd, HZ_PWD_BYTES, 22))
		return -EINVAL;
	if (!text_ok(set->remote_ufrag, HZ_UFRAG_BYTES, 0) || !text_ok(set->remote_pwd, HZ_PWD_BYTES, 0))
		return -EINVAL;
	return 0;
}

int hz_check_track_set(const struct hz_cmd_track_set *set)
{
	if (!id_ok(set->track, HZ_MAX_TRACKS) || !id_ok(set->peer, HZ_MAX_PEERS) || !kind_ok(set->kind))
		return -EINVAL;
	if (set->layer_count == 0 || set->layer_count > HZ_MAX_LAYERS)
		return -EINVAL;
	if (!text_ok(set->mid, HZ_MID_BYTES, 0) || !pts_ok(set->pt, set->pt_count) ||
	    !codecs_fit(set->kind, set->pt, set->pt_count, true) || !ext_ok(&set->ext))
		return -EINVAL;
	for (unsigned i = 0; i < HZ_MAX_LAYERS; i++)
		if (!text_ok(set->rid[i], HZ_RID_BYTES, 0))
			return -EINVAL;
	for (unsigned i = 0; i < 2u * set->layer_count; i++) {
		uint32_t a = i < set->layer_count ? set->ssrc[i] : set->rtx_ssrc[i - set->layer_count];
		for (unsigned j = 0; a && j < i; j++)
			if (a == (j < set->layer_count ? set->ssrc[j] : set->rtx_ssrc[j - set->layer_count]))
				return -EINVAL;
	}
	return 0;
}

int hz_check_sub_set(const struct hz_cmd_sub_set *set)
{
	if (!id_ok(set->sub, HZ_MAX_SUBS) || !id_ok(set->peer, HZ_MAX_PEERS) || !kind_ok(set->kind))
		return -EINVAL;
	if (set->track && !id_ok(set->track, HZ_MAX_TRACKS))
		return -EINVAL;
	if (set->max_layer >= HZ_MAX_LAYERS || set->ssrc == 0 || set->rtx_ssrc == set->ssrc)
		return -EINVAL;
	if (!text_ok(set->mid, HZ_MID_BYTES, 0) || !pts_ok(set->pt, set->pt_count) ||
	    !codecs_fit(set->kind, set->pt, set->pt_count, false) || !ext_ok(&set->ext))
		return -EINVAL;
	return 0;
}

static size_t command_bytes(uint16_t type)
{
	switch (type) {
	case HZ_CMD_RECONCILE_BEGIN:
	case HZ_CMD_RECONCILE_END:
		return sizeof(struct hz_cmd_reconcile);
	case HZ_CMD_PEER_SET:
		return sizeof(struct hz_cmd_peer_set);
	case HZ_CMD_PEER_DEL:
		return sizeof(struct hz_cmd_peer_del);
	case HZ_CMD_TRACK_SET:
		return sizeof(struct hz_cmd_track_set);
	case HZ_CMD_TRACK_DEL:
		return sizeof(struct hz_cmd_track_del);
	case HZ_CMD_SUB_SET:
		return sizeof(struct hz_cmd_sub_set);
	case HZ_CMD_SUB_DEL:
		return sizeof(struct hz_cmd_sub_del);
	case HZ_CMD_KEYFRAME:
		return sizeof(struct hz_cmd_keyframe);
	case HZ_CMD_PEER_SHARE:
		return sizeof(struct hz_cmd_peer_share);
	default:
		return 0;
	}
}

int hz_check_command(const union hz_msg *msg, size_t bytes)
{
	if (bytes < sizeof(msg->h))
		return -EINVAL;
	if (msg->h.version != HZ_API_VERSION)
		return -EPROTO;
	size_t want = command_bytes(msg->h.type);
	return want && bytes == want && msg->h.bytes == want ? 0 : -EINVAL;
}
