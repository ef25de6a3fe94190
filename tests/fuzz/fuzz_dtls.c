// A DTLS handshake whose link is the fuzzer's: the input says, datagram by datagram, what becomes of it.
//   0..127 it passes   128.. lost   144.. twice   160.. one byte changed (2 bytes follow: where, what)
//   176.. cut short (1 byte follows)   192.. replaced by the next n bytes (1 byte: n)   208.. time goes on
//   224.. n bytes more to the client (1 byte: n)   240.. the same to the server
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "media/transport/dtls.h"

#define QUEUE 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int64_t now_us = 1000000;

int gettimeofday(struct timeval *restrict tv, void *restrict zone) // OpenSSL's timer asks here
{
	tv->tv_sec = 1700000000 + now_us / 1000000;
	tv->tv_usec = now_us % 1000000;
	return 0;
}

struct queue {
	unsigned count;
	size_t bytes[QUEUE];
	uint8_t data[QUEUE][HZ_DTLS_MTU];
};

struct input {
	const uint8_t *at;
	size_t left;
};

static void demand(int condition)
{
	if (!condition)
		abort();
}

static void output(void *user, const uint8_t *data, size_t bytes)
{
	struct queue *queue = user;
	demand(bytes > 0 && bytes <= HZ_DTLS_MTU);
	if (queue->count == QUEUE)
		return;
	memcpy(queue->data[queue->count], data, bytes);
	queue->bytes[queue->count++] = bytes;
}

static struct hz_dtls *open_end(bool is_client, struct queue *queue)
{
	static struct hz_dtls_ctx *ctx;
	struct hz_dtls_options options = {.is_client = is_client, .output = output, .user = queue};
	struct hz_identity *identity;
	struct hz_dtls *dtls;
	int fd;
	if (!ctx) {
		demand(hz_identity_generate(&fd) == 0);
		demand(hz_identity_load(fd, &identity) == 0);
		demand(hz_dtls_ctx_new(identity, &ctx) == 0);
		hz_identity_free(identity);
		close(fd);
	}
	demand(hz_dtls_new(ctx, &options, now_us, &dtls) == 0);
	return dtls;
}

static uint8_t next(struct input *in)
{
	if (in->left == 0)
		return 0;
	in->left--;
	return *in->at++;
}

static void feed(struct hz_dtls *dtls, const uint8_t *data, size_t bytes)
{
	uint8_t *exact = malloc(bytes ? bytes : 1);
	demand(exact != NULL);
	memcpy(exact, data, bytes);
	hz_dtls_feed(dtls, exact, bytes, now_us);
	free(exact);
}

static void feed_input(struct hz_dtls *dtls, struct input *in)
{
	size_t bytes = next(in);
	bytes = bytes < in->left ? bytes : in->left;
	feed(dtls, in->at, bytes);
	in->at += bytes;
	in->left -= bytes;
}

// One datagram on its way to `to`, under the input's next order.
static void transfer(struct hz_dtls *to, uint8_t *data, size_t bytes, struct input *in)
{
	uint8_t order = next(in);
	if (order >= 192 && order < 208) {
		feed_input(to, in);
		return;
	}
	if (order >= 128 && order < 144)
		return;
	if (order >= 160 && order < 176) {
		size_t where = (size_t)next(in) * 5 % bytes;
		data[where] ^= next(in);
	}
	if (order >= 176 && order < 192)
		bytes = next(in) % bytes;
	feed(to, data, bytes);
	if (order >= 144 && order < 160)
		feed(to, data, bytes);
}

static bool pump(struct queue *queue, struct hz_dtls *to, struct input *in)
{
	static struct queue taken;
	taken = *queue;
	queue->count = 0;
	for (unsigned i = 0; i < taken.count; i++)
		transfer(to, taken.data[i], taken.bytes[i], in);
	return taken.count > 0;
}

static void check_keys(const struct hz_dtls *client, const struct hz_dtls *server)
{
	struct hz_srtp_keys a, b;
	if (hz_dtls_state(client) != HZ_DTLS_CONNECTED || hz_dtls_state(server) != HZ_DTLS_CONNECTED)
		return;
	demand(hz_dtls_export(client, &a) == 0 && hz_dtls_export(server, &b) == 0);
	demand(memcmp(a.local_key, b.remote_key, 16) == 0 && memcmp(a.remote_salt, b.local_salt, 14) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct queue to_server, to_client;
	struct input in = {data, size};
	to_server.count = to_client.count = 0;
	struct hz_dtls *client = open_end(true, &to_server), *server = open_end(false, &to_client);
	hz_dtls_start(client, now_us);
	for (int i = 0; i < 40; i++) {
		bool moved = pump(&to_server, server, &in);
		moved |= pump(&to_client, client, &in);
		uint8_t order = in.left ? *in.at : 0;
		if (order >= 224) {
			next(&in);
			feed_input(order < 240 ? client : server, &in);
		} else if (!moved || order >= 208) {
			if (order >= 208)
				next(&in);
			now_us += 700000;
			hz_dtls_handle_timeout(client, now_us);
			hz_dtls_handle_timeout(server, now_us);
		}
		demand(hz_dtls_deadline_us(server, now_us) >= now_us ||
		       hz_dtls_state(server) == HZ_DTLS_HANDSHAKING);
		if (!moved && in.left == 0 && hz_dtls_state(server) != HZ_DTLS_HANDSHAKING)
			break;
	}
	check_keys(client, server);
	hz_dtls_close(client);
	pump(&to_server, server, &in);
	hz_dtls_free(client);
	hz_dtls_free(server);
	return 0;
}
