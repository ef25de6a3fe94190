// What is to be composed: manifest.json and timeline.json of a record's folder (recorder/manifest.h), read and checked.
// Paths stay inside the folder, lists are bounded, times are in range; what a newer version added is left out.
//
// Times are milliseconds from the record's t = 0 ("wall_zero_ms"). Thread: one. Texts belong to the input.
#ifndef HZ_RECORDER_COMPOSE_INPUT_H
#define HZ_RECORDER_COMPOSE_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HZ_INPUT_BYTES    (64u << 20) // of either file
#define HZ_INPUT_PEOPLE   256         // more are left out; so are files and events beyond these
#define HZ_INPUT_FILES    4096
#define HZ_INPUT_EVENTS   (1u << 20)
#define HZ_INPUT_SPANS    1024
#define HZ_INPUT_SPEAKERS 8
#define HZ_INPUT_LONGEST  (24 * 3600000ll) // ms of a record
#define HZ_INPUT_ERROR    256

enum hz_input_source {
	HZ_INPUT_CAMERA, // and what is not known
	HZ_INPUT_CAMERA2,
	HZ_INPUT_SCREEN,
	HZ_INPUT_MICROPHONE,
	HZ_INPUT_ULTRASOUND,
	HZ_INPUT_ENDOSCOPE,
	HZ_INPUT_MICROSCOPE,
	HZ_INPUT_IMAGE,
	HZ_INPUT_MIX,
	HZ_INPUT_SOURCES
};

struct hz_input_span {
	int64_t from_ms, to_ms;
};

struct hz_input_consent {
	int64_t at_ms;
	bool given;
};

struct hz_input_person {
	const char *id, *name, *role;
	struct hz_input_span *spans; // in the room
	struct hz_input_consent *consents;
	unsigned span_count, consent_count;
};

struct hz_input_file {
	const char *path;
	unsigned person; // index of people
	uint8_t source;  // enum hz_input_source
	bool video, audio;
	int64_t at_ms, duration_ms; // at_ms: the file's time 0
	uint64_t bytes;             // 0: not said
};

enum hz_input_event_type { HZ_INPUT_MUTE = 1, HZ_INPUT_UNMUTE, HZ_INPUT_SPEAKER, HZ_INPUT_LAYOUT };

struct hz_input_event {
	int64_t at_ms;
	enum hz_input_event_type type;
	int person;                          // MUTE, UNMUTE: whose; LAYOUT: who is large, -1 nobody
	uint8_t source;                      // MUTE, UNMUTE, LAYOUT
	bool grid, pinned;                   // LAYOUT
	uint8_t speaker_count;               // SPEAKER, the loudest first
	uint8_t speakers[HZ_INPUT_SPEAKERS]; // indices of people
};

struct hz_input {
	void *manifest, *timeline; // jansson's
	const char *title, *record;
	int64_t wall_zero_ms;
	int64_t from_ms, to_ms; // of all files; both 0 where there are none
	struct hz_input_person *people;
	struct hz_input_file *files;   // by at_ms
	struct hz_input_event *events; // by at_ms
	unsigned people_count, files_count, events_count;
};

// timeline may be NULL. -EBADMSG, ret_error says in one line why, without what stands there; -ENOMEM.
int hz_input_parse(const char *manifest, size_t manifest_bytes, const char *timeline, size_t timeline_bytes,
                   char ret_error[HZ_INPUT_ERROR], struct hz_input **ret);
// From the folder's files; files named there must exist with the size that is said. folder: an open directory.
int hz_input_load(int folder, char ret_error[HZ_INPUT_ERROR], struct hz_input **ret);
void hz_input_free(struct hz_input *input); // NULL allowed

int hz_input_person_of(const struct hz_input *input, const char *id); // index; -1: nobody
uint8_t hz_input_source_of(const char *name);
bool hz_input_path_good(const char *path); // relative, inside, printable

#endif
