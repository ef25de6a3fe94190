// libcurl's handles for what PACS are asked, kept with the settings of their PACS: making one costs more than asking with it.
//
// Of the loop's thread. A handle that is given back is no longer in a multi handle; its connection is the multi handle's.
#ifndef HZ_MEDIA_DICOMWEB_HANDLES_H
#define HZ_MEDIA_DICOMWEB_HANDLES_H

#include <curl/curl.h>

#include "media/dicomweb/fetch.h"

#define HZ_HANDLES_IDLE 4 // of each PACS

struct hz_handles { // all zero: none
	CURL *idle[HZ_DWEB_PACS][HZ_HANDLES_IDLE];
	unsigned settings[HZ_DWEB_PACS]; // counts their changes
	CURLU *base[HZ_DWEB_PACS]; // its address, taken apart; NULL: none, or it is for libcurl to look at
};

// The caller's; NULL: no memory. All of it is set but what is asked, its headers, and where the answer goes.
CURL *hz_handles_take(struct hz_handles *h, unsigned index, const struct hz_dweb_pacs *pacs,
                      const struct hz_dweb_times *times);
// settings: what h->settings was when it was taken. Of others, and where there are enough, it is freed.
void hz_handles_give(struct hz_handles *h, unsigned index, CURL *curl, unsigned settings);
// The PACS has other settings, or it is over.
void hz_handles_forget(struct hz_handles *h, unsigned index);
// Its address, with `path` behind it; the caller's. libcurl takes a URL apart and puts it together again with each request, which costs
// more than all else that it does before it sends: this is taken apart once. NULL: not this path, or not this address.
CURLU *hz_handles_url(struct hz_handles *h, unsigned index, const struct hz_dweb_pacs *pacs,
                      const char *path);

#endif
