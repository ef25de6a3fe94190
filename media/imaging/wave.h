// Waveforms that somebody sent (PS3.3 C.10.9: ECG and the like): samples exactly as they are stored, and what they mean. Read within
// limits, or refused with a word why. The structure is walked by scan.h first; DCMTK reads the attributes. Thread: as dicom.h.
#ifndef HZ_MEDIA_IMAGING_WAVE_H
#define HZ_MEDIA_IMAGING_WAVE_H

#include "media/imaging/dicom.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HZ_WAVE_GROUPS   8
#define HZ_WAVE_CHANNELS 64         // of a group
#define HZ_WAVE_SAMPLES  (4u << 20) // of all channels together
#define HZ_WAVE_HZ_MAX   1000000.0

// Physical value = sample * sensitivity * correction + baseline, in units (C.10.9.1.4).
struct hz_wave_channel {
	char code[33], scheme[33],
	    label[129];       // of its source: "2:1" of SCPECG or MDC; what people call it, UTF-8
	char units[33];       // UCUM: "uV"
	bool has_sensitivity; // else nothing can be measured
	double sensitivity, correction, baseline;
	double skew_s;                    // its samples are so much later
	double low_hz, high_hz, notch_hz; // of its filters; 0: not said
	uint32_t bits;                    // stored
};

struct hz_wave_group {
	char label[129]; // "RHYTHM"; UTF-8
	double hz, offset_ms;
	uint32_t channels, samples; // samples of each channel
	bool has_padding;
	int32_t padding; // no sample
	struct hz_wave_channel *channel;
	int32_t *data; // channel after channel
};

struct hz_wave {
	char sop_class[65], sop_instance[65], modality[20];
	unsigned groups;
	struct hz_wave_group group[HZ_WAVE_GROUPS];
};

// -ENODATA HZ_DICOM_NO_IMAGE: no waveform in it. -EBADMSG PIXELS_SHORT: fewer samples than it says.
int hz_wave_open(const uint8_t *bytes, size_t count, const struct hz_dicom_limits *limits,
                 struct hz_dicom_fault *fault, struct hz_wave **ret);
void hz_wave_close(struct hz_wave *wave); // NULL allowed

// As JSON for viewers: {"groups": [{"label", "hz", "samples", "format": "int16" or "int32", "padding", "channels": [{"code", "scheme", "label",
// "units", "sensitivity", "correction", "baseline", "skew_s", "low_hz", "high_hz", "notch_hz"}], "data": base64, little endian, channel
// after channel}]}. What is not known is left out. *ret: free().
int hz_wave_json(const struct hz_wave *wave, struct hz_dicom_fault *fault, char **ret, size_t *ret_bytes);

#ifdef __cplusplus
}
#endif
#endif
