// The HTTPS certificate: made when an installation has none, and looked at by `huizhen doctor`. PEM files.
// Thread: any.
#ifndef HZ_MEDIA_TRANSPORT_CERTIFICATE_H
#define HZ_MEDIA_TRANSPORT_CERTIFICATE_H

#include <stdbool.h>
#include <stdint.h>

// The longest that Apple's and other trust stores accept, even for certificates that users install.
#define HZ_CERTIFICATE_DAYS 825

// Makes a self-signed ECDSA P-256 certificate for TLS servers, valid from a day ago, with the given host names and IP
// addresses (text) as subjectAltName (RFC 6125), and writes both files (key 0600, certificate 0644), replacing old
// ones at once. The same key is not used twice. 0; -EINVAL no name, or not a name; -errno; -EIO OpenSSL failed.
struct hz_certificate_names {
	const char *const *dns;
	unsigned dns_count;
	const char *const *ip;
	unsigned ip_count;
};
int hz_certificate_make(const char *certificate_path, const char *key_path,
                        const struct hz_certificate_names *names);

struct hz_certificate_facts {
	int64_t not_before_s, not_after_s; // since 1970
	bool self_signed;
	bool name_matches; // the name or address asked about is in it (wildcards as in RFC 6125)
};

// name: a host name or IP address, or NULL: not asked. 0; -errno when a file cannot be read; -EINVAL when it is not
// PEM; -EKEYREJECTED when the key does not belong to the certificate.
int hz_certificate_look(const char *certificate_path, const char *key_path, const char *name,
                        struct hz_certificate_facts *ret);

// "OpenSSL 3.0.17 ..." and "libsrtp2 2.5.0 ..." as loaded now. Static text.
const char *hz_transport_openssl_version(void);
const char *hz_transport_srtp_version(void);

#endif
