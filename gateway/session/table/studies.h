// Studies that come without a PACS: the way to huizhen-studies (media/studies/api.h), which keeps them and answers as the PACS "local",
// and uploads into it, each with an answer for every object. Bounded: HZ_UPLOADS_KEPT at once, results for HZ_UPLOAD_KEEP_US; a file
// lies in the spool without a name until it was looked at, so that a crash leaves nothing. Thread: control's.
#ifndef HZ_GATEWAY_SESSION_TABLE_STUDIES_H
#define HZ_GATEWAY_SESSION_TABLE_STUDIES_H

#include "gateway/config.h"
#include "gateway/session/table/forwarding.h"
#include "gateway/session/table/images.h"
#include "media/studies/api.h"

#define HZ_UPLOADS_KEPT    256
#define HZ_UPLOADS_EACH    32 // of one who uploads, that are not yet looked at
#define HZ_UPLOADS_AT_ONCE 4  // of one, that are on their way
#define HZ_UPLOAD_KEEP_US  ((int64_t)600 * 1000000)
#define HZ_UPLOAD_BYTES    HZ_LOCAL_FILE_BYTES

// fd: non-blocking, borrowed. config is not kept. -errno.
int hz_studies_new(int fd, const struct hz_config *config, struct hz_studies **ret);
void hz_studies_free(struct hz_studies *studies); // NULL allowed; no response is touched
// Who has what this PACS has: huizhen-imaging, or huizhen-studies.
struct hz_images *hz_studies_images_of(const struct hz_brain *brain, const char *pacs);

// What is to go to PACS goes through this one (fd is its socket); both are borrowed.
void hz_studies_forward(struct hz_studies *studies, struct hz_images *imaging, int fd);
// What huizhen-studies said last; zeros before.
unsigned hz_studies_reading(const struct hz_studies *studies); // files that are being looked at
const struct hz_local_status *hz_studies_status(const struct hz_studies *studies);

int hz_studies_read(struct hz_studies *studies); // as hz_images_read()
void hz_studies_tick(struct hz_studies *studies, int64_t now_us);

// A file without a name for so many bytes, the caller's; or minus an HTTP status: 507, no room; 503.
int hz_studies_spool(struct hz_studies *studies, uint64_t bytes);

struct hz_upload_of {
	const char *consult, *owner, *name; // who calls it so
	int fd;                             // borrowed
	struct hz_local_take take;          // whose photos these are
};
// Answers res, later: what became of each object, or 202 while that takes longer; then hz_studies_get(). The same name again: the answer
// that it had, but when that was a failure.
void hz_studies_put(struct hz_studies *studies, int64_t now_us, const struct hz_upload_of *of,
                    struct hz_response *res);
void hz_studies_get(struct hz_studies *studies, const char *consult, const char *owner, const char *name,
                    struct hz_response *res);

// An object that came another way: no photo. done is called once, later. -ENOSPC, -EAGAIN: not now; it is not called.
typedef void hz_studies_taken_cb(void *ctx, uint64_t tag, enum hz_local_result result);
int hz_studies_take(struct hz_studies *studies, int fd, hz_studies_taken_cb *done, void *ctx, uint64_t tag);
// Nobody is told any more.
void hz_studies_forget(struct hz_studies *studies, const void *ctx);

#endif
