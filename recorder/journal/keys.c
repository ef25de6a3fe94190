#include "recorder/journal/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/base/secret.h"
#include "recorder/journal/crypt.h"
#include "recorder/journal/file.h"
#include "recorder/journal/wire.h"

#define KEY_FILE_BYTES (8 + HZ_GCM256_NONCE_BYTES + HZ_JOURNAL_KEY_BYTES + HZ_GCM256_TAG_BYTES)
#define AAD_BYTES      (8 + 16 + 4)

static const uint8_t key_magic[8] = {'H', 'Z', 'J', 'K', 'E', 'Y', '1', '\n'};

static void key_name(uint32_t track, const char *suffix, char ret[32])
{
	if (track == 0)
		snprintf(ret, 32, "record%s", suffix);
	else
		snprintf(ret, 32, "%04u%s", track, suffix);
}

static void key_aad(const uint8_t record[16], uint32_t track, uint8_t ret[AAD_BYTES])
{
	memcpy(ret, key_magic, 8);
	memcpy(ret + 8, record, 16);
	hz_put_u32(ret + 24, track);
}

static int master_read(const char *path, uint8_t ret[HZ_JOURNAL_KEY_BYTES])
{
	uint8_t buf[HZ_JOURNAL_KEY_BYTES + 1]; // one more, so that a file that is too long is noticed
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ssize_t n = hz_file_read(fd, buf, sizeof(buf), 0);
	close(fd);
	if (n == HZ_JOURNAL_KEY_BYTES)
		memcpy(ret, buf, HZ_JOURNAL_KEY_BYTES);
	hz_wipe(buf, sizeof(buf));
	if (n < 0)
		return (int)n;
	return n == HZ_JOURNAL_KEY_BYTES ? 0 : -EKEYREJECTED;
}

int hz_record_key_master_load(const char *path, uint8_t ret[HZ_JOURNAL_KEY_BYTES])
{
	return master_read(path, ret);
}

int hz_record_key_master(const char *path, uint8_t ret[HZ_JOURNAL_KEY_BYTES])
{
	uint8_t key[HZ_JOURNAL_KEY_BYTES];
	char folder[4096];
	int err = master_read(path, ret);
	if (err != -ENOENT)
		return err;
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) : 1;
	if (n >= sizeof(folder))
		return -ENAMETOOLONG;
	memcpy(folder, slash ? path : ".", n);
	folder[n] = '\0';
	int dir = open(n ? folder : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	hz_random(key, sizeof(key));
	err = hz_file_make(dir, slash ? slash + 1 : path, key, sizeof(key));
	close(dir);
	hz_wipe(key, sizeof(key));
	if (err && err != -EEXIST) // another process made it just now: that one counts
		return err;
	return master_read(path, ret);
}

int hz_record_key_make(int dir_fd, const uint8_t wrapping[HZ_JOURNAL_KEY_BYTES], const uint8_t record[16],
                       uint32_t track, uint8_t ret[HZ_JOURNAL_KEY_BYTES])
{
	uint8_t file[KEY_FILE_BYTES], aad[AAD_BYTES], key[HZ_JOURNAL_KEY_BYTES];
	uint8_t *nonce = file + 8, *sealed = nonce + HZ_GCM256_NONCE_BYTES;
	struct hz_cipher *cipher;
	char name[32];
	if (track >= HZ_JOURNAL_TRACKS)
		return -EINVAL;
	key_name(track, ".erased", name);
	if (faccessat(dir_fd, name, F_OK, 0) == 0)
		return -ENOKEY;
	int err = hz_cipher_new(wrapping, &cipher);
	if (err)
		return err;
	memcpy(file, key_magic, 8);
	hz_random(nonce, HZ_GCM256_NONCE_BYTES);
	nonce[11] |= 0x80; // apart from the nonces of chunks, which end with a segment's number
	hz_random(key, sizeof(key));
	memcpy(sealed, key, sizeof(key));
	key_aad(record, track, aad);
	err = hz_cipher_seal(cipher, &(struct hz_sealing){.nonce = nonce,
	                                                  .aad = aad,
	                                                  .aad_bytes = sizeof(aad),
	                                                  .data = sealed,
	                                                  .bytes = HZ_JOURNAL_KEY_BYTES,
	                                                  .tag = sealed + HZ_JOURNAL_KEY_BYTES});
	hz_cipher_free(cipher);
	key_name(track, "", name);
	if (!err)
		err = hz_file_make(dir_fd, name, file, sizeof(file));
	if (!err)
		memcpy(ret, key, sizeof(key));
	hz_wipe(key, sizeof(key));
	return err;
}

