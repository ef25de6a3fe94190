// Does a TURN server (RFC 8656) let us in? The messages of one allocation, made and ended again, over libnice's stun
// library; whoever calls does the I/O. Thread: one per object.
#ifndef HZ_MEDIA_TRANSPORT_TURN_CHECK_H
#define HZ_MEDIA_TRANSPORT_TURN_CHECK_H

#include <stddef.h>
#include <stdint.h>

#define HZ_TURN_CHECK_BYTES 1280

struct hz_turn_check;

// username, password: copied, wiped by free. 0; -ENOMEM; -EINVAL too long.
int hz_turn_check_new(const char *username, const char *password, struct hz_turn_check **ret);
void hz_turn_check_free(struct hz_turn_check *check); // NULL allowed

// The next message to send (HZ_TURN_CHECK_BYTES of room). 0; -EINVAL nothing is to be sent now.
int hz_turn_check_request(struct hz_turn_check *check, uint8_t *buf, size_t *ret_bytes);

// What came. 1: an allocation was made (send the next message, which ends it, and be done); 0: send the next message;
// -EACCES the credentials are refused; -EPROTO another error, *ret_code tells; -EBADMSG not an answer: wait for another.
int hz_turn_check_answer(struct hz_turn_check *check, const uint8_t *data, size_t bytes, int *ret_code);

#endif
