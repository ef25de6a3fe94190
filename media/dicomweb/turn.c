#include "media/dicomweb/turn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/base/seqpacket.h"
#include "media/dicomweb/turn_film.h"
#include "media/imaging/frame.h"
#include "media/imaging/lut.h"
#include "media/imaging/overlay.h"
#include "media/imaging/wave.h"

static uint64_t samples_bytes(const struct hz_dweb_pixels *p)
{
	return (uint64_t)p->rows * p->columns * p->samples * (p->allocated / 8);
}

// Bits of a sample in a JPEG with Huffman-coded DCT; 0: it is none.
static unsigned dct_bits(const uint8_t *data, size_t bytes)
{
	size_t at = 2;
	if (bytes < 4 || data[0] != 0xff || data[1] != 0xd8)
		return 0;
	while (at + 5 <= bytes && data[at] == 0xff) {
		unsigned marker = data[at + 1];
		if (marker >= 0xc0 && marker <= 0xc2)
			return data[at + 4];
		if (marker == 0xc3 || marker == 0xf7 || marker == 0xda || marker == 0xd9)
			return 0;
		at += marker == 0xff ? 1 : 2 + (size_t)(data[at + 2] << 8 | data[at + 3]);
	}
	return 0;
}

// Pixels may begin like a codestream, and a codestream (RLE has no mark at all) may be as long as pixels: its name tells.
static bool could_be_samples(const char *type)
{
	static const char named[] = "transfer-syntax=", jpeg[] = "1.2.840.10008.1.2.4.",
	                  rle[] = "1.2.840.10008.1.2.5";
	const char *syntax = strcasestr(type, named);
	if (strncasecmp(type, "application/octet-stream", 24) != 0)
		return false;
	if (!syntax)
		return true;
	syntax += sizeof(named) - 1;
	syntax += *syntax == '"';
	return strncmp(syntax, jpeg, sizeof(jpeg) - 1) != 0 && strncmp(syntax, rle, sizeof(rle) - 1) != 0;
}

enum hz_turn_kind hz_turn_kind(const struct hz_dweb_pixels *pixels, const char *type, const void *data,
                               size_t bytes)
{
	uint64_t plain = pixels->allocated >= 8 ? samples_bytes(pixels) : 0;
	if (!plain || plain > HZ_TURN_BYTES || bytes > HZ_TURN_BYTES)
		return HZ_TURN_NOT;
	bool padded = bytes == plain + 1 && plain % 2;
	if ((bytes == plain || padded) && could_be_samples(type))
		return HZ_TURN_SAMPLES;
	return dct_bits(data, bytes) == 12 ? HZ_TURN_CODESTREAM : HZ_TURN_NOT;
}

static enum hz_photometric photometric_of(const char *text)
{
	static const struct {
		const char *text;
		enum hz_photometric is;
	} all[] = {
	    {"MONOCHROME1", HZ_MONOCHROME1},
	    {"MONOCHROME2", HZ_MONOCHROME2},
	    {"RGB", HZ_RGB},
	    {"YBR_FULL", HZ_YBR_FULL},
	};
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		if (strcmp(text, all[i].text) == 0)
			return all[i].is;
	}
	return HZ_PHOTOMETRIC_OTHER; // palettes, and what shares chroma: as they came
}

// A frame that came as samples must be those samples: bits beside them (overlays, signs that are not extended) would be lost.
static bool same_samples(const struct hz_turn_order *o, const uint8_t *in, const struct hz_frame *f)
{
	if (o->encoded)
		return true;
	if (o->pixels.planar && o->pixels.samples > 1)
		return o->pixels.stored == o->pixels.allocated; // each value is all of its cell
	return f->bytes <= o->bytes && memcmp(in, f->data, f->bytes) == 0;
}

