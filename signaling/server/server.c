#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "signaling/server/internal.h"

static int event(struct hz_conn *conn, enum lws_callback_reasons reason, void *in, size_t len)
{
	switch ((int)reason) {
	case LWS_CALLBACK_RAW_RX:
		return hz_conn_on_data(conn, in, len);
	case LWS_CALLBACK_RAW_WRITEABLE:
		return hz_conn_on_writable(conn);
	default:
		return 0;
	}
}

static void on_destroy(struct hz_conn *conn)
{
	conn->wsi = NULL;
	if (!conn->adopting) // else hz_accept frees it: lws tells of a failed adoption in two ways
		hz_conn_free(conn);
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	if (reason ==
	    LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS) { // user: the vhost's SSL_CTX, in: the vhost
		hz_tls_attach(lws_vhost_user(in), user);
		return 0;
	}
	// Both structs begin with their kind. Callbacks of the vhost itself have none.
	void *opaque = wsi ? lws_get_opaque_user_data(wsi) : NULL;
	if (!opaque)
		return 0;
	if (*(enum hz_kind_of_wsi *)opaque == HZ_WSI_FD)
		return hz_loop_on_ready(lws_container_of(opaque, struct hz_server, watch), reason);
	struct hz_conn *conn = opaque;
	if (reason == LWS_CALLBACK_WSI_DESTROY) {
		on_destroy(conn);
		return 0;
	}
	conn->wsi = wsi;
	return event(conn, reason, in, len);
}

static const struct lws_protocols protocols[] = {
    {HZ_PROTOCOL_SOCKET, callback, 0, HZ_READ_BYTES, 0, NULL, HZ_SCRATCH_BYTES},
    {HZ_PROTOCOL_FD, callback, 0, 0, 0, NULL, 0},
    {NULL, NULL, 0, 0, 0, NULL, 0},
};

static void on_lws_log(int level, const char *line)
{
	char safe[200];
	hz_debug("lws", "level=%d line=\"%s\"", level, hz_log_safe(line, safe, sizeof(safe)));
}

static void set_defaults(struct hz_server_limits *l)
{
	const struct hz_server_limits defaults = {
	    .connections = 4000,
	    .connections_per_address = 200,
	    .requests_per_second = 50,
	    .tls_handshakes = 256,
	    .body_bytes = 256 * 1024,
	    .header_bytes = 16 * 1024,
	    .ws_message_bytes = 256 * 1024,
	    .ws_queue_bytes = 256 * 1024,
	    .ws_messages_per_second = 50,
	    .timeout_ms = 10000,
	    .ws_ping_ms = 20000,
	};
#define OR_DEFAULT(field)                                                                                    \
	if (!l->field)                                                                                       \
	l->field = defaults.field
	OR_DEFAULT(connections);
	OR_DEFAULT(connections_per_address);
	OR_DEFAULT(requests_per_second);
	OR_DEFAULT(tls_handshakes);
	OR_DEFAULT(body_bytes);
	OR_DEFAULT(header_bytes);
	OR_DEFAULT(ws_message_bytes);
	OR_DEFAULT(ws_queue_bytes);
	OR_DEFAULT(ws_messages_per_second);
	OR_DEFAULT(timeout_ms);
	OR_DEFAULT(ws_ping_ms);
#undef OR_DEFAULT
}

static void free_origins(char **origins)
{
	for (char **at = origins; at && *at; at++)
		free(*at);
	free(origins);
}

int hz_server_set_origins(struct hz_server *server, const char *const *origins)
{
	unsigned count = 0;
	while (origins && origins[count])
		count++;
	char **copy = calloc(count + 1, sizeof(*copy));
	if (!copy)
		return -ENOMEM;
	for (unsigned i = 0; i < count; i++) {
		copy[i] = strdup(origins[i]);
		if (!copy[i]) {
			free_origins(copy);
			return -ENOMEM;
		}
	}
	free_origins(server->origins);
	server->origins = copy;
	return 0;
}

static int copy_options(struct hz_server *server, const struct hz_server_options *o)
{
	server->limits = o->limits;
	set_defaults(&server->limits);
	server->ops = o->ops;
	server->ctx = o->ctx;
	if (o->cert && !(server->cert = strdup(o->cert)))
		return -ENOMEM;
	if (o->key && !(server->key = strdup(o->key)))
		return -ENOMEM;
	return hz_server_set_origins(server, o->origins);
}

