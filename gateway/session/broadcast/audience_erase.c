// What viewers of a consult said is deleted: because somebody who may said so, or because its time is over (audience.keep_days).
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/session/broadcast/audience.h"
#include "gateway/session/broadcast/audience_internal.h"
#include "gateway/session/brain.h"
#include "gateway/session/persist.h"
#include "gateway/store/audience.h"

#define DAY_MS         INT64_C(86400000)
#define EXPIRE_AT_ONCE 32 // consults; the next sweep goes on

static int erase(struct hz_brain *brain, const char *id, const char *by, const char *why,
                 int64_t *ret_messages)
{
	int64_t messages = 0;
	hz_persist_flush(brain); // what others wrote is not this one's to roll back
	int err = hz_store_audience_erase(brain->store, id, &messages);
	if (!err)
		err =
		    hz_audience_audit(brain, id, by, "erase",
		                      json_pack("{s:I, s:s}", "messages", (json_int_t)messages, "why", why));
	err = hz_persist_end(brain, err);
	hz_info("audience.erase", "consult=%s participant=%s why=%s messages=%lld err=%d", id, by, why,
	        (long long)messages, -err);
	if (!err)
		*ret_messages = messages;
	return err;
}

int hz_audience_erase(struct hz_brain *brain, const char *id, const char *by, int64_t *ret_messages)
{
	struct hz_consult *consult = hz_map_get(brain->consults, id);
	if (!brain->store)
		return -EROFS;
	if (consult && consult->broadcast)
		return -EBUSY;
	int err = erase(brain, id, by, "asked", ret_messages);
	if (err)
		return err;
	if (consult)
		hz_audience_free_memory(consult);
	err = hz_store_scrub(brain->store); // somebody reads: it goes with the next checkpoint
	if (err)
		hz_warn("audience.scrub", "consult=%s err=%d", id, -err);
	return 0;
}

void hz_audience_expire(struct hz_brain *brain)
{
	char id[HZ_ID_TEXT_BYTES];
	int64_t messages = 0;
	if (!brain->store || !brain->audience_keep_days)
		return;
	int64_t before_ms = brain->wall_ms - brain->audience_keep_days * DAY_MS;
	for (unsigned n = 0; n < EXPIRE_AT_ONCE; n++) {
		int err = hz_store_audience_expired(brain->store, before_ms, id, sizeof(id));
		if (!err)
			err = erase(brain, id, "", "expired", &messages);
		if (err)
			return; // -ENOENT: none any more; what fails is tried with the next sweep
	}
}
