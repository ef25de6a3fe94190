#include "gateway/session/record/replay_pass.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/secret.h"
#include "signaling/auth/base64url.h"

static const char view_chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

void hz_pass_make(const uint8_t key[HZ_SHA256_BYTES], const char *record, const char *view, int64_t expires_s,
                  char ret[HZ_PASS_BYTES])
{
	char text[160], sum[HZ_BASE64URL_CHARS(HZ_SHA256_BYTES) + 1];
	uint8_t mac[HZ_SHA256_BYTES];
	int n = snprintf(text, sizeof(text), "replay\n%.40s\n%" PRId64 "\n%.22s", record, expires_s, view);
	hz_hmac_sha256(key, text, (size_t)n, mac);
	hz_base64url_encode(mac, sizeof(mac), sum);
	snprintf(ret, HZ_PASS_BYTES, "%" PRId64 ".%.22s.%s", expires_s, view, sum);
	hz_wipe(mac, sizeof(mac));
	hz_wipe(sum, sizeof(sum));
}

int hz_pass_check(const uint8_t key[HZ_SHA256_BYTES], const char *record, const char *pass, int64_t now_s,
                  char ret_view[HZ_PASS_VIEW_CHARS + 1])
{
	char wanted[HZ_PASS_BYTES], view[HZ_PASS_VIEW_CHARS + 1];
	size_t digits = strspn(pass, "0123456789");
	if (!digits || digits > 12 || pass[digits] != '.' || strlen(record) > 36)
		return -EACCES;
	const char *at = pass + digits + 1;
	if (strspn(at, view_chars) != HZ_PASS_VIEW_CHARS || at[HZ_PASS_VIEW_CHARS] != '.')
		return -EACCES;
	memcpy(view, at, HZ_PASS_VIEW_CHARS);
	view[HZ_PASS_VIEW_CHARS] = '\0';
	int64_t expires_s = strtoll(pass, NULL, 10);
	hz_pass_make(key, record, view, expires_s, wanted);
	bool same = strlen(pass) == strlen(wanted) && hz_equal(pass, wanted, strlen(wanted));
	hz_wipe(wanted, sizeof(wanted));
	if (!same || expires_s <= now_s)
		return -EACCES;
	memcpy(ret_view, view, sizeof(view));
	return 0;
}
