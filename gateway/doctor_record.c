// The record store: can it be written, is there room, is the key what it should be, how fast does the disk take it.
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/doctor.h"
#include "recorder/journal/format.h"

#define MIB     (1024ull * 1024)
#define SYNCS   8
#define SLOW_US 250000 // an fdatasync: records are synced four times a second
#define POOR_US 50000

static void check_key(struct hz_doctor *d)
{
	const char *path = d->config->record.master_key;
	struct stat st;
	if (stat(path, &st) < 0) {
		if (errno == ENOENT)
			hz_doctor_add(d, "record key", HZ_VERDICT_OK, NULL,
			              "%.120s (made at the first start)", path);
		else
			hz_doctor_add(d, "record key", HZ_VERDICT_FAIL, "correct its folder's permissions",
			              "%.120s: %s", path, strerror(errno));
		return;
	}
	if (!S_ISREG(st.st_mode) || st.st_size != HZ_JOURNAL_KEY_BYTES)
		hz_doctor_add(d, "record key", HZ_VERDICT_FAIL,
		              "put the right file back from its copy: without it no record opens",
		              "%.120s is not a key of %d bytes", path, HZ_JOURNAL_KEY_BYTES);
	else if (st.st_mode & 077)
		hz_doctor_add(d, "record key", HZ_VERDICT_WARN, "chmod 600 it: it opens every record",
		              "%.120s has mode %o", path, st.st_mode & 0777);
	else if (access(path, R_OK) < 0)
		hz_doctor_add(d, "record key", HZ_VERDICT_FAIL, "correct its owner", "%.120s: %s", path,
		              strerror(errno));
	else
		hz_doctor_add(d, "record key", HZ_VERDICT_OK, NULL, "%.120s", path);
}

// The slowest of some small writes, as the recorder makes them; the file is gone afterwards. -errno.
static int64_t slowest_sync(const char *dir)
{
	static const char text[4096];
	int64_t worst = 0;
	int fd = open(dir, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	for (int i = 0; i < SYNCS && worst >= 0; i++) {
		int64_t began = hz_now_us();
		if (write(fd, text, sizeof(text)) != sizeof(text) || fdatasync(fd) < 0)
			worst = errno ? -errno : -EIO;
		else if (hz_now_us() - began > worst)
			worst = hz_now_us() - began;
	}
	close(fd);
	return worst;
}

static void check_disk(struct hz_doctor *d, const char *dir)
{
	struct statvfs fs;
	int64_t us = slowest_sync(dir);
	if (us == -EOPNOTSUPP || us == -EISDIR)
		us = 0; // no unnamed files there
	if (us < 0)
		hz_doctor_add(d, "record disk", HZ_VERDICT_FAIL,
		              "correct the folder's owner, or set record.dir", "cannot write in %.100s: %s",
		              dir, strerror((int)-us));
	else
		hz_doctor_add(d, "record disk",
		              us > SLOW_US   ? HZ_VERDICT_FAIL
		              : us > POOR_US ? HZ_VERDICT_WARN
		                             : HZ_VERDICT_OK,
		              "put record.dir on a local disk of its own",
		              "a write is safe after %lld ms at most", (long long)us / 1000);
	if (statvfs(dir, &fs) < 0)
		return;
	unsigned long long left = (unsigned long long)fs.f_bavail * fs.f_frsize / MIB;
	hz_doctor_add(d, "record room", left < d->config->record.min_free ? HZ_VERDICT_WARN : HZ_VERDICT_OK,
	              "free some: an hour of a consult of three takes about 3 GiB",
	              "%llu MiB free, record.min_free %u", left, d->config->record.min_free);
}

void hz_doctor_record(struct hz_doctor *d)
{
	const char *dir = d->config->record.dir;
	struct stat st;
	if (!d->config->record.enabled) {
		hz_doctor_add(d, "records", HZ_VERDICT_OFF, NULL, "record.enabled is false");
		return;
	}
	if (stat(dir, &st) < 0 && errno == ENOENT) {
		hz_doctor_add(d, "records", HZ_VERDICT_OK, NULL, "%.120s (made at the first start)", dir);
		check_key(d);
		return;
	}
	errno = 0;
	if (stat(dir, &st) < 0 || !S_ISDIR(st.st_mode) || access(dir, R_OK | W_OK | X_OK) < 0) {
		hz_doctor_add(d, "records", HZ_VERDICT_FAIL, "correct its owner, or set record.dir",
		              "%.120s: %s", dir, errno ? strerror(errno) : "not a folder");
		return;
	}
	if (st.st_mode & 077)
		hz_doctor_add(d, "records", HZ_VERDICT_WARN, "chmod 700 it: patients are inside",
		              "%.120s has mode %o", dir, st.st_mode & 0777);
	else
		hz_doctor_add(d, "records", HZ_VERDICT_OK, NULL, "%.120s", dir);
	check_disk(d, dir);
	check_key(d);
}
