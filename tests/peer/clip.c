#include "tests/peer/clip.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/peer/media.h"

#define CLIP_BYTES (64u << 20)

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] | at[1] << 8);
}

static int read_file(const char *path, uint8_t **ret, size_t *ret_bytes)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = f ? malloc(CLIP_BYTES) : NULL;
	int err = !f ? -errno : !data ? -ENOMEM : 0;
	if (!err)
		*ret_bytes = fread(data, 1, CLIP_BYTES, f);
	if (f)
		fclose(f);
	if (!err)
		*ret = data;
	return err;
}

// Bytes of the frame at `at`; 0: damaged.
static size_t frame_bytes(const uint8_t *at, size_t left)
{
	size_t n = 4;
	if (left < 4)
		return 0;
	for (unsigned i = get16(at + 2); i; i--) {
		if (left - n < 2 || get16(at + n) > left - n - 2 || get16(at + n) > PEER_PACKET_BYTES - 100)
			return 0;
		n += 2u + get16(at + n);
	}
	return n;
}

int peer_clip_load(const char *path, struct peer_clip *ret)
{
	struct peer_clip clip = {0};
	size_t bytes = 0, n;
	int err = read_file(path, &clip.file, &bytes);
	if (err)
		return err;
	clip.sound = calloc(bytes / 4 + 1, sizeof(*clip.sound));
	clip.picture = calloc(bytes / 4 + 1, sizeof(*clip.picture));
	err = !clip.sound || !clip.picture                          ? -ENOMEM
	      : bytes < 8 || memcmp(clip.file, "HZCLIP1\n", 8) != 0 ? -EBADMSG
	                                                            : 0;
	for (size_t at = 8; !err && at < bytes; at += n) {
		n = frame_bytes(clip.file + at, bytes - at);
		struct peer_clip_frame f = {clip.file + at + 4, n ? get16(clip.file + at + 2) : 0,
		                            n && clip.file[at + 1]};
		if (!n)
			err = -EBADMSG;
		else if (clip.file[at])
			clip.picture[clip.pictures++] = f;
		else
			clip.sound[clip.sounds++] = f;
	}
	if (!err && (!clip.sounds || !clip.pictures || !clip.picture[0].key))
		err = -EBADMSG;
	if (err)
		peer_clip_free(&clip);
	else
		*ret = clip;
	return err;
}

void peer_clip_free(struct peer_clip *clip)
{
	free(clip->file);
	free(clip->sound);
	free(clip->picture);
	*clip = (struct peer_clip){0};
}

unsigned peer_clip_key(const struct peer_clip *clip, unsigned at)
{
	for (at %= clip->pictures; at && !clip->picture[at].key;)
		at = (at + 1) % clip->pictures;
	return at;
}

const uint8_t *peer_clip_payload(const uint8_t **packets, size_t *ret_bytes)
{
	const uint8_t *payload = *packets + 2;
	*ret_bytes = get16(*packets);
	*packets = payload + *ret_bytes;
	return payload;
}
