#include "recorder/record/check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "recorder/record/files.h"
#include "recorder/record/manifest_read.h"
#include "recorder/store.h"
#include "recorder/journal/hash.h"

struct check {
	hz_certificate_fault_cb *cb;
	void *arg;
	bool moving; // the archive is about to sign anew
	int faults;
};

static void fault(struct check *c, const char *where, const char *what)
{
	c->faults++;
	c->cb(c->arg, where, what);
}

static void on_certificate(void *arg, const char *where, const char *what)
{
	struct check *c = arg;
	bool about = strcmp(where, "manifest.json") == 0 || strcmp(where, "dicom/index.json") == 0 ||
	             strcmp(what, HZ_CERTIFICATE_NOT_NAMED) == 0;
	if (!c->moving || !about)
		fault(c, where, what);
}

static void check_manifest(struct check *c, const char *folder)
{
	struct hz_manifest *m = NULL;
	struct hz_file_hash hash;
	char path[4096];
	int err = hz_manifest_load(folder, NULL, &m);
	if (err == -ENOENT)
		return; // nothing has been made yet
	if (err)
		fault(c, "manifest.json", "is no manifest");
	for (unsigned i = 0; !err && i < m->files_count; i++) {
		const struct hz_manifest_file *f = &m->files[i];
		snprintf(path, sizeof(path), "%s/%s", folder, f->path);
		int got = hz_hash_file(path, HZ_SHA256, &hash);
		if (got)
			fault(c, f->path, got == -ENOENT ? "is not there" : "cannot be read");
		else if (hash.bytes != f->bytes)
			fault(c, f->path, "its length differs");
		else if (strcmp(hash.hex, f->sha256) != 0)
			fault(c, f->path, "its hash differs");
	}
	hz_manifest_free(m);
}

int hz_check_files(const char *folder, const char *public_pem, hz_certificate_fault_cb *cb, void *arg)
{
	struct check c = {.cb = cb, .arg = arg};
	struct hz_record_state s;
	int err = hz_record_state_read(folder, &s);
	if (err)
		return err;
	bool told = s.phase == HZ_RECORD_FINALISED && s.composing.phase != HZ_COMPOSING_NONE;
	c.moving = s.composing.phase == HZ_COMPOSING_RUNNING || s.composing.phase == HZ_COMPOSING_MADE ||
	           s.phase == HZ_RECORD_FINALISING || (s.phase == HZ_RECORD_FINALISED && !told);
	err = hz_certificate_verify(folder, public_pem, on_certificate, &c);
	if (err == -ENOENT && (told || s.phase == HZ_RECORD_DELIVERED || s.phase == HZ_RECORD_DELETED))
		fault(&c, "certificate.json", "is not there");
	else if (err < 0 && err != -ENOENT)
		fault(&c, "certificate.json", "cannot be read");
	if (err < 0 && s.phase != HZ_RECORD_DELETED)
		check_manifest(&c, folder);
	return c.faults;
}
