// What the store has of a source. Addresses may carry passwords: each is sealed (AES-256-GCM) with a key that follows from the record
// store's master key, and belongs to its row alone. Text: nonce, ciphertext and tag in hexadecimal.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/hex.h"
#include "gateway/base/log.h"
#include "gateway/base/secret.h"
#include "gateway/session/brain.h"
#include "gateway/session/persist.h"
#include "gateway/session/theatre.h"
#include "gateway/store/sources.h"
#include "recorder/journal/crypt.h"
#include "recorder/journal/file.h"
#include "recorder/journal/keys.h"
#include "signaling/auth/digest.h"

#define EXTRA_BYTES  (HZ_GCM256_NONCE_BYTES + HZ_GCM256_TAG_BYTES)
#define SEALED_CHARS (2 * (EXTRA_BYTES + HZ_INGEST_URL_BYTES))
_Static_assert(HZ_SEALED_BYTES > SEALED_CHARS, "room for a sealed text");
#define AAD_BYTES (16 + 2 * HZ_ID_TEXT_BYTES)

static const char purpose[] = "huizhen theatre sources 1";

// make: of a gateway that never recorded. -ENOENT: there is none.
static int master_key(const struct hz_theatre *t, bool make, uint8_t ret[HZ_JOURNAL_KEY_BYTES])
{
	if (!t->master_key[0])
		return -ENOENT;
	if (!make)
		return hz_record_key_master_load(t->master_key, ret);
	int err = hz_record_key_master(t->master_key, ret);
	if (err == -ENOENT && !hz_file_folder(t->record_dir))
		err = hz_record_key_master(t->master_key, ret);
	return err;
}

static int need_key(struct hz_theatre *t, bool make)
{
	uint8_t master[HZ_JOURNAL_KEY_BYTES], key[HZ_SHA256_BYTES];
	if (t->cipher)
		return 0;
	int err = master_key(t, make, master);
	if (err)
		return err == -ENOENT ? -ENOKEY : err;
	hz_hmac_sha256(master, purpose, sizeof(purpose) - 1, key);
	err = hz_cipher_new(key, &t->cipher);
	hz_wipe(master, sizeof(master));
	hz_wipe(key, sizeof(key));
	return err;
}

static size_t row_name(const struct hz_theatre_source *s, char ret[AAD_BYTES])
{
	return (size_t)snprintf(ret, AAD_BYTES, "source\n%s\n%s", s->consult, s->id);
}

int hz_theatre_seal_text(struct hz_theatre *t, const char *name, const char *text, char ret[HZ_SEALED_BYTES])
{
	uint8_t box[EXTRA_BYTES + HZ_INGEST_URL_BYTES], *data = box + HZ_GCM256_NONCE_BYTES;
	size_t aad = strlen(name), bytes = strlen(text);
	int err = bytes < HZ_INGEST_URL_BYTES ? need_key(t, true) : -EINVAL;
	if (err)
		return err;
	hz_random(box, HZ_GCM256_NONCE_BYTES);
	memcpy(data, text, bytes);
	err = hz_cipher_seal(t->cipher, &(struct hz_sealing){.nonce = box,
	                                                     .aad = (const uint8_t *)name,
	                                                     .aad_bytes = aad,
	                                                     .data = data,
	                                                     .bytes = bytes,
	                                                     .tag = data + bytes});
	if (!err)
		hz_hex_text(box, EXTRA_BYTES + bytes, ret);
	hz_wipe(box, sizeof(box));
	return err;
}

static int seal(struct hz_theatre *t, const struct hz_theatre_source *s, char ret[HZ_SEALED_BYTES])
{
	char name[AAD_BYTES];
	(void)row_name(s, name);
	return hz_theatre_seal_text(t, name, s->url, ret);
}

