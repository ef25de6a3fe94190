// `huizhen record verify`, the files that were made of a journal.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gateway/cli_record.h"
#include "recorder/record/certificate.h"

struct telling {
	const char *id;
	struct hz_cli_files *files;
};

static void tell(void *arg, const char *where, const char *what)
{
	struct telling *t = arg;
	t->files->faults++;
	if (t->files->list)
		json_array_append_new(t->files->list, json_pack("{ssss}", "file", where, "what", what));
	else
		printf("%s  altered  %s: %s\n", t->id, where, what);
}

void hz_cli_record_files(const char *folder, const char *id, const char *key, struct hz_cli_files *files)
{
	struct telling telling = {id, files};
	char why[160];
	int err = hz_record_files_verify(folder, key, tell, &telling, &files->is_signed);
	if (err >= 0)
		return;
	snprintf(why, sizeof(why), "cannot be checked: %s", strerror(-err));
	tell(&telling, "certificate.json", why);
}
