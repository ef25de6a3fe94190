#include "media/guard/lookup.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "media/guard/guard.h"

enum { RUNNING, DONE, LEFT };

struct hz_lookup {
	atomic_int state;
	int err;
	char host[256], address[INET6_ADDRSTRLEN];
};

static void *run(void *user)
{
	struct hz_lookup *l = user;
	int running = RUNNING;
	l->err = hz_guard_resolve(l->host, l->address, sizeof(l->address));
	if (!atomic_compare_exchange_strong(&l->state, &running, DONE))
		free(l);
	return NULL;
}

struct hz_lookup *hz_lookup_new(const char *host)
{
	struct hz_lookup *l = calloc(1, sizeof(*l));
	pthread_t thread;
	if (!l || strlen(host) >= sizeof(l->host)) {
		free(l);
		return NULL;
	}
	memcpy(l->host, host, strlen(host));
	if (pthread_create(&thread, NULL, run, l)) {
		free(l);
		return NULL;
	}
	pthread_detach(thread);
	return l;
}

bool hz_lookup_poll(struct hz_lookup *l, int *ret_err, char ret_address[])
{
	if (atomic_load(&l->state) != DONE)
		return false;
	*ret_err = l->err;
	memcpy(ret_address, l->address, sizeof(l->address));
	free(l);
	return true;
}

void hz_lookup_leave(struct hz_lookup *l)
{
	int running = RUNNING;
	if (l && !atomic_compare_exchange_strong(&l->state, &running, LEFT))
		free(l);
}
