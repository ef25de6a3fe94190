#include "media/guard/guard.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "media/ingest/allow.h"

// Set once before any library is asked for anything, but for a further SET of the same source.
static struct {
	struct hz_ingest_network network[HZ_INGEST_NETWORKS];
	atomic_uint count;
	struct in6_addr gateway; // v4-mapped
	atomic_uint gateway_port;
	atomic_int error;
} guard;

static void set_gateway(const char *url)
{
	struct in_addr v4;
	char host[64];
	const char *at = strstr(url, "://");
	if (!at)
		return;
	at += 3;
	bool bracket = *at == '[';
	at += bracket;
	size_t n = strcspn(at, bracket ? "]" : ":/");
	if (n >= sizeof(host))
		return;
	memcpy(host, at, n);
	host[n] = '\0';
	at += n + bracket;
	memset(&guard.gateway, 0, sizeof(guard.gateway));
	if (inet_pton(AF_INET, host, &v4) == 1) {
		guard.gateway.s6_addr[10] = guard.gateway.s6_addr[11] = 0xff;
		memcpy(guard.gateway.s6_addr + 12, &v4, 4);
	} else if (inet_pton(AF_INET6, host, &guard.gateway) != 1) {
		return;
	}
	atomic_store(&guard.gateway_port, *at == ':' ? (unsigned)strtoul(at + 1, NULL, 10) & 0xffff : 0);
}

void hz_guard_set(const struct hz_ingest_source_set *set)
{
	memcpy(guard.network, set->network, sizeof(guard.network));
	atomic_store(&guard.count, set->network_count);
	set_gateway(set->whip);
}

void hz_guard_begin(void)
{
	atomic_store(&guard.error, 0);
}

int hz_guard_error(void)
{
	return -atomic_load(&guard.error);
}

bool hz_guard_may(const struct sockaddr *address)
{
	return hz_ingest_allowed(guard.network, atomic_load(&guard.count), address);
}

static bool is_gateway(const struct sockaddr *address)
{
	unsigned port = atomic_load(&guard.gateway_port);
	if (address->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)address;
		return IN6_IS_ADDR_V4MAPPED(&guard.gateway) && ntohs(in->sin_port) == port &&
		       memcmp(&in->sin_addr, guard.gateway.s6_addr + 12, 4) == 0;
	}
	const struct sockaddr_in6 *in6 = (const void *)address;
	return address->sa_family == AF_INET6 && ntohs(in6->sin6_port) == port &&
	       memcmp(&in6->sin6_addr, &guard.gateway, sizeof(guard.gateway)) == 0;
}

static void note(int err)
{
	int before = atomic_load(&guard.error);
	while (before != EACCES && !atomic_compare_exchange_weak(&guard.error, &before, err))
		continue;
}

// Instead of the C library's, for this program and all its libraries.
int connect(int fd, const struct sockaddr *address, socklen_t bytes)
{
	if (is_gateway(address))
		return (int)syscall(SYS_connect, fd, address, bytes);
	if (address->sa_family != AF_UNSPEC && !hz_guard_may(address)) {
		if (address->sa_family == AF_INET || address->sa_family == AF_INET6)
			note(EACCES);
		errno = EACCES;
		return -1;
	}
	int rc = (int)syscall(SYS_connect, fd, address, bytes);
	int err = errno;
	if (rc < 0 && err != EINPROGRESS && err != EINTR)
		note(err);
	errno = err;
	return rc;
}

// Connections that are made in the background end here.
int getsockopt(int fd, int level, int name, void *value, socklen_t *bytes)
{
	int rc = (int)syscall(SYS_getsockopt, fd, level, name, value, bytes);
	if (rc == 0 && level == SOL_SOCKET && name == SO_ERROR && *bytes == sizeof(int)) {
		int err;
		memcpy(&err, value, sizeof(err));
		if (err)
			note(err);
	}
	return rc;
}

int hz_guard_resolve(const char *host, char *ret, unsigned bytes)
{
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *found = NULL;
	int err = -EACCES;
	if (getaddrinfo(host, NULL, &hints, &found))
		return -EHOSTUNREACH;
	for (const struct addrinfo *i = found; i && err; i = i->ai_next) {
		if (hz_guard_may(i->ai_addr) &&
		    !getnameinfo(i->ai_addr, i->ai_addrlen, ret, bytes, NULL, 0, NI_NUMERICHOST))
			err = 0;
	}
	freeaddrinfo(found);
	return err;
}
