#include "gateway/doctor.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#define GIB              (1024ull * 1024 * 1024)
#define MIB              (1024ull * 1024)
#define BUFFER_BYTES     4194304
#define FILES_PER_WORKER 8
#define FILES_BASE       256

// The folder itself, or when it does not exist yet the nearest one above it.
static void nearest(const char *dir, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s", dir);
	while (access(path, F_OK) != 0) {
		char *slash = strrchr(path, '/');
		if (!slash) {
			snprintf(path, PATH_MAX, ".");
			return;
		}
		if (slash == path) {
			path[1] = '\0';
			return;
		}
		*slash = '\0';
	}
}

static void check_folder(struct hz_doctor *d)
{
	char path[PATH_MAX];
	struct stat st;
	struct statvfs fs;
	nearest(d->config->data.dir, path);
	if (access(path, W_OK | X_OK) != 0 || stat(path, &st) < 0) {
		hz_doctor_add(d, "data folder", HZ_VERDICT_FAIL, "correct its owner, or set data.dir",
		              "%.120s: %s", path, strerror(errno));
		return;
	}
	bool there = strcmp(path, d->config->data.dir) == 0;
	if (there && (st.st_mode & 077))
		hz_doctor_add(d, "data folder", st.st_mode & S_IWOTH ? HZ_VERDICT_FAIL : HZ_VERDICT_WARN,
		              "chmod 700 it: keys are inside", "%.120s has mode %o", path, st.st_mode & 0777);
	else
		hz_doctor_add(d, "data folder", HZ_VERDICT_OK, NULL, "%.120s%s", d->config->data.dir,
		              there ? "" : " (made at the first start)");
	if (statvfs(path, &fs) < 0)
		return;
	unsigned long long free_bytes = (unsigned long long)fs.f_bavail * fs.f_frsize;
	enum hz_verdict v = free_bytes < 100 * MIB ? HZ_VERDICT_FAIL
	                    : free_bytes < GIB     ? HZ_VERDICT_WARN
	                                           : HZ_VERDICT_OK;
	hz_doctor_add(d, "disk", v, "free at least 1 GiB where data.dir is", "%llu MiB free",
	              free_bytes / MIB);
}

static void check_config_file(struct hz_doctor *d)
{
	struct stat st;
	if (!d->config->path || !d->config->tokens.keys_count || stat(d->config->path, &st) < 0)
		return;
	if (st.st_mode & S_IROTH)
		hz_doctor_add(d, "secrets", HZ_VERDICT_WARN, "chmod o-r it: whoever reads it can sign tokens",
		              "everybody can read %.120s", d->config->path);
}

static void check_files(struct hz_doctor *d)
{
	struct rlimit r;
	unsigned long need = FILES_BASE + d->config->limits.connections +
	                     (unsigned long)hz_config_workers(d->config) * FILES_PER_WORKER;
	if (getrlimit(RLIMIT_NOFILE, &r) < 0)
		return;
	enum hz_verdict v = r.rlim_max < FILES_BASE * 2 ? HZ_VERDICT_FAIL
	                    : r.rlim_max < need         ? HZ_VERDICT_WARN
	                                                : HZ_VERDICT_OK;
	hz_doctor_add(d, "open files", v,
	              "raise LimitNOFILE (systemd) or ulimit -Hn, or lower limits.connections",
	              "limit %lu, needed for limits.connections %lu", (unsigned long)r.rlim_max, need);
}

static long read_long(const char *path)
{
	char text[32] = "";
	FILE *f = fopen(path, "re");
	if (!f)
		return -1;
	if (!fgets(text, sizeof(text), f))
		text[0] = '\0';
	fclose(f);
	return text[0] ? strtol(text, NULL, 10) : -1;
}

static void check_buffers(struct hz_doctor *d)
{
	long rx = read_long("/proc/sys/net/core/rmem_max"), tx = read_long("/proc/sys/net/core/wmem_max");
	bool small = rx < BUFFER_BYTES || tx < BUFFER_BYTES;
	hz_doctor_add(
	    d, "socket buffers", small ? HZ_VERDICT_WARN : HZ_VERDICT_OK,
	    "sysctl -w net.core.rmem_max=4194304 net.core.wmem_max=4194304 (keep it in /etc/sysctl.d)",
	    "net.core.rmem_max %ld, wmem_max %ld", rx, tx);
}

static void check_clock(struct hz_doctor *d)
{
	struct timex t = {.modes = 0};
	int state = adjtimex(&t);
	bool wrong = state == TIME_ERROR || (t.status & STA_UNSYNC);
	hz_doctor_add(d, "clock", wrong ? HZ_VERDICT_WARN : HZ_VERDICT_OK,
	              "install and start chrony or systemd-timesyncd: tokens and records depend on the time",
	              wrong ? "not synchronised" : "synchronised");
	if (t.time.tv_sec < 1735689600) // 2025
		hz_doctor_add(d, "date", HZ_VERDICT_FAIL,
		              "set the date: every token and certificate will be refused", "long ago");
}

void hz_doctor_system(struct hz_doctor *d)
{
	check_folder(d);
	check_config_file(d);
	check_files(d);
	check_buffers(d);
	check_clock(d);
}
