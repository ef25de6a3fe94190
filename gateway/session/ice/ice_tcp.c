#include "gateway/session/ice/ice_tcp.h"

#include <errno.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/link/media_link.h"

static void drop(struct hz_brain *brain, struct hz_peer *peer, char ufrag[HZ_UFRAG_BYTES])
{
	if (ufrag[0] && hz_map_get(brain->ufrags, ufrag) == peer)
		hz_map_del(brain->ufrags, ufrag);
	ufrag[0] = '\0';
}

void hz_ice_tcp_register(struct hz_brain *brain, struct hz_peer *peer)
{
	const char *now = peer->cmd.local_ufrag;
	if (strcmp(peer->ufrag, now) == 0)
		return;
	drop(brain, peer, peer->old_ufrag);
	memcpy(peer->old_ufrag, peer->ufrag, sizeof(peer->old_ufrag));
	peer->ufrag[0] = '\0';
	if (!now[0])
		return;
	int err = hz_map_set(brain->ufrags, now, peer);
	if (err) // it still has UDP
		hz_warn("ice_tcp.register", "err=%d", -err);
	else
		memcpy(peer->ufrag, now, sizeof(peer->ufrag));
}

void hz_ice_tcp_forget(struct hz_brain *brain, struct hz_peer *peer)
{
	drop(brain, peer, peer->ufrag);
	drop(brain, peer, peer->old_ufrag);
}

int hz_ice_tcp_accept(struct hz_brain *brain, const struct hz_ice_tcp *conn)
{
	const struct hz_peer *peer = hz_map_get(brain->ufrags, conn->local_ufrag);
	if (!peer || !brain->worker[peer->worker].link)
		return -ENOENT;
	struct hz_cmd_tcp_accept cmd = {.peer = peer->id, .remote = conn->remote, .local = conn->local};
	return hz_media_link_send_fd(brain->worker[peer->worker].link, &cmd, conn->fd);
}
