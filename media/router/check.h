// Are the fields of a command in bounds and do they make sense by themselves? Used for commands from control and
// again for the copies in the arena at start. Pure; any thread. 0, or -EINVAL.
#ifndef HZ_MEDIA_ROUTER_CHECK_H
#define HZ_MEDIA_ROUTER_CHECK_H

#include "media/api.h"

int hz_check_peer_set(const struct hz_cmd_peer_set *set);
int hz_check_track_set(const struct hz_cmd_track_set *set);
int hz_check_sub_set(const struct hz_cmd_sub_set *set);

// Version, type and length of a whole message as received. 0; -EPROTO another version; -EINVAL.
int hz_check_command(const union hz_msg *msg, size_t bytes);

#endif
