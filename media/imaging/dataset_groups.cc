// Planes: position, orientation, spacing, rescale and window of each frame: functional groups of enhanced multi-frame
// objects (PS3.3 C.7.6.16), else the attributes of the image itself.
#include "media/imaging/attributes.h"

#include <stdlib.h>

// The item of a functional group: the frame's own, else the shared one.
static DcmItem *group_item(DcmItem *frame, DcmItem *shared, const DcmTagKey &sequence)
{
	DcmItem *found = frame ? hz_get_item(*frame, sequence, 0) : NULL;
	return found || !shared ? found : hz_get_item(*shared, sequence, 0);
}

static int read_values(DcmItem &item, struct hz_dicom_plane *plane, struct hz_dicom_fault *fault)
{
	if (!item.tagExistsWithValue(DCM_RescaleSlope) && !item.tagExistsWithValue(DCM_RescaleIntercept))
		return 0;
	if (!hz_get_double(item, DCM_RescaleSlope, 0, &plane->slope) || plane->slope == 0 ||
	    !hz_get_double(item, DCM_RescaleIntercept, 0, &plane->intercept))
		return hz_dicom_fail(fault, HZ_DICOM_ATTRIBUTE,
		                     "rescale slope and intercept that are no numbers");
	return 0;
}

static void read_measures(DcmItem &item, struct hz_dicom_plane *plane)
{
	plane->has_spacing = hz_get_doubles(item, DCM_PixelSpacing, 2, plane->spacing) &&
	                     plane->spacing[0] > 0 && plane->spacing[1] > 0;
	hz_get_double(item, DCM_SliceThickness, 0, &plane->thickness);
}

static void read_groups(DcmItem *frame, DcmItem *shared, struct hz_dicom_plane *plane)
{
	DcmItem *item = group_item(frame, shared, DCM_PixelMeasuresSequence);
	if (item)
		read_measures(*item, plane);
	if ((item = group_item(frame, shared, DCM_PlanePositionSequence)) != NULL)
		plane->has_position = hz_get_doubles(*item, DCM_ImagePositionPatient, 3, plane->position);
	if ((item = group_item(frame, shared, DCM_PlaneOrientationSequence)) != NULL)
		plane->has_orientation =
		    hz_get_doubles(*item, DCM_ImageOrientationPatient, 6, plane->orientation);
	if ((item = group_item(frame, shared, DCM_FrameVOILUTSequence)) != NULL)
		plane->has_window = hz_read_windows(*item, &plane->window, 1, &plane->function) == 1;
	if ((item = group_item(frame, shared, DCM_FrameContentSequence)) != NULL) {
		hz_get_code(*item, DCM_StackID, plane->stack, sizeof(plane->stack));
		hz_get_uint(*item, DCM_InStackPositionNumber, &plane->stack_position);
		hz_get_uint(*item, DCM_TemporalPositionIndex, &plane->temporal_position);
	}
}

static void read_single(DcmItem &dataset, struct hz_dicom_plane *plane)
{
	read_measures(dataset, plane);
	plane->has_position = hz_get_doubles(dataset, DCM_ImagePositionPatient, 3, plane->position);
	plane->has_orientation = hz_get_doubles(dataset, DCM_ImageOrientationPatient, 6, plane->orientation);
}

// What no group says, the image itself does: multi-frame secondary captures have their rescale there (PS3.3 C.8.6.3), beside groups.
static int read_plane(DcmItem &dataset, DcmItem *frame, DcmItem *shared, struct hz_dicom_plane *plane,
                      struct hz_dicom_fault *fault)
{
	read_single(dataset, plane);
	read_groups(frame, shared, plane);
	DcmItem *item = group_item(frame, shared, DCM_PixelValueTransformationSequence);
	return read_values(item ? *item : dataset, plane, fault);
}

int hz_read_planes(DcmItem &dataset, struct hz_dicom *dicom, struct hz_dicom_fault *fault)
{
	DcmItem *shared = hz_get_item(dataset, DCM_SharedFunctionalGroupsSequence, 0);
	DcmSequenceOfItems *frames = NULL;
	dataset.findAndGetSequence(DCM_PerFrameFunctionalGroupsSequence, frames);
	bool enhanced = dicom->image.enhanced = shared || frames;
	uint32_t count = enhanced ? dicom->image.frames : 1;
	if (frames && frames->card() < dicom->image.frames)
		return hz_dicom_fail(fault, HZ_DICOM_ATTRIBUTE, "functional groups for %lu frames of %u",
		                     frames->card(), dicom->image.frames);
	dicom->plane = (struct hz_dicom_plane *)calloc(count, sizeof(*dicom->plane));
	if (!dicom->plane)
		return hz_dicom_fail(fault, HZ_DICOM_MEMORY, "no memory for %u frames", count);
	dicom->planes = count;
	DcmObject *at = NULL; // items are a list: by number each would be counted from the first
	for (uint32_t i = 0; i < count; i++) {
		dicom->plane[i].slope = 1;
		at = frames ? frames->nextInContainer(at) : NULL;
		int err = read_plane(dataset, OFstatic_cast(DcmItem *, at), shared, &dicom->plane[i], fault);
		if (err < 0)
			return err;
	}
	return 0;
}
