// What is to be kept of tables, on its way to huizhen-imaging (media/dicomweb/keep.h): said again after its HELLO until it says that it
// has it on its disk. At most HZ_KEEPS_WAIT; what control still holds when it dies is lost, a moment's. Thread: control's.
#ifndef HZ_GATEWAY_LINK_KEEP_LINK_H
#define HZ_GATEWAY_LINK_KEEP_LINK_H

#include <stddef.h>

#include "media/dicomweb/api.h"

#define HZ_KEEPS_WAIT 64

struct hz_keep_link;

// News of huizhen-imaging, and what it did not take: texts end. by: who asked for what was not taken; "": nobody did, or it is news.
typedef void hz_keep_news_cb(void *ctx, const struct hz_dweb_kept *news, const char *by);

int hz_keep_link_new(int fd, struct hz_keep_link **ret); // fd is borrowed. -ENOMEM
void hz_keep_link_free(struct hz_keep_link *link);       // NULL allowed
void hz_keep_link_listen(struct hz_keep_link *link, hz_keep_news_cb *cb, void *ctx);
// text is taken over in any case (of malloc()). by: who asks for it; "". -ENOSPC: too much waits; -ENOMEM.
int hz_keep_link_put(struct hz_keep_link *link, char *text, const char *by);
// It has started anew and knows what is where; or nothing was heard of them for a while.
void hz_keep_link_again(struct hz_keep_link *link);
void hz_keep_link_heard(struct hz_keep_link *link, struct hz_dweb_kept *kept);

#endif