// -EKEYREJECTED: sealed with another key, or for another row; -ENOKEY: there is no key; -EINVAL: not what seal() writes.
int hz_theatre_open_text(struct hz_theatre *t, const char *name, const char *text,
                         char ret[HZ_INGEST_URL_BYTES])
{
	uint8_t box[EXTRA_BYTES + HZ_INGEST_URL_BYTES], *data = box + HZ_GCM256_NONCE_BYTES;
	size_t aad = strlen(name), all = strlen(text) / 2, bytes = all - EXTRA_BYTES;
	if (all <= EXTRA_BYTES || bytes >= HZ_INGEST_URL_BYTES || hz_hex_bytes(text, box, all))
		return -EINVAL;
	int err = need_key(t, false);
	if (!err)
		err = hz_cipher_open(t->cipher, &(struct hz_sealing){.nonce = box,
		                                                     .aad = (const uint8_t *)name,
		                                                     .aad_bytes = aad,
		                                                     .data = data,
		                                                     .bytes = bytes,
		                                                     .tag = data + bytes});
	if (!err) {
		memcpy(ret, data, bytes);
		ret[bytes] = '\0';
	}
	hz_wipe(box, sizeof(box));
	return err == -EBADMSG ? -EKEYREJECTED : err;
}

static int open_seal(struct hz_theatre *t, const char *text, struct hz_theatre_source *s)
{
	char name[AAD_BYTES];
	(void)row_name(s, name);
	return hz_theatre_open_text(t, name, text, s->url);
}

// --- rows

static int put(struct hz_brain *brain, const struct hz_theatre_source *s)
{
	char sealed[HZ_SEALED_BYTES];
	int err = seal(brain->theatre, s, sealed);
	if (err) {
		hz_error("theatre.seal", "source=%s err=%d", s->id, -err);
		return err;
	}
	json_t *json = hz_theatre_definition(s, "sealed", sealed);
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	err = text ? hz_store_source_put(brain->store, s->consult, s->id, text) : -ENOMEM;
	json_decref(json);
	free(text);
	return err;
}

int hz_theatre_save(struct hz_brain *brain, const struct hz_theatre_source *s, bool there)
{
	if (!brain->store)
		return 0;
	hz_persist_flush(brain); // what others wrote is not this one's to roll back
	int err = there ? put(brain, s) : hz_store_source_put(brain->store, s->consult, s->id, NULL);
	if (err)
		hz_store_rollback(brain->store);
	else
		err = hz_persist_commit(brain);
	return err;
}

void hz_theatre_wipe_url(json_t *json)
{
	json_t *url = json_object_get(json, "url");
	if (json_string_length(url))
		hz_wipe((char *)json_string_value(url), json_string_length(url));
}

int hz_theatre_read_row(struct hz_brain *brain, const char *text, struct hz_theatre_source *wish)
{
	const char *field, *why;
	json_t *json = json_loads(text, 0, NULL);
	const char *sealed = json_string_value(json_object_get(json, "sealed"));
	int err = json ? hz_theatre_parse(json, wish, &field, &why) : -EINVAL;
	if (!err && !sealed) {
		wish->plain = wish->url[0];
	} else if (!err) {
		int locked = open_seal(brain->theatre, sealed, wish);
		wish->locked = locked != 0;
		if (locked)
			hz_error("theatre.locked", "consult=%s source=%s err=%d", wish->consult, wish->id,
			         -locked);
	}
	hz_theatre_wipe_url(json);
	json_decref(json);
	return err || wish->url[0] || wish->locked ? err : -EINVAL;
}

// Rows of a gateway that did not seal. What they were is overwritten in the file (secure_delete), and in its log.
void hz_theatre_seal_rows(struct hz_brain *brain)
{
	unsigned count = 0;
	int err = 0;
	hz_persist_flush(brain);
	for (struct hz_theatre_source *s = brain->theatre->sources; s && !err; s = s->next) {
		if (!s->plain)
			continue;
		err = put(brain, s);
		count++;
	}
	if (!count)
		return;
	if (err)
		hz_store_rollback(brain->store);
	else
		err = hz_persist_commit(brain);
	if (err) { // the next start tries again
		hz_error("theatre.seal", "sources=%u err=%d", count, -err);
		return;
	}
	for (struct hz_theatre_source *s = brain->theatre->sources; s; s = s->next)
		s->plain = false;
	err = hz_store_scrub(brain->store);
	hz_info("theatre.sealed", "sources=%u scrubbed=%d", count, !err);
}
