// What control and huizhen-imaging say to each other, over a SOCK_SEQPACKET pair: fixed structs, both of one installation.
//
// After HELLO (it was started anew) control says SETUP, each PACS, and again what it still waits for: asking twice is harmless.
// Every GET is answered by one DONE, with the open file as a descriptor where there is one; a CANCEL is not answered. A frame that is
// made and not proven yet has a DONE that says so before: it is not to be given out as a whole until the last one says the same. A KEEP has a
// sealed memfd with JSON (keep.h) as its descriptor, and one KEPT with TAKEN or why it was not; later KEPT are news of what became of it.
#ifndef HZ_MEDIA_DICOMWEB_API_H
#define HZ_MEDIA_DICOMWEB_API_H

#include <stdint.h>

#define HZ_DWEB_VERSION       5u
#define HZ_DWEB_PACS          8
#define HZ_DWEB_NAME_BYTES    65
#define HZ_DWEB_URL_BYTES     512
#define HZ_DWEB_TEXT_BYTES    1025 // a token, a path
#define HZ_DWEB_UID_BYTES     65
#define HZ_DWEB_QUERY_BYTES   512
#define HZ_DWEB_TYPE_BYTES    128
#define HZ_DWEB_HASH_BYTES    65 // SHA-256 as text
#define HZ_DWEB_CONSULT_BYTES 128

enum hz_dweb_type {
	HZ_DWEB_SETUP = 1,
	HZ_DWEB_PACS_SET,
	HZ_DWEB_GET,
	HZ_DWEB_CANCEL,
	HZ_DWEB_KEEP,
	HZ_DWEB_SEND, // huizhen-studies says it to control, control to huizhen-imaging: an object for a PACS
	HZ_DWEB_HELLO = 64,
	HZ_DWEB_DONE,
	HZ_DWEB_KEPT,
	HZ_DWEB_STATUS, // every 2 s
	HZ_DWEB_SENT,   // the way back: what the PACS said to it
};

enum hz_dweb_kind {
	HZ_DWEB_SEARCH,   // QIDO-RS /studies?query: JSON, never kept
	HZ_DWEB_STUDY,    // WADO-RS metadata of a study
	HZ_DWEB_SERIES,   // of a series
	HZ_DWEB_INSTANCE, // of an object
	HZ_DWEB_FRAME,    // as stored
	HZ_DWEB_LIST,     // QIDO-RS, the series of a study: JSON, never kept
	HZ_DWEB_OBJECT,   // the whole of it, as a file (PS3.10), as stored
	HZ_DWEB_FORWARD, // of a study of huizhen-studies: what became of forwarding it; query: a PACS that it is to go to, asked twice is once
	HZ_DWEB_WAVE,    // its waveforms as JSON (media/imaging/wave.h), or {"fault": why not}
	HZ_DWEB_OVERLAYS, // its overlay planes as JSON (media/imaging/overlay.h), or {"fault": why not}
	HZ_DWEB_LUTS,     // its lookup tables as JSON (media/imaging/lut.h), or {"fault": why not}
	HZ_DWEB_KINDS,
	HZ_DWEB_STORE, // STOW-RS, of huizhen-imaging itself: nobody can ask for it
};

enum hz_dweb_result { // the numbers stay
	HZ_DWEB_OK,
	HZ_DWEB_UNKNOWN,   // no such PACS
	HZ_DWEB_AWAY,      // nobody answers there
	HZ_DWEB_SLOW,      // it stopped in the middle, or never began
	HZ_DWEB_REFUSED,   // 401, 403: our credentials
	HZ_DWEB_MISSING,   // 404, 410, 204
	HZ_DWEB_NOT_DICOM, // an answer of another kind: a page of HTML
	HZ_DWEB_TOO_LARGE,
	HZ_DWEB_BROKEN,   // cut short, or its parts make no sense
	HZ_DWEB_FAILED,   // another status
	HZ_DWEB_FULL,     // too much is asked for at once
	HZ_DWEB_DISK,     // the cache cannot be written
	HZ_DWEB_DECLINED, // an object that this PACS does not take
	HZ_DWEB_RESULTS,
};

struct hz_dweb_header {
	uint16_t version, type; // enum hz_dweb_type
	uint32_t bytes;         // of the whole message
};

