// Inside of an opened object: its pixel data as a video (video.h), opened when its first frame is asked for.
#ifndef HZ_MEDIA_IMAGING_FILM_H
#define HZ_MEDIA_IMAGING_FILM_H

#include "media/imaging/internal.h"
#include "media/imaging/video.h"

#ifdef __cplusplus
extern "C" {
#endif

struct hz_film;
int hz_film_new(struct hz_film **ret); // -ENOMEM
void hz_film_free(struct hz_film *film);
// The shape of the frames that come out instead of that of the header: RGB, by pixel.
void hz_film_shape(struct hz_dicom *dicom);
// RGB of a picture, owned by *ret.
int hz_film_frame(const struct hz_dicom *dicom, uint32_t frame, struct hz_dicom_fault *fault,
                  struct hz_frame_source *ret);

#ifdef __cplusplus
}
#endif
#endif
