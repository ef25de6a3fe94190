// HTTPS and WSS: real handshakes with OpenSSL's client.
#include <fcntl.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "tests/unit/server/world.h"

static char cert[64], key[64];

static void make_at(const char *name, const char *kind, const char *key_at, const char *cert_at)
{
	char command[400];
	snprintf(command, sizeof(command),
	         "openssl req -x509 -newkey %s -nodes -days 2 -subj /CN=%s -keyout %s -out %s 2>/dev/null",
	         kind, name, key_at, cert_at);
	assert_int_equal(system(command), 0);
}

static void make_certificate(const char *name)
{
	make_at(name, "ec -pkeyopt ec_paramgen_curve:P-256", key, cert);
}

static int start(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	snprintf(cert, sizeof(cert), "/tmp/hz-tls-%d.crt", getpid());
	snprintf(key, sizeof(key), "/tmp/hz-tls-%d.key", getpid());
	make_certificate("one");
	w->cert = cert;
	w->key = key;
	w->limits.requests_per_second = 100000;
	w->limits.tls_handshakes = 8;
	w->limits.timeout_ms = 1500;
	world_start(w);
	*state = w;
	return 0;
}

static int stop(void **state)
{
	world_stop(*state);
	free(*state);
	unlink(cert);
	unlink(key);
	return 0;
}

static SSL *tls_connect_version(struct world *w, int max_version)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION);
	SSL_CTX_set_max_proto_version(ctx, max_version);
	SSL_CTX_set_cipher_list(ctx, "ALL:@SECLEVEL=0");
	SSL_CTX_set_alpn_protos(ctx, (const unsigned char *)"\x02h2\x08http/1.1", 12);
	SSL *ssl = SSL_new(ctx);
	SSL_CTX_free(ctx);
	SSL_set_fd(ssl, world_connect(w->https_port));
	if (SSL_connect(ssl) == 1)
		return ssl;
	close(SSL_get_fd(ssl));
	SSL_free(ssl);
	ERR_clear_error();
	return NULL;
}

static SSL *tls_connect(struct world *w)
{
	SSL *ssl = tls_connect_version(w, TLS1_3_VERSION);
	assert_non_null(ssl);
	return ssl;
}

static void tls_close(SSL *ssl)
{
	int fd = SSL_get_fd(ssl);
	SSL_shutdown(ssl);
	SSL_free(ssl);
	close(fd);
}

static void tls_put(SSL *ssl, const char *text)
{
	assert_int_equal(SSL_write(ssl, text, (int)strlen(text)), (int)strlen(text));
}

// Reads one answer with Content-Length; its status. `wanted` stands in a small body, or is a large one.
static int tls_answer(SSL *ssl, char head[4096], const char *wanted)
{
	size_t n = 0;
	while (n < 4095 && (n < 4 || memcmp(head + n - 4, "\r\n\r\n", 4) != 0)) {
		if (SSL_read(ssl, head + n, 1) != 1)
			return -1;
		n++;
	}
	head[n] = '\0';
	const char *length = strcasestr(head, "\r\nContent-Length: ");
	size_t bytes = length ? strtoul(length + 18, NULL, 10) : 0, have = 0;
	char *body = malloc(bytes + 1);
	while (have < bytes) {
		int got = SSL_read(ssl, body + have, (int)(bytes - have));
		assert_true(got > 0);
		have += (size_t)got;
	}
	body[have] = '\0';
	if (wanted && bytes < 1000)
		assert_non_null(strstr(body, wanted));
	else if (wanted)
		assert_memory_equal(body, wanted, bytes);
	free(body);
	return atoi(head + 9);
}

