// The configuration parser: any text gives a configuration or one line that says what is wrong.
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/config_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char path[] = "fuzz.yaml";
	char error[HZ_CONFIG_ERROR_BYTES] = "";
	struct hz_config *config = NULL;
	if (size > HZ_CONFIG_FILE_BYTES)
		return 0;
	char *copy = malloc(size + 1);
	if (!copy)
		return 0;
	memcpy(copy, data, size);
	copy[size] = '\0';
	struct hz_config_text text = {.path = path, .text = copy, .bytes = size};
	if (hz_config_parse(&text, error, &config) == 0) {
		assert(config->data.dir[0] && config->media.port);
		hz_config_free(config);
	} else {
		assert(error[0] && !strchr(error, '\n') && memchr(error, '\0', sizeof(error)));
	}
	free(copy);
	return 0;
}
