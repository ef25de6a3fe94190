// A table's part and a PACS's metadata, a line each, as they come to be kept; what can be made of them is an object.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "media/dicomweb/keep_plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *line = memchr(data, '\n', size);
	struct hz_keep_plan *plan = NULL;
	struct hz_shown_files files;
	const char *series[HZ_KEEP_SERIES];
	if (!line)
		return 0;
	json_t *state = json_loadb((const char *)data, (size_t)(line - data), 0, NULL);
	json_t *sets = json_loadb((const char *)line + 1, size - (size_t)(line - data) - 1, 0, NULL);
	if (hz_keep_plan_series(state, series) > HZ_KEEP_SERIES)
		abort();
	if (state && sets && hz_keep_plan_make(state, sets, 1, &plan) == 0 &&
	    hz_shown_make(&plan->shown, &files) == 0)
		hz_shown_free(&files);
	hz_keep_plan_free(plan);
	json_decref(state);
	json_decref(sets);
	return 0;
}
