#include "media/transport/certificate.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <srtp2/srtp.h>

#define DAY_S 86400L

static bool add_name(GENERAL_NAMES *list, int type, const char *text)
{
	GENERAL_NAME *name = a2i_GENERAL_NAME(NULL, NULL, NULL, type, text, 0);
	if (!name)
		return false;
	if (sk_GENERAL_NAME_push(list, name) > 0)
		return true;
	GENERAL_NAME_free(name);
	return false;
}

static bool add_names(X509 *cert, const struct hz_certificate_names *names)
{
	bool good = true;
	GENERAL_NAMES *list = sk_GENERAL_NAME_new_null();
	if (!list)
		return false;
	for (unsigned i = 0; good && i < names->dns_count; i++)
		good = add_name(list, GEN_DNS, names->dns[i]);
	for (unsigned i = 0; good && i < names->ip_count; i++)
		good = add_name(list, GEN_IPADD, names->ip[i]);
	good = good && X509_add1_ext_i2d(cert, NID_subject_alt_name, list, 0, 0) == 1;
	sk_GENERAL_NAME_pop_free(list, GENERAL_NAME_free);
	return good;
}

static bool add_extension(X509 *cert, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509V3_set_ctx(&ctx, cert, cert, NULL, NULL, 0);
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	bool good = ext && X509_add_ext(cert, ext, -1) == 1;
	X509_EXTENSION_free(ext);
	return good;
}

static X509 *make(EVP_PKEY *key, const struct hz_certificate_names *names)
{
	uint64_t serial;
	X509 *cert = X509_new();
	if (!cert || RAND_bytes((uint8_t *)&serial, sizeof(serial)) != 1)
		goto fail;
	X509_NAME *subject = X509_get_subject_name(cert);
	if (!X509_set_version(cert, X509_VERSION_3) ||
	    !ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial >> 1) ||
	    !X509_gmtime_adj(X509_getm_notBefore(cert), -DAY_S) ||
	    !X509_gmtime_adj(X509_getm_notAfter(cert), DAY_S * (HZ_CERTIFICATE_DAYS - 1)) ||
	    !X509_set_pubkey(cert, key) ||
	    !X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const uint8_t *)"Huizhen", -1, -1, 0) ||
	    !X509_set_issuer_name(cert, subject) || !add_names(cert, names))
		goto fail;
	// CA:FALSE: whoever trusts this certificate by hand trusts it for these names only.
	if (!add_extension(cert, NID_basic_constraints, "critical,CA:FALSE") ||
	    !add_extension(cert, NID_key_usage, "critical,digitalSignature") ||
	    !add_extension(cert, NID_ext_key_usage, "serverAuth") || !X509_sign(cert, key, EVP_sha256()))
		goto fail;
	return cert;
fail:
	X509_free(cert);
	return NULL;
}

// Writes beside the old file and renames: whoever reads meanwhile gets the old one or the new one.
static int write_file(const char *path, mode_t mode, BIO *bio)
{
	char beside[PATH_MAX], *data;
	long bytes = BIO_get_mem_data(bio, &data);
	if (snprintf(beside, sizeof(beside), "%s.new", path) >= (int)sizeof(beside))
		return -ENAMETOOLONG;
	unlink(beside);
	int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0)
		return -errno;
	int err = fchmod(fd, mode) < 0 ? -errno : 0;
	ssize_t n = err ? 0 : write(fd, data, (size_t)bytes);
	if (!err && n != bytes)
		err = n < 0 ? -errno : -ENOSPC;
	if (!err && fsync(fd) < 0)
		err = -errno;
	close(fd);
	if (!err && rename(beside, path) < 0)
		err = -errno;
	if (err)
		unlink(beside);
	return err;
}

int hz_certificate_make(const char *certificate_path, const char *key_path,
                        const struct hz_certificate_names *names)
{
	int err = -EIO;
	X509 *cert = NULL;
	if (names->dns_count + names->ip_count == 0)
		return -EINVAL;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	BIO *cert_pem = BIO_new(BIO_s_mem()), *key_pem = BIO_new(BIO_s_secmem());
	if (!key || !cert_pem || !key_pem)
		goto out;
	cert = make(key, names);
	if (!cert || !PEM_write_bio_X509(cert_pem, cert) ||
	    !PEM_write_bio_PrivateKey(key_pem, key, NULL, NULL, 0, NULL, NULL)) {
		err = -EINVAL;
		goto out;
	}
	err = write_file(key_path, 0600, key_pem);
	if (!err)
		err = write_file(certificate_path, 0644, cert_pem);
out:
	X509_free(cert);
	EVP_PKEY_free(key);
	BIO_free(cert_pem);
	BIO_free(key_pem);
	ERR_clear_error();
	return err;
}

static int open_bio(const char *path, BIO **ret)
{
	errno = 0;
	*ret = BIO_new_file(path, "r");
	int err = *ret ? 0 : errno ? -errno : -EIO;
	ERR_clear_error();
	return err;
}

static int64_t seconds_of(const ASN1_TIME *time)
{
	int days = 0, seconds = 0;
	ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
	if (epoch)
		ASN1_TIME_diff(&days, &seconds, epoch, time);
	ASN1_TIME_free(epoch);
	return (int64_t)days * DAY_S + seconds;
}

static bool matches(X509 *cert, const char *name)
{
	return X509_check_ip_asc(cert, name, 0) == 1 || X509_check_host(cert, name, 0, 0, NULL) == 1;
}

int hz_certificate_look(const char *certificate_path, const char *key_path, const char *name,
                        struct hz_certificate_facts *ret)
{
	X509 *cert = NULL;
	EVP_PKEY *key = NULL;
	BIO *cert_bio = NULL, *key_bio = NULL;
	int err = open_bio(certificate_path, &cert_bio);
	if (!err)
		err = open_bio(key_path, &key_bio);
	if (err)
		goto out;
	err = -EINVAL;
	cert = PEM_read_bio_X509(cert_bio, NULL, NULL, NULL);
	key = PEM_read_bio_PrivateKey(key_bio, NULL, NULL, (void *)""); // "": never ask on a terminal
	if (!cert || !key)
		goto out;
	err = -EKEYREJECTED;
	if (X509_check_private_key(cert, key) != 1)
		goto out;
	*ret = (struct hz_certificate_facts){
	    .not_before_s = seconds_of(X509_get0_notBefore(cert)),
	    .not_after_s = seconds_of(X509_get0_notAfter(cert)),
	    .self_signed = X509_self_signed(cert, 0) == 1,
	    .name_matches = name && matches(cert, name),
	};
	err = 0;
out:
	X509_free(cert);
	EVP_PKEY_free(key);
	BIO_free(cert_bio);
	BIO_free(key_bio);
	ERR_clear_error();
	return err;
}

const char *hz_transport_openssl_version(void)
{
	return OpenSSL_version(OPENSSL_VERSION);
}

const char *hz_transport_srtp_version(void)
{
	return srtp_get_version_string();
}
