#include "media/dicomweb/pipe_send.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/base/log.h"
#include "gateway/base/secret.h"
#include "gateway/base/seqpacket.h"
#include "media/dicomweb/request.h"

#define TEXT_BYTES    512
#define SEND_TRIES    100
#define SEND_PAUSE_US 10000

static int say(int api, uint64_t id, enum hz_dweb_result result)
{
	const struct hz_dweb_sent sent = {
	    .h = {.version = HZ_DWEB_VERSION, .type = HZ_DWEB_SENT, .bytes = sizeof(sent)},
	    .id = id,
	    .result = result};
	int err = -EAGAIN;
	for (int i = 0; i < SEND_TRIES && err == -EAGAIN; i++) {
		err = hz_seqpacket_send(api, &sent, sizeof(sent));
		if (err == -EAGAIN)
			usleep(SEND_PAUSE_US);
	}
	return err;
}

// Its type, and what is before and behind the file. The boundary is of chance: what is in a file is a stranger's.
static int envelope(struct hz_dweb_body *ret)
{
	unsigned char random[16];
	char boundary[40];
	char *text = malloc(TEXT_BYTES);
	if (!text)
		return -ENOMEM;
	hz_random(random, sizeof(random));
	for (unsigned i = 0; i < sizeof(random); i++)
		snprintf(boundary + 2 * (size_t)i, 3, "%02x", random[i]);
	int type = snprintf(text, TEXT_BYTES, "multipart/related; type=\"application/dicom\"; boundary=%s",
	                    boundary) +
	           1;
	int head = snprintf(text + type, TEXT_BYTES - (size_t)type,
	                    "\r\n--%s\r\nContent-Type: application/dicom\r\n\r\n", boundary);
	int tail =
	    snprintf(text + type + head, TEXT_BYTES - (size_t)(type + head), "\r\n--%s--\r\n", boundary);
	*ret = (struct hz_dweb_body){.type = text,
	                             .data = text,
	                             .bytes = (size_t)(type + head + tail),
	                             .head = (size_t)type,
	                             .tail = (size_t)(type + head),
	                             .fd = -1};
	return 0;
}

static bool sound(const struct hz_dweb_send *send)
{
	return memchr(send->pacs, '\0', sizeof(send->pacs)) &&
	       memchr(send->study, '\0', sizeof(send->study)) && hz_dweb_uid_valid(send->study);
}

void hz_pipe_send_order(int api, struct hz_dweb_fetch *fetch, const struct hz_dweb_send *send, int fd)
{
	struct hz_dweb_body body;
	struct stat st;
	enum hz_dweb_result result = HZ_DWEB_FULL; // not now
	bool good = fd >= 0 && sound(send) && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0;
	if (!good)
		result = HZ_DWEB_BROKEN;
	else if (fetch && envelope(&body) == 0) {
		body.has_file = true;
		body.fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		body.file_bytes = (uint64_t)st.st_size;
		if (body.fd < 0)
			free(body.data);
		else
			result = hz_dweb_fetch_store(fetch, send->id, send->pacs, send->study, &body);
	}
	if (result != HZ_DWEB_OK)
		(void)say(api, send->id, result);
}

enum hz_dweb_result hz_pipe_send_result(enum hz_dweb_result result, const char *data, size_t bytes)
{
	if (result != HZ_DWEB_OK)
		return result;
	json_t *json = json_loadb(data, bytes, 0, NULL); // none: its status is all there is
	const json_t *set = json_is_array(json) ? json_array_get(json, 0) : json;
	size_t bad = json_array_size(json_object_get(json_object_get(set, "00081198"), "Value"));
	size_t good = json_array_size(json_object_get(json_object_get(set, "00081199"), "Value"));
	if (json && (bad || !good))
		result = HZ_DWEB_DECLINED;
	json_decref(json);
	return result;
}

void hz_pipe_send_answer(int api, bool *over, const struct hz_dweb_answer *answer)
{
	enum hz_dweb_result result = hz_pipe_send_result(answer->result, answer->data, answer->bytes);
	if (result != HZ_DWEB_OK)
		hz_warn("send.refused", "pacs=%s result=%u", answer->request->pacs, result);
	for (unsigned i = 0; i < answer->waiters; i++) {
		if (say(api, answer->waiter[i], result) == -EPIPE)
			*over = true;
	}
}
