#include "recorder/record/package.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/base/each.h"
#include "recorder/finalize/dicom_mp4.h"
#include "recorder/finalize/prepare.h"
#include "recorder/journal/hash.h"
#include "recorder/record/dicom_video.h"
#include "recorder/record/files.h"
#include "recorder/record/manifest_read.h"

// An object under way, in three steps: the MP4; names and numbers, one after another; the file and its hash. The first and the
// last are made beside each other.
struct prepared {
	const struct hz_manifest_file *file;
	json_t *made;                        // its entry of an earlier index, borrowed: nothing is to be done
	char mp4[4096], dcm[4096], path[32]; // path: of dcm, in the folder
	int err;
	struct hz_dicom_mp4_info info;
	bool named;
	struct hz_dicom_video video;
	struct hz_dicom_ids ids;
	struct hz_file_hash hash;
};

struct job {
	const char *folder;
	const struct hz_package_settings *settings;
	struct hz_manifest *manifest;
	json_t *instances, *refused;
	json_t *old; // the index of the same tracks; NULL: none
	bool unfit;  // a picture track could not be made an object
	char study[HZ_UID_BYTES];
	const struct hz_manifest_file *series[HZ_PACKAGE_INSTANCES]; // the first file of each
	unsigned series_parts[HZ_PACKAGE_INSTANCES], series_count;
	struct prepared *prepared;
	unsigned prepared_count;
};

