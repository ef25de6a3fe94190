#include "recorder/finalize/dicom_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "gateway/base/hex.h"
#include "media/rtp/bytes.h"

#define FORM      1 // of a slice: another encoder, other settings
#define SUM_BYTES 32
#define MOST      (64 << 20) // of a file

static void add32(EVP_MD_CTX *ctx, uint32_t v)
{
	uint8_t data[4];
	hz_put32(data, v);
	EVP_DigestUpdate(ctx, data, sizeof(data));
}

void hz_cache_name(const struct hz_tape *t, const struct hz_tape_slice *s, char ret[HZ_CACHE_NAME_BYTES])
{
	uint8_t sum[EVP_MAX_MD_SIZE] = {0};
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	const AVCodecParameters *codec = t->in->streams[t->index]->codecpar;
	size_t first, end;
	if (!ctx || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1)
		abort(); // SHA-256 without memory or engine
	hz_slice_packets(t, s, &first, &end);
	// where packets lie matters from the slice's begin on only: the run may be as long as it likes
	int64_t base = s->begin;
	const uint32_t head[] = {FORM,
	                         avcodec_version(),
	                         (uint32_t)t->channels,
	                         (uint32_t)codec->codec_id,
	                         (uint32_t)codec->sample_rate,
	                         (uint32_t)codec->ch_layout.nb_channels,
	                         base == 0,
	                         (uint32_t)(s->stop - base),
	                         s->last,
	                         (uint32_t)(end - first)};
	for (size_t i = 0; i < sizeof(head) / sizeof(head[0]); i++)
		add32(ctx, head[i]);
	add32(ctx, codec->extradata_size > 0 ? (uint32_t)codec->extradata_size : 0);
	if (codec->extradata_size > 0)
		EVP_DigestUpdate(ctx, codec->extradata, (size_t)codec->extradata_size);
	for (size_t i = first; i < end; i++) {
		const struct hz_tape_packet *p = &t->packet[i];
		add32(ctx, (uint32_t)(int32_t)(p->at - base));
		add32(ctx, p->samples);
		add32(ctx, p->bytes);
		EVP_DigestUpdate(ctx, t->data + p->from, p->bytes);
	}
	EVP_DigestFinal_ex(ctx, sum, NULL);
	EVP_MD_CTX_free(ctx);
	hz_hex_text(sum, SUM_BYTES, ret);
}

// --- files

static void path_of(const char *folder, const char *name, bool part, char ret[4096])
{
	snprintf(ret, 4096, "%s/%s%s", folder, part ? "." : "", name);
}

static uint8_t *read_file(const char *path, size_t *ret_bytes)
{
	struct stat st;
	uint8_t *data = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size >= SUM_BYTES + 4 && st.st_size <= MOST)
		data = malloc((size_t)st.st_size);
	size_t n = 0;
	while (data && n < (size_t)st.st_size) {
		ssize_t got = read(fd, data + n, (size_t)st.st_size - n);
		if (got <= 0)
			break;
		n += (size_t)got;
	}
	close(fd);
	if (data && n < (size_t)st.st_size) {
		free(data);
		return NULL;
	}
	*ret_bytes = n;
	return data;
}

static size_t frames_of(const struct hz_tape_slice *s)
{
	return (size_t)((s->stop - s->begin) / HZ_AAC_FRAME) + s->last;
}

// data: of the file; what it holds is copied.
static int parse(const uint8_t *data, size_t bytes, size_t frames, struct hz_slice *ret)
{
	uint8_t sum[EVP_MAX_MD_SIZE];
	struct hz_slice s = {.count = frames, .room = frames};
	size_t head = SUM_BYTES + 4 + 4 * frames;
	if (!EVP_Digest(data + SUM_BYTES, bytes - SUM_BYTES, sum, NULL, EVP_sha256(), NULL) ||
	    memcmp(sum, data, SUM_BYTES) != 0 || hz_get32(data + SUM_BYTES) != frames || bytes < head)
		return -EBADMSG;
	s.frame = calloc(frames ? frames : 1, sizeof(*s.frame));
	s.data = malloc(bytes);
	if (!s.frame || !s.data) {
		hz_slice_done(&s);
		return -ENOMEM;
	}
	for (size_t i = 0; i < frames; i++) {
		s.frame[i] = (struct hz_aac){s.bytes, hz_get32(data + SUM_BYTES + 4 + 4 * i)};
		if (s.frame[i].bytes > bytes - head - s.bytes) {
			hz_slice_done(&s);
			return -EBADMSG;
		}
		s.bytes += s.frame[i].bytes;
	}
	s.data_room = bytes;
	memcpy(s.data, data + head, s.bytes);
	*ret = s;
	return 0;
}

static int load(const char *folder, const struct hz_tape *tape, const struct hz_tape_slice *slice,
                struct hz_slice *ret)
{
	char name[HZ_CACHE_NAME_BYTES], path[4096];
	size_t bytes = 0;
	hz_cache_name(tape, slice, name);
	path_of(folder, name, false, path);
	uint8_t *data = read_file(path, &bytes);
	int err = data ? parse(data, bytes, frames_of(slice), ret) : -ENOENT;
	free(data);
	return err;
}

static int write_file(const char *path, const uint8_t *data, size_t bytes)
{
	int err = 0, fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	while (!err && bytes) {
		ssize_t put = write(fd, data, bytes);
		if (put < 0 && errno != EINTR)
			err = -errno;
		data += put > 0 ? put : 0;
		bytes -= put > 0 ? (size_t)put : 0;
	}
	close(fd); // not synced: after a power cut it is not found, and made again
	return err;
}

static int store(const char *folder, const char *name, const struct hz_slice *s)
{
	char path[4096], part[4096];
	uint8_t sum[EVP_MAX_MD_SIZE];
	size_t head = SUM_BYTES + 4 + 4 * s->count;
	uint8_t *data = malloc(head + s->bytes);
	if (!data)
		return -ENOMEM;
	hz_put32(data + SUM_BYTES, (uint32_t)s->count);
	for (size_t i = 0; i < s->count; i++)
		hz_put32(data + SUM_BYTES + 4 + 4 * i, s->frame[i].bytes);
	memcpy(data + head, s->data, s->bytes);
	int err = EVP_Digest(data + SUM_BYTES, head + s->bytes - SUM_BYTES, sum, NULL, EVP_sha256(), NULL)
	              ? 0
	              : -EIO;
	memcpy(data, sum, SUM_BYTES);
	path_of(folder, name, false, path);
	path_of(folder, name, true, part);
	if (!err)
		err = write_file(part, data, head + s->bytes);
	if (!err && rename(part, path) < 0)
		err = -errno;
	if (err)
		unlink(part);
	free(data);
	return err;
}

// --- both

int hz_cache_slice(const char *folder, const struct hz_tape *tape, const struct hz_tape_slice *slice,
                   struct hz_slice *ret)
{
	if (folder && load(folder, tape, slice, ret) == 0)
		return 0;
	return hz_slice_make(tape, slice, ret);
}

int hz_cache_fill(const char *folder, const struct hz_tape *tape, const struct hz_tape_slice *slice)
{
	struct hz_slice s = {.count = 0};
	char name[HZ_CACHE_NAME_BYTES];
	int err = 0;
	hz_cache_name(tape, slice, name);
	if (load(folder, tape, slice, &s) != 0) {
		err = hz_slice_make(tape, slice, &s);
		if (!err && s.count == frames_of(slice))
			err = store(folder, name, &s);
	}
	hz_slice_done(&s);
	return err;
}
