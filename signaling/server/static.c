#include "signaling/server/static.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/base/map.h"

#define PATH_BYTES 120 // a key of the map
#define DEPTH      8

struct file {
	char path[PATH_BYTES]; // "/assets/x.js"
	char etag[24];         // with quotes
	const char *type;
	unsigned char *data;
	size_t bytes;
	const struct file *gzip;
};

struct hz_static {
	struct hz_map *map;
	size_t bytes;
};

static const char *type_of(const char *path)
{
	static const struct {
		const char *end, *type;
	} types[] = {
	    {".html", "text/html; charset=utf-8"},
	    {".js", "text/javascript; charset=utf-8"},
	    {".mjs", "text/javascript; charset=utf-8"},
	    {".css", "text/css; charset=utf-8"},
	    {".json", "application/json"},
	    {".map", "application/json"},
	    {".webmanifest", "application/manifest+json"},
	    {".svg", "image/svg+xml"},
	    {".png", "image/png"},
	    {".jpg", "image/jpeg"},
	    {".webp", "image/webp"},
	    {".ico", "image/x-icon"},
	    {".woff2", "font/woff2"},
	    {".wasm", "application/wasm"},
	    {".mp3", "audio/mpeg"},
	    {".ogg", "audio/ogg"},
	    {".mp4", "video/mp4"},
	    {".txt", "text/plain; charset=utf-8"},
	};
	size_t n = strlen(path);
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		size_t e = strlen(types[i].end);
		if (n > e && !strcasecmp(path + n - e, types[i].end))
			return types[i].type;
	}
	return "application/octet-stream";
}

// FNV-1a: names a content, proves nothing.
static void make_etag(struct file *f)
{
	uint64_t hash = 14695981039346656037u;
	for (size_t i = 0; i < f->bytes; i++)
		hash = (hash ^ f->data[i]) * 1099511628211u;
	snprintf(f->etag, sizeof(f->etag), "\"%016llx\"", (unsigned long long)hash);
}

static void free_file(struct file *f)
{
	free(f->data);
	free(f);
}

static int read_all(int fd, size_t bytes, unsigned char **ret)
{
	unsigned char *data = malloc(bytes + 1);
	size_t have = 0;
	if (!data)
		return -ENOMEM;
	while (have < bytes) {
		ssize_t n = read(fd, data + have, bytes - have);
		if (n <= 0) {
			free(data);
			return n < 0 ? -errno : -EIO; // it shrank while we read
		}
		have += (size_t)n;
	}
	data[bytes] = '\0';
	*ret = data;
	return 0;
}

static int load_file(struct hz_static *files, int fd, const char *path, size_t bytes)
{
	if (hz_map_count(files->map) == HZ_STATIC_MAX_FILES || bytes > HZ_STATIC_MAX_BYTES - files->bytes)
		return -EFBIG;
	struct file *f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	int err = read_all(fd, bytes, &f->data);
	if (!err) {
		f->bytes = bytes;
		f->type = type_of(path);
		snprintf(f->path, sizeof(f->path), "%s", path);
		make_etag(f);
		err = hz_map_set(files->map, path, f);
	}
	if (err) {
		free_file(f);
		return err;
	}
	files->bytes += bytes;
	return 0;
}

static int load_dir(struct hz_static *files, int dir_fd, const char *prefix, int depth);

static int load_entry(struct hz_static *files, int dir_fd, const char *prefix, const char *name, int depth)
{
	char path[PATH_BYTES];
	struct stat st;
	int err = 0, n = snprintf(path, sizeof(path), "%s/%s", prefix, name);
	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return errno == ELOOP ? 0 : -errno; // a symbolic link
	if (fstat(fd, &st) < 0)
		err = -errno;
	else if (S_ISREG(st.st_mode))
		err = load_file(files, fd, path, (size_t)st.st_size);
	else if (S_ISDIR(st.st_mode) && depth < DEPTH)
		return load_dir(files, fd, path, depth + 1); // takes fd over
	close(fd);
	return err;
}

static int load_dir(struct hz_static *files, int dir_fd, const char *prefix, int depth)
{
	DIR *dir = fdopendir(dir_fd);
	struct dirent *entry;
	int err = 0;
	if (!dir) {
		close(dir_fd);
		return -ENOMEM;
	}
	while (!err && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			err = load_entry(files, dir_fd, prefix, entry->d_name, depth);
	closedir(dir);
	return err;
}

static void link_gzip(struct hz_static *files)
{
	uint32_t at = 0;
	struct file *f;
	while ((f = hz_map_next(files->map, &at))) {
		char path[PATH_BYTES + 4];
		snprintf(path, sizeof(path), "%s.gz", f->path);
		const struct file *gzip = hz_map_get(files->map, path);
		if (gzip && gzip->bytes < f->bytes)
			f->gzip = gzip;
	}
}

int hz_static_load(const char *dir, struct hz_static **ret)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	struct hz_static *files = calloc(1, sizeof(*files));
	if (!files) {
		close(fd);
		return -ENOMEM;
	}
	int err = hz_map_new(HZ_STATIC_MAX_FILES, &files->map);
	if (err)
		close(fd);
	else
		err = load_dir(files, fd, "", 0);
	if (err) {
		hz_static_free(files);
		return err;
	}
	link_gzip(files);
	*ret = files;
	return 0;
}

void hz_static_free(struct hz_static *files)
{
	uint32_t at = 0;
	struct file *f;
	if (!files)
		return;
	while (files->map && (f = hz_map_next(files->map, &at)))
		free_file(f);
	hz_map_free(files->map);
	free(files);
}

// true if Accept-Encoding has gzip with a weight above 0.
static bool takes_gzip(const struct hz_request *req)
{
	const char *at = req->header[HZ_H_ACCEPT_ENCODING];
	while (at && *at) {
		at += strspn(at, ", \t");
		size_t n = strcspn(at, ","), name = strcspn(at, ";, \t");
		if (name == 4 && !strncasecmp(at, "gzip", 4)) {
			const char *weight = memmem(at, n, "q=", 2);
			return !weight || strtod(weight + 2, NULL) > 0;
		}
		at += n;
	}
	return false;
}

int hz_static_answer(const struct hz_static *files, const char *path, const char *csp,
                     const struct hz_request *req, struct hz_response *res)
{
	const struct file *f = hz_map_get(files->map, path), *sent = f;
	if (!f)
		return -ENOENT;
	if (req->method != HZ_GET) {
		hz_response_status(res, 405);
		hz_response_header(res, "Allow", "GET, HEAD");
		return 0;
	}
	if (f->gzip) {
		hz_response_header(res, "Vary", "Accept-Encoding");
		if (takes_gzip(req))
			sent = f->gzip;
	}
	hz_response_header(res, "ETag", sent->etag);
	hz_response_header(res, "Cache-Control",
	                   !strncmp(path, "/assets/", 8) ? "public, max-age=31536000, immutable"
	                                                 : "no-cache");
	if (csp && !strncmp(f->type, "text/html", 9))
		hz_response_header(res, "Content-Security-Policy", csp);
	if (hz_etag_listed(req->header[HZ_H_IF_NONE_MATCH], sent->etag)) {
		hz_response_status(res, 304);
		return 0;
	}
	if (sent != f)
		hz_response_header(res, "Content-Encoding", "gzip");
	return hz_response_static(res, f->type, sent->data, sent->bytes);
}

const void *hz_static_get(const struct hz_static *files, const char *path, size_t *ret_bytes)
{
	const struct file *f = hz_map_get(files->map, path);
	if (!f)
		return NULL;
	*ret_bytes = f->bytes;
	return f->data;
}
