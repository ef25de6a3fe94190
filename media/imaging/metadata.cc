// A header as DICOM JSON (PS3.18 annex F), attribute by attribute, so that all of it is right JSON and UTF-8 whatever the file says.
#include "media/imaging/attributes.h"

#include <math.h>
#include <new>
#include <stdio.h>
#include <stdlib.h>
#include <string>

#define NUMBERS_MAX 4096u
#define TEXT_MAX    65536u

struct writer {
	struct hz_text_reader text;
	std::string json;
	size_t max;
	bool full;
};

static void quote(struct writer &w, const OFString &text)
{
	const unsigned char *p = (const unsigned char *)text.data();
	char code[8];
	w.json += '"';
	for (size_t at = 0; at < text.size();) {
		size_t n = hz_utf8_character(p + at, text.size() - at);
		if (n == 0) {
			w.json += "\xef\xbf\xbd";
			n = 1;
		} else if (p[at] == '"' || p[at] == '\\') {
			w.json += '\\';
			w.json += (char)p[at];
		} else if (p[at] < 0x20 || p[at] == 0x7f) {
			snprintf(code, sizeof(code), "\\u%04x", p[at]);
			w.json += code;
		} else {
			w.json.append((const char *)p + at, n);
		}
		at += n;
	}
	w.json += '"';
}

static OFString trimmed(const OFString &text)
{
	size_t from = 0, to = text.size();
	while (to && (text[to - 1] == ' ' || text[to - 1] == 0))
		to--;
	while (from < to && text[from] == ' ')
		from++;
	return text.substr(from, to - from);
}

static void number(struct writer &w, double value)
{
	char text[40];
	if (!isfinite(value)) {
		w.json += "null";
		return;
	}
	snprintf(text, sizeof(text), "%.17g", value);
	for (int digits = 9; digits < 17; digits++) { // the shortest that is the same
		char shorter[40];
		snprintf(shorter, sizeof(shorter), "%.*g", digits, value);
		if (strtod(shorter, NULL) == value) {
			w.json += shorter;
			return;
		}
	}
	w.json += text;
}

// DS and IS: numbers in JSON; what is none is kept as its text.
static void decimal(struct writer &w, const OFString &text)
{
	char *end = NULL;
	double value = strtod(text.c_str(), &end);
	if (text.empty() || *end || !isfinite(value) || text.size() > 32 ||
	    text.find_first_not_of("+-0123456789.eE") != OFString_npos)
		quote(w, text);
	else
		number(w, value);
}

static void person(struct writer &w, const OFString &text)
{
	static const char *const groups[] = {"Alphabetic", "Ideographic", "Phonetic"};
	size_t at = 0;
	bool first = true;
	w.json += '{';
	for (unsigned i = 0; i < 3 && at <= text.size(); i++) {
		size_t end = text.find('=', at);
		end = end == OFString_npos ? text.size() : end;
		OFString one = trimmed(text.substr(at, end - at));
		if (!one.empty()) {
			w.json += first ? "\"" : ",\"";
			w.json += groups[i];
			w.json += "\":";
			quote(w, one);
			first = false;
		}
		at = end + 1;
	}
	w.json += '}';
}

static bool is_wide(DcmEVR vr) // of several characters sets
{
	return vr == EVR_LO || vr == EVR_LT || vr == EVR_PN || vr == EVR_SH || vr == EVR_ST || vr == EVR_UT ||
	       vr == EVR_UC;
}

static bool is_one(DcmEVR vr) // a backslash in it is text
{
	return vr == EVR_LT || vr == EVR_ST || vr == EVR_UT || vr == EVR_UR;
}

static void texts(struct writer &w, DcmElement &element, DcmEVR vr)
{
	OFString raw, text;
	if (element.getLengthField() > TEXT_MAX || element.getOFStringArray(raw, OFFalse).bad())
		return;
	if (is_wide(vr))
		hz_text_convert(w.text, raw, vr == EVR_PN ? "\\^=" : is_one(vr) ? "" : "\\", text);
	else
		text = raw;
	if (trimmed(text).empty())
		return;
	w.json += ",\"Value\":[";
	for (size_t at = 0; at <= text.size();) {
		size_t end = is_one(vr) ? OFString_npos : text.find('\\', at);
		end = end == OFString_npos ? text.size() : end;
		OFString one = trimmed(text.substr(at, end - at));
		if (at)
			w.json += ',';
		if (one.empty())
			w.json += "null";
		else if (vr == EVR_PN)
			person(w, one);
		else if (vr == EVR_DS || vr == EVR_IS)
			decimal(w, one);
		else
			quote(w, one);
		at = end + 1;
	}
	w.json += ']';
}

static bool one_number(DcmElement &e, DcmEVR vr, unsigned long i, double *ret)
{
	Uint16 us;
	Sint16 ss;
	Uint32 ul;
	Sint32 sl;
	Float32 fl;
	bool good = false;
	if (vr == EVR_US && (good = e.getUint16(us, i).good()))
		*ret = us;
	else if (vr == EVR_SS && (good = e.getSint16(ss, i).good()))
		*ret = ss;
	else if (vr == EVR_UL && (good = e.getUint32(ul, i).good()))
		*ret = ul;
	else if (vr == EVR_SL && (good = e.getSint32(sl, i).good()))
		*ret = sl;
	else if (vr == EVR_FL && (good = e.getFloat32(fl, i).good()))
		*ret = (double)fl;
	else if (vr == EVR_FD)
		good = e.getFloat64(*ret, i).good();
	return good;
}

