#include "gateway/doctor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <curl/curl.h>

#include "gateway/base/secret.h"
#include "gateway/supervisor_ports.h"
#include "media/transport/udp.h"

#define ECHO_MS 500

static void add_port(struct hz_doctor *d, const char *name, int err, const char *what)
{
	if (!err)
		hz_doctor_add(d, name, HZ_VERDICT_OK, NULL, "%s is free", what);
	else if (err == -EADDRINUSE && d->running)
		hz_doctor_add(d, name, HZ_VERDICT_OK, NULL, "%s is in use, a gateway runs here (pid %s)",
		              what, d->pid);
	else if (err == -EADDRINUSE)
		hz_doctor_add(d, name, HZ_VERDICT_FAIL,
		              "find it with ss -lnptu and stop it, or configure another port",
		              "%s is in use by another program", what);
	else
		hz_doctor_add(d, name, HZ_VERDICT_FAIL,
		              "configure an address and port that this user may open",
		              "%s cannot be opened: %s", what, strerror(-err));
}

void hz_doctor_tcp(struct hz_doctor *d, const char *name, const char *address, uint16_t port)
{
	char what[100];
	int fd;
	if (!port) {
		hz_doctor_add(d, name, HZ_VERDICT_OFF, NULL, "switched off");
		return;
	}
	snprintf(what, sizeof(what), "TCP %s port %u", address, port);
	int err = hz_tcp_listen(address, port, &fd);
	if (!err)
		close(fd);
	add_port(d, name, err, what);
}

// A datagram from us to us, over IPv4 as browsers without IPv6 send it.
static int echo(int to, uint16_t port)
{
	uint8_t sent[16], got[32];
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
	struct pollfd wait = {.fd = to, .events = POLLIN};
	int from = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (from < 0)
		return -errno;
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	hz_random(sent, sizeof(sent));
	int err = sendto(from, sent, sizeof(sent), 0, (struct sockaddr *)&at, sizeof(at)) < 0 ? -errno : 0;
	close(from);
	while (!err && poll(&wait, 1, ECHO_MS) == 1) {
		ssize_t n = recv(to, got, sizeof(got), MSG_DONTWAIT);
		if (n == (ssize_t)sizeof(sent) && memcmp(sent, got, sizeof(sent)) == 0)
			return 0;
	}
	return err ? err : -ETIMEDOUT;
}

static void check_udp(struct hz_doctor *d)
{
	unsigned workers = hz_config_workers(d->config);
	char what[100];
	uint16_t first = d->config->media.port;
	for (unsigned i = 0; i < workers; i++) {
		int fd;
		uint16_t port = (uint16_t)(first + i);
		int err = hz_udp_open("", port, &fd);
		int back = err ? 0 : echo(fd, port);
		if (!err)
			close(fd);
		if (back)
			hz_doctor_add(d, "media", HZ_VERDICT_FAIL,
			              "allow UDP on the loopback interface (nft list ruleset)",
			              "a datagram to 127.0.0.1 port %u does not arrive: %s", port,
			              strerror(-back));
		if (err && (err != -EADDRINUSE || !d->running || i == 0)) {
			snprintf(what, sizeof(what), "UDP port %u", port);
			add_port(d, "media", err, what);
		}
		if (err || back)
			return;
	}
	snprintf(what, sizeof(what), "UDP port%s %u to %u", workers > 1 ? "s" : "", first,
	         first + workers - 1);
	add_port(d, "media", 0, what);
}

static size_t discard(char *data, size_t size, size_t count, void *user)
{
	return size * count;
}

static const char *loopback_of(const char *address)
{
	if (strcmp(address, "0.0.0.0") == 0)
		return "127.0.0.1";
	return strcmp(address, "::") == 0 ? "::1" : address;
}

static int ask(const char *url, long *ret_status)
{
	CURL *curl = curl_easy_init();
	if (!curl)
		return -ENOMEM;
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 3000L);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, discard);
	// Is it alive, is all that is asked: the certificate has a check of its own.
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
	CURLcode code = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, ret_status);
	curl_easy_cleanup(curl);
	return code == CURLE_OK ? 0 : -EIO;
}

static void check_ready(struct hz_doctor *d)
{
	char url[128];
	long status = 0;
	bool plain = d->config->http.port != 0;
	const char *address = loopback_of(plain ? d->config->http.address : d->config->https.address);
	unsigned port = plain ? d->config->http.port : d->config->https.port;
	bool v6 = strchr(address, ':') != NULL;
	if (!d->running) {
		hz_doctor_add(d, "gateway", HZ_VERDICT_OFF, NULL, "not running with this data folder");
		return;
	}
	snprintf(url, sizeof(url), "%s://%s%s%s:%u/readyz", plain ? "http" : "https", v6 ? "[" : "", address,
	         v6 ? "]" : "", port);
	int err = ask(url, &status);
	if (err)
		hz_doctor_add(d, "gateway", HZ_VERDICT_FAIL, "see its log",
		              "runs (pid %s) but does not answer at %s", d->pid, url);
	else if (status != 200)
		hz_doctor_add(d, "gateway", HZ_VERDICT_FAIL, "see its log",
		              "runs (pid %s) but is not ready: %ld at %s", d->pid, status, url);
	else
		hz_doctor_add(d, "gateway", HZ_VERDICT_OK, NULL, "runs (pid %s) and is ready", d->pid);
}

void hz_doctor_network(struct hz_doctor *d)
{
	const struct hz_config *c = d->config;
	hz_doctor_tcp(d, "http", c->http.address, c->http.port);
	hz_doctor_tcp(d, "https", c->https.address, c->https.port);
	check_udp(d);
	check_ready(d);
}
