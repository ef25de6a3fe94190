#include "recorder/outbox/outcome.h"

#include <stdarg.h>
#include <stdio.h>

enum hz_outcome hz_outcome_say(enum hz_outcome outcome, struct hz_outcome_text *ret, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(ret->why, sizeof(ret->why), fmt, ap);
	va_end(ap);
	return outcome;
}
