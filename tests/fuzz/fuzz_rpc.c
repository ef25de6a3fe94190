// JSON-RPC messages as a client sends them: strict JSON, envelope, schemas.
#include <stdint.h>
#include <stdlib.h>

#include "signaling/protocol/rpc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hz_rpc_request req;
	char *answer = NULL;
	if (hz_rpc_parse((const char *)data, size, &req, &answer) == 0) {
		free(hz_rpc_error(&req, HZ_RPC_FAILED, "field", "x"));
		hz_rpc_request_done(&req);
	}
	free(answer);
	return 0;
}
