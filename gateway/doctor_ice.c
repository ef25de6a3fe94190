// ice.agent: full: can it bind where it is to gather, and is there anybody to tell it how it looks from outside?
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/config_table.h"
#include "gateway/doctor.h"
#include "media/api.h"
#include "media/transport/udp.h"

static void check_address(struct hz_doctor *d, const char *address)
{
	int fd = -1;
	int err = hz_udp_open(address, 0, &fd);
	if (fd >= 0)
		close(fd);
	if (err == -EADDRNOTAVAIL)
		hz_doctor_add(d, "ice", HZ_VERDICT_FAIL,
		              "name addresses of this machine in ice.addresses, not that of the NAT",
		              "%.50s is no address of ours", address);
	else if (err)
		hz_doctor_add(d, "ice", HZ_VERDICT_FAIL, "correct ice.addresses", "%.50s: %s", address,
		              strerror(-err));
}

static unsigned each_address(struct hz_doctor *d, const char *list)
{
	char *copy = strdup(list), *rest = copy, *one;
	unsigned count = 0;
	while (copy && (one = strsep(&rest, ","))) {
		one += strspn(one, " ");
		one[strcspn(one, " ")] = '\0';
		if (!*one)
			continue;
		check_address(d, one);
		count++;
	}
	free(copy);
	return count;
}

void hz_doctor_ice(struct hz_doctor *d)
{
	const struct hz_config *c = d->config;
	const char *servers = *c->ice.servers ? c->ice.servers : c->turn.urls;
	if (strcmp(c->ice.agent, "full") != 0) {
		hz_doctor_add(d, "ice", HZ_VERDICT_OK, NULL, "lite: clients come to media.port");
		return;
	}
	unsigned before = d->count, addresses = each_address(d, c->ice.addresses);
	if (addresses > HZ_AGENT_ADDRESSES)
		hz_doctor_add(d, "ice", HZ_VERDICT_WARN, "leave one address for each uplink in ice.addresses",
		              "%u addresses, of which %d are used", addresses, HZ_AGENT_ADDRESSES);
	if (!strstr(servers, "turn:"))
		hz_doctor_add(
		    d, "ice", HZ_VERDICT_WARN,
		    "set turn.urls or ice.servers to a turn: URL unless clients reach these addresses",
		    "full, without a TURN server: nobody gets in through a NAT");
	if (d->count == before)
		hz_doctor_add(d, "ice", HZ_VERDICT_OK, NULL, "full, from %s",
		              addresses ? c->ice.addresses : "the interfaces' addresses");
}
