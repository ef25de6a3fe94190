// Answers of a PACS: the first line is the Content-Type, the rest the body. And the same bytes as a path.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "media/dicomweb/multipart.h"
#include "media/dicomweb/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *line = memchr(data, '\n', size);
	struct hz_dweb_request request = {.kind = HZ_DWEB_FRAME}, again;
	struct hz_part part;
	char path[HZ_DWEB_PATH_BYTES], type[256] = "";
	size_t bytes = line ? (size_t)(line - data) : 0;
	bytes = bytes < sizeof(type) - 1 ? bytes : sizeof(type) - 1;
	memcpy(type, data, bytes);
	const char *body = line ? (const char *)line + 1 : (const char *)data;
	size_t left = size - (size_t)(body - (const char *)data);
	if (hz_multipart_only(type, body, left, &part) == 0) {
		if (part.data < body || part.data + part.bytes > body + left)
			abort();
		(void)hz_dweb_answer_fits(&request, part.type, part.data, part.bytes);
		request.kind = HZ_DWEB_STUDY;
		(void)hz_dweb_answer_fits(&request, part.type, part.data, part.bytes);
	}
	char *text = calloc(1, size + 1);
	memcpy(text, data, size);
	if (hz_dweb_request_parse(text, &again)) {
		hz_dweb_request_path(&again, path);
		char *ours = again.kind == HZ_DWEB_LIST ? strstr(path, "?includefield=0008103E") : NULL;
		if (ours && !ours[22]) // of a list the query is ours, to its last letter
			*ours = '\0';
		if (!hz_dweb_request_valid(&again) || strstr(path, "..") || strpbrk(path, "?#%\r\n "))
			abort();
	}
	free(text);
	return 0;
}