int hz_record_key_load(int dir_fd, const uint8_t wrapping[HZ_JOURNAL_KEY_BYTES], const uint8_t record[16],
                       uint32_t track, uint8_t ret[HZ_JOURNAL_KEY_BYTES])
{
	uint8_t file[KEY_FILE_BYTES + 1], aad[AAD_BYTES];
	uint8_t *nonce = file + 8, *sealed = nonce + HZ_GCM256_NONCE_BYTES;
	struct hz_cipher *cipher;
	char name[32];
	if (track >= HZ_JOURNAL_TRACKS)
		return -EINVAL;
	key_name(track, ".erased", name);
	if (faccessat(dir_fd, name, F_OK, 0) == 0)
		return -ENOKEY; // also when a crash came between the mark and the destruction
	key_name(track, "", name);
	int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ssize_t n = hz_file_read(fd, file, sizeof(file), 0);
	close(fd);
	if (n < 0)
		return (int)n;
	if (n != KEY_FILE_BYTES || memcmp(file, key_magic, 8) != 0)
		return -EKEYREJECTED;
	int err = hz_cipher_new(wrapping, &cipher);
	if (err)
		return err;
	key_aad(record, track, aad);
	err = hz_cipher_open(cipher, &(struct hz_sealing){.nonce = nonce,
	                                                  .aad = aad,
	                                                  .aad_bytes = sizeof(aad),
	                                                  .data = sealed,
	                                                  .bytes = HZ_JOURNAL_KEY_BYTES,
	                                                  .tag = sealed + HZ_JOURNAL_KEY_BYTES});
	hz_cipher_free(cipher);
	if (!err)
		memcpy(ret, sealed, HZ_JOURNAL_KEY_BYTES);
	hz_wipe(file, sizeof(file));
	return err == -EBADMSG ? -EKEYREJECTED : err;
}

// Overwritten where it lies: on file systems that write elsewhere this is no more than unlinking, which is why what
// counts is that the key existed nowhere but in this file, wrapped.
static int destroy(int dir_fd, const char *name)
{
	uint8_t noise[KEY_FILE_BYTES];
	int fd = openat(dir_fd, name, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	hz_random(noise, sizeof(noise));
	int err = hz_file_write(fd, noise, sizeof(noise), 0);
	if (!err && fdatasync(fd) < 0)
		err = -errno;
	close(fd);
	if (!err && unlinkat(dir_fd, name, 0) < 0)
		err = -errno;
	return err;
}

int hz_record_key_erase(int dir_fd, uint32_t track, const char *why_json)
{
	char name[32], mark[32];
	if (track >= HZ_JOURNAL_TRACKS)
		return -EINVAL;
	key_name(track, "", name);
	key_name(track, ".erased", mark);
	bool marked = faccessat(dir_fd, mark, F_OK, 0) == 0;
	if (!marked && faccessat(dir_fd, name, F_OK, 0) < 0)
		return -errno;
	int err = marked ? 0 : hz_file_make(dir_fd, mark, why_json, strlen(why_json));
	if (!err)
		err = destroy(dir_fd, name);
	if (!err && fsync(dir_fd) < 0)
		err = -errno;
	return err;
}
