#include "gateway/session/composed/layout.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gateway/base/log.h"
#include "gateway/session/brain.h"
#include "gateway/session/call.h"
#include "gateway/session/consult.h"
#include "gateway/session/push.h"
#include "gateway/session/rate.h"
#include "media/mosaic/api.h"
#include "signaling/auth/names.h"

#define EVERY_US 250000
#define BURST    20

static const char *const modes[HZ_MOSAIC_LAYOUTS] = {
    [HZ_MOSAIC_AUTO] = "auto", [HZ_MOSAIC_SPEAKER] = "speaker", [HZ_MOSAIC_GRID] = "grid",
    [HZ_MOSAIC_PIP] = "pip",   [HZ_MOSAIC_IMAGE] = "image",
};

static int mode_parse(const char *name, uint8_t *ret)
{
	for (unsigned i = 0; name && i < HZ_MOSAIC_LAYOUTS; i++) {
		if (strcmp(modes[i], name) == 0) {
			*ret = (uint8_t)i;
			return 0;
		}
	}
	return -EINVAL;
}

int hz_layout_parse(const json_t *body, struct hz_layout *ret)
{
	struct hz_layout layout = {.mode = HZ_MOSAIC_AUTO};
	const char *focus = json_string_value(json_object_get(body, "focus"));
	if (mode_parse(json_string_value(json_object_get(body, "mode")), &layout.mode) ||
	    (focus && !hz_id_valid(focus)))
		return -EINVAL;
	snprintf(layout.focus, sizeof(layout.focus), "%s", focus ? focus : "");
	*ret = layout;
	return 0;
}

json_t *hz_layout_json(const struct hz_layout *layout)
{
	return json_pack("{s:s, s:s?}", "mode", modes[layout->mode], "focus",
	                 layout->focus[0] ? layout->focus : NULL);
}

void hz_layout_to_text(const struct hz_layout *layout, char ret[HZ_LAYOUT_TEXT_BYTES])
{
	snprintf(ret, HZ_LAYOUT_TEXT_BYTES, "%s %s", modes[layout->mode], layout->focus);
}

void hz_layout_from_text(const char *text, struct hz_layout *ret)
{
	char mode[16] = "";
	size_t n = strcspn(text, " ");
	*ret = (struct hz_layout){.mode = HZ_MOSAIC_AUTO};
	if (n >= sizeof(mode) || text[n] != ' ')
		return;
	memcpy(mode, text, n);
	const char *focus = text + n + 1;
	if (!mode_parse(mode, &ret->mode) && hz_id_valid(focus))
		snprintf(ret->focus, sizeof(ret->focus), "%s", focus);
}

int hz_layout_put(struct hz_brain *brain, struct hz_consult *consult, const struct hz_layout *wish,
                  const char *by)
{
	if (wish->mode == consult->layout.mode && strcmp(wish->focus, consult->layout.focus) == 0)
		return 0;
	int err = hz_consult_set_layout(brain, consult, wish);
	if (err)
		return err;
	hz_info("layout.set", "consult=%s participant=%s mode=%s", consult->id, by, modes[wish->mode]);
	hz_push_recount(brain, consult);
	return 0;
}

// --- layout.set

void hz_call_layout_set(struct hz_call *call)
{
	struct hz_layout wish;
	struct hz_consult *consult = call->p->consult;
	if (!hz_rate_allow(&call->p->layout_tokens_us, call->brain->now_us, EVERY_US, BURST)) {
		hz_call_refuse(call, HZ_RPC_TOO_FAST, NULL, NULL);
		return;
	}
	if (hz_layout_parse(call->params, &wish)) {
		hz_call_refuse_field(call, HZ_RPC_INVALID_PARAMS, "/focus");
		return;
	}
	int err = hz_layout_put(call->brain, consult, &wish, call->p->id);
	if (err)
		hz_call_refuse(call, HZ_RPC_FAILED, NULL, NULL);
	else
		call->result = json_pack("{s:o}", "layout", hz_layout_json(&consult->layout));
}
