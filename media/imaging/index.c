#include "media/imaging/internal.h"

#include <stdlib.h>
#include <string.h>

uint64_t hz_native_frame_bits(const struct hz_pixel_shape *shape)
{
	uint64_t pixels = (uint64_t)shape->columns * shape->rows;
	if (shape->photometric == HZ_YBR_FULL_422)
		return shape->columns % 2 || shape->planar ? 0 : pixels * 2 * shape->bits_allocated;
	if (shape->photometric == HZ_YBR_PARTIAL_420)
		return 0;
	return pixels * shape->samples * shape->bits_allocated;
}

// Does a frame begin in this fragment? JPEG SOI and JPEG-LS, JPEG 2000 SOC, its file format, or an RLE header of PS3.5 G.5.
static bool begins_frame(const struct hz_fragment *f)
{
	static const uint8_t jp2[12] = {0, 0, 0, 12, 'j', 'P', ' ', ' ', 13, 10, 0x87, 10};
	const uint8_t *p = f->data;
	if (f->bytes < 12)
		return false;
	return (p[0] == 0xff && p[1] == 0xd8 && p[2] == 0xff) ||
	       (p[0] == 0xff && p[1] == 0x4f && p[2] == 0xff && p[3] == 0x51) || memcmp(p, jp2, 12) == 0 ||
	       (f->bytes >= 64 && p[0] >= 1 && p[0] <= 15 && p[1] == 0 && p[2] == 0 && p[3] == 0 &&
	        p[4] == 64 && p[5] == 0 && p[6] == 0 && p[7] == 0);
}

static uint64_t offset_at(const uint8_t *table, unsigned wide, uint32_t index)
{
	uint64_t value = 0;
	for (unsigned i = 0; i < wide; i++)
		value |= (uint64_t)table[(size_t)index * wide + i] << (8 * i);
	return value;
}

// A table that names the first fragment of each frame, in order, the first one first.
static bool by_table(struct hz_dicom *dicom, const uint8_t *table, unsigned wide, uint32_t entries)
{
	const struct hz_scan *scan = &dicom->scan;
	uint32_t frames = dicom->image.frames, next = 0, found = 0;
	if (entries != frames || offset_at(table, wide, 0) != 0)
		return false;
	for (uint32_t i = 0; i < scan->fragments && next < frames; i++) {
		if (scan->fragment[i].at != offset_at(table, wide, next)) {
			dicom->range[next - 1].count++; // never 0: the first fragment is at 0
			continue;
		}
		dicom->range[next].first = i;
		dicom->range[next].count = 1;
		found = ++next;
	}
	if (found < frames && !scan->cut)
		return false;
	if (found > 0 && found == frames)
		dicom->range[found - 1].count = scan->fragments - dicom->range[found - 1].first;
	// Of a file that is cut the last frame may be half there.
	dicom->ranges = found < frames && found > 0 ? found - 1 : found;
	return found > 0;
}

static bool by_starts(struct hz_dicom *dicom)
{
	const struct hz_scan *scan = &dicom->scan;
	uint32_t frames = dicom->image.frames, found = 0;
	for (uint32_t i = 0; i < scan->fragments; i++) {
		if (begins_frame(&scan->fragment[i])) {
			if (found == frames)
				return false;
			dicom->range[found].first = i;
			dicom->range[found++].count = 1;
		} else if (found > 0) {
			dicom->range[found - 1].count++;
		} else {
			return false;
		}
	}
	if (found < frames && !scan->cut)
		return false;
	dicom->ranges = found < frames && found > 0 ? found - 1 : found;
	return found > 0;
}

static void one_each(struct hz_dicom *dicom, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		dicom->range[i] = (struct hz_frame_range){.first = i, .count = 1};
	dicom->ranges = count;
}

int hz_index_frames(struct hz_dicom *dicom, struct hz_dicom_fault *fault)
{
	const struct hz_scan *scan = &dicom->scan;
	uint32_t frames = dicom->image.frames;
	if (!scan->encapsulated || dicom->video)
		return 0;
	if (scan->fragments == 0)
		return hz_dicom_fail(fault, HZ_DICOM_PIXELS_SHORT, "no fragment of pixel data");
	dicom->range = calloc(frames, sizeof(*dicom->range));
	if (!dicom->range)
		return hz_dicom_fail(fault, HZ_DICOM_MEMORY, "no memory for %u frames", frames);
	if (frames == 1) {
		dicom->range[0] = (struct hz_frame_range){.first = 0, .count = scan->fragments};
		dicom->ranges = scan->cut ? 0 : 1;
		return 0;
	}
	if (scan->fragments == frames) {
		one_each(dicom, frames);
		return 0;
	}
	if (dicom->extended && by_table(dicom, dicom->extended, 8, dicom->extended_count))
		return 0;
	memset(dicom->range, 0, frames * sizeof(*dicom->range));
	if (scan->offset_count && by_table(dicom, scan->offsets, 4, scan->offset_count))
		return 0;
	memset(dicom->range, 0, frames * sizeof(*dicom->range));
	if (by_starts(dicom))
		return 0;
	return hz_dicom_fail(fault, HZ_DICOM_FRAMES, "%u fragments cannot be told apart into %u frames",
	                     scan->fragments, frames);
}
