// A Grayscale Softcopy Presentation State: how images were shown, and what was drawn on them (PS3.3 A.33.1, C.10, C.11).
#include "media/imaging/shown_internal.h"

#include <math.h>
#include <new>
#include <string.h>

#define LAYER "CONSULT"

static bool alike(const struct hz_shown_image &a, const struct hz_shown_image &b)
{
	return a.turn == b.turn && a.flip == b.flip && a.inverse == b.inverse && a.rescaled == b.rescaled &&
	       a.slope == b.slope && a.intercept == b.intercept &&
	       strcmp(a.rescale_type, b.rescale_type) == 0;
}

void hz_shown_group(const struct hz_shown &kept, struct hz_shown_groups *ret)
{
	unsigned first[HZ_SHOWN_STATES];
	ret->count = 0;
	for (unsigned i = 0; i < kept.images; i++) {
		int found = -1;
		for (unsigned g = 0; g < ret->count && found < 0; g++)
			found = alike(kept.image[first[g]], kept.image[i]) ? (int)g : -1;
		if (found < 0 && kept.image[i].grey && ret->count < HZ_SHOWN_STATES) {
			found = (int)ret->count;
			first[ret->count++] = i;
		}
		ret->of[i] = kept.image[i].grey ? found : -1;
	}
}

static OFString number(double value)
{
	char text[24];
	snprintf(text, sizeof(text), "%.9g", value);
	return text;
}

static void put_corner(DcmItem &item, const DcmTagKey &tag, const Sint32 *corner)
{
	DcmElement *element = new DcmSignedLong(DcmTag(tag));
	if (element->putSint32Array(corner, 2).good() && item.insert(element, OFTrue).good())
		return;
	delete element;
	throw std::bad_alloc();
}

// The corners of what is seen, as pixels from 1 on, in the way the screen has them (PS3.3 C.10.4). A pane's shape is not
// known: what is seen is as wide to high as the image is.
static void put_area(DcmItem &set, const struct hz_shown_image &image)
{
	static const double cosine[] = {1, 0, -1, 0}, sine[] = {0, 1, 0, -1};
	double c = cosine[image.turn], s = sine[image.turn], side = image.flip ? -1 : 1;
	double right[2] = {c * side, -s}, up[2] = {-s * side, -c},
	       size[2] = {(double)image.columns, (double)image.rows};
	double seen[2] = {image.turn % 2 ? size[1] : size[0], image.turn % 2 ? size[0] : size[1]};
	DcmItem &item = hz_shown_item(set, DCM_DisplayedAreaSelectionSequence);
	hz_shown_reference(item, DCM_ReferencedImageSequence, image);
	Sint32 corner[2][2];
	for (unsigned axis = 0; axis < 2; axis++) {
		double middle = (size[axis] - 1) / 2 - right[axis] * image.pan_x * seen[0] / image.zoom +
		                up[axis] * image.pan_y * seen[1] / image.zoom;
		double half = (right[axis] * seen[0] - up[axis] * seen[1]) / 2 / image.zoom;
		double low = floor(middle - fabs(half) + 0.5) + 1,
		       high = fmax(low, floor(middle + fabs(half) + 0.5));
		corner[0][axis] = (Sint32)fmax(-1e6, fmin(1e6, half > 0 ? low : high));
		corner[1][axis] = (Sint32)fmax(-1e6, fmin(1e6, half > 0 ? high : low));
	}
	put_corner(item, DCM_DisplayedAreaTopLeftHandCorner, corner[0]);
	put_corner(item, DCM_DisplayedAreaBottomRightHandCorner, corner[1]);
	hz_shown_put(item, DCM_PresentationSizeMode, "SCALE TO FIT");
	if (image.spacing[0] > 0 && image.spacing[1] > 0)
		hz_shown_put(item, DCM_PresentationPixelSpacing,
		             number(image.spacing[0]) + "\\" + number(image.spacing[1]));
	else if (image.aspect[0] && image.aspect[1])
		hz_shown_put(item, DCM_PresentationPixelAspectRatio,
		             number(image.aspect[0]) + "\\" + number(image.aspect[1]));
	else
		hz_shown_put(item, DCM_PresentationPixelAspectRatio, "1\\1");
}

