// STUN: the vectors of RFC 5769, requests and answers against each other, and everything a hostile peer may change.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "gateway/base/secret.h"
#include "media/transport/stun.h"

#define PASSWORD "VOkJxbRl1RmTxUk/WvJxBt"

static const uint8_t vector_id[HZ_STUN_ID_BYTES] = {0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34,
                                                    0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae};

// RFC 5769 section 2.1
static const uint8_t vector_request[] = {
    0x00, 0x01, 0x00, 0x58, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86,
    0xfa, 0x87, 0xdf, 0xae, 0x80, 0x22, 0x00, 0x10, 0x53, 0x54, 0x55, 0x4e, 0x20, 0x74, 0x65, 0x73,
    0x74, 0x20, 0x63, 0x6c, 0x69, 0x65, 0x6e, 0x74, 0x00, 0x24, 0x00, 0x04, 0x6e, 0x00, 0x01, 0xff,
    0x80, 0x29, 0x00, 0x08, 0x93, 0x2f, 0xf9, 0xb1, 0x51, 0x26, 0x3b, 0x36, 0x00, 0x06, 0x00, 0x09,
    0x65, 0x76, 0x74, 0x6a, 0x3a, 0x68, 0x36, 0x76, 0x59, 0x20, 0x20, 0x20, 0x00, 0x08, 0x00, 0x14,
    0x9a, 0xea, 0xa7, 0x0c, 0xbf, 0xd8, 0xcb, 0x56, 0x78, 0x1e, 0xf2, 0xb5, 0xb2, 0xd3, 0xf2, 0x49,
    0xc1, 0xb5, 0x71, 0xa2, 0x80, 0x28, 0x00, 0x04, 0xe5, 0x7a, 0x3b, 0xcf};

// RFC 5769 section 2.2
static const uint8_t vector_ipv4[] = {
    0x01, 0x01, 0x00, 0x3c, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86,
    0xfa, 0x87, 0xdf, 0xae, 0x80, 0x22, 0x00, 0x0b, 0x74, 0x65, 0x73, 0x74, 0x20, 0x76, 0x65, 0x63,
    0x74, 0x6f, 0x72, 0x20, 0x00, 0x20, 0x00, 0x08, 0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43,
    0x00, 0x08, 0x00, 0x14, 0x2b, 0x91, 0xf5, 0x99, 0xfd, 0x9e, 0x90, 0xc3, 0x8c, 0x74, 0x89, 0xf9,
    0x2a, 0xf9, 0xba, 0x53, 0xf0, 0x6b, 0xe7, 0xd7, 0x80, 0x28, 0x00, 0x04, 0xc0, 0x7d, 0x4c, 0x96};

// RFC 5769 section 2.3
static const uint8_t vector_ipv6[] = {
    0x01, 0x01, 0x00, 0x48, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86,
    0xfa, 0x87, 0xdf, 0xae, 0x80, 0x22, 0x00, 0x0b, 0x74, 0x65, 0x73, 0x74, 0x20, 0x76, 0x65, 0x63,
    0x74, 0x6f, 0x72, 0x20, 0x00, 0x20, 0x00, 0x14, 0x00, 0x02, 0xa1, 0x47, 0x01, 0x13, 0xa9, 0xfa,
    0xa5, 0xd3, 0xf1, 0x79, 0xbc, 0x25, 0xf4, 0xb5, 0xbe, 0xd2, 0xb9, 0xd9, 0x00, 0x08, 0x00, 0x14,
    0xa3, 0x82, 0x95, 0x4e, 0x4b, 0xe6, 0x7b, 0xf1, 0x17, 0x84, 0xc9, 0x7c, 0x82, 0x92, 0xc2, 0x75,
    0xbf, 0xe3, 0xed, 0x41, 0x80, 0x28, 0x00, 0x04, 0xc8, 0xfb, 0x0b, 0x4c};

