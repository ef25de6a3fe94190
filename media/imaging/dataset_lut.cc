// Tables: modality and VOI LUTs (PS3.3 C.11.1, C.11.2), palettes (C.7.6.3.1.5, C.7.9.2 segmented), overlays (C.9.2).
#include "media/imaging/attributes.h"

#include <stdlib.h>

// Three values: number of entries (0 means 65536), first value mapped (as pixels are), bits of an entry.
static bool get_descriptor(DcmItem &item, const DcmTagKey &tag, bool is_signed, struct hz_dicom_lut *ret)
{
	int32_t entries, first, bits;
	if (!hz_get_int(item, tag, 0, false, &entries) || !hz_get_int(item, tag, 1, is_signed, &first) ||
	    !hz_get_int(item, tag, 2, false, &bits))
		return false;
	if (entries < 0 || entries > 65535 || bits < 1 || bits > 16)
		return false;
	ret->entries = entries ? (uint32_t)entries : 65536;
	ret->first = first;
	ret->bits = (uint8_t)bits;
	return true;
}

static uint16_t highest_of(const struct hz_dicom_lut *lut)
{
	uint16_t highest = 0;
	for (uint32_t i = 0; i < lut->entries; i++)
		highest = lut->data[i] > highest ? lut->data[i] : highest;
	return highest;
}

// Entries of 8 bits may lie two in a word. Another number of them than promised, or one of more bits, and nobody can say what is meant.
static int get_entries(DcmItem &item, const DcmTagKey &tag, struct hz_dicom_lut *lut,
                       struct hz_dicom_fault *fault)
{
	const Uint16 *words;
	unsigned long count;
	if (!hz_get_words(item, tag, &words, &count))
		return hz_dicom_fail(fault, HZ_DICOM_ATTRIBUTE, "a lookup table without data");
	bool packed = lut->bits <= 8 && count == (lut->entries + 1) / 2;
	if (!packed && count != lut->entries)
		return hz_dicom_fail(fault, HZ_DICOM_ATTRIBUTE,
		                     "a lookup table of %lu entries that promises %u", count, lut->entries);
	lut->data = (uint16_t *)malloc(lut->entries * sizeof(uint16_t));
	if (!lut->data)
		return hz_dicom_fail(fault, HZ_DICOM_MEMORY, "no memory for a lookup table");
	for (uint32_t i = 0; i < lut->entries; i++)
		lut->data[i] = packed ? (uint16_t)(words[i / 2] >> (i % 2 * 8) & 0xff) : words[i];
	if (highest_of(lut) >> lut->bits == 0)
		return 0;
	free(lut->data);
	lut->data = NULL;
	return hz_dicom_fail(fault, HZ_DICOM_ATTRIBUTE, "a lookup table of %u bits with an entry of more",
	                     lut->bits);
}

static int read_lut(DcmItem &item, bool is_signed, struct hz_dicom_lut *ret, struct hz_dicom_fault *fault)
{
	struct hz_dicom_lut lut = {};
	if (!get_descriptor(item, DCM_LUTDescriptor, is_signed, &lut))
		return hz_dicom_fail(fault, HZ_DICOM_ATTRIBUTE, "a lookup table without a sound descriptor");
	int err = get_entries(item, DCM_LUTData, &lut, fault);
	if (err == 0)
		*ret = lut;
	return err;
}

struct segments {
	const Uint16 *words;
	unsigned long count;
	uint16_t *out;
	uint32_t used, room;
	uint32_t steps; // left: segments of no entries, named again and again, end somewhere
};