static void test_https(void **state)
{
	struct world *w = *state;
	char head[4096];
	const unsigned char *alpn;
	unsigned alpn_bytes;
	SSL *ssl = tls_connect(w);
	SSL_get0_alpn_selected(ssl, &alpn, &alpn_bytes);
	assert_int_equal(alpn_bytes, 8);
	assert_memory_equal(alpn, "http/1.1", 8);
	for (int i = 0; i < 3; i++) {
		tls_put(ssl, "GET /facts HTTP/1.1\r\nHost: h\r\n\r\n");
		assert_int_equal(tls_answer(ssl, head, "method=GET head=0 tls=1 loopback=1"), 200);
		tls_put(ssl, "GET /big HTTP/1.1\r\nHost: h\r\n\r\n");
		assert_int_equal(tls_answer(ssl, head, w->big), 200);
	}
	// Pipelined in one record: what OpenSSL has decrypted must not be forgotten.
	tls_put(ssl, "GET /big HTTP/1.1\r\nHost: h\r\n\r\nGET /big HTTP/1.1\r\nHost: h\r\n\r\n"
	             "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nlast");
	assert_int_equal(tls_answer(ssl, head, w->big), 200);
	assert_int_equal(tls_answer(ssl, head, w->big), 200);
	assert_int_equal(tls_answer(ssl, head, "last"), 200);
	tls_close(ssl);
	// The plain port beside it is plain.
	int fd = world_connect(w->http_port);
	put_text(fd, "GET /facts HTTP/1.1\r\nHost: h\r\n\r\n");
	assert_int_equal(get_answer(fd, false, head, NULL, NULL), 200);
	close(fd);
}

static void test_large_body(void **state)
{
	struct world *w = *state;
	char head[4096];
	SSL *ssl = tls_connect(w);
	tls_put(ssl, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 200000\r\n\r\n");
	for (int at = 0; at < 200000; at += 20000)
		assert_int_equal(SSL_write(ssl, w->big + at, 20000), 20000);
	assert_int_equal(tls_answer(ssl, head, w->big), 200);
	tls_close(ssl);
}

static void test_wss(void **state)
{
	struct world *w = *state;
	char head[4096], frame[16];
	SSL *ssl = tls_connect(w);
	tls_put(ssl, "GET /ws HTTP/1.1\r\nHost: h\r\nOrigin: https://h\r\nUpgrade: websocket\r\nConnection: "
	             "Upgrade\r\n"
	             "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
	             "Sec-WebSocket-Protocol: huizhen.v1\r\n\r\n");
	assert_int_equal(tls_answer(ssl, head, NULL), 101);
	assert_int_equal(SSL_write(ssl, "\x81\x82\0\0\0\0hi\x81\x82\0\0\0\0ho", 16), 16);
	assert_int_equal(SSL_read(ssl, frame, 4), 4);
	assert_memory_equal(frame, "\x81\x02hi", 4);
	assert_int_equal(SSL_read(ssl, frame, 4), 4);
	assert_memory_equal(frame, "\x81\x02ho", 4);
	assert_int_equal(SSL_write(ssl, "\x88\x82\0\0\0\0\x03\xe8", 8), 8);
	assert_int_equal(SSL_read(ssl, frame, 4), 4);
	assert_memory_equal(frame, "\x88\x02\x03\xe8", 4);
	assert_true(wait_for(&w->closed, 1));
	assert_int_equal(w->close_code, 1000);
	assert_int_equal(SSL_read(ssl, frame, 1), 0);
	assert_int_equal(SSL_get_error(ssl, 0), SSL_ERROR_ZERO_RETURN); // close_notify, not a cut
	tls_close(ssl);
}

static void test_versions(void **state)
{
	struct world *w = *state;
	assert_null(tls_connect_version(w, TLS1_VERSION));
	assert_null(tls_connect_version(w, TLS1_1_VERSION));
	SSL *ssl = tls_connect_version(w, TLS1_2_VERSION);
	assert_non_null(ssl);
	assert_string_equal(SSL_get_version(ssl), "TLSv1.2");
	tls_close(ssl);
}

static void test_broken_handshakes(void **state)
{
	struct world *w = *state;
	unsigned random = 7;
	for (int i = 0; i < 300; i++) {
		unsigned char text[200];
		int fd = world_connect(w->https_port);
		for (size_t k = 0; k < sizeof(text); k++) {
			random = random * 1103515245u + 12345u;
			text[k] = (unsigned char)(random >> 16);
		}
		if (i % 2)
			memcpy(text, "\x16\x03\x01\x00\x40\x01\x00\x00\x3c\x03\x03", 11);
		if (i % 3 == 0)
			memcpy(text, "GET / HTTP/1.1\r\nHost: h\r\n\r\n", 27);
		put_bytes(fd, text, sizeof(text));
		char c;
		if (i % 2 == 0)
			recv(fd, &c, 1, 0);
		close(fd);
	}
	tls_close(tls_connect(w));
}

// Connections that never shake hands are bounded in number and time, and finished ones do not count.
static void test_half_open(void **state)
{
	struct world *w = *state;
	SSL *idle[12];
	int fds[8], refused;
	char c;
	for (int i = 0; i < 12; i++)
		idle[i] = tls_connect(w);
	for (int i = 0; i < 8; i++)
		fds[i] = world_connect(w->https_port);
	sleep_ms(100);
	refused = world_connect(w->https_port);
	assert_int_equal(recv(refused, &c, 1, 0), 0);
	close(refused);
	for (int i = 0; i < 8; i++) { // cut after 1.5 s
		assert_true(recv(fds[i], &c, 1, 0) <= 0);
		close(fds[i]);
	}
	tls_close(tls_connect(w));
	for (int i = 0; i < 12; i++)
		tls_close(idle[i]);
}

static void certificate_name(struct world *w, char ret[64])
{
	SSL *ssl = tls_connect(w);
	X509 *x = SSL_get1_peer_certificate(ssl);
	X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, ret, 64);
	X509_free(x);
	tls_close(ssl);
}