static struct sockaddr_in6 address(const char *text, uint16_t port)
{
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	assert_int_equal(inet_pton(AF_INET6, text, &in6.sin6_addr), 1);
	return in6;
}

// --- a message builder that, unlike ours, can make every mistake

struct builder {
	uint8_t data[1500];
	size_t bytes;
};

static void start(struct builder *b, uint16_t type)
{
	static const uint8_t cookie[4] = {0x21, 0x12, 0xa4, 0x42};
	memset(b, 0, sizeof(*b));
	b->data[0] = (uint8_t)(type >> 8);
	b->data[1] = (uint8_t)type;
	memcpy(b->data + 4, cookie, 4);
	memcpy(b->data + 8, vector_id, sizeof(vector_id));
	b->bytes = 20;
}

static void set_length(struct builder *b, size_t extra)
{
	size_t length = b->bytes - 20 + extra;
	b->data[2] = (uint8_t)(length >> 8);
	b->data[3] = (uint8_t)length;
}

static void add(struct builder *b, uint16_t type, const void *value, size_t bytes)
{
	uint8_t *at = b->data + b->bytes;
	at[0] = (uint8_t)(type >> 8);
	at[1] = (uint8_t)type;
	at[2] = (uint8_t)(bytes >> 8);
	at[3] = (uint8_t)bytes;
	if (bytes)
		memcpy(at + 4, value, bytes);
	b->bytes += 4 + ((bytes + 3) & ~(size_t)3);
	set_length(b, 0);
}

static void add_integrity(struct builder *b, const char *pwd)
{
	uint8_t mac[20];
	unsigned n;
	set_length(b, 24);
	HMAC(EVP_sha1(), pwd, (int)strlen(pwd), b->data, b->bytes, mac, &n);
	add(b, 0x0008, mac, sizeof(mac));
}

static void add_fingerprint(struct builder *b)
{
	uint32_t crc = 0xffffffff;
	set_length(b, 8);
	for (size_t i = 0; i < b->bytes; i++) {
		crc ^= b->data[i];
		for (int k = 0; k < 8; k++)
			crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
	}
	crc = htonl(~crc ^ 0x5354554e);
	add(b, 0x8028, &crc, 4);
}

static void add_basics(struct builder *b, const char *username)
{
	add(b, 0x0006, username, strlen(username));
	add(b, 0x0024, "\x6e\x00\x01\xff", 4);
}

static void seal(struct builder *b, const char *pwd)
{
	add_integrity(b, pwd);
	add_fingerprint(b);
}

static int answer(const struct builder *b, struct hz_stun_reply *reply)
{
	struct sockaddr_in6 from = address("::ffff:192.0.2.1", 32853);
	uint8_t *exact = malloc(b->bytes); // so that ASan sees a read past the end
	memcpy(exact, b->data, b->bytes);
	int err = hz_stun_answer(exact, b->bytes, PASSWORD, &from, reply);
	free(exact);
	return err;
}

static int peek(const struct builder *b, struct hz_stun_peek *ret)
{
	uint8_t *exact = malloc(b->bytes);
	memcpy(exact, b->data, b->bytes);
	int err = hz_stun_peek(exact, b->bytes, ret);
	free(exact);
	return err;
}

// --- vectors

static void test_vector_request(void **state)
{
	struct hz_stun_peek seen;
	struct hz_stun_reply reply;
	struct hz_stun_result result;
	struct sockaddr_in6 from = address("2001:db8::1", 5000);
	assert_int_equal(hz_stun_peek(vector_request, sizeof(vector_request), &seen), 0);
	assert_int_equal(seen.kind, HZ_STUN_REQUEST);
	assert_string_equal(seen.local_ufrag, "evtj");
	assert_string_equal(seen.remote_ufrag, "h6vY");
	assert_memory_equal(seen.id, vector_id, sizeof(vector_id));
	// It says ICE-CONTROLLED: authentic, and answered with a signed role conflict.
	assert_int_equal(hz_stun_answer(vector_request, sizeof(vector_request), PASSWORD, &from, &reply),
	                 -EPROTO);
	assert_int_equal(reply.error, 487);
	assert_int_equal(hz_stun_response(reply.data, reply.bytes, vector_id, PASSWORD, &result), -EPROTO);
	assert_int_equal(result.error, 487);
	assert_int_equal(hz_stun_response(reply.data, reply.bytes, vector_id, "wrong", &result), -EACCES);
	assert_int_equal(hz_stun_answer(vector_request, sizeof(vector_request), "wrong", &from, &reply),
	                 -EACCES);
	assert_int_equal(reply.error, 401);
}

