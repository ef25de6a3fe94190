// Events on their way into a record's journal: kept in memory and in the store until the recorder has them on disk,
// numbered without gaps. Thread: control's.
#ifndef HZ_GATEWAY_SESSION_RECORD_RECORD_EVENTS_H
#define HZ_GATEWAY_SESSION_RECORD_RECORD_EVENTS_H

#include "gateway/session/record/record.h"

// type and detail as in recorder/api.h; takes over detail (NULL: {}). participant: "" none. record NULL, or one that is
// ending: does nothing. Beyond the bounds: dropped before it has a number, and counted.
void hz_record_event(struct hz_brain *brain, struct hz_record *record, const char *type,
                     const char *participant, json_t *detail);

// Of a participant: only while there is a record. What a participant says or does itself is recorded only with consent.
void hz_record_event_of(struct hz_brain *brain, const struct hz_participant *p, const char *type,
                        json_t *detail);

// The recorder has opened it: what the journal has already is forgotten, the rest gets its numbers.
void hz_record_events_number(struct hz_brain *brain, struct hz_record *record, uint64_t newest);
void hz_record_events_unsent(struct hz_record *record); // the link has forgotten them
// Hands over what is numbered; true: all of it.
bool hz_record_events_send(struct hz_brain *brain, struct hz_record *record);
void hz_record_event_done(struct hz_brain *brain, struct hz_record *record, uint64_t number);

int hz_record_events_load(struct hz_brain *brain);     // -errno of the store
void hz_record_events_rewrite(struct hz_brain *brain); // the store works again
void hz_record_events_free(struct hz_brain *brain, struct hz_record *record, bool forget);

// Every 10 s: how everybody's connection is.
void hz_record_quality(struct hz_brain *brain, struct hz_record *record);
void hz_record_speakers(struct hz_brain *brain, struct hz_consult *consult,
                        const struct hz_participant *const *who, unsigned count);

#endif
