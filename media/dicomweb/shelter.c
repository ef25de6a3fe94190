#include "media/dicomweb/shelter.h"

#include <string.h>

#include "gateway/base/sandbox.h"

#define MEMORY_BYTES ((uint64_t)2 << 30)
#define FILES        1024

static char own[HZ_DWEB_PACS * 3][HZ_DWEB_TEXT_BYTES];
static unsigned count;

static bool known(const char *path)
{
	for (unsigned i = 0; i < count; i++) {
		if (strcmp(own[i], path) == 0)
			return true;
	}
	return !path[0];
}

static void add(const char *path)
{
	if (!known(path) && count < HZ_DWEB_PACS * 3)
		memcpy(own[count++], path, HZ_DWEB_TEXT_BYTES);
}

void hz_dweb_shelter_pacs(const struct hz_dweb_pacs *pacs)
{
	add(pacs->ca);
	add(pacs->certificate);
	add(pacs->key);
}

bool hz_dweb_shelter_other(const struct hz_dweb_pacs *pacs)
{
	return !known(pacs->ca) || !known(pacs->certificate) || !known(pacs->key);
}

int hz_dweb_shelter_enter(const char *dir)
{
	const char *paths[1 + HZ_DWEB_PACS * 3 + 1] = {"/etc/pki/ca-trust"};
	for (unsigned i = 0; i < count; i++)
		paths[1 + i] = own[i];
	const struct hz_sandbox sandbox = {.folder = dir,
	                                   .memory_bytes = MEMORY_BYTES,
	                                   .file_bytes = UINT64_MAX, // the log is perhaps a file
	                                   .files = FILES,
	                                   .loop = true,
	                                   .network = true,
	                                   .libraries = true,
	                                   .store = true,
	                                   .read = paths};
	return hz_sandbox_enter(&sandbox);
}
