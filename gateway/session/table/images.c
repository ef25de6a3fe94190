#include "gateway/session/table/images.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "gateway/base/log.h"
#include "gateway/base/secret.h"
#include "gateway/base/seqpacket.h"
#include "media/dicomweb/request.h"
#include "signaling/protocol/problem.h"
#include "signaling/server/file.h"

#define WAIT_US      4000000  // the server gives a held response 5 s
#define FETCH_US     15000000 // the lane has time
#define KEEPS_US     5000000
#define MESSAGES_MAX 64
#define PIECE_BYTES  (4u << 20)

struct wait {
	struct wait *next;
	struct hz_images *images;
	struct hz_response *res; // NULL: `back` is called
	struct hz_images_asker back;
	uint64_t id, asker;
	int64_t began_us;
	struct hz_dweb_request what;
	bool head;
	bool early;       // its beginning goes out; the rest when it is proven
	int64_t early_us; // when that was seen by the clock
	char hash[HZ_DWEB_HASH_BYTES];
	char header[4][256]; // of the request, in the order of kept[]; "": not sent
};

static const enum hz_http_header kept[4] = {HZ_H_RANGE, HZ_H_IF_RANGE, HZ_H_IF_NONE_MATCH, HZ_H_IF_MATCH};

struct hz_images {
	int fd;
	unsigned pacs_count, count;
	bool unsaid; // SETUP, or a PACS
	uint64_t next_id;
	struct hz_dweb_setup setup;
	struct hz_dweb_pacs pacs[HZ_DWEB_PACS];
	struct wait *waits;
	struct hz_keep_link *keeps;
	struct hz_dweb_status status;
	int64_t keeps_us;          // said again last
	hz_images_other_cb *other; // NULL: none
	void *ctx;
};

void hz_images_local(struct hz_images *images, const struct hz_dweb_setup *setup, hz_images_other_cb *other,
                     void *ctx)
{
	hz_wipe(images->pacs, sizeof(images->pacs));
	images->pacs_count = 0;
	images->setup = *setup;
	images->other = other;
	images->ctx = ctx;
}

void hz_images_others(struct hz_images *images, hz_images_other_cb *other, void *ctx)
{
	images->other = other;
	images->ctx = ctx;
}

bool hz_images_ready(const struct hz_images *images)
{
	return !images->unsaid;
}

int hz_images_new(int fd, const struct hz_config *config, struct hz_images **ret)
{
	struct hz_images *images = calloc(1, sizeof(*images));
	if (!images)
		return -ENOMEM;
	images->fd = fd;
	// huizhen-imaging outlives control: what it still answers to the last one's numbers must fit none of ours.
	hz_random(&images->next_id, sizeof(images->next_id));
	images->unsaid = true; // one that runs already says no HELLO
	int err = hz_images_configure(config, images->pacs, &images->setup);
	images->pacs_count = err > 0 ? (unsigned)err : 0;
	if (err >= 0)
		err = hz_keep_link_new(fd, &images->keeps);
	if (err < 0) {
		hz_images_free(images);
		return err;
	}
	*ret = images;
	return 0;
}

void hz_images_free(struct hz_images *images)
{
	if (!images)
		return;
	while (images->waits) {
		struct wait *w = images->waits;
		images->waits = w->next;
		free(w);
	}
	hz_keep_link_free(images->keeps);
	hz_wipe(images->pacs, sizeof(images->pacs));
	free(images);
}

int hz_images_keep(struct hz_images *images, char *text, const char *by)
{
	return hz_keep_link_put(images->keeps, text, by);
}

void hz_images_listen(struct hz_images *images, hz_keep_news_cb *cb, void *ctx)
{
	hz_keep_link_listen(images->keeps, cb, ctx);
}

unsigned hz_images_waiting(const struct hz_images *images)
{
	return images->count;
}

json_t *hz_images_names(const struct hz_images *images)
{
	json_t *names = json_array();
	for (unsigned i = 0; i < images->pacs_count; i++)
		json_array_append_new(names, json_string(images->pacs[i].name));
	return names;
}

const struct hz_dweb_status *hz_images_status(const struct hz_images *images)
{
	return &images->status;
}

// --- asking

static int say(struct hz_images *images, void *message, uint16_t type, size_t bytes)
{
	struct hz_dweb_header *h = message;
	*h = (struct hz_dweb_header){.version = HZ_DWEB_VERSION, .type = type, .bytes = (uint32_t)bytes};
	return hz_seqpacket_send(images->fd, message, bytes);
}

static int say_get(struct hz_images *images, const struct wait *w)
{
	struct hz_dweb_get get = {.id = w->id, .asker = w->asker, .request = w->what};
	return say(images, &get, HZ_DWEB_GET, sizeof(get));
}

