#include "media/dicomweb/cache_notes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "media/dicomweb/cache_file.h"

struct record {
	struct hz_cache_note note;
	char tag[HZ_DWEB_TAG_BYTES];
};

struct hz_cache_notes {
	int fd;
	unsigned count;
	bool stuck; // what is in the file is in the index, and could not be taken out of the file
	struct hz_dweb_tags *tags;
	struct hz_cache_note note[HZ_CACHE_NOTES];
};

static bool terminated(const struct hz_cache_note *n)
{
	return !n->key[sizeof(n->key) - 1] && !n->type[sizeof(n->type) - 1] &&
	       !n->hash[sizeof(n->hash) - 1] && !n->file[sizeof(n->file) - 1];
}

static bool whole(const struct hz_cache_notes *notes, const struct record *r)
{
	char tag[HZ_DWEB_TAG_BYTES];
	hz_dweb_tag(notes->tags, &r->note, sizeof(r->note), tag);
	return memcmp(tag, r->tag, sizeof(tag)) == 0 && terminated(&r->note) &&
	       hz_cache_file_named(r->note.key) && hz_cache_file_named(r->note.file) && r->note.bytes > 0;
}

int hz_cache_notes_open(int dir, struct hz_dweb_tags *tags, struct hz_cache_notes **ret)
{
	struct record r;
	struct hz_cache_notes *notes = calloc(1, sizeof(*notes));
	if (!notes)
		return -ENOMEM;
	notes->tags = tags;
	notes->fd = openat(dir, "notes", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (notes->fd < 0) {
		int err = -errno;
		free(notes);
		return err;
	}
	while (notes->count < HZ_CACHE_NOTES &&
	       pread(notes->fd, &r, sizeof(r), (off_t)(notes->count * sizeof(r))) == (ssize_t)sizeof(r) &&
	       whole(notes, &r))
		notes->note[notes->count++] = r.note;
	*ret = notes;
	return 0;
}

void hz_cache_notes_close(struct hz_cache_notes *notes)
{
	if (!notes)
		return;
	close(notes->fd);
	free(notes);
}

int hz_cache_notes_add(struct hz_cache_notes *notes, const struct hz_cache_note *note)
{
	struct record r;
	if (notes->stuck)
		return -EIO;
	if (notes->count == HZ_CACHE_NOTES)
		return -ENOSPC;
	memset(&r, 0, sizeof(r)); // what is between its members is written, too
	r.note.at = note->at;
	r.note.bytes = note->bytes;
	r.note.grown = note->grown;
	r.note.put_ms = note->put_ms;
	memcpy(r.note.key, note->key, strlen(note->key));
	memcpy(r.note.type, note->type, strlen(note->type));
	memcpy(r.note.hash, note->hash, strlen(note->hash));
	memcpy(r.note.file, note->file, strlen(note->file));
	hz_dweb_tag(notes->tags, &r.note, sizeof(r.note), r.tag);
	ssize_t n = pwrite(notes->fd, &r, sizeof(r), (off_t)(notes->count * sizeof(r)));
	if (n != (ssize_t)sizeof(r))
		return n < 0 ? -errno : -ENOSPC;
	notes->note[notes->count++] = r.note;
	return 0;
}

const struct hz_cache_note *hz_cache_notes_find(const struct hz_cache_notes *notes, const char *key)
{
	for (unsigned i = 0; i < notes->count; i++) {
		if (strcmp(notes->note[i].key, key) == 0)
			return &notes->note[i];
	}
	return NULL;
}

const struct hz_cache_note *hz_cache_notes_at(const struct hz_cache_notes *notes, unsigned index)
{
	return &notes->note[index];
}

unsigned hz_cache_notes_count(const struct hz_cache_notes *notes)
{
	return notes->count;
}

void hz_cache_notes_clear(struct hz_cache_notes *notes)
{
	notes->count = 0;
	notes->stuck = ftruncate(notes->fd, 0) < 0;
}
