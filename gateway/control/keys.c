#include "gateway/control/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/base/secret.h"

#define KID_CHARS      8
#define SECRET_CHARS   64 // 381 bits
#define FILE_MAX_BYTES 65536

static int fail(char *error, int err, const char *path, const char *advice)
{
	snprintf(error, HZ_KEYS_ERROR_BYTES, "tokens: %s: %s: %s", path, strerror(-err), advice);
	return err;
}

static int write_all(int fd, const char *text, size_t bytes)
{
	while (bytes > 0) {
		ssize_t n = write(fd, text, bytes);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			text += n;
			bytes -= (size_t)n;
		}
	}
	return fsync(fd) == 0 ? 0 : -errno;
}

// Appears whole or not at all, and only if there is none: two processes that start at once end with the same key.
static int make_file(const char *path)
{
	char temporary[PATH_MAX], kid[KID_CHARS + 1], secret[SECRET_CHARS + 1], text[256];
	hz_random_text(kid, KID_CHARS);
	hz_random_text(secret, SECRET_CHARS);
	if (snprintf(temporary, sizeof(temporary), "%s.%s", path, kid) >= (int)sizeof(temporary))
		return -ENAMETOOLONG;
	int n = snprintf(text, sizeof(text), "{\"keys\": [{\"kid\": \"%s\", \"secret\": \"%s\"}]}\n", kid,
	                 secret);
	int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int err = fd < 0 ? -errno : write_all(fd, text, (size_t)n);
	hz_wipe(secret, sizeof(secret));
	hz_wipe(text, sizeof(text));
	if (fd >= 0)
		close(fd);
	if (!err && link(temporary, path) != 0 && errno != EEXIST)
		err = -errno;
	if (fd >= 0)
		unlink(temporary);
	return err;
}

static int read_file(const char *path, char **ret, size_t *ret_bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	char *text = calloc(1, FILE_MAX_BYTES + 1);
	ssize_t n = text ? read(fd, text, FILE_MAX_BYTES) : -1;
	int err = n < 0 ? (text ? -errno : -ENOMEM) : 0;
	close(fd);
	if (err) {
		free(text);
		return err;
	}
	*ret = text;
	*ret_bytes = (size_t)n;
	return 0;
}

static int add_file(struct hz_jwt_keys *keys, const char *path)
{
	char *text = NULL;
	size_t bytes = 0, i;
	int err = read_file(path, &text, &bytes);
	if (err)
		return err;
	json_t *json = json_loadb(text, bytes, 0, NULL), *item, *list = json_object_get(json, "keys");
	if (json_array_size(list) == 0)
		err = -EINVAL;
	json_array_foreach(list, i, item)
	{
		const char *kid = json_string_value(json_object_get(item, "kid"));
		const char *secret = json_string_value(json_object_get(item, "secret"));
		if (!err)
			err = kid && secret ? hz_jwt_keys_add_secret(keys, kid, secret, strlen(secret))
			                    : -EINVAL;
	}
	json_decref(json);
	hz_wipe(text, bytes);
	free(text);
	return err;
}

static int add_own(struct hz_jwt_keys *keys, const struct hz_config *config, char *error)
{
	char path[PATH_MAX];
	if (snprintf(path, sizeof(path), "%s/keys.json", config->data.dir) >= (int)sizeof(path) - 16)
		return fail(error, -ENAMETOOLONG, config->data.dir, "choose a shorter data.dir");
	if (mkdir(config->data.dir, 0700) != 0 && errno != EEXIST)
		return fail(error, -errno, config->data.dir, "create the folder or set data.dir");
	int err = access(path, F_OK) == 0 ? 0 : make_file(path);
	if (err)
		return fail(error, err, path, "check owner and permissions of data.dir");
	err = add_file(keys, path);
	return err ? fail(error, err, path,
	                  "restore it, or remove it to make a new key (tokens become invalid)")
	           : 0;
}

int hz_token_keys_load(const struct hz_config *config, char error[HZ_KEYS_ERROR_BYTES],
                       struct hz_jwt_keys **ret)
{
	struct hz_jwt_keys *keys = hz_jwt_keys_new();
	if (!keys)
		return fail(error, -ENOMEM, "keys", "free some memory");
	int err = 0;
	for (unsigned i = 0; i < config->tokens.keys_count && !err; i++) {
		const struct hz_config_key *key = &config->tokens.keys[i];
		err = hz_jwt_keys_add_secret(keys, key->kid, key->secret, strlen(key->secret));
		if (err)
			fail(error, err, "tokens.keys",
			     "each needs its own kid and a secret of 32 to 1024 bytes");
	}
	if (!err && config->tokens.keys_count == 0)
		err = add_own(keys, config, error);
	if (!err && config->tokens.oidc_issuer && config->tokens.oidc_issuer[0]) {
		err = hz_jwt_keys_load_jwks(keys, config->tokens.oidc_jwks_file, config->tokens.oidc_issuer,
		                            config->tokens.oidc_audience);
		if (err)
			fail(error, err, "tokens.oidc_jwks_file", "it must be the issuer's JWKS document");
	}
	if (err) {
		hz_jwt_keys_free(keys);
		return err;
	}
	*ret = keys;
	return 0;
}
