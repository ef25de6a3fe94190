#include "gateway/session/broadcast/profiles.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/session/broadcast/broadcast.h"
#include "gateway/session/persist.h"
#include "gateway/store/profiles.h"

static int parse(const char *id, const json_t *json, struct hz_profile *ret, const char **ret_field)
{
	const char *name = json_string_value(json_object_get(json, "name"));
	*ret = (struct hz_profile){.count = 0};
	snprintf(ret->id, sizeof(ret->id), "%s", id);
	snprintf(ret->name, sizeof(ret->name), "%s", name ? name : "");
	*ret_field = "/fill";
	if (hz_masks_fill(json_object_get(json, "fill"), &ret->fill))
		return -EINVAL;
	*ret_field = "/masks";
	int err = hz_masks_regions(json_object_get(json, "masks"), HZ_MOSAIC_MASKS, ret->mask, &ret->count);
	return !err && !ret->count ? -EINVAL : err;
}

static bool on_one(void *arg, const char *id, const char *text)
{
	struct hz_profile *profile = arg;
	const char *field;
	json_t *json = json_loads(text, 0, NULL);
	if (parse(id, json, profile, &field))
		profile->count = 0;
	json_decref(json);
	return false;
}

int hz_profile_get(struct hz_brain *brain, const char *id, struct hz_profile *ret)
{
	struct hz_profile found = {.count = 0};
	int err = brain->store ? hz_store_profile_all(brain->store, id, on_one, &found) : 0;
	if (!err && !found.count)
		err = -ENOENT;
	if (!err)
		*ret = found;
	return err;
}

static bool on_row(void *arg, const char *id, const char *text)
{
	json_t *json = json_loads(text, 0, NULL);
	if (json && json_object_set_new(json, "id", json_string(id)) == 0)
		json_array_append(arg, json);
	json_decref(json);
	return true;
}

json_t *hz_profiles_json(struct hz_brain *brain)
{
	json_t *list = json_array();
	if (brain->store && hz_store_profile_all(brain->store, NULL, on_row, list)) {
		json_decref(list);
		return NULL;
	}
	return list;
}

static int write_row(struct hz_brain *brain, const char *id, const char *text)
{
	if (!brain->store)
		return -EROFS;
	hz_persist_flush(brain); // what others wrote is not this one's to roll back
	int err = hz_store_profile_put(brain->store, id, text);
	if (err)
		hz_store_rollback(brain->store);
	else
		err = hz_persist_commit(brain);
	return err;
}

int hz_profile_put(struct hz_brain *brain, const char *id, const json_t *body, const char *by,
                   const char **ret_field)
{
	struct hz_profile profile;
	int err = parse(id, body, &profile, ret_field);
	if (err)
		return err;
	*ret_field = NULL;
	char *text = json_dumps(body, JSON_COMPACT);
	err = text ? write_row(brain, id, text) : -ENOMEM;
	free(text);
	hz_info("profile.put", "profile=%s participant=%s masks=%u err=%d", id, by, profile.count, -err);
	return err ? err : hz_masks_profile(brain, &profile, by);
}

int hz_profile_remove(struct hz_brain *brain, const char *id, const char *by)
{
	struct hz_profile profile;
	int err = hz_profile_get(brain, id, &profile);
	if (!err)
		err = write_row(brain, id, NULL);
	hz_info("profile.remove", "profile=%s participant=%s err=%d", id, by, -err);
	return err;
}