static int make_context(struct hz_server *server, bool tls)
{
	unsigned timeout_s = (server->limits.timeout_ms + 999) / 1000;
	struct lws_context_creation_info info = {
	    .port = CONTEXT_PORT_NO_LISTEN_SERVER,
	    .protocols = protocols,
	    .options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
	    .vhost_name = "huizhen",
	    .gid = (gid_t)-1,
	    .uid = (uid_t)-1,
	    .pt_serv_buf_size = HZ_READ_BYTES,
	    .timeout_secs = timeout_s,
	    .alpn = "http/1.1",
	};
	if (tls) {
		info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
		info.user = server; // lws_vhost_user()
		info.ssl_cert_filepath = server->cert;
		info.ssl_private_key_filepath = server->key;
		info.ssl_options_set = SSL_OP_NO_TLSv1 | SSL_OP_NO_TLSv1_1 | SSL_OP_NO_RENEGOTIATION;
	}
	lws_set_log_level(LLL_ERR, on_lws_log);
	server->context = lws_create_context(&info);
	if (!server->context)
		return -ENOMEM;
	server->vhost = lws_create_vhost(server->context, &info);
	return server->vhost ? 0 : -EIO;
}

static bool options_valid(const struct hz_server_options *o)
{
	return o->ops.on_request && o->ops.on_ws_open && o->ops.on_ws_text && o->ops.on_ws_close &&
	       (o->https_fd < 0 || (o->cert && o->key)) && o->limits.header_bytes <= 48 * 1024;
}

int hz_server_new(const struct hz_server_options *options, struct hz_server **ret)
{
	int err;
	bool tls = options->https_fd >= 0;
	if (!options_valid(options))
		return -EINVAL;
	struct hz_server *server = calloc(1, sizeof(*server));
	if (!server)
		return -ENOMEM;
	server->spare_fd = server->door_epoll = server->watch.epoll = -1;
	err = copy_options(server, options);
	if (!err && tls)
		err = hz_tls_load(server->cert, server->key, &server->tls);
	if (!err)
		err = hz_limits_new(server->limits.connections_per_address,
		                    server->limits.requests_per_second, &server->addresses);
	if (!err)
		err = make_context(server, tls);
	if (!err)
		err = hz_loop_start(server);
	if (!err)
		err = hz_accept_start(server, options->http_fd, options->https_fd);
	if (err) {
		hz_server_free(server);
		return err;
	}
	*ret = server;
	return 0;
}

void hz_server_free(struct hz_server *server)
{
	if (!server)
		return;
	server->destroying = true;
	lws_sul_cancel(&server->stop_timer);
	if (server->context)
		lws_context_destroy(server->context);
	server->context = NULL;
	while (server->conns)
		hz_conn_free(server->conns);
	hz_body_stop(server);
	hz_loop_free(server);
	hz_limits_free(server->addresses);
	free_origins(server->origins);
	SSL_CTX_free(server->tls);
	free(server->cert);
	free(server->key);
	if (server->spare_fd >= 0)
		close(server->spare_fd);
	if (server->door_epoll >= 0)
		close(server->door_epoll);
	free(server);
}

int hz_server_run(struct hz_server *server)
{
	while (!server->stopping || (server->conns && hz_now_us() < server->stop_at_us)) {
		if (lws_service(server->context, server->deferred_count ? -1 : 0) < 0)
			return -EIO;
		hz_loop_run_deferred(server);
	}
	return 0;
}

static void on_stop_timer(lws_sorted_usec_list_t *sul)
{
	(void)sul; // it only has to wake the loop
}

void hz_server_stop(struct hz_server *server, int code, const char *reason)
{
	if (server->stopping)
		return;
	server->stopping = true;
	server->stop_at_us = hz_now_us() + HZ_STOP_US;
	lws_sul_schedule(server->context, 0, &server->stop_timer, on_stop_timer, HZ_STOP_US);
	hz_accept_stop(server);
	for (struct hz_conn *conn = server->conns; conn; conn = conn->next) {
		conn->close_after = true;
		if (conn->ws)
			hz_ws_close(conn->ws, code, reason);
		else if (conn->stage == HZ_STAGE_HEAD)
			hz_conn_kill(conn);
	}
	lws_cancel_service(server->context);
}

const struct hz_server_counters *hz_server_counters(struct hz_server *server)
{
	hz_accept_handshakes(server);
	server->counters.addresses = hz_limits_count(server->addresses);
	return &server->counters;
}

int hz_server_reload_tls(struct hz_server *server, const char *cert, const char *key)
{
	SSL_CTX *fresh = NULL;
	int err = server->tls ? hz_tls_load(cert, key, &fresh) : -EINVAL;
	if (err)
		return err;
	SSL_CTX_free(server->tls);
	server->tls = fresh;
	return 0;
}