// Segments from word `at` up to `end`, or `limit` of them. Indirect ones name others by number and offset, one deep.
static bool expand(struct segments *s, unsigned long at, unsigned long limit, bool nested)
{
	while (limit-- > 0 && at < s->count) {
		if (s->count - at < 2 || s->steps-- == 0)
			return false;
		unsigned op = s->words[at], length = s->words[at + 1];
		if (op == 0) { // discrete
			if (s->count - at - 2 < length || s->room - s->used < length)
				return false;
			memcpy(s->out + s->used, s->words + at + 2, length * sizeof(uint16_t));
			s->used += length;
			at += 2 + length;
		} else if (op == 1) { // linear, from the entry before
			if (s->count - at < 3 || s->used == 0 || s->room - s->used < length)
				return false;
			int32_t from = s->out[s->used - 1], to = s->words[at + 2];
			for (unsigned i = 1; i <= length; i++)
				s->out[s->used++] =
				    (uint16_t)(from + ((int64_t)(to - from) * i * 2 +
				                       (to < from ? -1 : 1) * (int64_t)length) /
				                          (2 * (int64_t)length));
			at += 3;
		} else if (op == 2 && !nested) { // indirect
			if (s->count - at < 4)
				return false;
			unsigned long target = (s->words[at + 2] | (unsigned long)s->words[at + 3] << 16) / 2;
			if (target >= at || length == 0 || !expand(s, target, length, true))
				return false;
			at += 4;
		} else {
			return false;
		}
	}
	return true;
}

static int get_segmented(DcmItem &item, const DcmTagKey &tag, struct hz_dicom_lut *lut,
                         struct hz_dicom_fault *fault)
{
	struct segments s = {};
	if (lut->bits != 16 || !hz_get_words(item, tag, &s.words, &s.count))
		return hz_dicom_fail(fault, HZ_DICOM_UNSUPPORTED, "a segmented palette of %u bits",
		                     lut->bits);
	s.room = lut->entries;
	s.steps = 4 * 65536;
	s.out = (uint16_t *)calloc(lut->entries, sizeof(uint16_t));
	if (!s.out)
		return hz_dicom_fail(fault, HZ_DICOM_MEMORY, "no memory for a palette");
	if (!expand(&s, 0, s.count, false) || s.used != s.room) {
		free(s.out);
		return hz_dicom_fail(fault, HZ_DICOM_ATTRIBUTE,
		                     "a segmented palette that does not come to %u entries", lut->entries);
	}
	lut->data = s.out;
	return 0;
}

static int read_palette(DcmItem &dataset, struct hz_dicom_image *image, struct hz_dicom_fault *fault)
{
	static const DcmTagKey descriptor[3] = {DCM_RedPaletteColorLookupTableDescriptor,
	                                        DCM_GreenPaletteColorLookupTableDescriptor,
	                                        DCM_BluePaletteColorLookupTableDescriptor};
	static const DcmTagKey data[3] = {DCM_RedPaletteColorLookupTableData,
	                                  DCM_GreenPaletteColorLookupTableData,
	                                  DCM_BluePaletteColorLookupTableData};
	static const DcmTagKey segmented[3] = {DCM_SegmentedRedPaletteColorLookupTableData,
	                                       DCM_SegmentedGreenPaletteColorLookupTableData,
	                                       DCM_SegmentedBluePaletteColorLookupTableData};
	for (unsigned i = 0; i < 3; i++) {
		if (!get_descriptor(dataset, descriptor[i], image->shape.is_signed, &image->palette[i]))
			return hz_dicom_fail(fault, HZ_DICOM_ATTRIBUTE,
			                     "PALETTE COLOR without a sound palette");
		int err = dataset.tagExists(data[i])
		              ? get_entries(dataset, data[i], &image->palette[i], fault)
		              : get_segmented(dataset, segmented[i], &image->palette[i], fault);
		if (err < 0)
			return err;
	}
	// All of it black, were it true: entries of 8 bits that are called 16.
	const struct hz_dicom_lut *p = image->palette;
	if (p[0].bits == 16 && p[1].bits == 16 && p[2].bits == 16 &&
	    (highest_of(&p[0]) | highest_of(&p[1]) | highest_of(&p[2])) < 256)
		return hz_dicom_fail(fault, HZ_DICOM_ATTRIBUTE, "a palette of 16 bits whose entries have 8");
	image->has_palette = true;
	return 0;
}

