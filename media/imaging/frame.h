// A frame's bytes into its samples, exactly or not at all. Which library: docs/decisions/017-decoding.md. Thread: any;
// hz_dicom_init() once before.
#ifndef HZ_MEDIA_IMAGING_FRAME_H
#define HZ_MEDIA_IMAGING_FRAME_H

#include "media/imaging/codestream.h"
#include "media/imaging/dicom.h"

#ifdef __cplusplus
extern "C" {
#endif

// `expect` is what the data set says; the codestream decides, and must agree. Harmless, and taken: another precision as
// long as each value means one thing (values above the header's bits come as they are, with the bits of the codestream in
// ret->bits_stored); two's complement of the header's width in a codestream that calls it unsigned; RGB for YBR and YBR
// for RGB where a JPEG says which it is. All else is an error (fault.h).
int hz_frame_decode(const struct hz_frame_source *source, const struct hz_pixel_shape *expect,
                    size_t limit_bytes, struct hz_dicom_fault *fault, struct hz_frame *ret);

// HTJ2K, lossless, RPCL, one tile: T.814 with the constraints of DICOM's 1.2.840.10008.1.2.4.202. Decoded again and
// compared before it is given out (HZ_DICOM_NOT_LOSSLESS). Samples of 8 or 16 bits.
#define HZ_HTJ2K_LEVELS 6
struct hz_htj2k {
	uint8_t *data; // owned, free()
	size_t bytes;
	bool transform;  // RGB was transformed reversibly: Photometric Interpretation YBR_RCT
	unsigned levels; // decompositions, so levels + 1 resolutions
	size_t
	    end[HZ_HTJ2K_LEVELS + 1]; // [r]: so many bytes hold resolution r (0: the smallest); the last: all
};
int hz_frame_encode_htj2k(const struct hz_frame *frame, struct hz_dicom_fault *fault, struct hz_htj2k *ret);
// The two halves of it: made, and not proven yet; the proof, which is as long again.
int hz_frame_make_htj2k(const struct hz_frame *frame, struct hz_dicom_fault *fault, struct hz_htj2k *ret);
int hz_frame_prove_htj2k(const struct hz_frame *frame, const struct hz_htj2k *made,
                         struct hz_dicom_fault *fault);
void hz_htj2k_done(struct hz_htj2k *htj2k);

#ifdef __cplusplus
}
#endif
#endif
