#include "media/transport/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

#include "gateway/base/hex.h"
#include "gateway/base/secret.h"
#include "media/transport/identity_internal.h"

#define MAX_PEM_BYTES 16384
#define VALID_DAYS    3650 // nobody checks the dates; a gateway must not go silent because of them
#define BACKDATE_S    86400

// The clock of OpenSSL is read here for the certificate's dates; this is not protocol code.
static X509 *make_certificate(EVP_PKEY *key)
{
	uint64_t serial;
	X509 *cert = X509_new();
	if (!cert || RAND_bytes((uint8_t *)&serial, sizeof(serial)) != 1)
		goto fail;
	X509_NAME *name = X509_get_subject_name(cert);
	if (!X509_set_version(cert, X509_VERSION_3) ||
	    !ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial >> 1) ||
	    !X509_gmtime_adj(X509_getm_notBefore(cert), -BACKDATE_S) ||
	    !X509_gmtime_adj(X509_getm_notAfter(cert), 86400L * VALID_DAYS) || !X509_set_pubkey(cert, key) ||
	    !X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)"huizhen", -1, -1, 0) ||
	    !X509_set_issuer_name(cert, name) || !X509_sign(cert, key, EVP_sha256()))
		goto fail;
	return cert;
fail:
	X509_free(cert);
	return NULL;
}

static int write_all(int fd, const char *data, size_t bytes)
{
	while (bytes > 0) {
		ssize_t n = write(fd, data, bytes);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		bytes -= (size_t)n;
	}
	return 0;
}

static int seal_in_memfd(const char *data, size_t bytes, int *ret_fd)
{
	int err;
	int fd = memfd_create("huizhen-identity", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return -errno;
	err = write_all(fd, data, bytes);
	if (!err && fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
		err = -errno;
	if (err) {
		close(fd);
		return err;
	}
	*ret_fd = fd;
	return 0;
}

int hz_identity_generate(int *ret_fd)
{
	int err = -EIO;
	X509 *cert = NULL;
	char *pem = NULL;
	BIO *bio = BIO_new(BIO_s_secmem()); // wiped when freed
	EVP_PKEY *key = EVP_EC_gen("P-256");
	if (!bio || !key)
		goto out;
	cert = make_certificate(key);
	if (!cert || !PEM_write_bio_X509(bio, cert) ||
	    !PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL))
		goto out;
	long bytes = BIO_get_mem_data(bio, &pem);
	if (bytes > 0 && bytes <= MAX_PEM_BYTES)
		err = seal_in_memfd(pem, (size_t)bytes, ret_fd);
out:
	X509_free(cert);
	EVP_PKEY_free(key);
	BIO_free(bio);
	ERR_clear_error();
	return err;
}

static int read_pem(int fd, char *buf, size_t cap, size_t *ret_bytes)
{
	size_t bytes = 0;
	while (bytes < cap) {
		ssize_t n = pread(fd, buf + bytes, cap - bytes, (off_t)bytes);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0) {
			*ret_bytes = bytes;
			return 0;
		}
		bytes += (size_t)n;
	}
	return -EFBIG;
}

static int parse_pem(const char *pem, size_t bytes, struct hz_identity *identity)
{
	int err = -EINVAL;
	unsigned length;
	BIO *bio = BIO_new_mem_buf(pem, (int)bytes);
	if (!bio)
		return -ENOMEM;
	identity->cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	if (!identity->cert)
		goto out;
	identity->key = PEM_read_bio_PrivateKey(bio, NULL, NULL, (void *)""); // "": never ask on a terminal
	if (!identity->key || X509_check_private_key(identity->cert, identity->key) != 1)
		goto out;
	if (X509_digest(identity->cert, EVP_sha256(), identity->fingerprint, &length) == 1)
		err = 0;
out:
	BIO_free(bio);
	ERR_clear_error();
	return err;
}

int hz_identity_load(int fd, struct hz_identity **ret)
{
	size_t bytes = 0;
	char *pem = malloc(MAX_PEM_BYTES);
	struct hz_identity *identity = calloc(1, sizeof(*identity));
	int err = pem && identity ? read_pem(fd, pem, MAX_PEM_BYTES, &bytes) : -ENOMEM;
	if (!err)
		err = parse_pem(pem, bytes, identity);
	if (pem)
		hz_wipe(pem, MAX_PEM_BYTES);
	free(pem);
	if (err) {
		hz_identity_free(identity);
		return err;
	}
	*ret = identity;
	return 0;
}

void hz_identity_free(struct hz_identity *identity)
{
	if (!identity)
		return;
	X509_free(identity->cert);
	EVP_PKEY_free(identity->key); // OpenSSL clears private numbers when the last reference goes
	free(identity);
}

void hz_identity_fingerprint(const struct hz_identity *identity, uint8_t ret[HZ_FINGERPRINT_BYTES])
{
	memcpy(ret, identity->fingerprint, HZ_FINGERPRINT_BYTES);
}

void hz_identity_fingerprint_text(const struct hz_identity *identity, char ret[HZ_FINGERPRINT_TEXT_BYTES])
{
	static const char hex[] = "0123456789ABCDEF";
	for (size_t i = 0; i < HZ_FINGERPRINT_BYTES; i++) {
		ret[3 * i] = hex[identity->fingerprint[i] >> 4];
		ret[3 * i + 1] = hex[identity->fingerprint[i] & 15];
		ret[3 * i + 2] = ':';
	}
	ret[HZ_FINGERPRINT_TEXT_BYTES - 1] = '\0';
}

int hz_fingerprint_parse(const char *text, uint8_t ret[HZ_FINGERPRINT_BYTES])
{
	uint8_t bytes[HZ_FINGERPRINT_BYTES];
	if (strnlen(text, HZ_FINGERPRINT_TEXT_BYTES) != HZ_FINGERPRINT_TEXT_BYTES - 1)
		return -EINVAL;
	for (size_t i = 0; i < HZ_FINGERPRINT_BYTES; i++) {
		int high = hz_hex_digit(text[3 * i]), low = hz_hex_digit(text[3 * i + 1]);
		if (high < 0 || low < 0 || (i + 1 < HZ_FINGERPRINT_BYTES && text[3 * i + 2] != ':'))
			return -EINVAL;
		bytes[i] = (uint8_t)(high << 4 | low);
	}
	memcpy(ret, bytes, sizeof(bytes));
	return 0;
}
