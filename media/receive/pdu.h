// The protocol data units of DICOM's upper layer (PS3.8 9.3) and the commands in them (PS3.7 6.3.1, E), as bytes. Pure. Thread: any.
#ifndef HZ_MEDIA_RECEIVE_PDU_H
#define HZ_MEDIA_RECEIVE_PDU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HZ_PDU_HEAD     6
#define HZ_PDU_BYTES    (64u << 10)  // that we take in one P-DATA-TF, and say so
#define HZ_PDU_MOST     (128u << 10) // of any
#define HZ_PDU_CONTEXTS 128
#define HZ_PDU_UID      65
#define HZ_PDU_COMMAND  4096

enum hz_pdu_type {
	HZ_PDU_ASSOCIATE_RQ = 1,
	HZ_PDU_ASSOCIATE_AC,
	HZ_PDU_ASSOCIATE_RJ,
	HZ_PDU_DATA,
	HZ_PDU_RELEASE_RQ,
	HZ_PDU_RELEASE_RP,
	HZ_PDU_ABORT,
};

struct hz_pdu_context {
	uint8_t id, result;      // 0 accepted, 3 no abstract syntax, 4 no transfer syntax
	char syntax[HZ_PDU_UID]; // the one that was chosen
	bool echo;               // Verification
};
struct hz_pdu_associate {
	char called[17], calling[17]; // without padding
	uint32_t max_bytes;           // that the peer takes; 0: any
	unsigned contexts;
	struct hz_pdu_context context[HZ_PDU_CONTEXTS];
};
// Of the bytes behind its head. Chooses: storage and Verification, and the first transfer syntax offered that is read here. -EBADMSG.
int hz_pdu_associate_read(const uint8_t *body, size_t bytes, struct hz_pdu_associate *ret);
// The answer, whole. 0: it does not fit.
size_t hz_pdu_associate_accept(const struct hz_pdu_associate *with, uint8_t *ret, size_t room);
size_t hz_pdu_short(enum hz_pdu_type type, uint8_t a, uint8_t b, uint8_t c,
                    uint8_t *ret); // RJ, RP, ABORT: 10 bytes

struct hz_pdu_value { // a Presentation Data Value
	uint8_t context;
	bool command, last;
	const uint8_t *data;
	size_t bytes;
};
// The next one of a P-DATA-TF: 1, 0 behind the last, -EBADMSG. *at from 0.
int hz_pdu_value_next(const uint8_t *body, size_t bytes, size_t *at, struct hz_pdu_value *ret);

enum { HZ_C_STORE = 0x0001, HZ_C_ECHO = 0x0030 };
struct hz_command {
	uint16_t command, message;
	bool has_data;
	char sop_class[HZ_PDU_UID], instance[HZ_PDU_UID];
};
int hz_command_read(const uint8_t *bytes, size_t count, struct hz_command *ret); // -EBADMSG
// A P-DATA-TF with the answer to it; room of 512 bytes.
size_t hz_command_answer(const struct hz_command *to, uint8_t context, uint16_t status, uint8_t *ret);
// Preamble and group 2 of the file that the data set makes, the same whoever sends it; room of 1024 bytes.
size_t hz_command_file(const struct hz_command *of, const char *syntax, uint8_t *ret);

#endif
