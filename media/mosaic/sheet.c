#include "media/mosaic/sheet.h"

#include "media/mosaic/stage.h"

#define GAP   8
#define STRIP 316 // width of the column of small ones

static void side_by_side(unsigned count, struct hz_rect *ret)
{
	const int w = (HZ_STAGE_WIDTH - GAP) / 2,
	          h = count > 2 ? (HZ_STAGE_HEIGHT - GAP) / 2 : HZ_STAGE_HEIGHT;
	for (unsigned i = 0; i < count; i++)
		ret[i] = (struct hz_rect){(int)(i % 2) * (w + GAP), (int)(i / 2) * (h + GAP), w, h};
	if (count == 3) // the odd one in the middle
		ret[2].x = (HZ_STAGE_WIDTH - w) / 4 * 2;
}

static void corner(unsigned count, struct hz_rect *ret)
{
	const int most = (int)HZ_MOSAIC_PARTS - 1, h = (HZ_STAGE_HEIGHT - (most - 1) * GAP) / most / 2 * 2;
	ret[0] = (struct hz_rect){0, 0, HZ_STAGE_WIDTH - STRIP - GAP, HZ_STAGE_HEIGHT};
	for (unsigned i = 1; i < count; i++)
		ret[i] = (struct hz_rect){HZ_STAGE_WIDTH - STRIP,
		                          HZ_STAGE_HEIGHT - h - (int)(count - 1 - i) * (h + GAP), STRIP, h};
}

void hz_sheet_make(uint8_t air, unsigned count, struct hz_rect ret[HZ_MOSAIC_PARTS])
{
	ret[0] = (struct hz_rect){0, 0, HZ_STAGE_WIDTH, HZ_STAGE_HEIGHT};
	if (count > 1 && air == HZ_MOSAIC_AIR_PIP)
		corner(count, ret);
	else if (count > 1)
		side_by_side(count, ret);
}
