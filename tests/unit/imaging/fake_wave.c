#include "tests/unit/imaging/fake_wave.h"

#include <stdio.h>

static void put_ul(struct fake_dicom *d, uint32_t tag, uint32_t value)
{
	bool big = d->syntax == FAKE_BIG;
	uint8_t p[4];
	for (unsigned i = 0; i < 4; i++)
		p[i] = (uint8_t)(value >> 8 * (big ? 3 - i : i));
	fake_value(d, tag, "UL", p, 4);
}

static void put_code(struct fake_dicom *d, uint32_t sequence, const char *value, const char *scheme,
                     const char *meaning)
{
	fake_open_sequence(d, sequence);
	fake_text(d, 0x00080100, "SH", value);
	fake_text(d, 0x00080102, "SH", scheme);
	fake_text(d, 0x00080104, "LO", meaning);
	fake_close_sequence(d);
}

static void put_channel(struct fake_dicom *d, unsigned i, unsigned bits)
{
	static const char *const leads[][2] = {
	    {"MDC_ECG_LEAD_I", "Lead I"},     {"MDC_ECG_LEAD_II", "Lead II"},
	    {"MDC_ECG_LEAD_III", "Lead III"}, {"MDC_ECG_LEAD_AVR", "Lead aVR"},
	    {"MDC_ECG_LEAD_AVL", "Lead aVL"}, {"MDC_ECG_LEAD_AVF", "Lead aVF"},
	    {"MDC_ECG_LEAD_V1", "Lead V1"},   {"MDC_ECG_LEAD_V2", "Lead V2"},
	    {"MDC_ECG_LEAD_V3", "Lead V3"},   {"MDC_ECG_LEAD_V4", "Lead V4"},
	    {"MDC_ECG_LEAD_V5", "Lead V5"},   {"MDC_ECG_LEAD_V6", "Lead V6"}};
	put_code(d, 0x003a0208, leads[i % 12][0], "MDC", leads[i % 12][1]);
	fake_text(d, 0x003a0210, "DS", "4.88");
	put_code(d, 0x003a0211, "uV", "UCUM", "microvolt");
	fake_text(d, 0x003a0212, "DS", "1");
	fake_text(d, 0x003a0213, "DS", "-12.5");
	fake_text(d, 0x003a0215, "DS", "2");
	fake_us(d, 0x003a021a, bits);
	fake_text(d, 0x003a0220, "DS", "0.05");
	fake_text(d, 0x003a0221, "DS", "150");
}

struct fake_bytes fake_ecg(enum fake_syntax syntax, const struct fake_wave *group, unsigned groups)
{
	static const uint8_t padding[2] = {0x00, 0x80};
	struct fake_dicom d;
	fake_begin(&d, syntax, NULL);
	fake_text(&d, 0x00080005, "CS", "ISO_IR 192");
	fake_text(&d, 0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.9.1.2");
	fake_text(&d, 0x00080018, "UI", "2.25.77");
	fake_text(&d, 0x00080060, "CS", "ECG");
	fake_text(&d, 0x00100010, "PN", "Test^Nobody");
	fake_open_sequence(&d, 0x54000100);
	for (unsigned g = 0; g < groups; g++) {
		if (g)
			fake_next_item(&d);
		fake_us(&d, 0x003a0005, group[g].channels);
		put_ul(&d, 0x003a0010, group[g].samples);
		fake_text(&d, 0x003a001a, "DS", group[g].hz);
		fake_text(&d, 0x003a0020, "SH", g ? "MEDIAN \"拍\"" : "RHYTHM");
		for (unsigned i = 0; i < group[g].described; i++) {
			if (i == 0)
				fake_open_sequence(&d, 0x003a0200);
			else
				fake_next_item(&d);
			put_channel(&d, i, group[g].bits);
			if (i + 1 == group[g].described)
				fake_close_sequence(&d);
		}
		fake_us(&d, 0x54001004, group[g].bits);
		fake_text(&d, 0x54001006, "CS", group[g].kind);
		if (group[g].padding)
			fake_value(&d, 0x5400100a, "OW", padding, 2);
		fake_value(&d, 0x54001010, group[g].bits == 8 ? "OB" : "OW", group[g].data, group[g].bytes);
	}
	fake_close_sequence(&d);
	return fake_end(&d);
}
