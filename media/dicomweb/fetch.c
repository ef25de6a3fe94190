#include "media/dicomweb/fetch.h"

#include <curl/curl.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "gateway/base/log.h"
#include "media/dicomweb/handles.h"
#include "media/dicomweb/request.h"

#define SAID_BYTES    16777216 // more is not believed before it comes
#define FILE_PATIENCE 12
#define SPARE_BYTES   1048576 // of one that is over, for the next one

struct job {
	struct job *next; // oldest first
	struct hz_dweb_fetch *fetch;
	struct hz_dweb_request request;
	uint64_t waiter[HZ_DWEB_WAITERS];
	unsigned waiters, pacs;
	uint64_t id, asker;
	bool kept;         // it is here, and not given out yet
	CURL *easy;        // NULL: it waits
	unsigned settings; // of the PACS, that easy has
	struct curl_slist *headers;
	CURLU *url; // of easy; NULL: it has the text alone
	char *data;
	size_t bytes, room;
	bool too_large, no_room;  // it, or all that are under way
	char type[256];           // Content-Type, of one that is kept
	struct hz_dweb_body body; // of a store
	uint64_t sent;            // of a body with a file
};

struct hz_dweb_fetch {
	CURLM *multi;
	hz_dweb_answer_cb *cb;
	void *ctx;
	struct hz_dweb_times times;
	struct hz_dweb_pacs pacs[HZ_DWEB_PACS];
	struct hz_handles handles;
	bool fresh; // some were started and have not done anything yet
	unsigned pacs_count, active[HZ_DWEB_PACS], count;
	size_t memory;
	char *spare; // NULL: none
	size_t spare_bytes;
	uint64_t last_id;
	struct job *jobs;
};

int hz_dweb_fetch_new(const struct hz_dweb_times *times, hz_dweb_answer_cb *cb, void *ctx,
                      struct hz_dweb_fetch **ret)
{
	struct hz_dweb_fetch *f = calloc(1, sizeof(*f));
	if (!f || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || !(f->multi = curl_multi_init())) {
		free(f);
		return -ENOMEM;
	}
	f->times.connect_s = times && times->connect_s ? times->connect_s : 5;
	f->times.stall_s = times && times->stall_s ? times->stall_s : 15;
	f->times.most_s = times && times->most_s ? times->most_s : 300;
	curl_multi_setopt(f->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)HZ_DWEB_PACS * HZ_DWEB_AT_ONCE);
	f->cb = cb;
	f->ctx = ctx;
	*ret = f;
	return 0;
}

static void body_free(struct hz_dweb_body *body)
{
	if (body->has_file && body->fd >= 0)
		close(body->fd);
	free(body->data);
}

static void hang_up(struct job *job)
{
	struct hz_dweb_fetch *f = job->fetch;
	if (!job->easy)
		return;
	curl_multi_remove_handle(f->multi, job->easy);
	hz_handles_give(&f->handles, job->pacs, job->easy, job->body.data ? 0 : job->settings);
	job->easy = NULL;
	f->active[job->pacs]--;
}

// Freed and had again, each frame's would be joined with all that is free, and taken apart.
static void keep_spare(struct hz_dweb_fetch *f, struct job *job)
{
	char *worse = job->data;
	if (job->data && job->room <= SPARE_BYTES && (!f->spare || job->room > f->spare_bytes)) {
		worse = f->spare;
		f->spare = job->data;
		f->spare_bytes = job->room;
	}
	free(worse);
	job->data = NULL;
}

static void job_free(struct job *job)
{
	struct hz_dweb_fetch *f = job->fetch;
	for (struct job **at = &f->jobs; *at; at = &(*at)->next) {
		if (*at == job) {
			*at = job->next;
			f->count--;
			break;
		}
	}
	hang_up(job);
	curl_url_cleanup(job->url);
	curl_slist_free_all(job->headers);
	f->memory -= job->room;
	keep_spare(f, job);
	body_free(&job->body);
	free(job);
}

void hz_dweb_fetch_free(struct hz_dweb_fetch *f)
{
	if (!f)
		return;
	while (f->jobs)
		job_free(f->jobs);
	for (unsigned i = 0; i < HZ_DWEB_PACS; i++)
		hz_handles_forget(&f->handles, i);
	curl_multi_cleanup(f->multi);
	free(f->spare);
	explicit_bzero(f->pacs, sizeof(f->pacs));
	free(f);
}

