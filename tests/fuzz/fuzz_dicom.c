// A whole file: opened, each of its first frames decoded and rendered. Small limits: speed, not mercy.
#include <jansson.h>
#include <stdlib.h>

#include "media/imaging/frame.h"
#include "media/imaging/lut.h"
#include "media/imaging/overlay.h"
#include "media/imaging/render.h"
#include "media/imaging/wave.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void show(struct hz_dicom *d, uint32_t index, struct hz_dicom_fault *fault)
{
	struct hz_frame_source source = {0};
	struct hz_frame frame = {0};
	struct hz_rendered picture = {0};
	struct hz_look look = {.overlays = true};
	int err = hz_dicom_frame(d, index, fault, &source);
	if (err == 0)
		err = hz_frame_decode(&source, &hz_dicom_image(d)->shape, 1u << 20, fault, &frame);
	hz_frame_source_done(&source);
	if (err < 0) {
		if (fault->code == HZ_DICOM_OK || !fault->text[0])
			abort(); // refused without a word
		return;
	}
	if (frame.bytes != (size_t)frame.columns * frame.rows * frame.samples * frame.cell)
		abort();
	if (hz_render(d, index, &frame, &look, &picture) == 0)
		hz_rendered_done(&picture);
	hz_frame_done(&frame);
}

// Whatever the file says, it is JSON.
static void metadata(const struct hz_dicom *d)
{
	struct hz_dicom_fault fault = {0};
	char *text = NULL;
	size_t bytes = 0;
	if (hz_dicom_metadata(d, 1u << 20, &fault, &text, &bytes))
		return;
	json_t *json = json_loadb(text, bytes, JSON_ALLOW_NUL, NULL);
	if (!json_is_object(json))
		abort();
	json_decref(json);
	free(text);
}

static void overlays(const struct hz_dicom *d)
{
	struct hz_dicom_fault fault = {0};
	char *text = NULL;
	size_t bytes = 0;
	if (hz_overlay_json(d, &fault, &text, &bytes))
		return;
	json_t *json = json_loadb(text, bytes, JSON_ALLOW_NUL, NULL);
	if (!json_is_object(json) ||
	    json_array_size(json_object_get(json, "overlays")) != hz_dicom_image(d)->overlays)
		abort();
	json_decref(json);
	free(text);
}

static void luts(const struct hz_dicom *d)
{
	struct hz_dicom_fault fault = {0};
	char *text = NULL;
	size_t bytes = 0;
	if (hz_lut_json(d, &fault, &text, &bytes))
		return;
	json_t *json = json_loadb(text, bytes, JSON_ALLOW_NUL, NULL);
	if (!json_is_object(json) ||
	    json_array_size(json_object_get(json, "voi")) != hz_dicom_image(d)->voi_luts)
		abort();
	json_decref(json);
	free(text);
}

// Waveforms, where there are some: as many samples as they say, and JSON.
static void waves(const uint8_t *data, size_t size, const struct hz_dicom_limits *limits)
{
	struct hz_dicom_fault fault = {0};
	struct hz_wave *wave = NULL;
	char *text = NULL;
	size_t bytes = 0;
	if (hz_wave_open(data, size, limits, &fault, &wave) < 0) {
		if (fault.code == HZ_DICOM_OK || !fault.text[0])
			abort();
		return;
	}
	if (hz_wave_json(wave, &fault, &text, &bytes) == 0) {
		json_t *json = json_loadb(text, bytes, JSON_ALLOW_NUL, NULL);
		if (!json_is_object(json))
			abort();
		json_decref(json);
	}
	free(text);
	hz_wave_close(wave);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int ready = 1;
	static const struct hz_dicom_limits limits = {.file_bytes = 1u << 20,
	                                              .inflated_bytes = 1u << 20,
	                                              .header_bytes = 256u << 10,
	                                              .elements = 5000,
	                                              .depth = 8,
	                                              .frames = 1000,
	                                              .fragments = 1000,
	                                              .frame_bytes = 1u << 20};
	struct hz_dicom_fault fault = {0};
	struct hz_dicom *d = NULL;
	if (ready == 1)
		ready = hz_dicom_init();
	waves(data, size, &limits);
	if (hz_dicom_open(data, size, &limits, &fault, &d) < 0) {
		if (fault.code == HZ_DICOM_OK || !fault.text[0])
			abort();
		return 0;
	}
	metadata(d);
	overlays(d);
	luts(d);
	for (uint32_t i = 0; i < hz_dicom_image(d)->frames && i < 3; i++)
		show(d, i, &fault);
	hz_dicom_close(d);
	return 0;
}
