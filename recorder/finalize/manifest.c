#include "recorder/finalize/manifest.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/base/each.h"
#include "recorder/finalize/events.h"
#include "recorder/finalize/words.h"
#include "recorder/journal/file.h"
#include "recorder/journal/hash.h"
#include "recorder/manifest.h"

struct digest {
	const char *folder;
	json_t *files;
	struct hz_file_hash *list; // two of each file: SHA-256, SHA-1
	atomic_int err;
};

static void digest_one(void *arg, unsigned i)
{
	struct digest *d = arg;
	char path[2048];
	snprintf(path, sizeof(path), "%s/%s", d->folder,
	         json_string_value(json_object_get(json_array_get(d->files, i / 2), "path")));
	int err = hz_hash_file(path, i % 2 ? HZ_SHA1 : HZ_SHA256, &d->list[i]);
	if (err)
		d->err = err;
}

// Of all files, beside each other: an hour of three cameras takes seconds.
static int add_digests(const struct hz_manifest_from *from, json_t *files)
{
	unsigned count = (unsigned)json_array_size(files);
	struct digest d = {
	    .folder = from->folder, .files = files, .list = calloc(2 * (size_t)count + 1, sizeof(*d.list))};
	if (!d.list)
		return -ENOMEM;
	hz_each(2 * count, digest_one, &d);
	for (unsigned i = 0; i < count && !d.err; i++) {
		json_t *file = json_array_get(files, i);
		json_object_set_new(file, "sha256", json_string(d.list[2 * (size_t)i].hex));
		json_object_set_new(file, "sha1", json_string(d.list[2 * (size_t)i + 1].hex));
		json_object_set_new(file, "bytes", json_integer((json_int_t)d.list[2 * (size_t)i].bytes));
	}
	free(d.list);
	return d.err;
}

static const char *codec_name(uint8_t codec)
{
	static const char *const names[HZ_CODEC_COUNT] = {
	    [HZ_CODEC_OPUS] = "opus", [HZ_CODEC_H264_CB] = "h264", [HZ_CODEC_H264_HIGH] = "h264",
	    [HZ_CODEC_VP8] = "vp8",   [HZ_CODEC_VP9] = "vp9",      [HZ_CODEC_AV1] = "av1"};
	return codec < HZ_CODEC_COUNT && names[codec] ? names[codec] : "unknown";
}

static void add_video(json_t *file, const struct hz_out_info *o)
{
	const struct hz_config *c = o->config;
	json_object_set_new(file, "width", json_integer(c->width));
	json_object_set_new(file, "height", json_integer(c->height));
	json_object_set_new(file, "frames", json_integer((json_int_t)o->frames));
	if (o->frames > 1 && o->last_us > o->first_us) {
		double rate = (double)(o->frames - 1) * 1e9 / (double)(o->last_us - o->first_us);
		json_object_set_new(file, "rate_num", json_integer(llround(rate)));
		json_object_set_new(file, "rate_den", json_integer(1000));
	}
	if (strcmp(codec_name(c->codec), "h264") == 0 && c->bytes > 3) {
		json_object_set_new(file, "h264",
		                    json_pack("{s:i, s:i, s:i}", "profile_idc", c->data[1],
		                              "constraint_flags", c->data[2], "level_idc", c->data[3]));
	}
}

static int add_file(json_t *list, const struct hz_manifest_from *from, const struct hz_out_info *o)
{
	const struct hz_config *c = o->config;
	json_t *codecs = json_array();
	if (c)
		json_array_append_new(codecs, json_string(codec_name(c->codec)));
	if (o->audio)
		json_array_append_new(codecs, json_string("opus"));
	json_t *file = json_pack(
	    "{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:I, s:I, s:i}", "path", o->path, "role", "track",
	    "track", o->track->key, "participant", o->track->participant, "source", o->track->source, "kind",
	    !c         ? "audio"
	    : o->audio ? "av"
	               : "video",
	    "container", strstr(o->path, ".mp4") ? "mp4" : "webm", "codecs", codecs, "at_ms",
	    (json_int_t)((o->start_us - from->zero_us + 500) / 1000), "duration_ms",
	    (json_int_t)((o->duration_us + 500) / 1000), "part", (int)o->part);
	if (!file)
		return -EBADMSG; // texts that are not UTF-8
	if (c)
		add_video(file, o);
	json_array_append_new(list, file);
	return 0;
}

