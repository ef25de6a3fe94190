// What happened: in a consult (visit.h), in its broadcast (broadcasts.h). Each is a log of its own, read in the same way.
#ifndef HZ_GATEWAY_STORE_EVENT_ROW_H
#define HZ_GATEWAY_STORE_EVENT_ROW_H

#include <stdbool.h>
#include <stdint.h>

struct hz_event_row {
	const char *consult, *participant, *type;
	const char *detail;   // a JSON object
	int64_t seq, time_ms; // seq: given by the store, up in each log
};
typedef bool hz_event_row_cb(void *arg, const struct hz_event_row *row); // false: stop

#endif
