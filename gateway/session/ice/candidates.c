#include "gateway/session/ice/candidates.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "gateway/base/log.h"

static bool numeric(const char *text)
{
	struct in6_addr any;
	return inet_pton(AF_INET, text, &any) == 1 || inet_pton(AF_INET6, text, &any) == 1;
}

static void add(struct hz_brain *brain, const char *text)
{
	for (unsigned i = 0; i < brain->address_count; i++) {
		if (strcmp(brain->address[i], text) == 0)
			return;
	}
	if (brain->address_count < HZ_SDP_MAX_CANDIDATES)
		snprintf(brain->address[brain->address_count++], INET6_ADDRSTRLEN, "%s", text);
}

static void add_configured(struct hz_brain *brain, const char *list)
{
	while (*list) {
		char word[64] = "";
		size_t n = strcspn(list, ",");
		size_t skip = strspn(list, " \t");
		if (skip < n) {
			size_t chars = n - skip;
			while (chars > 0 && (list[skip + chars - 1] == ' ' || list[skip + chars - 1] == '\t'))
				chars--;
			snprintf(word, sizeof(word), "%.*s", (int)chars, list + skip);
		}
		if (numeric(word))
			add(brain, word);
		else if (word[0])
			hz_warn("media.address", "index=%u error=not_numeric", brain->address_count);
		list += n + (list[n] == ',');
	}
}

static void add_interfaces(struct hz_brain *brain, const struct ifaddrs *all, int family)
{
	for (const struct ifaddrs *at = all; at; at = at->ifa_next) {
		char text[INET6_ADDRSTRLEN];
		const void *address = NULL;
		if (!at->ifa_addr || at->ifa_addr->sa_family != family || !(at->ifa_flags & IFF_UP) ||
		    (at->ifa_flags & IFF_LOOPBACK))
			continue;
		if (family == AF_INET) {
			address = &((const struct sockaddr_in *)(const void *)at->ifa_addr)->sin_addr;
		} else {
			const struct in6_addr *in6 =
			    &((const struct sockaddr_in6 *)(const void *)at->ifa_addr)->sin6_addr;
			if (IN6_IS_ADDR_LINKLOCAL(in6))
				continue;
			address = in6;
		}
		if (inet_ntop(family, address, text, sizeof(text)))
			add(brain, text);
	}
}

void hz_local_addresses_find(struct hz_brain *brain, const char *configured)
{
	struct ifaddrs *all = NULL;
	brain->address_count = 0;
	add_configured(brain, configured ? configured : "");
	if (brain->address_count == 0 && getifaddrs(&all) == 0) {
		add_interfaces(brain, all, AF_INET);
		add_interfaces(brain, all, AF_INET6);
		freeifaddrs(all);
	}
	if (brain->address_count == 0)
		add(brain, "127.0.0.1");
}