static int write_all(int fd, const uint8_t *data, size_t bytes)
{
	for (size_t at = 0; at < bytes;) {
		ssize_t n = pwrite(fd, data + at, bytes - at, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -EIO;
		at += (size_t)n;
	}
	return 0;
}

static void tell_made(const struct hz_frame *frame, const struct hz_htj2k *made, int tell,
                      struct hz_turn_result *ret)
{
	_Static_assert(HZ_TURN_LEVELS == HZ_HTJ2K_LEVELS, "as many resolutions");
	ret->bytes = made->bytes;
	ret->levels = made->levels;
	for (unsigned r = 0; r <= made->levels; r++)
		ret->end[r] = made->end[r];
	if (tell < 0 || frame->bytes < HZ_TURN_EARLY)
		return;
	ret->made = 1;
	(void)hz_seqpacket_send(tell, ret, sizeof(*ret)); // not heard: the last word is enough
	ret->made = 0;
}

// Lossless, and looked at again. out: the file, and who is told before it was looked at again (-1: nobody).
static int encode(const struct hz_frame *frame, const int out[2], struct hz_dicom_fault *fault,
                  struct hz_turn_result *ret)
{
	struct hz_htj2k made = {.data = NULL};
	int err = hz_frame_make_htj2k(frame, fault, &made);
	if (!err)
		err = write_all(out[0], made.data, made.bytes);
	if (!err) {
		tell_made(frame, &made, out[1], ret);
		err = hz_frame_prove_htj2k(frame, &made, fault);
	}
	hz_htj2k_done(&made);
	return err;
}

static int turn(const struct hz_turn_order *o, const uint8_t *in, const int out[2],
                struct hz_dicom_fault *fault, struct hz_turn_result *ret)
{
	const struct hz_dweb_pixels *p = &o->pixels;
	const struct hz_pixel_shape shape = {.columns = p->columns,
	                                     .rows = p->rows,
	                                     .samples = p->samples,
	                                     .bits_allocated = p->allocated,
	                                     .bits_stored = p->stored,
	                                     .high_bit = (uint8_t)(p->stored - 1),
	                                     .is_signed = p->is_signed,
	                                     .planar = p->planar,
	                                     .photometric = photometric_of(p->photometric)};
	const struct hz_frame_source source = {.data = in, .bytes = o->bytes, .encoded = o->encoded};
	struct hz_frame frame = {.data = NULL};
	if (shape.photometric == HZ_PHOTOMETRIC_OTHER)
		return hz_dicom_fail(fault, HZ_DICOM_UNSUPPORTED, "colour that is not turned");
	int err = hz_frame_decode(&source, &shape, HZ_TURN_BYTES, fault, &frame);
	if (!err && (frame.bits_stored != p->stored || !same_samples(o, in, &frame)))
		err = hz_dicom_fail(fault, HZ_DICOM_NOT_LOSSLESS, "words hold more than their samples");
	if (!err)
		err = encode(&frame, out, fault, ret);
	hz_frame_done(&frame);
	return err;
}

// What was asked for must be what it is: the word of whoever asked is part of the answer's name.
static int turn_film(const struct hz_turn_order *o, int in, int out, struct hz_dicom_fault *fault,
                     struct hz_turn_result *ret)
{
	const struct hz_dweb_pixels *p = &o->pixels;
	struct hz_frame frame = {.data = NULL};
	int err = hz_turn_film(in, o->bytes, o->film - 1, fault, &frame);
	if (!err && (frame.columns != p->columns || frame.rows != p->rows || frame.samples != p->samples ||
	             frame.cell * 8 != p->allocated || frame.bits_stored != p->stored))
		err = hz_dicom_fail(fault, HZ_DICOM_SIZE, "a video of %u x %u, asked for as %u x %u",
		                    frame.columns, frame.rows, p->columns, p->rows);
	if (!err)
		err = encode(&frame, (const int[2]){out, -1}, fault, ret);
	hz_frame_done(&frame);
	return err;
}

static int waves_of(const uint8_t *in, size_t in_bytes, struct hz_dicom_fault *fault, char **text,
                    size_t *bytes)
{
	struct hz_wave *wave = NULL;
	int err = hz_wave_open(in, in_bytes, NULL, fault, &wave);
	if (!err)
		err = hz_wave_json(wave, fault, text, bytes);
	hz_wave_close(wave);
	return err;
}

typedef int say_json(const struct hz_dicom *dicom, struct hz_dicom_fault *fault, char **ret,
                     size_t *ret_bytes);

static int image_says(const uint8_t *in, size_t in_bytes, say_json *say, struct hz_dicom_fault *fault,
                      char **text, size_t *bytes)
{
	struct hz_dicom *dicom = NULL;
	int err = hz_dicom_open(in, in_bytes, NULL, fault, &dicom);
	if (!err)
		err = say(dicom, fault, text, bytes);
	hz_dicom_close(dicom);
	return err;
}

// What cannot be read is answered too: with the word why, which stays true of that object.
static int read_object(const struct hz_turn_order *o, const uint8_t *in, int out, struct hz_turn_result *ret)
{
	struct hz_dicom_fault fault = {.code = HZ_DICOM_OK};
	char *text = NULL, why[80];
	size_t bytes = 0;
	say_json *say = o->reads == HZ_DWEB_LUTS ? hz_lut_json : hz_overlay_json;
	int err = o->reads == HZ_DWEB_WAVE ? waves_of(in, o->bytes, &fault, &text, &bytes)
	                                   : image_says(in, o->bytes, say, &fault, &text, &bytes);
	if (err && fault.code == HZ_DICOM_MEMORY)
		return err; // of ours, now
	if (err)
		bytes =
		    (size_t)snprintf(why, sizeof(why), "{\"fault\":\"%s\"}", hz_dicom_code_name(fault.code));
	err = write_all(out, (const uint8_t *)(text ? text : why), bytes);
	free(text);
	ret->bytes = ret->end[0] = err ? 0 : bytes;
	return err;
}

void hz_turn_do(const struct hz_turn_order *order, int in, int out, int tell, struct hz_turn_result *ret)
{
	struct hz_dicom_fault fault = {.code = HZ_DICOM_STRUCTURE};
	const int outs[2] = {out, tell};
	struct stat st;
	int err = -EBADMSG;
	*ret = (struct hz_turn_result){.id = order->id};
	if (order->film) {
		err = in >= 0 && out >= 0 ? turn_film(order, in, out, &fault, ret) : -EBADMSG;
		ret->bytes = err ? 0 : ret->bytes;
		ret->fault = err ? fault.code : HZ_DICOM_OK;
		return;
	}
	bool there = in >= 0 && out >= 0 && order->bytes && order->bytes <= HZ_TURN_BYTES &&
	             fstat(in, &st) == 0 && (uint64_t)st.st_size >= order->bytes;
	void *map = there ? mmap(NULL, order->bytes, PROT_READ, MAP_PRIVATE, in, 0) : MAP_FAILED;
	if (map != MAP_FAILED) {
		err = order->reads ? read_object(order, map, out, ret) : turn(order, map, outs, &fault, ret);
		munmap(map, order->bytes);
	}
	if (err) {
		ret->bytes = 0;
		ret->fault = fault.code;
	}
}
