#include "tests/bench/load/stun.h"

#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#define HEADER_BYTES 20
#define COOKIE       0x2112a442u

enum {
	ATTR_USERNAME = 0x0006,
	ATTR_INTEGRITY = 0x0008,
	ATTR_MAPPED = 0x0020,
	ATTR_PRIORITY = 0x0024,
	ATTR_USE_CANDIDATE = 0x0025,
	ATTR_FINGERPRINT = 0x8028,
	ATTR_CONTROLLED = 0x8029,
	ATTR_CONTROLLING = 0x802a,
};

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value);
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint32_t crc32(const uint8_t *data, size_t bytes)
{
	uint32_t crc = 0xffffffffu;
	for (size_t i = 0; i < bytes; i++) {
		crc ^= data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (0xedb88320u & (0u - (crc & 1)));
	}
	return ~crc;
}

enum load_stun_kind load_stun_kind(const uint8_t *data, size_t bytes)
{
	if (bytes < HEADER_BYTES || get32(data + 4) != COOKIE)
		return LOAD_STUN_OTHER;
	unsigned type = (unsigned)data[0] << 8 | data[1];
	return type == 0x0001 ? LOAD_STUN_REQUEST : type == 0x0101 ? LOAD_STUN_RESPONSE : LOAD_STUN_OTHER;
}

static size_t begin(uint8_t *buf, unsigned type, const uint8_t *id)
{
	put16(buf, type);
	put32(buf + 4, COOKIE);
	memcpy(buf + 8, id, LOAD_STUN_ID_BYTES);
	return HEADER_BYTES;
}

static size_t add(uint8_t *buf, size_t at, unsigned type, const void *value, size_t bytes)
{
	put16(buf + at, type);
	put16(buf + at + 2, (uint32_t)bytes);
	memset(buf + at + 4, 0, (bytes + 3) & ~(size_t)3);
	if (bytes)
		memcpy(buf + at + 4, value, bytes);
	return at + 4 + ((bytes + 3) & ~(size_t)3);
}

// MESSAGE-INTEGRITY and FINGERPRINT; each counts itself into the length it covers.
static size_t finish(uint8_t *buf, size_t at, const char *pwd)
{
	uint8_t mac[EVP_MAX_MD_SIZE], crc[4];
	unsigned mac_bytes = 0;
	put16(buf + 2, (uint32_t)(at - HEADER_BYTES + 24));
	HMAC(EVP_sha1(), pwd, (int)strlen(pwd), buf, at, mac, &mac_bytes);
	at = add(buf, at, ATTR_INTEGRITY, mac, 20);
	put16(buf + 2, (uint32_t)(at - HEADER_BYTES + 8));
	put32(crc, crc32(buf, at) ^ 0x5354554eu);
	return add(buf, at, ATTR_FINGERPRINT, crc, 4);
}

size_t load_stun_request(const struct load_check *check, uint8_t *buf)
{
	uint8_t number[8];
	size_t at = begin(buf, 0x0001, check->id);
	at = add(buf, at, ATTR_USERNAME, check->username, strlen(check->username));
	put32(number, 0x6e0001ffu); // a peer-reflexive candidate's (RFC 8445 5.1.2)
	at = add(buf, at, ATTR_PRIORITY, number, 4);
	put32(number, (uint32_t)(check->tie_breaker >> 32));
	put32(number + 4, (uint32_t)check->tie_breaker);
	at = add(buf, at, check->controlling ? ATTR_CONTROLLING : ATTR_CONTROLLED, number, 8);
	if (check->controlling)
		at = add(buf, at, ATTR_USE_CANDIDATE, NULL, 0);
	return finish(buf, at, check->pwd);
}

size_t load_stun_answer(const uint8_t *request, const struct sockaddr_in *from, const char *pwd, uint8_t *buf)
{
	uint8_t mapped[8] = {0, 1};
	size_t at = begin(buf, 0x0101, request + 8);
	put16(mapped + 2, ntohs(from->sin_port) ^ (COOKIE >> 16));
	put32(mapped + 4, ntohl(from->sin_addr.s_addr) ^ COOKIE);
	at = add(buf, at, ATTR_MAPPED, mapped, sizeof(mapped));
	return finish(buf, at, pwd);
}
