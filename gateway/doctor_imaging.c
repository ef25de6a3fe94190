// Images: the programs that bring them, the PACS that has them, the folder of studies that come without one, and the port for modalities.
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "gateway/doctor.h"
#include "gateway/pipes.h"
#include "gateway/session/table/images.h"

#define GIB        (1024ull * 1024 * 1024)
#define SPARE      GIB // of the disk: with less nothing is taken
#define DICTIONARY "/usr/share/libdcmtk*/dicom.dic"

static void check_program(struct hz_doctor *d, enum hz_pipe_kind kind)
{
	char path[PATH_MAX];
	if (!hz_pipe_wanted(d->config, kind))
		return;
	hz_pipe_program(kind, path);
	if (access(path, X_OK) < 0)
		hz_doctor_add(d, hz_pipe_name(kind), HZ_VERDICT_FAIL,
		              "install it beside huizhen, or set imaging.enabled: false", "no %.180s", path);
	else
		hz_doctor_add(d, hz_pipe_name(kind), HZ_VERDICT_OK, NULL, "%.180s", path);
}

// Without it DCMTK does not know what is in implicit VR, which is half of all there is.
static void check_dictionary(struct hz_doctor *d)
{
	const char *own = getenv("DCMDICTPATH");
	glob_t found = {.gl_pathc = 0};
	bool there = own ? access(own, R_OK) == 0
	                 : glob(DICTIONARY, 0, NULL, &found) == 0 && access(found.gl_pathv[0], R_OK) == 0;
	if (there)
		hz_doctor_add(d, "dicom", HZ_VERDICT_OK, NULL, "%.180s", own ? own : found.gl_pathv[0]);
	else
		hz_doctor_add(d, "dicom", HZ_VERDICT_FAIL,
		              "install the package libdcmtk17, or correct DCMDICTPATH",
		              "no data dictionary at %.150s", own ? own : DICTIONARY);
	globfree(&found);
}

static void check_pacs(struct hz_doctor *d)
{
	static struct hz_dweb_pacs all[HZ_DWEB_PACS];
	static char names[HZ_DWEB_PACS][HZ_DWEB_NAME_BYTES]; // findings point at them
	struct hz_dweb_setup setup;
	char url[HZ_DWEB_URL_BYTES + 32];
	int count = hz_images_configure(d->config, all, &setup);
	if (count < 0)
		hz_doctor_add(d, "imaging.pacs", HZ_VERDICT_FAIL, "NAME=ROOT, several with commas",
		              "cannot be read");
	if (count == 0)
		hz_doctor_add(d, "imaging.pacs", HZ_VERDICT_OFF, NULL, "no PACS: only what is sent here");
	for (int i = 0; i < count; i++) {
		const struct hz_dweb_pacs *p = &all[i];
		snprintf(url, sizeof(url), "%s/studies?limit=1", p->url);
		memcpy(names[i], p->name, sizeof(names[i]));
		const struct hz_doctor_ask ask = {
		    names[i], url,   "application/dicom+json", p->user, p->password,
		    p->token, p->ca, p->certificate,           p->key,  "imaging.*"};
		hz_doctor_ask(d, &ask);
	}
	explicit_bzero(all, sizeof(all));
}

// The folder, or the one that it will be made in.
static void check_folder(struct hz_doctor *d, const char *name, const char *dir)
{
	int fd = open(dir, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600), err = errno;
	if (fd < 0 && err == ENOENT) {
		hz_doctor_add(d, name, HZ_VERDICT_OK, NULL, "%.150s (made at the first start)", dir);
		return;
	}
	if (fd < 0) {
		hz_doctor_add(d, name, HZ_VERDICT_FAIL,
		              "correct its owner; files without a name need a local disk",
		              "cannot write in %.120s: %s", dir, strerror(err));
		return;
	}
	close(fd);
	hz_doctor_add(d, name, HZ_VERDICT_OK, NULL, "%.150s", dir);
}

static uint64_t bytes_in(const char *dir)
{
	char pattern[PATH_MAX];
	glob_t found = {.gl_pathc = 0};
	struct stat st;
	uint64_t bytes = 0;
	snprintf(pattern, sizeof(pattern), "%s/*", dir);
	if (glob(pattern, GLOB_NOSORT, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++)
			bytes += stat(found.gl_pathv[i], &st) == 0 ? (uint64_t)st.st_size : 0;
	}
	globfree(&found);
	return bytes;
}

static void check_room(struct hz_doctor *d, const char *dir)
{
	struct statvfs fs;
	uint64_t most = (uint64_t)d->config->dicomweb.local_gb * GIB, used = bytes_in(dir);
	if (statvfs(d->config->data.dir, &fs) < 0)
		return; // the data folder itself is looked at elsewhere
	uint64_t left = (uint64_t)fs.f_bavail * fs.f_frsize;
	double gib = (double)left / (double)GIB;
	if (left < SPARE)
		hz_doctor_add(d, "studies room", HZ_VERDICT_FAIL,
		              "free some: no file of a consult is taken now",
		              "%.1f GiB free, 1 is kept for everything else", gib);
	else if (used < most && left - SPARE < most - used)
		hz_doctor_add(d, "studies room", HZ_VERDICT_WARN, "free some, or lower imaging.local_gb",
		              "%.1f GiB free: the disk is full before imaging.local_gb (%u) is", gib,
		              d->config->dicomweb.local_gb);
	else
		hz_doctor_add(d, "studies room", HZ_VERDICT_OK, NULL, "%.1f of %u GiB used, %.1f free",
		              (double)used / (double)GIB, d->config->dicomweb.local_gb, gib);
}

static void check_receive(struct hz_doctor *d)
{
	const struct hz_config *c = d->config;
	if (c->receive.port && !c->dicomweb.local_gb) {
		hz_doctor_add(d, "c-store", HZ_VERDICT_WARN, "set imaging.local_gb, or receive.port: 0",
		              "receive.port is set, but nothing is kept (imaging.local_gb is 0)");
		return;
	}
	hz_doctor_tcp(d, "c-store", "0.0.0.0", c->receive.port);
	if (c->receive.port && !c->receive.callers[0])
		hz_doctor_add(d, "c-store callers", HZ_VERDICT_WARN,
		              "name the modalities in receive.callers, or narrow receive.allow",
		              "any AE title may send from %.100s", c->receive.allow);
}

void hz_doctor_imaging(struct hz_doctor *d)
{
	const struct hz_config *c = d->config;
	char dir[PATH_MAX];
	if (!c->imaging.enabled) {
		hz_doctor_add(d, "imaging", HZ_VERDICT_OFF, NULL, "imaging.enabled is false");
		return;
	}
	for (int kind = HZ_PIPE_IMAGING; kind < HZ_PIPES; kind++)
		check_program(d, (enum hz_pipe_kind)kind);
	check_dictionary(d);
	check_pacs(d);
	check_receive(d);
	if (!c->dicomweb.local_gb) {
		hz_doctor_add(d, "studies", HZ_VERDICT_OFF, NULL, "imaging.local_gb is 0");
		return;
	}
	snprintf(dir, sizeof(dir), "%s/studies", c->data.dir);
	check_folder(d, "studies folder", dir);
	check_room(d, dir);
}