void hz_dweb_fetch_pacs(struct hz_dweb_fetch *f, const struct hz_dweb_pacs *pacs)
{
	if (pacs->index >= HZ_DWEB_PACS || pacs->count > HZ_DWEB_PACS)
		return;
	f->pacs[pacs->index] = *pacs;
	hz_handles_forget(&f->handles, pacs->index);
	f->pacs_count = pacs->count;
}

// --- one request

// As much as is announced, at once; else twice as much each time.
static size_t room_for(const struct job *job, size_t need)
{
	curl_off_t said = -1;
	size_t room = job->room * 2 > need ? job->room * 2 : need + 65536;
	if (!job->room &&
	    curl_easy_getinfo(job->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &said) == CURLE_OK && said > 0 &&
	    said <= SAID_BYTES && (size_t)said + 1 >= need)
		room = (size_t)said + 1;
	return room > HZ_DWEB_ANSWER_BYTES + 1 ? HZ_DWEB_ANSWER_BYTES + 1 : room;
}

static char *memory_for(struct job *job, size_t *room)
{
	struct hz_dweb_fetch *f = job->fetch;
	char *spare = f->spare;
	bool fits =
	    !job->data && spare && f->spare_bytes >= *room && f->memory + f->spare_bytes <= HZ_DWEB_MEMORY;
	if (!fits)
		return realloc(job->data, *room);
	*room = f->spare_bytes;
	f->spare = NULL;
	return spare;
}

static size_t on_write(char *data, size_t size, size_t count, void *arg)
{
	struct job *job = arg;
	size_t bytes = size * count, need = job->bytes + bytes + 1;
	if (need > job->room) {
		size_t room = room_for(job, need);
		job->too_large = need > room;
		job->no_room = job->fetch->memory + room - job->room > HZ_DWEB_MEMORY;
		char *more = job->too_large || job->no_room ? NULL : memory_for(job, &room);
		if (!more) {
			job->no_room = true;
			return 0;
		}
		job->fetch->memory += room - job->room;
		job->data = more;
		job->room = room;
	}
	memcpy(job->data + job->bytes, data, bytes);
	job->bytes += bytes;
	return bytes;
}

// --- a body with a file

static uint64_t body_bytes(const struct hz_dweb_body *b)
{
	return b->has_file ? b->bytes - b->head + b->file_bytes : b->bytes;
}

// What is before the file, the file, what is behind it. A file that is shorter than it was ends the transfer.
static size_t on_read(char *to, size_t size, size_t count, void *arg)
{
	struct job *job = arg;
	const struct hz_dweb_body *b = &job->body;
	uint64_t room = size * count, before = b->tail - b->head, at = job->sent;
	ssize_t n = 0;
	if (at < before) {
		n = (ssize_t)(before - at < room ? before - at : room);
		memcpy(to, b->data + b->head + at, (size_t)n);
	} else if (at < before + b->file_bytes) {
		uint64_t left = before + b->file_bytes - at;
		n = pread(b->fd, to, left < room ? left : room, (off_t)(at - before));
		if (n <= 0)
			return CURL_READFUNC_ABORT;
	} else if (at < body_bytes(b)) {
		uint64_t left = body_bytes(b) - at;
		n = (ssize_t)(left < room ? left : room);
		memcpy(to, b->data + b->bytes - left, (size_t)n);
	}
	job->sent += (uint64_t)n;
	return (size_t)n;
}

// A connection that was kept and is gone: once more from its beginning.
static int on_seek(void *arg, curl_off_t at, int origin)
{
	struct job *job = arg;
	if (origin != SEEK_SET || at < 0 || (uint64_t)at > body_bytes(&job->body))
		return CURL_SEEKFUNC_FAIL;
	job->sent = (uint64_t)at;
	return CURL_SEEKFUNC_OK;
}

static void set_body(CURL *curl, struct job *job)
{
	curl_easy_setopt(curl, CURLOPT_POST, 1L);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body_bytes(&job->body));
	if (!job->body.has_file) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, job->body.data);
		return;
	}
	curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_read);
	curl_easy_setopt(curl, CURLOPT_READDATA, job);
	curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, on_seek);
	curl_easy_setopt(curl, CURLOPT_SEEKDATA, job);
	// What it does with half a gigabyte before it says a word takes longer than a frame does.
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)job->fetch->times.stall_s * FILE_PATIENCE);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)job->fetch->times.most_s * FILE_PATIENCE);
}

