// A frame of an object that is a video, in a process that decodes: the object stays open, for the next frame comes after this one.
#ifndef HZ_MEDIA_DICOMWEB_TURN_FILM_H
#define HZ_MEDIA_DICOMWEB_TURN_FILM_H

#include "media/imaging/frame.h"

// in: a file; bytes of it; index from 0. Shape of the frame is the object's own. Thread: one.
int hz_turn_film(int in, size_t bytes, uint32_t index, struct hz_dicom_fault *fault, struct hz_frame *ret);
void hz_turn_film_close(void);

#endif
