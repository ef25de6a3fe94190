// Tells systemd how we are (sd_notify(3)) without its library: a datagram to $NOTIFY_SOCKET. Nothing when unset.
#ifndef HZ_GATEWAY_SUPERVISOR_NOTIFY_H
#define HZ_GATEWAY_SUPERVISOR_NOTIFY_H

void hz_notify(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
