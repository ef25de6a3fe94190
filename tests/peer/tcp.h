// The test peer's way over TCP: RFC 4571 frames on a connection of its own (RFC 6544, active side). Thread: one.
#ifndef HZ_TESTS_PEER_TCP_H
#define HZ_TESTS_PEER_TCP_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct peer_tcp;

int peer_tcp_new(struct peer_tcp **ret); // 0 or -errno; not connected
void peer_tcp_free(struct peer_tcp *tcp);

// Connects (again), waiting for it. What was under way is forgotten. 0 or -errno.
int peer_tcp_connect(struct peer_tcp *tcp, const struct sockaddr_in6 *to);
bool peer_tcp_alive(const struct peer_tcp *tcp);
int peer_tcp_fd(const struct peer_tcp *tcp); // stays the same over connections; readable when something came

// One packet. What finds no room is dropped, whole.
void peer_tcp_send(struct peer_tcp *tcp, const uint8_t *data, size_t bytes);

// 1: *ret is valid until the next call; 0: nothing whole is there. A connection that ended is not alive any more.
int peer_tcp_receive(struct peer_tcp *tcp, uint8_t **ret, size_t *ret_bytes);

#endif
