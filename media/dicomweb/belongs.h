// Which objects are of which study, by the word of a PACS's own metadata: a path that names an allowed study and another one's object gets
// nothing, also of a PACS that looks at the last part of a path alone. Bounded: HZ_BELONGS_MOST objects, then all is learned anew. Thread: one.
#ifndef HZ_MEDIA_DICOMWEB_BELONGS_H
#define HZ_MEDIA_DICOMWEB_BELONGS_H

#include <stdbool.h>
#include <stddef.h>

#include "media/dicomweb/api.h"

#define HZ_BELONGS_MOST 100000

struct hz_belongs;

int hz_belongs_new(struct hz_belongs **ret);      // -ENOMEM
void hz_belongs_free(struct hz_belongs *belongs); // NULL allowed
// DICOM JSON that answered a request for metadata. false: an object in it says that it is of another study; nothing is learned then.
// One that says nothing of its study is of the one that was asked for.
bool hz_belongs_learn(struct hz_belongs *belongs, const struct hz_dweb_request *request, const char *json,
                      size_t bytes);
// How often all was forgotten, to be learned anew.
unsigned hz_belongs_forgot(const struct hz_belongs *belongs);
// The object that is asked for is known to be of this study.
bool hz_belongs_knows(const struct hz_belongs *belongs, const struct hz_dweb_request *request);

#endif
