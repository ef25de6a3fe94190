// Text in the character sets of PS3.3 C.12.1.1.2 as UTF-8. Whole values are converted before anything is looked for in
// them: the second byte of a character in GBK or GB18030 may be a backslash.
#include "media/imaging/attributes.h"

static bool is_ascii(const OFString &text)
{
	for (size_t i = 0; i < text.size(); i++) {
		if ((unsigned char)text[i] >= 0x80 || text[i] == 0x1b)
			return false;
	}
	return true;
}

size_t hz_utf8_character(const unsigned char *p, size_t room)
{
	size_t n = p[0] < 0x80                   ? 1
	           : p[0] >= 0xc2 && p[0] < 0xe0 ? 2
	           : p[0] >= 0xe0 && p[0] < 0xf0 ? 3
	           : p[0] >= 0xf0 && p[0] < 0xf5 ? 4
	                                         : 0;
	if (n == 0 || n > room)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	}
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf0 && p[1] < 0x90) ||
	    (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}

static bool is_utf8(const OFString &text)
{
	const unsigned char *p = (const unsigned char *)text.data();
	for (size_t at = 0; at < text.size();) {
		size_t n = hz_utf8_character(p + at, text.size() - at);
		if (n == 0)
			return false;
		at += n;
	}
	return true;
}

// Into the room at whole characters; what is no character, or controls a terminal, becomes U+FFFD.
static void put(const OFString &text, char *ret, size_t room)
{
	const unsigned char *p = (const unsigned char *)text.data();
	size_t used = 0, at = 0;
	while (at < text.size()) {
		size_t n = hz_utf8_character(p + at, text.size() - at), wide = n;
		const char *from = (const char *)p + at;
		if (n == 0 || p[at] < 0x20 || p[at] == 0x7f) {
			from = "\xef\xbf\xbd";
			wide = 3;
			n = 1;
		}
		if (used + wide + 1 > room)
			break;
		memcpy(ret + used, from, wide);
		used += wide;
		at += n;
	}
	ret[used] = 0;
}

void hz_text_begin(struct hz_text_reader &r, DcmItem &dataset)
{
	char charset[128];
	r.has_declared = hz_get_code(dataset, DCM_SpecificCharacterSet, charset, sizeof(charset)) &&
	                 r.declared.selectCharacterSet(OFString(charset)).good();
	r.has_gb18030 = r.gb18030.selectCharacterSet(OFString("GB18030")).good();
	r.guessed = false;
}

void hz_text_convert(struct hz_text_reader &r, const OFString &raw, const char *delimiters, OFString &ret)
{
	if (is_ascii(raw)) {
		ret = raw;
	} else if (!r.has_declared || r.declared.convertString(raw, ret, delimiters).bad() || !is_utf8(ret)) {
		r.guessed = true;
		if (is_utf8(raw))
			ret = raw;
		else if (!r.has_gb18030 || r.gb18030.convertString(raw, ret, "").bad())
			ret = raw;
	}
}

struct place {
	struct hz_text_reader &reader;
	DcmItem &dataset;
};

static void get_text(struct place &from, const DcmTagKey &tag, const char *delimiters, char *ret, size_t room)
{
	OFString raw, text;
	ret[0] = 0;
	if (from.dataset.findAndGetOFStringArray(tag, raw).bad())
		return;
	while (!raw.empty() && (raw.back() == ' ' || raw.back() == 0))
		raw.erase(raw.size() - 1);
	if (raw.size() > 4096)
		raw.erase(4096);
	hz_text_convert(from.reader, raw, delimiters, text);
	put(text, ret, room);
}

void hz_get_text(struct hz_text_reader &reader, DcmItem &item, const DcmTagKey &tag, char *ret, size_t room)
{
	struct place from = {reader, item};
	get_text(from, tag, "\\", ret, room);
}

void hz_read_text(DcmItem &dataset, struct hz_dicom_text *t)
{
	struct hz_text_reader reader;
	struct place r = {reader, dataset};
	hz_text_begin(reader, dataset);
	hz_get_code(dataset, DCM_SOPClassUID, t->sop_class, sizeof(t->sop_class));
	hz_get_code(dataset, DCM_SOPInstanceUID, t->sop_instance, sizeof(t->sop_instance));
	hz_get_code(dataset, DCM_StudyInstanceUID, t->study, sizeof(t->study));
	hz_get_code(dataset, DCM_SeriesInstanceUID, t->series, sizeof(t->series));
	hz_get_code(dataset, DCM_FrameOfReferenceUID, t->frame_of_reference, sizeof(t->frame_of_reference));
	hz_get_code(dataset, DCM_PatientBirthDate, t->patient_birth_date, sizeof(t->patient_birth_date));
	hz_get_code(dataset, DCM_PatientSex, t->patient_sex, sizeof(t->patient_sex));
	hz_get_code(dataset, DCM_StudyDate, t->study_date, sizeof(t->study_date));
	hz_get_code(dataset, DCM_StudyTime, t->study_time, sizeof(t->study_time));
	hz_get_code(dataset, DCM_Modality, t->modality, sizeof(t->modality));
	hz_get_code(dataset, DCM_SeriesNumber, t->series_number, sizeof(t->series_number));
	hz_get_code(dataset, DCM_InstanceNumber, t->instance_number, sizeof(t->instance_number));
	hz_get_code(dataset, DCM_BodyPartExamined, t->body_part, sizeof(t->body_part));
	hz_get_code(dataset, DCM_ImageType, t->image_type, sizeof(t->image_type));
	if (!hz_get_code(dataset, DCM_ImageLaterality, t->laterality, sizeof(t->laterality)))
		hz_get_code(dataset, DCM_Laterality, t->laterality, sizeof(t->laterality));
	get_text(r, DCM_PatientName, "\\^=", t->patient_name, sizeof(t->patient_name));
	get_text(r, DCM_PatientID, "\\", t->patient_id, sizeof(t->patient_id));
	get_text(r, DCM_StudyID, "\\", t->study_id, sizeof(t->study_id));
	get_text(r, DCM_AccessionNumber, "\\", t->accession, sizeof(t->accession));
	get_text(r, DCM_StudyDescription, "\\", t->study_description, sizeof(t->study_description));
	get_text(r, DCM_SeriesDescription, "\\", t->series_description, sizeof(t->series_description));
	get_text(r, DCM_InstitutionName, "\\", t->institution, sizeof(t->institution));
	get_text(r, DCM_Manufacturer, "\\", t->manufacturer, sizeof(t->manufacturer));
	get_text(r, DCM_ProtocolName, "\\", t->protocol, sizeof(t->protocol));
	t->guessed = reader.guessed;
}