static void test_vector_responses(void **state)
{
	struct hz_stun_result result;
	struct sockaddr_in6 v4 = address("::ffff:192.0.2.1", 32853);
	struct sockaddr_in6 v6 = address("2001:db8:1234:5678:11:2233:4455:6677", 32853);
	assert_int_equal(hz_stun_response(vector_ipv4, sizeof(vector_ipv4), vector_id, PASSWORD, &result), 0);
	assert_memory_equal(&result.mapped.sin6_addr, &v4.sin6_addr, 16);
	assert_int_equal(result.mapped.sin6_port, v4.sin6_port);
	assert_int_equal(hz_stun_response(vector_ipv6, sizeof(vector_ipv6), vector_id, PASSWORD, &result), 0);
	assert_memory_equal(&result.mapped.sin6_addr, &v6.sin6_addr, 16);
	assert_int_equal(result.mapped.sin6_port, v6.sin6_port);
}

// Each single bit of each vector, flipped: never accepted, never a crash.
static void test_vectors_with_one_bit_wrong(void **state)
{
	struct hz_stun_result result;
	struct hz_stun_reply reply;
	struct sockaddr_in6 from = address("2001:db8::1", 5000);
	uint8_t copy[sizeof(vector_request)];
	for (size_t bit = 0; bit < 8 * sizeof(vector_ipv4); bit++) {
		memcpy(copy, vector_ipv4, sizeof(vector_ipv4));
		copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_not_equal(
		    hz_stun_response(copy, sizeof(vector_ipv4), vector_id, PASSWORD, &result), 0);
	}
	for (size_t bit = 0; bit < 8 * sizeof(vector_request); bit++) {
		memcpy(copy, vector_request, sizeof(vector_request));
		copy[bit / 8] ^= (uint8_t)(1 << bit % 8);
		int err = hz_stun_answer(copy, sizeof(vector_request), PASSWORD, &from, &reply);
		assert_true(err == -EBADMSG || err == -EACCES);
	}
	for (size_t n = 0; n < sizeof(vector_request); n++) {
		int err = hz_stun_answer(vector_request, n, PASSWORD, &from, &reply);
		assert_int_equal(err, -EBADMSG);
		assert_int_equal(reply.bytes, 0);
	}
}

// --- a check and its answer

static struct hz_stun_check make_check(bool use_candidate)
{
	struct hz_stun_check check = {.remote_ufrag = "gateWayUfrag+/09",
	                              .local_ufrag = "peer",
	                              .remote_pwd = PASSWORD,
	                              .priority = 0x7effffff,
	                              .tie_breaker = 0x0123456789abcdefull,
	                              .use_candidate = use_candidate};
	memcpy(check.id, vector_id, sizeof(vector_id));
	return check;
}

