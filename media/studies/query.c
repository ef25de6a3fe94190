// The query of a QIDO-RS search for studies (PS3.18 10.6): attributes by keyword or tag.
#include <stdlib.h>
#include <string.h>

#include "gateway/base/percent.h"
#include "media/studies/answer.h"

#define LIMIT_MOST 200

static bool is_day(const char *text)
{
	return !text[0] || (strlen(text) == 8 && strspn(text, "0123456789") == 8);
}

static bool days(char *text, struct hz_local_match *m)
{
	char *dash = strchr(text, '-');
	if (dash)
		*dash = '\0';
	const char *to = dash ? dash + 1 : text;
	if (!is_day(text) || !is_day(to))
		return false;
	memcpy(m->from, text, strlen(text) + 1);
	memcpy(m->to, to, strlen(to) + 1);
	return true;
}

static bool count_of(const char *text, unsigned most, unsigned *ret)
{
	size_t n = strspn(text, "0123456789");
	if (!n || n > 9 || text[n])
		return false;
	unsigned value = (unsigned)strtoul(text, NULL, 10);
	*ret = value < most ? value : most;
	return true;
}

static bool one(const char *key, size_t key_bytes, const char *value, size_t bytes, struct hz_local_match *m)
{
	char text[64];
	const struct {
		const char *keyword, *tag;
		char *to;
		size_t room;
	} texts[] = {
	    {"StudyInstanceUID", "0020000D", m->study, sizeof(m->study)},
	    {"PatientID", "00100020", m->patient_id, sizeof(m->patient_id)},
	    {"PatientName", "00100010", m->name, sizeof(m->name)},
	    {"AccessionNumber", "00080050", m->accession, sizeof(m->accession)},
	    {"ModalitiesInStudy", "00080061", m->modality, sizeof(m->modality)},
	};
#define IS(word) (key_bytes == sizeof(word) - 1 && memcmp(key, word, sizeof(word) - 1) == 0)
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		if ((strlen(texts[i].keyword) == key_bytes &&
		     memcmp(texts[i].keyword, key, key_bytes) == 0) ||
		    (key_bytes == 8 && memcmp(texts[i].tag, key, 8) == 0))
			return hz_percent_decode(value, bytes, texts[i].to, texts[i].room) == 0;
	}
	bool date = IS("StudyDate") || IS("00080020");
	if (!date && !IS("limit") && !IS("offset"))
		return true;
	if (hz_percent_decode(value, bytes, text, sizeof(text)))
		return false;
	if (date)
		return days(text, m);
	return IS("limit") ? count_of(text, LIMIT_MOST, &m->limit) : count_of(text, 1000000, &m->offset);
#undef IS
}

bool hz_local_query(const char *query, struct hz_local_match *ret)
{
	struct hz_local_match m = {.limit = 50};
	while (*query) {
		size_t n = strcspn(query, "&");
		const char *equals = memchr(query, '=', n);
		size_t key = equals ? (size_t)(equals - query) : n;
		if (equals && !one(query, key, equals + 1, n - key - 1, &m))
			return false;
		query += n + (query[n] == '&');
	}
	*ret = m;
	return true;
}
