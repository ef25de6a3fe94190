#include "media/imaging/lut.h"

#include "media/imaging/json_out.h"

static uint8_t byte_of(const void *ctx, size_t at)
{
	const uint16_t *words = ctx;
	return (uint8_t)(words[at / 2] >> (at % 2 * 8));
}

static void put_table(struct hz_json_out *out, const struct hz_dicom_lut *lut)
{
	hz_out_put(out, "{\"first\":%d,\"bits\":%u,\"entries\":%u,\"data\":\"", lut->first, lut->bits,
	           lut->entries);
	hz_out_base64(out, byte_of, lut->data, (size_t)lut->entries * 2);
	hz_out_put(out, "\"},");
}

static void put_tables(struct hz_json_out *out, const char *key, const struct hz_dicom_lut *luts,
                       unsigned count)
{
	if (!count)
		return;
	hz_out_put(out, "\"%s\":[", key);
	for (unsigned i = 0; i < count; i++)
		put_table(out, &luts[i]);
	hz_out_close(out, "],");
}

int hz_lut_json(const struct hz_dicom *dicom, struct hz_dicom_fault *fault, char **ret, size_t *ret_bytes)
{
	const struct hz_dicom_image *image = hz_dicom_image(dicom);
	struct hz_json_out o = {.text = NULL};
	hz_out_put(&o, "{");
	hz_out_text(&o, "instance", image->text.sop_instance);
	if (image->modality_lut.data) {
		hz_out_put(&o, "\"modality\":");
		put_table(&o, &image->modality_lut);
	}
	put_tables(&o, "voi", image->voi_lut, image->voi_luts);
	put_tables(&o, "palette", image->palette, image->has_palette ? 3 : 0);
	hz_out_close(&o, "}");
	if (hz_out_end(&o, ret, ret_bytes))
		return hz_dicom_fail(fault, HZ_DICOM_MEMORY, "no memory for lookup tables");
	return 0;
}
