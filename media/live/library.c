#include "media/live/library.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/base/log.h"
#include "gateway/base/map.h"
#include "gateway/base/secret.h"

enum state { MISSING, WANTED, HERE, FAILED };

struct thing { // a series' metadata, or an object
	struct hz_live_want want;
	enum state state;
	int err;          // FAILED
	int64_t until_us; // FAILED, WANTED: then it is asked for again
	uint64_t used;    // the higher the later
	size_t bytes;     // that it takes
	struct hz_live_stack stack;
	struct hz_dicom *dicom;
	struct hz_frame frame; // the one that was drawn last
	uint32_t frame_index;
	uint64_t serial;    // of the frame; 0: there is none
	uint32_t bad_index; // a frame that cannot be decoded: not tried again so soon
	int bad_err;
	int64_t bad_until_us;
};

struct hz_live_library {
	struct hz_live_library_ops ops;
	struct hz_map *things; // by kind, PACS, UIDs
	uint64_t next_id, clock, serial;
	unsigned waiting;
	uint64_t decoded, failed;
	size_t bytes;
};

int hz_live_library_new(const struct hz_live_library_ops *ops, struct hz_live_library **ret)
{
	struct hz_live_library *l = calloc(1, sizeof(*l));
	int err = l ? hz_map_new(HZ_LIVE_THINGS, &l->things) : -ENOMEM;
	if (err) {
		free(l);
		return err;
	}
	l->ops = *ops;
	hz_random(&l->next_id, sizeof(l->next_id)); // what an earlier process asked for is not taken for ours
	*ret = l;
	return 0;
}

static uint64_t hash_text(uint64_t hash, const char *text)
{
	do
		hash = (hash ^ (uint8_t)*text) * 1099511628211u; // FNV-1a, with the end of the text
	while (*text++);
	return hash;
}

static uint64_t key_of(const struct hz_live_want *w)
{
	uint64_t hash = hash_text(14695981039346656037u ^ w->kind, w->what.pacs);
	hash = hash_text(hash, w->what.study);
	hash = hash_text(hash, w->what.series);
	return hash_text(hash, w->what.instance);
}

// A number may be two things'; what is shown never is.
static bool same(const struct hz_live_want *a, const struct hz_live_want *b)
{
	return a->kind == b->kind && strcmp(a->what.pacs, b->what.pacs) == 0 &&
	       strcmp(a->what.study, b->what.study) == 0 && strcmp(a->what.series, b->what.series) == 0 &&
	       strcmp(a->what.instance, b->what.instance) == 0;
}

static void empty(struct hz_live_library *l, struct thing *t)
{
	hz_live_stack_done(&t->stack);
	hz_dicom_close(t->dicom);
	t->dicom = NULL;
	hz_frame_done(&t->frame);
	t->serial = 0;
	l->bytes -= t->bytes;
	t->bytes = 0;
	l->waiting -= t->state == WANTED;
	t->state = MISSING;
}

static void drop(struct hz_live_library *l, struct thing *t)
{
	hz_map_del_u64(l->things, key_of(&t->want));
	empty(l, t);
	free(t);
}

void hz_live_library_free(struct hz_live_library *library)
{
	struct thing *t;
	uint32_t at = 0;
	if (!library)
		return;
	while (at = 0, (t = hz_map_next(library->things, &at)))
		drop(library, t);
	hz_map_free(library->things);
	free(library);
}

// --- room

// The one that was not used for longest and waits for nothing; not `but`.
static struct thing *oldest(const struct hz_live_library *l, const struct thing *but)
{
	struct thing *t, *found = NULL;
	uint32_t at = 0;
	while ((t = hz_map_next(l->things, &at)))
		if (t != but && t->state != WANTED && (!found || t->used < found->used))
			found = t;
	return found;
}

static void make_room(struct hz_live_library *l, const struct thing *but)
{
	struct thing *t;
	while (l->bytes > HZ_LIVE_KEEP_BYTES && (t = oldest(l, but)))
		drop(l, t);
}

static void weigh(struct hz_live_library *l, struct thing *t, size_t bytes)
{
	l->bytes += bytes - t->bytes;
	t->bytes = bytes;
	make_room(l, t);
}

static int thing_of(struct hz_live_library *l, const struct hz_live_want *want, struct thing **ret)
{
	struct thing *t = hz_map_get_u64(l->things, key_of(want));
	if (t && !same(&t->want, want)) {
		if (t->state == WANTED)
			return -EBUSY;
		drop(l, t);
		t = NULL;
	}
	if (!t) {
		if (hz_map_count(l->things) >= HZ_LIVE_THINGS) {
			struct thing *old = oldest(l, NULL);
			if (!old)
				return -EBUSY;
			drop(l, old);
		}
		t = calloc(1, sizeof(*t));
		int err = t ? hz_map_set_u64(l->things, key_of(want), t) : -ENOMEM;
		if (err) {
			free(t);
			return err;
		}
		t->want = *want;
	}
	t->used = ++l->clock;
	*ret = t;
	return 0;
}

