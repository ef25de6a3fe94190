#include "recorder/outbox/stow.h"

#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/secret.h"

// The first value of an attribute in DICOM JSON (PS3.18 annex F).
static const json_t *first(const json_t *object, const char *tag)
{
	return json_array_get(json_object_get(json_object_get(object, tag), "Value"), 0);
}

// The item of a sequence that names the instance; an item that names none counts when it is alone.
static const json_t *item_of(const json_t *object, const char *tag, const char *instance)
{
	const json_t *items = json_object_get(json_object_get(object, tag), "Value"), *one;
	size_t i;
	json_array_foreach(items, i, one)
	{
		const char *uid = json_string_value(first(one, "00081155"));
		if (uid ? strcmp(uid, instance) == 0 : json_array_size(items) == 1)
			return one;
	}
	return NULL;
}

// Numbers come as such or, from some, as text.
static long reason_of(const json_t *item, const char *tag)
{
	const json_t *value = first(item, tag);
	return json_is_integer(value)  ? (long)json_integer_value(value)
	       : json_is_string(value) ? strtol(json_string_value(value), NULL, 10)
	                               : 0;
}

// PS3.4 annex B.2.3 and PS3.7 annex C: 0111 is a duplicate, A7xx and 0110 are lack of resources and failures in processing.
static enum hz_outcome failed(long reason, struct hz_outcome_text *ret)
{
	if (reason == 0x0111)
		return hz_outcome_say(HZ_STORED, ret, "was there already");
	if ((reason & 0xff00) == 0xa700 || reason == 0x0110 || reason == 0x0213)
		return hz_outcome_say(HZ_LATER, ret, "the PACS cannot take it now (failure reason %04lX)",
		                      (unsigned long)reason & 0xffff);
	return hz_outcome_say(HZ_REFUSED, ret, "the PACS refuses it (failure reason %04lX)",
	                      (unsigned long)reason & 0xffff);
}

static enum hz_outcome of_status(long status, struct hz_outcome_text *ret)
{
	if (status == 401 || status == 407)
		return hz_outcome_say(HZ_AWAY, ret, "the PACS refuses our credentials (%ld)", status);
	if (status == 408 || status == 429 || status == 502 || status == 503 || status == 504)
		return hz_outcome_say(HZ_AWAY, ret, "the PACS is not able now (%ld)", status);
	if (status >= 500)
		return hz_outcome_say(HZ_LATER, ret, "the PACS fails (%ld)", status);
	if (status >= 400)
		return hz_outcome_say(HZ_REFUSED, ret, "the PACS refuses it (%ld)", status);
	return hz_outcome_say(HZ_REFUSED, ret, "what answers is no STOW-RS service (%ld)", status);
}

enum hz_outcome hz_stow_answer(long status, const char *body, size_t bytes, const char *instance,
                               struct hz_outcome_text *ret)
{
	ret->why[0] = '\0';
	bool reads = status == 200 || status == 202 || status == 409; // PS3.18 table 10.5.3-1
	json_t *answer = reads ? json_loadb(body, bytes, 0, NULL) : NULL;
	const json_t *set = json_is_array(answer) ? json_array_get(answer, 0) : answer;
	const json_t *failure = item_of(set, "00081198", instance),
	             *stored = item_of(set, "00081199", instance);
	enum hz_outcome outcome;
	if (failure)
		outcome = failed(reason_of(failure, "00081197"), ret);
	else if (status == 409)
		outcome = of_status(status, ret);
	else if (stored && reason_of(stored, "00081196"))
		outcome = hz_outcome_say(HZ_STORED, ret, "stored with a warning (%04lX)",
		                         (unsigned long)reason_of(stored, "00081196") & 0xffff);
	else if (stored)
		outcome = HZ_STORED;
	else if (reads)
		outcome = hz_outcome_say(HZ_LATER, ret, "the PACS does not say that it stored it");
	else
		outcome = of_status(status, ret);
	json_decref(answer);
	return outcome;
}

enum hz_outcome hz_stow(const struct hz_http_target *target, const char *path, uint64_t bytes,
                        const char *instance, struct hz_outcome_text *ret)
{
	char url[2048], boundary[33], type[160], head[160], tail[64];
	struct hz_http_answer answer;
	size_t n = strlen(target->url);
	hz_random_text(boundary, 32);
	snprintf(url, sizeof(url), "%.*s/studies", (int)(n && target->url[n - 1] == '/' ? n - 1 : n),
	         target->url);
	snprintf(type, sizeof(type), "multipart/related; type=\"application/dicom\"; boundary=%s", boundary);
	snprintf(head, sizeof(head), "--%s\r\nContent-Type: application/dicom\r\n\r\n", boundary);
	snprintf(tail, sizeof(tail), "\r\n--%s--\r\n", boundary);
	const struct hz_http_post post = {.url = url,
	                                  .content_type = type,
	                                  .accept = "application/dicom+json",
	                                  .head = head,
	                                  .tail = tail,
	                                  .file = path,
	                                  .file_bytes = bytes};
	int err = hz_http_post(target, &post, &answer);
	if (err == -ECANCELED)
		return hz_outcome_say(HZ_STOPPED, ret, "stopped");
	if (err == -EHOSTUNREACH || err == -EPROTO)
		return hz_outcome_say(HZ_AWAY, ret, "%s", answer.why);
	if (err)
		return hz_outcome_say(HZ_LATER, ret, "%s", answer.why[0] ? answer.why : strerror(-err));
	enum hz_outcome outcome = hz_stow_answer(answer.status, answer.body, answer.bytes, instance, ret);
	free(answer.body);
	return outcome;
}
