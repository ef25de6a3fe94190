// hz-record-hour STORE [--minutes N] [--publishers N] [--kbps N] [--rough] [--recording]: makes a store with one record of a
// consult of that length in it (hour.h), ended, or as if it were still recorded. Prints as JSON its folder, its id, and what
// each camera's NAL units are.
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "gateway/base/secret.h"
#include "recorder/journal/keys.h"
#include "tests/record/hour.h"

#define ID "5d1e2d3c-4b5a-4968-8776-655443322110"

static int fail(const char *what, int err)
{
	fprintf(stderr, "hz-record-hour: %s: %s\n", what, strerror(-err));
	return 1;
}

static double number(int argc, char **argv, const char *name, double otherwise)
{
	for (int i = 2; i + 1 < argc; i++)
		if (strcmp(argv[i], name) == 0)
			return atof(argv[i + 1]);
	return otherwise;
}

static bool given(int argc, char **argv, const char *name)
{
	for (int i = 2; i < argc; i++)
		if (strcmp(argv[i], name) == 0)
			return true;
	return false;
}

static void print(const char *folder, const struct hour_settings *s, const struct hour_sent *sent)
{
	json_t *tracks = json_array();
	for (unsigned i = 0; i < s->publishers && !s->rough; i++)
		json_array_append_new(
		    tracks, json_pack("{ss sI sI sI ss}", "participant", sent[i].participant, "pictures",
		                      (json_int_t)sent[i].pictures, "units", (json_int_t)sent[i].units,
		                      "bytes", (json_int_t)sent[i].bytes, "sha256", sent[i].sha256));
	json_t *root = json_pack("{ss ss so}", "folder", folder, "id", s->id, "cameras", tracks);
	json_dumpf(root, stdout, JSON_COMPACT);
	puts("");
	json_decref(root);
}

int main(int argc, char **argv)
{
	uint8_t master[HZ_JOURNAL_KEY_BYTES];
	char path[HZ_RECORD_PATH_BYTES + 32], folder[HZ_RECORD_PATH_BYTES];
	struct fake_list list = {0};
	struct hour_sent sent[HOUR_PUBLISHERS];
	struct hour_settings s = {.id = ID,
	                          .publishers = (unsigned)number(argc, argv, "--publishers", 3),
	                          .length_s = number(argc, argv, "--minutes", 60) * 60,
	                          .bps = (int)(number(argc, argv, "--kbps", 1000) * 1000),
	                          .rough = given(argc, argv, "--rough")};
	if (argc < 2 || !s.publishers || s.publishers > HOUR_PUBLISHERS || s.length_s < 10 || s.bps < 1)
		return 2;
	if (mkdir(argv[1], 0750) < 0 && errno != EEXIST)
		return fail(argv[1], -errno);
	snprintf(path, sizeof(path), "%s/master.key", argv[1]);
	int err = hz_record_key_master(path, master);
	if (!err)
		err = hz_record_folder(argv[1], ID, FAKE_ZERO_US / 1000, folder);
	if (err)
		return fail(path, err);
	hour_make(&s, &list, sent);
	hour_write(folder, master, &s, &list,
	           given(argc, argv, "--recording") ? HZ_RECORD_RECORDING : HZ_RECORD_ENDED);
	fake_list_free(&list);
	hz_wipe(master, sizeof(master));
	print(folder, &s, sent);
	return 0;
}
