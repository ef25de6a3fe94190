// `huizhen record export RECORD --to FOLDER`: a copy that can be handed over (recorder/record/export.h).
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "gateway/cli_record.h"
#include "recorder/record/export.h"

static const char *advice(int err)
{
	switch (err) {
	case -EBUSY:
		return "try again later";
	case -EEXIST:
		return "name another folder, or remove that one";
	case -ENOSPC:
		return "free some, or name a folder on another disk";
	case -ENOKEY:
	case -EKEYREJECTED:
		return "name the installation's with --key";
	case -ENOTDIR:
		return "make the folder above it first";
	case -ENODATA:
		return "see huizhen record list";
	case -EACCES:
	case -EPERM:
	case -EROFS:
		return "check its rights";
	default:
		return "see huizhen record verify";
	}
}

// --key; the store's; else that of the store which the folder lies in.
static void find_key(const struct hz_cli_record *o, const char *folder, char *ret, size_t bytes)
{
	snprintf(ret, bytes, "%s", o->key ? o->key : "");
	if (!o->key)
		snprintf(ret, bytes, "%s/signing/public.pem", o->root);
	if (!o->key && access(ret, R_OK) < 0 && strchr(o->record, '/'))
		snprintf(ret, bytes, "%s/../../../signing/public.pem", folder);
}

int hz_cli_record_export(const struct hz_cli_record *o)
{
	char folder[HZ_RECORD_PATH_BYTES], key[4096], to[4096], error[HZ_EXPORT_ERROR_BYTES];
	struct hz_exported done;
	int code = hz_cli_record_folder(o, "export", folder);
	if (code)
		return code;
	size_t n = o->to ? strlen(o->to) : 0;
	while (n > 1 && o->to[n - 1] == '/')
		n--;
	if (!n || n >= sizeof(to))
		return hz_cli_error(
		    HZ_EXIT_USAGE,
		    "no folder, at huizhen record export: write --to and one that is not there yet");
	snprintf(to, sizeof(to), "%.*s", (int)n, o->to);
	find_key(o, folder, key, sizeof(key));
	hz_cli_record_yield();
	const struct hz_export what = {
	    .folder = folder, .target = to, .public_pem = key, .keep_bytes = (uint64_t)o->min_free << 20};
	int err = hz_export(&what, &done, error);
	if (err)
		return hz_cli_error(HZ_EXIT_FAILED,
		                    "nothing was exported of %.60s: %.500s, at huizhen record export: %s",
		                    o->record, error, advice(err));
	if (o->json)
		return hz_cli_record_print(json_pack("{s:s, s:i, s:I}", "folder", to, "files",
		                                     (int)done.files, "bytes", (json_int_t)done.bytes));
	printf("%s  %u files, %llu bytes\n", to, done.files, (unsigned long long)done.bytes);
	return HZ_EXIT_DONE;
}
