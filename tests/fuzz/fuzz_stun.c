// STUN from the network. The first byte chooses: 0 the rest is a datagram; else the rest is a list of attributes to
// which header, MESSAGE-INTEGRITY and FINGERPRINT are made, so that the code behind authentication is reached too.
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "media/transport/demux.h"
#include "media/transport/stun.h"

#define PASSWORD  "correct-horse-battery-staple"
#define MAX_BYTES 2048

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(int condition)
{
	if (!condition)
		abort();
}

static void set_length(uint8_t *message, size_t bytes)
{
	message[2] = (uint8_t)((bytes - 20) >> 8);
	message[3] = (uint8_t)(bytes - 20);
}

static size_t sign(uint8_t *message, size_t bytes)
{
	unsigned n;
	uint32_t crc = 0xffffffff;
	set_length(message, bytes + 24);
	memcpy(message + bytes, "\x00\x08\x00\x14", 4);
	HMAC(EVP_sha1(), PASSWORD, sizeof(PASSWORD) - 1, message, bytes, message + bytes + 4, &n);
	bytes += 24;
	set_length(message, bytes + 8);
	for (size_t i = 0; i < bytes; i++) {
		crc ^= message[i];
		for (int k = 0; k < 8; k++)
			crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
	}
	crc = htonl(~crc ^ 0x5354554e);
	memcpy(message + bytes, "\x80\x28\x00\x04", 4);
	memcpy(message + bytes + 4, &crc, 4);
	return bytes + 8;
}

static void take(const uint8_t *data, size_t size)
{
	static const struct sockaddr_in6 source = {.sin6_family = AF_INET6, .sin6_port = 99};
	struct hz_stun_peek peek;
	struct hz_stun_reply reply;
	struct hz_stun_result result;
	hz_demux(data, size);
	int seen = hz_stun_peek(data, size, &peek);
	int err = hz_stun_answer(data, size, PASSWORD, &source, &reply);
	demand(reply.bytes <= sizeof(reply.data));
	demand(err != 0 || (reply.error == 0 && reply.bytes > 0));
	demand(err == 0 || (!reply.use_candidate && !reply.controlling));
	if (err == 0 || err == -71 /* EPROTO */) { // what we answer is what a client of ours takes
		int taken = hz_stun_response(reply.data, reply.bytes, data + 8, PASSWORD, &result);
		demand(taken == err && result.error == reply.error);
	}
	if (seen == 0 && peek.kind == HZ_STUN_REQUEST)
		demand(strlen(peek.local_ufrag) >= 4 && strlen(peek.remote_ufrag) >= 4);
	if (size >= 20)
		hz_stun_response(data, size, data + 8, PASSWORD, &result);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1 || size > MAX_BYTES - 100)
		return 0;
	if (data[0] == 0) {
		take(data + 1, size - 1);
		return 0;
	}
	size_t attributes = (size - 1) & ~(size_t)3;
	size_t bytes = 20 + attributes + 24 + 8;
	uint8_t *message = calloc(1, bytes); // exact: ASan sees a read past the end
	demand(message != NULL);
	message[0] = data[0] & 1 ? 0 : 1; // request or response
	message[1] = data[0] & 2 ? 0x11 : 0x01;
	memcpy(message + 4, "\x21\x12\xa4\x42", 4);
	memcpy(message + 8, "transaction.", 12);
	memcpy(message + 20, data + 1, attributes);
	demand(sign(message, 20 + attributes) == bytes);
	take(message, bytes);
	free(message);
	return 0;
}