static void put_points(DcmItem &item, const DcmTagKey &tag, const float (*point)[2], unsigned count)
{
	Float32 value[2 * (HZ_SHOWN_POINTS + 1)];
	for (unsigned i = 0; i < count; i++) {
		value[2 * i] = point[i][0] + 0.5F; // the corner of the first pixel is 0, 0 here
		value[2 * i + 1] = point[i][1] + 0.5F;
	}
	if (item.putAndInsertFloat32Array(DcmTag(tag), value, 2UL * count).bad())
		throw std::bad_alloc();
}

static void put_graphic(DcmItem &annotation, const char *type, const float (*point)[2], unsigned count)
{
	DcmItem &item = hz_shown_item(annotation, DCM_GraphicObjectSequence);
	hz_shown_put(item, DCM_GraphicAnnotationUnits, "PIXEL");
	hz_shown_put_us(item, DCM_GraphicDimensions, 2);
	hz_shown_put_us(item, DCM_NumberOfGraphicPoints, count);
	put_points(item, DCM_GraphicData, point, count);
	hz_shown_put(item, DCM_GraphicType, type);
	bool closed = strcmp(type, "POLYLINE") != 0 ||
	              (count > 2 && memcmp(point[0], point[count - 1], sizeof(point[0])) == 0);
	if (closed && strcmp(type, "POINT") != 0)
		hz_shown_put(item, DCM_GraphicFilled, "N");
}

static void put_mark(DcmItem &annotation, const struct hz_shown_mark &mark)
{
	const float(*p)[2] = mark.point;
	float made[HZ_SHOWN_POINTS + 1][2];
	if (mark.kind == HZ_SHOWN_ELLIPSE && mark.points >= 2) { // ends of the longer axis, then of the other
		float x = (p[0][0] + p[1][0]) / 2, y = (p[0][1] + p[1][1]) / 2;
		const float wide[2][2] = {{p[0][0], y}, {p[1][0], y}},
		            high[2][2] = {{x, p[0][1]}, {x, p[1][1]}};
		bool lies = fabsf(p[0][0] - p[1][0]) >= fabsf(p[0][1] - p[1][1]);
		memcpy(made, lies ? wide : high, sizeof(wide));
		memcpy(made + 2, lies ? high : wide, sizeof(high));
		put_graphic(annotation, "ELLIPSE", made, 4);
	} else if (mark.kind == HZ_SHOWN_CLOSED && mark.points >= 3) {
		memcpy(made, p, mark.points * sizeof(made[0]));
		memcpy(made[mark.points], p[0], sizeof(made[0]));
		put_graphic(annotation, "POLYLINE", made, mark.points + 1);
	} else if (mark.kind == HZ_SHOWN_POINT || (mark.points == 1 && mark.kind != HZ_SHOWN_WORDS)) {
		put_graphic(annotation, "POINT", p, 1);
	} else if (mark.kind != HZ_SHOWN_WORDS) {
		put_graphic(annotation, "POLYLINE", p, mark.points);
	}
	if (!mark.text || !mark.text[0])
		return;
	DcmItem &text = hz_shown_item(annotation, DCM_TextObjectSequence);
	hz_shown_put(text, DCM_AnchorPointAnnotationUnits, "PIXEL");
	put_points(text, DCM_AnchorPoint, p + mark.points - 1, 1);
	hz_shown_put(text, DCM_AnchorPointVisibility, "N");
	hz_shown_put(text, DCM_UnformattedTextValue, mark.text);
}

static bool drawn(const struct hz_shown_mark &mark)
{
	return mark.kind != HZ_SHOWN_WORDS || (mark.text && mark.text[0]);
}

