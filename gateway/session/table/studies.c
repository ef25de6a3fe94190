#include "gateway/session/table/studies.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "gateway/base/log.h"
#include "gateway/base/secret.h"
#include "gateway/base/seqpacket.h"
#include "signaling/protocol/problem.h"

#define HOLD_US    3500000             // the server gives a held response 5 s
#define LOST_US    7200000000          // an answer that did not come until then will not
#define SPARE      ((uint64_t)1 << 30) // of the disk, for everything else
#define NAME_BYTES 65

enum upload_state { UPLOAD_FREE, UPLOAD_READING, UPLOAD_DONE, UPLOAD_FAILED };

struct upload {
	enum upload_state state;
	uint64_t id;
	int64_t began_us;
	char consult[HZ_ID_TEXT_BYTES], owner[HZ_ID_TEXT_BYTES], name[NAME_BYTES];
	int result; // fd of what became of it; -1
	uint64_t bytes;
	struct hz_response *res;   // held; NULL
	hz_studies_taken_cb *done; // of one that is no upload; NULL
	void *ctx;
	uint64_t tag;
};

struct hz_studies {
	int fd;
	uint64_t next_id;
	int64_t now_us;
	struct hz_images *images;
	char spool[HZ_DWEB_TEXT_BYTES];
	char forward[HZ_DWEB_NAME_BYTES]; // imaging.forward
	struct hz_images *imaging;        // borrowed; of the PACS
	struct hz_forwarding forwarding;
	struct hz_local_status status;
	struct upload upload[HZ_UPLOADS_KEPT];
};

struct hz_images *hz_studies_images_of(const struct hz_brain *brain, const char *pacs)
{
	bool local = brain->studies && strcmp(pacs, HZ_LOCAL_PACS) == 0;
	return local ? brain->studies->images : brain->images;
}

// --- answering

static void answer(struct upload *u, struct hz_response *res)
{
	int fd = u->state == UPLOAD_DONE ? fcntl(u->result, F_DUPFD_CLOEXEC, 3) : -1;
	hz_response_header(res, "Cache-Control", "private, no-store");
	if (fd >= 0) {
		hz_response_file(res, "application/json", fd, 0, u->bytes);
	} else if (u->state == UPLOAD_READING) {
		hz_response_status(res, 202);
		hz_response_static(res, "application/json", "{\"state\":\"reading\",\"items\":[]}", 30);
	} else {
		hz_problem_answer(res, 502, "what reads images failed on this file", NULL);
	}
}

static void release(struct upload *u)
{
	struct hz_response *res = u->res;
	u->res = NULL;
	if (!res)
		return;
	answer(u, res);
	hz_response_release(res);
}

static void clear(struct upload *u)
{
	if (u->result >= 0)
		close(u->result);
	*u = (struct upload){.result = -1};
}

// One that is no upload is over with its answer.
static bool tell(struct upload *u, enum hz_local_result result)
{
	hz_studies_taken_cb *done = u->done;
	void *ctx = u->ctx;
	uint64_t tag = u->tag;
	if (!done)
		return false;
	clear(u);
	done(ctx, tag, result);
	return true;
}

static void on_gone(void *ctx)
{
	struct upload *u = ctx;
	u->res = NULL; // what becomes of it can still be asked for
}

static void on_taken(struct hz_studies *studies, const struct hz_local_taken *taken, int fd)
{
	struct upload *u = studies->upload;
	while (u < studies->upload + HZ_UPLOADS_KEPT && (u->state != UPLOAD_READING || u->id != taken->id))
		u++;
	if (u == studies->upload + HZ_UPLOADS_KEPT) {
		if (fd >= 0)
			close(fd);
		return;
	}
	if (u->done) {
		if (fd >= 0)
			close(fd);
		tell(u, taken->result < HZ_LOCAL_RESULTS ? (enum hz_local_result)taken->result
		                                         : HZ_LOCAL_FAILED);
		return;
	}
	u->state = fd >= 0 && taken->bytes ? UPLOAD_DONE : UPLOAD_FAILED;
	u->result = fd;
	u->bytes = taken->bytes;
	u->began_us = studies->now_us;
	hz_info("studies.upload", "consult=%s participant=%s objects=%u stored=%u", u->consult, u->owner,
	        taken->objects, taken->stored);
	release(u);
}

// huizhen-studies is there anew: what it was reading may be what ended it, and is not tried again.
static void on_hello(struct hz_studies *studies)
{
	for (struct upload *u = studies->upload; u < studies->upload + HZ_UPLOADS_KEPT; u++) {
		if (u->state != UPLOAD_READING || tell(u, HZ_LOCAL_FAILED))
			continue;
		u->state = UPLOAD_FAILED;
		hz_warn("studies.upload", "consult=%s participant=%s what=failed", u->consult, u->owner);
		release(u);
	}
}

