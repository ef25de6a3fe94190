#include "recorder/record/export.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "gateway/base/hex.h"
#include "recorder/journal/file.h"
#include "recorder/record/certificate.h"
#include "recorder/record/erasure.h"
#include "recorder/record/files.h"
#include "recorder/record/sign.h"
#include "recorder/store.h"

#define PATH_BYTES  4096
#define MOST_TARGET 3072
#define PIECE_BYTES (256u << 10)
#define SYNC_BYTES  (16u << 20) // a recorder's own syncs do not wait behind gigabytes

static const char *const folders[] = {"tracks", "dicom", "journal", "erasures"};
#define FOLDERS (sizeof(folders) / sizeof(folders[0]))

struct copying {
	const struct hz_export *what;
	char part[MOST_TARGET + 8];
	int from;        // the record's folder
	char *text;      // certificate.json
	size_t bytes;    // of it
	char *pem;       // the public key
	json_t *all;     // the certificate, read
	uint64_t needed; // on the target's disk
	uint8_t *piece;
	struct hz_exported done;
	char *error;
};

// why NULL: what errno says; where NULL: of the record itself.
static int fail(const struct copying *c, int err, const char *where, const char *why)
{
	snprintf(c->error, HZ_EXPORT_ERROR_BYTES, "%.300s%s%.200s", where ? where : "", where ? ": " : "",
	         why ? why : strerror(-err));
	return err;
}

// --- whether it may be done

static int may(const struct copying *c, struct hz_record_state *ret)
{
	int err = hz_record_state_read(c->what->folder, ret);
	if (err)
		return fail(c, err, "state.json", err == -EBADMSG ? "not readable" : NULL);
	if (ret->phase == HZ_RECORD_DELETED)
		return fail(c, -ENODATA, NULL, "it was deleted");
	if (ret->phase == HZ_RECORD_RECORDING)
		return fail(c, -EBUSY, NULL, "it is still recorded");
	bool told = ret->phase != HZ_RECORD_FINALISED || ret->composing.phase != HZ_COMPOSING_NONE;
	if (ret->phase < HZ_RECORD_FINALISED || !told || ret->composing.phase == HZ_COMPOSING_RUNNING ||
	    ret->composing.phase == HZ_COMPOSING_MADE)
		return fail(c, -EBUSY, NULL, "it is being finalised or composed");
	return 0;
}

static int read_key(struct copying *c)
{
	int err = hz_document_read(c->what->public_pem, 1 << 16, &c->pem, NULL);
	if (err)
		return fail(c, err == -ENOENT ? -ENOKEY : err, c->what->public_pem,
		            err == -ENOENT ? "no public key is there" : NULL);
	if (strstr(c->pem, "PRIVATE")) // it would be handed over
		return fail(c, -EKEYREJECTED, c->what->public_pem, "is not the public key");
	return 0;
}

static int read_certificate(struct copying *c, const char *record)
{
	char path[PATH_BYTES];
	snprintf(path, sizeof(path), "%s/certificate.json", c->what->folder);
	int err = hz_document_read(path, HZ_CERTIFICATE_BYTES, &c->text, &c->bytes);
	if (err)
		return fail(c, err, "certificate.json", err == -ENOENT ? "is not there" : NULL);
	err = hz_certificate_check(c->text, c->bytes, c->pem);
	if (err)
		return fail(c, err, "certificate.json",
		            err == -EKEYREJECTED ? "its signature does not fit the public key"
		            : err == -EBADMSG    ? "is no certificate"
		                                 : NULL);
	if (!(c->all = json_loadb(c->text, c->bytes, 0, NULL)))
		return fail(c, -ENOMEM, "certificate.json", NULL);
	const char *of = json_string_value(json_object_get(json_object_get(c->all, "certificate"), "record"));
	return of && strcmp(of, record) == 0 ? 0
	                                     : fail(c, -EBADMSG, "certificate.json", "is of another record");
}

