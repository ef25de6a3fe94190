// Answers of the store to what is asked of a PACS (media/dicomweb/api.h), in files without a name, small ones in memory. Thread: one.
#ifndef HZ_MEDIA_STUDIES_ANSWER_H
#define HZ_MEDIA_STUDIES_ANSWER_H

#include "media/studies/store.h"

// The object that was looked at last stays open: a multi-frame one is asked for frame by frame.
struct hz_local_reader;
int hz_local_reader_new(struct hz_local *local, struct hz_local_reader **ret); // -ENOMEM
void hz_local_reader_free(struct hz_local_reader *reader);                     // NULL allowed

struct hz_local_answer {
	int fd; // the caller's
	uint64_t bytes;
	char type[HZ_DWEB_TYPE_BYTES], hash[HZ_DWEB_HASH_BYTES];
};
// request is valid. HZ_DWEB_OK fills ret.
enum hz_dweb_result hz_local_answer(struct hz_local_reader *reader, const struct hz_dweb_request *request,
                                    struct hz_local_answer *ret);

// The query of a search; what it does not know is passed over, as QIDO-RS allows. false: a value that makes no sense.
bool hz_local_query(const char *query, struct hz_local_match *ret);

#endif
