#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "media/transport/identity.h"

static char *slurp(int fd, size_t *ret_bytes)
{
	char *text = calloc(1, 20000);
	ssize_t n = pread(fd, text, 19999, 0);
	assert_true(n > 0);
	*ret_bytes = (size_t)n;
	return text;
}

static int memfd_of(const void *data, size_t bytes)
{
	int fd = memfd_create("test", MFD_CLOEXEC);
	assert_int_equal(write(fd, data, bytes), bytes);
	return fd;
}

static int load_text(const char *text, size_t bytes)
{
	struct hz_identity *identity = NULL;
	int fd = memfd_of(text, bytes);
	int err = hz_identity_load(fd, &identity);
	if (err)
		assert_null(identity);
	hz_identity_free(identity);
	close(fd);
	return err;
}

static void test_generate_and_load(void **state)
{
	int fd;
	struct hz_identity *identity, *again;
	uint8_t fingerprint[HZ_FINGERPRINT_BYTES], other[HZ_FINGERPRINT_BYTES], parsed[HZ_FINGERPRINT_BYTES];
	char text[HZ_FINGERPRINT_TEXT_BYTES];
	assert_int_equal(hz_identity_generate(&fd), 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	lseek(fd, 5, SEEK_SET);
	assert_int_equal(hz_identity_load(fd, &identity), 0);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 5); // several processes share the offset
	assert_int_equal(hz_identity_load(fd, &again), 0);
	hz_identity_fingerprint(identity, fingerprint);
	hz_identity_fingerprint(again, other);
	assert_memory_equal(fingerprint, other, sizeof(other));
	hz_identity_fingerprint_text(identity, text);
	assert_int_equal(strlen(text), 95);
	assert_int_equal(hz_fingerprint_parse(text, parsed), 0);
	assert_memory_equal(fingerprint, parsed, sizeof(parsed));
	hz_identity_free(again);
	hz_identity_free(identity);
	hz_identity_free(NULL);
	close(fd);
}

// What OpenSSL itself says about the certificate.
static void test_certificate(void **state)
{
	int fd;
	size_t bytes;
	uint8_t digest[32], fingerprint[32];
	unsigned n;
	struct hz_identity *identity;
	assert_int_equal(hz_identity_generate(&fd), 0);
	char *text = slurp(fd, &bytes);
	BIO *bio = BIO_new_mem_buf(text, (int)bytes);
	X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	assert_non_null(cert);
	EVP_PKEY *key = X509_get_pubkey(cert);
	char group[32];
	assert_int_equal(EVP_PKEY_get_group_name(key, group, sizeof(group), NULL), 1);
	assert_string_equal(group, "prime256v1");
	assert_int_equal(X509_verify(cert, key), 1);
	assert_true(X509_cmp_current_time(X509_get0_notBefore(cert)) < 0);
	assert_true(X509_cmp_current_time(X509_get0_notAfter(cert)) > 0);
	assert_int_equal(X509_digest(cert, EVP_sha256(), digest, &n), 1);
	assert_int_equal(hz_identity_load(fd, &identity), 0);
	hz_identity_fingerprint(identity, fingerprint);
	assert_memory_equal(digest, fingerprint, 32);
	hz_identity_free(identity);
	EVP_PKEY_free(key);
	X509_free(cert);
	BIO_free(bio);
	free(text);
	close(fd);
}

static void test_sealed(void **state)
{
	int fd;
	assert_int_equal(hz_identity_generate(&fd), 0);
	assert_int_equal(pwrite(fd, "x", 1, 0), -1);
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(ftruncate(fd, 100000), -1);
	assert_ptr_equal(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
	close(fd);
}

static void test_two_are_different(void **state)
{
	int a, b;
	size_t na, nb;
	assert_int_equal(hz_identity_generate(&a), 0);
	assert_int_equal(hz_identity_generate(&b), 0);
	char *one = slurp(a, &na), *two = slurp(b, &nb);
	assert_string_not_equal(one, two);
	// The certificate of one with the key of the other does not belong together.
	char *key = strstr(two, "-----BEGIN PRIVATE KEY");
	char *end = strstr(one, "-----BEGIN PRIVATE KEY");
	assert_non_null(key);
	assert_non_null(end);
	char mixed[20000];
	int n = snprintf(mixed, sizeof(mixed), "%.*s%s", (int)(end - one), one, key);
	assert_int_equal(load_text(mixed, (size_t)n), -EINVAL);
	assert_int_equal(load_text(one, (size_t)(end - one)), -EINVAL); // no key
	assert_int_equal(load_text(key, strlen(key)), -EINVAL);         // no certificate
	for (size_t cut = 0; cut < na - 30; cut += 23)
		assert_int_equal(load_text(one, cut), -EINVAL);
	free(one);
	free(two);
	close(a);
	close(b);
}

static void test_load_nonsense(void **state)
{
	struct hz_identity *identity = NULL;
	static char big[20000];
	memset(big, 'A', sizeof(big));
	assert_int_equal(load_text("", 0), -EINVAL);
	assert_int_equal(load_text("hello", 5), -EINVAL);
	assert_int_equal(load_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", 58),
	                 -EINVAL);
	assert_int_equal(load_text(big, sizeof(big)), -EFBIG);
	assert_int_equal(hz_identity_load(-1, &identity), -EBADF);
	int pipes[2];
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(hz_identity_load(pipes[0], &identity), -ESPIPE);
	close(pipes[0]);
	close(pipes[1]);
	assert_null(identity);
}

static void test_parse_fingerprint(void **state)
{
	static const char good[] = "00:11:22:33:44:55:66:77:88:99:aA:Bb:cC:Dd:eE:Ff:"
	                           "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF";
	uint8_t bytes[32] = {0};
	char bad[128];
	assert_int_equal(hz_fingerprint_parse(good, bytes), 0);
	assert_int_equal(bytes[10], 0xaa);
	assert_int_equal(bytes[31], 0xff);
	memset(bytes, 7, sizeof(bytes));
	for (size_t i = 0; i < sizeof(good) - 1; i++) { // one wrong character anywhere
		snprintf(bad, sizeof(bad), "%s", good);
		bad[i] = bad[i] == ':' ? '0' : 'g';
		assert_int_equal(hz_fingerprint_parse(bad, bytes), -EINVAL);
		snprintf(bad, sizeof(bad), "%s", good);
		bad[i] = '\0';
		assert_int_equal(hz_fingerprint_parse(bad, bytes), -EINVAL);
	}
	snprintf(bad, sizeof(bad), "%s:", good);
	assert_int_equal(hz_fingerprint_parse(bad, bytes), -EINVAL);
	snprintf(bad, sizeof(bad), "%s:00", good);
	assert_int_equal(hz_fingerprint_parse(bad, bytes), -EINVAL);
	snprintf(bad, sizeof(bad), " %s", good);
	assert_int_equal(hz_fingerprint_parse(bad, bytes), -EINVAL);
	assert_int_equal(bytes[0], 7); // written only on success
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_generate_and_load),
	    cmocka_unit_test(test_certificate),
	    cmocka_unit_test(test_sealed),
	    cmocka_unit_test(test_two_are_different),
	    cmocka_unit_test(test_load_nonsense),
	    cmocka_unit_test(test_parse_fingerprint),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
