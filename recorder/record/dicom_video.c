#include "recorder/record/dicom_video.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "recorder/record/dicom_write.h"

// H.264 table A-1: the most macroblocks of a picture, and a second.
struct level {
	uint32_t idc, picture, second;
};
static const struct level level_41 = {41, 8192, 245760}, level_42 = {42, 8704, 522240};

static uint64_t macroblocks(const struct hz_dicom_stream *s)
{
	return (uint64_t)((s->columns + 15) / 16) * ((s->rows + 15) / 16);
}

static bool fits(const struct hz_dicom_stream *s, const struct level *level)
{
	return s->level_idc <= level->idc && macroblocks(s) <= level->picture;
}

// Browsers promise a low level in the sequence parameter set and send 1080p60. The rate is a mean: a tenth more is a camera's 30.
static bool is_too_fast(const struct hz_dicom_stream *s, const struct level *level)
{
	double seconds = (double)s->duration_us / 1e6;
	return seconds >= 1 && (double)macroblocks(s) * s->frames / seconds > 1.1 * (double)level->second;
}

// Streams of the Constrained Baseline and Main profiles are decoded by every High profile decoder (H.264 A.2.4).
static bool is_profile(uint8_t idc)
{
	return idc == 66 || idc == 77 || idc == 100;
}

static bool is_endoscope(const char *source)
{
	return strcmp(source, "endoscope") == 0 || strcmp(source, "endoscopy") == 0 ||
	       strcmp(source, "laparoscope") == 0;
}

int hz_dicom_video_ids(const struct hz_dicom_video *v, struct hz_dicom_ids *ret)
{
	const struct hz_manifest *m = v->manifest;
	struct hz_dicom_ids ids = {0};
	char series[256];
	if (!is_profile(v->stream.profile_idc) || !v->stream.columns || !v->stream.rows || !v->stream.frames)
		return -ENOTSUP;
	if (fits(&v->stream, &level_41) && !is_too_fast(&v->stream, &level_41))
		ids.transfer_syntax = HZ_TS_H264_HIGH_41;
	else if (fits(&v->stream, &level_42))
		ids.transfer_syntax = HZ_TS_H264_HIGH_42;
	else
		return -ENOTSUP;
	bool endoscope = is_endoscope(v->file->source);
	ids.sop_class = endoscope ? HZ_SOP_VIDEO_ENDOSCOPIC : HZ_SOP_VIDEO_PHOTOGRAPHIC;
	ids.modality = endoscope ? "ES" : "XC";
	if (hz_uid_is_valid(m->subject.study_uid))
		snprintf(ids.study, sizeof(ids.study), "%s", m->subject.study_uid);
	else
		hz_uid_named(m->record, "study", "", ids.study);
	snprintf(series, sizeof(series), "%s|%s|%s", v->file->role, v->file->participant, v->file->source);
	hz_uid_named(m->record, "series", series, ids.series);
	// The path is in it as well: two files may hold the same bytes.
	snprintf(series, sizeof(series), "%.64s|%s", v->file->sha256, v->file->path);
	hz_uid_named(m->record, "instance", series, ids.instance);
	*ret = ids;
	return 0;
}

struct when {
	char date[16], time[24], both[48], zone[12];
};

// Local time with its offset from UTC, as the objects of a hospital's other devices have it (PS3.5 section 6.2, DT).
static void when_of(int64_t wall_ms, struct when *ret)
{
	struct tm tm;
	time_t seconds = (time_t)(wall_ms / 1000);
	int ms = (int)(wall_ms % 1000);
	localtime_r(&seconds, &tm);
	long offset = tm.tm_gmtoff / 60, away = offset < 0 ? -offset : offset;
	snprintf(ret->zone, sizeof(ret->zone), "%c%02ld%02ld", offset < 0 ? '-' : '+', away / 60 % 24,
	         away % 60);
	strftime(ret->date, sizeof(ret->date), "%Y%m%d", &tm);
	strftime(ret->time, 7, "%H%M%S", &tm);
	snprintf(ret->time + 6, sizeof(ret->time) - 6, ".%03d000", ms);
	snprintf(ret->both, sizeof(ret->both), "%s%s%s", ret->date, ret->time, ret->zone);
}

// Digits of YYYY-MM-DD, or "".
static const char *birth_date(const char *iso, char ret[9])
{
	int y, m, d, n = 0;
	ret[0] = '\0';
	if (sscanf(iso, "%4d-%2d-%2d%n", &y, &m, &d, &n) == 3 && !iso[n] && n == 10 && y > 0 && m >= 1 &&
	    m <= 12 && d >= 1 && d <= 31)
		snprintf(ret, 9, "%04d%02d%02d", y % 10000, m % 100, d % 100);
	return ret;
}

