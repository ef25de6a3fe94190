#include "media/imaging/dicom.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "media/imaging/film.h"
#include "media/imaging/internal.h"

const struct hz_dicom_limits hz_dicom_limits_default = {
    .file_bytes = 1u << 30,
    .inflated_bytes = 512u << 20,
    .header_bytes = 64u << 20,
    .elements = 2000000,
    .depth = 16,
    .frames = 100000,
    .fragments = 400000,
    .frame_bytes = 256u << 20,
};

// Syntaxes whose pixel data nobody here decodes: JPEG XL, JPIP, JPEG 2000 part 2, SMPTE ST 2110, RFC 2557, XML and Papyrus.
static const char *const refused[] = {
    "1.2.840.10008.1.2.4.110", "1.2.840.10008.1.2.4.111", "1.2.840.10008.1.2.4.112",
    "1.2.840.10008.1.2.4.92",  "1.2.840.10008.1.2.4.93",  "1.2.840.10008.1.2.4.94",
    "1.2.840.10008.1.2.4.95",  "1.2.840.10008.1.2.4.204", "1.2.840.10008.1.2.4.205",
    "1.2.840.10008.1.2.6.1",   "1.2.840.10008.1.2.6.2",   "1.2.840.10008.1.2.7.1",
    "1.2.840.10008.1.2.7.2",   "1.2.840.10008.1.2.7.3",   "1.2.840.10008.1.20",
};

static bool is_video(const char *syntax)
{
	static const char stem[] = "1.2.840.10008.1.2.4.10"; // .100 to .108, each also with .1
	size_t n = sizeof(stem) - 1;
	return strncmp(syntax, stem, n) == 0 && syntax[n] >= '0' && syntax[n] <= '8' &&
	       (syntax[n + 1] == 0 || strcmp(syntax + n + 1, ".1") == 0);
}

static int check_syntax(const struct hz_dicom *dicom, struct hz_dicom_fault *fault)
{
	const char *syntax = dicom->scan.transfer_syntax;
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		if (strcmp(syntax, refused[i]) == 0)
			return hz_dicom_fail(fault, HZ_DICOM_TRANSFER_SYNTAX,
			                     "transfer syntax %s is not decoded here", syntax);
	}
	if (strncmp(syntax, "1.2.840.10008.1.2", 17) != 0 || (syntax[17] && syntax[17] != '.'))
		return hz_dicom_fail(fault, HZ_DICOM_TRANSFER_SYNTAX,
		                     "a transfer syntax that is not DICOM's");
	if (dicom->scan.encapsulated && dicom->scan.encoding != HZ_EXPLICIT_LE)
		return hz_dicom_fail(fault, HZ_DICOM_STRUCTURE,
		                     "encapsulated pixel data in transfer syntax %s", syntax);
	return 0;
}

static int check_size(const struct hz_dicom *dicom, struct hz_dicom_fault *fault)
{
	const struct hz_pixel_shape *s = &dicom->image.shape;
	uint64_t cell = s->bits_allocated < 8 ? 1 : s->bits_allocated / 8;
	if ((uint64_t)s->columns * s->rows * s->samples * cell > dicom->limits.frame_bytes)
		return hz_dicom_fail(fault, HZ_DICOM_TOO_BIG, "a frame of %u x %u is more than %zu bytes",
		                     s->columns, s->rows, dicom->limits.frame_bytes);
	if (!dicom->scan.encapsulated && hz_native_frame_bits(s) == 0)
		return hz_dicom_fail(fault, HZ_DICOM_ATTRIBUTE,
		                     "a Photometric Interpretation that native pixels cannot have");
	return 0;
}

static int open_scanned(struct hz_dicom *d, struct hz_dicom_fault *fault)
{
	memcpy(d->image.transfer_syntax, d->scan.transfer_syntax, sizeof(d->image.transfer_syntax));
	int err = hz_dataset_read(d, fault);
	if (err == 0)
		err = check_syntax(d, fault);
	if (err == 0)
		err = check_size(d, fault);
	d->video = d->scan.encapsulated && is_video(d->scan.transfer_syntax);
	if (err == 0 && d->video && hz_film_new(&d->film) < 0)
		err = hz_dicom_fail(fault, HZ_DICOM_MEMORY, "no memory for a video");
	if (err == 0 && d->video)
		hz_film_shape(d);
	return err < 0 ? err : hz_index_frames(d, fault);
}