// --- asking

static int ask(struct hz_live_library *l, struct thing *t, uint32_t consult, int64_t now_us)
{
	if (t->state == HERE)
		return 0;
	if (t->state == FAILED && t->until_us > now_us)
		return t->err;
	if (t->state == WANTED && t->until_us > now_us)
		return -EAGAIN;
	if (t->state == WANTED) { // lost
		t->state = MISSING;
		l->waiting--;
	}
	if (l->waiting >= HZ_LIVE_WANTS)
		return -EBUSY;
	t->want.id = ++l->next_id;
	t->want.consult = consult;
	if (!l->ops.want(l->ops.ctx, &t->want))
		return -EBUSY;
	t->state = WANTED;
	t->until_us = now_us + HZ_LIVE_LOST_US;
	l->waiting++;
	return -EAGAIN;
}

static int find(struct hz_live_library *l, const struct hz_live_want *want, int64_t now_us,
                struct thing **ret)
{
	int err = thing_of(l, want, ret);
	return err ? err : ask(l, *ret, want->consult, now_us);
}

int hz_live_library_stack(struct hz_live_library *library, uint32_t consult, const struct hz_live_ref *series,
                          int64_t now_us, const struct hz_live_stack **ret)
{
	struct hz_live_want want = {.consult = consult, .kind = HZ_LIVE_SERIES, .what = *series};
	struct thing *t = NULL;
	want.what.instance[0] = '\0';
	int err = find(library, &want, now_us, &t);
	if (!err)
		*ret = &t->stack;
	return err;
}

bool hz_live_library_is_slide(const struct hz_live_library *library, const struct hz_live_ref *series)
{
	struct hz_live_want want = {.kind = HZ_LIVE_SERIES, .what = *series};
	want.what.instance[0] = '\0';
	const struct thing *t = hz_map_get_u64(library->things, key_of(&want));
	return t && same(&t->want, &want) && t->state == FAILED && t->err == HZ_LIVE_SLIDE;
}

int hz_live_library_hint(struct hz_live_library *library, uint32_t consult, const struct hz_live_ref *object,
                         int64_t now_us)
{
	const struct hz_live_want want = {.consult = consult, .kind = HZ_LIVE_OBJECT, .what = *object};
	struct thing *t = NULL;
	return find(library, &want, now_us, &t);
}

static int fail(struct hz_live_library *l, struct thing *t, int err, int64_t now_us)
{
	empty(l, t);
	t->state = FAILED;
	t->err = err;
	t->until_us = err == HZ_LIVE_SLIDE ? INT64_MAX // it stays one
	              : err == -EFBIG      ? now_us + HZ_LIVE_BAD_US
	                                   : now_us + HZ_LIVE_AGAIN_US;
	l->failed++;
	return err;
}

static int decode(struct hz_live_library *l, struct thing *t, uint32_t index)
{
	const struct hz_dicom_image *image = hz_dicom_image(t->dicom);
	struct hz_frame_source source = {0};
	struct hz_dicom_fault fault = {0};
	struct hz_frame frame = {0};
	if (index >= image->frames)
		return -ENODATA;
	l->ops.trying(l->ops.ctx, &t->want.what);
	int err = hz_dicom_frame(t->dicom, index, &fault, &source);
	if (!err)
		err = hz_frame_decode(&source, &image->shape, HZ_LIVE_FRAME_BYTES, &fault, &frame);
	l->ops.trying(l->ops.ctx, NULL);
	hz_frame_source_done(&source);
	if (err == -EAGAIN) // of a video, far behind its key picture: the next look goes on
		return err;
	if (err) {
		hz_warn("live.image", "code=%s err=%d", hz_dicom_code_name(fault.code), -err);
		return err;
	}
	size_t without = t->bytes - t->frame.bytes;
	hz_frame_done(&t->frame);
	t->frame = frame;
	t->frame_index = index;
	t->serial = ++l->serial;
	l->decoded++;
	weigh(l, t, without + frame.bytes);
	return 0;
}

