// Waveform sequences by DCMTK, from the bytes that hz_scan() found sound. No exception leaves this file.
#include "media/imaging/wave.h"

#include <errno.h>
#include <math.h>
#include <new>
#include <stdlib.h>

#include "media/imaging/attributes.h"

struct reader {
	struct hz_text_reader text;
	struct hz_dicom_fault *fault;
	uint64_t left; // samples that may still come
};

static void read_code(struct reader &r, DcmItem &from, const DcmTagKey &sequence, char *ret, size_t room)
{
	DcmItem *item = hz_get_item(from, sequence, 0);
	if (item)
		hz_get_text(r.text, *item, DCM_CodeValue, ret, room);
}

static void read_source(struct reader &r, DcmItem &from, struct hz_wave_channel *c)
{
	DcmItem *item = hz_get_item(from, DCM_ChannelSourceSequence, 0);
	hz_get_text(r.text, from, DCM_ChannelLabel, c->label, sizeof(c->label));
	if (!item)
		return;
	hz_get_text(r.text, *item, DCM_CodeValue, c->code, sizeof(c->code));
	hz_get_text(r.text, *item, DCM_CodingSchemeDesignator, c->scheme, sizeof(c->scheme));
	if (!c->label[0])
		hz_get_text(r.text, *item, DCM_CodeMeaning, c->label, sizeof(c->label));
}

static void read_channel(struct reader &r, DcmItem &from, double hz, struct hz_wave_channel *c)
{
	double samples = 0;
	read_source(r, from, c);
	c->correction = 1;
	c->has_sensitivity =
	    hz_get_double(from, DCM_ChannelSensitivity, 0, &c->sensitivity) && c->sensitivity != 0;
	(void)hz_get_double(from, DCM_ChannelSensitivityCorrectionFactor, 0, &c->correction);
	(void)hz_get_double(from, DCM_ChannelBaseline, 0, &c->baseline);
	read_code(r, from, DCM_ChannelSensitivityUnitsSequence, c->units, sizeof(c->units));
	c->has_sensitivity = c->has_sensitivity && c->units[0] && c->correction != 0;
	if (!hz_get_double(from, DCM_ChannelTimeSkew, 0, &c->skew_s) &&
	    hz_get_double(from, DCM_ChannelSampleSkew, 0, &samples))
		c->skew_s = samples / hz;
	(void)hz_get_double(from, DCM_FilterLowFrequency, 0, &c->low_hz);
	(void)hz_get_double(from, DCM_FilterHighFrequency, 0, &c->high_hz);
	(void)hz_get_double(from, DCM_NotchFilterFrequency, 0, &c->notch_hz);
	(void)hz_get_uint(from, DCM_WaveformBitsStored, &c->bits);
}

enum kind { S8, U8, S16, U16, S32, U32, KINDS };

static int read_kind(struct reader &r, DcmItem &item, enum kind *ret)
{
	static const struct {
		const char *name;
		uint32_t bits;
	} kinds[KINDS] = {{"SB", 8}, {"UB", 8}, {"SS", 16}, {"US", 16}, {"SL", 32}, {"UL", 32}};
	char name[17];
	uint32_t bits = 0;
	if (!hz_get_uint(item, DCM_WaveformBitsAllocated, &bits) ||
	    !hz_get_code(item, DCM_WaveformSampleInterpretation, name, sizeof(name)))
		return hz_dicom_fail(r.fault, HZ_DICOM_ATTRIBUTE, "a waveform without its kind of samples");
	for (unsigned i = 0; i < KINDS; i++) {
		if (strcmp(name, kinds[i].name) != 0)
			continue;
		if (bits != kinds[i].bits)
			return hz_dicom_fail(r.fault, HZ_DICOM_ATTRIBUTE, "%s samples of %u bits",
			                     kinds[i].name, bits);
		*ret = (enum kind)i;
		return 0;
	}
	return hz_dicom_fail(r.fault, HZ_DICOM_UNSUPPORTED, "samples that are no integers");
}

