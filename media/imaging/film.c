#include "media/imaging/film.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct hz_film {
	struct hz_video *video;
	uint8_t *joined;             // owned; of several fragments
	struct hz_pixel_shape shape; // as the header says it
	struct hz_dicom_fault fault; // a stream that cannot be opened is not tried again
};

int hz_film_new(struct hz_film **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

void hz_film_free(struct hz_film *film)
{
	if (!film)
		return;
	hz_video_close(film->video);
	free(film->joined);
	free(film);
}

void hz_film_shape(struct hz_dicom *dicom)
{
	struct hz_pixel_shape *s = &dicom->image.shape;
	dicom->film->shape = *s;
	dicom->image.lossy = true;
	s->planar = false;
	if (s->samples == 3)
		s->photometric = HZ_RGB;
}

// PS3.5 A.4.5 and on: one stream, in however many fragments. Of a file that is cut what is there of the last one, too.
static int stream_of(const struct hz_dicom *d, struct hz_dicom_fault *fault, const uint8_t **ret,
                     size_t *ret_bytes)
{
	const struct hz_scan *scan = &d->scan;
	size_t bytes = scan->rest.bytes, at = 0;
	for (uint32_t i = 0; i < scan->fragments; i++)
		bytes += scan->fragment[i].bytes;
	if (bytes == 0)
		return hz_dicom_fail(fault, HZ_DICOM_PIXELS_SHORT, "no fragment of pixel data");
	*ret_bytes = bytes;
	if (scan->fragments + (scan->rest.bytes > 0) == 1) {
		*ret = scan->fragments ? scan->fragment[0].data : scan->rest.data;
		return 0;
	}
	free(d->film->joined); // of a time before when there was no memory for the rest
	d->film->joined = malloc(bytes);
	if (!d->film->joined)
		return hz_dicom_fail(fault, HZ_DICOM_MEMORY, "no memory for a video");
	for (uint32_t i = 0; i < scan->fragments; at += scan->fragment[i++].bytes)
		memcpy(d->film->joined + at, scan->fragment[i].data, scan->fragment[i].bytes);
	if (scan->rest.bytes)
		memcpy(d->film->joined + at, scan->rest.data, scan->rest.bytes);
	*ret = d->film->joined;
	return 0;
}

static int open_video(const struct hz_dicom *d, struct hz_dicom_fault *fault)
{
	struct hz_film *film = d->film;
	const struct hz_video_limits limits = {.pictures = d->limits.frames,
	                                       .pixels = d->limits.video_pixels ? d->limits.video_pixels
	                                                                        : HZ_VIDEO_PIXELS,
	                                       .frame_bytes = d->limits.frame_bytes};
	const uint8_t *bytes = NULL;
	size_t count = 0;
	if (!film->fault.code && !film->video) {
		int err = stream_of(d, &film->fault, &bytes, &count);
		if (err == 0)
			err = hz_video_open(bytes, count, &film->shape, &limits, &film->fault, &film->video);
		if (err == -ENOMEM) // of now, not of the file
			film->fault.code = HZ_DICOM_OK;
		if (err == -ENOMEM)
			return hz_dicom_fail(fault, HZ_DICOM_MEMORY, "no memory for a video");
	}
	if (!film->fault.code)
		return 0;
	return hz_dicom_fail(fault, film->fault.code, "%s", film->fault.text);
}

int hz_film_frame(const struct hz_dicom *dicom, uint32_t frame, struct hz_dicom_fault *fault,
                  struct hz_frame_source *ret)
{
	struct hz_video_planes planes = {.columns = 0};
	int err = open_video(dicom, fault);
	if (err == 0)
		err = hz_video_picture(dicom->film->video, frame, fault, &planes);
	if (err < 0)
		return err;
	size_t bytes = (size_t)planes.columns * planes.rows * 3 * (planes.bits > 8 ? 2 : 1);
	uint8_t *rgb = bytes ? malloc(bytes) : NULL;
	if (!rgb)
		return hz_dicom_fail(fault, HZ_DICOM_MEMORY, "no memory for a frame");
	hz_video_rgb(&planes, rgb);
	*ret = (struct hz_frame_source){.data = rgb, .bytes = bytes, .owned = rgb};
	return 0;
}
