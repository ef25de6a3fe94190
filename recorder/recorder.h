// The recorder process: takes what the media workers tapped and what control tells (recorder/api.h), and writes journals.
// No network, no codec. One thread reads, some write; what arrived is on disk within a second while the disk can.
//
// A recorder that died: the next one waits for control's repetition, with the rings untouched, goes on with the records
// that are named in it, and ends those that are not.
#ifndef HZ_RECORDER_RECORDER_H
#define HZ_RECORDER_RECORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hz_recorder_options {
	int api;           // SOCK_SEQPACKET to control, non-blocking
	int taps;          // memfd: `workers` rings of ring_bytes; the caller holds its lock (hz_memfd_claim)
	unsigned workers;  // at most 64
	size_t ring_bytes; // hz_worker_tap_bytes()
	const char *dir;   // the record store, made when missing (0700)
	const char *master_key;  // file, made when missing
	uint64_t min_free_bytes; // of its disk: less is HZ_REC_DISK_LOW
	size_t memory_bytes;     // of media that wait for the disk: more is lost and counted
	unsigned writers;        // threads, 1 to 16
	bool sandbox;            // no network, no programs, no files but the store from here on
};

// Runs until SIGTERM (what was read is on disk: 0), or -errno: control is gone, the store or its key cannot be opened.
// SIGTERM is blocked in the process from here on.
int hz_recorder_run(const struct hz_recorder_options *options);

#endif