static void on_lost(struct upload *u)
{
	if (tell(u, HZ_LOCAL_FAILED))
		return;
	u->state = UPLOAD_FAILED;
	hz_warn("studies.upload", "consult=%s participant=%s what=lost", u->consult, u->owner);
	release(u);
}

static void on_other(void *ctx, const struct hz_dweb_header *message, int fd)
{
	struct hz_studies *studies = ctx;
	if (message->type == HZ_LOCAL_TAKEN && message->bytes == sizeof(struct hz_local_taken)) {
		on_taken(studies, (const struct hz_local_taken *)message, fd);
		return;
	}
	if (message->type == HZ_DWEB_HELLO) {
		on_hello(studies);
		hz_forwarding_forget(&studies->forwarding);
	} else if (message->type == HZ_LOCAL_STATUS && message->bytes == sizeof(studies->status)) {
		memcpy(&studies->status, message, sizeof(studies->status));
	} else if (message->type == HZ_DWEB_SEND && message->bytes == sizeof(struct hz_dweb_send)) {
		hz_forwarding_send(&studies->forwarding, (const struct hz_dweb_send *)message, fd,
		                   studies->imaging && hz_images_ready(studies->imaging));
	}
	if (fd >= 0)
		close(fd);
}

// What huizhen-imaging says of objects for its PACS.
static void on_imaging(void *ctx, const struct hz_dweb_header *message, int fd)
{
	struct hz_studies *studies = ctx;
	if (message->type == HZ_DWEB_SENT && message->bytes == sizeof(struct hz_dweb_sent))
		hz_forwarding_sent(&studies->forwarding, (const struct hz_dweb_sent *)message);
	else if (message->type == HZ_DWEB_HELLO)
		hz_forwarding_lost(&studies->forwarding);
	if (fd >= 0)
		close(fd);
}

void hz_studies_forward(struct hz_studies *studies, struct hz_images *imaging, int fd)
{
	studies->imaging = imaging;
	studies->forwarding.imaging = fd;
	hz_images_others(imaging, on_imaging, studies);
}

unsigned hz_studies_reading(const struct hz_studies *studies)
{
	unsigned count = 0;
	for (unsigned i = 0; i < HZ_UPLOADS_KEPT; i++)
		count += studies->upload[i].state == UPLOAD_READING;
	return count;
}

const struct hz_local_status *hz_studies_status(const struct hz_studies *studies)
{
	return &studies->status;
}

// --- life

int hz_studies_new(int fd, const struct hz_config *config, struct hz_studies **ret)
{
	struct hz_dweb_setup setup = {.cache_bytes = (uint64_t)config->dicomweb.local_gb << 30};
	struct hz_studies *studies = calloc(1, sizeof(*studies));
	if (!studies)
		return -ENOMEM;
	studies->fd = studies->forwarding.studies = fd;
	studies->forwarding.imaging = -1;
	snprintf(studies->forward, sizeof(studies->forward), "%s", config->dicomweb.forward);
	for (unsigned i = 0; i < HZ_UPLOADS_KEPT; i++)
		studies->upload[i].result = -1;
	// huizhen-studies outlives control, too: hz_images_new().
	hz_random(&studies->next_id, sizeof(studies->next_id));
	int n = snprintf(studies->spool, sizeof(studies->spool), "%s", config->data.dir);
	int m = snprintf(setup.dir, sizeof(setup.dir), "%s/studies", config->data.dir);
	int err = n < (int)sizeof(studies->spool) && m < (int)sizeof(setup.dir) ? 0 : -ENAMETOOLONG;
	if (!err)
		err = hz_images_new(fd, config, &studies->images);
	if (err) {
		free(studies);
		return err;
	}
	hz_images_local(studies->images, &setup, on_other, studies);
	*ret = studies;
	return 0;
}

void hz_studies_free(struct hz_studies *studies)
{
	if (!studies)
		return;
	for (unsigned i = 0; i < HZ_UPLOADS_KEPT; i++)
		clear(&studies->upload[i]);
	hz_images_free(studies->images);
	free(studies);
}

int hz_studies_read(struct hz_studies *studies)
{
	return hz_images_read(studies->images);
}

void hz_studies_tick(struct hz_studies *studies, int64_t now_us)
{
	studies->now_us = now_us;
	hz_images_tick(studies->images, now_us);
	hz_forwarding_tick(&studies->forwarding);
	for (struct upload *u = studies->upload; u < studies->upload + HZ_UPLOADS_KEPT; u++) {
		if (u->res && now_us - u->began_us > HOLD_US)
			release(u);
		if (u->state == UPLOAD_READING && now_us - u->began_us > LOST_US)
			on_lost(u);
		else if (u->state != UPLOAD_FREE && u->state != UPLOAD_READING &&
		         now_us - u->began_us > HZ_UPLOAD_KEEP_US)
			clear(u);
	}
}

// --- uploads

