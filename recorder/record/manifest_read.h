// Reads manifest.json (recorder/manifest.h) into C, checked: paths stay inside the record's folder, hashes are hashes,
// numbers are in range, lists are bounded. Text is UTF-8 as it stands there (jansson refuses what is not).
// Thread: one at a time; memory: the file's, several times.
#ifndef HZ_RECORDER_RECORD_MANIFEST_READ_H
#define HZ_RECORDER_RECORD_MANIFEST_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Bounds: above what recorder/finalize writes (story.h, write.h), so that it reads whatever was recorded.
#define HZ_MANIFEST_BYTES        (32u << 20)
#define HZ_MANIFEST_FILES        8192
#define HZ_MANIFEST_PARTICIPANTS 4096
#define HZ_MANIFEST_LIST         1024 // periods, consents of one participant
#define HZ_MANIFEST_CODECS       4

struct hz_manifest_period {
	int64_t from_ms, to_ms;
};

struct hz_manifest_consent {
	const char *state, *wording, *language;
	int64_t time_ms;
};

struct hz_manifest_person {
	const char *id, *name, *role;
	struct hz_manifest_period *periods;
	struct hz_manifest_consent *consents;
	unsigned periods_count, consents_count;
};

struct hz_manifest_file {
	const char *path, *role, *participant, *source, *kind, *container;
	const char *codecs[HZ_MANIFEST_CODECS];
	unsigned codecs_count;
	int64_t at_ms, duration_ms;
	uint32_t width, height, rate_num, rate_den, part;
	uint64_t frames, bytes;
	uint32_t profile_idc, constraint_flags, level_idc; // 0: not H.264
	const char *sha256, *sha1;                         // lower-case hex
};

struct hz_manifest {
	void *root; // jansson's; owns all text below
	const char *record, *consult, *title;
	int64_t started_ms, ended_ms, wall_zero_ms;
	struct { // "" what is not known
		const char *id, *id_system, *name, *sex, *birth_date, *study_uid, *accession, *department,
		    *institution;
	} subject;
	struct hz_manifest_person *people;
	unsigned people_count;
	struct hz_manifest_file *files;
	unsigned files_count;
	const char *events, *chain; // path, hex; "" none
	uint64_t torn_bytes;
	char sha256[65];        // of the text
	char tracks_sha256[65]; // of all but what composing adds: the same before and after
};

// 0; -EBADMSG: not a manifest, ret_why (may be NULL) says why in one line without its text; -ENOMEM.
int hz_manifest_parse(const char *text, size_t bytes, const char **ret_why, struct hz_manifest **ret);
int hz_manifest_load(const char *folder, const char **ret_why, struct hz_manifest **ret);
void hz_manifest_free(struct hz_manifest *manifest); // NULL allowed

bool hz_manifest_has_codec(const struct hz_manifest_file *file, const char *codec);
const struct hz_manifest_person *hz_manifest_person(const struct hz_manifest *manifest,
                                                    const char *id); // or NULL

#endif
