#include "recorder/journal/writer_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "gateway/base/secret.h"
#include "recorder/journal/chain.h"
#include "recorder/journal/file.h"
#include "recorder/journal/keys.h"

static int open_folder(const char *folder, const char *name, int *ret)
{
	char path[4096];
	if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	int err = hz_file_folder(path);
	if (err)
		return err;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*ret = fd;
	return 0;
}

static int open_folders(struct hz_journal_writer *w, const char *folder)
{
	int err = open_folder(folder, "journal", &w->journal_fd);
	if (!err)
		err = open_folder(folder, "keys", &w->keys_fd);
	if (!err && flock(w->journal_fd, LOCK_EX | LOCK_NB) < 0)
		err = errno == EWOULDBLOCK ? -EBUSY : -errno;
	return err;
}

struct hz_writer_track *hz_writer_track_new(struct hz_journal_writer *w, uint32_t number, const char *key,
                                            const char *json)
{
	struct hz_writer_track *t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->number = number;
	t->key = strdup(key);
	t->json = strdup(json);
	if (!t->key || !t->json) {
		free(t->key);
		free(t->json);
		free(t);
		return NULL;
	}
	w->tracks[number] = t;
	return t;
}

static void track_free(struct hz_writer_track *t)
{
	if (!t)
		return;
	hz_cipher_free(t->cipher);
	free(t->key);
	free(t->json);
	free(t);
}

// A key that is there without a segment is what a crash left between the two.
static int record_key(struct hz_journal_writer *w, const uint8_t *master, bool fresh)
{
	int err = -EEXIST;
	if (fresh)
		err = hz_record_key_make(w->keys_fd, master, w->record, 0, w->key);
	if (err == -EEXIST)
		err = hz_record_key_load(w->keys_fd, master, w->record, 0, w->key);
	return err ? err : hz_cipher_new(w->key, &w->tracks[0]->cipher);
}

static int start(struct hz_journal_writer *w, const struct hz_journal_open *with)
{
	uint64_t cut = 0;
	uint32_t newest;
	json_error_t error;
	json_t *meta = json_loads(with->meta, 0, &error);
	bool good = json_is_object(meta) && (w->meta = json_dumps(meta, JSON_COMPACT));
	json_decref(meta);
	if (!good || strlen(w->meta) > HZ_JOURNAL_RECORD_BYTES)
		return -EINVAL;
	int err = open_folders(w, with->folder);
	if (!err)
		err = hz_hasher_new(&w->hasher);
	if (!err && !hz_writer_track_new(w, 0, "", "{}"))
		err = -ENOMEM;
	if (!err)
		err = hz_chain_newest(w->journal_fd, &newest);
	if (!err)
		err = record_key(w, with->master, newest == 0);
	if (!err && newest)
		err = hz_writer_resume(w, &cut);
	if (!err)
		err = hz_writer_begin_segment(w, cut, with->monotonic_us, with->wall_us);
	return err ? err : hz_journal_sync(w);
}

int hz_journal_open(const struct hz_journal_open *with, struct hz_journal_writer **ret)
{
	struct hz_journal_writer *w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->keys_fd = w->journal_fd = w->fd = -1;
	w->limit_bytes = with->limit_bytes;
	w->segment_most = with->segment_bytes ? with->segment_bytes : HZ_JOURNAL_SEGMENT_BYTES;
	w->newest_us = with->monotonic_us;
	w->wall_us = with->wall_us - with->monotonic_us;
	memcpy(w->record, with->record, 16);
	hz_blocks_init(&w->plain);
	hz_blocks_init(&w->queue);
	pthread_mutex_init(&w->lock, NULL);
	pthread_mutex_init(&w->io, NULL);
	int err = start(w, with);
	if (err) {
		hz_journal_free(w);
		return err;
	}
	*ret = w;
	return 0;
}

void hz_journal_free(struct hz_journal_writer *writer)
{
	if (!writer)
		return;
	hz_blocks_free(writer, &writer->plain);
	hz_blocks_free(writer, &writer->queue);
	hz_spares_free(writer);
	for (uint32_t i = 0; i < HZ_JOURNAL_TRACKS; i++)
		track_free(writer->tracks[i]);
	if (writer->fd >= 0)
		close(writer->fd);
	if (writer->keys_fd >= 0)
		close(writer->keys_fd);
	if (writer->journal_fd >= 0)
		close(writer->journal_fd);
	hz_hasher_free(writer->hasher);
	pthread_mutex_destroy(&writer->lock);
	pthread_mutex_destroy(&writer->io);
	free(writer->meta);
	hz_wipe(writer, sizeof(*writer));
	free(writer);
}

