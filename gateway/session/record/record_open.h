// Inside gateway/session, record*.c only: making records, what the recorder and the store are told of them.
#ifndef HZ_GATEWAY_SESSION_RECORD_RECORD_OPEN_H
#define HZ_GATEWAY_SESSION_RECORD_RECORD_OPEN_H

#include "gateway/session/record/record.h"

struct hz_record *hz_record_new(struct hz_brain *brain, const char *id, const char *consult_id); // NULL
void hz_record_drop(struct hz_brain *brain, struct hz_record *record);                           // frees it
int hz_record_write(struct hz_brain *brain, const struct hz_record *record); // durable on return

// OPEN with schema "record" of recorder/api.h: title, subject, who is there. consult NULL: it is over.
int hz_record_tell_open(struct hz_brain *brain, struct hz_record *record, const struct hz_consult *consult);

// Control's start: tracks of p that were marked stay so where that is still allowed, and are told again; others are cleared.
void hz_record_resume(struct hz_brain *brain, struct hz_participant *p);

#endif
