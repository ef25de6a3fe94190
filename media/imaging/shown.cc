// Objects of what is kept: what both kinds have in common, the Key Object Selection, and writing. DCMTK writes what it is given.
#include "media/imaging/shown_internal.h"

#include <errno.h>
#include <new>
#include <stdlib.h>
#include <string.h>

#include <dcmtk/dcmdata/dcostrmb.h>
#include <dcmtk/dcmdata/dcuid.h>
#include <dcmtk/oflog/oflog.h>

#define FILE_BYTES (4u << 20) // 500 marks of 200 points are 800 KiB

void hz_shown_uid(const uint8_t hash[16], char ret[HZ_SHOWN_UID_BYTES])
{
	unsigned __int128 left = 0;
	char digits[40];
	unsigned count = 0;
	for (unsigned i = 0; i < 16; i++)
		left = left << 8 | hash[i];
	do {
		digits[count++] = (char)('0' + (unsigned)(left % 10));
		left /= 10;
	} while (left);
	memcpy(ret, "2.25.", 5);
	for (unsigned i = 0; i < count; i++)
		ret[5 + i] = digits[count - 1 - i];
	ret[5 + count] = 0;
}

OFString hz_shown_uid_of(const struct hz_shown &kept, unsigned n)
{
	uint8_t hash[16];
	char text[HZ_SHOWN_UID_BYTES];
	memcpy(hash, kept.seed, sizeof(hash));
	hash[14] ^= (uint8_t)(n >> 8);
	hash[15] ^= (uint8_t)n;
	hz_shown_uid(hash, text);
	return text;
}

void hz_shown_put(DcmItem &item, const DcmTagKey &tag, const OFString &value)
{
	if (item.putAndInsertOFStringArray(DcmTag(tag), value).bad())
		throw std::bad_alloc();
}

void hz_shown_put_us(DcmItem &item, const DcmTagKey &tag, unsigned value)
{
	if (item.putAndInsertUint16(DcmTag(tag), (Uint16)value).bad())
		throw std::bad_alloc();
}

DcmItem &hz_shown_item(DcmItem &item, const DcmTagKey &sequence)
{
	DcmItem *made = NULL;
	if (item.findOrCreateSequenceItem(DcmTag(sequence), made, -2).bad() || !made) // -2: behind the last
		throw std::bad_alloc();
	return *made;
}

void hz_shown_reference(DcmItem &item, const DcmTagKey &sequence, const struct hz_shown_image &image)
{
	DcmItem &one = hz_shown_item(item, sequence);
	char frame[16];
	hz_shown_put(one, DCM_ReferencedSOPClassUID, image.sop_class);
	hz_shown_put(one, DCM_ReferencedSOPInstanceUID, image.instance);
	snprintf(frame, sizeof(frame), "%u", image.frame);
	if (image.frame)
		hz_shown_put(one, DCM_ReferencedFrameNumber, frame);
}

DcmItem &hz_shown_series(DcmItem &item, const DcmTagKey &sequence, const OFString &uid)
{
	DcmItem *series = NULL;
	OFString known;
	for (unsigned long i = 0; item.findAndGetSequenceItem(sequence, series, (signed long)i).good(); i++) {
		if (series->findAndGetOFString(DCM_SeriesInstanceUID, known).good() && known == uid)
			return *series;
	}
	DcmItem &made = hz_shown_item(item, sequence);
	hz_shown_put(made, DCM_SeriesInstanceUID, uid);
	return made;
}

void hz_shown_begin(DcmItem &set, const struct hz_shown &kept, const char *modality, const char *description)
{
	hz_shown_put(set, DCM_SpecificCharacterSet, "ISO_IR 192");
	hz_shown_put(set, DCM_PatientName, kept.name);
	hz_shown_put(set, DCM_PatientID, kept.patient);
	hz_shown_put(set, DCM_PatientBirthDate, kept.birth);
	hz_shown_put(set, DCM_PatientSex, kept.sex);
	hz_shown_put(set, DCM_StudyInstanceUID, kept.study);
	hz_shown_put(set, DCM_StudyDate, kept.study_date);
	hz_shown_put(set, DCM_StudyTime, kept.study_time);
	hz_shown_put(set, DCM_StudyID, kept.study_id);
	hz_shown_put(set, DCM_AccessionNumber, kept.accession);
	hz_shown_put(set, DCM_ReferringPhysicianName, kept.referring);
	hz_shown_put(set, DCM_Modality, modality);
	hz_shown_put(set, DCM_SeriesDescription, description);
	hz_shown_put(set, DCM_Manufacturer, "Huizhen");
	hz_shown_put(set, DCM_InstanceCreationDate, kept.date);
	hz_shown_put(set, DCM_InstanceCreationTime, kept.time);
}