static void test_reload(void **state)
{
	struct world *w = *state;
	char name[64];
	certificate_name(w, name);
	assert_string_equal(name, "one");
	make_certificate("two");
	// The loop sleeps: nothing else runs in the server.
	assert_int_equal(hz_server_reload_tls(w->server, cert, key), 0);
	certificate_name(w, name);
	assert_string_equal(name, "two");
	FILE *f = fopen(cert, "w");
	fputs("broken", f);
	fclose(f);
	assert_int_equal(hz_server_reload_tls(w->server, cert, key), -EIO);
	certificate_name(w, name);
	assert_string_equal(name, "two");
}

// Other files, another kind of key, a chain: nobody gets the old one any more, whatever the client likes best.
static void test_reload_elsewhere(void **state)
{
	struct world *w = *state;
	char name[64], other[64], other_key[64], issuer[64], command[300];
	const unsigned char *alpn;
	unsigned alpn_bytes;
	snprintf(other, sizeof(other), "%s.rsa", cert);
	snprintf(other_key, sizeof(other_key), "%s.rsa", key);
	snprintf(issuer, sizeof(issuer), "%s.ca", cert);
	make_at("ca", "rsa:2048", other_key, issuer);
	make_at("three", "rsa:2048", other_key, other);
	snprintf(command, sizeof(command), "cat %s >> %s", issuer, other);
	assert_int_equal(system(command), 0);
	certificate_name(w, name);
	assert_string_equal(name, "one");
	assert_int_equal(hz_server_reload_tls(w->server, other, "/nowhere"), -EIO);
	assert_int_equal(hz_server_reload_tls(w->server, other, key), -EIO); // that of another certificate
	certificate_name(w, name);
	assert_string_equal(name, "one");
	assert_int_equal(hz_server_reload_tls(w->server, other, other_key), 0);
	unlink(other); // it was read
	unlink(other_key);
	unlink(issuer);
	for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		SSL *ssl = tls_connect_version(w, version);
		assert_non_null(ssl);
		X509 *x = SSL_get1_peer_certificate(ssl);
		X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, name, 64);
		X509_free(x);
		assert_string_equal(name, "three");
		assert_int_equal(sk_X509_num(SSL_get_peer_cert_chain(ssl)), 2);
		SSL_get0_alpn_selected(ssl, &alpn, &alpn_bytes);
		assert_int_equal(alpn_bytes, 8);
		tls_close(ssl);
	}
	assert_int_equal(hz_server_reload_tls(w->server, cert, key), 0); // and back
	certificate_name(w, name);
	assert_string_equal(name, "one");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_https, start, stop),
	    cmocka_unit_test_setup_teardown(test_large_body, start, stop),
	    cmocka_unit_test_setup_teardown(test_wss, start, stop),
	    cmocka_unit_test_setup_teardown(test_versions, start, stop),
	    cmocka_unit_test_setup_teardown(test_broken_handshakes, start, stop),
	    cmocka_unit_test_setup_teardown(test_half_open, start, stop),
	    cmocka_unit_test_setup_teardown(test_reload, start, stop),
	    cmocka_unit_test_setup_teardown(test_reload_elsewhere, start, stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
