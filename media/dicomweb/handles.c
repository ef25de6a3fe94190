#include "media/dicomweb/handles.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "media/dicomweb/request.h"

#define READ_BYTES 102400L // at a time

static void set_identity(CURL *curl, const struct hz_dweb_pacs *pacs)
{
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
	if (pacs->ca[0])
		curl_easy_setopt(curl, CURLOPT_CAINFO, pacs->ca);
	if (pacs->certificate[0])
		curl_easy_setopt(curl, CURLOPT_SSLCERT, pacs->certificate);
	if (pacs->key[0])
		curl_easy_setopt(curl, CURLOPT_SSLKEY, pacs->key);
	if (!pacs->user[0])
		return;
	curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
	curl_easy_setopt(curl, CURLOPT_USERNAME, pacs->user);
	curl_easy_setopt(curl, CURLOPT_PASSWORD, pacs->password);
}

CURL *hz_handles_take(struct hz_handles *h, unsigned index, const struct hz_dweb_pacs *pacs,
                      const struct hz_dweb_times *times)
{
	CURL *curl = NULL;
	for (unsigned i = 0; i < HZ_HANDLES_IDLE && !curl; i++) {
		curl = h->idle[index][i];
		h->idle[index][i] = NULL;
	}
	if (curl || !(curl = curl_easy_init()))
		return curl;
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*"); // nor is the environment asked with each request
	curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, READ_BYTES);
	curl_easy_setopt(curl, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)HZ_DWEB_ANSWER_BYTES);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)times->connect_s);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)times->stall_s);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)times->most_s);
	set_identity(curl, pacs);
	return curl;
}

void hz_handles_give(struct hz_handles *h, unsigned index, CURL *curl, unsigned settings)
{
	for (unsigned i = 0; i < HZ_HANDLES_IDLE && settings == h->settings[index]; i++) {
		if (h->idle[index][i])
			continue;
		curl_easy_setopt(curl, CURLOPT_HTTPHEADER, NULL); // its memory is not ours
		curl_easy_setopt(curl, CURLOPT_WRITEDATA, NULL);
		curl_easy_setopt(curl, CURLOPT_PRIVATE, NULL);
		curl_easy_setopt(curl, CURLOPT_CURLU, NULL);
		h->idle[index][i] = curl;
		return;
	}
	curl_easy_cleanup(curl);
}

void hz_handles_forget(struct hz_handles *h, unsigned index)
{
	for (unsigned i = 0; i < HZ_HANDLES_IDLE; i++) {
		curl_easy_cleanup(h->idle[index][i]); // NULL allowed
		h->idle[index][i] = NULL;
	}
	curl_url_cleanup(h->base[index]); // NULL allowed
	h->base[index] = NULL;
	h->settings[index]++;
}

// What needs no second look: nothing in it is written in another way, or means more than it says.
static bool plain(const char *path)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_./";
	return path[strspn(path, allowed)] == '\0' && !strstr(path, "/.") && !strstr(path, "//");
}

CURLU *hz_handles_url(struct hz_handles *h, unsigned index, const struct hz_dweb_pacs *pacs, const char *path)
{
	char all[HZ_DWEB_URL_BYTES + HZ_DWEB_PATH_BYTES];
	const char *host = strstr(pacs->url, "://"), *own = host ? strchr(host + 3, '/') : NULL;
	int n = snprintf(all, sizeof(all), "%s%s", own ? own : "", path);
	if (!host || n >= (int)sizeof(all) || !plain(all))
		return NULL;
	if (!h->base[index] && (h->base[index] = curl_url()) &&
	    curl_url_set(h->base[index], CURLUPART_URL, pacs->url, 0) != CURLUE_OK) {
		curl_url_cleanup(h->base[index]);
		h->base[index] = NULL;
	}
	CURLU *url = h->base[index] ? curl_url_dup(h->base[index]) : NULL;
	if (url && curl_url_set(url, CURLUPART_PATH, all, 0) != CURLUE_OK) {
		curl_url_cleanup(url);
		url = NULL;
	}
	return url;
}
