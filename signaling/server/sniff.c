#include "signaling/server/sniff.h"

#include <stdbool.h>
#include <string.h>

#define FRAME_HEADER  2
#define STUN_HEADER   20
#define STUN_MAX      (HZ_SNIFF_BYTES - FRAME_HEADER)
#define HIGHEST_FIRST (STUN_MAX >> 8) // first byte of a frame's length; TLS begins with 0x16
#define BINDING       0x0001
#define MAGIC_COOKIE  0x2112a442u
#define USERNAME      0x0006
#define UFRAG_MIN     4

static unsigned get16(const uint8_t *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

static bool is_ice_char(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' ||
	       c == '/';
}

// What is there of the frame's length and the STUN header is as it must be.
static bool plausible(const uint8_t *data, size_t bytes)
{
	static const uint8_t cookie[4] = {MAGIC_COOKIE >> 24, MAGIC_COOKIE >> 16 & 0xff,
	                                  MAGIC_COOKIE >> 8 & 0xff, MAGIC_COOKIE & 0xff};
	if (bytes >= 2 && (get16(data) < STUN_HEADER || get16(data) > STUN_MAX))
		return false;
	if (bytes >= 4 && get16(data + 2) != BINDING)
		return false;
	if (bytes >= 6 && (get16(data + 4) % 4 || get16(data + 4) + STUN_HEADER != get16(data)))
		return false;
	return bytes < 10 || memcmp(data + 6, cookie, sizeof(cookie)) == 0;
}

// "ours:theirs"
static bool take_ufrag(const uint8_t *name, size_t bytes, char ret[HZ_UFRAG_BYTES])
{
	size_t n = 0;
	while (n < bytes && n < HZ_UFRAG_BYTES && is_ice_char(name[n]))
		n++;
	if (n < UFRAG_MIN || n >= HZ_UFRAG_BYTES || n >= bytes || name[n] != ':')
		return false;
	memcpy(ret, name, n);
	ret[n] = '\0';
	return true;
}

static bool find_ufrag(const uint8_t *stun, size_t bytes, char ret[HZ_UFRAG_BYTES])
{
	for (size_t at = STUN_HEADER; at + 4 <= bytes;) {
		size_t value = get16(stun + at + 2);
		if (value > bytes - at - 4)
			return false;
		if (get16(stun + at) == USERNAME)
			return take_ufrag(stun + at + 4, value, ret);
		at += 4 + (value + 3) / 4 * 4;
	}
	return false;
}

void hz_sniff(const uint8_t *data, size_t bytes, struct hz_sniff *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (bytes == 0) {
		ret->need = 1;
		return; // MORE
	}
	if (data[0] > HIGHEST_FIRST) {
		ret->kind = HZ_SNIFF_TLS;
		return;
	}
	if (!plausible(data, bytes)) {
		ret->kind = HZ_SNIFF_JUNK;
		return;
	}
	ret->need = bytes < FRAME_HEADER ? FRAME_HEADER + STUN_HEADER : FRAME_HEADER + get16(data);
	if (bytes < ret->need)
		return;
	ret->kind = find_ufrag(data + FRAME_HEADER, get16(data), ret->ufrag) ? HZ_SNIFF_ICE : HZ_SNIFF_JUNK;
}