// The bytes of a value in little endian: words in the machine's order are turned where that is needed.
struct samples {
	const Uint8 *bytes;
	const Uint16 *words; // else
	unsigned long count; // bytes
};

static bool get_samples(DcmItem &item, const DcmTagKey &tag, bool wide, struct samples *ret)
{
	DcmElement *element = NULL;
	Uint8 *bytes = NULL;
	Uint16 *words = NULL;
	*ret = {};
	if (item.findAndGetElement(tag, element).bad() || !element)
		return false;
	ret->count = element->getLengthField();
	if (wide && element->getUint16Array(words).good() && words) {
		ret->words = words;
		ret->count = ret->count / 2 * 2;
	} else if (element->getUint8Array(bytes).good() && bytes) {
		ret->bytes = bytes;
	}
	return ret->words || ret->bytes;
}

static uint32_t byte_at(const struct samples *s, uint64_t at)
{
	return s->words ? (uint32_t)(s->words[at / 2] >> (at % 2 * 8)) & 0xff : s->bytes[at];
}

static bool value_at(const struct samples *s, enum kind kind, uint64_t index, int32_t *ret)
{
	unsigned wide = kind < S16 ? 1 : kind < S32 ? 2 : 4;
	uint32_t v = 0;
	for (unsigned i = 0; i < wide; i++)
		v |= byte_at(s, index * wide + i) << (8 * i);
	if (kind == U32 && v > INT32_MAX)
		return false;
	*ret = kind == S8 ? (int8_t)v : kind == S16 ? (int16_t)v : (int32_t)v;
	return true;
}

static int read_data(struct reader &r, DcmItem &item, struct hz_wave_group *g)
{
	struct samples s;
	enum kind kind = S16;
	int err = read_kind(r, item, &kind);
	if (err < 0)
		return err;
	unsigned wide = kind < S16 ? 1 : kind < S32 ? 2 : 4;
	uint64_t count = (uint64_t)g->channels * g->samples;
	if (!get_samples(item, DCM_WaveformData, wide > 1, &s) || s.count / wide < count)
		return hz_dicom_fail(r.fault, HZ_DICOM_PIXELS_SHORT,
		                     "a waveform of %llu samples, %lu are there", (unsigned long long)count,
		                     s.count / wide);
	if (s.count > count * wide + 3)
		return hz_dicom_fail(r.fault, HZ_DICOM_ATTRIBUTE, "more samples than the waveform says");
	g->data = (int32_t *)malloc(count * sizeof(*g->data));
	if (!g->data)
		return hz_dicom_fail(r.fault, HZ_DICOM_MEMORY, "no memory for a waveform");
	for (uint64_t i = 0; i < count; i++) { // sample after sample, of all channels in turn
		int32_t *to = &g->data[i % g->channels * g->samples + i / g->channels];
		if (!value_at(&s, kind, i, to))
			return hz_dicom_fail(r.fault, HZ_DICOM_UNSUPPORTED, "samples of more than 31 bits");
	}
	struct samples padding;
	g->has_padding = get_samples(item, DCM_WaveformPaddingValue, wide > 1, &padding) &&
	                 padding.count >= wide && value_at(&padding, kind, 0, &g->padding);
	return 0;
}

