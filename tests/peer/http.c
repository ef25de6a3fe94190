#include "tests/peer/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct hz_http {
	CURL *curl;
	char base[256];
};

struct sink {
	struct hz_http_answer *answer;
	size_t used;
};

int hz_http_new(const char *base_url, struct hz_http **ret)
{
	struct hz_http *http = calloc(1, sizeof(*http));
	if (!http)
		return -ENOMEM;
	http->curl = curl_easy_init();
	if (!http->curl) {
		free(http);
		return -ENOMEM;
	}
	snprintf(http->base, sizeof(http->base), "%s", base_url);
	*ret = http;
	return 0;
}

void hz_http_free(struct hz_http *http)
{
	if (!http)
		return;
	curl_easy_cleanup(http->curl);
	free(http);
}

static size_t on_body(char *data, size_t size, size_t count, void *user)
{
	struct sink *sink = user;
	size_t bytes = size * count;
	if (sink->answer && sink->used + bytes < HZ_HTTP_BODY_BYTES) {
		memcpy(sink->answer->body + sink->used, data, bytes);
		sink->used += bytes;
		sink->answer->body[sink->used] = '\0';
	}
	return bytes;
}

static size_t on_header(char *data, size_t size, size_t count, void *user)
{
	struct sink *sink = user;
	size_t bytes = size * count;
	static const char name[] = "location:";
	if (sink->answer && bytes > sizeof(name) && strncasecmp(data, name, sizeof(name) - 1) == 0) {
		size_t at = sizeof(name) - 1;
		while (at < bytes && data[at] == ' ')
			at++;
		size_t n = 0;
		while (at + n < bytes && data[at + n] != '\r' && data[at + n] != '\n' &&
		       n + 1 < sizeof(sink->answer->location))
			n++;
		memcpy(sink->answer->location, data + at, n);
		sink->answer->location[n] = '\0';
	}
	return bytes;
}

static int request(struct hz_http *http, const char *path, const char *token, const char *sdp,
                   struct hz_http_answer *answer)
{
	char url[1024], authorization[2048];
	struct sink sink = {.answer = answer};
	struct curl_slist *headers = NULL;
	if (strncmp(path, "http", 4) == 0)
		snprintf(url, sizeof(url), "%s", path);
	else
		snprintf(url, sizeof(url), "%s%s", http->base, path);
	snprintf(authorization, sizeof(authorization), "Authorization: Bearer %s", token);
	headers = curl_slist_append(headers, authorization);
	curl_easy_reset(http->curl);
	curl_easy_setopt(http->curl, CURLOPT_URL, url);
	curl_easy_setopt(http->curl, CURLOPT_TIMEOUT_MS, 5000L);
	curl_easy_setopt(http->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(http->curl, CURLOPT_SSL_VERIFYPEER, 0L); // a test certificate
	curl_easy_setopt(http->curl, CURLOPT_SSL_VERIFYHOST, 0L);
	curl_easy_setopt(http->curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(http->curl, CURLOPT_WRITEDATA, &sink);
	curl_easy_setopt(http->curl, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(http->curl, CURLOPT_HEADERDATA, &sink);
	if (sdp) {
		headers = curl_slist_append(headers, "Content-Type: application/sdp");
		headers = curl_slist_append(headers, "Expect:");
		curl_easy_setopt(http->curl, CURLOPT_POSTFIELDS, sdp);
	} else {
		curl_easy_setopt(http->curl, CURLOPT_CUSTOMREQUEST, "DELETE");
	}
	curl_easy_setopt(http->curl, CURLOPT_HTTPHEADER, headers);
	CURLcode code = curl_easy_perform(http->curl);
	if (answer)
		curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, &answer->status);
	curl_slist_free_all(headers);
	return code == CURLE_OK ? 0 : -EIO;
}

int hz_http_post_sdp(struct hz_http *http, const char *path, const char *token, const char *sdp,
                     struct hz_http_answer *ret)
{
	memset(ret, 0, sizeof(*ret));
	return request(http, path, token, sdp, ret);
}

int hz_http_delete(struct hz_http *http, const char *location, const char *token)
{
	return request(http, location, token, NULL, NULL);
}
