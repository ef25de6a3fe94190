// certificate.json: who, when, consents, quality, and the hashes of all that was recorded, signed once at the end.
//
//   {"certificate": {…}, "signature": {"protected": b64u, "signature": b64u}}
//   JWS with detached payload (RFC 7515 appendix F): what is signed is protected "." b64u(canonical(certificate));
//   canonical: JSON with sorted keys, no blanks, integers and text only (RFC 8785 for that subset). The protected header has
//   alg (ES256, or SM2SM3: SM2 with SM3 of GB/T 32918 and the usual identity "1234567812345678"), jwk and its kid (RFC 7638).
//
// The installation's key is made at first start: <store>/signing/key.pem (0600) and public.pem, to be given to whoever shall
// verify. The certificate names manifest.json, the Bundles, the journal's segments and chain, and every file by SHA-256.
// Thread: any, no state.
#ifndef HZ_RECORDER_RECORD_CERTIFICATE_H
#define HZ_RECORDER_RECORD_CERTIFICATE_H

#include <stdbool.h>
#include <stddef.h>

#define HZ_CERTIFICATE_BYTES (32u << 20)

// Makes certificate.json of a finalised record (manifest.json; dicom/index.json and Bundles where they are) unless a good
// one of the same files is there. store: <data>/record; sm2: the kind of a key that is made now. 0; -EBADMSG: the manifest; -errno.
int hz_certificate_issue(const char *store, const char *folder, bool sm2);

// What is wrong, one call a thing: where ("tracks/a.mp4", "certificate.json", "journal/0001.hzj"), what ("hash differs").
typedef void hz_certificate_fault_cb(void *arg, const char *where, const char *what);

#define HZ_CERTIFICATE_NOT_NAMED "is not in the certificate" // what is said of a file beside

// Checks the signature and every hash. public_pem: path of the trusted public key (NULL: the one of the store that the folder
// lies in, <folder>/../../../signing/public.pem; not there: the one in the certificate, which proves only that it is whole,
// and is told as a fault). Returns the number of faults told; -ENOENT: no certificate; -errno. After a deletion (state
// DELETED with deletion.json) files that are gone are no fault.
int hz_certificate_verify(const char *folder, const char *public_pem, hz_certificate_fault_cb *cb, void *arg);

// The same for a text, without looking at files. 0: signed by that key (NULL: by the one inside); -EBADMSG: no certificate;
// -EKEYREJECTED: signature does not fit.
int hz_certificate_check(const char *text, size_t bytes, const char *public_pem_text);

#endif
