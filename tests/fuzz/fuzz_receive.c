// What a sender says to the C-STORE port, from the first byte on; an object that is offered is answered.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "media/receive/assoc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct hz_assoc_config config = {.title = "HUIZHEN", .dir = "/tmp"};
	struct hz_assoc *a = NULL;
	if (hz_assoc_new(&config, &a))
		return 0;
	while (size) {
		uint8_t *to;
		size_t room = hz_assoc_room(a, &to), n = size < room ? size : room;
		if (a->state == HZ_ASSOC_OFFERED) {
			if (a->file < 0)
				abort();
			hz_assoc_answer(a, 0);
			hz_assoc_sent(a, a->out_bytes);
			continue;
		}
		if (!n)
			break;
		memcpy(to, data, n);
		hz_assoc_got(a, n);
		data += n;
		size -= n;
	}
	hz_assoc_free(a);
	return 0;
}