static bool add_header(struct curl_slist **list, const char *name, const char *value)
{
	char line[HZ_DWEB_TEXT_BYTES + 64];
	snprintf(line, sizeof(line), "%s: %s", name, value);
	struct curl_slist *more = curl_slist_append(*list, line);
	explicit_bzero(line, sizeof(line));
	if (more)
		*list = more;
	return more != NULL;
}

static bool add_bearer(struct curl_slist **list, const char *token)
{
	char value[HZ_DWEB_TEXT_BYTES + 8];
	snprintf(value, sizeof(value), "Bearer %s", token);
	bool added = add_header(list, "Authorization", value);
	explicit_bzero(value, sizeof(value));
	return added;
}

static bool start(struct job *job)
{
	struct hz_dweb_fetch *f = job->fetch;
	const struct hz_dweb_pacs *pacs = &f->pacs[job->pacs];
	char path[HZ_DWEB_PATH_BYTES], url[HZ_DWEB_URL_BYTES + HZ_DWEB_PATH_BYTES];
	if (strcmp(pacs->name, job->request.pacs) != 0)
		return false; // it waited while another control named others: not to them
	CURL *curl = hz_handles_take(&f->handles, job->pacs, pacs, &f->times);
	hz_dweb_request_path(&job->request, path);
	snprintf(url, sizeof(url), "%s%s", pacs->url, path);
	if (!curl || !add_header(&job->headers, "Accept", hz_dweb_request_accept(&job->request)) ||
	    (job->body.data && (!add_header(&job->headers, "Content-Type", job->body.type) ||
	                        !add_header(&job->headers, "Expect", ""))) ||
	    (pacs->token[0] && !add_bearer(&job->headers, pacs->token))) {
		curl_easy_cleanup(curl);
		return false;
	}
	job->url = hz_handles_url(&f->handles, job->pacs, pacs, path);
	curl_easy_setopt(curl, CURLOPT_URL, url); // both say the same: whichever it looks at
	curl_easy_setopt(curl, CURLOPT_CURLU, job->url);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, job->headers);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_write);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, job);
	curl_easy_setopt(curl, CURLOPT_PRIVATE, job);
	if (job->body.data)
		set_body(curl, job);
	if (curl_multi_add_handle(f->multi, curl) != CURLM_OK) {
		curl_easy_cleanup(curl);
		return false;
	}
	job->easy = curl;
	job->settings = f->handles.settings[job->pacs];
	f->active[job->pacs]++;
	f->fresh = true;
	return true;
}

// A frame in no envelope that does not say how long it is: the half of it would look like the whole, and be kept.
static bool endless(const struct job *job)
{
	char *type = NULL;
	curl_off_t bytes = -1;
	curl_easy_getinfo(job->easy, CURLINFO_CONTENT_TYPE, &type);
	curl_easy_getinfo(job->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &bytes);
	return (job->request.kind == HZ_DWEB_FRAME || hz_dweb_request_object(&job->request)) && bytes < 0 &&
	       !(type && strncasecmp(type, "multipart/", 10) == 0);
}

static enum hz_dweb_result result_of(const struct job *job, CURLcode code)
{
	long status = 0;
	curl_easy_getinfo(job->easy, CURLINFO_RESPONSE_CODE, &status);
	if (job->too_large || code == CURLE_FILESIZE_EXCEEDED)
		return HZ_DWEB_TOO_LARGE;
	if (job->no_room)
		return HZ_DWEB_FULL; // now: nothing is wrong with it
	if (code == CURLE_OPERATION_TIMEDOUT)
		return HZ_DWEB_SLOW;
	if (code == CURLE_PARTIAL_FILE || (code == CURLE_RECV_ERROR && status == 200))
		return HZ_DWEB_BROKEN;
	if (code != CURLE_OK)
		return HZ_DWEB_AWAY;
	switch (status) {
	case 202: // PS3.18 10.5.3: all are there, with warnings, or not all: the answer names them
		return job->request.kind == HZ_DWEB_STORE && job->bytes &&
		               (job->data[0] == '{' || job->data[0] == '[')
		           ? HZ_DWEB_OK
		           : HZ_DWEB_FAILED;
	case 200:
		return endless(job) ? HZ_DWEB_BROKEN : HZ_DWEB_OK;
	case 401:
	case 403:
		return HZ_DWEB_REFUSED;
	case 204:
	case 404:
	case 410:
		return HZ_DWEB_MISSING;
	case 400:
	case 409: // PS3.18 10.5.3: of an object alone, it is that one
	case 413:
	case 415:
	case 422:
		return job->request.kind == HZ_DWEB_STORE ? HZ_DWEB_DECLINED : HZ_DWEB_FAILED;
	default:
		return HZ_DWEB_FAILED;
	}
}

