// The built web pages: which path shows which file, and the Content-Security-Policy. Thread: control's.
#ifndef HZ_GATEWAY_CONTROL_PAGES_H
#define HZ_GATEWAY_CONTROL_PAGES_H

#include "signaling/server/static.h"

// Answers every GET that is left: pages by their address, else files by their name. files may be NULL (not built): 503.
void hz_pages_handle(const struct hz_static *files, const struct hz_request *req, struct hz_response *res);

// The page's file for a path; NULL: none, it names a file itself.
const char *hz_pages_file(const char *path);

#endif
