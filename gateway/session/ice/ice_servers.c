#include "gateway/session/ice/ice_servers.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/config_table.h"

static void map_v4(const struct in_addr *v4, struct in6_addr *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->s6_addr[10] = ret->s6_addr[11] = 0xff;
	memcpy(&ret->s6_addr[12], v4, sizeof(*v4));
}

static void add_address(struct hz_ice *ice, const struct in6_addr *address)
{
	for (unsigned i = 0; i < ice->address_count; i++)
		if (!memcmp(&ice->address[i], address, sizeof(*address)))
			return;
	if (ice->address_count < HZ_AGENT_ADDRESSES)
		ice->address[ice->address_count++] = *address;
}

static void add_text(struct hz_ice *ice, const char *text)
{
	struct in6_addr address;
	struct in_addr v4;
	if (inet_pton(AF_INET, text, &v4) == 1)
		map_v4(&v4, &address);
	else if (inet_pton(AF_INET6, text, &address) != 1)
		return; // the configuration was checked
	add_address(ice, &address);
}

// IPv4 first: most clients have it.
static void add_interfaces(struct hz_ice *ice, int family)
{
	struct ifaddrs *all = NULL;
	if (getifaddrs(&all))
		return;
	for (const struct ifaddrs *at = all; at; at = at->ifa_next) {
		struct in6_addr address;
		if (!at->ifa_addr || at->ifa_addr->sa_family != family || !(at->ifa_flags & IFF_UP) ||
		    (at->ifa_flags & IFF_LOOPBACK))
			continue;
		if (family == AF_INET)
			map_v4(&((const struct sockaddr_in *)(const void *)at->ifa_addr)->sin_addr, &address);
		else
			address = ((const struct sockaddr_in6 *)(const void *)at->ifa_addr)->sin6_addr;
		if (family == AF_INET || !IN6_IS_ADDR_LINKLOCAL(&address))
			add_address(ice, &address);
	}
	freeifaddrs(all);
}

static void add_server(struct hz_ice *ice, const char *text)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM};
	struct addrinfo *found = NULL;
	struct hz_ice_url url;
	if (!hz_config_ice_url(text, &url) || url.tls)
		return; // for clients: our way out needs no disguise
	int err = getaddrinfo(url.host, NULL, &hints, &found);
	if (err)
		hz_warn("ice.server", "host=%s error=\"%s\"", url.host, gai_strerror(err));
	for (const struct addrinfo *at = found; at && ice->server_count < HZ_AGENT_SERVERS;
	     at = at->ai_next) {
		struct hz_ice_server *server = &ice->server[ice->server_count++];
		server->port = url.port;
		server->kind = !url.relay ? HZ_ICE_STUN : url.stream ? HZ_ICE_TURN_TCP : HZ_ICE_TURN_UDP;
		if (at->ai_family == AF_INET)
			map_v4(&((const struct sockaddr_in *)(const void *)at->ai_addr)->sin_addr,
			       &server->address);
		else
			server->address = ((const struct sockaddr_in6 *)(const void *)at->ai_addr)->sin6_addr;
	}
	if (found)
		freeaddrinfo(found);
}

static void each(struct hz_ice *ice, const char *list, void (*add)(struct hz_ice *, const char *))
{
	char copy[HZ_CONFIG_TEXT_BYTES + 1], *rest = copy, *one;
	snprintf(copy, sizeof(copy), "%s", list);
	while ((one = strsep(&rest, ","))) {
		one += strspn(one, " ");
		one[strcspn(one, " ")] = '\0';
		if (*one)
			add(ice, one);
	}
}

void hz_ice_configure(struct hz_brain *brain, const struct hz_config *config)
{
	struct hz_ice ice = {.full = config->ice.agent && strcmp(config->ice.agent, "full") == 0};
	if (ice.full) {
		each(&ice, config->ice.addresses, add_text);
		if (ice.address_count == 0) {
			add_interfaces(&ice, AF_INET);
			add_interfaces(&ice, AF_INET6);
		}
		if (ice.address_count == 0)
			add_text(&ice, "127.0.0.1");
		each(&ice, *config->ice.servers ? config->ice.servers : config->turn.urls, add_server);
		hz_info("ice.full", "addresses=%u servers=%u", ice.address_count, ice.server_count);
	}
	brain->ice = ice;
}
