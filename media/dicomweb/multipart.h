// The one part of a multipart/related answer (RFC 2387, PS3.18 8.6): pure, bounded, for bytes of strangers. Thread: any.
#ifndef HZ_MEDIA_DICOMWEB_MULTIPART_H
#define HZ_MEDIA_DICOMWEB_MULTIPART_H

#include <stddef.h>

struct hz_part { // points into the body
	const char *data;
	size_t bytes;
	char type[128]; // its Content-Type as sent, without control characters; "" none
};

// The part of `body`, whose Content-Type was `type`; a body that is no multipart is the part itself. -EBADMSG: no boundary,
// headers without end, more than one part, no end: it was cut short.
int hz_multipart_only(const char *type, const char *body, size_t bytes, struct hz_part *ret);

#endif
