// PACS and EMR: asked as deliveries would, without storing anything; what waits for them; the retention.
#include <curl/curl.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gateway/cli.h"
#include "gateway/doctor.h"

#define TIMEOUT_S   5L
#define MEDIA_DAYS  1096 // what the law wants at least in China: media 3 years, medical records 15
#define RECORD_DAYS 5479

static size_t discard(char *data, size_t size, size_t count, void *arg)
{
	return size * count;
}

// The status of a GET; 0: no answer, and why.
static long get(const struct hz_doctor_ask *a, const char **ret_why)
{
	char line[2048];
	long status = 0;
	CURL *curl = curl_easy_init();
	struct curl_slist *headers = NULL;
	CURLcode code = CURLE_OUT_OF_MEMORY;
	snprintf(line, sizeof(line), "Accept: %s", a->accept);
	headers = curl_slist_append(headers, line);
	snprintf(line, sizeof(line), "Authorization: Bearer %s", a->token);
	if (*a->token)
		headers = curl_slist_append(headers, line);
	if (curl && headers) {
		curl_easy_setopt(curl, CURLOPT_URL, a->url);
		curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
		curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
		curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
		curl_easy_setopt(curl, CURLOPT_TIMEOUT, TIMEOUT_S);
		curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, discard);
		if (*a->user) {
			curl_easy_setopt(curl, CURLOPT_USERNAME, a->user);
			curl_easy_setopt(curl, CURLOPT_PASSWORD, a->password);
		}
		if (*a->ca)
			curl_easy_setopt(curl, CURLOPT_CAINFO, a->ca);
		if (*a->certificate) {
			curl_easy_setopt(curl, CURLOPT_SSLCERT, a->certificate);
			curl_easy_setopt(curl, CURLOPT_SSLKEY, a->key);
		}
		code = curl_easy_perform(curl);
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	}
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
	*ret_why = curl_easy_strerror(code);
	return code == CURLE_OK ? status : 0;
}

void hz_doctor_ask(struct hz_doctor *d, const struct hz_doctor_ask *a)
{
	const char *why = "";
	long status = get(a, &why);
	if (!status)
		hz_doctor_add(d, a->name, HZ_VERDICT_FAIL,
		              "correct its URL, start it, open the way; what is for it waits until then",
		              "does not answer: %.120s", why);
	else if (status == 401 || status == 403)
		hz_doctor_add(d, a->name, HZ_VERDICT_FAIL, "correct the credentials",
		              "refuses those in %s (%ld)", a->keys, status);
	else if (status >= 300)
		hz_doctor_add(d, a->name, HZ_VERDICT_WARN, "see whether the URL is the root of its service",
		              "answers with %ld", status);
	else
		hz_doctor_add(d, a->name, HZ_VERDICT_OK, NULL, "answers");
}

static void check_pacs(struct hz_doctor *d)
{
	char url[PATH_MAX];
	const struct hz_config *c = d->config;
	if (!*c->archive.pacs_url) {
		hz_doctor_add(d, "pacs", HZ_VERDICT_OFF, NULL, "not configured");
		return;
	}
	snprintf(url, sizeof(url), "%s/studies?limit=1", c->archive.pacs_url);
	const struct hz_doctor_ask a = {"pacs",
	                                url,
	                                "application/dicom+json",
	                                c->archive.pacs_user,
	                                c->archive.pacs_password,
	                                c->archive.pacs_token,
	                                c->archive.pacs_ca,
	                                c->archive.pacs_certificate,
	                                c->archive.pacs_key,
	                                "record.*"};
	hz_doctor_ask(d, &a);
}

static void check_emr(struct hz_doctor *d)
{
	char url[PATH_MAX];
	const struct hz_config *c = d->config;
	if (!*c->archive.emr_url) {
		hz_doctor_add(d, "emr", HZ_VERDICT_OFF, NULL, "not configured");
		return;
	}
	snprintf(url, sizeof(url), "%s/metadata",
	         c->archive.emr_url); // open to all (FHIR R4 http.html#capabilities)
	const struct hz_doctor_ask a = {"emr",
	                                url,
	                                "application/fhir+json",
	                                c->archive.emr_user,
	                                c->archive.emr_password,
	                                c->archive.emr_token,
	                                c->archive.emr_ca,
	                                c->archive.emr_certificate,
	                                c->archive.emr_key,
	                                "record.*"};
	hz_doctor_ask(d, &a);
}

static void check_outbox(struct hz_doctor *d)
{
	static const char *const names[] = {"pacs", "emr"};
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/outbox.json", d->config->record.dir);
	json_t *all = json_load_file(path, 0, NULL);
	long long failed = json_integer_value(json_object_get(all, "not_composed"));
	if (failed)
		hz_doctor_add(d, "composing", HZ_VERDICT_WARN,
		              "see huizhen record list; when it is mended: huizhen retry",
		              "%lld records have no composed picture", failed);
	for (unsigned i = 0; all && i < 2; i++) {
		const json_t *one = json_object_get(all, names[i]);
		long long parked = json_integer_value(json_object_get(one, "parked"));
		long long waiting = json_integer_value(json_object_get(one, "waiting"));
		if (parked)
			hz_doctor_add(d, "outbox", HZ_VERDICT_WARN,
			              "see huizhen record list; when it is mended: huizhen retry",
			              "the %s refused %lld", names[i], parked);
		else if (json_is_true(json_object_get(one, "configured")))
			hz_doctor_add(d, "outbox", HZ_VERDICT_OK, NULL, "%lld wait for the %s", waiting,
			              names[i]);
	}
	json_decref(all);
}

static void check_composer(struct hz_doctor *d)
{
	char path[PATH_MAX];
	hz_cli_composer(path);
	if (!d->config->record.compose)
		hz_doctor_add(d, "composer", HZ_VERDICT_OFF, NULL, "record.compose is false");
	else if (access(path, X_OK) < 0)
		hz_doctor_add(d, "composer", HZ_VERDICT_WARN,
		              "install it beside huizhen, or set record.compose: false", "no %.200s", path);
	else
		hz_doctor_add(d, "composer", HZ_VERDICT_OK, NULL, "%.200s", path);
}

void hz_doctor_archive(struct hz_doctor *d)
{
	const struct hz_config *c = d->config;
	if (c->record.enabled)
		check_composer(d);
	check_pacs(d);
	check_emr(d);
	check_outbox(d);
	if ((c->archive.media_days && c->archive.media_days < MEDIA_DAYS) ||
	    (c->archive.days && c->archive.days < RECORD_DAYS))
		hz_doctor_add(d, "retention", HZ_VERDICT_WARN,
		              "in China media are kept for 1096 days at least, records for 5479",
		              "media %u days, records %u", c->archive.media_days, c->archive.days);
}