struct hz_dweb_setup {
	struct hz_dweb_header h;
	uint64_t cache_bytes;
	char dir[HZ_DWEB_TEXT_BYTES]; // of the cache; made when missing
};

struct hz_dweb_pacs {
	struct hz_dweb_header h;
	uint32_t index, count; // of them all
	char name[HZ_DWEB_NAME_BYTES];
	char url[HZ_DWEB_URL_BYTES]; // root, without '/' at its end
	char user[256], password[256], token[HZ_DWEB_TEXT_BYTES];
	char ca[HZ_DWEB_TEXT_BYTES], certificate[HZ_DWEB_TEXT_BYTES], key[HZ_DWEB_TEXT_BYTES]; // PEM files
};

// What the header says of a frame (PS3.3 C.7.6.3), by the word of whoever asks: a wrong one gives a picture that is refused by that
// reader's own look at the header, and by nobody else's, because it is part of the request's name.
struct hz_dweb_pixels {
	uint32_t rows, columns; // 0: as stored, nothing else is wanted
	uint8_t samples, allocated, stored, is_signed, planar;
	char photometric[19];
};

struct hz_dweb_request {
	uint32_t kind;  // enum hz_dweb_kind
	uint32_t frame; // from 1
	struct hz_dweb_pixels
	    pixels; // of a frame: HTJ2K where browsers cannot decode what is stored, or it is not encoded
	char pacs[HZ_DWEB_NAME_BYTES];
	char study[HZ_DWEB_UID_BYTES], series[HZ_DWEB_UID_BYTES], instance[HZ_DWEB_UID_BYTES];
	char query[HZ_DWEB_QUERY_BYTES]; // of a search, percent-encoded
};

struct hz_dweb_get {
	struct hz_dweb_header h;
	uint64_t id;
	uint64_t asker; // who wants it: each has a share of a PACS's connections
	struct hz_dweb_request request;
};

struct hz_dweb_cancel {
	struct hz_dweb_header h;
	uint64_t id;
};

struct hz_dweb_keep {
	struct hz_dweb_header h;
	uint64_t id;
};

// The file that goes to a PACS rides along; it is sent again until a SENT says what became of it.
struct hz_dweb_send {
	struct hz_dweb_header h;
	uint64_t id;
	char pacs[HZ_DWEB_NAME_BYTES], study[HZ_DWEB_UID_BYTES];
};

struct hz_dweb_sent {
	struct hz_dweb_header h;
	uint64_t id;
	uint32_t result, reserved; // enum hz_dweb_result
};

enum hz_dweb_kept_state { HZ_DWEB_TAKEN = 1, HZ_DWEB_NOT_TAKEN, HZ_DWEB_NEWS };

struct hz_dweb_kept {
	struct hz_dweb_header h;
	uint64_t id;    // of the KEEP; not of news
	uint32_t state; // enum hz_dweb_kept_state
	uint32_t
	    result; // of news: HZ_DWEB_OK: the PACS has it; else it is tried again. Of NOT_TAKEN: why; FULL, DISK, BROKEN
	char consult[HZ_DWEB_CONSULT_BYTES], pacs[HZ_DWEB_NAME_BYTES], study[HZ_DWEB_UID_BYTES];
};

struct hz_dweb_done {
	struct hz_dweb_header h;
	uint64_t id, bytes;
	uint64_t
	    at; // where in its file it begins: what is before and behind are others of its series, and for nobody else
	uint32_t result; // enum hz_dweb_result
	uint32_t stale;  // 1: of before, the PACS does not answer now
	uint32_t early;  // 1: not proven yet; another DONE will come, with the same hash or not
	char type[HZ_DWEB_TYPE_BYTES];
	char hash[HZ_DWEB_HASH_BYTES];
};

struct hz_dweb_status {
	struct hz_dweb_header h;
	uint32_t waiting; // requests to PACS, under way or not yet
	uint32_t turning; // frames whose samples become HTJ2K
	uint64_t cache_bytes;
	// Since its start.
	uint64_t hits, misses, fetched,
	    refused;                   // of requests: had, not had; answers of PACS: good, none or bad
	uint64_t turned, as_they_came; // frames that were to become HTJ2K
};

#endif