int hz_studies_spool(struct hz_studies *studies, uint64_t bytes)
{
	struct statvfs disk;
	if (statvfs(studies->spool, &disk) < 0)
		return -503;
	if ((uint64_t)disk.f_bavail * disk.f_frsize < bytes + SPARE)
		return -507;
	int fd = open(studies->spool, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		return -503;
	// Taken now: the next one's look at the disk is to see it. A file system that cannot is as it was.
	if (fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)bytes) < 0 && errno == ENOSPC) {
		close(fd);
		return -507;
	}
	return fd;
}

static struct upload *find(struct hz_studies *studies, const char *consult, const char *owner,
                           const char *name)
{
	for (struct upload *u = studies->upload; u < studies->upload + HZ_UPLOADS_KEPT; u++) {
		if (u->state != UPLOAD_FREE && strcmp(u->consult, consult) == 0 &&
		    strcmp(u->owner, owner) == 0 && strcmp(u->name, name) == 0)
			return u;
	}
	return NULL;
}

// A free place, or that of the oldest that is over; NULL: all are being read, or this one has enough of them.
static struct upload *place(struct hz_studies *studies, const char *owner)
{
	struct upload *best = NULL;
	unsigned own = 0;
	for (struct upload *u = studies->upload; u < studies->upload + HZ_UPLOADS_KEPT; u++) {
		own += u->state == UPLOAD_READING && strcmp(u->owner, owner) == 0;
		if (u->state == UPLOAD_READING)
			continue;
		if (!best ||
		    (best->state != UPLOAD_FREE && (u->state == UPLOAD_FREE || u->began_us < best->began_us)))
			best = u;
	}
	return own < HZ_UPLOADS_EACH ? best : NULL;
}

static void later(struct hz_response *res, const char *why)
{
	hz_problem_answer(res, 503, why, NULL);
	hz_response_header(res, "Retry-After", "1");
}

static void hold(struct upload *u, struct hz_response *res)
{
	if (u->res)
		release(u); // who asked before gets how it is now
	u->res = res;
	hz_response_hold(res, on_gone, u);
}

void hz_studies_put(struct hz_studies *studies, int64_t now_us, const struct hz_upload_of *of,
                    struct hz_response *res)
{
	struct hz_local_take take = of->take;
	struct upload *u = find(studies, of->consult, of->owner, of->name);
	if (u && u->state == UPLOAD_DONE) {
		answer(u, res);
		return;
	}
	if (u && u->state == UPLOAD_READING) {
		hold(u, res);
		return;
	}
	u = u ? u : place(studies, of->owner);
	if (!u || !hz_images_ready(studies->images)) {
		later(res, u ? "files are not taken at this moment" : "too many files are being looked at");
		return;
	}
	take.id = ++studies->next_id;
	memcpy(take.forward, studies->forward, sizeof(take.forward));
	take.h =
	    (struct hz_dweb_header){.version = HZ_DWEB_VERSION, .type = HZ_LOCAL_TAKE, .bytes = sizeof(take)};
	int err = hz_seqpacket_send_fds(studies->fd, &take, sizeof(take), &of->fd, 1);
	hz_wipe(&take.name, sizeof(take.name));
	if (err) {
		later(res, "files are not taken at this moment");
		return;
	}
	clear(u);
	u->state = UPLOAD_READING;
	u->id = take.id;
	u->began_us = now_us;
	snprintf(u->consult, sizeof(u->consult), "%s", of->consult);
	snprintf(u->owner, sizeof(u->owner), "%s", of->owner);
	snprintf(u->name, sizeof(u->name), "%s", of->name);
	hold(u, res);
}

int hz_studies_take(struct hz_studies *studies, int fd, hz_studies_taken_cb *done, void *ctx, uint64_t tag)
{
	struct upload *u = place(studies, "");
	struct hz_local_take take = {
	    .h = {.version = HZ_DWEB_VERSION, .type = HZ_LOCAL_TAKE, .bytes = sizeof(take)}};
	if (!u || !hz_images_ready(studies->images))
		return u ? -EAGAIN : -ENOSPC;
	take.id = ++studies->next_id;
	memcpy(take.forward, studies->forward, sizeof(take.forward));
	int err = hz_seqpacket_send_fds(studies->fd, &take, sizeof(take), &fd, 1);
	if (err)
		return err;
	clear(u);
	u->state = UPLOAD_READING;
	u->id = take.id;
	u->began_us = studies->now_us;
	u->done = done;
	u->ctx = ctx;
	u->tag = tag;
	return 0;
}

void hz_studies_forget(struct hz_studies *studies, const void *ctx)
{
	for (struct upload *u = studies->upload; u < studies->upload + HZ_UPLOADS_KEPT; u++) {
		if (u->done && u->ctx == ctx)
			clear(u);
	}
}

void hz_studies_get(struct hz_studies *studies, const char *consult, const char *owner, const char *name,
                    struct hz_response *res)
{
	struct upload *u = find(studies, consult, owner, name);
	if (u)
		answer(u, res);
	else
		hz_problem_answer(res, 404, NULL, NULL);
}
