// GET /hls/{folder}/{file}: what huizhen-hls wrote, for who knows the folder's name, which is told to viewers only. A web server in front
// can do the same with the folder itself (hls.dir). Thread: control's.
#ifndef HZ_GATEWAY_HTTP_HLS_FILES_H
#define HZ_GATEWAY_HTTP_HLS_FILES_H

#include <stdbool.h>

#include "gateway/session/model.h"
#include "media/hls/api.h"
#include "signaling/server/http.h"

bool hz_hls_files_handle(const struct hz_brain *brain, const struct hz_request *req, struct hz_response *res);

#endif
