#include "gateway/session/images.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "gateway/base/log.h"
#include "gateway/base/secret.h"
#include "gateway/base/seqpacket.h"
#include "signaling/protocol/problem.h"
#include "signaling/server/file.h"

#define WAIT_US      4000000 // the server gives a held response 5 s
#define MESSAGES_MAX 64
#define PIECE_BYTES  (4u << 20)

struct wait {
	struct wait *next;
	struct hz_images *images;
	struct hz_response *res;
	uint64_t id;
	int64_t began_us;
	struct hz_dweb_request what;
	bool head;
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
};

// --- the configuration

static bool parse_one(char *item, struct hz_dweb_pacs *ret)
{
	static const char name[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	char *url = strchr(item, '=');
	if (!url)
		return false;
	*url++ = '\0';
	size_t n = strlen(url);
	while (n && url[n - 1] == '/')
		url[--n] = '\0';
	if (!item[0] || item[strspn(item, name)] || strlen(item) >= sizeof(ret->name) ||
	    n >= sizeof(ret->url) || (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0) ||
	    strpbrk(url, "?#@\" "))
		return false;
	snprintf(ret->name, sizeof(ret->name), "%s", item);
	snprintf(ret->url, sizeof(ret->url), "%s", url);
	return true;
}

int hz_images_parse_pacs(const char *text, struct hz_dweb_pacs ret[HZ_DWEB_PACS])
{
	char copy[HZ_DWEB_PACS * (HZ_DWEB_URL_BYTES + HZ_DWEB_NAME_BYTES)], *rest = NULL;
	int count = 0;
	if ((size_t)snprintf(copy, sizeof(copy), "%s", text) >= sizeof(copy))
		return -EINVAL;
	for (char *item = strtok_r(copy, ", \t", &rest); item; item = strtok_r(NULL, ", \t", &rest)) {
		if (count == HZ_DWEB_PACS || !parse_one(item, &ret[count]))
			return -EINVAL;
		for (int i = 0; i < count; i++) {
			if (strcmp(ret[i].name, ret[count].name) == 0)
				return -EINVAL;
		}
		count++;
	}
	return count;
}

static void set_identity(struct hz_dweb_pacs *pacs, const char *const text[6])
{
	snprintf(pacs->user, sizeof(pacs->user), "%s", text[0]);
	snprintf(pacs->password, sizeof(pacs->password), "%s", text[1]);
	snprintf(pacs->token, sizeof(pacs->token), "%s", text[2]);
	snprintf(pacs->ca, sizeof(pacs->ca), "%s", text[3]);
	snprintf(pacs->certificate, sizeof(pacs->certificate), "%s", text[4]);
	snprintf(pacs->key, sizeof(pacs->key), "%s", text[5]);
}

static int configure(struct hz_images *images, const struct hz_config *c)
{
	const char *const own[6] = {c->dicomweb.user, c->dicomweb.password,    c->dicomweb.token,
	                            c->dicomweb.ca,   c->dicomweb.certificate, c->dicomweb.key};
	const char *const record[6] = {c->archive.pacs_user,        c->archive.pacs_password,
	                               c->archive.pacs_token,       c->archive.pacs_ca,
	                               c->archive.pacs_certificate, c->archive.pacs_key};
	bool none = !c->dicomweb.pacs[0] && c->archive.pacs_url[0];
	int count = hz_images_parse_pacs(c->dicomweb.pacs, images->pacs);
	if (count < 0)
		return count;
	if (none) { // the one that records go to
		snprintf(images->pacs[0].name, sizeof(images->pacs[0].name), "main");
		snprintf(images->pacs[0].url, sizeof(images->pacs[0].url), "%s", c->archive.pacs_url);
		count = 1;
	}
	images->pacs_count = (unsigned)count;
	for (unsigned i = 0; i < images->pacs_count; i++)
		set_identity(&images->pacs[i], none ? record : own);
	images->setup.cache_bytes = (uint64_t)c->dicomweb.cache_gb << 30;
	int n = snprintf(images->setup.dir, sizeof(images->setup.dir), "%s/images", c->data.dir);
	return n < (int)sizeof(images->setup.dir) ? 0 : -ENAMETOOLONG;
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
	int err = configure(images, config);
	if (err) {
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
	hz_wipe(images->pacs, sizeof(images->pacs));
	free(images);
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

// --- asking

static int say(struct hz_images *images, void *message, uint16_t type, size_t bytes)
{
	struct hz_dweb_header *h = message;
	*h = (struct hz_dweb_header){.version = HZ_DWEB_VERSION, .type = type, .bytes = (uint32_t)bytes};
	return hz_seqpacket_send(images->fd, message, bytes);
}

static int say_get(struct hz_images *images, const struct wait *w)
{
	struct hz_dweb_get get = {.id = w->id, .request = w->what};
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

void hz_images_ask(struct hz_images *images, int64_t now_us, const struct hz_dweb_request *what,
                   const struct hz_request *req, struct hz_response *res)
{
	struct wait *w = images->count < HZ_IMAGE_WAITS ? calloc(1, sizeof(*w)) : NULL;
	if (!w) {
		not_now(res, "too many images are asked for at once");
		return;
	}
	w->images = images;
	w->id = ++images->next_id;
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
	name_syntax(w->res, done->type);
	const struct hz_file_reply file = {.fd = fd,
	                                   .bytes = done->bytes,
	                                   .type = hz_image_type(done->type),
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
		hz_info("images.set_up", "pacs=%u waiting=%u err=%d", images->pacs_count, images->count,
		        -err);
}

int hz_images_read(struct hz_images *images)
{
	union {
		struct hz_dweb_header h;
		struct hz_dweb_done done;
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
		if (good && in.h.type == HZ_DWEB_HELLO)
			set_up(images);
		if (fd >= 0)
			close(fd);
	}
	return 0;
}

void hz_images_tick(struct hz_images *images, int64_t now_us)
{
	struct wait *next;
	if (images->unsaid)
		set_up(images);
	for (struct wait *w = images->waits; w; w = next) {
		next = w->next;
		if (now_us - w->began_us < WAIT_US)
			continue;
		not_now(w->res, "it is being fetched: ask again");
		hz_response_release(w->res);
		forget(w); // what comes is kept, and there when it is asked for again
	}
}