static const char *sex(const char *word)
{
	return strcmp(word, "male") == 0     ? "M"
	       : strcmp(word, "female") == 0 ? "F"
	       : strcmp(word, "other") == 0  ? "O"
	                                     : "";
}

// DS has 16 characters at most: a number of at most 9 digits before the point and as many as fit behind it.
static const char *decimal(double v, char ret[17])
{
	v = v < 0 ? 0 : v > 999999999.0 ? 999999999.0 : v;
	snprintf(ret, 17, "%.6f", v);
	return ret;
}

static void put_general(struct hz_dicom *d, const struct hz_dicom_video *v, const struct hz_dicom_ids *ids)
{
	const struct hz_manifest *m = v->manifest;
	struct when study = {.date = ""}, at = {.date = ""};
	bool composed = strcmp(v->file->role, "composed") == 0;
	char text[256];
	when_of(m->started_ms, &study);
	when_of(m->wall_zero_ms + v->file->at_ms > 0 ? m->wall_zero_ms + v->file->at_ms : 0, &at);
	hz_dicom_values(d, 0x00080005, "CS", hz_charset_term(v->charset));
	hz_dicom_values(d, 0x00080008, "CS", composed ? "DERIVED\\SECONDARY" : "ORIGINAL\\PRIMARY");
	hz_dicom_values(d, 0x00080016, "UI", ids->sop_class);
	hz_dicom_values(d, 0x00080018, "UI", ids->instance);
	hz_dicom_values(d, 0x00080020, "DA", study.date);
	hz_dicom_values(d, 0x00080021, "DA", study.date);
	hz_dicom_values(d, 0x00080022, "DA", at.date);
	hz_dicom_values(d, 0x00080023, "DA", at.date);
	hz_dicom_values(d, 0x0008002a, "DT", at.both);
	hz_dicom_values(d, 0x00080030, "TM", study.time);
	hz_dicom_values(d, 0x00080031, "TM", study.time);
	hz_dicom_values(d, 0x00080032, "TM", at.time);
	hz_dicom_values(d, 0x00080033, "TM", at.time);
	hz_dicom_text(d, 0x00080050, "SH", m->subject.accession);
	hz_dicom_values(d, 0x00080060, "CS", ids->modality);
	hz_dicom_text(d, 0x00080070, "LO", "Huizhen");
	if (*m->subject.institution)
		hz_dicom_text(d, 0x00080080, "LO", m->subject.institution);
	hz_dicom_text(d, 0x00080090, "PN", "");
	hz_dicom_values(d, 0x00080201, "SH", at.zone);
	if (*m->title)
		hz_dicom_text(d, 0x00081030, "LO", m->title);
	const struct hz_manifest_person *person = hz_manifest_person(m, v->file->participant);
	snprintf(text, sizeof(text), "%.64s %.32s",
	         composed ? "Composed"
	         : person ? person->role
	                  : "",
	         v->file->source);
	hz_dicom_text(d, 0x0008103e, "LO", text);
	if (*m->subject.department)
		hz_dicom_text(d, 0x00081040, "LO", m->subject.department);
	hz_dicom_text(d, 0x00081090, "LO", "Huizhen gateway");
	snprintf(text, sizeof(text), "H.264 profile_idc %u constraint flags 0x%02X level_idc %u, %s",
	         v->stream.profile_idc, v->stream.constraint_flags, v->stream.level_idc,
	         composed ? "composed of the tracks of a consult" : "as received");
	hz_dicom_text(d, 0x00082111, "ST", text);
}

static double rate_of(const struct hz_dicom_video *v)
{
	const struct hz_dicom_stream *s = &v->stream;
	double rate = s->duration_us > 0 ? s->frames * 1e6 / (double)s->duration_us : 0;
	return rate > 0.01 && rate < 1000 ? rate : 25;
}

static void put_code(struct hz_dicom *d, uint32_t tag, const char *scheme, const char *value,
                     const char *meaning)
{
	hz_dicom_sequence(d, tag);
	hz_dicom_item(d);
	hz_dicom_values(d, 0x00080100, "SH", value);
	hz_dicom_values(d, 0x00080102, "SH", scheme);
	hz_dicom_values(d, 0x00080104, "LO", meaning);
	hz_dicom_item_end(d);
	hz_dicom_sequence_end(d);
}

