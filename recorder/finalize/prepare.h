// While a consult is still recorded: what its sound will be in DICOM objects, made ahead of its end (dicom_cache.h).
//
//   <record>/early/SHA-256   a slice of sound, AAC: readable by its owner only, as finalised files are
//   <record>/early/.begun    its time: when somebody began last
//   <record>/early/.work/    sound so far, as finalising would write it; while it is being read
//
// Everything in it is work saved and nothing else: it may be killed or removed at any time. Slices that the journal does not give
// any more go with the next preparation: of an erased track, or of somebody who took consent back. hz_package() removes it all when
// the objects are there, hz_erase() before it destroys a key, the archive when a record is given up.
// Thread: one at a time a folder: hold hz_record_lock().
#ifndef HZ_RECORDER_FINALIZE_PREPARE_H
#define HZ_RECORDER_FINALIZE_PREPARE_H

#include <stdint.h>

#define HZ_EARLY       "early"
#define HZ_EARLY_BEGUN "early/.begun"

// From the journal, which may still be written, to .work. Nothing is decoded here; the key is not needed for what follows.
int hz_prepare_read(const char *folder, const uint8_t *master);
// From .work to slices; .work is gone when it comes back. Runs in the caller's thread alone.
int hz_prepare_make(const char *folder);
int hz_prepare_remove(const char *folder); // 0 also when there is nothing; -errno

#endif