static void check_round_trip(const char *from_text, bool use_candidate)
{
	uint8_t buf[256];
	size_t bytes;
	struct hz_stun_peek seen;
	struct hz_stun_reply reply;
	struct hz_stun_result result;
	struct hz_stun_check check = make_check(use_candidate);
	struct sockaddr_in6 from = address(from_text, 40000);
	assert_int_equal(hz_stun_request(&check, buf, sizeof(buf), &bytes), 0);
	assert_int_equal(hz_stun_peek(buf, bytes, &seen), 0);
	assert_string_equal(seen.local_ufrag, check.remote_ufrag);
	assert_string_equal(seen.remote_ufrag, check.local_ufrag);
	assert_int_equal(hz_stun_answer(buf, bytes, PASSWORD, &from, &reply), 0);
	assert_int_equal(reply.use_candidate, use_candidate);
	assert_true(reply.controlling);
	assert_int_equal(reply.priority, check.priority);
	assert_int_equal(reply.error, 0);
	assert_int_equal(hz_stun_response(reply.data, reply.bytes, check.id, PASSWORD, &result), 0);
	assert_memory_equal(&result.mapped.sin6_addr, &from.sin6_addr, 16);
	assert_int_equal(result.mapped.sin6_port, from.sin6_port);
	// IPv4 sources must be answered with an IPv4 address: family 1 in the attribute right behind the header
	assert_int_equal(reply.data[25], IN6_IS_ADDR_V4MAPPED(&from.sin6_addr) ? 1 : 2);
}

static void test_round_trips(void **state)
{
	check_round_trip("::ffff:10.1.2.3", true);
	check_round_trip("::ffff:255.255.255.255", false);
	check_round_trip("2001:db8::42", true);
	check_round_trip("fe80::1", false);
}

static void test_many_answers_keep_no_state(void **state)
{
	uint8_t buf[256];
	size_t bytes;
	struct hz_stun_reply reply;
	struct hz_stun_check check = make_check(false);
	struct sockaddr_in6 from = address("::ffff:10.1.2.3", 1);
	assert_int_equal(hz_stun_request(&check, buf, sizeof(buf), &bytes), 0);
	for (int i = 0; i < 20000; i++) // a hundred times what an agent could remember
		assert_int_equal(hz_stun_answer(buf, bytes, PASSWORD, &from, &reply), 0);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(hz_stun_request(&check, buf, sizeof(buf), &bytes), 0);
}

static void test_response_not_ours(void **state)
{
	uint8_t id[HZ_STUN_ID_BYTES] = {1};
	struct hz_stun_result result;
	assert_int_equal(hz_stun_response(vector_ipv4, sizeof(vector_ipv4), id, PASSWORD, &result), -ENOENT);
	assert_int_equal(hz_stun_response(vector_ipv4, sizeof(vector_ipv4), vector_id, "other", &result),
	                 -EACCES);
	assert_int_equal(
	    hz_stun_response(vector_request, sizeof(vector_request), vector_id, PASSWORD, &result), -EBADMSG);
	struct builder b;
	start(&b, 0x0101); // success without an address
	seal(&b, PASSWORD);
	assert_int_equal(hz_stun_response(b.data, b.bytes, vector_id, PASSWORD, &result), -EBADMSG);
	start(&b, 0x0101); // success without MESSAGE-INTEGRITY
	add(&b, 0x0020, "\0\1\xa1\x47\xe1\x12\xa6\x43", 8);
	add_fingerprint(&b);
	assert_int_not_equal(hz_stun_response(b.data, b.bytes, vector_id, PASSWORD, &result), 0);
	start(&b, 0x0101); // an address of no known family, and one cut short
	add(&b, 0x0020, "\0\7\xa1\x47\xe1\x12\xa6\x43", 8);
	seal(&b, PASSWORD);
	assert_int_equal(hz_stun_response(b.data, b.bytes, vector_id, PASSWORD, &result), -EBADMSG);
	start(&b, 0x0101);
	add(&b, 0x0020, "\0\2\xa1\x47\xe1\x12\xa6\x43", 8);
	seal(&b, PASSWORD);
	assert_int_equal(hz_stun_response(b.data, b.bytes, vector_id, PASSWORD, &result), -EBADMSG);
	start(&b, 0x0111); // an error response without a code
	seal(&b, PASSWORD);
	assert_int_equal(hz_stun_response(b.data, b.bytes, vector_id, PASSWORD, &result), -EBADMSG);
}

// --- requests that must be refused

