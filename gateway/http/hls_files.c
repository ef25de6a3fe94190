#include "gateway/http/hls_files.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "signaling/protocol/problem.h"

#define PREFIX "/hls/"

static const char *type_of(const char *name)
{
	static const char *const types[][2] = {
	    {".m3u8", "application/vnd.apple.mpegurl"}, {".m4s", "video/iso.segment"}, {".mp4", "video/mp4"}};
	size_t length = strlen(name);
	for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		size_t end = strlen(types[i][0]);
		if (length > end && strcmp(name + length - end, types[i][0]) == 0)
			return types[i][1];
	}
	return NULL;
}

// {folder}/master.m3u8 or {folder}/{track}/{file}, of letters and digits: nothing leads out of the folder.
static bool good_path(const char *path)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-_";
	static const char *const tracks[] = {"/video/", "/sound/"};
	size_t folder = strspn(path, letters);
	if (folder < HZ_HLS_ID_LEAST || folder >= HZ_HLS_ID_BYTES)
		return false;
	if (strcmp(path + folder, "/master.m3u8") == 0)
		return true;
	for (unsigned i = 0; i < 2; i++) {
		const char *file = path + folder + strlen(tracks[i]);
		if (strncmp(path + folder, tracks[i], strlen(tracks[i])) == 0)
			return strspn(file, "abcdefghijklmnopqrstuvwxyz0123456789.") == strlen(file) &&
			       file[0] != '.' && type_of(file);
	}
	return false;
}

static int open_file(const struct hz_brain *brain, const char *path, uint64_t *ret_bytes)
{
	struct stat about;
	int fd = openat(brain->hls_folder, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return -1;
	if (fstat(fd, &about) < 0 || !S_ISREG(about.st_mode)) {
		close(fd);
		return -1;
	}
	*ret_bytes = (uint64_t)about.st_size;
	return fd;
}

bool hz_hls_files_handle(const struct hz_brain *brain, const struct hz_request *req, struct hz_response *res)
{
	const char *path = req->path + strlen(PREFIX);
	uint64_t bytes = 0;
	if (!brain->hls || strncmp(req->path, PREFIX, strlen(PREFIX)) != 0)
		return false;
	if (req->method != HZ_GET) {
		hz_response_header(res, "Allow", "GET, HEAD");
		hz_problem_answer(res, 405, NULL, NULL);
		return true;
	}
	int fd = good_path(path) ? open_file(brain, path, &bytes) : -1;
	if (fd < 0) {
		hz_problem_answer(res, 404, NULL, NULL);
		return true;
	}
	// segments never change; a minute is long enough for a cache between, and soon over when one had to be taken back
	const char *type = type_of(path);
	hz_response_header(res, "Cache-Control", strstr(path, ".m3u8") ? "no-cache" : "max-age=60");
	hz_response_file(res, type, fd, 0, bytes);
	return true;
}
