// A copy of one finished record that stands by itself and can be handed over: certificate.json, every file and every segment of the
// journal that it names, and as public.pem the key that its signature was checked with. `huizhen certificate COPY --key …` says of it
// what it says of the record. Never with it: keys (the journal stays closed), marks, holds, viewings, states, what is half made.
//
// Made as <target>.part (0700; files 0600), each file compared with the certificate while it is copied, and on disk before it gets its
// name; after an error nothing is left. Links are not followed. The record's lock is held meanwhile. Thread: any, no state.
#ifndef HZ_RECORDER_RECORD_EXPORT_H
#define HZ_RECORDER_RECORD_EXPORT_H

#include <stdint.h>

#define HZ_EXPORT_ERROR_BYTES 512

struct hz_export {
	const char *folder;     // of the record
	const char *target;     // of the copy, no slash at its end: is not there, its parent is
	const char *public_pem; // path of the trusted public key
	uint64_t
	    keep_bytes; // stay free where the target is on the record's disk: consults are recorded on it
};

struct hz_exported {
	unsigned files; // with certificate.json and public.pem
	uint64_t bytes;
};

// 0, or -errno with one line in ret_error that names the file at fault, no person. -EBUSY: recorded or worked on; -ENODATA: deleted;
// -EEXIST: target, or its .part; -ENOTDIR: the target's parent is none; -ENOSPC, also found before anything is copied; -ENOKEY: no
// public key; -EKEYREJECTED: not signed with that one; -EBADMSG: the certificate is none, or a file is not as it was signed; -ELOOP:
// it is a link; -ENOENT: it, or the certificate, is not there.
int hz_export(const struct hz_export *what, struct hz_exported *ret, char ret_error[HZ_EXPORT_ERROR_BYTES]);

#endif
