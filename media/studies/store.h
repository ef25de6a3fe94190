// Objects that came without a PACS, on the disk: a Part 10 file each, named by the SHA-256 of its content, and an SQLite index beside
// them. A file is written, synced and renamed before its row; a file without a row (a crash, an index that was lost) is read again by
// whoever opens the store. Bounded in bytes and studies: whole studies go, those first that are in a PACS, then the least recently used, but
// none that was used within keep_ms (those in a PACS: a twelfth of it) or that waits for a PACS: then nothing more is taken. Thread: one.
#ifndef HZ_MEDIA_STUDIES_STORE_H
#define HZ_MEDIA_STUDIES_STORE_H

#include <stdbool.h>

#include "media/dicomweb/api.h"
#include "media/imaging/dicom.h"

struct hz_local;

struct hz_local_bounds {
	uint64_t bytes; // files and headers
	uint32_t studies;
	int64_t keep_ms;
};

// dir is made when missing (0700). An index that cannot be read is thrown away: hz_local_stray() has all files then. -errno.
int hz_local_open(const char *dir, const struct hz_local_bounds *bounds, struct hz_local **ret);
void hz_local_close(struct hz_local *local); // NULL allowed
// The next file without a row, to be put again or removed. -ENOENT: none. *ret is the caller's.
int hz_local_stray(struct hz_local *local, char ret_hash[HZ_DWEB_HASH_BYTES], int *ret);
void hz_local_remove(struct hz_local *local, const char *hash); // a stray

struct hz_local_new {
	const void *data;
	size_t bytes;
	const struct hz_dicom_image *image;
	const char *metadata; // an object of DICOM JSON
	size_t metadata_bytes;
};
// On the disk for good after hz_local_sync().
// -EEXIST: it is there; -EALREADY: another one with its SOP Instance UID is; -EXDEV: in a study of another patient; -ENOSPC: full.
int hz_local_put(struct hz_local *local, const struct hz_local_new *what);
int hz_local_sync(struct hz_local *local);      // names of files, too. -errno
int hz_local_sync_rows(struct hz_local *local); // what is in no file: where objects are to go. -EIO

// Open, and used now. -ENOENT.
int hz_local_file(struct hz_local *local, const struct hz_dweb_request *of, int *ret);
// The same object's name: the SHA-256 of its content. -ENOENT.
int hz_local_name(struct hz_local *local, const struct hz_dweb_request *of, char ret[HZ_DWEB_HASH_BYTES]);
// Each header of a study, a series or an object, in their order; returns how many, -errno. The callback's error ends it.
int hz_local_metadata(struct hz_local *local, const struct hz_dweb_request *of,
                      int (*cb)(void *ctx, const void *json, size_t bytes), void *ctx);

struct hz_local_match { // "": any
	char study[65], patient_id[128], name[384], accession[64], modality[20];
	char from[16], to[16]; // days as YYYYMMDD
	unsigned limit, offset;
};
struct hz_local_study {
	const char *study, *date, *time, *accession, *name, *patient_id, *birth, *sex, *text, *study_id;
	const char *modalities; // with backslashes between
	unsigned series, objects;
};
int hz_local_search(struct hz_local *local, const struct hz_local_match *match,
                    int (*cb)(void *ctx, const struct hz_local_study *study), void *ctx);
struct hz_local_series {
	const char *series, *modality, *number, *text;
	unsigned objects;
};
// A file without a name for an answer of so many bytes, to be written; the caller's. -ENOSPC, -errno.
int hz_local_scratch(struct hz_local *local, uint64_t bytes);
int hz_local_series(struct hz_local *local, const char *study,
                    int (*cb)(void *ctx, const struct hz_local_series *series), void *ctx);

// --- to PACS (forward_rows.c): an object is waiting, forwarded or refused, durably, for each PACS that it was to go to.

// What hz_local_put() puts goes to this PACS from now on; "": none.
void hz_local_forward_to(struct hz_local *local, const char *pacs);
// All of a study; what is there already is not sent again, what was refused is tried again. How many objects; -ENOENT, -EIO.
int hz_local_forward_study(struct hz_local *local, const char *study, const char *pacs, int64_t now_ms);
struct hz_local_forward {
	char instance[HZ_DWEB_UID_BYTES], study[HZ_DWEB_UID_BYTES];
	unsigned tries;
};
// The next object for a PACS, with its file, the caller's. -ENOENT: none now; -ESTALE: its file is gone, and it is refused.
int hz_local_forward_next(struct hz_local *local, const char *pacs, int64_t now_ms,
                          struct hz_local_forward *ret, int *ret_fd);
enum hz_local_forward_state { HZ_FORWARD_WAITING, HZ_FORWARD_DONE, HZ_FORWARD_REFUSED };
struct hz_local_forward_news {
	const char *instance, *pacs;
	enum hz_local_forward_state state;
	enum hz_dweb_result reason;
	unsigned tries;
	int64_t due_ms; // of one that waits
};
int hz_local_forward_set(struct hz_local *local, const struct hz_local_forward_news *news); // -EIO
// Names of PACS that something waits for, at most `most`. How many; -EIO.
int hz_local_forward_pacs(struct hz_local *local, char (*ret)[HZ_DWEB_NAME_BYTES], unsigned most);
// What waits since before that is refused with the reason it waits for. How many; -EIO.
int hz_local_forward_give_up(struct hz_local *local, int64_t before_ms);
struct hz_local_forward_count {
	const char *pacs; // valid during the call
	unsigned waiting, forwarded, refused;
	enum hz_dweb_result reason; // the first one that says something
};
// Of a study, by PACS; study "": of all, one sum. -EIO, the callback's error.
int hz_local_forward_counts(struct hz_local *local, const char *study,
                            int (*cb)(void *ctx, const struct hz_local_forward_count *count), void *ctx);

uint64_t hz_local_bytes(const struct hz_local *local);
uint32_t hz_local_studies(const struct hz_local *local);
// Before a study goes: what was made of it is to go as well. One; NULL: nobody.
typedef void hz_local_drop_cb(void *ctx, const char *study);
void hz_local_on_drop(struct hz_local *local, hz_local_drop_cb *cb, void *ctx);
// How many studies went: what is known of objects may be of others now.
uint64_t hz_local_drops(const struct hz_local *local);

#endif
