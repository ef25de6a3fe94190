// What comes over a TCP connection: the look that control takes at the first bytes, and the worker's framing. Cutting a
// stream anywhere must not change what it says.
#include <stdlib.h>
#include <string.h>

#include "media/transport/tcpframe.h"
#include "signaling/server/sniff.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(int condition)
{
	if (!condition)
		abort();
}

static void look(const uint8_t *data, size_t size)
{
	struct hz_sniff all, part;
	hz_sniff(data, size, &all);
	demand(all.kind != HZ_SNIFF_MORE || (all.need > size && all.need <= HZ_SNIFF_BYTES));
	demand(all.kind != HZ_SNIFF_ICE || strlen(all.ufrag) >= 4);
	for (size_t n = 0; n < size && n < HZ_SNIFF_BYTES; n++) {
		uint8_t *exact = malloc(n ? n : 1); // ASan sees a read past the end
		demand(exact != NULL);
		memcpy(exact, data, n);
		hz_sniff(exact, n, &part);
		free(exact);
		demand(part.kind != HZ_SNIFF_MORE || part.need > n);
		demand(part.kind == HZ_SNIFF_MORE || part.kind == all.kind);
	}
}

static void frames(const uint8_t *data, size_t size)
{
	size_t at = 0, n = 0;
	int err;
	while (!(err = hz_tcpframe_next(data + at, size - at, &n))) {
		demand(n <= HZ_TCPFRAME_MAX_BYTES && at + HZ_TCPFRAME_HEADER + n <= size);
		at += HZ_TCPFRAME_HEADER + n;
	}
	demand(err == -11 /* EAGAIN */ || err == -90 /* EMSGSIZE */);
	demand(err != -11 || n > size - at);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 65536)
		return 0;
	look(data, size);
	frames(data, size);
	return 0;
}
