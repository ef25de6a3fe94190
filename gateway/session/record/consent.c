#include "gateway/session/record/consent.h"

#include <errno.h>
#include <string.h>

#include "gateway/base/hex.h"
#include "gateway/base/log.h"
#include "gateway/session/persist.h"
#include "gateway/session/push.h"
#include "gateway/session/record/record.h"
#include "gateway/session/record/record_events.h"
#include "gateway/store/records.h"
#include "signaling/auth/digest.h"

extern const unsigned char hz_consent_json[]; // signaling/protocol/consent.json
extern const unsigned hz_consent_json_bytes;

const char *hz_consent_name(uint8_t consent)
{
	static const char *const names[] = {"none", "given", "refused", "withdrawn"};
	return consent <= HZ_CONSENT_WITHDRAWN ? names[consent] : "none";
}

void hz_consent_hash(const char *wording, const char *language, char ret[65])
{
	json_t *ours = json_loadb((const char *)hz_consent_json, hz_consent_json_bytes, 0, NULL);
	const char *version = json_string_value(json_object_get(ours, "version"));
	const char *text = json_string_value(json_object_get(json_object_get(ours, "texts"), language));
	uint8_t hash[32];
	ret[0] = '\0';
	if (text && version && strcmp(version, wording) == 0) {
		hz_sha256(text, strlen(text), hash);
		hz_hex_text(hash, sizeof(hash), ret);
	}
	json_decref(ours);
}

struct hz_consent_answer hz_consent_of_json(const json_t *json)
{
	return (struct hz_consent_answer){
	    .given = json_is_true(json_object_get(json, "given")),
	    .wording = json_string_value(json_object_get(json, "wording")),
	    .language = json_string_value(json_object_get(json, "language")),
	    .source = "person",
	};
}

static bool on_row(void *arg, const struct hz_consent_row *row)
{
	uint8_t *consent = arg;
	*consent = row->state <= HZ_CONSENT_WITHDRAWN ? row->state : HZ_CONSENT_REFUSED;
	return false;
}

int hz_consent_load(struct hz_brain *brain, struct hz_participant *p)
{
	if (!brain->store)
		return 0;
	int err = hz_store_consent_get(brain->store, p->consult->id, p->id, on_row, &p->consent);
	return err == -ENOENT ? 0 : err;
}

static bool on_detail(void *arg, const struct hz_consent_row *row)
{
	json_object_update_new(arg, json_pack("{s:s, s:s, s:s, s:s, s:I}", "wording", row->wording,
	                                      "wording_sha256", row->wording_hash, "language", row->language,
	                                      "source", row->source, "said_ms", (json_int_t)row->time_ms));
	return false;
}

json_t *hz_consent_detail(struct hz_brain *brain, const struct hz_participant *p)
{
	json_t *json = json_pack("{s:s}", "state", hz_consent_name(p->consent));
	if (json && brain->store)
		(void)hz_store_consent_get(brain->store, p->consult->id, p->id, on_detail, json);
	return json;
}

static int write(struct hz_brain *brain, const struct hz_participant *p, uint8_t consent,
                 const struct hz_consent_answer *answer)
{
	char hash[65];
	hz_consent_hash(answer->wording, answer->language, hash);
	const struct hz_consent_row row = {
	    .consult = p->consult->id,
	    .participant = p->id,
	    .state = consent,
	    .time_ms = brain->wall_ms,
	    .wording = answer->wording,
	    .wording_hash = hash,
	    .language = answer->language,
	    .source = answer->source,
	};
	if (!brain->store)
		return 0;
	hz_persist_flush(brain); // what others wrote is not this one's to roll back
	int err = hz_store_consent_add(brain->store, &row);
	return hz_persist_end(brain, err);
}

static void tell(struct hz_brain *brain, struct hz_participant *p, const struct hz_consent_answer *answer)
{
	char hash[65];
	hz_consent_hash(answer->wording, answer->language, hash);
	hz_info("consent", "consult=%s participant=%s state=%s wording=%s source=%s", p->consult->id, p->id,
	        hz_consent_name(p->consent), answer->wording, answer->source);
	brain->count.consents[p->consent]++;
	hz_record_event(brain, p->consult->record, "consent", p->id,
	                json_pack("{s:s, s:s, s:s, s:s, s:s}", "state", hz_consent_name(p->consent),
	                          "wording", answer->wording, "wording_sha256", hash, "language",
	                          answer->language, "source", answer->source));
	hz_push_state(brain, p->consult);
}

static int give(struct hz_brain *brain, struct hz_participant *p, const struct hz_consent_answer *answer)
{
	int err = write(brain, p, HZ_CONSENT_GIVEN, answer);
	if (err) {
		hz_warn("consent.store", "consult=%s err=%d", p->consult->id, -err);
		return err;
	}
	p->consent = HZ_CONSENT_GIVEN;
	p->consent_unsaved = false;
	hz_record_follow(brain, p);
	tell(brain, p, answer);
	hz_record_consider(brain, p->consult);
	return 0;
}

int hz_consent_set(struct hz_brain *brain, struct hz_participant *p, const struct hz_consent_answer *answer)
{
	if (answer->given)
		return p->consent == HZ_CONSENT_GIVEN ? 0 : give(brain, p, answer);
	if (p->consent == HZ_CONSENT_REFUSED || p->consent == HZ_CONSENT_WITHDRAWN)
		return 0;
	p->consent = p->consent == HZ_CONSENT_GIVEN ? HZ_CONSENT_WITHDRAWN : HZ_CONSENT_REFUSED;
	hz_record_withdraw(brain, p);
	int err = write(brain, p, p->consent, answer);
	if (err) { // nothing of it is recorded any more; only a restart before the next try would not know
		hz_error("consent.store", "consult=%s participant=%s err=%d", p->consult->id, p->id, -err);
		p->consent_unsaved = true;
	}
	tell(brain, p, answer);
	return 0;
}

void hz_consent_retry(struct hz_brain *brain, struct hz_participant *p)
{
	const struct hz_consent_answer again = {.wording = "", .language = "", .source = "person"};
	if (p->consent_unsaved && write(brain, p, p->consent, &again) == 0)
		p->consent_unsaved = false;
}
