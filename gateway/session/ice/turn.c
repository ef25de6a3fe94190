#include "gateway/session/ice/turn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/base/secret.h"
#include "signaling/auth/turn.h"

struct hz_turn {
	char *list;   // of the URLs, cut at the commas
	char *secret; // "": STUN only
	uint32_t ttl_s;
	unsigned count;
	const char *url[HZ_CONFIG_MAX_ICE_URLS];
};

static void turn_free(struct hz_turn *turn)
{
	if (!turn)
		return;
	if (turn->secret)
		hz_wipe(turn->secret, strlen(turn->secret));
	free(turn->secret);
	free(turn->list);
	free(turn);
}

static void cut(struct hz_turn *turn)
{
	char *rest = turn->list, *one;
	while ((one = strsep(&rest, ",")) && turn->count < HZ_CONFIG_MAX_ICE_URLS) {
		one += strspn(one, " ");
		one[strcspn(one, " ")] = '\0';
		if (*one)
			turn->url[turn->count++] = one;
	}
}

int hz_turn_configure(struct hz_brain *brain, const struct hz_config *config)
{
	struct hz_turn *turn = NULL;
	if (config && config->turn.urls && (*config->turn.urls || *config->turn.secret)) {
		turn = calloc(1, sizeof(*turn));
		if (!turn)
			return -ENOMEM;
		turn->list = strdup(config->turn.urls);
		turn->secret = strdup(config->turn.secret);
		turn->ttl_s = config->turn.ttl;
		if (!turn->list || !turn->secret) {
			turn_free(turn);
			return -ENOMEM;
		}
		cut(turn);
	}
	turn_free(brain->turn);
	brain->turn = turn;
	return 0;
}

static bool is_turn(const char *url)
{
	return strncmp(url, "turn", 4) == 0;
}

static int credential(const struct hz_brain *brain, const char *participant, struct hz_turn_credential *ret)
{
	const struct hz_turn *turn = brain->turn;
	int err = hz_turn_credential(turn->secret, brain->wall_ms / 1000 + turn->ttl_s, participant, ret);
	if (err)
		hz_warn("turn.credential", "err=%d", -err);
	return err;
}

int hz_turn_login(const struct hz_brain *brain, const char *name, struct hz_turn_credential *ret)
{
	return brain->turn && *brain->turn->secret ? credential(brain, name, ret) : -EINVAL;
}

json_t *hz_turn_json(const struct hz_brain *brain, const char *participant)
{
	json_t *servers = json_array();
	const struct hz_turn *turn = brain->turn;
	struct hz_turn_credential c;
	if (!turn)
		return servers;
	json_t *plain = json_array(), *relays = json_array();
	for (unsigned i = 0; i < turn->count; i++)
		json_array_append_new(is_turn(turn->url[i]) ? relays : plain, json_string(turn->url[i]));
	if (json_array_size(plain))
		json_array_append_new(servers, json_pack("{s:O}", "urls", plain));
	if (json_array_size(relays) && credential(brain, participant, &c) == 0) {
		json_array_append_new(servers, json_pack("{s:O, s:s, s:s}", "urls", relays, "username",
		                                         c.username, "credential", c.password));
		hz_wipe(&c, sizeof(c));
	}
	json_decref(plain);
	json_decref(relays);
	return servers;
}

void hz_turn_links(const struct hz_brain *brain, const char *participant, char *ret[HZ_WHIP_LINKS])
{
	const struct hz_turn *turn = brain->turn;
	struct hz_turn_credential c;
	unsigned at = 0;
	if (!turn)
		return;
	bool known = *turn->secret && credential(brain, participant, &c) == 0;
	for (unsigned i = 0; i < turn->count && at < HZ_WHIP_LINKS; i++) {
		const char *url = turn->url[i];
		int n = -1;
		if (!is_turn(url))
			n = asprintf(&ret[at], "<%s>; rel=\"ice-server\"", url);
		else if (known)
			n = asprintf(&ret[at],
			             "<%s>; rel=\"ice-server\"; username=\"%s\"; credential=\"%s\"; "
			             "credential-type=\"password\"",
			             url, c.username, c.password);
		if (n < 0)
			ret[at] = NULL;
		else
			at++;
	}
	hz_wipe(&c, sizeof(c));
}
