// What control and huizhen-studies say to each other: SETUP, GET, CANCEL and DONE of media/dicomweb/api.h, as if it were one more PACS, and
// beside them what comes in. A TAKE brings an open file; it is answered by one TAKEN, with a JSON file that says what became of each
// object in it. It is not said again after a HELLO: what killed huizhen-studies once would do so again. What is to go to a PACS it says to
// control (HZ_DWEB_SEND, with the file), an object at a time to each, and hears what became of it (HZ_DWEB_SENT).
#ifndef HZ_MEDIA_STUDIES_API_H
#define HZ_MEDIA_STUDIES_API_H

#include "media/dicomweb/api.h"

#define HZ_LOCAL_PACS       "local" // its name among PACS
#define HZ_LOCAL_FILE_BYTES ((uint64_t)1 << 30)

enum hz_local_type { // beside enum hz_dweb_type
	HZ_LOCAL_TAKE = 32,
	HZ_LOCAL_TAKEN = 96,
	HZ_LOCAL_STATUS, // every few seconds
};

enum hz_local_result { // the numbers stay; words of them: hz_local_result_name()
	HZ_LOCAL_STORED,
	HZ_LOCAL_PRESENT,     // was there already, the same
	HZ_LOCAL_OTHER,       // something else is there under its SOP Instance UID
	HZ_LOCAL_PATIENT,     // its study is there as another patient's
	HZ_LOCAL_DICOMDIR,    // a table of contents: not needed
	HZ_LOCAL_NOT_DICOM,   // nor a photo
	HZ_LOCAL_NO_IMAGE,    // DICOM, but nothing to look at
	HZ_LOCAL_DAMAGED,     // see its fault
	HZ_LOCAL_UNSUPPORTED, // see its fault
	HZ_LOCAL_TOO_LARGE,
	HZ_LOCAL_HEIC, // a photo in a format that browsers and PACS do not read
	HZ_LOCAL_ENCRYPTED,
	HZ_LOCAL_BOMB,       // an archive that unpacks to far more than it is; what came before it stays
	HZ_LOCAL_NO_PATIENT, // a photo, and nobody said whose
	HZ_LOCAL_FULL,
	HZ_LOCAL_FAILED,
	HZ_LOCAL_RESULTS,
};

struct hz_local_take {
	struct hz_dweb_header h;
	uint64_t id;
	uint32_t photos; // 1: pictures become objects of this patient's; 0: DICOM only
	uint32_t reserved;
	char name[385], patient_id[129], birth[9], sex[2], accession[65]; // UTF-8; "" unknown
	char study[HZ_DWEB_UID_BYTES];                                    // that photos go into
	char forward[HZ_DWEB_NAME_BYTES]; // the PACS that all of it goes to; "": none
};

struct hz_local_status {
	struct hz_dweb_header h;
	uint64_t bytes;            // files and headers
	uint32_t studies;          //
	uint32_t waiting, refused; // objects for PACS: not there yet, not taken
	uint32_t forwarded;        // there, and here still
};

struct hz_local_taken {
	struct hz_dweb_header h;
	uint64_t id, bytes; // of the JSON; its descriptor comes along
	uint32_t result;    // of the last object: enum hz_local_result
	uint32_t stored;    // how many
	uint32_t objects;   // looked at
	uint32_t reserved;
};

#endif