// The description as it is written: with the number and the key.
static int describe(const char *json, const char *key, uint32_t number, char **ret)
{
	json_error_t error;
	json_t *object = json_loads(json, 0, &error);
	if (!json_is_object(object) || json_object_set_new(object, "track", json_integer(number)) < 0 ||
	    json_object_set_new(object, "key", json_string(key)) < 0) {
		json_decref(object);
		return -EINVAL;
	}
	char *text = json_dumps(object, JSON_COMPACT);
	json_decref(object);
	if (!text)
		return -ENOMEM;
	if (strlen(text) > HZ_JOURNAL_RECORD_BYTES) {
		free(text);
		return -EMSGSIZE;
	}
	*ret = text;
	return 0;
}

static int track_key(struct hz_journal_writer *w, struct hz_writer_track *t, bool fresh)
{
	uint8_t key[HZ_JOURNAL_KEY_BYTES];
	int err = -EEXIST;
	if (t->cipher)
		return 0;
	if (fresh)
		err = hz_record_key_make(w->keys_fd, w->key, w->record, t->number, key);
	if (err ==
	    -EEXIST) // of a track that a crash left without its description: nothing was sealed with it
		err = hz_record_key_load(w->keys_fd, w->key, w->record, t->number, key);
	if (!err)
		err = hz_cipher_new(key, &t->cipher);
	hz_wipe(key, sizeof(key));
	return err;
}

static int track_new(struct hz_journal_writer *w, const char *key, const char *text,
                     struct hz_writer_track **ret)
{
	struct hz_writer_track *t = hz_writer_track_new(w, w->tracks_count + 1, key, text);
	if (!t)
		return -ENOMEM;
	int err = track_key(w, t, true);
	if (err) {
		w->tracks[t->number] = NULL;
		track_free(t);
		return err;
	}
	w->tracks_count++;
	*ret = t;
	return 0;
}

// Puts the description if it is new or differs.
static int redescribe(struct hz_journal_writer *w, struct hz_writer_track *t, char *text, int64_t now_us)
{
	if (t->described && strcmp(t->json, text) == 0)
		return 0;
	int err = hz_writer_put_text(w, HZ_RECORD_TRACK, text, now_us);
	char *copy = err ? NULL : strdup(text);
	if (!copy)
		return err ? err : -ENOMEM;
	free(t->json);
	t->json = copy;
	t->described = true;
	return 0;
}

int hz_journal_track(struct hz_journal_writer *writer, const char *key, const char *json, int64_t now_us,
                     uint32_t *ret)
{
	struct hz_writer_track *t = NULL;
	char *text = NULL;
	if (writer->ending)
		return -ESHUTDOWN;
	for (uint32_t i = 1; i <= writer->tracks_count && !t; i++)
		if (strcmp(writer->tracks[i]->key, key) == 0)
			t = writer->tracks[i];
	if (!t && writer->tracks_count + 1 >= HZ_JOURNAL_TRACKS)
		return -E2BIG; // not -ENOSPC: waiting does not help, and nobody else has to wait for it
	int err = describe(json, key, t ? t->number : writer->tracks_count + 1, &text);
	if (err)
		return err;
	err = t ? track_key(writer, t, false) : track_new(writer, key, text, &t);
	if (!err)
		err = redescribe(writer, t, text, now_us);
	free(text);
	// also for one that was found: an earlier attempt may have failed to write
	if (!err)
		err = hz_writer_flush(writer, now_us, now_us + writer->wall_us);
	if (!err)
		*ret = t->number;
	return err;
}

void hz_journal_stats(const struct hz_journal_writer *writer, struct hz_journal_stats *ret)
{
	struct hz_journal_writer *w = (struct hz_journal_writer *)writer; // for its lock
	struct hz_journal_stats s = {.packets = w->packets,
	                             .events = w->events,
	                             .lost_packets = w->lost_packets,
	                             .lost_bytes = w->lost_bytes,
	                             .waiting_bytes = atomic_load(&w->waiting)};
	if (w->plain.first)
		s.oldest_us = w->plain.first->first_us;
	pthread_mutex_lock(&w->lock);
	s.chunks = w->disk_chunks;
	s.bytes = w->disk_bytes;
	memcpy(s.hash, w->disk_hash, sizeof(s.hash));
	for (const struct hz_block *b = w->queue.first; b; b = b->next)
		if (b->kind) {
			s.oldest_us = b->first_us;
			break;
		}
	pthread_mutex_unlock(&w->lock);
	*ret = s;
}