static void numbers(struct writer &w, DcmElement &element, DcmEVR vr)
{
	unsigned long count = element.getVM();
	double value = 0;
	if (count == 0 || count > NUMBERS_MAX || !one_number(element, vr, 0, &value))
		return;
	w.json += ",\"Value\":[";
	for (unsigned long i = 0; i < count && one_number(element, vr, i, &value); i++) {
		if (i)
			w.json += ',';
		number(w, value);
	}
	w.json += ']';
}

static void tags(struct writer &w, DcmElement &element)
{
	DcmTagKey key;
	char text[16];
	DcmAttributeTag &list = (DcmAttributeTag &)element;
	unsigned long count = element.getVM();
	for (unsigned long i = 0; i < count && i < NUMBERS_MAX && list.getTagVal(key, i).good(); i++) {
		snprintf(text, sizeof(text), "\"%04X%04X\"", key.getGroup(), key.getElement());
		w.json += i ? "," : ",\"Value\":[";
		w.json += text;
		if (i + 1 == count || i + 1 == NUMBERS_MAX)
			w.json += ']';
	}
}

static void object(struct writer &w, DcmItem &item, const char *syntax);

static void items(struct writer &w, DcmSequenceOfItems &sequence)
{
	unsigned long count = sequence.card();
	DcmObject *at = NULL;
	if (count == 0)
		return;
	w.json += ",\"Value\":[";
	for (unsigned long i = 0; i < count && !w.full; i++) {
		at = sequence.nextInContainer(at); // nth from the beginning is quadratic
		if (i)
			w.json += ',';
		if (at)
			object(w, *(DcmItem *)at, NULL);
		else
			w.json += "{}";
	}
	w.json += ']';
}

static void begin(struct writer &w, bool *first, const DcmTagKey &key, const char *vr)
{
	char text[32];
	snprintf(text, sizeof(text), "%s\"%04X%04X\":{\"vr\":\"%s\"", *first ? "" : ",", key.getGroup(),
	         key.getElement(), vr);
	w.json += text;
	*first = false;
	w.full = w.full || w.json.size() > w.max;
}

static bool is_binary(DcmEVR vr)
{
	return vr == EVR_OB || vr == EVR_OW || vr == EVR_OF || vr == EVR_OD || vr == EVR_OL || vr == EVR_OV ||
	       vr == EVR_UN || vr == EVR_UV || vr == EVR_SV;
}

static void element(struct writer &w, DcmElement &e, bool *first)
{
	DcmTagKey key = e.getTag().getXTag();
	DcmEVR vr = DcmVR(e.getVR()).getValidEVR();
	if (key.getGroup() < 8 || (key.getGroup() & 1) || key.getElement() == 0 || key.getGroup() >= 0x7fe0 ||
	    key == DcmTagKey(8, 0x3002) || is_binary(vr))
		return;
	if (key == DCM_SpecificCharacterSet) {
		begin(w, first, key, "CS");
		w.json += ",\"Value\":[\"ISO_IR 192\"]}";
		return;
	}
	begin(w, first, key, DcmVR(vr).getValidVRName());
	if (vr == EVR_SQ)
		items(w, (DcmSequenceOfItems &)e);
	else if (vr == EVR_AT)
		tags(w, e);
	else if (vr == EVR_US || vr == EVR_SS || vr == EVR_UL || vr == EVR_SL || vr == EVR_FL || vr == EVR_FD)
		numbers(w, e, vr);
	else
		texts(w, e, vr);
	w.json += '}';
}

static void object(struct writer &w, DcmItem &item, const char *syntax)
{
	DcmObject *at = NULL;
	bool first = true;
	w.json += '{';
	if (syntax) {
		begin(w, &first, DcmTagKey(8, 0x3002), "UI");
		w.json += ",\"Value\":[";
		quote(w, OFString(syntax));
		w.json += "]}";
	}
	while ((at = item.nextInContainer(at)) && !w.full)
		element(w, *(DcmElement *)at, &first);
	w.json += '}';
}

static int write(struct writer &w, const struct hz_dicom *dicom, struct hz_dicom_fault *fault, char **ret)
{
	DcmDataset dataset;
	int err = dicom->scan.header_bytes ? hz_dataset_parse(dataset, &dicom->scan, fault) : 0;
	if (err < 0)
		return err;
	hz_text_begin(w.text, dataset);
	bool encoded = dicom->scan.encapsulated && !dicom->video;
	if (dicom->video && dicom->image.shape.photometric == HZ_RGB) {
		dataset.putAndInsertString(DCM_PhotometricInterpretation, "RGB"); // what frames come as
		dataset.putAndInsertUint16(DCM_PlanarConfiguration, 0);
	}
	object(w, dataset, encoded ? dicom->scan.transfer_syntax : "1.2.840.10008.1.2.1");
	if (w.full || w.json.size() > w.max)
		return hz_dicom_fail(fault, HZ_DICOM_TOO_BIG, "a header of more than %zu bytes as JSON",
		                     w.max);
	*ret = (char *)malloc(w.json.size() + 1);
	if (!*ret)
		return hz_dicom_fail(fault, HZ_DICOM_MEMORY, "no memory for the header");
	memcpy(*ret, w.json.c_str(), w.json.size() + 1);
	return 0;
}

extern "C" int hz_dicom_metadata(const struct hz_dicom *dicom, size_t max_bytes, struct hz_dicom_fault *fault,
                                 char **ret, size_t *ret_bytes)
{
	try {
		struct writer w;
		w.max = max_bytes;
		w.full = false;
		int err = write(w, dicom, fault, ret);
		if (err == 0)
			*ret_bytes = w.json.size();
		return err;
	} catch (const std::bad_alloc &) {
		return hz_dicom_fail(fault, HZ_DICOM_MEMORY, "no memory for the header");
	} catch (...) {
		return hz_dicom_fail(fault, HZ_DICOM_STRUCTURE, "the data set is not understood");
	}
}
