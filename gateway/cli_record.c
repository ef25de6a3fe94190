// `huizhen record list|verify|export|finalize`, and cli_erase.c's verbs: the record store from the command line, whether a gateway runs or not.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "gateway/base/secret.h"
#include "gateway/cli_record.h"
#include "recorder/archive/erase.h"
#include "recorder/journal/keys.h"
#include "recorder/store.h"

// --store and --master-key, or record.dir and record.master_key.
static int find_store(struct hz_cli_record *o)
{
	struct hz_config *config;
	if (o->store) {
		snprintf(o->root, sizeof(o->root), "%s", o->store);
		snprintf(o->master, sizeof(o->master), "%s/master.key", o->root);
		o->min_free = 2048; // record.min_free's
	} else {
		int code = hz_cli_config(o->config, &config);
		if (code)
			return code;
		snprintf(o->root, sizeof(o->root), "%s", config->record.dir);
		snprintf(o->master, sizeof(o->master), "%s", config->record.master_key);
		o->min_free = config->record.min_free;
		hz_config_free(config);
	}
	if (o->master_key)
		snprintf(o->master, sizeof(o->master), "%s", o->master_key);
	return 0;
}

int hz_cli_record_print(void *json)
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
	const char *root;
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

static json_t *as_json(const char *folder, const struct hz_record_state *s)
{
	json_t *json = json_pack("{sssssssssIsIsIsisbsbss}", "id", s->id, "consult", s->consult, "phase",
	                         hz_record_phase_name(s->phase), "folder", folder, "started_ms",
	                         (json_int_t)s->started_ms, "ended_ms", (json_int_t)s->ended_ms, "changed_ms",
	                         (json_int_t)s->changed_ms, "attempts", (int)s->attempts, "lost", s->lost,
	                         "torn", s->torn, "error", s->error);
	if (json && s->composing.phase)
		json_object_set_new(json, "composing",
		                    json_pack("{sssiss}", "phase",
		                              hz_record_composing_name(s->composing.phase), "attempts",
		                              (int)s->composing.attempts, "error", s->composing.error));
	for (unsigned k = 0; json && k < HZ_DESTINATIONS; k++) {
		if (s->delivery[k].phase)
			json_object_set_new(json, hz_record_destination_name(k),
			                    json_pack("{sssIss}", "phase",
			                              hz_record_delivery_name(s->delivery[k].phase),
			                              "changed_ms", (json_int_t)s->delivery[k].changed_ms,
			                              "error", s->delivery[k].error));
	}
	return json;
}

static const char *composing_words(enum hz_record_composing phase)
{
	switch (phase) {
	case HZ_COMPOSING_WAITING:
		return "  to be composed";
	case HZ_COMPOSING_RUNNING:
	case HZ_COMPOSING_MADE:
		return "  composing";
	case HZ_COMPOSING_DONE:
		return "  composed";
	case HZ_COMPOSING_FAILED:
		return "  not composed";
	default:
		return "";
	}
}

static bool list_one(void *arg, const char *folder, const struct hz_record_state *s)
{
	struct listing *l = arg;
	char started[32], length[32] = "-";
	bool held = hz_hold_is(l->root, s->id);
	if (l->as_json) {
		json_t *json = as_json(folder, s);
		json_object_set_new(json, "held", json_boolean(held));
		json_array_append_new(l->list, json);
		return true;
	}
	time_text(s->started_ms, started);
	if (s->ended_ms > s->started_ms)
		snprintf(length, sizeof(length), "%llds", (long long)(s->ended_ms - s->started_ms) / 1000);
	printf("%s  %-20s  %8s  %-10s  %s%s%s%s%s%s%s%s%s\n", s->id, started, length,
	       hz_record_phase_name(s->phase), s->consult, s->lost ? "  lost" : "", s->torn ? "  torn" : "",
	       held ? "  held" : "", composing_words(s->composing.phase), s->composing.error[0] ? ": " : "",
	       s->composing.error, s->error[0] ? "  " : "", s->error);
	return true;
}