static void test_refusals_are_signed(void **state)
{
	struct builder b;
	struct hz_stun_reply reply;
	struct hz_stun_result result;
	start(&b, 0x0001); // two attributes nobody knows
	add_basics(&b, "evtj:h6vY");
	add(&b, 0x0033, "abcd", 4);
	add(&b, 0x7fff, "xyz", 3);
	seal(&b, PASSWORD);
	assert_int_equal(answer(&b, &reply), -EPROTO);
	assert_int_equal(reply.error, 420);
	assert_int_equal(hz_stun_response(reply.data, reply.bytes, vector_id, PASSWORD, &result), -EPROTO);
	assert_int_equal(result.error, 420);
	assert_non_null(memmem(reply.data, reply.bytes, "\x00\x0a\x00\x04\x00\x33\x7f\xff", 8));
	start(&b, 0x0001); // no PRIORITY
	add(&b, 0x0006, "evtj:h6vY", 9);
	seal(&b, PASSWORD);
	assert_int_equal(answer(&b, &reply), -EPROTO);
	assert_int_equal(reply.error, 400);
	start(&b, 0x0001); // PRIORITY of the wrong length
	add(&b, 0x0006, "evtj:h6vY", 9);
	add(&b, 0x0024, "ab", 2);
	seal(&b, PASSWORD);
	assert_int_equal(answer(&b, &reply), -EPROTO);
	assert_int_equal(reply.error, 400);
	assert_false(reply.use_candidate);
}

static void test_not_authenticated(void **state)
{
	struct builder b;
	struct hz_stun_reply reply;
	struct hz_stun_result result;
	start(&b, 0x0001); // wrong password
	add_basics(&b, "evtj:h6vY");
	seal(&b, "VOkJxbRl1RmTxUk/WvJxBT");
	assert_int_equal(answer(&b, &reply), -EACCES);
	assert_int_equal(reply.error, 401);
	assert_int_equal(hz_stun_response(reply.data, reply.bytes, vector_id, PASSWORD, &result), -EPROTO);
	assert_int_equal(result.error, 401);
	start(&b, 0x0001); // no MESSAGE-INTEGRITY
	add_basics(&b, "evtj:h6vY");
	add_fingerprint(&b);
	assert_int_equal(answer(&b, &reply), -EACCES);
	assert_int_equal(reply.error, 400);
	start(&b, 0x0001); // no USERNAME
	add(&b, 0x0024, "\x6e\x00\x01\xff", 4);
	seal(&b, PASSWORD);
	assert_int_equal(answer(&b, &reply), -EACCES);
	start(&b, 0x0001); // signed with the empty password, and an empty password of ours
	add_basics(&b, "evtj:h6vY");
	seal(&b, "");
	assert_int_equal(answer(&b, &reply), -EACCES);
	struct sockaddr_in6 from = address("::1", 1);
	assert_int_equal(hz_stun_answer(b.data, b.bytes, "", &from, &reply), -EACCES);
}

static void test_attributes_behind_the_signature_do_not_count(void **state)
{
	struct builder b;
	struct hz_stun_reply reply;
	start(&b, 0x0001);
	add_basics(&b, "evtj:h6vY");
	add_integrity(&b, PASSWORD);
	add(&b, 0x0025, NULL, 0); // USE-CANDIDATE by somebody on the way
	add_fingerprint(&b);
	int err = answer(&b, &reply);
	assert_false(err == 0 && reply.use_candidate);
}

