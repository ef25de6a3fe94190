// `huizhen record erase|hold|release RECORD`: what is destroyed before its time, and what may not be (recorder/archive/erase.h).
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/secret.h"
#include "gateway/cli_record.h"
#include "recorder/archive/erase.h"
#include "recorder/journal/keys.h"
#include "recorder/store.h"

#define WAIT_MS 60000 // for an object that is being sent

struct options {
	const char *record, *participant, *by, *why;
	const char *config, *store, *master_key;
	bool all, sm2;
	char root[HZ_RECORD_PATH_BYTES], key[HZ_RECORD_PATH_BYTES + 16], folder[HZ_RECORD_PATH_BYTES];
};

static int find(struct options *o)
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
		o->sm2 = strcmp(config->archive.signature, "sm2") == 0;
		hz_config_free(config);
	}
	if (o->master_key)
		snprintf(o->key, sizeof(o->key), "%s", o->master_key);
	if (hz_record_find(o->root, o->record, o->folder) == 0)
		return 0;
	return hz_cli_error(HZ_EXIT_FAILED,
	                    "no record %.60s in %.400s, at huizhen record: see huizhen record list",
	                    o->record, o->root);
}

static const char *why_not(int err)
{
	switch (err) {
	case -EPERM:
		return "a legal hold keeps it: end it with huizhen record release";
	case -EBUSY:
		return "it is recorded, worked on by the archive, or being sent to PACS or EMR: try again "
		       "later";
	case -ENODATA:
		return "it was deleted before";
	case -ENOENT:
		return "it has nothing of this participant: see the ids in its manifest.json";
	case -EALREADY:
		return "nothing of this participant is left in it";
	case -EBADMSG:
		return "its journal is altered: see huizhen record verify; --all erases it as it is";
	case -EINVAL:
		return "--by and --why are texts of at most 500 bytes, in UTF-8";
	default:
		return strerror(-err);
	}
}

static int erase(struct options *o)
{
	uint8_t master[HZ_JOURNAL_KEY_BYTES];
	struct hz_erased done;
	if (!o->participant == !o->all)
		return hz_cli_error(HZ_EXIT_USAGE,
		                    "whom, at huizhen record erase: write --participant ID, or --all");
	int code = find(o);
	if (code)
		return code;
	int err = o->all ? 0 : hz_record_key_master_load(o->key, master);
	if (err)
		return hz_cli_error(
		    HZ_EXIT_FAILED,
		    "cannot read the master key %.400s: %s, at huizhen record erase: name it with "
		    "--master-key",
		    o->key, err == -EKEYREJECTED ? "not 32 bytes" : strerror(-err));
	const struct hz_erase what = {.store = o->root,
	                              .folder = o->folder,
	                              .master = o->all ? NULL : master,
	                              .participant = o->participant,
	                              .by = o->by,
	                              .why = o->why,
	                              .sm2 = o->sm2,
	                              .wait_ms = WAIT_MS};
	err = hz_erase(&what, &done);
	hz_wipe(master, sizeof(master));
	if (err)
		return hz_cli_error(HZ_EXIT_FAILED,
		                    "nothing was erased of %.60s, at huizhen record erase: %s", o->record,
		                    why_not(err));
	if (o->all)
		printf("%s  erased as a whole; note erasures/%04u.json, deletion.json\n", o->record,
		       done.number);
	else
		printf(
		    "%s  %u keys destroyed, %u files removed; note erasures/%04u.json; the archive makes the "
		    "others anew\n",
		    o->record, done.tracks, done.files, done.number);
	if (done.delivered)
		puts("PACS and EMR have had it, or some of it: let it be erased there, too");
	return HZ_EXIT_DONE;
}

static int hold(struct options *o)
{
	int code = find(o);
	int err = code ? 0 : hz_hold_set(o->root, o->record, o->by, o->why);
	if (err)
		return hz_cli_error(HZ_EXIT_FAILED, "cannot hold %.60s, at huizhen record hold: %s",
		                    o->record, err == -EEXIST ? "it is held already" : why_not(err));
	if (!code)
		printf("%s  held: nothing of it is deleted or erased\n", o->record);
	return code;
}

static int release(struct options *o)
{
	int code = find(o);
	int err = code ? 0 : hz_hold_end(o->root, o->folder, o->record, o->by, o->why);
	if (err)
		return hz_cli_error(HZ_EXIT_FAILED, "cannot release %.60s, at huizhen record release: %s",
		                    o->record, err == -ENOENT ? "nothing holds it" : why_not(err));
	if (!code)
		printf("%s  released: its retention counts again\n", o->record);
	return code;
}

static const struct verb {
	const char *name;
	int (*run)(struct options *o);
} verbs[] = {{"erase", erase}, {"hold", hold}, {"release", release}};

bool hz_cli_record_erases(const char *verb)
{
	for (size_t i = 0; verb && i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(verb, verbs[i].name) == 0)
			return true;
	return false;
}

int hz_cli_record_erase(int argc, char **argv)
{
	struct options o = {.record = argc > 1 ? argv[1] : NULL};
	const struct hz_cli_option table[] = {
	    {.name = "--participant", .text = &o.participant},
	    {.name = "--all", .flag = &o.all},
	    {.name = "--by", .text = &o.by},
	    {.name = "--why", .text = &o.why},
	    {.name = "--config", .text = &o.config},
	    {.name = "--store", .text = &o.store},
	    {.name = "--master-key", .text = &o.master_key},
	    {.name = NULL},
	};
	const char *name = argv[0];
	if (!o.record || !hz_record_id_good(o.record))
		return hz_cli_error(HZ_EXIT_USAGE, "no record, at huizhen record %s: write its id", name);
	int code = hz_cli_options(argc - 1, argv + 1, table);
	if (code)
		return code;
	if (!o.by || !o.why)
		return hz_cli_error(
		    HZ_EXIT_USAGE,
		    "who does it and for which reason, at huizhen record %s: write --by and --why", name);
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(name, verbs[i].name) == 0)
			return verbs[i].run(&o);
	return HZ_EXIT_USAGE;
}
