#include "media/transport/stun.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <stun/stunagent.h>
#include <stun/usages/ice.h>

#define HEADER_BYTES   20
#define MAX_ATTRIBUTES 32 // browsers send about 8; more is a flood of unknown ones to list in a 420
#define APPEND_SLACK   64 // libnice leaves the header out of its bounds check when it appends
#define MAX_UFRAG      (HZ_UFRAG_BYTES - 1)
#define MIN_UFRAG      4 // RFC 8445 section 5.3

// Comprehension-required attributes that are no reason for a 420. 0x001c: MESSAGE-INTEGRITY-SHA256, which a client
// may send beside MESSAGE-INTEGRITY (RFC 8489 section 9.1).
static const uint16_t known_attributes[] = {STUN_ATTRIBUTE_MAPPED_ADDRESS,     STUN_ATTRIBUTE_USERNAME,
                                            STUN_ATTRIBUTE_MESSAGE_INTEGRITY,  STUN_ATTRIBUTE_ERROR_CODE,
                                            STUN_ATTRIBUTE_UNKNOWN_ATTRIBUTES, 0x001c,
                                            STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, STUN_ATTRIBUTE_PRIORITY,
                                            STUN_ATTRIBUTE_USE_CANDIDATE,      0};

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)((at[0] << 8) | at[1]);
}

static void agent_init(StunAgent *agent)
{
	stun_agent_init(agent, known_attributes, STUN_COMPATIBILITY_RFC5389,
	                STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS | STUN_AGENT_USAGE_USE_FINGERPRINT);
}

// What libnice does not check: lengths of the attributes it reads with a fixed length, and how many there are.
struct scan {
	const uint8_t *username;
	size_t username_bytes;
	bool integrity, fingerprint;
};

static int scan_attribute(struct scan *scan, uint16_t type, const uint8_t *value, size_t bytes)
{
	if (scan->fingerprint)
		return -EBADMSG; // must be the last one
	switch (type) {
	case STUN_ATTRIBUTE_MESSAGE_INTEGRITY:
		if (bytes != 20)
			return -EBADMSG;
		scan->integrity = true;
		break;
	case STUN_ATTRIBUTE_FINGERPRINT:
		if (bytes != 4)
			return -EBADMSG;
		scan->fingerprint = true;
		break;
	case STUN_ATTRIBUTE_USERNAME:
		if (!scan->integrity && !scan->username) { // what follows MESSAGE-INTEGRITY is not protected
			scan->username = value;
			scan->username_bytes = bytes;
		}
		break;
	default:
		break;
	}
	return 0;
}

static int scan_message(const uint8_t *data, size_t bytes, struct scan *ret)
{
	static const uint8_t cookie[4] = {0x21, 0x12, 0xa4, 0x42};
	struct scan scan = {0};
	if (bytes < HEADER_BYTES || (bytes & 3) != 0 || get16(data + 2) != bytes - HEADER_BYTES ||
	    memcmp(data + 4, cookie, sizeof(cookie)) != 0 || (get16(data) & 0xfeef) != 0x0001)
		return -EBADMSG;
	size_t at = HEADER_BYTES;
	for (int count = 0; at < bytes; count++) {
		size_t length =
		    get16(data + at + 2); // bytes is a multiple of 4, so there are at least 4 left
		size_t padded = (length + 3) & ~(size_t)3;
		if (count == MAX_ATTRIBUTES || padded > bytes - at - 4)
			return -EBADMSG;
		int err = scan_attribute(&scan, get16(data + at), data + at + 4, length);
		if (err)
			return err;
		at += 4 + padded;
	}
	*ret = scan;
	return 0;
}

static bool is_ice_char(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' ||
	       c == '/';
}

static int copy_ufrag(const uint8_t *from, size_t bytes, char to[HZ_UFRAG_BYTES])
{
	if (bytes < MIN_UFRAG || bytes > MAX_UFRAG)
		return -EINVAL;
	for (size_t i = 0; i < bytes; i++)
		if (!is_ice_char(from[i]))
			return -EINVAL;
	memcpy(to, from, bytes);
	to[bytes] = '\0';
	return 0;
}

static int split_username(const struct scan *scan, struct hz_stun_peek *peek)
{
	if (!scan->username || !scan->integrity)
		return -EINVAL;
	const uint8_t *colon = memchr(scan->username, ':', scan->username_bytes);
	if (!colon)
		return -EINVAL;
	size_t local = (size_t)(colon - scan->username);
	int err = copy_ufrag(scan->username, local, peek->local_ufrag);
	if (err)
		return err;
	return copy_ufrag(colon + 1, scan->username_bytes - local - 1, peek->remote_ufrag);
}

int hz_stun_peek(const uint8_t *data, size_t bytes, struct hz_stun_peek *ret)
{
	struct hz_stun_peek peek = {0};
	struct scan scan;
	int err = scan_message(data, bytes, &scan);
	if (err)
		return err;
	memcpy(peek.id, data + 8, HZ_STUN_ID_BYTES);
	switch (get16(data)) {
	case 0x0001:
		peek.kind = HZ_STUN_REQUEST;
		err = split_username(&scan, &peek);
		break;
	case 0x0011:
		peek.kind = HZ_STUN_INDICATION;
		break;
	default: // 0x0101 and 0x0111: scan_message() let no other type pass
		peek.kind = HZ_STUN_RESPONSE;
		break;
	}
	if (err)
		return err;
	*ret = peek;
	return 0;
}

// --- answering

