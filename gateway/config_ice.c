// turn.urls: URIs of RFC 7064 (stun) and RFC 7065 (turn).
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/config_table.h"

#define PORT     3478
#define PORT_TLS 5349

static const char *take_scheme(const char *text, struct hz_ice_url *ret)
{
	static const struct {
		const char *name;
		bool relay, tls;
	} schemes[] = {
	    {"stun:", false, false}, {"stuns:", false, true}, {"turn:", true, false}, {"turns:", true, true}};
	for (unsigned i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		size_t n = strlen(schemes[i].name);
		if (strncmp(text, schemes[i].name, n) != 0)
			continue;
		ret->relay = schemes[i].relay;
		ret->tls = ret->stream = schemes[i].tls;
		ret->port = schemes[i].tls ? PORT_TLS : PORT;
		return text + n;
	}
	return NULL;
}

static const char *take_host(const char *text, struct hz_ice_url *ret)
{
	static const char name[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-";
	bool v6 = *text == '[';
	text += v6;
	size_t n = v6 ? strspn(text, "0123456789abcdefABCDEF:.") : strspn(text, name);
	if (n == 0 || n >= HZ_ICE_HOST_BYTES || (v6 && text[n] != ']'))
		return NULL;
	memcpy(ret->host, text, n);
	ret->host[n] = '\0';
	return text + n + v6;
}

static const char *take_port(const char *text, struct hz_ice_url *ret)
{
	if (*text != ':')
		return text;
	size_t n = strspn(++text, "0123456789");
	unsigned long port = n >= 1 && n <= 5 ? strtoul(text, NULL, 10) : 0;
	if (port < 1 || port > 65535)
		return NULL;
	ret->port = (uint16_t)port;
	return text + n;
}

bool hz_config_ice_url(const char *text, struct hz_ice_url *ret)
{
	memset(ret, 0, sizeof(*ret));
	text = take_scheme(text, ret);
	if (text)
		text = take_host(text, ret);
	if (text)
		text = take_port(text, ret);
	if (!text)
		return false;
	if (!*text)
		return true;
	if (!ret->relay)
		return false;
	if (strcmp(text, "?transport=udp") == 0)
		return !ret->tls; // DTLS to a TURN server: no browser does it
	ret->stream = true;
	return strcmp(text, "?transport=tcp") == 0;
}

static bool is_ice_url(const char *text)
{
	struct hz_ice_url url;
	return hz_config_ice_url(text, &url);
}

bool hz_config_is_ice_urls(const char *text)
{
	return hz_config_is_list(text, HZ_CONFIG_MAX_ICE_URLS, is_ice_url);
}