// --- what it names

// A manifest is written by who reads strangers' bytes: whatever it names, no key goes.
static bool is_of_record(const char *path)
{
	static const char *const kinds[] = {".json", ".mp4", ".webm", ".jpg"}; // beside the folders
	const char *slash = path ? strchr(path, '/') : NULL, *end = path ? strrchr(path, '.') : NULL;
	bool good = false;
	if (!end || !hz_document_is_inside(path) || strcmp(end, ".new") == 0 || strcmp(end, ".part") == 0)
		return false;
	for (size_t i = 0; slash && i < FOLDERS; i++)
		good = good || (strlen(folders[i]) == (size_t)(slash - path) &&
		                strncmp(path, folders[i], (size_t)(slash - path)) == 0);
	for (size_t i = 0; !slash && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		good = good || strcmp(end, kinds[i]) == 0;
	return good && (!slash || !strchr(slash + 1, '/'));
}

typedef int each_fn(struct copying *c, const char *path, const json_t *entry);

static int each_in(struct copying *c, const json_t *list, const char *key, const char *before, each_fn *fn)
{
	char path[512];
	size_t i;
	const json_t *one;
	json_array_foreach(list, i, one)
	{
		const char *name = json_string_value(json_object_get(one, key));
		int n = snprintf(path, sizeof(path), "%s%s", before, name ? name : "");
		if (n >= (int)sizeof(path) || !is_of_record(path))
			return fail(c, -EBADMSG, "certificate.json", "an entry is no file of a record");
		int err = fn(c, path, one);
		if (err)
			return err;
	}
	return 0;
}

static int each(struct copying *c, each_fn *fn)
{
	const json_t *content = json_object_get(c->all, "certificate");
	const json_t *files = json_object_get(content, "files");
	const json_t *segments = json_object_get(json_object_get(content, "journal"), "segments");
	if (!json_is_array(files))
		return fail(c, -EBADMSG, "certificate.json", "names no files");
	int err = each_in(c, files, "path", "", fn);
	return err ? err : each_in(c, segments, "file", "journal/", fn);
}

// --- one file

static int open_from(const struct copying *c, const char *path)
{
	const char *slash = strchr(path, '/');
	char folder[16];
	struct stat st;
	int dir = c->from;
	if (slash) {
		snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
		dir = openat(c->from, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	}
	int fd = dir < 0
	             ? -1
	             : openat(dir, slash ? slash + 1 : path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	int err = fd < 0 ? -errno : fstat(fd, &st) < 0 ? -errno : S_ISREG(st.st_mode) ? 0 : -ELOOP;
	if (slash && dir >= 0)
		close(dir);
	if (err && fd >= 0)
		close(fd);
	if (!err)
		return fd;
	if (err == -ENOTDIR || err == -ENXIO) // a link instead of a folder; a socket
		err = -ELOOP;
	return fail(c, err, path,
	            err == -ELOOP    ? "is a link, or no regular file"
	            : err == -ENOENT ? "is not there"
	                             : NULL);
}

static int open_to(const struct copying *c, const char *path)
{
	char full[PATH_BYTES];
	const char *slash = strchr(path, '/');
	snprintf(full, sizeof(full), "%s/%.*s", c->part, slash ? (int)(slash - path) : 0, path);
	if (slash && mkdir(full, 0700) < 0 && errno != EEXIST)
		return fail(c, -errno, full, NULL);
	snprintf(full, sizeof(full), "%s/%s", c->part, path);
	int fd = open(full, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd < 0 ? fail(c, -errno, full, NULL) : fd;
}

// What is longer than it may be is not read to its end. *ret_bytes: read.
static int pour(const struct copying *c, int from, int to, uint64_t most, EVP_MD_CTX *ctx,
                uint64_t *ret_bytes)
{
	uint64_t at = 0;
	ssize_t n;
	while ((n = hz_file_read(from, c->piece, PIECE_BYTES, at)) > 0) {
		if (EVP_DigestUpdate(ctx, c->piece, (size_t)n) != 1)
			return -EIO;
		if (at + (uint64_t)n > most) {
			at += (uint64_t)n;
			break;
		}
		int err = hz_file_write(to, c->piece, (size_t)n, at);
		at += (uint64_t)n;
		if (!err && at % SYNC_BYTES == 0 && fdatasync(to) < 0)
			err = -errno;
		if (err)
			return err;
	}
	*ret_bytes = at;
	return n < 0 ? (int)n : 0;
}

static int copy_open(struct copying *c, int from, int to, const char *path, const json_t *entry)
{
	uint64_t wanted = (uint64_t)json_integer_value(json_object_get(entry, "bytes")), bytes = 0;
	const char *sha256 = json_string_value(json_object_get(entry, "sha256"));
	uint8_t sum[EVP_MAX_MD_SIZE] = {0};
	char hex[2 * EVP_MAX_MD_SIZE + 1];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int err = !ctx ? -ENOMEM : EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 ? 0 : -EIO;
	if (!err)
		err = pour(c, from, to, wanted, ctx, &bytes);
	if (!err && EVP_DigestFinal_ex(ctx, sum, NULL) != 1)
		err = -EIO;
	EVP_MD_CTX_free(ctx);
	if (err)
		return fail(c, err, path, NULL);
	hz_hex_text(sum, 32, hex);
	if (bytes != wanted)
		return fail(c, -EBADMSG, path, "its length differs");
	if (!sha256 || strcmp(hex, sha256) != 0)
		return fail(c, -EBADMSG, path, "its hash differs");
	if (fsync(to) < 0)
		return fail(c, -errno, path, NULL);
	c->done.files++;
	c->done.bytes += bytes;
	return 0;
}

static int copy(struct copying *c, const char *path, const json_t *entry)
{
	int from = open_from(c, path), to = from < 0 ? from : open_to(c, path), err = to < 0 ? to : 0;
	if (!err)
		err = copy_open(c, from, to, path, entry);
	if (to >= 0)
		close(to);
	if (from >= 0)
		close(from);
	return err;
}

// --- all of it

static int add_needed(struct copying *c, const char *path, const json_t *entry)
{
	json_int_t bytes = json_integer_value(json_object_get(entry, "bytes"));
	if (bytes < 0)
		return fail(c, -EBADMSG, "certificate.json", "an entry is no file of a record");
	c->needed += (uint64_t)bytes + 4096; // the last block is not full
	return 0;
}

static int check_space(struct copying *c)
{
	struct statvfs disk;
	struct stat record, part;
	char why[160];
	c->needed = c->bytes + 65536;
	int err = each(c, add_needed);
	if (err)
		return err;
	if (statvfs(c->part, &disk) < 0 || stat(c->part, &part) < 0 || fstat(c->from, &record) < 0)
		return fail(c, -errno, c->part, NULL);
	uint64_t left = (uint64_t)disk.f_bavail * disk.f_frsize;
	uint64_t keep = record.st_dev == part.st_dev ? c->what->keep_bytes : 0;
	if (left >= keep && left - keep >= c->needed)
		return 0;
	snprintf(why, sizeof(why), "%llu MiB are free where it is to be, it takes %llu MiB%s",
	         (unsigned long long)(left >> 20), (unsigned long long)(c->needed >> 20) + 1,
	         keep ? ", and consults are recorded there (record.min_free)" : "");
	return fail(c, -ENOSPC, NULL, why);
}

static int write_text(struct copying *c, const char *name, const char *text, size_t bytes)
{
	char path[PATH_BYTES];
	snprintf(path, sizeof(path), "%s/%s", c->part, name);
	int err = hz_document_write(path, text, bytes, 0600);
	if (err)
		return fail(c, err, path, NULL);
	c->done.files++;
	c->done.bytes += bytes;
	return 0;
}

// What `huizhen certificate` asks beyond hashes.
static int check_erasures(const struct copying *c, const char *record)
{
	struct hz_sign_key *key = NULL;
	unsigned bad = 0;
	int err = hz_sign_key_public(c->pem, &key);
	if (!err)
		json_decref(hz_erasures_load(c->part, record, key, &bad));
	hz_sign_key_free(key);
	return err || bad ? fail(c, err ? err : -EBADMSG, "erasures",
	                         "has a note that is not signed, or of another record")
	                  : 0;
}

static int fill(struct copying *c, const char *record)
{
	char path[PATH_BYTES];
	int err = check_space(c);
	if (!err)
		err = each(c, copy);
	if (!err)
		err = write_text(c, "certificate.json", c->text, c->bytes);
	if (!err)
		err = write_text(c, "public.pem", c->pem, strlen(c->pem));
	if (!err)
		err = check_erasures(c, record);
	for (size_t i = 0; !err && i <= FOLDERS; i++) { // the last is the copy itself
		snprintf(path, sizeof(path), "%s/%s/.", c->part, i < FOLDERS ? folders[i] : ".");
		if (access(path, F_OK) == 0 && (err = hz_document_sync(path)) != 0)
			fail(c, err, path, NULL);
	}
	return err;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	return remove(path);
}

static int make(struct copying *c, const char *record)
{
	const char *target = c->what->target;
	struct stat st;
	if (lstat(target, &st) == 0)
		return fail(c, -EEXIST, target, "is there already");
	if (mkdir(c->part, 0700) < 0)
		return fail(c, errno == ENOENT ? -ENOTDIR : -errno, c->part,
		            errno == ENOENT   ? "the folder that it is to be in is not there"
		            : errno == EEXIST ? "is there already: of an export that runs, or was cut short"
		                              : NULL);
	int err = fill(c, record);
	if (!err && lstat(target, &st) == 0)
		err = fail(c, -EEXIST, target, "is there already");
	if (!err && rename(c->part, target) < 0)
		err = fail(c, -errno, target, NULL);
	if (err) {
		(void)nftw(c->part, remove_one, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
		return err;
	}
	err = hz_document_sync(target);
	if (err) {
		(void)nftw(target, remove_one, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
		fail(c, err, target, NULL);
	}
	return err;
}

int hz_export(const struct hz_export *what, struct hz_exported *ret, char ret_error[HZ_EXPORT_ERROR_BYTES])
{
	struct copying c = {.what = what, .from = -1, .error = ret_error};
	struct hz_record_state state;
	int lock = -1, n = snprintf(c.part, sizeof(c.part), "%s.part", what->target);
	if (n >= (int)sizeof(c.part) || n <= 5)
		return fail(&c, -ENAMETOOLONG, what->target, NULL);
	int err = may(&c, &state); // asked first: who finalises is not kept from the lock
	if (!err && (err = hz_record_lock(what->folder, &lock)) != 0)
		fail(&c, err, err == -EBUSY ? NULL : "lock", err == -EBUSY ? "somebody works on it" : NULL);
	if (!err)
		err = may(&c, &state);
	if (!err && (c.from = open(what->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		err = fail(&c, -errno, what->folder, NULL);
	if (!err && !(c.piece = malloc(PIECE_BYTES)))
		err = fail(&c, -ENOMEM, NULL, NULL);
	if (!err)
		err = read_key(&c);
	if (!err)
		err = read_certificate(&c, state.id);
	if (!err)
		err = make(&c, state.id);
	if (c.from >= 0)
		close(c.from);
	if (lock >= 0)
		close(lock);
	json_decref(c.all);
	free(c.piece);
	free(c.pem);
	free(c.text);
	if (!err)
		*ret = c.done;
	return err;
}