static bool is_word(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

static bool has_picture(const struct hz_manifest_file *f)
{
	return is_word(f->kind, "video") || is_word(f->kind, "av");
}

static bool has_sound(const struct hz_manifest_file *f)
{
	return hz_manifest_has_codec(f, "opus") || hz_manifest_has_codec(f, "aac");
}

static int64_t overlap(const struct hz_manifest_file *a, const struct hz_manifest_file *b)
{
	int64_t from = a->at_ms > b->at_ms ? a->at_ms : b->at_ms;
	int64_t to_a = a->at_ms + a->duration_ms, to_b = b->at_ms + b->duration_ms;
	return (to_a < to_b ? to_a : to_b) - from;
}

// The file whose sound goes with a camera's picture; NULL: its own, if it has any. Own sound is that of the person's microphones:
// where one of them has all of it its file is taken, as that is what slices were made of ahead (recorder/finalize/prepare.h). Else
// the one that runs longest beside a picture without sound.
static const struct hz_manifest_file *sound_of(const struct hz_manifest *m, const struct hz_manifest_file *f)
{
	const struct hz_manifest_file *best = NULL;
	unsigned microphones = 0;
	if (!is_word(f->source, "camera"))
		return NULL;
	for (unsigned i = 0; i < m->files_count; i++) {
		const struct hz_manifest_file *other = &m->files[i];
		if (!is_word(other->role, "track") || !is_word(other->kind, "audio") ||
		    !is_word(other->participant, f->participant) || overlap(f, other) <= 0 ||
		    (has_sound(f) && !is_word(other->source, "microphone")))
			continue;
		microphones++;
		if (!best || overlap(f, other) > overlap(f, best))
			best = other;
	}
	return has_sound(f) && microphones != 1 ? NULL : best;
}

static void refuse(struct job *j, const struct hz_manifest_file *f, const char *why)
{
	json_array_append_new(j->refused, json_pack("{s:s, s:s}", "file", f->path, "why", why));
	if (!is_word(f->role, "composed"))
		j->unfit = true;
}

static const char *why_of(int err)
{
	return err == -EFBIG     ? "longer than a DICOM fragment"
	       : err == -ENOTSUP ? "its H.264 profile, level or size has no transfer syntax"
	       : err == -EBADMSG ? "broken"
	       : err == -ENOENT  ? "the file is not there"
	                         : "cannot be read";
}

// Number of the file's series and of the object within it, both from 1.
static void number(struct job *j, struct hz_dicom_video *v)
{
	unsigned i = 0;
	while (i < j->series_count && !(is_word(j->series[i]->role, v->file->role) &&
	                                is_word(j->series[i]->participant, v->file->participant) &&
	                                is_word(j->series[i]->source, v->file->source)))
		i++;
	if (i == j->series_count)
		j->series[j->series_count++] = v->file;
	v->series = i + 1;
	v->instance = ++j->series_parts[i];
}

static int describe(struct job *j, const struct prepared *p)
{
	const struct hz_dicom_video *v = &p->video;
	const struct hz_dicom_ids *ids = &p->ids;
	json_t *one = json_pack(
	    "{s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:s, s:s, s:i, s:i, s:i, s:I, s:I, s:I, s:s}", "path",
	    p->path, "file", v->file->path, "sop_class", ids->sop_class, "instance", ids->instance, "series",
	    ids->series, "series_number", (int)v->series, "number", (int)v->instance, "modality",
	    ids->modality, "transfer_syntax", ids->transfer_syntax, "rows", (int)v->stream.rows, "columns",
	    (int)v->stream.columns, "frames", (int)v->stream.frames, "duration_ms",
	    (json_int_t)(v->stream.duration_us / 1000), "at_ms", (json_int_t)v->file->at_ms, "bytes",
	    (json_int_t)p->hash.bytes, "sha256", p->hash.hex);
	snprintf(j->study, sizeof(j->study), "%s", ids->study);
	return one && json_array_append_new(j->instances, one) == 0 ? 0 : -ENOMEM;
}

static int mp4_of(struct job *j, const struct hz_manifest_file *f, const char *out,
                  struct hz_dicom_mp4_info *ret)
{
	char video[4096], audio[4096], early[4096];
	const struct hz_manifest_file *sound = sound_of(j->manifest, f);
	struct hz_dicom_mp4 with = {.video = video, .early = early, .out = out};
	snprintf(video, sizeof(video), "%s/%s", j->folder, f->path);
	snprintf(early, sizeof(early), "%s/" HZ_EARLY, j->folder);
	if (sound) {
		snprintf(audio, sizeof(audio), "%s/%s", j->folder, sound->path);
		with.audio = audio;
		with.audio_offset_us = (sound->at_ms - f->at_ms) * 1000;
	}
	int err = hz_dicom_mp4(&with, ret);
	if (err && sound && err != -ENOSPC &&
	    err != -EFBIG) { // pictures without sound are better than neither
		with.audio = NULL;
		err = hz_dicom_mp4(&with, ret);
	}
	return err;
}

// Its place among the objects; the same whichever was ready first.
static int name(struct job *j, struct prepared *p, unsigned *objects)
{
	const struct hz_manifest_file *f = p->file;
	const struct hz_dicom_mp4_info *info = &p->info;
	if (p->made) {
		struct hz_dicom_video again = {.file = f};
		number(j, &again);
		++*objects;
		return 0;
	}
	if (p->err == -ENOSPC || p->err == -EIO || p->err == -ENOMEM)
		return p->err;
	if (p->err) {
		refuse(j, f, why_of(p->err));
		return 0;
	}
	p->video = (struct hz_dicom_video){.manifest = j->manifest,
	                                   .file = f,
	                                   .charset = j->settings->charset,
	                                   .mp4 = p->mp4,
	                                   .path = p->dcm};
	p->video.stream = (struct hz_dicom_stream){.profile_idc = info->profile_idc,
	                                           .constraint_flags = info->constraint_flags,
	                                           .level_idc = info->level_idc,
	                                           .columns = info->columns,
	                                           .rows = info->rows,
	                                           .frames = info->frames,
	                                           .duration_us = info->duration_us,
	                                           .audio_channels = info->audio_channels,
	                                           .bytes = info->bytes};
	int err = hz_dicom_video_ids(&p->video, &p->ids);
	if (err) {
		refuse(j, f, why_of(err));
		return 0;
	}
	number(j, &p->video);
	snprintf(p->path, sizeof(p->path), "dicom/%02u.dcm", ++*objects);
	snprintf(p->dcm, sizeof(p->dcm), "%s/%s", j->folder, p->path);
	p->named = true;
	return 0;
}

static void make_mp4(struct job *j, struct prepared *p)
{
	if (!p->made)
		p->err = mp4_of(j, p->file, p->mp4, &p->info);
}

static void make_object(struct job *j, struct prepared *p)
{
	if (!p->named)
		return;
	p->err = hz_dicom_video_write(&p->video, &p->ids);
	unlink(p->mp4);
	if (!p->err)
		p->err = hz_hash_file(p->dcm, HZ_SHA256, &p->hash);
}

static bool is_candidate(const struct hz_manifest_file *f)
{
	return has_picture(f) && is_word(f->container, "mp4") && hz_manifest_has_codec(f, "h264");
}

struct step {
	struct job *job;
	unsigned begin;
	void (*fn)(struct job *job, struct prepared *one);
};

static void take(void *arg, unsigned i)
{
	const struct step *s = arg;
	s->fn(s->job, &s->job->prepared[s->begin + i]);
}

// A step of all that were added from `begin` on.
static void run_all(struct job *j, unsigned begin, void (*fn)(struct job *job, struct prepared *one))
{
	hz_each(j->prepared_count - begin, take, &(struct step){.job = j, .begin = begin, .fn = fn});
}

static json_t *named(const json_t *list, const struct hz_manifest_file *f)
{
	size_t i;
	json_t *one;
	json_array_foreach(
	    list, i, one) if (is_word(json_string_value(json_object_get(one, "file")), f->path)) return one;
	return NULL;
}

static void add(struct job *j, const struct hz_manifest_file *f)
{
	json_t *was = is_word(f->role, "track") ? named(json_object_get(j->old, "refused"), f) : NULL;
	if (was) {
		refuse(j, f, json_string_value(json_object_get(was, "why")));
		return;
	}
	if (j->prepared_count == HZ_PACKAGE_INSTANCES) {
		refuse(j, f, "too many objects");
		return;
	}
	struct prepared *p = &j->prepared[j->prepared_count++];
	p->file = f;
	p->made = is_word(f->role, "track") ? named(json_object_get(j->old, "instances"), f) : NULL;
	snprintf(p->mp4, sizeof(p->mp4), "%s/dicom/.%03u.mp4", j->folder, j->prepared_count);
}

static int make_added(struct job *j, unsigned begin)
{
	unsigned objects = (unsigned)json_array_size(j->instances);
	int err = 0;
	run_all(j, begin, make_mp4);
	for (unsigned i = begin; i < j->prepared_count && !err; i++)
		err = name(j, &j->prepared[i], &objects);
	if (!err)
		run_all(j, begin, make_object);
	for (unsigned i = begin; i < j->prepared_count; i++) {
		struct prepared *p = &j->prepared[i];
		unlink(p->mp4); // of one that was refused, or after an error
		if (err || (!p->made && !p->named))
			continue;
		err = p->made ? json_array_append(j->instances, p->made) : p->err ? p->err : describe(j, p);
	}
	return err;
}

static int make_all(struct job *j)
{
	const struct hz_manifest *m = j->manifest;
	j->prepared = calloc(HZ_PACKAGE_INSTANCES, sizeof(*j->prepared));
	if (!j->prepared)
		return -ENOMEM;
	for (unsigned i = 0; i < m->files_count; i++) {
		const struct hz_manifest_file *f = &m->files[i];
		if (!is_word(f->role, "track") || !has_picture(f))
			continue;
		if (is_candidate(f))
			add(j, f);
		else
			refuse(j, f, "not H.264: in the composed picture only");
	}
	int err = make_added(j, 0);
	unsigned tracks = j->prepared_count;
	for (unsigned i = 0; !err && i < m->files_count && (j->unfit || j->settings->composed); i++)
		if (is_word(m->files[i].role, "composed") && is_candidate(&m->files[i]))
			add(j, &m->files[i]);
	return err ? err : make_added(j, tracks);
}

static int write_index(struct job *j)
{
	char path[4096];
	json_t *index = json_pack("{s:i, s:s, s:s, s:s, s:O, s:O}", "version", 1, "manifest",
	                          j->manifest->sha256, "tracks", j->manifest->tracks_sha256, "study",
	                          j->study, "instances", j->instances, "refused", j->refused);
	char *text = index ? json_dumps(index, JSON_INDENT(1) | JSON_SORT_KEYS) : NULL;
	snprintf(path, sizeof(path), "%s/dicom/index.json", j->folder);
	int err = text ? hz_document_write(path, text, strlen(text), 0640) : -ENOMEM;
	free(text);
	json_decref(index);
	return err;
}

// Every object of the index is there with its size.
static bool is_whole(const struct job *j, const json_t *index)
{
	char path[4096];
	struct stat st;
	size_t i;
	const json_t *one;
	json_array_foreach(json_object_get(index, "instances"), i, one)
	{
		snprintf(path, sizeof(path), "%s/%s", j->folder,
		         json_string_value(json_object_get(one, "path")));
		if (stat(path, &st) < 0 || st.st_size != json_integer_value(json_object_get(one, "bytes")))
			return false;
	}
	return true;
}

// Of the same tracks, and says of each picture what became of it: so numbers and paths stay.
static bool covers(const struct job *j, const json_t *index)
{
	const char *tracks = json_string_value(json_object_get(index, "tracks"));
	if (!tracks || !is_word(tracks, j->manifest->tracks_sha256))
		return false;
	for (unsigned i = 0; i < j->manifest->files_count; i++) {
		const struct hz_manifest_file *f = &j->manifest->files[i];
		const json_t *was = named(json_object_get(index, "refused"), f);
		if (!is_word(f->role, "track") || !is_candidate(f))
			continue;
		if (!named(json_object_get(index, "instances"), f) &&
		    !json_string_value(json_object_get(was, "why")))
			return false;
	}
	return true;
}

// true: the index of this manifest is there, nothing is to be done. Else j->old is what can be gone on from.
static bool is_made(struct job *j)
{
	void *index = NULL;
	if (hz_package_index(j->folder, &index) != 0)
		return false;
	bool whole = is_whole(j, index);
	bool made =
	    whole && is_word(json_string_value(json_object_get(index, "manifest")), j->manifest->sha256);
	if (!made && whole && covers(j, index))
		j->old = index;
	else
		json_decref(index);
	return made;
}

// Objects that the index does not name any more.
static void sweep(const struct job *j)
{
	char path[4096];
	snprintf(path, sizeof(path), "%s/dicom", j->folder);
	DIR *dir = opendir(path);
	for (struct dirent *e; dir && (e = readdir(dir));) {
		size_t n = strlen(e->d_name), i;
		const json_t *one;
		bool known = n < 4 || strcmp(e->d_name + n - 4, ".dcm") != 0;
		snprintf(path, sizeof(path), "dicom/%s", e->d_name);
		json_array_foreach(j->instances, i, one) known =
		    known || is_word(json_string_value(json_object_get(one, "path")), path);
		if (!known)
			(void)unlinkat(dirfd(dir), e->d_name, 0);
	}
	if (dir)
		closedir(dir);
}

int hz_package(const char *folder, const struct hz_package_settings *settings, const char **ret_why)
{
	struct job *j = calloc(1, sizeof(*j));
	char path[4096];
	*ret_why = NULL;
	if (!j)
		return -ENOMEM;
	j->folder = folder;
	j->settings = settings;
	int err = hz_manifest_load(folder, ret_why, &j->manifest);
	if (err || is_made(j))
		goto out;
	hz_uid_named(j->manifest->record, "study", "", j->study);
	j->instances = json_array();
	j->refused = json_array();
	snprintf(path, sizeof(path), "%s/dicom", folder);
	if (!j->instances || !j->refused)
		err = -ENOMEM;
	else if (mkdir(path, 0750) < 0 && errno != EEXIST)
		err = -errno;
	if (!err)
		err = make_all(j);
	if (!err)
		err = write_index(j);
	if (!err)
		sweep(j);
out:
	if (!err)
		err = hz_prepare_remove(folder);
	free(j->prepared);
	json_decref(j->instances);
	json_decref(j->refused);
	json_decref(j->old);
	hz_manifest_free(j->manifest);
	free(j);
	return err;
}

static bool is_instance(const json_t *one)
{
	static const char *const texts[] = {"path",   "file",     "sop_class",       "instance",
	                                    "series", "modality", "transfer_syntax", "sha256"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (!json_string_value(json_object_get(one, texts[i])))
			return false;
	return hz_document_is_inside(json_string_value(json_object_get(one, "path"))) &&
	       hz_uid_is_valid(json_string_value(json_object_get(one, "instance"))) &&
	       hz_uid_is_valid(json_string_value(json_object_get(one, "series"))) &&
	       json_is_integer(json_object_get(one, "bytes"));
}

int hz_package_index(const char *folder, void **ret)
{
	char path[4096], *text = NULL;
	size_t bytes = 0, i;
	const json_t *one;
	snprintf(path, sizeof(path), "%s/dicom/index.json", folder);
	int err = hz_document_read(path, HZ_PACKAGE_INDEX_BYTES, &text, &bytes);
	if (err)
		return err;
	json_t *index = json_loadb(text, bytes, JSON_REJECT_DUPLICATES, NULL);
	free(text);
	const json_t *instances = json_object_get(index, "instances");
	bool good = json_is_array(instances) && json_string_value(json_object_get(index, "manifest")) &&
	            hz_uid_is_valid(json_string_value(json_object_get(index, "study")));
	json_array_foreach(instances, i, one) good = good && is_instance(one);
	if (!good) {
		json_decref(index);
		return -EBADMSG;
	}
	*ret = index;
	return 0;
}
