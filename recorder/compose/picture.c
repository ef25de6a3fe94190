#include "recorder/compose/picture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct hz_picture {
	const struct hz_input_file **file;
	unsigned files, next; // next: to be opened
	struct hz_clip *clip;
	AVFrame *now, *ahead;
	int64_t now_us, ahead_us; // of the record
	bool has_now, has_ahead;
	uint64_t serial;
};

int hz_picture_new(const struct hz_input *input, unsigned person, uint8_t source, struct hz_picture **ret)
{
	unsigned count = 0;
	for (unsigned i = 0; i < input->files_count; i++) {
		const struct hz_input_file *f = &input->files[i];
		count += f->video && f->person == person && f->source == source;
	}
	*ret = NULL;
	if (count == 0)
		return 0;
	struct hz_picture *p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->file = calloc(count, sizeof(*p->file));
	p->now = av_frame_alloc();
	p->ahead = av_frame_alloc();
	if (!p->file || !p->now || !p->ahead) {
		hz_picture_free(p);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < input->files_count; i++) {
		const struct hz_input_file *f = &input->files[i];
		if (f->video && f->person == person && f->source == source)
			p->file[p->files++] = f;
	}
	*ret = p;
	return 0;
}

void hz_picture_free(struct hz_picture *picture)
{
	if (!picture)
		return;
	hz_clip_close(picture->clip);
	av_frame_free(&picture->now);
	av_frame_free(&picture->ahead);
	free(picture->file);
	free(picture);
}

static int open_next(struct hz_picture *p, char *error)
{
	hz_clip_close(p->clip);
	p->clip = NULL;
	av_frame_unref(p->ahead);
	p->has_ahead = false;
	return hz_clip_open(p->file[p->next++]->path, true, error, &p->clip);
}

// One frame ahead of what is shown, so that one knows when to change. 1; 2: not yet; 0: the file's end; -errno.
static int look_ahead(struct hz_picture *p, char *error)
{
	int64_t us;
	int got = hz_clip_next(p->clip, p->ahead, &us);
	if (got == -EBADMSG)
		snprintf(error, HZ_CLIP_ERROR, "%.160s: cut off or damaged: finalise the record again",
		         p->file[p->next - 1]->path);
	if (got == 0) {
		hz_clip_close(p->clip);
		p->clip = NULL;
	}
	p->has_ahead = got == 1;
	if (p->has_ahead)
		p->ahead_us = p->file[p->next - 1]->at_ms * 1000 + us;
	return got;
}

static bool is_usable(const AVFrame *frame)
{
	return frame->width > 0 && frame->height > 0 && frame->width <= HZ_CLIP_WIDTH &&
	       frame->height <= HZ_CLIP_WIDTH;
}

int hz_picture_at(struct hz_picture *picture, int64_t us, bool seen, char ret_error[HZ_CLIP_ERROR])
{
	struct hz_picture *p = picture;
	int err = 0;
	while (err >= 0) {
		if (p->next < p->files && p->file[p->next]->at_ms * 1000 <= us) {
			err = open_next(p, ret_error);
			continue;
		}
		if (p->has_ahead && p->ahead_us > us)
			break;
		if (p->has_ahead) {
			if (is_usable(p->ahead)) {
				av_frame_unref(p->now);
				av_frame_move_ref(p->now, p->ahead);
				p->now_us = p->ahead_us;
				p->has_now = true;
				p->serial++;
			}
			av_frame_unref(p->ahead);
			p->has_ahead = false;
		}
		if (!p->clip)
			break;
		hz_clip_keys_only(p->clip, !seen, us - p->file[p->next - 1]->at_ms * 1000);
		err = look_ahead(p, ret_error);
		if (err == 2)
			break;
	}
	return err < 0 ? err : 0;
}

const AVFrame *hz_picture_frame(const struct hz_picture *picture, int64_t *ret_us, uint64_t *ret_serial)
{
	if (!picture->has_now)
		return NULL;
	*ret_us = picture->now_us;
	*ret_serial = picture->serial;
	return picture->now;
}
