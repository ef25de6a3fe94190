// A peer's packets come and go by UDP or over one of its TCP connections.
#include "media/worker/relay.h"
#include "media/worker/state.h"

void hz_worker_send(struct hz_worker *w, const struct hz_path *path, const void *data, size_t bytes)
{
	if (path->conn)
		(void)hz_tcp_send(w, path->conn, data, bytes, HZ_TCP_CONTROL); // counts what finds no room
	else if (hz_udp_queue(w->tx, path, data, bytes))
		w->arena->counters.tx_dropped++;
}

void hz_worker_flush(struct hz_worker *w)
{
	hz_udp_flush(w->tx);
	hz_tcp_flush(w);
	hz_relay_flush(w);
}

uint32_t hz_worker_slot(const struct hz_worker *w, const struct hz_path *path)
{
	return path->conn ? hz_tcp_slot(w, path->conn) : hz_addresses_find(w->addresses, &path->remote);
}
