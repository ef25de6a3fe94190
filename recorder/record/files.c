#include "recorder/record/files.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/base/hex.h"

int hz_document_read(const char *path, size_t max_bytes, char **ret, size_t *ret_bytes)
{
	struct stat st;
	size_t n = 0;
	char *data = NULL;
	int err = 0, fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		err = -EINVAL;
	else if ((uint64_t)st.st_size > max_bytes)
		err = -EFBIG;
	else if (!(data = malloc((size_t)st.st_size + 1)))
		err = -ENOMEM;
	while (!err && n < (size_t)st.st_size) {
		ssize_t got = read(fd, data + n, (size_t)st.st_size - n);
		if (got > 0)
			n += (size_t)got;
		else if (got == 0)
			break;
		else if (errno != EINTR)
			err = -errno;
	}
	close(fd);
	if (err) {
		free(data);
		return err;
	}
	data[n] = '\0';
	*ret = data;
	if (ret_bytes)
		*ret_bytes = n;
	return 0;
}

int hz_document_sync(const char *path)
{
	char folder[4096];
	if ((size_t)snprintf(folder, sizeof(folder), "%s", path) >= sizeof(folder))
		return -ENAMETOOLONG;
	char *slash = strrchr(folder, '/');
	if (slash)
		slash[slash == folder] = '\0';
	else
		snprintf(folder, sizeof(folder), ".");
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int err = fsync(fd) < 0 ? -errno : 0;
	close(fd);
	return err;
}

int hz_document_write(const char *path, const void *data, size_t bytes, unsigned mode)
{
	char beside[4096];
	const char *at = data;
	if ((size_t)snprintf(beside, sizeof(beside), "%s.new", path) >= sizeof(beside))
		return -ENAMETOOLONG;
	int err = 0, fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, (mode_t)mode);
	if (fd < 0)
		return -errno;
	while (bytes && !err) {
		ssize_t put = write(fd, at, bytes);
		if (put >= 0) {
			at += put;
			bytes -= (size_t)put;
		} else if (errno != EINTR) {
			err = -errno;
		}
	}
	if (!err && fsync(fd) < 0)
		err = -errno;
	close(fd);
	if (!err && rename(beside, path) < 0)
		err = -errno;
	if (err)
		unlink(beside);
	return err ? err : hz_document_sync(path);
}

int hz_document_is_inside(const char *path)
{
	if (!path || !*path || strlen(path) > 255)
		return 0;
	for (const char *part = path;; part++) {
		size_t n = strcspn(part, "/");
		if (n == 0 || (n == 1 && part[0] == '.') || (n == 2 && part[0] == '.' && part[1] == '.'))
			return 0;
		for (size_t i = 0; i < n; i++)
			if ((unsigned char)part[i] < 0x20 || part[i] == 0x7f)
				return 0;
		part += n;
		if (!*part)
			return 1;
	}
}

void hz_hash_hex(const void *data, size_t bytes, char ret[65])
{
	uint8_t digest[EVP_MAX_MD_SIZE] = {0};
	if (!EVP_Digest(data, bytes, digest, NULL, EVP_sha256(), NULL))
		abort(); // SHA-256 without memory or engine
	hz_hex_text(digest, 32, ret);
}

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t hz_base64(const uint8_t *data, size_t bytes, int url, char *ret)
{
	size_t n = 0;
	for (size_t i = 0; i < bytes; i += 3) {
		size_t left = bytes - i;
		uint32_t v = (uint32_t)data[i] << 16;
		v |= left > 1 ? (uint32_t)data[i + 1] << 8 : 0;
		v |= left > 2 ? (uint32_t)data[i + 2] : 0;
		for (unsigned k = 0; k < 4; k++) {
			char c = alphabet[v >> (18 - 6 * k) & 63];
			if (url)
				c = c == '+' ? '-' : c == '/' ? '_' : c;
			if (k <= left)
				ret[n++] = c;
			else if (!url)
				ret[n++] = '=';
		}
	}
	ret[n] = '\0';
	return n;
}

int hz_base64url_bytes(const char *text, uint8_t *ret, size_t *ret_bytes)
{
	size_t n = 0, chars = strlen(text);
	uint32_t v = 0;
	if (chars % 4 == 1)
		return -EINVAL;
	for (size_t i = 0; i < chars; i++) {
		char c = text[i] == '-' ? '+' : text[i] == '_' ? '/' : text[i];
		const char *at = c && text[i] != '+' && text[i] != '/' ? strchr(alphabet, c) : NULL;
		if (!at)
			return -EINVAL;
		v = v << 6 | (uint32_t)(at - alphabet);
		if (i % 4 == 3) {
			ret[n++] = (uint8_t)(v >> 16);
			ret[n++] = (uint8_t)(v >> 8);
			ret[n++] = (uint8_t)v;
			v = 0;
		}
	}
	if ((chars % 4 == 2 && (v & 15)) || (chars % 4 == 3 && (v & 3))) // one text for each value
		return -EINVAL;
	if (chars % 4 == 2)
		ret[n++] = (uint8_t)(v >> 4);
	if (chars % 4 == 3) {
		ret[n++] = (uint8_t)(v >> 10);
		ret[n++] = (uint8_t)(v >> 2);
	}
	*ret_bytes = n;
	return 0;
}
