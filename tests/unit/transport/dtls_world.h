// Two ends of DTLS and an in-memory link between them with loss, reordering, duplication and malice, under a fake
// clock. For the test programs of DTLS: one of them includes it once (it defines gettimeofday).
#ifndef HZ_TESTS_UNIT_TRANSPORT_DTLS_WORLD_H
#define HZ_TESTS_UNIT_TRANSPORT_DTLS_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "gateway/base/secret.h"
#include "media/transport/dtls_internal.h"

#define QUEUE    512
#define DELAY_US 10000
#define START_US 1000000

// --- the clock: OpenSSL's retransmission timer asks this one

static int64_t now_us = START_US;

int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
	tv->tv_sec = 1700000000 + now_us / 1000000;
	tv->tv_usec = now_us % 1000000;
	return 0;
}

// --- the link

struct datagram {
	size_t bytes;
	int64_t at_us;
	uint8_t data[HZ_DTLS_MTU];
};

struct world;

struct end {
	struct world *world;
	struct hz_dtls_ctx *ctx;
	struct hz_dtls *dtls;
	struct end *other;
	unsigned sent, dropped; // datagrams
	size_t longest;
	struct datagram in[QUEUE]; // on the way to this end
	unsigned queued;
};

struct world {
	struct end client, server;
	uint32_t seed;
	unsigned loss_percent, copies, jitter_us;
	bool garbage, corrupt;
	bool (*drop)(struct end *from, const uint8_t *data, size_t bytes); // true: lost
};

static struct hz_identity *client_identity, *server_identity;

static inline uint32_t roll(struct world *world)
{
	world->seed = world->seed * 1664525u + 1013904223u;
	return world->seed >> 8;
}

static inline void enqueue(struct end *to, const uint8_t *data, size_t bytes)
{
	struct world *world = to->world;
	assert_true(to->queued < QUEUE);
	struct datagram *d = &to->in[to->queued++];
	d->bytes = bytes;
	d->at_us = now_us + DELAY_US + (world->jitter_us ? roll(world) % world->jitter_us : 0);
	memcpy(d->data, data, bytes);
	if (world->corrupt && roll(world) % 4 == 0)
		d->data[roll(world) % bytes] ^= (uint8_t)(1 + roll(world) % 255);
}

static inline void output(void *user, const uint8_t *data, size_t bytes)
{
	struct end *from = user;
	struct world *world = from->world;
	assert_true(bytes > 0 && bytes <= HZ_DTLS_MTU);
	from->sent++;
	from->longest = bytes > from->longest ? bytes : from->longest;
	if ((world->drop && world->drop(from, data, bytes)) || roll(world) % 100 < world->loss_percent) {
		from->dropped++;
		return;
	}
	for (unsigned i = 0; i <= world->copies; i++)
		enqueue(from->other, data, bytes);
}

static inline struct hz_dtls *open_end(struct end *end, bool is_client, const struct hz_identity *expected)
{
	uint8_t fingerprint[HZ_FINGERPRINT_BYTES];
	struct hz_dtls_options options = {.is_client = is_client, .output = output, .user = end};
	if (expected) {
		hz_identity_fingerprint(expected, fingerprint);
		options.fingerprint = fingerprint;
	}
	assert_int_equal(hz_dtls_new(end->ctx, &options, now_us, &end->dtls), 0);
	return end->dtls;
}

static inline struct world *open_world(void)
{
	struct world *world = calloc(1, sizeof(*world));
	assert_non_null(world);
	now_us = START_US;
	world->client.world = world->server.world = world;
	world->client.other = &world->server;
	world->server.other = &world->client;
	assert_int_equal(hz_dtls_ctx_new(client_identity, &world->client.ctx), 0);
	assert_int_equal(hz_dtls_ctx_new(server_identity, &world->server.ctx), 0);
	return world;
}

static inline struct world *ready_world(void)
{
	struct world *world = open_world();
	open_end(&world->client, true, server_identity);
	open_end(&world->server, false, client_identity);
	return world;
}

static inline void close_world(struct world *world)
{
	hz_dtls_free(world->client.dtls);
	hz_dtls_free(world->server.dtls);
	hz_dtls_ctx_free(world->client.ctx);
	hz_dtls_ctx_free(world->server.ctx);
	free(world);
}

static inline void feed(struct end *end, const uint8_t *data, size_t bytes)
{
	uint8_t *exact = malloc(bytes ? bytes : 1);
	memcpy(exact, data, bytes);
	hz_dtls_feed(end->dtls, exact, bytes, now_us);
	free(exact);
}