static void put_code(DcmItem &item, const DcmTagKey &sequence, const char *value, const char *meaning)
{
	DcmItem &code = hz_shown_item(item, sequence);
	hz_shown_put(code, DCM_CodeValue, value);
	hz_shown_put(code, DCM_CodingSchemeDesignator, "DCM");
	hz_shown_put(code, DCM_CodeMeaning, meaning);
}

// One reference of an object, however many of its frames are kept.
static void put_evidence(DcmItem &set, const struct hz_shown &kept, const OFString *state, unsigned states)
{
	DcmItem &study = hz_shown_item(set, DCM_CurrentRequestedProcedureEvidenceSequence);
	hz_shown_put(study, DCM_StudyInstanceUID, kept.study);
	for (unsigned i = 0; i < kept.images; i++) {
		bool known = false;
		for (unsigned k = 0; k < i && !known; k++)
			known = strcmp(kept.image[k].instance, kept.image[i].instance) == 0;
		if (known)
			continue;
		struct hz_shown_image whole = kept.image[i];
		whole.frame = 0;
		hz_shown_reference(hz_shown_series(study, DCM_ReferencedSeriesSequence, whole.series),
		                   DCM_ReferencedSOPSequence, whole);
	}
	for (unsigned i = 0; i < states; i++) {
		DcmItem &series = hz_shown_series(study, DCM_ReferencedSeriesSequence,
		                                  hz_shown_uid_of(kept, HZ_SHOWN_N_PR_SERIES));
		DcmItem &one = hz_shown_item(series, DCM_ReferencedSOPSequence);
		hz_shown_put(one, DCM_ReferencedSOPClassUID, UID_GrayscaleSoftcopyPresentationStateStorage);
		hz_shown_put(one, DCM_ReferencedSOPInstanceUID, state[i]);
	}
}

static void key_objects(DcmItem &set, const struct hz_shown &kept, const struct hz_shown_groups &groups)
{
	hz_shown_begin(set, kept, "KO", "Consult: key images");
	hz_shown_put(set, DCM_SOPClassUID, UID_KeyObjectSelectionDocumentStorage);
	hz_shown_put(set, DCM_SOPInstanceUID, hz_shown_uid_of(kept, HZ_SHOWN_N_KO));
	hz_shown_put(set, DCM_SeriesInstanceUID, hz_shown_uid_of(kept, HZ_SHOWN_N_KO_SERIES));
	hz_shown_put(set, DCM_SeriesNumber, "9902");
	hz_shown_put(set, DCM_InstanceNumber, "1");
	hz_shown_put(set, DCM_ContentDate, kept.date);
	hz_shown_put(set, DCM_ContentTime, kept.time);
	if (set.insertEmptyElement(DcmTag(DCM_ReferencedPerformedProcedureStepSequence)).bad())
		throw std::bad_alloc();
	OFString state[HZ_SHOWN_STATES];
	for (unsigned i = 0; i < groups.count; i++)
		state[i] = hz_shown_uid_of(kept, HZ_SHOWN_N_PR + i);
	put_evidence(set, kept, state, groups.count);
	hz_shown_put(set, DCM_ValueType, "CONTAINER");
	put_code(set, DCM_ConceptNameCodeSequence, "113000", "Of Interest");
	hz_shown_put(set, DCM_ContinuityOfContent, "SEPARATE");
	DcmItem &form = hz_shown_item(set, DCM_ContentTemplateSequence);
	hz_shown_put(form, DCM_MappingResource, "DCMR");
	hz_shown_put(form, DCM_TemplateIdentifier, "2010");
	DcmItem &words = hz_shown_item(set, DCM_ContentSequence);
	hz_shown_put(words, DCM_RelationshipType, "CONTAINS");
	hz_shown_put(words, DCM_ValueType, "TEXT");
	put_code(words, DCM_ConceptNameCodeSequence, "113012", "Key Object Description");
	hz_shown_put(words, DCM_TextValue, "Shown and marked in a remote consultation");
	for (unsigned i = 0; i < kept.images; i++) {
		DcmItem &one = hz_shown_item(set, DCM_ContentSequence);
		hz_shown_put(one, DCM_RelationshipType, "CONTAINS");
		hz_shown_put(one, DCM_ValueType, "IMAGE");
		hz_shown_reference(one, DCM_ReferencedSOPSequence, kept.image[i]);
		DcmItem *reference = NULL;
		if (groups.of[i] < 0 ||
		    one.findAndGetSequenceItem(DCM_ReferencedSOPSequence, reference).bad())
			continue;
		DcmItem &shown = hz_shown_item(*reference, DCM_ReferencedSOPSequence);
		hz_shown_put(shown, DCM_ReferencedSOPClassUID, UID_GrayscaleSoftcopyPresentationStateStorage);
		hz_shown_put(shown, DCM_ReferencedSOPInstanceUID, state[groups.of[i]]);
	}
}