static void forget(struct wait *w)
{
	for (struct wait **at = &w->images->waits; *at; at = &(*at)->next) {
		if (*at == w) {
			*at = w->next;
			w->images->count--;
			break;
		}
	}
	free(w);
}

static void on_gone(void *ctx)
{
	struct wait *w = ctx;
	struct hz_dweb_cancel cancel = {.id = w->id};
	(void)say(w->images, &cancel, HZ_DWEB_CANCEL, sizeof(cancel)); // else it comes for nobody
	forget(w);
}

static void not_now(struct hz_response *res, const char *why)
{
	hz_problem_answer(res, 503, why, NULL);
	hz_response_header(res, "Retry-After", "1");
}

bool hz_images_wants(const struct hz_request *req, struct hz_dweb_request *what)
{
	char text[128];
	const char *accept = req->header[HZ_H_ACCEPT];
	int err = hz_request_query(req, "pixels", text, sizeof(text));
	if (err == -ENOENT || what->kind != HZ_DWEB_FRAME)
		return true;
	// Who says it accepts anything may not know the word.
	if (err || !hz_dweb_pixels_parse(text, &what->pixels))
		return false;
	if (!accept || !strcasestr(accept, "image/jphc") || !hz_request_accepts(req, "image/jphc"))
		memset(&what->pixels, 0, sizeof(what->pixels));
	return true;
}

static bool has_room(const struct hz_images *images, uint64_t asker)
{
	unsigned its = 0;
	for (const struct wait *w = images->waits; w; w = w->next)
		its += w->asker == asker;
	return images->count < HZ_IMAGE_WAITS && its < HZ_IMAGE_WAITS_EACH;
}

void hz_images_ask(struct hz_images *images, int64_t now_us, uint64_t asker,
                   const struct hz_dweb_request *what, const struct hz_request *req, struct hz_response *res)
{
	struct wait *w = has_room(images, asker) ? calloc(1, sizeof(*w)) : NULL;
	if (!w) {
		not_now(res, "too many images are asked for at once");
		return;
	}
	w->images = images;
	w->id = ++images->next_id;
	w->asker = asker;
	w->began_us = now_us;
	w->what = *what;
	w->head = req->head;
	for (unsigned i = 0; i < 4; i++) {
		const char *text = req->header[kept[i]];
		snprintf(w->header[i], sizeof(w->header[i]), "%s",
		         text && strlen(text) < sizeof(w->header[i]) ? text : "");
	}
	if (images->unsaid || say_get(images, w)) {
		free(w);
		not_now(res, "images are not served at this moment");
		return;
	}
	w->res = res;
	w->next = images->waits;
	images->waits = w;
	images->count++;
	hz_response_hold(res, on_gone, w);
}

int hz_images_fetch(struct hz_images *images, int64_t now_us, const struct hz_dweb_request *what,
                    const struct hz_images_asker *asker)
{
	if (what->kind == HZ_DWEB_FRAME) // its file has others of the series in it: it stays here
		return -EINVAL;
	struct wait *w = images->count < HZ_IMAGE_WAITS ? calloc(1, sizeof(*w)) : NULL;
	if (!w)
		return -ENOSPC;
	w->images = images;
	w->id = ++images->next_id;
	w->began_us = now_us;
	w->what = *what;
	w->back = *asker;
	if (images->unsaid || say_get(images, w)) {
		free(w);
		return -EAGAIN;
	}
	w->next = images->waits;
	images->waits = w;
	images->count++;
	return 0;
}

// --- answering

const char *hz_image_type(const char *type)
{
	static const char *const types[] = {
	    "application/dicom+json", "image/jpeg", "image/jls", "image/jp2", "image/jphc", "image/jpx",
	    "image/dicom-rle",        "video/mpeg", "video/mp4", "video/H265"};
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		size_t n = strlen(types[i]);
		if (strncasecmp(type, types[i], n) == 0 && strchr("; ", type[n]))
			return types[i];
	}
	// RLE as octets: without its name it could be taken for pixels.
	if (strcmp(type, "application/json; waveform") == 0 ||
	    strcmp(type, "application/json; overlays") == 0 || strcmp(type, "application/json; luts") == 0)
		return "application/json";
	if (strstr(type, "1.2.840.10008.1.2.5"))
		return "image/dicom-rle";
	return strncasecmp(type, "application/json", 16) == 0 ? types[0] : "application/octet-stream";
}

// The transfer syntax that the PACS said; what the codestream is, is for its reader to see.
static void name_syntax(struct hz_response *res, const char *type)
{
	char uid[65];
	const char *at = strcasestr(type, "transfer-syntax=");
	size_t n = at ? strspn(at += 16, "0123456789.\"") : 0;
	size_t used = 0;
	for (size_t i = 0; i < n && used < sizeof(uid) - 1; i++) {
		if (at[i] != '"')
			uid[used++] = at[i];
	}
	uid[used] = '\0';
	if (used)
		hz_response_header(res, "Huizhen-Transfer-Syntax", uid);
}

