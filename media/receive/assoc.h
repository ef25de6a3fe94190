// One association of who sends objects (PS3.8 9.2, the acceptor): bytes in, bytes out, and each object in a file. No network, no clock.
// Thread: one. Strict: what is no protocol ends it with A-ABORT.
#ifndef HZ_MEDIA_RECEIVE_ASSOC_H
#define HZ_MEDIA_RECEIVE_ASSOC_H

#include "media/receive/pdu.h"

#define HZ_ASSOC_OBJECT_BYTES ((uint64_t)512 << 20)
#define HZ_ASSOC_OUT_BYTES    (32u << 10)

struct hz_assoc_config {
	char title[17];    // ours
	char callers[512]; // titles that may call, commas between; "": any
	const char *dir;   // of files without a name
};

enum hz_assoc_state {
	HZ_ASSOC_NEW, // nothing was agreed on
	HZ_ASSOC_OPEN,
	HZ_ASSOC_OFFERED, // an object is there: hz_assoc_answer()
	HZ_ASSOC_ENDING,  // what is in `out` goes out, then the connection ends
};

struct hz_assoc {
	const struct hz_assoc_config *config;
	enum hz_assoc_state state;
	struct hz_pdu_associate with;
	uint8_t *in; // owned: HZ_PDU_HEAD + HZ_PDU_MOST
	size_t in_bytes;
	uint8_t out[HZ_ASSOC_OUT_BYTES];
	size_t out_bytes;
	uint8_t command_bytes[HZ_PDU_COMMAND];
	size_t command_used;
	struct hz_command command;
	uint8_t context; // of the command
	bool in_data;    // a data set is due
	int file;        // -1
	uint64_t file_bytes;
	bool lost; // it could not be written: the rest is read and thrown away
	unsigned objects;
};

int hz_assoc_new(const struct hz_assoc_config *config, struct hz_assoc **ret); // -ENOMEM
void hz_assoc_free(struct hz_assoc *assoc);                                    // NULL allowed
// Where bytes may be put, and how many; then hz_assoc_got(). 0: not now.
size_t hz_assoc_room(struct hz_assoc *assoc, uint8_t **ret);
void hz_assoc_got(struct hz_assoc *assoc, size_t bytes);
void hz_assoc_answer(struct hz_assoc *assoc, uint16_t status); // the offered one's; PS3.4 B.2.3
void hz_assoc_sent(struct hz_assoc *assoc, size_t bytes);      // of out
void hz_assoc_abort(struct hz_assoc *assoc, uint8_t reason);

#endif
