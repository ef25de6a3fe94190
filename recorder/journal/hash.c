#include "recorder/journal/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "gateway/base/hex.h"
#include "recorder/journal/file.h"

#define PIECE_BYTES (256 << 10)

static int update(EVP_MD_CTX *ctx, int fd, uint64_t *ret_bytes)
{
	uint8_t *buf = malloc(PIECE_BYTES);
	uint64_t at = 0;
	ssize_t n = buf ? 1 : -ENOMEM;
	while (n > 0) {
		n = hz_file_read(fd, buf, PIECE_BYTES, at);
		if (n > 0 && EVP_DigestUpdate(ctx, buf, (size_t)n) != 1)
			n = -EIO;
		at += n > 0 ? (uint64_t)n : 0;
	}
	free(buf);
	*ret_bytes = at;
	return (int)n;
}

int hz_hash_file(const char *path, enum hz_hash_of which, struct hz_file_hash *ret)
{
	struct hz_file_hash out = {0};
	uint8_t sum[EVP_MAX_MD_SIZE];
	unsigned bytes = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int err = !ctx                                                                              ? -ENOMEM
	          : EVP_DigestInit_ex(ctx, which == HZ_SHA1 ? EVP_sha1() : EVP_sha256(), NULL) == 1 ? 0
	                                                                                            : -EIO;
	if (!err)
		err = update(ctx, fd, &out.bytes);
	if (!err && EVP_DigestFinal_ex(ctx, sum, &bytes) != 1)
		err = -EIO;
	if (!err)
		hz_hex_text(sum, bytes < 32 ? bytes : 32, out.hex);
	EVP_MD_CTX_free(ctx);
	close(fd);
	if (!err)
		*ret = out;
	return err;
}
