#include "recorder/compose/update.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "recorder/journal/hash.h"

static int add_digests(json_t *entry, const char *path)
{
	struct hz_file_hash sha256, sha1;
	int err = hz_hash_file(path, HZ_SHA256, &sha256);
	if (!err)
		err = hz_hash_file(path, HZ_SHA1, &sha1);
	if (err)
		return err;
	json_object_set_new(entry, "sha256", json_string(sha256.hex));
	json_object_set_new(entry, "sha1", json_string(sha1.hex));
	json_object_set_new(entry, "bytes", json_integer((json_int_t)sha256.bytes));
	return 0;
}

static json_t *entry_of(const struct hz_update *u)
{
	if (strcmp(u->role, "composed") != 0)
		return json_pack("{s:s, s:s, s:s, s:i, s:i}", "path", u->path, "role", u->role, "container",
		                 "jpeg", "width", u->width, "height", u->height);
	return json_pack(
	    "{s:s, s:s, s:s, s:s, s:[s,s], s:I, s:I, s:i, s:i, s:I, s:i, s:i, s:{s:i, s:i, s:i}}", "path",
	    u->path, "role", u->role, "kind", "av", "container", "mp4", "codecs", "h264", "aac", "at_ms",
	    (json_int_t)u->at_ms, "duration_ms", (json_int_t)u->duration_ms, "width", u->width, "height",
	    u->height, "frames", (json_int_t)u->frames, "rate_num", u->rate, "rate_den", 1, "h264",
	    "profile_idc", u->h264[0], "constraint_flags", u->h264[1], "level_idc", u->h264[2]);
}

static void remove_role(json_t *files, const char *role)
{
	for (size_t i = json_array_size(files); i-- > 0;) {
		const char *has = json_string_value(json_object_get(json_array_get(files, i), "role"));
		if (has && strcmp(has, role) == 0)
			json_array_remove(files, i);
	}
}

static int save(const json_t *root)
{
	char *text =
	    json_dumps(root, JSON_SORT_KEYS | JSON_INDENT(1) | JSON_REAL_PRECISION(8)); // as finalising
	size_t bytes = text ? strlen(text) : 0, done = 0;
	int fd = text ? open("manifest.json.part", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640) : -1;
	int err = !text ? -ENOMEM : fd < 0 ? -errno : 0;
	while (!err && done < bytes) {
		ssize_t n = write(fd, text + done, bytes - done);
		err = n < 0 ? -errno : 0;
		done += n > 0 ? (size_t)n : 0;
	}
	if (!err && fsync(fd) < 0)
		err = -errno;
	if (fd >= 0)
		close(fd);
	if (!err && rename("manifest.json.part", "manifest.json") < 0)
		err = -errno;
	free(text);
	fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (!err && (fd < 0 || fsync(fd) < 0))
		err = -errno;
	if (fd >= 0)
		close(fd);
	return err;
}

int hz_update_manifest(const struct hz_input *input, const struct hz_update *files, unsigned count)
{
	json_t *list = json_object_get(input->manifest, "files");
	int err = 0;
	for (unsigned i = 0; i < count && !err; i++) {
		json_t *entry = entry_of(&files[i]);
		err = entry ? add_digests(entry, files[i].path) : -ENOMEM;
		remove_role(list, files[i].role);
		json_array_append_new(list, entry);
	}
	return err ? err : save(input->manifest);
}
