// manifest.json and timeline.json of a record's folder, and the scenes and rectangles that follow. Input: the manifest, a NUL,
// the timeline.
#include <stdlib.h>
#include <string.h>

#include "media/picture/layout.h"
#include "recorder/compose/drawn.h"
#include "recorder/compose/scene.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// What was drawn, onto a small canvas.
static void over_pictures(const struct hz_input *in)
{
	static uint8_t y[64 * 36], c[2][32 * 18];
	struct hz_canvas canvas = {64, 36, {y, c[0], c[1]}, {64, 32, 32}};
	struct hz_drawn *drawn;
	if (hz_drawn_new(in, &drawn))
		return;
	for (int64_t ms = 0; ms <= 20000; ms += 4000) {
		hz_drawn_at(drawn, ms);
		for (unsigned i = 0; i < in->people_count && i < 4; i++)
			for (uint8_t k = 0; k < HZ_INPUT_SOURCES; k++)
				hz_drawn_draw(drawn, i, k, &canvas, (struct hz_rect){4, 2, 56, 30}, NULL);
	}
	hz_drawn_free(drawn);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct hz_scene_at at;
	const uint8_t *nul = memchr(data, 0, size);
	size_t first = nul ? (size_t)(nul - data) : size;
	char error[HZ_INPUT_ERROR];
	struct hz_input *in;
	struct hz_scene *scene;
	if (hz_input_parse((const char *)data, first, nul ? (const char *)nul + 1 : NULL,
	                   nul ? size - first - 1 : 0, error, &in))
		return 0;
	over_pictures(in);
	if (hz_scene_new(in, &scene) == 0) {
		for (int64_t ms = in->from_ms; ms <= in->to_ms; ms += (in->to_ms - in->from_ms) / 20 + 1) {
			struct hz_layout layout;
			hz_scene_at(scene, ms, &at);
			hz_layout_make(&(struct hz_layout_want){.width = 1280,
			                                        .height = 720,
			                                        .count = at.count,
			                                        .large = at.large,
			                                        .captions = true},
			               &layout);
		}
		hz_scene_free(scene);
	}
	hz_input_free(in);
	return 0;
}
