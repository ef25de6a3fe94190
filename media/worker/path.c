// A peer's packets come and go by UDP, over one of its TCP connections or through one of its agents.
#include "media/rtp/bytes.h"
#include "media/worker/relay.h"
#include "media/worker/state.h"

void hz_worker_send(struct hz_worker *w, const struct hz_path *path, const void *data, size_t bytes)
{
	if (hz_conn_is_agent(path->conn))
		hz_worker_agent_send(w, path->conn, data, bytes);
	else if (path->conn)
		(void)hz_tcp_send(w, path->conn, data, bytes, HZ_TCP_CONTROL); // counts what finds no room
	else if (hz_udp_queue(w->tx, path, data, bytes))
		w->arena->counters.tx_dropped++;
}

void hz_worker_send_media(struct hz_worker *w, uint32_t slot, const void *data, size_t bytes)
{
	uint32_t conn = hz_arena_path(&w->arena->peer[slot])->conn;
	if (hz_conn_is_agent(conn)) {
		hz_worker_agent_send(w, conn, data, bytes);
		return;
	}
	uint8_t kind = hz_router_kind(w->router, slot, hz_get32((const uint8_t *)data + 8));
	(void)hz_tcp_send(w, conn, data, bytes, kind == HZ_KIND_AUDIO ? HZ_TCP_AUDIO : HZ_TCP_VIDEO);
}

bool hz_worker_path_alive(const struct hz_worker *w, const struct hz_path *path)
{
	if (hz_conn_is_agent(path->conn))
		return hz_worker_agent_alive(w, path->conn);
	return !path->conn || hz_tcp_alive(w, path->conn);
}

void hz_worker_flush(struct hz_worker *w)
{
	hz_udp_flush(w->tx);
	hz_tcp_flush(w);
	hz_relay_flush(w);
}

uint32_t hz_worker_slot(const struct hz_worker *w, const struct hz_path *path)
{
	if (hz_conn_is_agent(path->conn))
		return hz_worker_agent_slot(w, path->conn);
	return path->conn ? hz_tcp_slot(w, path->conn) : hz_addresses_find(w->addresses, &path->remote);
}
