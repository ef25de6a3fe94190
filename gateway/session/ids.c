#include "gateway/session/ids.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/secret.h"

int hz_ids_init(struct hz_id_table *table, uint32_t size)
{
	memset(table, 0, sizeof(*table));
	table->object = calloc(size, sizeof(*table->object));
	table->generation = calloc(size, sizeof(*table->generation));
	if (!table->object || !table->generation) {
		hz_ids_done(table);
		return -ENOMEM;
	}
	table->size = size;
	// Where an earlier control process stopped counting is not known: start anywhere.
	hz_random(table->generation, size * sizeof(*table->generation));
	return 0;
}

void hz_ids_done(struct hz_id_table *table)
{
	free(table->object);
	free(table->generation);
	memset(table, 0, sizeof(*table));
}

int hz_ids_take(struct hz_id_table *table, void *object, hz_id *ret)
{
	if (table->used == table->size)
		return -ENOSPC;
	uint32_t slot = table->hint;
	while (table->object[slot])
		slot++;
	table->hint = slot + 1;
	if (++table->generation[slot] == 0)
		table->generation[slot] = 1;
	table->object[slot] = object;
	table->used++;
	*ret = HZ_ID(slot, table->generation[slot]);
	return 0;
}

int hz_ids_claim(struct hz_id_table *table, hz_id id, void *object)
{
	uint32_t slot = HZ_ID_SLOT(id);
	if (slot >= table->size || id >> 16 == 0)
		return -EINVAL;
	if (table->object[slot])
		return -EEXIST;
	table->object[slot] = object;
	table->generation[slot] = (uint16_t)(id >> 16);
	table->used++;
	return 0;
}

void hz_ids_release(struct hz_id_table *table, hz_id id)
{
	if (!hz_ids_get(table, id))
		return;
	uint32_t slot = HZ_ID_SLOT(id);
	table->object[slot] = NULL;
	table->used--;
	table->hint = slot < table->hint ? slot : table->hint;
}

void *hz_ids_get(const struct hz_id_table *table, hz_id id)
{
	uint32_t slot = HZ_ID_SLOT(id);
	if (slot >= table->size || table->generation[slot] != id >> 16)
		return NULL;
	return table->object[slot];
}

uint32_t hz_ids_room(const struct hz_id_table *table)
{
	return table->size - table->used;
}