static void test_malformed(void **state)
{
	struct builder b;
	struct hz_stun_reply reply;
	start(&b, 0x0001); // no FINGERPRINT
	add_basics(&b, "evtj:h6vY");
	add_integrity(&b, PASSWORD);
	assert_int_equal(answer(&b, &reply), -EBADMSG);
	start(&b, 0x0001); // a wrong FINGERPRINT
	add_basics(&b, "evtj:h6vY");
	seal(&b, PASSWORD);
	b.data[b.bytes - 1] ^= 1;
	assert_int_equal(answer(&b, &reply), -EBADMSG);
	static const size_t integrity_sizes[] = {0, 4, 19, 21, 32};
	for (size_t i = 0; i < sizeof(integrity_sizes) / sizeof(*integrity_sizes); i++) {
		uint8_t zeros[32] = {0};
		start(&b, 0x0001);
		add_basics(&b, "evtj:h6vY");
		add(&b, 0x0008, zeros, integrity_sizes[i]);
		add_fingerprint(&b);
		assert_int_equal(answer(&b, &reply), -EBADMSG);
	}
	start(&b, 0x0001); // a FINGERPRINT of the wrong length
	add_basics(&b, "evtj:h6vY");
	add_integrity(&b, PASSWORD);
	add(&b, 0x8028, "12345678", 8);
	assert_int_equal(answer(&b, &reply), -EBADMSG);
	start(&b, 0x0001); // something behind FINGERPRINT
	add_basics(&b, "evtj:h6vY");
	seal(&b, PASSWORD);
	add(&b, 0x8022, "late", 4);
	assert_int_equal(answer(&b, &reply), -EBADMSG);
	start(&b, 0x0001); // too many attributes
	add_basics(&b, "evtj:h6vY");
	for (int i = 0; i < 40; i++)
		add(&b, (uint16_t)(0x4000 + i), NULL, 0);
	seal(&b, PASSWORD);
	assert_int_equal(answer(&b, &reply), -EBADMSG);
	assert_int_equal(reply.bytes, 0);
	for (uint16_t type = 0; type < 0x0200; type++) { // other methods and classes
		if (type == 0x0001)
			continue;
		start(&b, type);
		add_basics(&b, "evtj:h6vY");
		seal(&b, PASSWORD);
		assert_int_equal(answer(&b, &reply), -EBADMSG);
	}
}

static void test_most_unknown_attributes_that_pass(void **state)
{
	struct builder b;
	struct hz_stun_reply reply;
	start(&b, 0x0001);
	add_basics(&b, "evtj:h6vY");
	for (int i = 0; i < 28; i++)
		add(&b, (uint16_t)(0x4000 + i), NULL, 0);
	seal(&b, PASSWORD);
	assert_int_equal(answer(&b, &reply), -EPROTO);
	assert_int_equal(reply.error, 420);
	assert_true(reply.bytes <= HZ_STUN_MAX_BYTES && reply.bytes > 2 * 28);
}

// --- peek

static void check_username(const char *username, int expected)
{
	struct builder b;
	struct hz_stun_peek seen;
	start(&b, 0x0001);
	add_basics(&b, username);
	seal(&b, PASSWORD);
	if (peek(&b, &seen) != expected)
		fail_msg("username %s", username);
}

static void test_usernames(void **state)
{
	check_username("evtj:h6vY", 0);
	check_username("12345678901234567890123456789012:12345678901234567890123456789012", 0);
	check_username("123456789012345678901234567890123:abcd", -EINVAL);
	check_username("abcd:123456789012345678901234567890123", -EINVAL);
	check_username("", -EINVAL);
	check_username(":", -EINVAL);
	check_username("evtj", -EINVAL);
	check_username("evtj:", -EINVAL);
	check_username(":evtj", -EINVAL);
	check_username("evt:abcd", -EINVAL);
	check_username("evtj:h6v", -EINVAL);
	check_username("evtj:h6vY:more", -EINVAL);
	check_username("ev j:h6vY", -EINVAL);
	check_username("evtj:h6v\n", -EINVAL);
	check_username("evt\xc3\xa9:h6vY", -EINVAL);
	check_username("../../etc:passwd", -EINVAL);
}

