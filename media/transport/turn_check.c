#include "media/transport/turn_check.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <stun/stunagent.h>
#include <stun/usages/turn.h>

#include "gateway/base/secret.h"

#define TEXT_BYTES   256
#define LIFETIME_S   60
#define UNAUTHORISED 401
#define STALE_NONCE  438
#define COMPAT       STUN_USAGE_TURN_COMPATIBILITY_RFC5766

struct hz_turn_check {
	StunAgent agent;
	uint8_t username[TEXT_BYTES], password[TEXT_BYTES];
	size_t username_bytes, password_bytes;
	bool challenged, made;
	uint8_t answer[HZ_TURN_CHECK_BYTES]; // `previous` points into it
	StunMessage previous;
};

int hz_turn_check_new(const char *username, const char *password, struct hz_turn_check **ret)
{
	size_t u = strlen(username), p = strlen(password);
	if (u >= TEXT_BYTES || p >= TEXT_BYTES)
		return -EINVAL;
	struct hz_turn_check *check = calloc(1, sizeof(*check));
	if (!check)
		return -ENOMEM;
	memcpy(check->username, username, u + 1);
	memcpy(check->password, password, p + 1);
	check->username_bytes = u;
	check->password_bytes = p;
	stun_agent_init(&check->agent, STUN_ALL_KNOWN_ATTRIBUTES, STUN_COMPATIBILITY_RFC5389,
	                STUN_AGENT_USAGE_LONG_TERM_CREDENTIALS);
	*ret = check;
	return 0;
}

void hz_turn_check_free(struct hz_turn_check *check)
{
	if (!check)
		return;
	hz_wipe(check, sizeof(*check));
	free(check);
}

int hz_turn_check_request(struct hz_turn_check *check, uint8_t *buf, size_t *ret_bytes)
{
	StunMessage message;
	StunMessage *previous = check->challenged ? &check->previous : NULL;
	size_t bytes;
	// The answer to an allocation carries no nonce: the one before is used on.
	if (check->made)
		bytes = stun_usage_turn_create_refresh(&check->agent, &message, buf, HZ_TURN_CHECK_BYTES,
		                                       previous, 0, check->username, check->username_bytes,
		                                       check->password, check->password_bytes, COMPAT);
	else
		bytes = stun_usage_turn_create(&check->agent, &message, buf, HZ_TURN_CHECK_BYTES, previous,
		                               STUN_USAGE_TURN_REQUEST_PORT_NORMAL, -1, LIFETIME_S,
		                               check->username, check->challenged ? check->username_bytes : 0,
		                               check->password, check->challenged ? check->password_bytes : 0,
		                               COMPAT);
	if (!bytes)
		return -EINVAL;
	*ret_bytes = bytes;
	return 0;
}

static int on_error(struct hz_turn_check *check, const StunMessage *message, size_t bytes, int *ret_code)
{
	int code = 0;
	if (stun_message_find_error(message, &code) != STUN_MESSAGE_RETURN_SUCCESS)
		return -EBADMSG;
	*ret_code = code;
	bool again = (code == UNAUTHORISED && !check->challenged) || code == STALE_NONCE;
	if (!again)
		return code == UNAUTHORISED ? -EACCES : -EPROTO;
	memcpy(check->answer, message->buffer, bytes);
	check->previous = *message;
	check->previous.buffer = check->answer;
	check->challenged = true;
	return 0;
}

int hz_turn_check_answer(struct hz_turn_check *check, const uint8_t *data, size_t bytes, int *ret_code)
{
	StunMessage message;
	if (bytes > HZ_TURN_CHECK_BYTES)
		return -EBADMSG;
	StunValidationStatus status = stun_agent_validate(&check->agent, &message, data, bytes, NULL, NULL);
	// A refusal need not be signed: the server does not know who we are.
	bool unsigned_error =
	    status == STUN_VALIDATION_UNAUTHORIZED || status == STUN_VALIDATION_UNAUTHORIZED_BAD_REQUEST;
	if (status != STUN_VALIDATION_SUCCESS && !unsigned_error)
		return -EBADMSG;
	StunClass class = stun_message_get_class(&message);
	if (class == STUN_ERROR)
		return on_error(check, &message, bytes, ret_code);
	if (class != STUN_RESPONSE || status != STUN_VALIDATION_SUCCESS || check->made)
		return -EBADMSG;
	check->made = true;
	return 1;
}