static int list(const struct hz_cli_record *o)
{
	struct listing l = {.root = o->root, .as_json = o->json, .list = o->json ? json_array() : NULL};
	int err = hz_record_each(o->root, list_one, &l);
	if (err) {
		json_decref(l.list);
		return hz_cli_error(HZ_EXIT_FAILED,
		                    "cannot read %.400s: %s, at huizhen record list: check its rights",
		                    o->root, strerror(-err));
	}
	return o->json ? hz_cli_record_print(json_pack("{so}", "records", l.list)) : HZ_EXIT_DONE;
}

int hz_cli_record_master(const struct hz_cli_record *o, uint8_t ret[HZ_JOURNAL_KEY_BYTES])
{
	int err = hz_record_key_master_load(o->master, ret);
	if (!err)
		return 0;
	return hz_cli_error(
	    HZ_EXIT_FAILED,
	    "cannot read the master key %.400s: %s, at huizhen record: name it with --master-key, "
	    "or verify the hashes alone with --chain-only",
	    o->master, err == -EKEYREJECTED ? "not 32 bytes" : strerror(-err));
}

// --- finalize -----------------------------------------------------------------------------------------------------------

int hz_cli_record_folder(const struct hz_cli_record *o, const char *verb, char ret[HZ_RECORD_PATH_BYTES])
{
	if (!o->record)
		return hz_cli_error(HZ_EXIT_USAGE,
		                    "no record, at huizhen record %s: write its id or its folder", verb);
	int err = 0;
	if (strchr(o->record, '/'))
		snprintf(ret, HZ_RECORD_PATH_BYTES, "%s", o->record);
	else
		err = hz_record_find(o->root, o->record, ret);
	return err ? hz_cli_error(HZ_EXIT_FAILED,
	                          "no record %.60s in %.400s, at huizhen record %s: see huizhen record list",
	                          o->record, o->root, verb)
	           : 0;
}

static int with_record(const struct hz_cli_record *o, bool prepare)
{
	uint8_t master[HZ_JOURNAL_KEY_BYTES];
	char folder[HZ_RECORD_PATH_BYTES];
	int code = hz_cli_record_folder(o, "finalize", folder);
	if (!code)
		code = hz_cli_record_master(o, master);
	if (!code)
		code =
		    prepare ? hz_cli_record_prepare(folder, master) : hz_cli_record_finalize(folder, master);
	hz_wipe(master, sizeof(master));
	return code;
}

static int finalize(const struct hz_cli_record *o)
{
	return with_record(o, false);
}

// Not for people: the archive does it while a consult is recorded.
static int prepare(const struct hz_cli_record *o)
{
	return with_record(o, true);
}

// ------------------------------------------------------------------------------------------------------------------------

static const struct verb {
	const char *name;
	int (*run)(const struct hz_cli_record *o);
	bool takes_record;
} verbs[] = {{"list", list, false},
             {"verify", hz_cli_record_verify, true},
             {"export", hz_cli_record_export, true},
             {"finalize", finalize, true},
             {"prepare", prepare, true}};

int hz_cli_record(int argc, char **argv)
{
	struct hz_cli_record o = {0};
	const struct verb *verb = NULL;
	const struct hz_cli_option table[] = {
	    {.name = "--config", .text = &o.config},
	    {.name = "--store", .text = &o.store},
	    {.name = "--master-key", .text = &o.master_key},
	    {.name = "--key", .text = &o.key},
	    {.name = "--to", .text = &o.to},
	    {.name = "--chain-only", .flag = &o.chain_only},
	    {.name = "--json", .flag = &o.json},
	    {.name = NULL},
	};
	if (argc > 1 && hz_cli_record_erases(argv[1]))
		return hz_cli_record_erase(argc - 1, argv + 1);
	for (size_t i = 0; argc > 1 && i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(argv[1], verbs[i].name) == 0)
			verb = &verbs[i];
	if (!verb)
		return hz_cli_error(HZ_EXIT_USAGE,
		                    "%s%.40s, at huizhen record: write list, verify, export, finalize, "
		                    "erase, hold or release",
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
