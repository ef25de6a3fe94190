// The one transport of the bundle: ICE credentials (RFC 8839), fingerprint (RFC 8122), setup (RFC 8842).
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "gateway/base/hex.h"
#include "gateway/base/secret.h"
#include "signaling/sdp/offer_internal.h"

// "AB:CD:..." of exactly 32 bytes
static bool parse_hash(const char *text, uint8_t ret[HZ_FINGERPRINT_BYTES])
{
	if (strlen(text) != HZ_FINGERPRINT_BYTES * 3 - 1)
		return false;
	for (int i = 0; i < HZ_FINGERPRINT_BYTES; i++, text += 3) {
		int high = hz_hex_digit(text[0]), low = hz_hex_digit(text[1]);

		if (high < 0 || low < 0 || (i < HZ_FINGERPRINT_BYTES - 1 && text[2] != ':'))
			return false;
		ret[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

// The sha-256 fingerprint of one level. *ret_any: there is one of any hash.
static int level_fingerprint(const struct hz_sdp_source *source, bool *ret_any, bool *ret_found,
                             uint8_t ret[HZ_FINGERPRINT_BYTES])
{
	const GstSDPAttribute *attribute;
	unsigned index = 0;

	*ret_any = *ret_found = false;
	while ((attribute = hz_sdp_next_attribute(source, &index))) {
		uint8_t hash[HZ_FINGERPRINT_BYTES];
		const char *value = attribute->value;
		char function[16], text[128];

		if (strcmp(attribute->key, "fingerprint") != 0)
			continue;
		*ret_any = true;
		if (!hz_sdp_word(&value, function, sizeof function) || strcasecmp(function, "sha-256") != 0)
			continue;
		if (!hz_sdp_word(&value, text, sizeof text) || !parse_hash(text, hash))
			return hz_sdp_refuse(source->place, "malformed sha-256 fingerprint");
		if (*ret_found && memcmp(hash, ret, sizeof hash) != 0)
			return hz_sdp_refuse(source->place, "two sha-256 fingerprints");
		memcpy(ret, hash, sizeof hash);
		*ret_found = true;
	}
	return 0;
}

// *ret_found false: none at media or session level.
static int read_fingerprint(const struct hz_sdp_source *source, bool *ret_found,
                            uint8_t ret[HZ_FINGERPRINT_BYTES])
{
	const struct hz_sdp_source session = {source->message, NULL, source->place};
	bool any;
	int err = level_fingerprint(source, &any, ret_found, ret);

	if (!err && !any)
		err = level_fingerprint(&session, &any, ret_found, ret);
	if (!err && any && !*ret_found)
		return hz_sdp_refuse(source->place, "no sha-256 fingerprint");
	return err;
}

static int check_setup(const struct hz_sdp_source *source)
{
	const char *setup;
	int err = hz_sdp_inherited(source, "setup", &setup);

	if (err)
		return err;
	// absent means active (RFC 4145 section 4.1)
	if (!setup || strcmp(setup, "actpass") == 0 || strcmp(setup, "active") == 0)
		return 0;
	if (strcmp(setup, "passive") == 0)
		return hz_sdp_refuse(source->place, "setup:passive, but the gateway is passive itself");
	return hz_sdp_refuse(source->place, "setup is neither actpass nor active");
}

struct transport {
	char ufrag[HZ_UFRAG_BYTES];
	char pwd[HZ_PWD_BYTES];
	uint8_t fingerprint[HZ_FINGERPRINT_BYTES];
	bool has_fingerprint;
};

static int read_credentials(const struct hz_sdp_source *source, struct transport *t)
{
	const char *ufrag, *pwd;
	int err = hz_sdp_inherited(source, "ice-ufrag", &ufrag);

	if (!err)
		err = hz_sdp_inherited(source, "ice-pwd", &pwd);
	if (err)
		return err;
	if (!ufrag != !pwd)
		return hz_sdp_refuse(source->place,
		                     ufrag ? "ice-ufrag without ice-pwd" : "ice-pwd without ice-ufrag");
	if (!ufrag)
		return 0;
	err = hz_sdp_take_ufrag(source->place, ufrag, t->ufrag);
	return err ? err : hz_sdp_take_pwd(source->place, pwd, t->pwd);
}

static int agree(const struct hz_sdp_source *source, const struct transport *t,
                 const struct hz_sdp_offer *offer)
{
	if (t->ufrag[0] && (strcmp(t->ufrag, offer->ufrag) != 0 || strcmp(t->pwd, offer->pwd) != 0))
		return hz_sdp_refuse(source->place, "ICE credentials differ from those of the bundle");
	if (t->has_fingerprint && memcmp(t->fingerprint, offer->fingerprint, HZ_FINGERPRINT_BYTES) != 0)
		return hz_sdp_refuse(source->place, "fingerprint differs from that of the bundle");
	return 0;
}

// Malformed ones are passed over: nothing but a way in depends on them.
static void read_candidates(const struct hz_sdp_source *source, struct hz_sdp_offer *offer)
{
	const GstSDPAttribute *attribute;
	unsigned index = 0;

	while ((attribute = hz_sdp_next_attribute(source, &index))) {
		char text[256];
		int n;

		if (strcmp(attribute->key, "candidate") != 0 || offer->candidate_count == HZ_MAX_CANDIDATES)
			continue;
		n = snprintf(text, sizeof text, "candidate:%s", attribute->value);
		if (n < (int)sizeof text &&
		    hz_sdp_take_candidate(text, &offer->candidate[offer->candidate_count]) == 0)
			offer->candidate_count++;
	}
}

int hz_sdp_read_transport(const struct hz_sdp_source *source, bool bundle_only, struct hz_sdp_offer *offer)
{
	struct transport t = {0};
	int err = read_credentials(source, &t);

	if (!err)
		err = read_fingerprint(source, &t.has_fingerprint, t.fingerprint);
	if (!err)
		err = check_setup(source);
	if (!err && offer->ufrag[0]) {
		// only the first m-line of a bundle must tell (RFC 8843 section 7.1.3)
		err = agree(source, &t, offer);
	} else if (!err && bundle_only) {
		err = hz_sdp_refuse(source->place, "bundle-only, but no m-line before it has a transport");
	} else if (!err && !t.ufrag[0]) {
		err = hz_sdp_refuse(source->place, "no ice-ufrag");
	} else if (!err && !t.has_fingerprint) {
		err = hz_sdp_refuse(source->place, "no fingerprint");
	} else if (!err) {
		memcpy(offer->ufrag, t.ufrag, sizeof t.ufrag);
		memcpy(offer->pwd, t.pwd, sizeof t.pwd);
		memcpy(offer->fingerprint, t.fingerprint, sizeof t.fingerprint);
		read_candidates(source, offer);
	}
	hz_wipe(&t, sizeof t);
	return err;
}
