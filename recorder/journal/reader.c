#include "recorder/journal/reader_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/secret.h"
#include "recorder/journal/keys.h"

int hz_reader_from(const struct reader_from *from, struct hz_journal_reader **ret)
{
	struct hz_journal_reader *r = calloc(1, sizeof(*r));
	if (!r) {
		close(from->journal_fd);
		close(from->keys_fd);
		return -ENOMEM;
	}
	r->keys_fd = from->keys_fd;
	r->events_only = from->events_only;
	int err = hz_chain_open(from->journal_fd, from->segment, &r->chain);
	if (!err && from->key) {
		memcpy(r->key, from->key, sizeof(r->key));
		r->opens = true;
		err = hz_cipher_new(r->key, &r->tracks[0].cipher);
		r->tracks[0].state = KEY_GOOD;
	}
	if (err) {
		hz_journal_reader_free(r);
		return err;
	}
	*ret = r;
	return 0;
}

// The record's id is needed for its key, and stands in the first header that is whole.
static int record_id(int journal_fd, uint8_t ret[16])
{
	struct hz_chain chain;
	int fd = fcntl(journal_fd, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	int err = hz_chain_open(fd, 1, &chain);
	if (err)
		return err;
	err = hz_chain_next(&chain);
	if (chain.record_known)
		memcpy(ret, chain.record, 16);
	bool known = chain.record_known;
	hz_chain_close(&chain);
	return known ? 0 : err < 0 && err != -EBADMSG ? err : -ENODATA;
}

int hz_journal_reader_new(const char *folder, const uint8_t *master, struct hz_journal_reader **ret)
{
	uint8_t record[16], key[HZ_JOURNAL_KEY_BYTES];
	struct reader_from from = {.segment = 1, .keys_fd = -1, .journal_fd = -1};
	bool gone = false;
	int err = 0, dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	from.journal_fd = openat(dir, "journal", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (from.journal_fd >= 0)
		from.keys_fd = openat(dir, "keys", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (from.keys_fd < 0)
		err = -errno;
	close(dir);
	if (!err && master) {
		err = record_id(from.journal_fd, record);
		if (!err)
			err = hz_record_key_load(from.keys_fd, master, record, 0, key);
		if (!err)
			from.key = key;
		gone = err == -ENOKEY;
		if (gone || err == -ENODATA)
			err =
			    0; // the whole record was erased, or no header is whole: the chain is left, or its fault
	}
	if (err) {
		if (from.journal_fd >= 0)
			close(from.journal_fd);
		if (from.keys_fd >= 0)
			close(from.keys_fd);
		return err;
	}
	struct hz_journal_reader *r;
	err = hz_reader_from(&from, &r);
	hz_wipe(key, sizeof(key));
	if (err)
		return err;
	r->gone = gone;
	*ret = r;
	return 0;
}

void hz_journal_reader_free(struct hz_journal_reader *reader)
{
	if (!reader)
		return;
	hz_chain_close(&reader->chain);
	if (reader->keys_fd >= 0)
		close(reader->keys_fd);
	for (unsigned i = 0; i < HZ_JOURNAL_TRACKS; i++) {
		free(reader->tracks[i].key);
		free(reader->tracks[i].json);
		hz_cipher_free(reader->tracks[i].cipher);
	}
	hz_wipe(reader->key, sizeof(reader->key));
	free(reader);
}

static int key_fault(struct hz_journal_reader *r, uint32_t track, const char *what)
{
	struct hz_journal_fault *f = &r->chain.fault;
	if (f->what[0])
		return -EBADMSG;
	snprintf(f->file, sizeof(f->file), "keys/%04u", track);
	f->offset = 0;
	f->chunk = 0;
	snprintf(f->what, sizeof(f->what), "%s", what);
	return -EBADMSG;
}

static int load_key(struct hz_journal_reader *r, uint32_t track)
{
	struct reader_track *t = &r->tracks[track];
	uint8_t key[HZ_JOURNAL_KEY_BYTES];
	if (t->state != KEY_UNTRIED)
		return 0;
	int err = hz_record_key_load(r->keys_fd, r->key, r->chain.record, track, key);
	if (err == -ENOKEY) {
		t->state = KEY_ERASED;
		return 0;
	}
	if (err == -ENOENT)
		return key_fault(r, track, "is missing");
	if (err == -EKEYREJECTED)
		return key_fault(r, track, "cannot be unwrapped: altered");
	if (!err)
		err = hz_cipher_new(key, &t->cipher);
	hz_wipe(key, sizeof(key));
	if (!err)
		t->state = KEY_GOOD;
	return err;
}

// Sets the records of the chunk, which may be none: erased, or not asked for.
static int open_chunk(struct hz_journal_reader *r)
{
	struct hz_chain *c = &r->chain;
	struct reader_track *t = &r->tracks[c->chunk.track];
	uint8_t aad[HZ_JOURNAL_AAD_BYTES];
	uint8_t *sealed = c->data + HZ_JOURNAL_CHUNK_HEAD;
	r->at = r->end = NULL;
	r->records_left = 0;
	r->erased_chunks += r->gone && c->chunk.kind != HZ_CHUNK_END;
	if (!r->opens || (r->events_only && c->chunk.kind == HZ_CHUNK_MEDIA))
		return 0;
	if (c->chunk.kind == HZ_CHUNK_MEDIA && !t->json)
		return hz_chain_fault(c, "of a track that was not described");
	int err = load_key(r, c->chunk.track);
	if (err)
		return err;
	if (t->state == KEY_ERASED) {
		r->erased_chunks++;
		return 0;
	}
	hz_chunk_aad(c->record, c->data, aad);
	err = hz_cipher_open(t->cipher, &(struct hz_sealing){.nonce = hz_chunk_nonce(c->data),
	                                                     .aad = aad,
	                                                     .aad_bytes = sizeof(aad),
	                                                     .data = sealed,
	                                                     .bytes = c->chunk.bytes,
	                                                     .tag = sealed + c->chunk.bytes});
	if (err == -EBADMSG)
		return hz_chain_fault(c, "does not open with its key: altered, and hashes made anew");
	if (err)
		return err;
	r->at = sealed;
	r->end = sealed + c->chunk.bytes;
	r->records_left = c->chunk.records;
	return 0;
}

static int note_track(struct hz_journal_reader *r, const json_t *json)
{
	json_int_t number = json_integer_value(json_object_get(json, "track"));
	const char *key = json_string_value(json_object_get(json, "key"));
	if (number < 1 || number >= HZ_JOURNAL_TRACKS || !key)
		return hz_chain_fault(&r->chain, "description of a track without its number or key");
	struct reader_track *t = &r->tracks[number];
	if (t->key && strcmp(t->key, key) != 0)
		return hz_chain_fault(&r->chain, "two tracks of one number");
	if (!t->key && !(t->key = strdup(key)))
		return -ENOMEM;
	char *text = json_dumps(json, JSON_COMPACT);
	if (!text)
		return -ENOMEM;
	free(t->json);
	t->json = text;
	return 0;
}

// What the reader itself must know of the events: tracks, and the newest number.
static int note(struct hz_journal_reader *r, const struct hz_journal_item *item)
{
	json_error_t error;
	int err = 0;
	if (item->kind < HZ_RECORD_EVENT)
		return 0;
	json_t *json = json_loadb((const char *)item->data, item->bytes, 0, &error);
	if (!json_is_object(json)) {
		json_decref(json);
		return hz_chain_fault(&r->chain, "record is not a JSON object");
	}
	json_int_t number = 0;
	if (item->kind == HZ_RECORD_TRACK)
		err = note_track(r, json);
	else if (item->kind == HZ_RECORD_EVENT)
		number = json_integer_value(json_object_get(json, "number"));
	else if (item->kind == HZ_RECORD_CLOCK)
		number = json_integer_value(json_object_get(json, "events"));
	if (item->kind == HZ_RECORD_CLOCK && item->segment == r->chain.from)
		r->state_seen = true;
	if (number > 0 && (uint64_t)number > r->last_event)
		r->last_event = (uint64_t)number;
	json_decref(json);
	return err;
}

static const char *wrong_record(const struct hz_chunk_head *chunk, uint8_t kind, size_t bytes)
{
	bool media = kind == HZ_RECORD_RTP || kind == HZ_RECORD_SR;
	if (kind < HZ_RECORD_RTP || kind > HZ_RECORD_GAP)
		return "kind of a record is not known";
	if (media != (chunk->kind == HZ_CHUNK_MEDIA))
		return "record in the wrong kind of chunk";
	if (bytes > HZ_JOURNAL_RECORD_BYTES || (kind == HZ_RECORD_SR && bytes != 24))
		return "length of a record is out of range";
	return NULL;
}

// The next record of the chunk: 1, 0 none is left, -errno.
static int next_record(struct hz_journal_reader *r, struct hz_journal_item *ret)
{
	struct hz_chain *c = &r->chain;
	if (r->records_left == 0)
		return r->at == r->end ? 0 : hz_chain_fault(c, "bytes behind the last record");
	if (r->end - r->at < HZ_JOURNAL_RECORD_HEAD)
		return hz_chain_fault(c, "fewer records than its head says");
	size_t bytes = hz_get_u16(r->at);
	uint8_t kind = r->at[2];
	uint64_t at = (uint64_t)c->chunk.first_us + (uint64_t)(int64_t)(int32_t)hz_get_u32(r->at + 4);
	const char *wrong = wrong_record(&c->chunk, kind, bytes);
	if (!wrong && (size_t)(r->end - r->at) - HZ_JOURNAL_RECORD_HEAD < bytes)
		wrong = "record runs over the end of its chunk";
	if (wrong)
		return hz_chain_fault(c, wrong);
	*ret = (struct hz_journal_item){
	    .track = c->chunk.track,
	    .kind = kind,
	    .flags = r->at[3],
	    .segment = c->segment.number,
	    .at_us = (int64_t)at,
	    .wall_us = (int64_t)((uint64_t)c->segment.wall_us + at - (uint64_t)c->segment.monotonic_us),
	    .data = r->at + HZ_JOURNAL_RECORD_HEAD,
	    .bytes = bytes};
	r->at += HZ_JOURNAL_RECORD_HEAD + bytes;
	r->records_left--;
	r->records++;
	int err = note(r, ret);
	return err ? err : 1;
}

// Keys of tracks that said nothing: their loss or alteration is found, too.
static int check_silent_keys(struct hz_journal_reader *r)
{
	int err = 0;
	for (uint32_t i = 1; r->opens && !r->events_only && !err && i < HZ_JOURNAL_TRACKS; i++)
		if (r->tracks[i].json)
			err = load_key(r, i);
	return err;
}

int hz_journal_next(struct hz_journal_reader *reader, struct hz_journal_item *ret)
{
	struct hz_journal_item item;
	int err = reader->failed;
	while (!err) {
		err = next_record(reader, &item);
		if (err)
			break;
		err = hz_chain_next(&reader->chain);
		if (err == 0) {
			err = check_silent_keys(reader);
			if (!err)
				return 0;
			break;
		}
		if (err == 1)
			err = open_chunk(reader);
	}
	if (err < 0)
		reader->failed = err;
	if (err == 1)
		*ret = item;
	return err;
}

void hz_journal_fault(const struct hz_journal_reader *reader, struct hz_journal_fault *ret)
{
	*ret = reader->chain.fault;
}

void hz_journal_summary(const struct hz_journal_reader *reader, struct hz_journal_summary *ret)
{
	const struct hz_chain *c = &reader->chain;
	struct hz_journal_summary s = {.segments = c->segments,
	                               .chunks = c->chunks,
	                               .records = reader->records,
	                               .bytes = c->bytes,
	                               .torn_bytes = c->torn_bytes,
	                               .cut_bytes = c->cut_bytes,
	                               .erased_chunks = reader->erased_chunks,
	                               .ended = c->ended,
	                               .first_us = c->first_us,
	                               .last_us = c->last_us,
	                               .first_wall_us = c->first_wall_us,
	                               .last_wall_us = c->last_wall_us};
	for (uint32_t i = 1; i < HZ_JOURNAL_TRACKS; i++) {
		s.tracks += reader->tracks[i].json != NULL;
		s.erased += reader->tracks[i].state == KEY_ERASED;
	}
	memcpy(s.record, c->record, sizeof(s.record));
	memcpy(s.hash, c->chain, sizeof(s.hash));
	*ret = s;
}

const char *hz_journal_track_json(const struct hz_journal_reader *reader, uint32_t track)
{
	return track < HZ_JOURNAL_TRACKS ? reader->tracks[track].json : NULL;
}
