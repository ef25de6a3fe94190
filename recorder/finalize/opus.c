#include "recorder/finalize/opus.h"

#include <errno.h>

#define MAX_FRAME   1275
#define MAX_SAMPLES 5760

static uint32_t frame_samples(uint8_t toc)
{
	unsigned config = toc >> 3;
	static const uint16_t silk[] = {480, 960, 1920, 2880}, celt[] = {120, 240, 480, 960};
	if (config < 12)
		return silk[config & 3];
	if (config < 16)
		return config & 1 ? 960 : 480;
	return celt[config & 3];
}

// A frame's length (3.2.1); moves *at. -1: damaged.
static int read_length(const uint8_t *p, size_t bytes, size_t *at)
{
	if (*at >= bytes)
		return -1;
	int n = p[(*at)++];
	if (n < 252)
		return n;
	if (*at >= bytes)
		return -1;
	return n + 4 * p[(*at)++];
}

static int parse_two(const uint8_t *p, size_t bytes, bool same, size_t *ret_coded)
{
	size_t at = 1;
	if (same) {
		if ((bytes - 1) % 2 || (bytes - 1) / 2 > MAX_FRAME)
			return -EBADMSG;
		*ret_coded = bytes - 1;
		return 0;
	}
	int first = read_length(p, bytes, &at);
	if (first < 0 || (size_t)first > bytes - at || bytes - at - (size_t)first > MAX_FRAME)
		return -EBADMSG;
	*ret_coded = bytes - at;
	return 0;
}

static int parse_many(const uint8_t *p, size_t bytes, unsigned *ret_count, size_t *ret_coded)
{
	size_t at = 2, padding = 0;
	if (bytes < 2)
		return -EBADMSG;
	unsigned count = p[1] & 0x3f;
	if (count == 0 || count > 48)
		return -EBADMSG;
	if (p[1] & 0x40) {
		uint8_t n;
		do {
			if (at >= bytes)
				return -EBADMSG;
			n = p[at++];
			padding += n == 255 ? 254 : n;
		} while (n == 255);
	}
	if (padding > bytes - at)
		return -EBADMSG;
	bytes -= padding;
	size_t coded = 0, last;
	if (p[1] & 0x80) { // VBR
		for (unsigned i = 1; i < count; i++) {
			int n = read_length(p, bytes, &at);
			if (n < 0)
				return -EBADMSG;
			coded += (size_t)n;
		}
		if (coded > bytes - at)
			return -EBADMSG;
		last = bytes - at - coded;
	} else {
		last = (bytes - at) / count;
		if ((bytes - at) % count)
			return -EBADMSG;
	}
	if (last > MAX_FRAME)
		return -EBADMSG;
	*ret_count = count;
	*ret_coded = bytes - at;
	return 0;
}

int hz_opus_parse(const uint8_t *packet, size_t bytes, struct hz_opus_info *ret)
{
	unsigned count = 1;
	size_t coded = bytes - 1;
	int err = 0;
	if (bytes == 0)
		return -EBADMSG;
	unsigned code = packet[0] & 3;
	if (code == 0) {
		err = bytes - 1 > MAX_FRAME ? -EBADMSG : 0;
	} else if (code < 3) {
		count = 2;
		err = parse_two(packet, bytes, code == 1, &coded);
	} else {
		err = parse_many(packet, bytes, &count, &coded);
	}
	uint32_t samples = count * frame_samples(packet[0]);
	if (err || samples > MAX_SAMPLES)
		return -EBADMSG;
	*ret = (struct hz_opus_info){
	    .samples = samples, .stereo = packet[0] & 4, .silent = coded <= (size_t)count};
	return 0;
}

uint32_t hz_opus_silence(uint32_t samples, uint8_t ret[HZ_OPUS_SILENCE_BYTES])
{
	// CELT, fullband, mono: configurations 31 down to 28; then a range coder that says "silence" at once
	static const uint16_t length[] = {120, 240, 480, 960};
	for (unsigned i = 4; i-- > 0;) {
		if (length[i] > samples)
			continue;
		ret[0] = (uint8_t)((28 + i) << 3);
		ret[1] = 0xff;
		ret[2] = 0xfe;
		return length[i];
	}
	return 0;
}
