#include "recorder/compose/input.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const sources[HZ_INPUT_SOURCES] = {
    [HZ_INPUT_CAMERA] = "camera",
    [HZ_INPUT_CAMERA2] = "camera2",
    [HZ_INPUT_SCREEN] = "screen",
    [HZ_INPUT_MICROPHONE] = "microphone",
    [HZ_INPUT_ULTRASOUND] = "ultrasound",
    [HZ_INPUT_ENDOSCOPE] = "endoscope",
    [HZ_INPUT_MICROSCOPE] = "microscope",
    [HZ_INPUT_IMAGE] = "image",
    [HZ_INPUT_MIX] = "mix",
};

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));
	return text ? text : "";
}

uint8_t hz_input_source_of(const char *name)
{
	for (uint8_t i = 0; i < HZ_INPUT_SOURCES; i++)
		if (sources[i] && strcmp(sources[i], name) == 0)
			return i;
	return HZ_INPUT_CAMERA;
}

static uint8_t source_of(const json_t *object)
{
	return hz_input_source_of(text_of(object, "source"));
}

static int64_t ms_of(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static int64_t relative(const struct hz_input *in, int64_t wall_ms)
{
	int64_t ret;
	if (__builtin_sub_overflow(wall_ms, in->wall_zero_ms, &ret))
		return wall_ms < 0 ? INT64_MIN / 4 : INT64_MAX / 4;
	return ret;
}

int hz_input_person_of(const struct hz_input *in, const char *id)
{
	for (unsigned i = 0; i < in->people_count; i++)
		if (strcmp(in->people[i].id, id) == 0)
			return (int)i;
	return -1;
}

bool hz_input_path_good(const char *path)
{
	size_t n = strlen(path);
	if (n == 0 || n > 255 || path[0] == '/')
		return false;
	for (const char *part = path; part; part = strchr(part, '/') ? strchr(part, '/') + 1 : NULL) {
		size_t length = strcspn(part, "/");
		if (length == 0 || (length == 1 && part[0] == '.') ||
		    (length == 2 && strncmp(part, "..", 2) == 0))
			return false;
	}
	for (const unsigned char *c = (const unsigned char *)path; *c; c++)
		if (*c < 0x20 || *c == 0x7f)
			return false;
	return true;
}

// --- people

static int read_person(struct hz_input *in, const json_t *from, struct hz_input_person *p)
{
	const json_t *spans = json_object_get(from, "periods"), *consents = json_object_get(from, "consent");
	size_t i;
	const json_t *one;
	p->id = text_of(from, "id");
	p->name = text_of(from, "name");
	p->role = text_of(from, "role");
	p->spans = calloc(HZ_INPUT_SPANS, sizeof(*p->spans));
	p->consents = calloc(HZ_INPUT_SPANS, sizeof(*p->consents));
	if (!p->spans || !p->consents)
		return -ENOMEM;
	json_array_foreach(spans, i, one)
	{
		const json_t *to = json_object_get(one, "to_ms");
		if (p->span_count < HZ_INPUT_SPANS)
			p->spans[p->span_count++] = (struct hz_input_span){
			    relative(in, ms_of(one, "from_ms")),
			    json_is_integer(to) ? relative(in, json_integer_value(to)) : INT64_MAX};
	}
	json_array_foreach(consents, i, one)
	{
		if (p->consent_count < HZ_INPUT_SPANS)
			p->consents[p->consent_count++] = (struct hz_input_consent){
			    relative(in, ms_of(one, "time_ms")), strcmp(text_of(one, "state"), "given") == 0};
	}
	return 0;
}

static int read_people(struct hz_input *in, const json_t *list)
{
	size_t i;
	const json_t *one;
	in->people = calloc(HZ_INPUT_PEOPLE, sizeof(*in->people));
	if (!in->people)
		return -ENOMEM;
	json_array_foreach(list, i, one)
	{
		if (in->people_count == HZ_INPUT_PEOPLE)
			break;
		int err = read_person(in, one, &in->people[in->people_count++]);
		if (err)
			return err;
	}
	return 0;
}

// --- files

static bool is_in_range(int64_t ms)
{
	return ms >= -HZ_INPUT_LONGEST && ms <= HZ_INPUT_LONGEST;
}

static int read_file(struct hz_input *in, const json_t *from, char *error)
{
	struct hz_input_file *f = &in->files[in->files_count];
	const char *kind = text_of(from, "kind");
	int person = hz_input_person_of(in, text_of(from, "participant"));
	*f = (struct hz_input_file){.path = text_of(from, "path"),
	                            .source = source_of(from),
	                            .video = strcmp(kind, "audio") != 0,
	                            .audio = strcmp(kind, "video") != 0,
	                            .at_ms = ms_of(from, "at_ms"),
	                            .duration_ms = ms_of(from, "duration_ms")};
	int64_t bytes = ms_of(from, "bytes");
	if (strcmp(text_of(from, "role"), "track") != 0 || person < 0)
		return 0;
	f->person = (unsigned)person;
	f->bytes = bytes > 0 ? (uint64_t)bytes : 0;
	if (!hz_input_path_good(f->path)) {
		snprintf(error, HZ_INPUT_ERROR, "manifest.json: the path of file %u leaves the folder",
		         in->files_count);
		return -EBADMSG;
	}
	if (!is_in_range(f->at_ms) || f->duration_ms < 0 || !is_in_range(f->duration_ms)) {
		snprintf(error, HZ_INPUT_ERROR, "manifest.json: the time of %.160s is out of range", f->path);
		return -EBADMSG;
	}
	in->files_count++;
	return 0;
}

static int by_start(const void *a, const void *b)
{
	const struct hz_input_file *x = a, *y = b;
	if (x->at_ms != y->at_ms)
		return x->at_ms < y->at_ms ? -1 : 1;
	return strcmp(x->path, y->path);
}

static int read_files(struct hz_input *in, const json_t *list, char *error)
{
	size_t i;
	const json_t *one;
	in->files = calloc(HZ_INPUT_FILES, sizeof(*in->files));
	if (!in->files)
		return -ENOMEM;
	json_array_foreach(list, i, one)
	{
		int err = in->files_count < HZ_INPUT_FILES ? read_file(in, one, error) : 0;
		if (err)
			return err;
	}
	if (in->files_count == 0)
		return 0;
	qsort(in->files, in->files_count, sizeof(*in->files), by_start);
	in->from_ms = in->files[0].at_ms;
	in->to_ms = in->from_ms;
	for (unsigned k = 0; k < in->files_count; k++) {
		int64_t end = in->files[k].at_ms + in->files[k].duration_ms;
		in->to_ms = end > in->to_ms ? end : in->to_ms;
	}
	return 0;
}

// --- events

static void read_speakers(const struct hz_input *in, const json_t *detail, struct hz_input_event *e)
{
	size_t i;
	const json_t *one;
	json_array_foreach(json_object_get(detail, "ids"), i, one)
	{
		int person = json_is_string(one) ? hz_input_person_of(in, json_string_value(one)) : -1;
		if (person >= 0 && e->speaker_count < HZ_INPUT_SPEAKERS)
			e->speakers[e->speaker_count++] = (uint8_t)person;
	}
}

static void read_event(struct hz_input *in, const json_t *from)
{
	const char *type = text_of(from, "type");
	const json_t *detail = json_object_get(from, "detail");
	struct hz_input_event e = {.at_ms = ms_of(from, "at_ms"), .source = source_of(detail), .person = -1};
	if (strcmp(type, "mute") == 0 || strcmp(type, "unmute") == 0) {
		e.type = type[0] == 'm' ? HZ_INPUT_MUTE : HZ_INPUT_UNMUTE;
		e.person = hz_input_person_of(in, text_of(from, "participant"));
		if (e.person < 0)
			return;
	} else if (strcmp(type, "speaker") == 0) {
		e.type = HZ_INPUT_SPEAKER;
		read_speakers(in, detail, &e);
	} else if (strcmp(type, "layout") == 0) {
		e.type = HZ_INPUT_LAYOUT;
		e.grid = strcmp(text_of(detail, "mode"), "grid") == 0;
		e.pinned = json_is_true(json_object_get(detail, "pinned"));
		e.person = hz_input_person_of(in, text_of(detail, "main"));
	} else {
		return;
	}
	in->events[in->events_count++] = e;
}

// Insertion: they come in order but for a few.
static void sort_events(struct hz_input *in)
{
	for (unsigned i = 1; i < in->events_count; i++) {
		struct hz_input_event e = in->events[i];
		unsigned k = i;
		while (k > 0 && i - k < 1000 && in->events[k - 1].at_ms > e.at_ms) {
			in->events[k] = in->events[k - 1];
			k--;
		}
		in->events[k] = e;
	}
}

static int read_events(struct hz_input *in, const json_t *list)
{
	size_t i, count = json_array_size(list);
	const json_t *one;
	count = count < HZ_INPUT_EVENTS ? count : HZ_INPUT_EVENTS;
	in->events = calloc(count + 1, sizeof(*in->events));
	if (!in->events)
		return -ENOMEM;
	json_array_foreach(list, i, one)
	{
		if (i < count)
			read_event(in, one);
	}
	sort_events(in);
	return 0;
}

// --- the whole

static int read_all(struct hz_input *in, char *error)
{
	in->record = text_of(in->manifest, "record");
	in->title = text_of(in->manifest, "title");
	in->wall_zero_ms = ms_of(in->manifest, "wall_zero_ms");
	if (ms_of(in->manifest, "version") != 1) {
		snprintf(error, HZ_INPUT_ERROR, "manifest.json: its version is not 1");
		return -EBADMSG;
	}
	int err = read_people(in, json_object_get(in->manifest, "participants"));
	if (!err)
		err = read_files(in, json_object_get(in->manifest, "files"), error);
	return err ? err : read_events(in, in->timeline);
}

static json_t *load_text(const char *name, const char *text, size_t bytes, char *error)
{
	json_error_t why;
	json_t *json = bytes <= HZ_INPUT_BYTES ? json_loadb(text, bytes, JSON_REJECT_DUPLICATES, &why) : NULL;
	if (!json)
		snprintf(error, HZ_INPUT_ERROR, "%s: not JSON, at line %d", name,
		         bytes <= HZ_INPUT_BYTES ? why.line : 0);
	return json;
}

int hz_input_parse(const char *manifest, size_t manifest_bytes, const char *timeline, size_t timeline_bytes,
                   char ret_error[HZ_INPUT_ERROR], struct hz_input **ret)
{
	struct hz_input *in = calloc(1, sizeof(*in));
	if (!in)
		return -ENOMEM;
	ret_error[0] = '\0';
	in->manifest = load_text("manifest.json", manifest, manifest_bytes, ret_error);
	if (timeline && in->manifest)
		in->timeline = load_text("timeline.json", timeline, timeline_bytes, ret_error);
	int err = !in->manifest || (timeline && !in->timeline) ? -EBADMSG : read_all(in, ret_error);
	if (err) {
		if (!ret_error[0])
			snprintf(ret_error, HZ_INPUT_ERROR, "out of memory");
		hz_input_free(in);
		return err;
	}
	*ret = in;
	return 0;
}

static int read_text(int folder, const char *name, char **ret, size_t *ret_bytes)
{
	struct stat st;
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	int err = fstat(fd, &st) < 0                                    ? -errno
	          : !S_ISREG(st.st_mode) || st.st_size > HZ_INPUT_BYTES ? -EFBIG
	                                                                : 0;
	char *text = err ? NULL : malloc((size_t)st.st_size + 1);
	size_t have = 0;
	while (!err && text && have < (size_t)st.st_size) {
		ssize_t n = read(fd, text + have, (size_t)st.st_size - have);
		if (n <= 0) {
			err = n < 0 ? -errno : -EIO;
			break;
		}
		have += (size_t)n;
	}
	close(fd);
	if (!err && !text)
		err = -ENOMEM;
	if (err) {
		free(text);
		return err;
	}
	*ret = text;
	*ret_bytes = have;
	return 0;
}

static int check_files(int folder, const struct hz_input *in, char *error)
{
	for (unsigned i = 0; i < in->files_count; i++) {
		const struct hz_input_file *f = &in->files[i];
		struct stat st;
		const char *why = NULL;
		if (fstatat(folder, f->path, &st, AT_SYMLINK_NOFOLLOW) < 0)
			why = "is missing";
		else if (!S_ISREG(st.st_mode))
			why = "is not a file";
		else if (st.st_size == 0)
			why = "is empty";
		else if (f->bytes && (uint64_t)st.st_size != f->bytes)
			why = "has not the size that manifest.json says";
		if (why) {
			snprintf(error, HZ_INPUT_ERROR, "%.160s %s: finalise the record again", f->path, why);
			return -EBADMSG;
		}
	}
	return 0;
}

int hz_input_load(int folder, char ret_error[HZ_INPUT_ERROR], struct hz_input **ret)
{
	char *manifest = NULL, *timeline = NULL;
	size_t manifest_bytes = 0, timeline_bytes = 0;
	struct hz_input *in = NULL;
	int err = read_text(folder, "manifest.json", &manifest, &manifest_bytes);
	if (err) {
		snprintf(ret_error, HZ_INPUT_ERROR, "manifest.json: %s: finalise the record first",
		         strerror(-err));
		return err;
	}
	err = read_text(folder, "timeline.json", &timeline, &timeline_bytes);
	if (err && err != -ENOENT)
		snprintf(ret_error, HZ_INPUT_ERROR, "timeline.json: %s", strerror(-err));
	else
		err = hz_input_parse(manifest, manifest_bytes, timeline, timeline_bytes, ret_error, &in);
	free(manifest);
	free(timeline);
	if (!err)
		err = check_files(folder, in, ret_error);
	if (err) {
		hz_input_free(in);
		return err;
	}
	*ret = in;
	return 0;
}

void hz_input_free(struct hz_input *input)
{
	if (!input)
		return;
	for (unsigned i = 0; i < input->people_count; i++) {
		free(input->people[i].spans);
		free(input->people[i].consents);
	}
	free(input->people);
	free(input->files);
	free(input->events);
	json_decref(input->manifest);
	json_decref(input->timeline);
	free(input);
}
