// Each configured TURN and STUN server is asked as a client would: an allocation with fresh credentials, made and ended.
#include "gateway/doctor.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <curl/curl.h>

#include "gateway/base/clock.h"
#include "gateway/base/secret.h"
#include "gateway/config_table.h"
#include "media/transport/turn_check.h"
#include "signaling/auth/turn.h"

#define WAIT_MS   500 // for one answer; three tries over UDP (RFC 8489 section 6.2.1)
#define TRIES     3
#define TOTAL_US  4000000
#define STEPS_MAX 6

struct way { // to a server: UDP or a stream
	int udp;
	CURL *curl;
	curl_socket_t stream;
	uint8_t in[2 * HZ_TURN_CHECK_BYTES];
	size_t in_bytes;
	char why[100];
};

static int open_udp(struct way *way, const struct hz_ice_url *url)
{
	struct addrinfo hints = {.ai_socktype = SOCK_DGRAM}, *found = NULL;
	char port[8];
	snprintf(port, sizeof(port), "%u", url->port);
	int err = getaddrinfo(url->host, port, &hints, &found);
	if (err) {
		snprintf(way->why, sizeof(way->why), "%s", gai_strerror(err));
		return -ENOENT;
	}
	way->udp = socket(found->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	err = way->udp < 0 || connect(way->udp, found->ai_addr, found->ai_addrlen) < 0 ? -errno : 0;
	freeaddrinfo(found);
	if (err)
		snprintf(way->why, sizeof(way->why), "%s", strerror(-err));
	return err;
}

static int open_stream(struct way *way, const struct hz_ice_url *url)
{
	char at[HZ_ICE_HOST_BYTES + 24];
	bool v6 = strchr(url->host, ':') != NULL;
	way->curl = curl_easy_init();
	if (!way->curl)
		return -ENOMEM;
	snprintf(at, sizeof(at), "%s://%s%s%s:%u", url->tls ? "https" : "http", v6 ? "[" : "", url->host,
	         v6 ? "]" : "", url->port);
	curl_easy_setopt(way->curl, CURLOPT_URL, at);
	curl_easy_setopt(way->curl, CURLOPT_CONNECT_ONLY, 1L);
	curl_easy_setopt(way->curl, CURLOPT_PROXY, "");
	curl_easy_setopt(way->curl, CURLOPT_TIMEOUT_MS, 3000L);
	CURLcode code = curl_easy_perform(way->curl);
	if (!code)
		code = curl_easy_getinfo(way->curl, CURLINFO_ACTIVESOCKET, &way->stream);
	if (!code)
		return 0;
	snprintf(way->why, sizeof(way->why), "%s", curl_easy_strerror(code));
	return -EIO;
}

static int way_open(struct way *way, const struct hz_ice_url *url)
{
	*way = (struct way){.udp = -1};
	return url->stream ? open_stream(way, url) : open_udp(way, url);
}

static void way_close(struct way *way)
{
	if (way->udp >= 0)
		close(way->udp);
	if (way->curl)
		curl_easy_cleanup(way->curl);
}

static int way_send(struct way *way, const uint8_t *data, size_t bytes)
{
	size_t sent = 0;
	if (way->udp >= 0)
		return send(way->udp, data, bytes, MSG_NOSIGNAL) < 0 ? -errno : 0;
	return curl_easy_send(way->curl, data, bytes, &sent) == CURLE_OK && sent == bytes ? 0 : -EIO;
}

// Reads what is there within ms. 0; -ETIMEDOUT; -EIO.
static int way_read(struct way *way, int ms)
{
	struct pollfd wait = {.fd = way->udp >= 0 ? way->udp : way->stream, .events = POLLIN};
	size_t got = 0;
	if (poll(&wait, 1, ms) != 1)
		return -ETIMEDOUT;
	if (way->udp >= 0) {
		ssize_t n = recv(way->udp, way->in, sizeof(way->in), MSG_DONTWAIT);
		way->in_bytes = n > 0 ? (size_t)n : 0;
		return n < 0 ? -errno : 0;
	}
	CURLcode code =
	    curl_easy_recv(way->curl, way->in + way->in_bytes, sizeof(way->in) - way->in_bytes, &got);
	way->in_bytes += got;
	return code == CURLE_AGAIN || (code == CURLE_OK && got > 0) ? 0 : -EIO;
}

// Bytes of the STUN message at the front: all of a datagram; of a stream what its header says. 0: not whole yet.
static size_t message_bytes(const struct way *way)
{
	if (way->udp >= 0)
		return way->in_bytes;
	size_t bytes = way->in_bytes >= 4 ? 20u + ((size_t)way->in[2] << 8 | way->in[3]) : 0;
	return bytes <= way->in_bytes ? bytes : 0;
}

// One message and its answer. 1, 0 or an error as hz_turn_check_answer(); -ETIMEDOUT.
static int step(struct way *way, struct hz_turn_check *check, int64_t until_us, int *ret_code)
{
	uint8_t buf[HZ_TURN_CHECK_BYTES];
	size_t bytes = 0;
	int err = hz_turn_check_request(check, buf, &bytes);
	for (int i = 0; !err && i < (way->udp >= 0 ? TRIES : 1); i++) {
		int64_t retry_us = hz_now_us() + (way->udp >= 0 ? WAIT_MS * 1000 : TOTAL_US);
		err = way_send(way, buf, bytes);
		way->in_bytes = 0;
		while (!err && hz_now_us() < retry_us && hz_now_us() < until_us) {
			err = way_read(way, WAIT_MS);
			size_t whole = err ? 0 : message_bytes(way);
			int result = whole ? hz_turn_check_answer(check, way->in, whole, ret_code) : -EBADMSG;
			if (result != -EBADMSG)
				return result;
			err = err == -ETIMEDOUT ? 0 : err;
		}
	}
	return err ? err : -ETIMEDOUT;
}

static int converse(struct way *way, struct hz_turn_check *check, int *ret_code)
{
	uint8_t buf[HZ_TURN_CHECK_BYTES];
	size_t bytes = 0;
	int64_t until_us = hz_now_us() + TOTAL_US;
	int err = 0;
	for (int i = 0; err == 0 && i < STEPS_MAX; i++)
		err = step(way, check, until_us, ret_code);
	if (err != 1)
		return err ? err : -EPROTO;
	if (!hz_turn_check_request(check, buf, &bytes)) // ends the allocation; it would end by itself, too
		(void)way_send(way, buf, bytes);
	return 0;
}

static void report(struct hz_doctor *d, const char *url, int err, int code, const char *why)
{
	if (!err)
		hz_doctor_add(d, "turn", HZ_VERDICT_OK, NULL, "%.120s gives a relay", url);
	else if (err == -EACCES)
		hz_doctor_add(
		    d, "turn", HZ_VERDICT_FAIL,
		    "give turn.secret and coturn's static-auth-secret the same value; compare both clocks",
		    "%.120s refuses our credentials", url);
	else if (code)
		hz_doctor_add(d, "turn", HZ_VERDICT_FAIL, "see the TURN server's log",
		              "%.120s answers with error %d", url, code);
	else
		hz_doctor_add(d, "turn", HZ_VERDICT_FAIL,
		              "correct turn.urls, start the server, open its port",
		              "%.100s does not answer: %s", url, why[0] ? why : strerror(-err));
}

static void check_url(struct hz_doctor *d, const char *text)
{
	struct hz_ice_url url;
	struct hz_turn_credential c;
	struct hz_turn_check *check = NULL;
	struct way way;
	int code = 0;
	if (!hz_config_ice_url(text, &url))
		return;
	if (!url.relay) { // tells an address only: nothing of ours depends on it
		hz_doctor_add(d, "turn", HZ_VERDICT_OK, NULL, "%.120s is told to clients, not checked", text);
		return;
	}
	int err = hz_turn_credential(d->config->turn.secret, (int64_t)time(NULL) + 60, "doctor", &c);
	if (!err)
		err = hz_turn_check_new(c.username, c.password, &check);
	if (!err) {
		err = way_open(&way, &url);
		if (!err)
			err = converse(&way, check, &code);
		way_close(&way);
		report(d, text, err, code, way.why);
	}
	hz_turn_check_free(check);
	hz_wipe(&c, sizeof(c));
}

void hz_doctor_turn(struct hz_doctor *d)
{
	if (!*d->config->turn.urls) {
		hz_doctor_add(d, "turn", HZ_VERDICT_OFF, NULL, "no TURN server is configured");
		return;
	}
	char *copy = strdup(d->config->turn.urls), *rest = copy, *one;
	while (copy && (one = strsep(&rest, ","))) {
		one += strspn(one, " ");
		one[strcspn(one, " ")] = '\0';
		check_url(d, one);
	}
	free(copy);
}
