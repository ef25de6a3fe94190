// Media ids (media/api.h): a slot below the worker's bound and a generation, so that a late event for an object that is
// gone finds nothing.
#ifndef HZ_GATEWAY_SESSION_IDS_H
#define HZ_GATEWAY_SESSION_IDS_H

#include "gateway/session/model.h"

int hz_ids_init(struct hz_id_table *table, uint32_t size); // -ENOMEM
void hz_ids_done(struct hz_id_table *table);

// A fresh id for object in the lowest free slot: the worker's arena stays small. -ENOSPC.
int hz_ids_take(struct hz_id_table *table, void *object, hz_id *ret);
// This very id (loaded from the store). -EINVAL, -EEXIST.
int hz_ids_claim(struct hz_id_table *table, hz_id id, void *object);
void hz_ids_release(struct hz_id_table *table, hz_id id);
void *hz_ids_get(const struct hz_id_table *table, hz_id id); // NULL: gone, or never was
uint32_t hz_ids_room(const struct hz_id_table *table);

#endif