static socklen_t unmap(const struct sockaddr_in6 *from, struct sockaddr_storage *to)
{
	memset(to, 0, sizeof(*to));
	if (!IN6_IS_ADDR_V4MAPPED(&from->sin6_addr)) {
		memcpy(to, from, sizeof(*from));
		((struct sockaddr_in6 *)to)->sin6_family = AF_INET6;
		return sizeof(struct sockaddr_in6);
	}
	struct sockaddr_in *in = (struct sockaddr_in *)to;
	in->sin_family = AF_INET;
	in->sin_port = from->sin6_port;
	memcpy(&in->sin_addr, &from->sin6_addr.s6_addr[12], 4);
	return sizeof(*in);
}

static int finish(StunAgent *agent, StunMessage *message, const char *pwd, struct hz_stun_reply *reply)
{
	size_t bytes = stun_agent_finish_message(agent, message, (const uint8_t *)pwd, pwd ? strlen(pwd) : 0);
	if (bytes == 0 || bytes > sizeof(reply->data))
		return -EBADMSG;
	reply->bytes = (uint16_t)bytes;
	return 0;
}

// pwd NULL: unsigned. Returns err, or -EBADMSG when not even the error fits.
static int answer_error(StunAgent *agent, const StunMessage *request, int code, const char *pwd,
                        struct hz_stun_reply *reply)
{
	StunMessage message;
	if (code == STUN_ERROR_UNKNOWN_ATTRIBUTE) {
		size_t bytes = stun_agent_build_unknown_attributes_error(
		    agent, &message, reply->data, sizeof(reply->data) - APPEND_SLACK, request);
		reply->bytes = (uint16_t)bytes; // signed with the key of the request
	} else if (stun_agent_init_error(agent, &message, reply->data, sizeof(reply->data) - APPEND_SLACK,
	                                 request, (StunError)code)) {
		finish(agent, &message, pwd, reply);
	}
	if (reply->bytes == 0)
		return -EBADMSG;
	reply->error = (uint16_t)code;
	return pwd ? -EPROTO : -EACCES;
}

static int answer_success(StunAgent *agent, const StunMessage *request, const char *pwd,
                          const struct sockaddr_in6 *source, struct hz_stun_reply *reply)
{
	StunMessage message;
	struct sockaddr_storage address;
	socklen_t address_bytes = unmap(source, &address);
	if (!stun_agent_init_response(agent, &message, reply->data, sizeof(reply->data) - APPEND_SLACK,
	                              request) ||
	    stun_message_append_xor_addr(&message, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, &address,
	                                 address_bytes) != STUN_MESSAGE_RETURN_SUCCESS)
		return -EBADMSG;
	return finish(agent, &message, pwd, reply);
}

static int answer_valid(StunAgent *agent, const StunMessage *request, const char *pwd,
                        const struct sockaddr_in6 *source, struct hz_stun_reply *reply)
{
	uint64_t tie_breaker;
	uint32_t priority;
	if (stun_message_has_attribute(request, STUN_ATTRIBUTE_ICE_CONTROLLED))
		return answer_error(agent, request, STUN_ERROR_ROLE_CONFLICT, pwd, reply);
	if (stun_message_find32(request, STUN_ATTRIBUTE_PRIORITY, &priority) != STUN_MESSAGE_RETURN_SUCCESS)
		return answer_error(agent, request, STUN_ERROR_BAD_REQUEST, pwd, reply);
	int err = answer_success(agent, request, pwd, source, reply);
	if (err)
		return err;
	reply->priority = priority;
	reply->controlling = stun_message_find64(request, STUN_ATTRIBUTE_ICE_CONTROLLING, &tie_breaker) ==
	                     STUN_MESSAGE_RETURN_SUCCESS;
	reply->use_candidate =
	    stun_message_find_flag(request, STUN_ATTRIBUTE_USE_CANDIDATE) == STUN_MESSAGE_RETURN_SUCCESS;
	return 0;
}

int hz_stun_answer(const uint8_t *request, size_t bytes, const char *local_pwd,
                   const struct sockaddr_in6 *source, struct hz_stun_reply *ret)
{
	StunAgent agent;
	StunMessage message;
	struct scan scan;
	ret->use_candidate = ret->controlling = false;
	ret->priority = 0;
	ret->error = ret->bytes = 0;
	if (scan_message(request, bytes, &scan) || get16(request) != 0x0001 || !scan.fingerprint)
		return -EBADMSG;
	if (!local_pwd[0]) // libnice takes an empty key for "nothing to check"
		return -EACCES;
	StunDefaultValidaterData users[] = {
	    {(uint8_t *)scan.username, scan.username_bytes, (uint8_t *)local_pwd, strlen(local_pwd)}, {0}};
	agent_init(&agent);
	switch (stun_agent_validate(&agent, &message, request, bytes, stun_agent_default_validater, users)) {
	case STUN_VALIDATION_SUCCESS:
		return answer_valid(&agent, &message, local_pwd, source, ret);
	case STUN_VALIDATION_UNKNOWN_REQUEST_ATTRIBUTE:
		return answer_error(&agent, &message, STUN_ERROR_UNKNOWN_ATTRIBUTE, local_pwd, ret);
	case STUN_VALIDATION_UNAUTHORIZED:
		return answer_error(&agent, &message, STUN_ERROR_UNAUTHORIZED, NULL, ret);
	case STUN_VALIDATION_UNAUTHORIZED_BAD_REQUEST:
		return answer_error(&agent, &message, STUN_ERROR_BAD_REQUEST, NULL, ret);
	default:
		return -EBADMSG;
	}
}
