// Device profiles: where machines of a kind write who the patient is. A source in a broadcast names one (hz_masks_parse) and has its
// regions painted over; a change of the profile reaches all that name it. Kept in the store alone. Thread: control's.
#ifndef HZ_GATEWAY_SESSION_BROADCAST_PROFILES_H
#define HZ_GATEWAY_SESSION_BROADCAST_PROFILES_H

#include <jansson.h>

#include "gateway/session/model.h"
#include "media/mosaic/api.h"

struct hz_profile {
	char id[HZ_ID_TEXT_BYTES];
	char name[HZ_LABEL_BYTES]; // of the device
	uint8_t fill;              // luma
	unsigned count;            // at least one
	struct hz_mosaic_mask mask[HZ_MOSAIC_MASKS];
};

int hz_profile_get(struct hz_brain *brain, const char *id,
                   struct hz_profile *ret);       // -ENOENT, -errno of the store
json_t *hz_profiles_json(struct hz_brain *brain); // NULL: the store failed
// body: schema profile.put, checked. Durable, and in force in all broadcasts, on return. -EINVAL, -ENOSPC with *ret_field; -errno of
// the store.
int hz_profile_put(struct hz_brain *brain, const char *id, const json_t *body, const char *by,
                   const char **ret_field);
// Who names it keeps its regions. -ENOENT.
int hz_profile_remove(struct hz_brain *brain, const char *id, const char *by);

#endif
