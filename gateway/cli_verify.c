// `huizhen record verify`: journals, files and certificates, offline.
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "gateway/base/hex.h"
#include "gateway/base/secret.h"
#include "gateway/cli_record.h"
#include "recorder/record/check.h"
#include "recorder/verify.h"

struct verifying {
	const struct hz_cli_record *o;
	const uint8_t *master; // NULL: the chain only
	const char *pem;       // public key; NULL: the store's of the folder
	json_t *list;
	unsigned count, bad;
};

static json_t *result_json(const char *id, const char *folder, const struct hz_verify_result *r)
{
	const struct hz_journal_summary *s = &r->summary;
	char hash[2 * HZ_JOURNAL_HASH_BYTES + 1];
	json_t *json =
	    json_pack("{ssssss}", "id", id, "folder", folder, "verdict", hz_verify_name(r->verdict));
	hz_hex_text(s->hash, HZ_JOURNAL_HASH_BYTES, hash);
	if (r->fault.what[0])
		json_object_set_new(json, "fault",
		                    json_pack("{sssIsIss}", "file", r->fault.file, "offset",
		                              (json_int_t)r->fault.offset, "chunk",
		                              (json_int_t)r->fault.chunk, "what", r->fault.what));
	else if (r->verdict != HZ_VERIFY_DELETED)
		json_object_set_new(json, "journal",
		                    json_pack("{sisisisIsIsIsIsIsIsbss}", "segments", (int)s->segments,
		                              "tracks", (int)s->tracks, "erased", (int)s->erased, "chunks",
		                              (json_int_t)s->chunks, "records", (json_int_t)s->records,
		                              "bytes", (json_int_t)s->bytes, "torn_bytes",
		                              (json_int_t)s->torn_bytes, "cut_bytes",
		                              (json_int_t)s->cut_bytes, "erased_chunks",
		                              (json_int_t)s->erased_chunks, "ended", s->ended, "hash", hash));
	return json;
}

static void print_result(const char *id, const struct hz_verify_result *r)
{
	const struct hz_journal_summary *s = &r->summary;
	if (r->verdict == HZ_VERIFY_DELETED)
		printf("%s  deleted\n", id);
	else if (r->verdict >= HZ_VERIFY_ALTERED)
		printf("%s  %s  %s at %llu, chunk %llu: %s\n", id, hz_verify_name(r->verdict), r->fault.file,
		       (unsigned long long)r->fault.offset, (unsigned long long)r->fault.chunk,
		       r->fault.what);
	else
		printf("%s  %s  %llu chunks in %u segments, %u tracks (%u erased), %llu bytes, %llu torn, "
		       "%llu cut\n",
		       id, hz_verify_name(r->verdict), (unsigned long long)s->chunks, s->segments, s->tracks,
		       s->erased, (unsigned long long)s->bytes, (unsigned long long)s->torn_bytes,
		       (unsigned long long)s->cut_bytes);
}

struct files {
	const char *id, *journal_file; // told already; "" none
	json_t *list;                  // NULL: print
	unsigned count;
};

static void on_file(void *arg, const char *where, const char *what)
{
	struct files *f = arg;
	if (*f->journal_file && strncmp(where, "journal/", 8) == 0 && strcmp(where + 8, f->journal_file) == 0)
		return;
	f->count++;
	if (f->list)
		json_array_append_new(f->list, json_pack("{ssss}", "file", where, "what", what));
	else
		printf("%s  altered  %s: %s\n", f->id, where, what);
}

static void verify_folder(struct verifying *v, const char *folder, const char *id)
{
	struct hz_verify_result result;
	hz_record_verify(folder, v->master, &result);
	struct files files = {.id = id,
	                      .journal_file = result.verdict >= HZ_VERIFY_ALTERED ? result.fault.file : "",
	                      .list = v->list ? json_array() : NULL};
	if (!v->list)
		print_result(id, &result);
	(void)hz_check_files(folder, v->pem, on_file,
	                     &files); // without state.json the journal's verdict says so
	v->count++;
	v->bad += result.verdict >= HZ_VERIFY_ALTERED || files.count;
	if (!v->list)
		return;
	json_t *json = result_json(id, folder, &result);
	if (files.count && result.verdict < HZ_VERIFY_ALTERED)
		json_object_set_new(json, "verdict", json_string(hz_verify_name(HZ_VERIFY_ALTERED)));
	json_object_set_new(json, "files", files.list);
	json_array_append_new(v->list, json);
}

static bool verify_one(void *arg, const char *folder, const struct hz_record_state *state)
{
	verify_folder(arg, folder, state->id);
	return true;
}

static int verify_chosen(struct verifying *v)
{
	const struct hz_cli_record *o = v->o;
	char folder[HZ_RECORD_PATH_BYTES];
	if (!o->record) {
		int err = hz_record_each(o->root, verify_one, v);
		return err ? hz_cli_error(
		                 HZ_EXIT_FAILED,
		                 "cannot read %.400s: %s, at huizhen record verify: check its rights",
		                 o->root, strerror(-err))
		           : 0;
	}
	if (strchr(o->record, '/')) {
		size_t n = strlen(o->record);
		snprintf(folder, sizeof(folder), "%s", o->record);
		while (n > 1 && n < sizeof(folder) && folder[n - 1] == '/')
			folder[--n] = '\0';
		const char *name = strrchr(folder, '/');
		verify_folder(v, folder, name && name[1] ? name + 1 : folder);
		return 0;
	}
	int err = hz_record_find(o->root, o->record, folder);
	if (err)
		return hz_cli_error(
		    HZ_EXIT_FAILED,
		    "no record %.60s in %.400s, at huizhen record verify: see huizhen record list", o->record,
		    o->root);
	verify_folder(v, folder, o->record);
	return 0;
}

int hz_cli_record_verify(const struct hz_cli_record *o)
{
	uint8_t master[HZ_JOURNAL_KEY_BYTES];
	char pem[HZ_RECORD_PATH_BYTES + 32];
	struct verifying v = {.o = o, .list = o->json ? json_array() : NULL};
	int code = o->chain_only ? 0 : hz_cli_record_master(o, master);
	if (!code) {
		v.master = o->chain_only ? NULL : master;
		snprintf(pem, sizeof(pem), "%s/signing/public.pem", o->root);
		v.pem = o->key ? o->key : access(pem, R_OK) == 0 ? pem : NULL;
		code = verify_chosen(&v);
	}
	hz_wipe(master, sizeof(master));
	if (code) {
		json_decref(v.list);
		return code;
	}
	if (o->json)
		code = hz_cli_record_print(
		    json_pack("{ssso}", "verdict", v.bad ? "failed" : "good", "records", v.list));
	if (v.bad)
		return hz_cli_error(
		    HZ_EXIT_FAILED,
		    "%u of %u records are altered or not readable, in %.400s: restore them from a copy",
		    v.bad, v.count, o->root);
	return code;
}