static void test_peek_kinds(void **state)
{
	struct builder b;
	struct hz_stun_peek seen;
	start(&b, 0x0011);
	assert_int_equal(peek(&b, &seen), 0);
	assert_int_equal(seen.kind, HZ_STUN_INDICATION);
	assert_int_equal(hz_stun_peek(vector_ipv4, sizeof(vector_ipv4), &seen), 0);
	assert_int_equal(seen.kind, HZ_STUN_RESPONSE);
	start(&b, 0x0111);
	assert_int_equal(peek(&b, &seen), 0);
	assert_int_equal(seen.kind, HZ_STUN_RESPONSE);
	start(&b, 0x0003); // Allocate: not a binding message
	assert_int_equal(peek(&b, &seen), -EBADMSG);
	start(&b, 0x0001);
	b.data[4] ^= 1; // no cookie: RFC 3489
	assert_int_equal(peek(&b, &seen), -EBADMSG);
	start(&b, 0x0001); // USERNAME only behind the signature
	add_integrity(&b, PASSWORD);
	add(&b, 0x0006, "evtj:h6vY", 9);
	assert_int_equal(peek(&b, &seen), -EINVAL);
	start(&b, 0x0001); // lengths that lie
	add_basics(&b, "evtj:h6vY");
	b.data[23] = 0xff;
	assert_int_equal(peek(&b, &seen), -EBADMSG);
	start(&b, 0x0001);
	add_basics(&b, "evtj:h6vY");
	b.data[3] += 4;
	assert_int_equal(peek(&b, &seen), -EBADMSG);
}

static void test_random_bytes(void **state)
{
	struct hz_stun_reply reply;
	struct hz_stun_result result;
	struct hz_stun_peek seen;
	struct sockaddr_in6 from = address("::1", 1);
	uint8_t data[200];
	for (int i = 0; i < 5000; i++) {
		hz_random(data, sizeof(data));
		size_t bytes = data[0] % sizeof(data);
		memcpy(data, vector_request, 8);
		data[2] = 0;
		data[3] = (uint8_t)(bytes - 20);
		assert_int_not_equal(hz_stun_answer(data, bytes, PASSWORD, &from, &reply), 0);
		hz_stun_peek(data, bytes, &seen);
		data[0] = data[1] = 1;
		assert_int_not_equal(hz_stun_response(data, bytes, data + 8, PASSWORD, &result), 0);
	}
}

static void test_request_bad_arguments(void **state)
{
	uint8_t buf[256];
	size_t bytes;
	struct hz_stun_check check = make_check(true);
	assert_int_equal(hz_stun_request(&check, buf, 255, &bytes), -ENOBUFS);
	check.remote_ufrag = "";
	assert_int_equal(hz_stun_request(&check, buf, sizeof(buf), &bytes), -EINVAL);
	check.remote_ufrag = "123456789012345678901234567890123";
	assert_int_equal(hz_stun_request(&check, buf, sizeof(buf), &bytes), -EINVAL);
	check = make_check(true);
	check.remote_pwd = NULL;
	assert_int_equal(hz_stun_request(&check, buf, sizeof(buf), &bytes), -EINVAL);
	check.remote_pwd = "12345678901234567890123456789012345678901234567890123456789012345";
	assert_int_equal(hz_stun_request(&check, buf, sizeof(buf), &bytes), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_vector_request),
	    cmocka_unit_test(test_vector_responses),
	    cmocka_unit_test(test_vectors_with_one_bit_wrong),
	    cmocka_unit_test(test_round_trips),
	    cmocka_unit_test(test_many_answers_keep_no_state),
	    cmocka_unit_test(test_response_not_ours),
	    cmocka_unit_test(test_refusals_are_signed),
	    cmocka_unit_test(test_not_authenticated),
	    cmocka_unit_test(test_attributes_behind_the_signature_do_not_count),
	    cmocka_unit_test(test_malformed),
	    cmocka_unit_test(test_most_unknown_attributes_that_pass),
	    cmocka_unit_test(test_usernames),
	    cmocka_unit_test(test_peek_kinds),
	    cmocka_unit_test(test_random_bytes),
	    cmocka_unit_test(test_request_bad_arguments),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
