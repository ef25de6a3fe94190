// The table of consult c1: its floor, patches, and what a client has of it.
#ifndef HZ_TESTS_UNIT_SESSION_READING_RIG_H
#define HZ_TESTS_UNIT_SESSION_READING_RIG_H

#include "gateway/session/table/reading_internal.h"
#include "tests/unit/session/record_rig.h"
#include "tests/unit/session/web.h"

#define STUDY  "1.2.840.1"
#define SERIES "1.2.840.1.2"
#define OBJECT "1.2.840.1.2.3"
#define PATH   "/api/v1/consults/c1/table"

static inline int code(struct rig *rig, struct rig_socket *s, const char *method, json_t *params)
{
	return rig_code(rig_call(rig, s, method, params));
}

static inline json_int_t version(struct rig_socket *s)
{
	return json_integer_value(json_object_get(rig_result(s->answer), "version"));
}

static inline int floor_of(struct rig *rig, struct rig_socket *s, const char *action, const char *who)
{
	json_t *params = json_pack("{s:s}", "action", action);
	if (who)
		json_object_set_new(params, "participant", json_string(who));
	return code(rig, s, "table.floor", params);
}

// json: the members of a patch beside base, which is the newest version.
static inline int patch(struct rig *rig, struct rig_socket *s, const char *json)
{
	struct hz_consult *consult = hz_map_get(rig->brain->consults, "c1");
	json_t *params = json_loads(json, 0, NULL);
	assert_non_null(params);
	if (!json_object_get(params, "base"))
		json_object_set_new(
		    params, "base",
		    json_integer(consult->reading ? (json_int_t)consult->reading->version : 0));
	rig->now_us += 20000; // as fast as it may be
	rig->wall_us += 20000;
	return code(rig, s, "table.patch", params);
}

static inline int put_study(struct rig *rig, struct rig_socket *s)
{
	return patch(rig, s,
	             "{\"studies\":{\"put\":[{\"pacs\":\"main\",\"study\":\"" STUDY "\"}]},\"viewports\":["
	             "{\"at\":0,\"image\":{\"pacs\":\"main\",\"study\":\"" STUDY "\",\"series\":\"" SERIES
	             "\"},\"frame\":7,\"center\":40,\"width\":400}]}");
}

#define MARKS(study)                                                                                         \
	"\"marks\":{\"pacs\":\"main\",\"study\":\"" study "\",\"series\":\"1.2\",\"instance\":\"1.3\"}"
#define DRAW(id, more)                                                                                       \
	"{\"id\":\"" id "\",\"kind\":\"line\",\"on\":{\"pacs\":\"main\",\"study\":\"" STUDY                  \
	"\",\"series\":\"" SERIES "\",\"instance\":\"" OBJECT                                                \
	"\",\"frame\":0},\"points\":[[1,2],[3.25,4]]" more "}"

// What a client would have of the table: pages and patches put together, as docs/PROTOCOL.md says.
static inline json_t *assemble(const struct rig_socket *s)
{
	json_t *table = NULL, *objects = NULL;
	for (size_t i = 0; i < json_array_size(s->pushes); i++) {
		const json_t *push = json_array_get(s->pushes, i), *params = json_object_get(push, "params"),
		             *item;
		const char *method = rig_text(push, "method"), *id, *key;
		char field[HZ_FIELD_BYTES];
		json_t *value;
		size_t k;
		if (strcmp(method, "table") == 0) {
			assert_int_equal(hz_rpc_check_push(HZ_PUSH_TABLE, params, field), 0);
			json_decref(table);
			json_decref(objects);
			table = json_deep_copy(params);
			objects = json_object();
			json_array_foreach(json_object_get(params, "objects"), k, item)
			{
				json_object_set(objects, rig_text(item, "id"), (json_t *)item);
			}
		}
		if (strcmp(method, "table.patch") != 0)
			continue;
		assert_int_equal(hz_rpc_check_push(HZ_PUSH_TABLE_PATCH, params, field), 0);
		if (!table) {
			table = hz_reading_json(NULL, 0, true);
			objects = json_object();
		}
		assert_true(json_integer_value(json_object_get(params, "base")) <=
		            json_integer_value(json_object_get(table, "version")));
		json_object_foreach((json_t *)params, key, value)
		{
			if (strcmp(key, "base") && strcmp(key, "put") && strcmp(key, "gone") &&
			    strcmp(key, "viewports"))
				json_object_set(table, key, value);
		}
		json_array_foreach(json_object_get(params, "viewports"), k, item)
		{
			json_array_set(json_object_get(table, "viewports"),
			               (size_t)json_integer_value(json_object_get(item, "at")),
			               (json_t *)item);
		}
		json_array_foreach(json_object_get(params, "gone"), k, item)
		{
			id = json_string_value(item);
			json_object_del(objects, id);
		}
		json_array_foreach(json_object_get(params, "put"), k, item)
		{
			json_object_set(objects, rig_text(item, "id"), (json_t *)item);
		}
	}
	if (table)
		json_object_set(table, "objects", objects);
	json_decref(objects);
	return table;
}

static inline void same_table(const struct rig_socket *a, const struct rig_socket *b)
{
	json_t *x = assemble(a), *y = assemble(b);
	assert_non_null(x);
	assert_true(json_equal(x, y));
	json_decref(x);
	json_decref(y);
}

#endif
