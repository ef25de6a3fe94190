// `huizhen record list|verify|finalize`: the record store from the command line, whether a gateway runs or not.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "gateway/base/secret.h"
#include "gateway/cli_record.h"
#include "recorder/journal/keys.h"
#include "recorder/store.h"
#include "recorder/verify.h"

#define PATH_BYTES HZ_RECORD_PATH_BYTES

struct options {
	const char *record; // an id, or a folder; NULL: all
	const char *config, *store, *master_key;
	bool json, chain_only;
	char root[PATH_BYTES]; // of the store
	char key[PATH_BYTES + 16];
};

// --store and --master-key, or record.dir and record.master_key.
static int find_store(struct options *o)
{
	struct hz_config *config;
	if (o->store) {
		snprintf(o->root, sizeof(o->root), "%s", o->store);
		snprintf(o->key, sizeof(o->key), "%s/master.key", o->root);
	} else {
		int code = hz_cli_config(o->config, &config);
		if (code)
			return code;
		snprintf(o->root, sizeof(o->root), "%s", config->record.dir);
		snprintf(o->key, sizeof(o->key), "%s", config->record.master_key);
		hz_config_free(config);
	}
	if (o->master_key)
		snprintf(o->key, sizeof(o->key), "%s", o->master_key);
	return 0;
}

static int print_json(json_t *json)
{
	char *text = json ? json_dumps(json, JSON_INDENT(2)) : NULL;
	json_decref(json);
	if (!text)
		return hz_cli_error(HZ_EXIT_FAILED, "out of memory, at huizhen record: free some");
	puts(text);
	free(text);
	return HZ_EXIT_DONE;
}

// --- list ---------------------------------------------------------------------------------------------------------------

struct listing {
	bool as_json;
	json_t *list;
};