static int read_group(struct reader &r, DcmItem &item, struct hz_wave_group *g)
{
	if (!hz_get_uint(item, DCM_NumberOfWaveformChannels, &g->channels) ||
	    !hz_get_uint(item, DCM_NumberOfWaveformSamples, &g->samples) || !g->channels || !g->samples)
		return hz_dicom_fail(r.fault, HZ_DICOM_ATTRIBUTE, "a waveform without channels or samples");
	if (g->channels > HZ_WAVE_CHANNELS || (uint64_t)g->channels * g->samples > r.left)
		return hz_dicom_fail(r.fault, HZ_DICOM_TOO_MANY, "%u channels of %u samples", g->channels,
		                     g->samples);
	if (!hz_get_double(item, DCM_SamplingFrequency, 0, &g->hz) || !(g->hz > 0 && g->hz <= HZ_WAVE_HZ_MAX))
		return hz_dicom_fail(r.fault, HZ_DICOM_ATTRIBUTE,
		                     "a waveform without its Sampling Frequency");
	r.left -= (uint64_t)g->channels * g->samples;
	hz_get_text(r.text, item, DCM_MultiplexGroupLabel, g->label, sizeof(g->label));
	(void)hz_get_double(item, DCM_MultiplexGroupTimeOffset, 0, &g->offset_ms);
	g->channel = (struct hz_wave_channel *)calloc(g->channels, sizeof(*g->channel));
	if (!g->channel)
		return hz_dicom_fail(r.fault, HZ_DICOM_MEMORY, "no memory for a waveform");
	for (uint32_t i = 0; i < g->channels; i++) {
		DcmItem *channel = hz_get_item(item, DCM_ChannelDefinitionSequence, i);
		if (!channel)
			return hz_dicom_fail(r.fault, HZ_DICOM_ATTRIBUTE, "channel %u of %u is not described",
			                     i + 1, g->channels);
		read_channel(r, *channel, g->hz, &g->channel[i]);
	}
	return read_data(r, item, g);
}

static int read_wave(DcmItem &dataset, struct hz_dicom_fault *fault, struct hz_wave *wave)
{
	struct reader r = {};
	r.fault = fault;
	r.left = HZ_WAVE_SAMPLES;
	hz_text_begin(r.text, dataset);
	hz_get_code(dataset, DCM_SOPClassUID, wave->sop_class, sizeof(wave->sop_class));
	hz_get_code(dataset, DCM_SOPInstanceUID, wave->sop_instance, sizeof(wave->sop_instance));
	hz_get_code(dataset, DCM_Modality, wave->modality, sizeof(wave->modality));
	for (; wave->groups < HZ_WAVE_GROUPS; wave->groups++) {
		DcmItem *item = hz_get_item(dataset, DCM_WaveformSequence, wave->groups);
		if (!item)
			break;
		int err = read_group(r, *item, &wave->group[wave->groups]);
		if (err < 0) {
			wave->groups++; // what it has is given back
			return err;
		}
	}
	if (!wave->groups)
		return hz_dicom_fail(fault, HZ_DICOM_NO_IMAGE, "no waveform in it");
	return hz_get_item(dataset, DCM_WaveformSequence, HZ_WAVE_GROUPS)
	           ? hz_dicom_fail(fault, HZ_DICOM_TOO_MANY, "more than %d waveforms", HZ_WAVE_GROUPS)
	           : 0;
}

static int read_scanned(const struct hz_scan *scan, struct hz_dicom_fault *fault, struct hz_wave *wave)
{
	try {
		DcmDataset dataset;
		int err = scan->header_bytes ? hz_dataset_parse(dataset, scan, fault) : 0;
		return err < 0 ? err : read_wave(dataset, fault, wave);
	} catch (const std::bad_alloc &) {
		return hz_dicom_fail(fault, HZ_DICOM_MEMORY, "no memory for the data set");
	} catch (...) {
		return hz_dicom_fail(fault, HZ_DICOM_STRUCTURE, "the data set is not understood");
	}
}

extern "C" int hz_wave_open(const uint8_t *bytes, size_t count, const struct hz_dicom_limits *limits,
                            struct hz_dicom_fault *fault, struct hz_wave **ret)
{
	struct hz_scan scan = {};
	struct hz_wave *wave = (struct hz_wave *)calloc(1, sizeof(*wave));
	if (!wave)
		return hz_dicom_fail(fault, HZ_DICOM_MEMORY, "no memory");
	int err = hz_scan(bytes, count, limits ? limits : &hz_dicom_limits_default, fault, &scan);
	if (err == 0)
		err = read_scanned(&scan, fault, wave);
	hz_scan_done(&scan);
	if (err < 0) {
		hz_wave_close(wave);
		return err;
	}
	*ret = wave;
	return 0;
}

extern "C" void hz_wave_close(struct hz_wave *wave)
{
	for (unsigned i = 0; wave && i < wave->groups; i++) {
		free(wave->group[i].channel);
		free(wave->group[i].data);
	}
	free(wave);
}
