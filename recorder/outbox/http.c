#include "recorder/outbox/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SLOWEST_BYTES 16384 // a second, on the whole; what is slower is given up

struct transfer {
	const struct hz_http_post *post;
	const struct hz_http_target *target;
	size_t head_at, tail_at;
	uint64_t file_at;
	int fd, err;
	char *body;
	size_t bytes;
};

int hz_http_init(void)
{
	return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? 0 : -ENOMEM;
}

static size_t take(const char *text, size_t *at, char *to, size_t room)
{
	size_t left = strlen(text) - *at, n = left < room ? left : room;
	memcpy(to, text + *at, n);
	*at += n;
	return n;
}

static size_t on_read(char *to, size_t size, size_t count, void *arg)
{
	struct transfer *t = arg;
	size_t room = size * count, n = take(t->post->head, &t->head_at, to, room);
	if (n)
		return n;
	uint64_t left = t->fd >= 0 ? t->post->file_bytes - t->file_at : 0;
	if (left) {
		ssize_t got = pread(t->fd, to, left < room ? (size_t)left : room, (off_t)t->file_at);
		if (got <= 0) {
			t->err = got < 0 ? -errno : -ENODATA;
			return CURL_READFUNC_ABORT;
		}
		t->file_at += (uint64_t)got;
		return (size_t)got;
	}
	return take(t->post->tail, &t->tail_at, to, room);
}

static int on_seek(void *arg, curl_off_t offset, int origin)
{
	struct transfer *t = arg;
	if (offset != 0 || origin != SEEK_SET)
		return CURL_SEEKFUNC_CANTSEEK;
	t->head_at = t->tail_at = 0;
	t->file_at = 0;
	return CURL_SEEKFUNC_OK;
}

static size_t on_write(char *data, size_t size, size_t count, void *arg)
{
	struct transfer *t = arg;
	size_t bytes = size * count;
	if (bytes > HZ_HTTP_ANSWER_BYTES - t->bytes) {
		t->err = -EMSGSIZE;
		return 0;
	}
	char *body = realloc(t->body, t->bytes + bytes + 1);
	if (!body) {
		t->err = -ENOMEM;
		return 0;
	}
	memcpy(body + t->bytes, data, bytes);
	t->body = body;
	t->bytes += bytes;
	body[t->bytes] = '\0';
	return bytes;
}

static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	const struct transfer *t = arg;
	return t->target->stop && atomic_load(t->target->stop) ? 1 : 0;
}

static bool given(const char *text)
{
	return text && *text;
}

static struct curl_slist *headers_of(const struct hz_http_target *target, const struct hz_http_post *post)
{
	char line[4096];
	struct curl_slist *list = curl_slist_append(NULL, "Expect:"), *more = NULL;
	const char *const names[] = {"Content-Type", "Accept"}, *const values[] = {post->content_type,
	                                                                           post->accept};
	for (size_t i = 0; list && i < 2; i++) {
		snprintf(line, sizeof(line), "%s: %s", names[i], values[i]);
		more = curl_slist_append(list, line);
		if (!more)
			curl_slist_free_all(list);
		list = more;
	}
	if (list && given(target->token)) {
		snprintf(line, sizeof(line), "Authorization: Bearer %s", target->token);
		more = curl_slist_append(list, line);
		if (!more)
			curl_slist_free_all(list);
		list = more;
		explicit_bzero(line, sizeof(line));
	}
	return list;
}

static void set_tls(CURL *curl, const struct hz_http_target *target)
{
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
	if (given(target->ca_file))
		curl_easy_setopt(curl, CURLOPT_CAINFO, target->ca_file);
	if (given(target->certificate))
		curl_easy_setopt(curl, CURLOPT_SSLCERT, target->certificate);
	if (given(target->key))
		curl_easy_setopt(curl, CURLOPT_SSLKEY, target->key);
}

static void set_all(CURL *curl, struct transfer *t, struct curl_slist *headers)
{
	const struct hz_http_target *target = t->target;
	uint64_t bytes =
	    strlen(t->post->head) + strlen(t->post->tail) + (t->fd >= 0 ? t->post->file_bytes : 0);
	unsigned stall_s = target->stall_s ? target->stall_s : 120;
	curl_easy_setopt(curl, CURLOPT_URL, t->post->url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_POST, 1L);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)bytes);
	curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_read);
	curl_easy_setopt(curl, CURLOPT_READDATA, t);
	curl_easy_setopt(curl, CURLOPT_SEEKFUNCTION, on_seek);
	curl_easy_setopt(curl, CURLOPT_SEEKDATA, t);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_write);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, t);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, 1024L * 1024);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)(target->connect_s ? target->connect_s : 10));
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L); // nothing in either direction
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)stall_s);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT,
	                 (long)(5u * stall_s + bytes / SLOWEST_BYTES)); // else one byte a second does
	if (given(target->user)) {
		curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
		curl_easy_setopt(curl, CURLOPT_USERNAME, target->user);
		curl_easy_setopt(curl, CURLOPT_PASSWORD, target->password ? target->password : "");
	}
	set_tls(curl, target);
}

static int error_of(const struct transfer *t, CURLcode code)
{
	if (t->err)
		return t->err;
	switch (code) {
	case CURLE_OK:
		return 0;
	case CURLE_ABORTED_BY_CALLBACK:
		return -ECANCELED;
	case CURLE_OUT_OF_MEMORY:
		return -ENOMEM;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
		return -EPROTO;
	default:
		return -EHOSTUNREACH;
	}
}

int hz_http_post(const struct hz_http_target *target, const struct hz_http_post *post,
                 struct hz_http_answer *ret)
{
	struct transfer t = {.post = post, .target = target, .fd = -1};
	long status = 0;
	ret->why[0] = '\0';
	if (post->file && (t.fd = open(post->file, O_RDONLY | O_CLOEXEC)) < 0) {
		int err = -errno;
		snprintf(ret->why, sizeof(ret->why), "the file cannot be read");
		return err;
	}
	CURL *curl = curl_easy_init();
	struct curl_slist *headers = curl ? headers_of(target, post) : NULL;
	CURLcode code = CURLE_OUT_OF_MEMORY;
	if (headers) {
		set_all(curl, &t, headers);
		code = curl_easy_perform(curl);
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	}
	// A server may answer (413, 401) and close before it has read everything.
	int err = code == CURLE_SEND_ERROR && status >= 400 ? 0 : error_of(&t, code);
	if (err)
		snprintf(ret->why, sizeof(ret->why), "%s",
		         t.err == -EMSGSIZE ? "the answer is too long" : curl_easy_strerror(code));
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
	if (t.fd >= 0)
		close(t.fd);
	if (!err && !t.body && !(t.body = calloc(1, 1)))
		err = -ENOMEM;
	if (err) {
		free(t.body);
		return err;
	}
	ret->status = status;
	ret->body = t.body;
	ret->bytes = t.bytes;
	return 0;
}