int hz_dicom_open(const uint8_t *bytes, size_t count, const struct hz_dicom_limits *limits,
                  struct hz_dicom_fault *fault, struct hz_dicom **ret)
{
	struct hz_dicom *d = calloc(1, sizeof(*d));
	if (!d)
		return hz_dicom_fail(fault, HZ_DICOM_MEMORY, "no memory");
	d->limits = limits ? *limits : hz_dicom_limits_default;
	int err = hz_scan(bytes, count, &d->limits, fault, &d->scan);
	if (err == 0)
		err = open_scanned(d, fault);
	if (err < 0) {
		hz_dicom_close(d);
		return err;
	}
	*ret = d;
	return 0;
}

static int read_all(int fd, size_t limit, struct hz_dicom_fault *fault, uint8_t **ret, size_t *ret_bytes)
{
	size_t room = 64u << 10, used = 0;
	uint8_t *buf = malloc(room);
	int err = buf ? 0 : hz_dicom_fail(fault, HZ_DICOM_MEMORY, "no memory for the file");
	while (err == 0) {
		if (used == room) {
			uint8_t *more = room > limit ? NULL : realloc(buf, room * 2);
			if (!more) {
				err = room > limit
				          ? hz_dicom_fail(fault, HZ_DICOM_TOO_BIG,
				                          "a file of more than %zu bytes", limit)
				          : hz_dicom_fail(fault, HZ_DICOM_MEMORY, "no memory for the file");
				break;
			}
			buf = more;
			room *= 2;
		}
		ssize_t n = pread(fd, buf + used, room - used, (off_t)used);
		if (n < 0 && errno != EINTR) {
			err = -errno;
			hz_dicom_fail(fault, HZ_DICOM_TRUNCATED, "the file cannot be read: %s",
			              strerror(-err));
		}
		if (n == 0)
			break;
		used += n > 0 ? (size_t)n : 0;
	}
	if (err < 0) {
		free(buf);
		return err;
	}
	*ret = buf;
	*ret_bytes = used;
	return 0;
}

int hz_dicom_open_fd(int fd, const struct hz_dicom_limits *limits, struct hz_dicom_fault *fault,
                     struct hz_dicom **ret)
{
	uint8_t *bytes;
	size_t count;
	struct hz_dicom *d;
	int err =
	    read_all(fd, (limits ? limits : &hz_dicom_limits_default)->file_bytes, fault, &bytes, &count);
	if (err < 0)
		return err;
	err = hz_dicom_open(bytes, count, limits, fault, &d);
	if (err < 0) {
		free(bytes);
		return err;
	}
	d->file = bytes;
	*ret = d;
	return 0;
}

void hz_image_done(struct hz_dicom_image *image)
{
	free(image->modality_lut.data);
	for (unsigned i = 0; i < HZ_DICOM_LUTS; i++)
		free(image->voi_lut[i].data);
	for (unsigned i = 0; i < 3; i++)
		free(image->palette[i].data);
	for (unsigned i = 0; i < HZ_DICOM_OVERLAYS; i++)
		free(image->overlay[i].bits);
}

void hz_dicom_close(struct hz_dicom *dicom)
{
	if (!dicom)
		return;
	hz_image_done(&dicom->image);
	hz_scan_done(&dicom->scan);
	hz_film_free(dicom->film);
	free(dicom->plane);
	free(dicom->range);
	free(dicom->extended_owned);
	free(dicom->file);
	free(dicom);
}

const struct hz_dicom_image *hz_dicom_image(const struct hz_dicom *dicom)
{
	return &dicom->image;
}

const struct hz_dicom_plane *hz_dicom_plane(const struct hz_dicom *dicom, uint32_t frame)
{
	return &dicom->plane[frame < dicom->planes ? frame : 0];
}

bool hz_dicom_is_video(const struct hz_dicom *dicom)
{
	return dicom->video;
}

bool hz_dicom_is_cut(const struct hz_dicom *dicom)
{
	return dicom->scan.cut;
}

