// The other half of stun.h: checks we send (test peer, load generator) and the responses to them.
#include "media/transport/stun.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <stun/stunagent.h>

#define MIN_CAP      256 // the longest check: USERNAME of 65, everything else fixed
#define APPEND_SLACK 64  // as in stun.c

static const uint16_t known_attributes[] = {STUN_ATTRIBUTE_MAPPED_ADDRESS,     STUN_ATTRIBUTE_USERNAME,
                                            STUN_ATTRIBUTE_MESSAGE_INTEGRITY,  STUN_ATTRIBUTE_ERROR_CODE,
                                            STUN_ATTRIBUTE_UNKNOWN_ATTRIBUTES, 0x001c,
                                            STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, 0};

static void agent_init(StunAgent *agent)
{
	stun_agent_init(agent, known_attributes, STUN_COMPATIBILITY_RFC5389,
	                STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS | STUN_AGENT_USAGE_USE_FINGERPRINT);
}

static bool usable(const char *text, size_t bound)
{
	return text && text[0] && strnlen(text, bound) < bound;
}

static bool append(StunMessage *message, const struct hz_stun_check *check)
{
	char username[2 * HZ_UFRAG_BYTES];
	snprintf(username, sizeof(username), "%s:%s", check->remote_ufrag, check->local_ufrag);
	int err = stun_message_append_string(message, STUN_ATTRIBUTE_USERNAME, username);
	err |= stun_message_append32(message, STUN_ATTRIBUTE_PRIORITY, check->priority);
	err |= stun_message_append64(message, STUN_ATTRIBUTE_ICE_CONTROLLING, check->tie_breaker);
	if (check->use_candidate)
		err |= stun_message_append_flag(message, STUN_ATTRIBUTE_USE_CANDIDATE);
	return err == 0;
}

int hz_stun_request(const struct hz_stun_check *check, uint8_t *buf, size_t cap, size_t *ret_bytes)
{
	StunAgent agent;
	StunMessage message;
	if (!usable(check->remote_ufrag, HZ_UFRAG_BYTES) || !usable(check->local_ufrag, HZ_UFRAG_BYTES) ||
	    !usable(check->remote_pwd, HZ_PWD_BYTES))
		return -EINVAL;
	if (cap < MIN_CAP)
		return -ENOBUFS;
	agent_init(&agent);
	if (!stun_agent_init_request(&agent, &message, buf, cap - APPEND_SLACK, STUN_BINDING))
		return -ENOBUFS;
	memcpy(buf + 8, check->id, HZ_STUN_ID_BYTES);
	if (!append(&message, check))
		return -ENOBUFS;
	size_t bytes = stun_agent_finish_message(&agent, &message, (const uint8_t *)check->remote_pwd,
	                                         strlen(check->remote_pwd));
	if (bytes == 0)
		return -ENOBUFS;
	*ret_bytes = bytes;
	return 0;
}

// --- responses

static void map(const struct sockaddr_storage *from, struct sockaddr_in6 *to)
{
	memset(to, 0, sizeof(*to));
	if (from->ss_family == AF_INET6) {
		memcpy(to, from, sizeof(*to));
		return;
	}
	const struct sockaddr_in *in = (const struct sockaddr_in *)from;
	to->sin6_family = AF_INET6;
	to->sin6_port = in->sin_port;
	to->sin6_addr.s6_addr[10] = to->sin6_addr.s6_addr[11] = 0xff;
	memcpy(&to->sin6_addr.s6_addr[12], &in->sin_addr, 4);
}

static int read_response(const StunMessage *message, struct hz_stun_result *ret)
{
	struct sockaddr_storage address;
	socklen_t address_bytes = sizeof(address);
	int code;
	memset(ret, 0, sizeof(*ret));
	if (stun_message_get_class(message) == STUN_ERROR) {
		if (stun_message_find_error(message, &code) != STUN_MESSAGE_RETURN_SUCCESS)
			return -EBADMSG;
		ret->error = (uint16_t)code;
		return -EPROTO;
	}
	if (stun_message_find_xor_addr(message, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, &address,
	                               &address_bytes) != STUN_MESSAGE_RETURN_SUCCESS)
		return -EBADMSG;
	map(&address, &ret->mapped);
	return 0;
}

int hz_stun_response(const uint8_t *data, size_t bytes, const uint8_t id[HZ_STUN_ID_BYTES],
                     const char *remote_pwd, struct hz_stun_result *ret)
{
	StunAgent agent;
	StunMessage message;
	struct hz_stun_peek peek;
	if (hz_stun_peek(data, bytes, &peek) || peek.kind != HZ_STUN_RESPONSE)
		return -EBADMSG;
	if (memcmp(peek.id, id, HZ_STUN_ID_BYTES) != 0)
		return -ENOENT;
	agent_init(&agent);
	StunAgentSavedIds *sent = &agent.sent_ids[0]; // as if this agent had sent the request
	memset(sent, 0, sizeof(*sent));
	memcpy(sent->id, data + 4, sizeof(sent->id)); // cookie and id
	sent->method = STUN_BINDING;
	sent->key = (uint8_t *)remote_pwd;
	sent->key_len = strlen(remote_pwd);
	sent->valid = true;
	switch (stun_agent_validate(&agent, &message, data, bytes, NULL, NULL)) {
	case STUN_VALIDATION_SUCCESS:
		return read_response(&message, ret);
	case STUN_VALIDATION_UNAUTHORIZED:
	case STUN_VALIDATION_UNAUTHORIZED_BAD_REQUEST:
		return -EACCES;
	default:
		return -EBADMSG;
	}
}
