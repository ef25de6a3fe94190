// What PACS, EMR and token servers answer, and items of a spool. First byte: S, F, T, I; then a status in two bytes for S and F.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "recorder/outbox/fhir_post.h"
#include "recorder/outbox/spool.h"
#include "recorder/outbox/stow.h"
#include "recorder/record/files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void answer(uint8_t kind, long status, const char *body, size_t bytes)
{
	struct hz_outcome_text text;
	enum hz_outcome outcome = kind == 'S' ? hz_stow_answer(status, body, bytes, "2.25.7", &text)
	                                      : hz_fhir_answer(status, body, bytes, 3, &text);
	if (outcome < HZ_STORED || outcome > HZ_REFUSED || (outcome != HZ_STORED && !text.why[0]))
		abort();
	if (outcome == HZ_STORED && (status < 200 || (status > 202 && status != 409)))
		abort();
	for (const char *p = text.why; *p; p++)
		if (*p < ' ' || *p > '~')
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct hz_spool_item item;
	char *token = NULL;
	long seconds = 0;
	if (bytes < 3)
		return 0;
	long status = 100 + (data[1] << 8 | data[2]) % 500;
	const char *rest = (const char *)data + 3;
	if (data[0] == 'S' || data[0] == 'F') {
		answer(data[0], status, rest, bytes - 3);
	} else if (data[0] == 'T' && hz_fhir_token_answer(rest, bytes - 3, &token, &seconds) == 0) {
		if (!*token || strpbrk(token, " \r\n") || seconds < 0)
			abort();
		free(token);
	} else if (data[0] == 'I' && hz_spool_parse(rest, bytes - 3, &item) == 0) {
		if (!hz_document_is_inside(item.folder) || !hz_document_is_inside(item.path))
			abort();
	}
	return 0;
}