static void time_text(int64_t ms, char ret[32])
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;
	if (ms <= 0 || !gmtime_r(&seconds, &tm) || strftime(ret, 32, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		snprintf(ret, 32, "-");
}

static bool list_one(void *arg, const char *folder, const struct hz_record_state *s)
{
	struct listing *l = arg;
	char started[32], length[32] = "-";
	if (l->as_json) {
		json_array_append_new(l->list,
		                      json_pack("{sssssssssIsIsIsisbsbss}", "id", s->id, "consult",
		                                s->consult, "phase", hz_record_phase_name(s->phase), "folder",
		                                folder, "started_ms", (json_int_t)s->started_ms, "ended_ms",
		                                (json_int_t)s->ended_ms, "changed_ms",
		                                (json_int_t)s->changed_ms, "attempts", (int)s->attempts,
		                                "lost", s->lost, "torn", s->torn, "error", s->error));
		return true;
	}
	time_text(s->started_ms, started);
	if (s->ended_ms > s->started_ms)
		snprintf(length, sizeof(length), "%llds", (long long)(s->ended_ms - s->started_ms) / 1000);
	printf("%s  %-20s  %8s  %-10s  %s%s%s%s%s\n", s->id, started, length, hz_record_phase_name(s->phase),
	       s->consult, s->lost ? "  lost" : "", s->torn ? "  torn" : "", s->error[0] ? "  " : "",
	       s->error);
	return true;
}

static int list(const struct options *o)
{
	struct listing l = {.as_json = o->json, .list = o->json ? json_array() : NULL};
	int err = hz_record_each(o->root, list_one, &l);
	if (err) {
		json_decref(l.list);
		return hz_cli_error(HZ_EXIT_FAILED,
		                    "cannot read %.400s: %s, at huizhen record list: check its rights",
		                    o->root, strerror(-err));
	}
	return o->json ? print_json(json_pack("{so}", "records", l.list)) : HZ_EXIT_DONE;
}

// --- verify -------------------------------------------------------------------------------------------------------------

struct verifying {
	const struct options *o;
	const uint8_t *master; // NULL: the chain only
	json_t *list;
	unsigned count, bad;
};

static json_t *result_json(const char *id, const char *folder, const struct hz_verify_result *r)
{
	const struct hz_journal_summary *s = &r->summary;
	char hash[2 * HZ_JOURNAL_HASH_BYTES + 1];
	json_t *json =
	    json_pack("{ssssss}", "id", id, "folder", folder, "verdict", hz_verify_name(r->verdict));
	for (unsigned i = 0; i < HZ_JOURNAL_HASH_BYTES; i++)
		snprintf(hash + 2 * i, 3, "%02x", s->hash[i]);
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

static void verify_folder(struct verifying *v, const char *folder, const char *id)
{
	struct hz_verify_result result;
	hz_record_verify(folder, v->master, &result);
	v->count++;
	v->bad += result.verdict >= HZ_VERIFY_ALTERED;
	if (v->list)
		json_array_append_new(v->list, result_json(id, folder, &result));
	else
		print_result(id, &result);
}

static bool verify_one(void *arg, const char *folder, const struct hz_record_state *state)
{
	verify_folder(arg, folder, state->id);
	return true;
}

static int verify_chosen(struct verifying *v)
{
	const struct options *o = v->o;
	char folder[PATH_BYTES];
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

static int read_master(const struct options *o, uint8_t ret[HZ_JOURNAL_KEY_BYTES])
{
	int err = hz_record_key_master_load(o->key, ret);
	if (!err)
		return 0;
	return hz_cli_error(
	    HZ_EXIT_FAILED,
	    "cannot read the master key %.400s: %s, at huizhen record: name it with --master-key, "
	    "or verify the hashes alone with --chain-only",
	    o->key, err == -EKEYREJECTED ? "not 32 bytes" : strerror(-err));
}

static int verify(const struct options *o)
{
	uint8_t master[HZ_JOURNAL_KEY_BYTES];
	struct verifying v = {.o = o, .list = o->json ? json_array() : NULL};
	int code = o->chain_only ? 0 : read_master(o, master);
	if (!code) {
		v.master = o->chain_only ? NULL : master;
		code = verify_chosen(&v);
	}
	hz_wipe(master, sizeof(master));
	if (code) {
		json_decref(v.list);
		return code;
	}
	if (o->json)
		code =
		    print_json(json_pack("{ssso}", "verdict", v.bad ? "failed" : "good", "records", v.list));
	if (v.bad)
		return hz_cli_error(
		    HZ_EXIT_FAILED,
		    "%u of %u records are altered or not readable, in %.400s: restore them from a copy",
		    v.bad, v.count, o->root);
	return code;
}

// --- finalize -----------------------------------------------------------------------------------------------------------

static int finalize(const struct options *o)
{
	uint8_t master[HZ_JOURNAL_KEY_BYTES];
	char folder[PATH_BYTES];
	if (!o->record)
		return hz_cli_error(HZ_EXIT_USAGE,
		                    "no record, at huizhen record finalize: write its id or its folder");
	int err = 0;
	if (strchr(o->record, '/'))
		snprintf(folder, sizeof(folder), "%s", o->record);
	else
		err = hz_record_find(o->root, o->record, folder);
	if (err)
		return hz_cli_error(
		    HZ_EXIT_FAILED,
		    "no record %.60s in %.400s, at huizhen record finalize: see huizhen record list",
		    o->record, o->root);
	int code = read_master(o, master);
	if (!code)
		code = hz_cli_record_finalize(folder, master);
	hz_wipe(master, sizeof(master));
	return code;
}

// ------------------------------------------------------------------------------------------------------------------------

static const struct verb {
	const char *name;
	int (*run)(const struct options *o);
	bool takes_record;
} verbs[] = {{"list", list, false}, {"verify", verify, true}, {"finalize", finalize, true}};

int hz_cli_record(int argc, char **argv)
{
	struct options o = {0};
	const struct verb *verb = NULL;
	const struct hz_cli_option table[] = {
	    {.name = "--config", .text = &o.config},
	    {.name = "--store", .text = &o.store},
	    {.name = "--master-key", .text = &o.master_key},
	    {.name = "--chain-only", .flag = &o.chain_only},
	    {.name = "--json", .flag = &o.json},
	    {.name = NULL},
	};
	for (size_t i = 0; argc > 1 && i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(argv[1], verbs[i].name) == 0)
			verb = &verbs[i];
	if (!verb)
		return hz_cli_error(HZ_EXIT_USAGE,
		                    "%s%.40s, at huizhen record: write list, verify or finalize",
		                    argc > 1 ? "unknown command " : "no command", argc > 1 ? argv[1] : "");
	argc--;
	argv++;
	if (verb->takes_record && argc > 1 && argv[1][0] != '-') {
		o.record = argv[1];
		argc--;
		argv++;
	}
	int code = hz_cli_options(argc, argv, table);
	if (!code)
		code = find_store(&o);
	return code ? code : verb->run(&o);
}
