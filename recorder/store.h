// The record store: folders, and the state of each record. Plain files, so that a record can be read, copied and proven
// without this program; every file that says something is written beside, synced and renamed.
//
//   <data>/record/
//     master.key                    0600, unless record.master_key names another
//     YYYY/MM/<record id>/          of its start, UTC
//       state.json                  struct hz_record_state
//       journal/NNNN.hzj  keys/…    recorder/journal
//       tracks/<key>[-NN].mp4|.webm per participant and source, as received; -NN after a change of SPS
//       composed.mp4                what the room saw
//       poster.jpg  strip.jpg
//       dicom/NN.dcm                objects for the PACS
//       fhir.json  fhir-2.json …    the transaction Bundles: of the tracks, with the composed picture
//       manifest.json               what was made of the journal: recorder/manifest.h
//       certificate.json            signed
//       erasures/NNNN.json          signed notes of what was erased: recorder/record/erasure.h
//       holds/                      legal holds that were ended
//       audit/                      who looked at it: recorder/record/viewing.h; fhir-….json: for the EMR, until it has it
//       early/                      made ahead, gone when dicom/ is there: recorder/finalize/prepare.h
//     outbox/pacs/  outbox/emr/     what is still to be delivered, oldest first
//     viewings/                     those that are not queued for the EMR yet: recorder/record/viewing.h
//     hold/                         legal holds, one file a record
//       lock                        flock(2) of whoever works on it
//     archive.clock                 when an archive saw the time last: recorder/archive/clock.c
//     recorder.lock                 flock(2) of the running recorder
//     wake                          written (IN_CLOSE_WRITE) when a record has ended: its id
//
// Thread: any; functions lock nothing. Two processes: the recorder makes a record's folder and sets RECORDING and ENDED,
// the archive (and `huizhen record`) everything after, under a lock file of the record.
#ifndef HZ_RECORDER_STORE_H
#define HZ_RECORDER_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HZ_RECORD_ID_BYTES   37 // UUID text with NUL
#define HZ_RECORD_PATH_BYTES 1024
#define HZ_RECORD_LOCK       "recorder.lock"
#define HZ_RECORD_WAKE       "wake"

enum hz_record_phase {
	HZ_RECORD_RECORDING = 1, // or its recorder died: the archive asks the recorder's lock
	HZ_RECORD_ENDED,         // END is in the journal
	HZ_RECORD_FINALISING,
	HZ_RECORD_FINALISED, // files, DICOM, FHIR and certificate are there
	HZ_RECORD_DELIVERED, // PACS and EMR have what is theirs (at once when none is configured)
	HZ_RECORD_FAILED,    // cannot go on without a hand: `error` says why and where
	HZ_RECORD_DELETED,   // after its retention: only state.json and certificate.json are left
};

// The composed picture follows the tracks and never holds them back: it has a state of its own.
enum hz_record_composing {
	HZ_COMPOSING_NONE = 0, // not said yet: the tracks are not done
	HZ_COMPOSING_OFF,      // record.compose: false
	HZ_COMPOSING_WAITING,
	HZ_COMPOSING_RUNNING,
	HZ_COMPOSING_MADE, // composed.mp4 and the manifest are there: objects, Bundle and certificate follow
	HZ_COMPOSING_DONE,
	HZ_COMPOSING_FAILED, // `error` says why
};

// What became of what was put into a spool of a destination.
enum hz_record_delivery {
	HZ_DELIVERY_NONE = 0, // nothing was: it is not configured, or there is nothing for it yet
	HZ_DELIVERY_WAITING,
	HZ_DELIVERY_SENT,
	HZ_DELIVERY_PARKED, // refused: waits for a hand
};
enum { HZ_TO_PACS, HZ_TO_EMR, HZ_DESTINATIONS };

struct hz_record_state {
	char id[HZ_RECORD_ID_BYTES];
	char consult[64];
	enum hz_record_phase phase;
	int64_t started_ms, ended_ms, changed_ms;
	unsigned attempts; // of the phase
	char error[256];   // one line, no names; "" none
	bool lost, torn;   // something never reached the disk; a crash was survived
	struct {
		enum hz_record_composing phase;
		unsigned attempts;
		int64_t changed_ms;
		char error[160]; // one line, no names; "" none
	} composing;
	struct {
		enum hz_record_delivery phase;
		int64_t changed_ms; // SENT: when the last of it was
		char error[160];    // why it waits or was refused, in one line without names; "" none
	} delivery[HZ_DESTINATIONS];
};

const char *hz_record_phase_name(enum hz_record_phase phase);         // "recording", ...; as in state.json
const char *hz_record_composing_name(enum hz_record_composing phase); // "waiting", ...; "" not said yet
const char *hz_record_delivery_name(enum hz_record_delivery phase);   // "waiting", "sent", "parked"; "" none
const char *hz_record_destination_name(unsigned destination);         // "pacs", "emr"
bool hz_record_id_good(const char *id);                               // a UUID in lower case
int hz_record_id_bytes(const char *id, uint8_t ret[16]); // what a journal's headers have; -EINVAL
// The path only; nothing is made.
int hz_record_folder(const char *root, const char *id, int64_t started_ms, char ret[HZ_RECORD_PATH_BYTES]);
int hz_record_state_read(const char *folder, struct hz_record_state *ret);              // -ENOENT, -EBADMSG
int hz_record_state_parse(const char *text, size_t bytes, struct hz_record_state *ret); // -EBADMSG
int hz_record_state_write(const char *folder,
                          const struct hz_record_state *state); // durable; makes the folder
// Takes the record's lock without waiting: only who has it makes files of it. *ret: close() gives it back. -EBUSY; -errno.
int hz_record_lock(const char *folder, int *ret);
// Takes the lock of sending, on the record's folder, without waiting: shared by who sends something of it to PACS or EMR, alone by who
// erases. Not the record's lock: that is held for as long as it is composed. *ret: close() gives it back. -EBUSY; -ENOENT; -errno.
int hz_record_lock_sending(const char *folder, bool shared, int *ret);
// Each record of the store, newest first; false of the callback ends it. One whose state.json cannot be read is there as
// FAILED, with an error that says so.
typedef bool hz_record_each_cb(void *arg, const char *folder, const struct hz_record_state *state);
int hz_record_each(const char *root, hz_record_each_cb *cb, void *arg);
int hz_record_find(const char *root, const char *id, char ret[HZ_RECORD_PATH_BYTES]); // -ENOENT

#endif