static struct hz_dweb_answer answer_of(const struct job *job, enum hz_dweb_result result, const char *type)
{
	return (struct hz_dweb_answer){.id = job->id,
	                               .result = result,
	                               .data = job->data ? job->data : "",
	                               .bytes = job->bytes,
	                               .type = type,
	                               .request = &job->request,
	                               .waiter = job->waiter,
	                               .waiters = job->waiters};
}

static void finish(struct job *job, enum hz_dweb_result result)
{
	char *type = NULL;
	if (job->easy)
		curl_easy_getinfo(job->easy, CURLINFO_CONTENT_TYPE, &type);
	snprintf(job->type, sizeof(job->type), "%s", type ? type : "");
	const struct hz_dweb_answer answer = answer_of(job, result, job->type);
	job->kept = job->fetch->cb(job->fetch->ctx, &answer);
	if (!job->kept)
		job_free(job);
	else
		hang_up(job); // the connection is for the next one
}

static struct job *find_kept(struct hz_dweb_fetch *f, uint64_t id)
{
	struct job *job = f->jobs;
	while (job && (job->id != id || !job->kept))
		job = job->next;
	return job;
}

bool hz_dweb_fetch_kept(struct hz_dweb_fetch *f, uint64_t id, struct hz_dweb_answer *ret)
{
	const struct job *job = find_kept(f, id);
	if (job)
		*ret = answer_of(job, HZ_DWEB_OK, job->type);
	return job != NULL;
}

void hz_dweb_fetch_over(struct hz_dweb_fetch *f, uint64_t id)
{
	struct job *job = find_kept(f, id);
	if (job)
		job_free(job);
}

// --- the queue

static int find_pacs(const struct hz_dweb_fetch *f, const char *name)
{
	for (unsigned i = 0; i < f->pacs_count; i++) {
		if (strcmp(f->pacs[i].name, name) == 0)
			return (int)i;
	}
	return -ENOENT;
}

static bool same(const struct hz_dweb_request *a, const struct hz_dweb_request *b)
{
	return a->kind != HZ_DWEB_STORE && a->kind == b->kind && a->frame == b->frame &&
	       strcmp(a->pacs, b->pacs) == 0 && strcmp(a->study, b->study) == 0 &&
	       strcmp(a->series, b->series) == 0 && strcmp(a->instance, b->instance) == 0 &&
	       strcmp(a->query, b->query) == 0 && memcmp(&a->pixels, &b->pixels, sizeof(a->pixels)) == 0;
}

static struct job *job_new(struct hz_dweb_fetch *f, unsigned pacs, uint64_t id, uint64_t asker,
                           const struct hz_dweb_request *request)
{
	struct job *job = f->count < HZ_DWEB_JOBS ? calloc(1, sizeof(*job)) : NULL;
	if (!job)
		return NULL;
	job->fetch = f;
	job->id = ++f->last_id;
	job->asker = asker;
	job->request = *request;
	job->pacs = pacs;
	job->waiter[job->waiters++] = id;
	f->count++;
	return job;
}

enum hz_dweb_result hz_dweb_fetch_ask(struct hz_dweb_fetch *f, uint64_t id, uint64_t asker,
                                      const struct hz_dweb_request *request)
{
	int pacs = find_pacs(f, request->pacs);
	struct job **at = &f->jobs;
	if (pacs < 0)
		return HZ_DWEB_UNKNOWN;
	for (; *at; at = &(*at)->next) {
		struct job *job = *at;
		if (!same(&job->request, request))
			continue;
		for (unsigned i = 0; i < job->waiters; i++) {
			if (job->waiter[i] == id)
				return HZ_DWEB_OK; // said again
		}
		// Who gave up waiting is among them still: a slow transfer is asked for again and again, and stays one.
		if (job->waiters == HZ_DWEB_WAITERS)
			memmove(job->waiter, job->waiter + 1, --job->waiters * sizeof(job->waiter[0]));
		job->waiter[job->waiters++] = id;
		return HZ_DWEB_OK;
	}
	*at = job_new(f, (unsigned)pacs, id, asker, request);
	return *at ? HZ_DWEB_OK : HZ_DWEB_FULL;
}

