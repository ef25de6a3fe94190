// Certificates and signatures of anybody: none is good with a key that signed nothing. "C": a compact JWS.
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "recorder/record/certificate.h"
#include "recorder/record/sign.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

// openssl ecparam -name prime256v1 -genkey | openssl ec -pubout
static const char pem[] = "-----BEGIN PUBLIC KEY-----\n"
                          "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEuRryCoqUt4tYZj5CyJS9j0Ram/ga\n"
                          "Kmp5WlXlO+tOLPf8Ib6hIKe++KuzzChIWO1sjtFLBVCltCaFIFttYKV2fA==\n"
                          "-----END PUBLIC KEY-----\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	if (bytes && data[0] == 'C') {
		char *text = malloc(bytes), *payload = NULL;
		if (!text)
			return 0;
		memcpy(text, data + 1, bytes - 1);
		text[bytes - 1] = '\0';
		if (hz_sign_compact_check(NULL, text, &payload) == 0)
			free(payload);
		free(text);
		return 0;
	}
	(void)hz_certificate_check((const char *)data, bytes, NULL);
	if (hz_certificate_check((const char *)data, bytes, pem) == 0)
		abort();
	return 0;
}