// Noise that a handshake has to survive: anything but records that look like the peer's own of this epoch.
static inline void feed_garbage(struct end *end)
{
	struct world *world = end->world;
	uint8_t data[200];
	hz_random(data, sizeof(data));
	feed(end, data, roll(world) % sizeof(data)); // plain noise
	static const uint8_t types[] = {20, 22, 23, 24, 63, 19};
	data[0] = types[roll(world) % 6];
	data[1] = 0xfe;
	data[2] = 0xfd;
	data[3] = 7; // an epoch that never comes
	data[11] = 0;
	data[12] = 100;
	feed(end, data, 113);
	feed(end, data, 112); // cut off
	data[3] = 0;
	data[0] = 23; // data before there are keys
	feed(end, data, 113);
	data[0] = 22;
	data[2] = 0xfc; // a version that is none
	feed(end, data, 113);
}

static inline bool deliver_due(struct end *end)
{
	for (unsigned i = 0; i < end->queued; i++) {
		if (end->in[i].at_us > now_us)
			continue;
		struct datagram d = end->in[i];
		memmove(&end->in[i], &end->in[i + 1], (end->queued - i - 1) * sizeof(d));
		end->queued--;
		if (end->world->garbage)
			feed_garbage(end);
		feed(end, d.data, d.bytes);
		return true;
	}
	return false;
}

static inline int64_t earliest(const struct end *end)
{
	int64_t at = hz_dtls_deadline_us(end->dtls, now_us);
	for (unsigned i = 0; i < end->queued; i++)
		at = end->in[i].at_us < at ? end->in[i].at_us : at;
	return at;
}

static inline bool busy(const struct end *end)
{
	return end->queued > 0 || hz_dtls_state(end->dtls) == HZ_DTLS_HANDSHAKING;
}

// Until both are settled and nothing is under way.
static inline void run(struct world *world)
{
	hz_dtls_start(world->client.dtls, now_us);
	for (int i = 0; i < 100000 && (busy(&world->client) || busy(&world->server)); i++) {
		if (deliver_due(&world->client) || deliver_due(&world->server))
			continue;
		int64_t a = earliest(&world->client), b = earliest(&world->server);
		int64_t next = a < b ? a : b;
		assert_true(next < INT64_MAX);
		now_us = next > now_us ? next : now_us;
		hz_dtls_handle_timeout(world->client.dtls, now_us);
		hz_dtls_handle_timeout(world->server.dtls, now_us);
	}
	assert_false(busy(&world->client) || busy(&world->server));
}

static inline void assert_connected(struct world *world)
{
	struct hz_srtp_keys a, b;
	assert_int_equal(hz_dtls_state(world->client.dtls), HZ_DTLS_CONNECTED);
	assert_int_equal(hz_dtls_state(world->server.dtls), HZ_DTLS_CONNECTED);
	assert_int_equal(hz_dtls_export(world->client.dtls, &a), 0);
	assert_int_equal(hz_dtls_export(world->server.dtls, &b), 0);
	assert_int_equal(a.profile, b.profile);
	assert_memory_equal(a.local_key, b.remote_key, 16);
	assert_memory_equal(a.remote_key, b.local_key, 16);
	assert_memory_equal(a.local_salt, b.remote_salt, 14);
	assert_memory_equal(a.remote_salt, b.local_salt, 14);
	assert_memory_not_equal(a.local_key, a.remote_key, 16);
}

static inline void assert_failed(const struct end *end, enum hz_dtls_failure reason)
{
	struct hz_srtp_keys keys;
	uint8_t fingerprint[HZ_FINGERPRINT_BYTES];
	assert_int_equal(hz_dtls_state(end->dtls), HZ_DTLS_FAILED);
	assert_int_equal(hz_dtls_failure(end->dtls), reason);
	assert_int_equal(hz_dtls_export(end->dtls, &keys), -EAGAIN);
	assert_int_equal(hz_dtls_peer_fingerprint(end->dtls, fingerprint), -EAGAIN);
	assert_true(hz_dtls_deadline_us(end->dtls, now_us) == INT64_MAX);
	assert_int_equal(hz_dtls_feed(end->dtls, (const uint8_t *)"x", 1, now_us), -EPIPE);
}

static inline struct hz_identity *make_identity(void)
{
	int fd;
	struct hz_identity *identity;
	assert_int_equal(hz_identity_generate(&fd), 0);
	assert_int_equal(hz_identity_load(fd, &identity), 0);
	close(fd);
	return identity;
}

static inline int set_up(void **state)
{
	client_identity = make_identity();
	server_identity = make_identity();
	return 0;
}

static inline int tear_down(void **state)
{
	hz_identity_free(client_identity);
	hz_identity_free(server_identity);
	return 0;
}

#endif