static int join(const struct hz_dicom *d, uint32_t first, uint32_t count, struct hz_dicom_fault *fault,
                struct hz_frame_source *ret)
{
	const struct hz_fragment *f = d->scan.fragment + first;
	size_t bytes = 0;
	for (uint32_t i = 0; i < count; i++)
		bytes += f[i].bytes;
	*ret = (struct hz_frame_source){.data = f->data, .bytes = bytes, .encoded = true};
	if (count == 1)
		return 0;
	ret->owned = malloc(bytes ? bytes : 1);
	if (!ret->owned)
		return hz_dicom_fail(fault, HZ_DICOM_MEMORY, "no memory for a codestream");
	for (size_t at = 0; count-- > 0; at += f->bytes, f++)
		memcpy(ret->owned + at, f->data, f->bytes);
	ret->data = ret->owned;
	return 0;
}

// Big-endian words turned: byte i of a little-endian stream of words is byte i ^ (word - 1) of theirs.
static int turn(const struct hz_dicom *d, uint64_t at, size_t bytes, struct hz_dicom_fault *fault,
                struct hz_frame_source *ret)
{
	ret->owned = malloc(bytes);
	if (!ret->owned)
		return hz_dicom_fail(fault, HZ_DICOM_MEMORY, "no memory for a frame");
	for (size_t i = 0; i < bytes; i++) {
		uint64_t from = (at + i) ^ (d->scan.word - 1u);
		ret->owned[i] = from < d->scan.pixel_bytes ? d->scan.pixels[from] : 0;
	}
	ret->data = ret->owned;
	return 0;
}

static int native(const struct hz_dicom *d, uint32_t frame, struct hz_dicom_fault *fault,
                  struct hz_frame_source *ret)
{
	uint64_t bits = hz_native_frame_bits(&d->image.shape), from = bits * frame, to = from + bits;
	if ((to + 7) / 8 > d->scan.pixel_bytes)
		return hz_dicom_fail(fault, HZ_DICOM_PIXELS_SHORT,
		                     "frame %u needs %llu bytes of pixel data, %zu are there", frame + 1,
		                     (unsigned long long)(to + 7) / 8, d->scan.pixel_bytes);
	uint64_t at = from / 8;
	size_t bytes = (size_t)((to + 7) / 8 - at);
	*ret = (struct hz_frame_source){
	    .data = d->scan.pixels + at, .bytes = bytes, .bit_offset = (uint8_t)(from % 8)};
	return d->scan.encoding == HZ_EXPLICIT_BE && d->scan.word > 1 ? turn(d, at, bytes, fault, ret) : 0;
}

// Deflated Image Frame (PS3.5 A.4.13): native samples, deflated frame by frame.
static int inflate_frame(const struct hz_dicom *d, struct hz_dicom_fault *fault, struct hz_frame_source *ret)
{
	uint8_t *bytes = NULL;
	size_t count = 0;
	int err = hz_inflate(ret->data, ret->bytes, d->limits.frame_bytes, fault, &bytes, &count);
	hz_frame_source_done(ret);
	if (err == 0)
		*ret = (struct hz_frame_source){.data = bytes, .bytes = count, .owned = bytes};
	return err;
}

int hz_dicom_frame(const struct hz_dicom *dicom, uint32_t frame, struct hz_dicom_fault *fault,
                   struct hz_frame_source *ret)
{
	if (frame >= dicom->image.frames)
		return hz_dicom_fail(fault, HZ_DICOM_PIXELS_SHORT, "frame %u of %u", frame + 1,
		                     dicom->image.frames);
	if (!dicom->scan.encapsulated)
		return native(dicom, frame, fault, ret);
	if (dicom->video)
		return hz_film_frame(dicom, frame, fault, ret);
	if (frame >= dicom->ranges)
		return hz_dicom_fail(fault, HZ_DICOM_PIXELS_SHORT,
		                     "the pixel data ends in front of the end of frame %u", frame + 1);
	int err = join(dicom, dicom->range[frame].first, dicom->range[frame].count, fault, ret);
	if (err == 0 && strcmp(dicom->scan.transfer_syntax, "1.2.840.10008.1.2.1.98") == 0)
		ret->encoded = false; // encapsulated, uncompressed (PS3.5 A.4.11)
	if (err == 0 && strcmp(dicom->scan.transfer_syntax, "1.2.840.10008.1.2.8.1") == 0)
		err = inflate_frame(dicom, fault, ret);
	if (err < 0)
		hz_frame_source_done(ret);
	return err;
}

void hz_frame_source_done(struct hz_frame_source *source)
{
	free(source->owned);
	memset(source, 0, sizeof(*source));
}
