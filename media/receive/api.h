// What control and huizhen-receive say to each other over a SOCK_SEQPACKET pair: fixed structs, both of one installation. After HELLO
// control says SETUP; each object is OFFERed with its file, and answered by one RESULT.
#ifndef HZ_MEDIA_RECEIVE_API_H
#define HZ_MEDIA_RECEIVE_API_H

#include <stdint.h>

#include "media/ingest/api.h"

#define HZ_RECEIVE_VERSION 1u

enum hz_receive_type { HZ_RECEIVE_SETUP = 1, HZ_RECEIVE_RESULT, HZ_RECEIVE_HELLO = 64, HZ_RECEIVE_OFFER };

struct hz_receive_header {
	uint16_t version, type;
	uint32_t bytes;
};
struct hz_receive_setup {
	struct hz_receive_header h;
	uint16_t port;
	uint8_t networks, reserved;
	struct hz_ingest_network network[HZ_INGEST_NETWORKS]; // who may connect
	char title[17], callers[512];                         // hz_assoc_config
	char dir[1025];                                       // of files under way; made when missing
};
struct hz_receive_result {
	struct hz_receive_header h;
	uint64_t id;
	uint32_t status; // of C-STORE (PS3.4 B.2.3)
	uint32_t reserved;
};
struct hz_receive_offer {
	struct hz_receive_header h;
	uint64_t id;
};

#endif
