// Images of PACS for participants: the way to huizhen-imaging (media/dicomweb/api.h), and HTTP answers that wait for it. Asks again
// after its HELLO, so that its death costs those who wait a second or two. Numbers of requests are other ones in each run
// of control: an answer to the last one's never becomes another picture. Bounded: HZ_IMAGE_WAITS at once, 4 s each: who
// asks again gets what came meanwhile. Thread: control's.
#ifndef HZ_GATEWAY_SESSION_TABLE_IMAGES_H
#define HZ_GATEWAY_SESSION_TABLE_IMAGES_H

#include <jansson.h>

#include "gateway/config.h"
#include "gateway/link/keep_link.h"
#include "gateway/session/model.h"
#include "media/dicomweb/api.h"
#include "signaling/server/http.h"

#define HZ_IMAGE_WAITS       512
#define HZ_IMAGE_OTHER_BYTES 512
#define HZ_IMAGE_WAITS_EACH  64 // of one who asks: a browser has 6 under way

struct hz_images;

// fd: non-blocking, borrowed. config is not kept. -EINVAL: imaging.pacs makes no sense; -ENOMEM.
int hz_images_new(int fd, const struct hz_config *config, struct hz_images **ret);
void hz_images_free(struct hz_images *images); // NULL allowed; no response is touched

// Answers res, later: the file with ranges and conditions, or a problem that says what is wrong with the PACS. asker: who it is, of
// whom none gets more than its share.
void hz_images_ask(struct hz_images *images, int64_t now_us, uint64_t asker,
                   const struct hz_dweb_request *what, const struct hz_request *req, struct hz_response *res);
// The same for another part of control: fn gets the open file (its own from then on; -1: result says why), later or never
// where images are freed. Of a frame: -EINVAL. -EAGAIN: not now; -ENOSPC.
typedef void hz_images_fn(void *ctx, uint64_t tag, uint32_t result, int fd);
struct hz_images_asker {
	hz_images_fn *fn;
	void *ctx;
	uint64_t tag;
};
int hz_images_fetch(struct hz_images *images, int64_t now_us, const struct hz_dweb_request *what,
                    const struct hz_images_asker *asker);
// Reads what is there, a bounded number of messages. -EPIPE: the socket is gone.
int hz_images_read(struct hz_images *images);
void hz_images_tick(struct hz_images *images, int64_t now_us); // four times a second
// A part of a table for its PACS (media/dicomweb/keep.h); As hz_keep_link_put().
int hz_images_keep(struct hz_images *images, char *text, const char *by);
void hz_images_listen(struct hz_images *images, hz_keep_news_cb *cb, void *ctx);
json_t *hz_images_names(const struct hz_images *images); // of PACS, as configured; NULL: out of memory
// What huizhen-imaging said last; zeros before.
const struct hz_dweb_status *hz_images_status(const struct hz_images *images);
unsigned hz_images_waiting(const struct hz_images *images);

// What a request wants besides: HTJ2K, where its query says what the frame is (pixels=…) and its Accept names image/jphc.
// false: the query makes no sense.
bool hz_images_wants(const struct hz_request *req, struct hz_dweb_request *what);

// This one speaks with huizhen-studies instead: what is kept in dir, and no PACS. other: gets what is no answer to a GET (a HELLO, too),
// and owns fd (-1: none).
typedef void hz_images_other_cb(void *ctx, const struct hz_dweb_header *message, int fd);
void hz_images_local(struct hz_images *images, const struct hz_dweb_setup *setup, hz_images_other_cb *other,
                     void *ctx);
// Of this one, too, beside what it does itself.
void hz_images_others(struct hz_images *images, hz_images_other_cb *other, void *ctx);
bool hz_images_ready(const struct hz_images *images); // SETUP was said

// imaging.* as huizhen-imaging takes it. How many PACS; -EINVAL, -ENAMETOOLONG.
int hz_images_configure(const struct hz_config *config, struct hz_dweb_pacs ret[HZ_DWEB_PACS],
                        struct hz_dweb_setup *ret_setup);
// "main=https://pacs/dicom-web, other=…" to names and roots. How many; -EINVAL.
int hz_images_parse_pacs(const char *text, struct hz_dweb_pacs ret[HZ_DWEB_PACS]);
// One of the words that an answer may have as its Content-Type, for good.
const char *hz_image_type(const char *type);

#endif
