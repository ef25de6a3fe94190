// What is wished of a theatre source.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gateway/session/brain.h"
#include "gateway/session/theatre.h"
#include "media/ingest/url.h"

static const uint8_t kinds[] = {HZ_SOURCE_CAMERA,    HZ_SOURCE_SCREEN,     HZ_SOURCE_ULTRASOUND,
                                HZ_SOURCE_ENDOSCOPE, HZ_SOURCE_MICROSCOPE, HZ_SOURCE_IMAGE};

static bool kind_of(const char *name, uint8_t *ret)
{
	uint8_t kind;
	if (hz_source_parse(name, &kind))
		return false;
	for (unsigned i = 0; i < sizeof(kinds); i++)
		if (kinds[i] == kind) {
			*ret = kind;
			return true;
		}
	return false;
}

static int bad(const char *field, const char *why, const char **ret_field, const char **ret_why)
{
	*ret_field = field;
	*ret_why = why;
	return -EINVAL;
}

int hz_theatre_parse(const json_t *body, struct hz_theatre_source *wish, const char **ret_field,
                     const char **ret_why)
{
	const char *id = json_string_value(json_object_get(body, "id"));
	const char *name = json_string_value(json_object_get(body, "name"));
	const char *kind = json_string_value(json_object_get(body, "kind"));
	const char *url = json_string_value(json_object_get(body, "url"));
	const json_t *loop = json_object_get(body, "loop"), *enabled = json_object_get(body, "enabled");
	const json_t *sync = json_object_get(body, "sync_ms");
	char shown[HZ_INGEST_URL_BYTES] = "";
	struct hz_ingest_url parsed;
	const char *why;
	if (wish->url[0])
		hz_ingest_url_show(wish->url, shown, sizeof(shown));
	if (url && strcmp(url, shown) == 0)
		url = NULL; // it comes back as it was given out
	if (url && strstr(url, "***"))
		return bad("/url", "stars stand for what is not given out: say it again", ret_field, ret_why);
	if (id)
		snprintf(wish->id, sizeof(wish->id), "%s", id);
	if (name && !hz_name_valid(name))
		return bad("/name", "1 to 80 characters that can be seen", ret_field, ret_why);
	if (name)
		snprintf(wish->name, sizeof(wish->name), "%s", name);
	if (kind && !kind_of(kind, &wish->kind))
		return bad("/kind", "camera, screen, ultrasound, endoscope, microscope or image", ret_field,
		           ret_why);
	if (url && hz_ingest_url_parse(url, &parsed, &why))
		return bad("/url", why, ret_field, ret_why);
	if (url)
		snprintf(wish->url, sizeof(wish->url), "%s", url);
	if (sync && json_is_integer(sync))
		wish->sync_ms = (unsigned)json_integer_value(sync);
	if (wish->sync_ms > HZ_INGEST_SYNC_MS)
		return bad("/sync_ms", "0 to 2000", ret_field, ret_why);
	if (loop)
		wish->loop = json_is_true(loop);
	if (enabled)
		wish->enabled = json_is_true(enabled);
	return 0;
}

bool hz_theatre_listens(const struct hz_theatre *t, const char *url, const struct hz_theatre_source *self)
{
	struct hz_ingest_url mine, other;
	const char *why;
	if (hz_ingest_url_parse(url, &mine, &why) || !mine.listener)
		return false;
	for (const struct hz_theatre_source *s = t->sources; s; s = s->next)
		if (s != self && !hz_ingest_url_parse(s->url, &other, &why) && other.listener &&
		    other.port == mine.port)
			return true;
	return false;
}
