#include "media/pipeline/rtc_http.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "gateway/base/secret.h"

#define MAX_BODY_BYTES (256 * 1024)

struct hz_rtc_http {
	pthread_t thread;
	atomic_bool done;
	const char *method;
	char *url, *authorization, *sdp; // owned
	bool insecure;
	unsigned timeout_s;
	size_t body_bytes;
	struct hz_rtc_response response;
};

static size_t on_body(char *data, size_t size, size_t count, void *user)
{
	struct hz_rtc_http *http = user;
	size_t bytes = size * count;
	char *body;

	if (http->body_bytes + bytes > MAX_BODY_BYTES)
		return 0; // ends the transfer with an error
	body = realloc(http->response.body, http->body_bytes + bytes + 1);
	if (!body)
		return 0;
	memcpy(body + http->body_bytes, data, bytes);
	http->body_bytes += bytes;
	body[http->body_bytes] = '\0';
	http->response.body = body;
	return bytes;
}

static bool same_part(CURLU *a, CURLU *b, CURLUPart part)
{
	char *x = NULL, *y = NULL;
	bool same = curl_url_get(a, part, &x, CURLU_DEFAULT_PORT) == CURLUE_OK &&
	            curl_url_get(b, part, &y, CURLU_DEFAULT_PORT) == CURLUE_OK && strcmp(x, y) == 0;

	curl_free(x);
	curl_free(y);
	return same;
}

// Location may be relative (RFC 9725 section 4.2). The token goes to no other origin.
static char *resolve(const char *base, const char *location)
{
	CURLU *from = curl_url(), *to = curl_url();
	char *text = NULL, *out = NULL;

	if (from && to && curl_url_set(from, CURLUPART_URL, base, 0) == CURLUE_OK &&
	    curl_url_set(to, CURLUPART_URL, base, 0) == CURLUE_OK &&
	    curl_url_set(to, CURLUPART_URL, location, 0) == CURLUE_OK &&
	    same_part(from, to, CURLUPART_SCHEME) && same_part(from, to, CURLUPART_HOST) &&
	    same_part(from, to, CURLUPART_PORT) && curl_url_get(to, CURLUPART_URL, &text, 0) == CURLUE_OK)
		out = strdup(text);
	curl_free(text);
	curl_url_cleanup(from);
	curl_url_cleanup(to);
	return out;
}

static void take_result(struct hz_rtc_http *http, CURL *curl)
{
	struct curl_header *location;
	long status = 0;

	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	http->response.status = (int)status;
	if (curl_easy_header(curl, "Location", 0, CURLH_HEADER, -1, &location) == CURLHE_OK)
		http->response.location = resolve(http->url, location->value);
}

static void *run(void *user)
{
	struct hz_rtc_http *http = user;
	CURL *curl = curl_easy_init();
	struct curl_slist *headers = curl_slist_append(NULL, http->authorization);

	if (http->sdp)
		headers = curl_slist_append(headers, "Content-Type: application/sdp");
	headers = curl_slist_append(headers, "Expect:");
	if (curl && headers) {
		curl_easy_setopt(curl, CURLOPT_URL, http->url);
		curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, http->method);
		curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
		curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
		curl_easy_setopt(curl, CURLOPT_WRITEDATA, http);
		curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)http->timeout_s);
		curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
		curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
		if (http->sdp)
			curl_easy_setopt(curl, CURLOPT_POSTFIELDS, http->sdp);
		if (http->insecure) {
			curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
			curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
		}
		if (curl_easy_perform(curl) == CURLE_OK)
			take_result(http, curl);
	}
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
	atomic_store(&http->done, true);
	return NULL;
}

static void free_http(struct hz_rtc_http *http)
{
	if (http->authorization)
		hz_wipe(http->authorization, strlen(http->authorization));
	free(http->authorization);
	free(http->url);
	free(http->sdp);
	free(http);
}

struct hz_rtc_http *hz_rtc_http_start(const struct hz_rtc_request *request)
{
	struct hz_rtc_http *http = calloc(1, sizeof *http);

	if (!http)
		return NULL;
	http->method = request->method;
	http->url = strdup(request->url);
	http->sdp = request->sdp ? strdup(request->sdp) : NULL;
	http->insecure = request->insecure;
	http->timeout_s = request->timeout_s;
	if (asprintf(&http->authorization, "Authorization: Bearer %s", request->token) < 0)
		http->authorization = NULL;
	if (!http->url || !http->authorization || (request->sdp && !http->sdp) ||
	    pthread_create(&http->thread, NULL, run, http) != 0) {
		free_http(http);
		return NULL;
	}
	return http;
}

bool hz_rtc_http_done(struct hz_rtc_http *http)
{
	return atomic_load(&http->done);
}

void hz_rtc_http_finish(struct hz_rtc_http *http, struct hz_rtc_response *ret)
{
	pthread_join(http->thread, NULL);
	*ret = http->response;
	free_http(http);
}

void hz_rtc_response_done(struct hz_rtc_response *response)
{
	free(response->body);
	free(response->location);
	memset(response, 0, sizeof *response);
}
