#include "media/dicomweb/tag.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "gateway/base/secret.h"

#define BLOCK 16
#define CHUNK ((size_t)1 << 30) // OpenSSL counts in int

struct hz_dweb_tags {
	EVP_CIPHER_CTX *mac, *seal;
};

int hz_dweb_tags_new(const uint8_t key[HZ_DWEB_TAG_KEY_BYTES], struct hz_dweb_tags **ret)
{
	struct hz_dweb_tags *t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->mac = EVP_CIPHER_CTX_new();
	t->seal = EVP_CIPHER_CTX_new();
	if (!t->mac || !t->seal || EVP_EncryptInit_ex(t->mac, EVP_aes_128_gcm(), NULL, key, NULL) != 1 ||
	    EVP_EncryptInit_ex(t->seal, EVP_aes_128_ecb(), NULL, key + BLOCK, NULL) != 1) {
		hz_dweb_tags_free(t);
		return -ENOMEM;
	}
	EVP_CIPHER_CTX_set_padding(t->seal, 0);
	*ret = t;
	return 0;
}

// Another key than was: what is there is not known again, and fetched anew.
int hz_dweb_tags_open(int dir, struct hz_dweb_tags **ret)
{
	uint8_t key[HZ_DWEB_TAG_KEY_BYTES];
	int fd = openat(dir, "key", O_RDONLY | O_CLOEXEC | O_NOFOLLOW), err = 0;
	bool had = fd >= 0 && read(fd, key, sizeof(key)) == (ssize_t)sizeof(key);
	if (fd >= 0)
		close(fd);
	if (!had) {
		hz_random(key, sizeof(key));
		fd = openat(dir, "key", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd < 0 || write(fd, key, sizeof(key)) != (ssize_t)sizeof(key))
			err = -EIO;
		if (fd >= 0)
			close(fd);
	}
	if (!err)
		err = hz_dweb_tags_new(key, ret);
	hz_wipe(key, sizeof(key));
	return err;
}

void hz_dweb_tags_free(struct hz_dweb_tags *t)
{
	if (!t)
		return;
	EVP_CIPHER_CTX_free(t->mac); // both wipe their keys
	EVP_CIPHER_CTX_free(t->seal);
	free(t);
}

void hz_dweb_tag(struct hz_dweb_tags *t, const void *data, size_t bytes, char ret[HZ_DWEB_TAG_BYTES])
{
	static const uint8_t iv[12];
	uint8_t tag[BLOCK], out[2 * BLOCK];
	const uint8_t *at = data;
	int n = 0;
	bool good = EVP_EncryptInit_ex(t->mac, NULL, NULL, NULL, iv) == 1;
	for (size_t left = bytes; good && left;) {
		size_t some = left < CHUNK ? left : CHUNK;
		good = EVP_EncryptUpdate(t->mac, NULL, &n, at, (int)some) == 1;
		at += some;
		left -= some;
	}
	good = good && EVP_EncryptFinal_ex(t->mac, out, &n) == 1 &&
	       EVP_CIPHER_CTX_ctrl(t->mac, EVP_CTRL_AEAD_GET_TAG, BLOCK, tag) == 1 &&
	       EVP_EncryptUpdate(t->seal, out, &n, tag, BLOCK) == 1 && n == BLOCK;
	if (!good)
		abort(); // of a library that has no AES
	for (unsigned i = 0; i < BLOCK; i++) {
		ret[2 * i] = "0123456789abcdef"[out[i] >> 4];
		ret[2 * i + 1] = "0123456789abcdef"[out[i] & 15];
	}
	ret[2 * BLOCK] = '\0';
}
