#include "recorder/journal/chain.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "recorder/journal/file.h"

#define DATA_BYTES (HZ_JOURNAL_CHUNK_HEAD + HZ_JOURNAL_CHUNK_BYTES + HZ_JOURNAL_CHUNK_TAIL)
#define SECTOR     512u
#define ZEROS      32u // fewer at the end of a file may be chance

void hz_segment_name(uint32_t number, char ret[16])
{
	snprintf(ret, 16, "%04u.hzj", number % (HZ_JOURNAL_SEGMENTS + 1));
}

static bool segment_number(const char *name, uint32_t *ret)
{
	if (strspn(name, "0123456789") != 4 || strcmp(name + 4, ".hzj") != 0)
		return false;
	*ret = (uint32_t)strtoul(name, NULL, 10);
	return *ret > 0;
}

int hz_chain_newest(int dir_fd, uint32_t *ret)
{
	uint32_t newest = 0, n;
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	if (!dir) {
		int err = -errno;
		if (fd >= 0)
			close(fd);
		return err;
	}
	errno = 0;
	for (struct dirent *e; (e = readdir(dir));)
		if (segment_number(e->d_name, &n) && n > newest)
			newest = n;
	int err = -errno;
	closedir(dir);
	if (!err)
		*ret = newest;
	return err;
}

int hz_chain_open(int dir_fd, uint32_t from, struct hz_chain *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->dir_fd = dir_fd;
	ret->fd = -1;
	ret->from = from;
	ret->segment.number = from - 1;
	int err = hz_chain_newest(dir_fd, &ret->last);
	if (!err)
		err = hz_hasher_new(&ret->hasher);
	if (!err && !(ret->data = malloc(DATA_BYTES)))
		err = -ENOMEM;
	if (err)
		hz_chain_close(ret);
	return err;
}

void hz_chain_close(struct hz_chain *chain)
{
	if (chain->fd >= 0)
		close(chain->fd);
	if (chain->dir_fd >= 0)
		close(chain->dir_fd);
	chain->fd = chain->dir_fd = -1;
	hz_hasher_free(chain->hasher);
	free(chain->data);
	chain->hasher = NULL;
	chain->data = NULL;
}

int hz_chain_fault(struct hz_chain *chain, const char *what)
{
	struct hz_journal_fault *f = &chain->fault;
	if (f->what[0])
		return -EBADMSG;
	hz_segment_name(chain->segment.number, f->file);
	f->offset = chain->chunk_offset;
	f->chunk = chain->chunk_offset == 0 ? 0 : chain->number + chain->reading;
	snprintf(f->what, sizeof(f->what), "%s", what);
	return -EBADMSG;
}

static bool is_last(const struct hz_chain *c)
{
	return c->segment.number == c->last;
}

// After a power cut a file may have its length and not its contents: zeros from a sector's begin to the end of the file.
// No single altered byte looks like that, and who can zero a tail can as well cut it off.
static int zero_tail(struct hz_chain *c, uint64_t from, bool *ret)
{
	uint8_t buf[4096];
	uint64_t end = c->size;
	while (end > from) {
		size_t n = end - from < sizeof(buf) ? (size_t)(end - from) : sizeof(buf);
		ssize_t got = hz_file_read(c->fd, buf, n, end - n);
		if (got < 0)
			return (int)got;
		size_t k = (size_t)got;
		while (k > 0 && buf[k - 1] == 0)
			k--;
		end -= n - k;
		if (k > 0)
			break;
	}
	uint64_t sector = (end + SECTOR - 1) / SECTOR * SECTOR;
	*ret = (end == from || sector < c->size) && c->size - end >= ZEROS;
	return 0;
}

static int torn(struct hz_chain *c)
{
	c->torn_bytes = c->size - c->offset;
	c->torn_head = c->offset == 0;
	return 0;
}

// What lies at the offset is no chunk: 0 torn off by a crash, or -EBADMSG.
static int broken(struct hz_chain *c, const char *what)
{
	bool zeros = false;
	int err = is_last(c) ? zero_tail(c, c->offset, &zeros) : 0;
	if (err)
		return err;
	return zeros ? torn(c) : hz_chain_fault(c, what);
}

// The file ends before its chunk or header does.
static int short_of(struct hz_chain *c, const void *have, size_t bytes)
{
	size_t most = c->offset ? sizeof(hz_chunk_magic) : sizeof(hz_segment_magic);
	if (memcmp(have, c->offset ? hz_chunk_magic : hz_segment_magic, bytes < most ? bytes : most) != 0)
		return broken(c, c->offset ? "not a chunk's head" : "not a segment's header");
	return is_last(c) ? torn(c) : hz_chain_fault(c, "cut off, and a segment follows");
}

static int check_segment(struct hz_chain *c, const struct hz_segment_head *h, uint32_t number)
{
	char what[96];
	if (h->number != number) {
		snprintf(what, sizeof(what), "is of segment %u", h->number);
		return hz_chain_fault(c, what);
	}
	if (c->record_known && memcmp(h->record, c->record, 16) != 0)
		return hz_chain_fault(c, "is of another record");
	if (c->chain_known && memcmp(h->chain, c->chain, sizeof(h->chain)) != 0)
		return hz_chain_fault(c, "does not follow the segment before: the chain is broken");
	return 0;
}

