// The certificate of a gateway that nobody gave one: for localhost, this host's name and its addresses.
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "gateway/supervisor_shared.h"
#include "media/transport/certificate.h"

#define MAX_ADDRESSES 32
#define RENEW_S       (30 * 86400)

struct addresses {
	char text[MAX_ADDRESSES][INET6_ADDRSTRLEN];
	const char *at[MAX_ADDRESSES];
	unsigned count;
};

static void add_address(struct addresses *list, const struct sockaddr *address)
{
	const void *raw = NULL;
	if (list->count == MAX_ADDRESSES)
		return; // the rest of a very large host: configure a certificate
	char *text = list->text[list->count];
	if (address->sa_family == AF_INET)
		raw = &((const struct sockaddr_in *)(const void *)address)->sin_addr;
	else if (address->sa_family == AF_INET6)
		raw = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
	if (!raw || !inet_ntop(address->sa_family, raw, text, INET6_ADDRSTRLEN))
		return;
	for (unsigned i = 0; i < list->count; i++)
		if (strcmp(list->text[i], text) == 0)
			return;
	list->at[list->count++] = text;
}

static void collect(struct addresses *list)
{
	struct ifaddrs *all = NULL;
	if (getifaddrs(&all) < 0)
		all = NULL;
	for (struct ifaddrs *i = all; i; i = i->ifa_next) {
		const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)i->ifa_addr;
		if (!i->ifa_addr || !(i->ifa_flags & IFF_UP))
			continue;
		if (i->ifa_addr->sa_family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr))
			continue; // no browser opens https://[fe80::1%eth0]
		add_address(list, i->ifa_addr);
	}
	if (all)
		freeifaddrs(all);
}

int hz_shared_certificate(const struct hz_config *config, char ret_error[HZ_SHARED_ERROR_BYTES])
{
	char host[256] = "";
	struct hz_certificate_facts facts;
	struct addresses list = {.count = 0};
	if (!config->https.port || !config->https.generated)
		return 0;
	int err = hz_certificate_look(config->https.certificate, config->https.key, NULL, &facts);
	if (!err && facts.not_after_s > hz_wall_us() / 1000000 + RENEW_S)
		return 0;
	collect(&list);
	if (gethostname(host, sizeof(host) - 1) < 0)
		host[0] = '\0';
	const char *dns[2] = {"localhost", host};
	struct hz_certificate_names names = {.dns = dns,
	                                     .dns_count = host[0] && strcmp(host, "localhost") != 0 ? 2 : 1,
	                                     .ip = list.at,
	                                     .ip_count = list.count};
	err = hz_certificate_make(config->https.certificate, config->https.key, &names);
	if (err) {
		snprintf(ret_error, HZ_SHARED_ERROR_BYTES,
		         "cannot make the HTTPS certificate (%s), at %.120s: correct the folder or set "
		         "https.certificate",
		         strerror(-err), config->https.certificate);
		return err;
	}
	hz_info("certificate.made", "names=%u days=%d", names.dns_count + names.ip_count,
	        HZ_CERTIFICATE_DAYS);
	return 0;
}
