// The sandbox of what asks PACS: the cache's folder, the files of its PACS's certificates, what libraries look at, a network without
// sockets of this machine's own. Thread: the only one.
#ifndef HZ_MEDIA_DICOMWEB_SHELTER_H
#define HZ_MEDIA_DICOMWEB_SHELTER_H

#include <stdbool.h>

#include "media/dicomweb/api.h"

// Before it is entered: this one's files may be read.
void hz_dweb_shelter_pacs(const struct hz_dweb_pacs *pacs);
// After: has it files that may not?
bool hz_dweb_shelter_other(const struct hz_dweb_pacs *pacs);
// dir NULL: there is no cache. -errno.
int hz_dweb_shelter_enter(const char *dir);

#endif