int hz_read_luts(DcmItem &dataset, struct hz_dicom_image *image, struct hz_dicom_fault *fault)
{
	int err = 0;
	DcmItem *item = hz_get_item(dataset, DCM_ModalityLUTSequence, 0);
	if (item)
		err = read_lut(*item, image->shape.is_signed, &image->modality_lut, fault);
	// What a VOI LUT maps is signed if rescaling can make it so (PS3.3 C.11.2.1.1).
	bool is_signed = !item && (image->shape.is_signed || image->intercept < 0);
	while (err == 0 && image->voi_luts < HZ_DICOM_LUTS &&
	       (item = hz_get_item(dataset, DCM_VOILUTSequence, image->voi_luts)) != NULL) {
		err = read_lut(*item, is_signed, &image->voi_lut[image->voi_luts], fault);
		if (err == 0)
			image->voi_luts++;
	}
	if (err == 0 && image->shape.photometric == HZ_PALETTE_COLOR)
		err = read_palette(dataset, image, fault);
	return err;
}

static int read_overlay(DcmItem &dataset, Uint16 group, struct hz_dicom_overlay *o,
                        struct hz_dicom_fault *fault)
{
	uint32_t rows = 0, columns = 0, allocated = 1, position = 0;
	char kind[17];
	o->group = group;
	o->row = o->column = 1;
	o->frames = UINT32_MAX; // all, as there is no word of frames
	if (!hz_get_uint(dataset, DcmTagKey(group, 0x10), &rows) ||
	    !hz_get_uint(dataset, DcmTagKey(group, 0x11), &columns) || rows < 1 || rows > 65535 ||
	    columns < 1 || columns > 65535)
		return hz_dicom_fail(fault, HZ_DICOM_ATTRIBUTE, "an overlay without rows and columns");
	o->rows = (uint16_t)rows;
	o->columns = (uint16_t)columns;
	hz_get_int(dataset, DcmTagKey(group, 0x50), 0, true, &o->row);
	hz_get_int(dataset, DcmTagKey(group, 0x50), 1, true, &o->column);
	hz_get_uint(dataset, DcmTagKey(group, 0x15), &o->frames);
	if (hz_get_uint(dataset, DcmTagKey(group, 0x51), &o->first_frame) && o->first_frame > 0)
		o->first_frame--;
	hz_get_uint(dataset, DcmTagKey(group, 0x100), &allocated);
	hz_get_uint(dataset, DcmTagKey(group, 0x102), &position);
	o->roi = hz_get_code(dataset, DcmTagKey(group, 0x40), kind, sizeof(kind)) && kind[0] == 'R';
	const Uint16 *words;
	unsigned long count;
	if (!hz_get_words(dataset, DcmTagKey(group, 0x3000), &words, &count)) {
		if (position > 31 || allocated < 2)
			return hz_dicom_fail(fault, HZ_DICOM_ATTRIBUTE, "an overlay without data");
		o->embedded = true;
		o->bit_position = (uint8_t)position;
		return 0;
	}
	uint64_t frames = o->frames == UINT32_MAX ? 1 : o->frames;
	o->bytes = count * 2;
	if (frames < 1 || ((uint64_t)rows * columns * frames + 7) / 8 > o->bytes)
		return hz_dicom_fail(fault, HZ_DICOM_ATTRIBUTE, "an overlay with less data than it promises");
	o->bits = (uint8_t *)malloc(o->bytes);
	if (!o->bits)
		return hz_dicom_fail(fault, HZ_DICOM_MEMORY, "no memory for an overlay");
	memcpy(o->bits, words, o->bytes);
	return 0;
}

int hz_read_overlays(DcmItem &dataset, struct hz_dicom_image *image, struct hz_dicom_fault *fault)
{
	for (Uint16 group = 0x6000; group <= 0x601e; group += 2) {
		if (!dataset.tagExists(DcmTagKey(group, 0x10)))
			continue;
		int err = read_overlay(dataset, group, &image->overlay[image->overlays], fault);
		if (err < 0)
			return err;
		image->overlays++;
	}
	return 0;
}
