#include "signaling/auth/wish.h"

#include <string.h>

static const char *const names[] = {"off", "off", "on", "automatic"};

const char *hz_record_wish_name(enum hz_record_wish wish)
{
	return (unsigned)wish < sizeof(names) / sizeof(*names) ? names[wish] : "off";
}

enum hz_record_wish hz_record_wish_parse(const char *name)
{
	for (int i = HZ_RECORD_OFF; name && i <= HZ_RECORD_AUTOMATIC; i++) {
		if (strcmp(name, names[i]) == 0)
			return (enum hz_record_wish)i;
	}
	return HZ_RECORD_UNSAID;
}