enum hz_dweb_result hz_dweb_fetch_store(struct hz_dweb_fetch *f, uint64_t id, const char *name,
                                        const char *study, struct hz_dweb_body *body)
{
	struct hz_dweb_request request = {.kind = HZ_DWEB_STORE};
	struct job **at = &f->jobs;
	int pacs = find_pacs(f, name);
	snprintf(request.pacs, sizeof(request.pacs), "%s", name);
	snprintf(request.study, sizeof(request.study), "%s", study);
	while (*at)
		at = &(*at)->next;
	if (pacs >= 0)
		*at = job_new(f, (unsigned)pacs, id, id, &request);
	if (!*at) {
		body_free(body);
		return pacs < 0 ? HZ_DWEB_UNKNOWN : HZ_DWEB_FULL;
	}
	(*at)->body = *body;
	return HZ_DWEB_OK;
}

void hz_dweb_fetch_cancel(struct hz_dweb_fetch *f, uint64_t id)
{
	for (struct job *job = f->jobs, *next; job; job = next) {
		next = job->next;
		for (unsigned i = 0; i < job->waiters; i++) {
			if (job->waiter[i] == id)
				job->waiter[i] = job->waiter[--job->waiters];
		}
		if (!job->waiters && !job->kept) // what is here already is worth keeping
			job_free(job);
	}
}

// How many of its asker's are under way at this PACS.
static unsigned share_of(const struct hz_dweb_fetch *f, const struct job *of)
{
	unsigned count = 0;
	for (const struct job *job = f->jobs; job; job = job->next)
		count += job->easy && job->asker == of->asker && job->pacs == of->pacs;
	return count;
}

// The one to start at this PACS: of who has least under way, and there the oldest.
static struct job *next_of(const struct hz_dweb_fetch *f, unsigned pacs)
{
	struct job *best = NULL;
	unsigned least = UINT_MAX;
	for (struct job *job = f->jobs; job && least; job = job->next) {
		unsigned share = !job->easy && !job->kept && job->pacs == pacs ? share_of(f, job) : least;
		if (share < least) {
			least = share;
			best = job;
		}
	}
	return best;
}

static void start_some(struct hz_dweb_fetch *f)
{
	for (unsigned pacs = 0; pacs < HZ_DWEB_PACS; pacs++) {
		struct job *job;
		while (f->active[pacs] < HZ_DWEB_AT_ONCE && (job = next_of(f, pacs))) {
			if (!start(job)) { // no memory: the others with the next turn
				finish(job, HZ_DWEB_FULL);
				return;
			}
		}
	}
}

// Answers what is over. Was there any?
static bool finish_some(struct hz_dweb_fetch *f)
{
	CURLMsg *msg;
	int left;
	bool some = false;
	while ((msg = curl_multi_info_read(f->multi, &left))) {
		char *private = NULL;
		if (msg->msg != CURLMSG_DONE)
			continue;
		CURLcode code = msg->data.result;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &private);
		struct job *job = (void *)private;
		finish(job, result_of(job, code));
		some = true;
	}
	return some;
}

int hz_dweb_fetch_wait(struct hz_dweb_fetch *f, const int *fds, unsigned count, int timeout_ms, unsigned *ret)
{
	struct curl_waitfd extra[HZ_DWEB_FDS];
	unsigned used = 0, place[HZ_DWEB_FDS];
	int running;
	for (unsigned i = 0; i < count && used < HZ_DWEB_FDS; i++) {
		if (fds[i] < 0)
			continue;
		place[used] = i;
		extra[used++] = (struct curl_waitfd){.fd = fds[i], .events = CURL_WAIT_POLLIN};
	}
	start_some(f);
	if (f->fresh) { // what is new does not wait: its time is now
		f->fresh = false;
		if (curl_multi_perform(f->multi, &running) != CURLM_OK)
			return -EIO;
		if (finish_some(f))
			timeout_ms = 0;
	}
	if (curl_multi_poll(f->multi, extra, used, timeout_ms, NULL) != CURLM_OK ||
	    curl_multi_perform(f->multi, &running) != CURLM_OK)
		return -EIO;
	finish_some(f); // others begin with the next turn
	*ret = 0;
	for (unsigned i = 0; i < used; i++)
		*ret |= extra[i].revents ? 1u << place[i] : 0;
	return 0;
}

unsigned hz_dweb_fetch_waiting(const struct hz_dweb_fetch *f)
{
	return f->count;
}
