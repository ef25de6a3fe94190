// H.264 that was received, as a file that a decoder reads (Annex B): packets of one stream in the order in which they come; behind a
// gap nothing until the next parameter sets, as a decoder that shows nothing smeared would have it. Thread: one.
#ifndef HZ_TESTS_PEER_DUMP_H
#define HZ_TESTS_PEER_DUMP_H

#include <stddef.h>
#include <stdint.h>

struct peer_dump;
int peer_dump_new(const char *path, struct peer_dump **ret); // -errno
void peer_dump_free(struct peer_dump *dump);                 // NULL allowed
void peer_dump_take(struct peer_dump *dump, const uint8_t *packet, size_t bytes);

#endif
