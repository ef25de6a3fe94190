// Which PACS there are, and who we are to them.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gateway/session/table/images.h"

static bool parse_one(char *item, struct hz_dweb_pacs *ret)
{
	static const char name[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	char *url = strchr(item, '=');
	if (!url)
		return false;
	*url++ = '\0';
	size_t n = strlen(url);
	while (n && url[n - 1] == '/')
		url[--n] = '\0';
	if (!item[0] || strcmp(item, "local") == 0 || // that one is our own (media/studies)
	    item[strspn(item, name)] || strlen(item) >= sizeof(ret->name) || n >= sizeof(ret->url) ||
	    (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0) || strpbrk(url, "?#@\" "))
		return false;
	snprintf(ret->name, sizeof(ret->name), "%s", item);
	snprintf(ret->url, sizeof(ret->url), "%s", url);
	return true;
}

int hz_images_parse_pacs(const char *text, struct hz_dweb_pacs ret[HZ_DWEB_PACS])
{
	char copy[HZ_DWEB_PACS * (HZ_DWEB_URL_BYTES + HZ_DWEB_NAME_BYTES)], *rest = NULL;
	int count = 0;
	if ((size_t)snprintf(copy, sizeof(copy), "%s", text) >= sizeof(copy))
		return -EINVAL;
	for (char *item = strtok_r(copy, ", \t", &rest); item; item = strtok_r(NULL, ", \t", &rest)) {
		if (count == HZ_DWEB_PACS || !parse_one(item, &ret[count]))
			return -EINVAL;
		for (int i = 0; i < count; i++) {
			if (strcmp(ret[i].name, ret[count].name) == 0)
				return -EINVAL;
		}
		count++;
	}
	return count;
}

static void set_identity(struct hz_dweb_pacs *pacs, const char *const text[6])
{
	snprintf(pacs->user, sizeof(pacs->user), "%s", text[0]);
	snprintf(pacs->password, sizeof(pacs->password), "%s", text[1]);
	snprintf(pacs->token, sizeof(pacs->token), "%s", text[2]);
	snprintf(pacs->ca, sizeof(pacs->ca), "%s", text[3]);
	snprintf(pacs->certificate, sizeof(pacs->certificate), "%s", text[4]);
	snprintf(pacs->key, sizeof(pacs->key), "%s", text[5]);
}

int hz_images_configure(const struct hz_config *c, struct hz_dweb_pacs ret[HZ_DWEB_PACS],
                        struct hz_dweb_setup *ret_setup)
{
	const char *const own[6] = {c->dicomweb.user, c->dicomweb.password,    c->dicomweb.token,
	                            c->dicomweb.ca,   c->dicomweb.certificate, c->dicomweb.key};
	const char *const record[6] = {c->archive.pacs_user,        c->archive.pacs_password,
	                               c->archive.pacs_token,       c->archive.pacs_ca,
	                               c->archive.pacs_certificate, c->archive.pacs_key};
	bool none = !c->dicomweb.pacs[0] && c->archive.pacs_url[0];
	int count = hz_images_parse_pacs(c->dicomweb.pacs, ret);
	if (count < 0)
		return count;
	if (none) { // the one that records go to
		snprintf(ret[0].name, sizeof(ret[0].name), "main");
		snprintf(ret[0].url, sizeof(ret[0].url), "%s", c->archive.pacs_url);
		count = 1;
	}
	for (int i = 0; i < count; i++)
		set_identity(&ret[i], none ? record : own);
	ret_setup->cache_bytes = (uint64_t)c->dicomweb.cache_gb << 30;
	int n = snprintf(ret_setup->dir, sizeof(ret_setup->dir), "%s/images", c->data.dir);
	return n < (int)sizeof(ret_setup->dir) ? count : -ENAMETOOLONG;
}
