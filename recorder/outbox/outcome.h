// What became of a delivery.
#ifndef HZ_RECORDER_OUTBOX_OUTCOME_H
#define HZ_RECORDER_OUTBOX_OUTCOME_H

enum hz_outcome {
	HZ_STORED = 1, // they have it (now, or before)
	HZ_AWAY,       // they are not there, or not able: try everything again later
	HZ_LATER,      // not able to take this one: try it again later
	HZ_REFUSED,    // they will not take this one: parked until a hand releases it
	HZ_STOPPED,    // we stop
};

#define HZ_OUTCOME_WHY_BYTES 160

struct hz_outcome_text {
	char why
	    [HZ_OUTCOME_WHY_BYTES]; // one line, no names: shown in the console. "" when stored without remarks
};

// Fills in why; returns outcome.
enum hz_outcome hz_outcome_say(enum hz_outcome outcome, struct hz_outcome_text *ret, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