// Marks of an image as one annotation. Was there any?
static bool put_marks(DcmItem &set, const struct hz_shown &kept, unsigned image)
{
	DcmItem *annotation = NULL;
	for (unsigned i = 0; i < kept.marks; i++) {
		if (kept.mark[i].image != image || !drawn(kept.mark[i]))
			continue;
		if (!annotation) {
			annotation = &hz_shown_item(set, DCM_GraphicAnnotationSequence);
			hz_shown_reference(*annotation, DCM_ReferencedImageSequence, kept.image[image]);
			hz_shown_put(*annotation, DCM_GraphicLayer, LAYER);
		}
		put_mark(*annotation, kept.mark[i]);
	}
	return annotation != NULL;
}

static void put_image(DcmItem &set, const struct hz_shown_image &image)
{
	hz_shown_reference(hz_shown_series(set, DCM_ReferencedSeriesSequence, image.series),
	                   DCM_ReferencedImageSequence, image);
	put_area(set, image);
	if (image.width < 1)
		return;
	DcmItem &voi = hz_shown_item(set, DCM_SoftcopyVOILUTSequence);
	hz_shown_reference(voi, DCM_ReferencedImageSequence, image);
	hz_shown_put(voi, DCM_WindowCenter, number(image.center));
	hz_shown_put(voi, DCM_WindowWidth, number(image.width));
	if (strcmp(image.function, "LINEAR_EXACT") == 0 || strcmp(image.function, "SIGMOID") == 0)
		hz_shown_put(voi, DCM_VOILUTFunction, image.function);
}

void hz_shown_state(DcmItem &set, const struct hz_shown &kept, const struct hz_shown_groups &groups,
                    unsigned at)
{
	const struct hz_shown_image *like = NULL;
	bool marked = false;
	char text[16];
	hz_shown_begin(set, kept, "PR", "Consult: as it was shown");
	hz_shown_put(set, DCM_SOPClassUID, UID_GrayscaleSoftcopyPresentationStateStorage);
	hz_shown_put(set, DCM_SOPInstanceUID, hz_shown_uid_of(kept, HZ_SHOWN_N_PR + at));
	hz_shown_put(set, DCM_SeriesInstanceUID, hz_shown_uid_of(kept, HZ_SHOWN_N_PR_SERIES));
	hz_shown_put(set, DCM_SeriesNumber, "9901");
	hz_shown_put(set, DCM_Laterality, ""); // 2C: of a part that is one of a pair, which nobody said
	snprintf(text, sizeof(text), "%u", at + 1);
	hz_shown_put(set, DCM_InstanceNumber, text);
	hz_shown_put(set, DCM_ContentLabel, LAYER);
	hz_shown_put(set, DCM_ContentDescription, "Shown and marked in a remote consultation");
	hz_shown_put(set, DCM_ContentCreatorName, "");
	hz_shown_put(set, DCM_PresentationCreationDate, kept.date);
	hz_shown_put(set, DCM_PresentationCreationTime, kept.time);
	for (unsigned i = 0; i < kept.images; i++) {
		if (groups.of[i] != (int)at)
			continue;
		like = like ? like : &kept.image[i];
		put_image(set, kept.image[i]);
		marked = put_marks(set, kept, i) || marked;
	}
	if (marked) {
		DcmItem &layer = hz_shown_item(set, DCM_GraphicLayerSequence);
		hz_shown_put(layer, DCM_GraphicLayer, LAYER);
		hz_shown_put(layer, DCM_GraphicLayerOrder, "1");
	}
	// Here the turn comes before the flip, on the table behind it.
	unsigned turn = like->flip ? (4 - like->turn) % 4 : like->turn;
	hz_shown_put_us(set, DCM_ImageRotation, turn * 90);
	hz_shown_put(set, DCM_ImageHorizontalFlip, like->flip ? "Y" : "N");
	if (like->rescaled) {
		hz_shown_put(set, DCM_RescaleIntercept, number(like->intercept));
		hz_shown_put(set, DCM_RescaleSlope, number(like->slope));
		hz_shown_put(set, DCM_RescaleType, like->rescale_type[0] ? like->rescale_type : "US");
	}
	hz_shown_put(set, DCM_PresentationLUTShape, like->inverse ? "INVERSE" : "IDENTITY");
}