// How many bytes hold its lower resolutions: a reader may decode, or ask for, that much alone.
static void name_resolutions(struct hz_response *res, const char *type)
{
	char text[96];
	const char *at = strstr(type, "; ends=");
	size_t n = at ? strspn(at += 7, "0123456789,") : 0;
	if (n == 0 || n >= sizeof(text) || strncmp(type, "image/jphc", 10) != 0)
		return;
	memcpy(text, at, n);
	text[n] = '\0';
	hz_response_header(res, "Huizhen-Resolutions", text);
}

static void answer_file(const struct wait *w, const struct hz_dweb_done *done, int fd)
{
	char etag[HZ_DWEB_HASH_BYTES + 2];
	struct hz_request req = {.method = HZ_GET, .head = w->head, .path = "", .query = ""};
	for (unsigned i = 0; i < 4; i++)
		req.header[kept[i]] = w->header[i][0] ? w->header[i] : NULL;
	snprintf(etag, sizeof(etag), "\"%s\"", done->hash);
	hz_response_header(w->res, "Cache-Control", "private, no-store");
	if (done->stale)
		hz_response_header(w->res, "Warning",
		                   "110 - \"the PACS does not answer: this is of before\"");
	if (w->what.kind == HZ_DWEB_FRAME)
		hz_response_header(w->res, "Vary", "Accept");
	name_syntax(w->res, done->type);
	name_resolutions(w->res, done->type);
	const struct hz_file_reply file = {
	    .fd = fd,
	    .at = done->at,
	    .bytes = done->bytes,
	    .type = w->what.kind == HZ_DWEB_FORWARD ? "application/json" : hz_image_type(done->type),
	    .etag = etag,
	    .piece = w->what.kind == HZ_DWEB_FRAME ? PIECE_BYTES : 0};
	hz_file_answer(&file, &req, w->res);
}

static void answer_problem(struct hz_response *res, uint32_t result)
{
	static const struct {
		int status;
		const char *why;
	} all[HZ_DWEB_RESULTS] = {
	    [HZ_DWEB_UNKNOWN] = {404, "there is no PACS of this name"},
	    [HZ_DWEB_AWAY] = {502, "the PACS does not answer"},
	    [HZ_DWEB_SLOW] = {504, "the PACS stopped answering"},
	    [HZ_DWEB_REFUSED] = {502, "the PACS refuses the gateway's credentials"},
	    [HZ_DWEB_MISSING] = {404, "the PACS does not have it"},
	    [HZ_DWEB_NOT_DICOM] = {502, "the PACS answered with something that is no DICOM"},
	    [HZ_DWEB_TOO_LARGE] = {502, "the answer of the PACS is too large"},
	    [HZ_DWEB_BROKEN] = {502, "the answer of the PACS is damaged or cut short"},
	    [HZ_DWEB_FAILED] = {502, "the PACS failed"},
	    [HZ_DWEB_FULL] = {503, "too many images are asked for at once"},
	    [HZ_DWEB_DISK] = {503, "the gateway has no room for it"},
	};
	bool known = result < HZ_DWEB_RESULTS && all[result].status;
	hz_problem_answer(res, known ? all[result].status : 502, known ? all[result].why : NULL, NULL);
	if (known && all[result].status >= 503)
		hz_response_header(res, "Retry-After", "1");
}

// How much of it may go out before it is proven: all resolutions but the highest, of which nobody makes more than a coarse image.
static uint64_t early_bytes(const struct hz_dweb_done *done)
{
	const char *at = strstr(done->type, "; ends="), *last = at ? strrchr(at, ',') : NULL;
	unsigned long long bytes = last ? strtoull(last + 1, NULL, 10) : 0;
	return bytes < done->bytes ? bytes : 0;
}

// It is made, and not proven yet.
static void on_early(struct wait *w, const struct hz_dweb_done *done, int fd)
{
	if (!w->res || w->early || w->head || done->result != HZ_DWEB_OK || fd < 0) {
		if (fd >= 0)
			close(fd);
		return; // the last word is waited for
	}
	memcpy(w->hash, done->hash, sizeof(w->hash));
	answer_file(w, done, fd);
	uint64_t from = 0, bytes = 0, most = early_bytes(done) + done->at;
	hz_response_fd(w->res, &from, &bytes);
	w->early = hz_response_limit(w->res, most > from ? most - from : 0, on_gone, w);
	hz_response_release(w->res);
	if (!w->early) // no body, or so little of it
		forget(w);
}

static void settle_early(struct wait *w, bool proven)
{
	if (proven)
		hz_response_allow(w->res);
	else
		hz_response_break(
		    w->res); // its reader asks for the rest, and gets another one from its beginning
	forget(w);
}