static void put_patient_and_cine(struct hz_dicom *d, const struct hz_dicom_video *v,
                                 const struct hz_dicom_ids *ids)
{
	const struct hz_manifest *m = v->manifest;
	char text[32], date[9];
	double rate = rate_of(v);
	long whole = lround(rate) > 0 ? lround(rate) : 1;
	snprintf(text, sizeof(text), "%ld", whole);
	hz_dicom_values(d, 0x00082144, "IS", text);                // Recommended Display Frame Rate
	put_code(d, 0x00082218, "SCT", "38266002", "Entire body"); // Anatomic Region: no camera says which
	hz_dicom_text(d, 0x00100010, "PN", m->subject.name);
	hz_dicom_text(d, 0x00100020, "LO", m->subject.id);
	if (*m->subject.id_system)
		hz_dicom_text(d, 0x00100021, "LO", m->subject.id_system);
	hz_dicom_values(d, 0x00100030, "DA", birth_date(m->subject.birth_date, date));
	hz_dicom_values(d, 0x00100040, "CS", sex(m->subject.sex));
	hz_dicom_values(d, 0x00180040, "IS", text); // Cine Rate
	hz_dicom_values(d, 0x00180072, "DS", decimal((double)v->stream.duration_us / 1e6, text));
	hz_dicom_text(d, 0x00181020, "LO", HZ_DICOM_VERSION);
	hz_dicom_values(d, 0x00181063, "DS",
	                decimal(1000.0 / rate, text)); // Frame Time: the mean where it varies
	hz_dicom_values(d, 0x0020000d, "UI", ids->study);
	hz_dicom_values(d, 0x0020000e, "UI", ids->series);
	hz_dicom_text(d, 0x00200010, "SH", m->consult);
	snprintf(text, sizeof(text), "%u", v->series);
	hz_dicom_values(d, 0x00200011, "IS", text);
	snprintf(text, sizeof(text), "%u", v->instance);
	hz_dicom_values(d, 0x00200013, "IS", text);
	hz_dicom_values(d, 0x00200020, "CS", ""); // Patient Orientation: unknown
}

// Image Pixel as PS3.5 8.2.7 wants it, and what was lost on the way (PS3.3 C.7.6.1.1.5).
static void put_image(struct hz_dicom *d, const struct hz_dicom_video *v)
{
	const struct hz_dicom_stream *s = &v->stream;
	char text[32];
	double raw = 1.5 * s->columns * s->rows * s->frames;
	hz_dicom_us(d, 0x00280002, 3);
	hz_dicom_values(d, 0x00280004, "CS", "YBR_PARTIAL_420");
	hz_dicom_us(d, 0x00280006, 0);
	snprintf(text, sizeof(text), "%u", s->frames);
	hz_dicom_values(d, 0x00280008, "IS", text);
	hz_dicom_at(d, 0x00280009, 0x00181063);
	hz_dicom_us(d, 0x00280010, (uint16_t)s->rows);
	hz_dicom_us(d, 0x00280011, (uint16_t)s->columns);
	hz_dicom_us(d, 0x00280100, 8);
	hz_dicom_us(d, 0x00280101, 8);
	hz_dicom_us(d, 0x00280102, 7);
	hz_dicom_us(d, 0x00280103, 0);
	hz_dicom_values(d, 0x00280301, "CS", strcmp(v->file->role, "composed") == 0 ? "YES" : "NO");
	hz_dicom_values(d, 0x00282110, "CS", "01");
	hz_dicom_values(d, 0x00282112, "DS", decimal(s->bytes ? raw / (double)s->bytes : 1, text));
	hz_dicom_values(d, 0x00282114, "CS", "ISO_14496_10");
}

// PS3.3 C.7.6.5.1.3: an item for the main channel; absent where there is no sound.
static void put_audio(struct hz_dicom *d, const struct hz_dicom_video *v)
{
	if (!v->stream.audio_channels)
		return;
	hz_dicom_sequence(d, 0x003a0300);
	hz_dicom_item(d);
	put_code(d, 0x003a0208, "DCM", "109110", "Voice");
	hz_dicom_values(d, 0x003a0301, "IS", "1");
	hz_dicom_values(d, 0x003a0302, "CS", v->stream.audio_channels > 1 ? "STEREO" : "MONO");
	hz_dicom_item_end(d);
	hz_dicom_sequence_end(d);
}

int hz_dicom_video_write(const struct hz_dicom_video *v, const struct hz_dicom_ids *ids)
{
	struct hz_dicom *d;
	int err = hz_dicom_new(v->charset, &d);
	if (err)
		return err;
	put_general(d, v, ids);
	put_patient_and_cine(d, v, ids);
	put_image(d, v);
	put_audio(d, v);
	hz_dicom_sequence(d, 0x00400555); // Acquisition Context: nothing known
	hz_dicom_sequence_end(d);
	const struct hz_dicom_file file = {.path = v->path,
	                                   .sop_class = ids->sop_class,
	                                   .sop_instance = ids->instance,
	                                   .transfer_syntax = ids->transfer_syntax,
	                                   .pixels = v->mp4};
	err = hz_dicom_save(d, &file);
	hz_dicom_free(d);
	return err;
}
