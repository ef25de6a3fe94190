// What a datagram on the shared media port is, by its first bytes (RFC 7983; RTP from RTCP by RFC 5761
// section 4). A guess only: each protocol checks its own bytes. Pure; any thread.
#ifndef HZ_MEDIA_TRANSPORT_DEMUX_H
#define HZ_MEDIA_TRANSPORT_DEMUX_H

#include <stddef.h>
#include <stdint.h>

enum hz_demux { HZ_DEMUX_JUNK = 0, HZ_DEMUX_STUN, HZ_DEMUX_DTLS, HZ_DEMUX_RTP, HZ_DEMUX_RTCP };

// Shorter than the smallest whole header of its protocol (STUN 20, DTLS 13, RTP 12, RTCP 8): junk.
enum hz_demux hz_demux(const uint8_t *data, size_t bytes);

#endif