static void on_done(struct hz_images *images, struct hz_dweb_done *done, int fd)
{
	struct wait *w = images->waits;
	while (w && w->id != done->id)
		w = w->next;
	if (!w) { // nobody waits any more
		if (fd >= 0)
			close(fd);
		return;
	}
	done->type[sizeof(done->type) - 1] = done->hash[sizeof(done->hash) - 1] = '\0';
	if (done->early) {
		on_early(w, done, fd);
		return;
	}
	if (w->early) {
		if (fd >= 0)
			close(fd);
		settle_early(w, done->result == HZ_DWEB_OK && strcmp(w->hash, done->hash) == 0);
		return;
	}
	if (!w->res) {
		const struct hz_images_asker asker = w->back;
		forget(w);
		asker.fn(asker.ctx, asker.tag,
		         done->result == HZ_DWEB_OK && fd < 0 ? HZ_DWEB_DISK : done->result, fd);
		return;
	}
	if (done->result == HZ_DWEB_OK && fd >= 0)
		answer_file(w, done, fd);
	else
		answer_problem(w->res, done->result == HZ_DWEB_OK ? HZ_DWEB_DISK : done->result);
	hz_response_release(w->res);
	forget(w);
}

// What cannot be said now is said with the next tick; a GET is answered by the time.
static void set_up(struct hz_images *images)
{
	int err = say(images, &images->setup, HZ_DWEB_SETUP, sizeof(images->setup));
	for (unsigned i = 0; i < images->pacs_count && !err; i++) {
		images->pacs[i].index = i;
		images->pacs[i].count = images->pacs_count;
		err = say(images, &images->pacs[i], HZ_DWEB_PACS_SET, sizeof(images->pacs[i]));
	}
	images->unsaid = err != 0;
	for (const struct wait *w = images->waits; w && !err; w = w->next)
		err = say_get(images, w);
	if (!images->unsaid)
		hz_keep_link_again(images->keeps);
	if (!images->unsaid)
		hz_info("images.set_up", "pacs=%u waiting=%u err=%d", images->pacs_count, images->count,
		        -err);
}

int hz_images_read(struct hz_images *images)
{
	union {
		struct hz_dweb_header h;
		struct hz_dweb_done done;
		struct hz_dweb_kept kept;
		struct hz_dweb_status status;
		char other[HZ_IMAGE_OTHER_BYTES];
	} in;
	for (int i = 0; i < MESSAGES_MAX; i++) {
		int fds[1] = {-1};
		const struct hz_seqpacket_in what = {.buf = &in, .cap = sizeof(in), .fds = fds, .fds_cap = 1};
		size_t bytes = 0;
		unsigned count = 0;
		int err = hz_seqpacket_recv_fds(images->fd, &what, &bytes, &count);
		if (err == -EAGAIN)
			return 0;
		if (err == -EPIPE)
			return err;
		int fd = !err && count ? fds[0] : -1;
		bool good = !err && bytes >= sizeof(in.h) && in.h.version == HZ_DWEB_VERSION;
		if (good && in.h.type == HZ_DWEB_DONE && bytes == sizeof(in.done)) {
			on_done(images, &in.done, fd);
			continue;
		}
		if (good && in.h.type == HZ_DWEB_KEPT && bytes == sizeof(in.kept))
			hz_keep_link_heard(images->keeps, &in.kept);
		if (good && in.h.type == HZ_DWEB_HELLO)
			set_up(images);
		else if (good && in.h.type == HZ_DWEB_STATUS && bytes == sizeof(in.status))
			images->status = in.status;
		if (good && images->other && in.h.bytes == bytes)
			images->other(images->ctx, &in.h, fd);
		else if (fd >= 0)
			close(fd);
	}
	return 0;
}

void hz_images_tick(struct hz_images *images, int64_t now_us)
{
	struct wait *next;
	if (images->unsaid)
		set_up(images);
	if (!images->unsaid && now_us - images->keeps_us >= KEEPS_US) { // saying it twice is harmless
		images->keeps_us = now_us;
		hz_keep_link_again(images->keeps);
	}
	for (struct wait *w = images->waits; w; w = next) {
		next = w->next;
		if (w->early && !w->early_us)
			w->began_us = w->early_us = now_us;
		if (now_us - w->began_us < (w->res ? WAIT_US : FETCH_US))
			continue;
		if (w->early) {
			settle_early(w, false);
			continue;
		}
		if (!w->res) {
			const struct hz_images_asker asker = w->back;
			forget(w);
			asker.fn(asker.ctx, asker.tag, HZ_DWEB_SLOW, -1);
			continue;
		}
		not_now(w->res, "it is being fetched: ask again");
		hz_response_release(w->res);
		forget(w); // what comes is kept, and there when it is asked for again
	}
}