// --- writing

static int write_file(DcmFileFormat &format, struct hz_shown_file *ret)
{
	uint8_t *room = (uint8_t *)malloc(FILE_BYTES);
	void *data = NULL;
	offile_off_t bytes = 0;
	OFString uid;
	if (!room)
		return -ENOMEM;
	DcmOutputBufferStream stream(room, FILE_BYTES);
	format.transferInit();
	OFCondition done = format.validateMetaInfo(EXS_LittleEndianExplicit);
	if (done.good())
		done = format.write(stream, EXS_LittleEndianExplicit, EET_ExplicitLength, NULL);
	format.transferEnd();
	stream.flushBuffer(data, bytes);
	format.getDataset()->findAndGetOFString(DCM_SOPInstanceUID, uid);
	if (done.bad() || bytes <= 0 || uid.empty() || uid.size() >= sizeof(ret->instance)) {
		free(room);
		return done == EC_StreamNotifyClient ? -ENOMEM : -EINVAL;
	}
	uint8_t *fitting = (uint8_t *)realloc(room, (size_t)bytes);
	ret->data = fitting ? fitting : room;
	ret->bytes = (size_t)bytes;
	memcpy(ret->instance, uid.c_str(), uid.size() + 1);
	return 0;
}

static bool sound(const struct hz_shown &kept)
{
	bool good = kept.images > 0 && kept.images <= HZ_SHOWN_IMAGES && kept.marks <= HZ_SHOWN_MARKS &&
	            kept.study[0];
	for (unsigned i = 0; good && i < kept.images; i++) {
		const struct hz_shown_image &image = kept.image[i];
		good = image.series[0] && image.instance[0] && image.sop_class[0] && image.rows &&
		       image.columns && image.turn < 4 && image.zoom > 0;
	}
	for (unsigned i = 0; good && i < kept.marks; i++)
		good = kept.mark[i].image < kept.images && kept.mark[i].points > 0 &&
		       kept.mark[i].points <= HZ_SHOWN_POINTS;
	return good;
}

int hz_shown_init(void)
{
	return dcmDataDict.isDictionaryLoaded() ? 0 : -ENOENT;
}

int hz_shown_make(const struct hz_shown *kept, struct hz_shown_files *ret)
{
	struct hz_shown_files made = {};
	int err = sound(*kept) ? 0 : -EINVAL;
	if (err)
		return err;
	static bool quiet; // its warnings quote what they complain about
	if (!quiet)
		OFLog::configure(OFLogger::OFF_LOG_LEVEL);
	quiet = true;
	try {
		struct hz_shown_groups groups;
		hz_shown_group(*kept, &groups);
		for (unsigned i = 0; i <= groups.count && !err; i++) {
			DcmFileFormat format;
			if (i < groups.count)
				hz_shown_state(*format.getDataset(), *kept, groups, i);
			else
				key_objects(*format.getDataset(), *kept, groups);
			err = write_file(format, &made.file[made.count]);
			made.count += !err;
		}
	} catch (const std::bad_alloc &) {
		err = -ENOMEM;
	}
	if (err)
		hz_shown_free(&made);
	else
		*ret = made;
	return err;
}

void hz_shown_free(struct hz_shown_files *files)
{
	for (unsigned i = 0; i < files->count; i++)
		free(files->file[i].data);
	memset(files, 0, sizeof(*files));
}
