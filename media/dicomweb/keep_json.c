#include "media/dicomweb/keep_json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const json_t *value_of(const json_t *set, const char *tag, size_t at)
{
	return json_array_get(json_object_get(json_object_get(set, tag), "Value"), at);
}

static bool plain(const char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text < 0x20 || *text == 0x7f || *text == '\\')
			return false;
	}
	return true;
}

void hz_dj_text(const json_t *set, const char *tag, char *ret, size_t room)
{
	const json_t *value = value_of(set, tag, 0);
	ret[0] = '\0';
	if (json_is_string(value) && plain(json_string_value(value)) && json_string_length(value) < room)
		snprintf(ret, room, "%s", json_string_value(value));
	else if (json_is_integer(value))
		snprintf(ret, room, "%lld", (long long)json_integer_value(value));
	if (!json_is_object(value))
		return;
	static const char *const group[] = {"Alphabetic", "Ideographic", "Phonetic"};
	const char *text[3];
	for (unsigned i = 0; i < 3; i++) {
		text[i] = json_string_value(json_object_get(value, group[i]));
		if (!text[i] || !plain(text[i]) || strchr(text[i], '='))
			text[i] = "";
	}
	int n = snprintf(ret, room, "%s%s%s%s%s", text[0], text[1][0] || text[2][0] ? "=" : "", text[1],
	                 text[2][0] ? "=" : "", text[2]);
	if (n < 0 || (size_t)n >= room)
		ret[0] = '\0';
}

bool hz_dj_number(const json_t *set, const char *tag, unsigned at, double *ret)
{
	const json_t *value = value_of(set, tag, at);
	double number = json_number_value(value);
	if (json_is_string(value)) { // some PACS write numbers of DS and IS as text
		char *end;
		number = strtod(json_string_value(value), &end);
		if (end == json_string_value(value))
			return false;
	} else if (!json_is_number(value)) {
		return false;
	}
	if (!isfinite(number))
		return false;
	*ret = number;
	return true;
}

const json_t *hz_dj_item(const json_t *set, const char *tag, size_t at)
{
	const json_t *item = value_of(set, tag, at);
	return json_is_object(item) ? item : NULL;
}

// Functional groups of an enhanced object: the frame's own, then those of all; of others the object itself.
static const json_t *group_of(const json_t *set, unsigned frame, const char *tag)
{
	const json_t *own = hz_dj_item(hz_dj_item(set, "52009230", frame), tag, 0);
	const json_t *shared = hz_dj_item(hz_dj_item(set, "52009229", 0), tag, 0);
	return own ? own : shared ? shared : set;
}

static uint32_t count_of(const json_t *set, const char *tag, uint32_t otherwise)
{
	double number;
	return hz_dj_number(set, tag, 0, &number) && number >= 0 && number <= 1e6 ? (uint32_t)number
	                                                                          : otherwise;
}

static void read_rescale(const json_t *set, unsigned frame, struct hz_shown_image *ret)
{
	const json_t *group = group_of(set, frame, "00289145");
	ret->rescaled = hz_dj_number(group, "00281053", 0, &ret->slope) &&
	                hz_dj_number(group, "00281052", 0, &ret->intercept) && ret->slope != 0;
	if (!ret->rescaled)
		ret->slope = ret->intercept = 0;
	hz_dj_text(group, "00281054", ret->rescale_type, sizeof(ret->rescale_type));
}

// VL Whole Slide Microscopy Image: what is looked at and drawn on is the matrix of all its tiles, of which these objects know nothing.
#define SLIDE "1.2.840.10008.5.1.4.1.1.77.1.6"

bool hz_dj_image(const json_t *set, unsigned frame, struct hz_shown_image *ret)
{
	char photometric[17], shape[17];
	double aspect;
	const json_t *voi = group_of(set, frame, "00289132"), *measures = group_of(set, frame, "00289110");
	uint32_t frames = count_of(set, "00280008", 0);
	hz_dj_text(set, "00080016", ret->sop_class, sizeof(ret->sop_class));
	hz_dj_text(set, "00280004", photometric, sizeof(photometric));
	ret->rows = count_of(set, "00280010", 0);
	ret->columns = count_of(set, "00280011", 0);
	ret->frame = json_object_get(set, "00280008") ? frame + 1 : 0;
	bool mono = strncmp(photometric, "MONOCHROME", 10) == 0;
	ret->grey = mono && !hz_dj_item(set, "00283000", 0); // a modality LUT is not copied
	hz_dj_text(set, "20500020", shape, sizeof(shape));
	ret->inverse = strcmp(photometric, "MONOCHROME1") == 0 || strcmp(shape, "INVERSE") == 0;
	for (unsigned i = 0; i < 2; i++)
		ret->aspect[i] = hz_dj_number(set, "00280034", i, &aspect) && aspect >= 1 && aspect <= 1e6
		                     ? (uint32_t)aspect
		                     : 0;
	if (!hz_dj_number(measures, "00280030", 0, &ret->spacing[0]) ||
	    !hz_dj_number(measures, "00280030", 1, &ret->spacing[1]))
		ret->spacing[0] = ret->spacing[1] = 0;
	if (!hz_dj_number(voi, "00281050", 0, &ret->center) || !hz_dj_number(voi, "00281051", 0, &ret->width))
		ret->width = 0;
	hz_dj_text(voi, "00281056", ret->function, sizeof(ret->function));
	read_rescale(set, frame, ret);
	if (strcmp(ret->sop_class, SLIDE) == 0)
		return false;
	return ret->sop_class[0] && ret->rows && ret->columns && frame < (frames ? frames : 1);
}
