#include "tests/peer/dump.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "media/rtp/packet.h"
#include "tests/peer/offer.h"

struct peer_dump {
	FILE *file;
	uint16_t seq;
	bool started, waits; // waits: for parameter sets
};

int peer_dump_new(const char *path, struct peer_dump **ret)
{
	struct peer_dump *d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->file = fopen(path, "wb");
	if (!d->file) {
		int err = -errno;
		free(d);
		return err;
	}
	d->waits = true;
	*ret = d;
	return 0;
}

void peer_dump_free(struct peer_dump *dump)
{
	if (!dump)
		return;
	fclose(dump->file);
	free(dump);
}

static void begin(struct peer_dump *d, uint8_t header)
{
	const uint8_t start[5] = {0, 0, 0, 1, header};
	if ((header & 0x1f) == 7)
		d->waits = false;
	if (!d->waits)
		fwrite(start, 1, sizeof(start), d->file);
}

static void unit(struct peer_dump *d, const uint8_t *nal, size_t bytes)
{
	if (!bytes)
		return;
	begin(d, nal[0]);
	if (!d->waits)
		fwrite(nal + 1, 1, bytes - 1, d->file);
}

static void stap(struct peer_dump *d, const uint8_t *p, size_t bytes)
{
	for (size_t at = 1; at + 2 <= bytes;) {
		size_t n = (size_t)p[at] << 8 | p[at + 1];
		at += 2;
		if (n > bytes - at)
			return;
		unit(d, p + at, n);
		at += n;
	}
}

static void fragment(struct peer_dump *d, const uint8_t *p, size_t bytes)
{
	if (bytes < 2)
		return;
	if (p[1] & 0x80)
		begin(d, (uint8_t)((p[0] & 0xe0) | (p[1] & 0x1f)));
	if (!d->waits)
		fwrite(p + 2, 1, bytes - 2, d->file);
}

void peer_dump_take(struct peer_dump *dump, const uint8_t *packet, size_t bytes)
{
	struct hz_rtp_packet rtp;
	if (hz_rtp_parse(packet, bytes, &rtp) != 0 || rtp.pt != PEER_PT_VIDEO)
		return;
	if (dump->started && rtp.seq != (uint16_t)(dump->seq + 1))
		dump->waits = true;
	dump->started = true;
	dump->seq = rtp.seq;
	if (!rtp.payload_bytes) // padding
		return;
	switch (rtp.payload[0] & 0x1f) {
	case 24:
		stap(dump, rtp.payload, rtp.payload_bytes);
		break;
	case 28:
		fragment(dump, rtp.payload, rtp.payload_bytes);
		break;
	default:
		unit(dump, rtp.payload, rtp.payload_bytes);
	}
	if (rtp.marker)
		fflush(dump->file);
}
