// Videos made by ffmpeg, what ffmpeg decodes of them, and objects around them.
#ifndef HZ_TESTS_FAKE_FILM_H
#define HZ_TESTS_FAKE_FILM_H

#include "tests/unit/imaging/fake_dicom.h"

#define FILM_COLUMNS 96
#define FILM_ROWS    80

struct fake_film {
	const char *uid;     // transfer syntax
	const char *options; // of the encoder
	const char *ending;  // of the file, which names its container
	uint8_t bits;
};
// `pictures` of them, noisy and moving. planes: what ffmpeg decodes, Y, Cb and Cr of each, 4:2:0.
struct fake_bytes fake_film(const struct fake_film *film, unsigned pictures, struct fake_bytes *planes);
// An object of it, in so many fragments, that says that it has so many frames.
struct fake_bytes fake_film_object(const struct fake_film *film, const struct fake_bytes *stream,
                                   unsigned fragments, uint32_t frames);
struct hz_pixel_shape fake_film_shape(const struct fake_film *film);

#endif