// 1: a segment is open and its header good; 0 the end of all.
static int next_segment(struct hz_chain *c)
{
	uint8_t data[HZ_JOURNAL_SEGMENT_HEAD];
	uint32_t number = c->segment.number + 1;
	struct hz_segment_head head;
	struct stat st;
	char name[16];
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	if (number > c->last)
		return 0;
	c->segment.number = number;
	c->offset = c->chunk_offset = c->size = 0;
	hz_segment_name(number, name);
	c->fd = openat(c->dir_fd, name, O_RDONLY | O_CLOEXEC);
	if (c->fd < 0)
		return errno == ENOENT ? hz_chain_fault(c, "is missing") : -errno;
	if (fstat(c->fd, &st) < 0)
		return -errno;
	c->size = (uint64_t)st.st_size;
	c->segments++;
	c->bytes += c->size;
	if (number == 1)
		c->chain_known = true; // zeros
	if (c->ended)
		return hz_chain_fault(c, "follows the end of the record");
	if (c->size == 0) // its header was torn off, or is still to come
		return 1;
	ssize_t n = hz_file_read(c->fd, data, sizeof(data), 0);
	if (n < 0)
		return (int)n;
	if (n < (ssize_t)sizeof(data))
		return short_of(c, data, (size_t)n);
	const char *wrong = hz_segment_head_get(c->hasher, data, &head);
	if (wrong)
		return broken(c, wrong);
	int err = check_segment(c, &head, number);
	if (err)
		return err;
	c->segment = head;
	memcpy(c->record, head.record, 16);
	memcpy(c->chain, head.chain, sizeof(c->chain));
	memcpy(c->hash, data + 88, sizeof(c->hash));
	c->record_known = c->chain_known = true;
	c->cut_bytes += head.cut;
	c->offset = HZ_JOURNAL_SEGMENT_HEAD;
	return 1;
}

static int check_chunk(struct hz_chain *c, const struct hz_chunk_head *h)
{
	char what[96];
	if (h->segment != c->segment.number)
		return hz_chain_fault(c, "is of another segment");
	if ((c->number || c->from == 1) && h->number != c->number + 1) {
		snprintf(what, sizeof(what), "number %llu follows %llu", (unsigned long long)h->number,
		         (unsigned long long)c->number);
		return hz_chain_fault(c, what);
	}
	return 0;
}

static int64_t wall_of(const struct hz_chain *c, int64_t at_us)
{
	return (int64_t)((uint64_t)c->segment.wall_us + (uint64_t)at_us - (uint64_t)c->segment.monotonic_us);
}

static void took(struct hz_chain *c, const struct hz_chunk_head *h, const uint8_t *hash)
{
	if (c->chunks++ == 0) {
		c->first_us = h->first_us;
		c->first_wall_us = wall_of(c, h->first_us);
	}
	c->last_us = h->last_us;
	c->last_wall_us = wall_of(c, h->last_us);
	c->number = h->number;
	c->reading = false;
	c->ended = h->kind == HZ_CHUNK_END;
	memcpy(c->hash, hash, sizeof(c->hash));
	memcpy(c->chain, hash, sizeof(c->chain));
}

// One chunk at the offset: 1, 0 torn, -errno.
static int read_chunk(struct hz_chain *c)
{
	uint64_t left = c->size - c->offset;
	struct hz_chunk_head head;
	uint8_t hash[HZ_JOURNAL_HASH_BYTES];
	c->chunk_offset = c->offset;
	c->reading = true;
	if (c->ended)
		return hz_chain_fault(c, "bytes behind the end of the record");
	ssize_t n = hz_file_read(c->fd, c->data, HZ_JOURNAL_CHUNK_HEAD, c->offset);
	if (n < 0)
		return (int)n;
	if (left < HZ_JOURNAL_CHUNK_HEAD || n < HZ_JOURNAL_CHUNK_HEAD)
		return short_of(c, c->data, (size_t)n);
	const char *wrong = hz_chunk_head_get(c->hasher, c->data, &head);
	if (wrong)
		return broken(c, wrong);
	int err = check_chunk(c, &head);
	if (err)
		return err;
	size_t rest = head.bytes + HZ_JOURNAL_CHUNK_TAIL, whole = HZ_JOURNAL_CHUNK_HEAD + rest;
	if (left < whole)
		return short_of(c, c->data, HZ_JOURNAL_CHUNK_HEAD);
	n = hz_file_read(c->fd, c->data + HZ_JOURNAL_CHUNK_HEAD, rest, c->offset + HZ_JOURNAL_CHUNK_HEAD);
	if (n < (ssize_t)rest)
		return n < 0 ? (int)n : -EIO; // it became shorter while it was read
	hz_hash(c->hasher, c->hash, c->data, whole - HZ_JOURNAL_HASH_BYTES, hash);
	if (memcmp(hash, c->data + whole - HZ_JOURNAL_HASH_BYTES, sizeof(hash)) != 0)
		return broken(c, "hash does not match");
	c->offset += whole;
	c->chunk = head;
	took(c, &head, hash);
	return 1;
}

int hz_chain_next(struct hz_chain *chain)
{
	if (chain->fault.what[0])
		return -EBADMSG;
	if (chain->torn_bytes)
		return 0;
	for (;;) {
		if (chain->fd >= 0 && chain->offset < chain->size)
			return read_chunk(chain);
		int err = next_segment(chain);
		if (err != 1)
			return err;
	}
}
