#include "media/ingest/allow.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORD_BYTES 64

static const struct {
	const char *word, *networks;
} words[] = {
    {"private", "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fc00::/7"},
    {"loopback", "127.0.0.0/8,::1/128"},
    {"any", "0.0.0.0/0,::/0"},
};

// The first `bits` are the same.
static bool same(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;
	if (memcmp(a, b, whole) != 0)
		return false;
	return !rest || !((a[whole] ^ b[whole]) >> (8 - rest));
}

static int parse_network(char *text, struct hz_ingest_network *ret)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	struct hz_ingest_network n = {.bits = 128};
	char *slash = strchr(text, '/'), *end = NULL;
	unsigned most = 128;
	if (slash)
		*slash++ = '\0';
	if (inet_pton(AF_INET, text, n.address + 12) == 1) {
		memcpy(n.address, mapped, sizeof(mapped));
		most = 32;
	} else if (inet_pton(AF_INET6, text, n.address) != 1) {
		return -EINVAL;
	}
	if (slash) {
		unsigned long bits = *slash >= '0' && *slash <= '9' ? strtoul(slash, &end, 10) : 999;
		if (bits > most || *end)
			return -EINVAL;
		n.bits = (uint8_t)(bits + 128 - most);
	}
	for (unsigned bit = n.bits; bit < 128; bit++) {
		if (n.address[bit / 8] & (0x80u >> bit % 8))
			return -EINVAL; // 10.0.0.1/8: perhaps another one was meant
	}
	*ret = n;
	return 0;
}

int hz_ingest_allow_parse(const char *text, struct hz_ingest_network ret[HZ_INGEST_NETWORKS],
                          uint8_t *ret_count)
{
	struct hz_ingest_network list[HZ_INGEST_NETWORKS] = {0};
	unsigned count = 0;
	for (const char *p = text; *p;) {
		char one[WORD_BYTES];
		size_t n = strcspn(p, ",");
		const char *next = p + n + (p[n] == ',');
		while (n && *p == ' ')
			p++, n--;
		while (n && p[n - 1] == ' ')
			n--;
		if (!n || n >= sizeof(one))
			return -EINVAL;
		memcpy(one, p, n);
		one[n] = '\0';
		p = next;
		const char *meant = NULL;
		for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
			meant = strcmp(one, words[i].word) == 0 ? words[i].networks : meant;
		if (meant) {
			struct hz_ingest_network more[HZ_INGEST_NETWORKS];
			uint8_t added = 0;
			if (hz_ingest_allow_parse(meant, more, &added) || count + added > HZ_INGEST_NETWORKS)
				return -EINVAL;
			memcpy(list + count, more, added * sizeof(more[0]));
			count += added;
			continue;
		}
		if (count == HZ_INGEST_NETWORKS || parse_network(one, &list[count]))
			return -EINVAL;
		count++;
	}
	memcpy(ret, list, sizeof(list));
	*ret_count = (uint8_t)count;
	return 0;
}

bool hz_ingest_allowed(const struct hz_ingest_network *network, unsigned count,
                       const struct sockaddr *address)
{
	uint8_t bytes[16] = {[10] = 0xff, [11] = 0xff};
	if (address->sa_family == AF_INET)
		memcpy(bytes + 12, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
	else if (address->sa_family == AF_INET6)
		memcpy(bytes, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, 16);
	else
		return false;
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	bool v4 = same(bytes, mapped, 96);
	for (unsigned i = 0; i < count && i < HZ_INGEST_NETWORKS; i++) {
		if (v4 && network[i].bits < 96) // ::/0 is not the whole of IPv4
			continue;
		if (network[i].bits <= 128 && same(bytes, network[i].address, network[i].bits))
			return true;
	}
	return false;
}
