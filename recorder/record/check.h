// Are the files of a record what was made of it? Against its certificate, or, before there is one, its manifest. The journal itself:
// recorder/verify.h. Reads everything once. Thread: any; blocks.
#ifndef HZ_RECORDER_RECORD_CHECK_H
#define HZ_RECORDER_RECORD_CHECK_H

#include "recorder/record/certificate.h"

// public_pem: as in hz_certificate_verify(). Tells each fault by its file; while the archive works on the record (it composes,
// packages, signs anew) what it is about to write is none. Returns the number of faults told; -errno: state.json.
int hz_check_files(const char *folder, const char *public_pem, hz_certificate_fault_cb *cb, void *arg);

#endif
