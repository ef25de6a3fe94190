// The schema files as the build embedded them (embed.cmake).
#ifndef HZ_SIGNALING_PROTOCOL_EMBEDDED_H
#define HZ_SIGNALING_PROTOCOL_EMBEDDED_H

#include <stddef.h>

struct hz_embedded {
	const char *name; // of the file, without .json; NULL ends the list
	const char *text;
	size_t bytes;
};

extern const struct hz_embedded hz_embedded_schemas[];

#endif
