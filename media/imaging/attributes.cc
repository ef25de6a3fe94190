#include "media/imaging/attributes.h"

#include <math.h>

bool hz_get_int(DcmItem &item, const DcmTagKey &tag, unsigned long pos, bool word_signed, int32_t *ret)
{
	DcmElement *element = NULL;
	Uint16 us;
	Sint16 ss;
	Uint32 ul;
	Sint32 sl;
	if (item.findAndGetElement(tag, element).bad() || !element)
		return false;
	if (element->getUint16(us, pos).good())
		*ret = word_signed ? (int16_t)us : us;
	else if (element->getSint16(ss, pos).good())
		*ret = word_signed ? ss : (uint16_t)ss;
	else if (element->getUint32(ul, pos).good() && ul <= INT32_MAX)
		*ret = (int32_t)ul;
	else if (element->getSint32(sl, pos).good())
		*ret = sl;
	else
		return false;
	return true;
}

bool hz_get_uint(DcmItem &item, const DcmTagKey &tag, uint32_t *ret)
{
	int32_t value;
	if (!hz_get_int(item, tag, 0, false, &value) || value < 0)
		return false;
	*ret = (uint32_t)value;
	return true;
}

bool hz_get_double(DcmItem &item, const DcmTagKey &tag, unsigned long pos, double *ret)
{
	Float64 value;
	if (item.findAndGetFloat64(tag, value, pos).bad() || !isfinite(value))
		return false;
	*ret = value;
	return true;
}

bool hz_get_doubles(DcmItem &item, const DcmTagKey &tag, unsigned count, double *ret)
{
	for (unsigned i = 0; i < count; i++) {
		if (!hz_get_double(item, tag, i, ret + i))
			return false;
	}
	return true;
}

bool hz_get_code(DcmItem &item, const DcmTagKey &tag, char *ret, size_t room)
{
	OFString value;
	ret[0] = 0;
	if (item.findAndGetOFStringArray(tag, value).bad())
		return false;
	while (!value.empty() && (value.back() == ' ' || value.back() == 0))
		value.erase(value.size() - 1);
	size_t used = 0;
	for (size_t i = 0; i < value.size() && used + 1 < room; i++) {
		unsigned char c = (unsigned char)value[i];
		ret[used++] = c < 0x20 || c > 0x7e ? '?' : (char)c;
	}
	ret[used] = 0;
	return used > 0;
}

DcmItem *hz_get_item(DcmItem &item, const DcmTagKey &sequence, unsigned long index)
{
	DcmItem *found = NULL;
	if (item.findAndGetSequenceItem(sequence, found, (signed long)index).bad())
		return NULL;
	return found;
}

bool hz_get_words(DcmItem &item, const DcmTagKey &tag, const Uint16 **ret, unsigned long *ret_count)
{
	DcmElement *element = NULL;
	Uint16 *words = NULL;
	if (item.findAndGetElement(tag, element).bad() || !element)
		return false;
	if (element->getUint16Array(words).bad() || !words)
		return false;
	*ret = words;
	*ret_count = element->getLengthField() / 2;
	return true;
}

unsigned hz_read_windows(DcmItem &item, struct hz_dicom_window *window, unsigned room,
                         enum hz_voi_function *function)
{
	unsigned n = 0;
	char name[17];
	*function = HZ_VOI_LINEAR;
	if (hz_get_code(item, DCM_VOILUTFunction, name, sizeof(name))) {
		if (strcmp(name, "LINEAR_EXACT") == 0)
			*function = HZ_VOI_LINEAR_EXACT;
		else if (strcmp(name, "SIGMOID") == 0)
			*function = HZ_VOI_SIGMOID;
	}
	while (n < room && hz_get_double(item, DCM_WindowCenter, n, &window[n].center) &&
	       hz_get_double(item, DCM_WindowWidth, n, &window[n].width)) {
		// A width that the function has no meaning for is no window (PS3.3 C.11.2.1.2).
		if (window[n].width <= 0 || (*function == HZ_VOI_LINEAR && window[n].width < 1))
			break;
		n++;
	}
	return n;
}