static json_t *describe_track(const struct hz_manifest_from *from, const struct hz_track *t)
{
	uint64_t lost = 0, late = 0, left_out = 0, malformed = t->bad_packets, recovered = 0;
	const struct hz_stream *longest = NULL;
	struct hz_clock_info clock = {0};
	for (unsigned i = 0; i < t->streams; i++) {
		const struct hz_stream *s = t->stream[i];
		lost += s->order_stats.lost;
		late += s->order_stats.late;
		left_out += s->frame_stats.left_out;
		malformed += s->frame_stats.malformed;
		recovered += s->frame_stats.recovered;
		if (!longest || s->frame_count > longest->frame_count)
			longest = s;
	}
	if (longest)
		hz_clock_info(longest->clock, &clock);
	json_t *track =
	    json_pack("{s:i, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:b, s:f}", "track", (int)t->number, "key",
	              t->key, "participant", t->participant, "source", t->source, "first_ms",
	              (json_int_t)((t->first_us - from->zero_us) / 1000), "last_ms",
	              (json_int_t)((t->last_us - from->zero_us) / 1000), "packets", (json_int_t)t->packets,
	              "lost", (json_int_t)lost, "erased", from->erased && from->erased(from->arg, t->number),
	              "drift_ppm", round(clock.drift_ppm * 10) / 10);
	if (!track)
		return NULL;
	json_object_set_new(track, "clock", json_string(clock.from_reports ? "reports" : "arrivals"));
	json_object_set_new(track, "late", json_integer((json_int_t)late));
	json_object_set_new(track, "left_out", json_integer((json_int_t)left_out));
	json_object_set_new(track, "malformed", json_integer((json_int_t)malformed));
	json_object_set_new(track, "recovered", json_integer((json_int_t)recovered));
	return track;
}