int hz_live_library_image(struct hz_live_library *library, uint32_t consult, const struct hz_live_ref *object,
                          uint32_t frame, int64_t now_us, struct hz_live_image *ret)
{
	const struct hz_live_want want = {.consult = consult, .kind = HZ_LIVE_OBJECT, .what = *object};
	struct thing *t = NULL;
	int err = find(library, &want, now_us, &t);
	if (!err && t->bad_err && t->bad_index == frame && t->bad_until_us > now_us)
		return t->bad_err;
	if (!err && (!t->serial || t->frame_index != frame)) {
		err = decode(library, t, frame);
		t->bad_index = frame;
		t->bad_err = err == -EAGAIN ? 0 : err;
		t->bad_until_us = now_us + HZ_LIVE_BAD_US;
		library->failed += t->bad_err != 0;
	}
	if (!err)
		*ret = (struct hz_live_image){t->dicom, &t->frame, t->serial};
	return err;
}

// --- answers

static int read_stack(struct thing *t, int fd, size_t bytes)
{
	size_t used = 0;
	char *text = bytes && bytes <= HZ_LIVE_STACK_BYTES ? malloc(bytes) : NULL;
	if (!text)
		return bytes > HZ_LIVE_STACK_BYTES ? -E2BIG : -ENOMEM;
	while (used < bytes) {
		ssize_t n = pread(fd, text + used, bytes - used, (off_t)used);
		if (n <= 0)
			break;
		used += (size_t)n;
	}
	int err = used == bytes ? hz_live_stack_read(text, bytes, &t->stack) : -EIO;
	free(text);
	return err;
}

static int read_object(const struct hz_live_library *l, struct thing *t, int fd)
{
	struct hz_dicom_limits limits = hz_dicom_limits_default;
	struct hz_dicom_fault fault = {0};
	limits.file_bytes =
	    limits.file_bytes < HZ_LIVE_OBJECT_BYTES ? limits.file_bytes : HZ_LIVE_OBJECT_BYTES;
	limits.inflated_bytes =
	    limits.inflated_bytes < HZ_LIVE_OBJECT_BYTES ? limits.inflated_bytes : HZ_LIVE_OBJECT_BYTES;
	limits.video_pixels = HZ_LIVE_VIDEO_PIXELS;
	l->ops.trying(l->ops.ctx, &t->want.what); // its header may be as deadly as its pixels
	int err = hz_dicom_open_fd(fd, &limits, &fault, &t->dicom);
	l->ops.trying(l->ops.ctx, NULL);
	if (err)
		hz_warn("live.object", "code=%s err=%d", hz_dicom_code_name(fault.code), -err);
	else if (strcmp(hz_dicom_image(t->dicom)->text.sop_instance, t->want.what.instance) != 0)
		err = -EBADMSG; // of somebody else, perhaps: never shown
	else if (strcmp(hz_dicom_image(t->dicom)->text.sop_class, HZ_LIVE_SLIDE_SOP) == 0)
		err = HZ_LIVE_SLIDE;
	return err;
}

static struct thing *wanted(const struct hz_live_library *l, uint64_t id)
{
	struct thing *t;
	uint32_t at = 0;
	while ((t = hz_map_next(l->things, &at)))
		if (t->state == WANTED && t->want.id == id)
			return t;
	return NULL;
}

bool hz_live_library_give(struct hz_live_library *library, const struct hz_live_give *give, int fd,
                          int64_t now_us)
{
	struct thing *t = wanted(library, give->id);
	struct stat st = {0};
	if (!t) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	library->waiting--;
	t->state = MISSING;
	int err = give->result == HZ_LIVE_TOO_LARGE ? -EFBIG
	          : give->result || fd < 0          ? -ENOENT
	          : fstat(fd, &st)                  ? -errno
	                                            : 0;
	if (!err)
		err = t->want.kind == HZ_LIVE_SERIES ? read_stack(t, fd, (size_t)st.st_size)
		                                     : read_object(library, t, fd);
	if (fd >= 0)
		close(fd);
	if (err) {
		(void)fail(library, t, err, now_us);
		return true;
	}
	t->state = HERE;
	size_t frames =
	    t->stack.frames * sizeof(*t->stack.frame) + t->stack.objects * sizeof(*t->stack.instance);
	weigh(library, t, t->want.kind == HZ_LIVE_SERIES ? frames : (size_t)st.st_size);
	return true;
}

void hz_live_library_forget_wants(struct hz_live_library *library)
{
	struct thing *t;
	uint32_t at = 0;
	while ((t = hz_map_next(library->things, &at))) {
		if (t->state == WANTED) {
			t->state = MISSING;
			library->waiting--;
		}
	}
}

void hz_live_library_count(const struct hz_live_library *library, struct hz_live_library_count *ret)
{
	*ret = (struct hz_live_library_count){.waiting = library->waiting,
	                                      .decoded = library->decoded,
	                                      .failed = library->failed,
	                                      .bytes = library->bytes};
}
