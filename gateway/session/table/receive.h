// Objects that modalities send: the way from huizhen-receive (media/receive/api.h), which knows the network, to huizhen-studies, which
// reads them. Thread: control's.
#ifndef HZ_GATEWAY_SESSION_TABLE_RECEIVE_H
#define HZ_GATEWAY_SESSION_TABLE_RECEIVE_H

#include "gateway/config.h"
#include "gateway/session/table/studies.h"

struct hz_receive;

// fd: non-blocking, borrowed, as are the studies. -EINVAL: receive.allow, receive.ae_title.
int hz_receive_new(int fd, const struct hz_config *config, struct hz_studies *studies,
                   struct hz_receive **ret);
void hz_receive_free(struct hz_receive *receive); // NULL allowed
int hz_receive_read(struct hz_receive *receive);  // -EPIPE: the socket is gone
void hz_receive_tick(struct hz_receive *receive);

#endif