static int save(const struct hz_manifest_from *from, const char *name, const json_t *root)
{
	char *text = json_dumps(root, HZ_EVENTS_TEXT);
	int fd = open(from->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int err = !text ? -ENOMEM : fd < 0 ? -errno : hz_file_replace(fd, name, text, strlen(text));
	if (fd >= 0)
		close(fd);
	free(text);
	return err;
}

static void copy(json_t *to, const json_t *from, const char *key)
{
	json_t *value = json_object_get(from, key);
	if (value && !json_is_null(value))
		json_object_set(to, key, value);
}

static json_t *head(const struct hz_manifest_from *from)
{
	json_t *record = hz_story_record(from->story), *root = json_object();
	int64_t started_ms = hz_story_first_us(from->story) / 1000;
	json_object_set_new(root, "version", json_integer(HZ_MANIFEST_VERSION));
	json_object_set_new(root, "record", json_string(from->record));
	copy(root, record, "consult");
	copy(root, record, "title");
	copy(root, record, "subject");
	json_object_set_new(root, "started_ms", json_integer(started_ms));
	copy(root, record, "started_ms");
	json_object_set_new(root, "ended_ms", json_integer(hz_story_last_us(from->story) / 1000));
	json_object_set_new(root, "wall_zero_ms", json_integer(from->zero_us / 1000));
	json_object_set_new(root, "participants", hz_story_participants(from->story));
	json_object_set_new(root, "events", json_string("timeline.json"));
	json_decref(record);
	return root;
}

static json_t *journal_part(const struct hz_manifest_from *from)
{
	json_t *journal = from->journal_json ? json_loads(from->journal_json, 0, NULL) : NULL;
	if (!json_is_object(journal)) {
		json_decref(journal);
		journal = json_object();
	}
	json_object_set_new(journal, "gaps", hz_story_gaps(from->story, from->zero_us));
	return journal;
}

static void warn(json_t *list, const char *what, uint64_t count)
{
	char text[128];
	if (!count)
		return;
	snprintf(text, sizeof(text), "%llu %s", (unsigned long long)count, what);
	json_array_append_new(list, json_string(text));
}

// {participant: true} of those whom a note names, or whose keys are gone, all of them.
static json_t *erased_people(const struct hz_manifest_from *from)
{
	json_t *people = json_object(), *noted = from->noted ? from->noted(from->arg) : NULL;
	for (unsigned i = 0; from->erased && i < HZ_JOURNAL_TRACKS; i++) {
		const struct hz_track *t = from->tracks->list[i];
		if (!t)
			continue;
		bool kept = json_is_false(json_object_get(people, t->participant));
		json_object_set_new(people, t->participant,
		                    json_boolean(!kept && from->erased(from->arg, t->number)));
	}
	json_object_update(people, noted);
	json_decref(noted);
	return people;
}

// A publisher's pictures came another way from here on (another SPS, size or codec): a new file begins.
static void add_picture(const struct hz_manifest_from *from, const struct hz_out_info *o, json_t *events)
{
	json_int_t at_ms = (json_int_t)((o->start_us - from->zero_us + 500) / 1000);
	size_t at = json_array_size(events);
	json_t *event =
	    json_pack("{s:I, s:s, s:s, s:{s:s, s:s, s:i, s:s, s:i, s:i}}", "at_ms", at_ms, "type", "picture",
	              "participant", o->track->participant, "detail", "source", o->track->source, "path",
	              o->path, "part", (int)o->part, "codec", codec_name(o->config->codec), "width",
	              o->config->width, "height", o->config->height);
	while (at > 0 && json_integer_value(json_object_get(json_array_get(events, at - 1), "at_ms")) > at_ms)
		at--;
	if (event)
		json_array_insert_new(events, at, event);
}

static void add_pictures(const struct hz_manifest_from *from, json_t *events)
{
	for (size_t i = 0; i < hz_write_count(from->write); i++) {
		struct hz_out_info o;
		if (hz_write_info(from->write, i, &o) && o.config && o.part > 1)
			add_picture(from, &o, events);
	}
}

int hz_manifest_make(const struct hz_manifest_from *from)
{
	json_t *root = head(from), *files = json_array(), *tracks = json_array(), *warnings = json_array();
	int err = 0;
	for (size_t i = 0; i < hz_write_count(from->write) && !err; i++) {
		struct hz_out_info o;
		if (hz_write_info(from->write, i, &o))
			err = add_file(files, from, &o);
	}
	if (!err)
		err = add_digests(from, files);
	uint64_t unknown = 0;
	for (unsigned i = 0; i < HZ_JOURNAL_TRACKS && !err; i++) {
		const struct hz_track *t = from->tracks->list[i];
		if (!t)
			continue;
		json_array_append_new(tracks, describe_track(from, t));
		unknown += t->unknown_packets;
	}
	if (from->warning[0])
		json_array_append_new(warnings, json_string(from->warning));
	warn(warnings, "files could not be made of what was received", hz_write_refused(from->write));
	warn(warnings, "packets of unknown payload types or sources", unknown);
	warn(warnings, "events were left out", hz_story_left_out(from->story));
	json_t *thinned = hz_story_thinned(from->story);
	if (thinned) {
		warn(warnings, "events of quality, speakers and layers were thinned out: see thinned",
		     (uint64_t)json_integer_value(json_object_get(thinned, "events")));
		json_object_set_new(root, "thinned", thinned);
	}
	json_object_set_new(root, "files", files);
	json_object_set_new(root, "tracks", tracks);
	json_object_set_new(root, "warnings", warnings);
	json_object_set_new(root, "journal", journal_part(from));
	json_t *events = hz_story_events(from->story, from->zero_us);
	json_t *erased = erased_people(from);
	hz_words_leave_out(events, erased);
	json_decref(erased);
	add_pictures(from, events);
	if (!err)
		err = save(from, "timeline.json", events);
	if (!err)
		err = save(from, "manifest.json", root);
	json_decref(events);
	json_decref(root);
	return err;
}
