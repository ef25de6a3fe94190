// Blocks and where their memory comes from: buffers of eight sizes, kept when a block is done, because the kernel's pages for
// a new one cost more than all else that is done to a packet.
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/secret.h"
#include "recorder/journal/writer_internal.h"

#define FIRST_BYTES 2048u
#define AROUND      (HZ_JOURNAL_CHUNK_HEAD + HZ_JOURNAL_CHUNK_TAIL)

_Static_assert((FIRST_BYTES << (HZ_BLOCK_CLASSES - 1)) == HZ_JOURNAL_CHUNK_BYTES,
               "the largest takes a whole chunk");

void hz_blocks_init(struct hz_blocks *list)
{
	list->first = NULL;
	list->end = &list->first;
}

void hz_blocks_add(struct hz_blocks *list, struct hz_block *block)
{
	block->next = NULL;
	*list->end = block;
	list->end = &block->next;
}

static size_t class_bytes(unsigned class)
{
	return ((size_t)FIRST_BYTES << class) + AROUND;
}

static unsigned class_of(size_t plain)
{
	unsigned class = 0;
	while (class < HZ_BLOCK_CLASSES - 1 && plain > ((size_t)FIRST_BYTES << class))
		class ++;
	return class;
}

static void *take(struct hz_journal_writer *w, unsigned class)
{
	struct hz_spare *spare;
	pthread_mutex_lock(&w->lock);
	spare = w->spare[class];
	if (spare) {
		w->spare[class] = spare->next;
		w->spare_bytes -= class_bytes(class);
	}
	pthread_mutex_unlock(&w->lock);
	return spare ? (void *)spare : malloc(class_bytes(class));
}

static void give(struct hz_journal_writer *w, unsigned class, void *data)
{
	struct hz_spare *spare = data;
	pthread_mutex_lock(&w->lock);
	bool keep = w->spare_bytes + class_bytes(class) <= w->limit_bytes / 4;
	if (keep) {
		spare->next = w->spare[class];
		w->spare[class] = spare;
		w->spare_bytes += class_bytes(class);
	}
	pthread_mutex_unlock(&w->lock);
	if (!keep)
		free(data);
}

struct hz_block *hz_block_new(struct hz_journal_writer *w, struct hz_writer_track *track, size_t plain)
{
	struct hz_block *b = calloc(1, sizeof(*b));
	if (!b)
		return NULL;
	b->track = track;
	b->class = class_of(plain > track->usual_bytes ? plain : track->usual_bytes);
	b->data = take(w, b->class);
	if (!b->data) {
		free(b);
		return NULL;
	}
	return b;
}

int hz_block_room(struct hz_journal_writer *w, struct hz_block *block, size_t plain)
{
	unsigned class = class_of(plain);
	if (class <= block->class)
		return 0;
	uint8_t *data = take(w, class);
	if (!data)
		return -ENOMEM;
	memcpy(data, block->data, HZ_JOURNAL_CHUNK_HEAD + block->bytes);
	hz_wipe(block->data, HZ_JOURNAL_CHUNK_HEAD + block->bytes);
	give(w, block->class, block->data);
	block->data = data;
	block->class = class;
	return 0;
}

void hz_block_free(struct hz_journal_writer *w, struct hz_block *block)
{
	if (!block->sealed) // else it is on disk like that
		hz_wipe(block->data, HZ_JOURNAL_CHUNK_HEAD + block->bytes);
	give(w, block->class, block->data);
	free(block);
}

void hz_blocks_free(struct hz_journal_writer *w, struct hz_blocks *list)
{
	for (struct hz_block *b = list->first, *next; b; b = next) {
		next = b->next;
		hz_block_free(w, b);
	}
	hz_blocks_init(list);
}

void hz_spares_free(struct hz_journal_writer *w)
{
	for (unsigned i = 0; i < HZ_BLOCK_CLASSES; i++)
		for (struct hz_spare *s = w->spare[i], *next; s; s = next) {
			next = s->next;
			free(s);
		}
}
