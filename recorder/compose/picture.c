#include "recorder/compose/picture.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define STACK_BYTES (2 << 20)

// A thread decodes one frame further than is looked at, so that decoding goes on beside drawing and encoding. What is shown when
// does not depend on it.
struct ahead {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool running, asked, done, quit; // asked: the thread has the clip and `coming`, until done
	AVFrame *coming;
	int64_t us; // of the file
	int got;    // what hz_clip_next() returned
};

struct hz_picture {
	const struct hz_input_file **file;
	unsigned files, next; // next: to be opened
	struct hz_clip *clip;
	AVFrame *now, *ahead;
	int64_t now_us, ahead_us; // of the record
	bool has_now, has_ahead;
	uint64_t serial;
	struct ahead work;
};

// --- the thread

static void *decode_ahead(void *arg)
{
	struct hz_picture *p = arg;
	struct ahead *w = &p->work;
	pthread_mutex_lock(&w->lock);
	while (!w->quit) {
		if (!w->asked || w->done) {
			pthread_cond_wait(&w->changed, &w->lock);
			continue;
		}
		pthread_mutex_unlock(&w->lock);
		int got = hz_clip_next(p->clip, w->coming, &w->us);
		pthread_mutex_lock(&w->lock);
		w->got = got;
		w->done = true;
		pthread_cond_broadcast(&w->changed);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

static int start_thread(struct hz_picture *p)
{
	pthread_attr_t attr;
	if (p->work.running)
		return 0;
	if (pthread_attr_init(&attr))
		return -ENOMEM;
	pthread_attr_setstacksize(&attr, STACK_BYTES);
	int err = -pthread_create(&p->work.thread, &attr, decode_ahead, p);
	pthread_attr_destroy(&attr);
	p->work.running = err == 0;
	return err;
}

static int ask(struct hz_picture *p)
{
	struct ahead *w = &p->work;
	int err = start_thread(p);
	if (err)
		return err;
	pthread_mutex_lock(&w->lock);
	w->asked = true;
	w->done = false;
	pthread_cond_broadcast(&w->changed);
	pthread_mutex_unlock(&w->lock);
	return 0;
}

static void await(struct hz_picture *p)
{
	struct ahead *w = &p->work;
	pthread_mutex_lock(&w->lock);
	while (w->asked && !w->done)
		pthread_cond_wait(&w->changed, &w->lock);
	w->asked = false;
	pthread_mutex_unlock(&w->lock);
}

static void end_thread(struct hz_picture *p)
{
	struct ahead *w = &p->work;
	if (w->running) {
		pthread_mutex_lock(&w->lock);
		w->quit = true;
		pthread_cond_broadcast(&w->changed);
		pthread_mutex_unlock(&w->lock);
		pthread_join(w->thread, NULL);
	}
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->changed);
	av_frame_free(&w->coming);
}

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
	pthread_mutex_init(&p->work.lock, NULL);
	pthread_cond_init(&p->work.changed, NULL);
	p->work.coming = av_frame_alloc();
	p->file = calloc(count, sizeof(*p->file));
	p->now = av_frame_alloc();
	p->ahead = av_frame_alloc();
	if (!p->file || !p->now || !p->ahead || !p->work.coming) {
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
	end_thread(picture);
	hz_clip_close(picture->clip);
	av_frame_free(&picture->now);
	av_frame_free(&picture->ahead);
	free(picture->file);
	free(picture);
}

// --- files

static int open_next(struct hz_picture *p, char *error)
{
	await(p);
	av_frame_unref(p->work.coming);
	hz_clip_close(p->clip);
	p->clip = NULL;
	av_frame_unref(p->ahead);
	p->has_ahead = false;
	return hz_clip_open(p->file[p->next++]->path, true, error, &p->clip);
}

// What was asked for. 1: a frame; 2: not yet; 0: the file's end; -errno.
static int take(struct hz_picture *p, char *error)
{
	const struct hz_input_file *f = p->file[p->next - 1];
	await(p);
	int got = p->work.got;
	if (got == -EBADMSG)
		snprintf(error, HZ_CLIP_ERROR, "%.160s: cut off or damaged: finalise the record again",
		         f->path);
	if (got == 0) {
		hz_clip_close(p->clip);
		p->clip = NULL;
	}
	p->has_ahead = got == 1;
	if (p->has_ahead) {
		av_frame_move_ref(p->ahead, p->work.coming);
		p->ahead_us = f->at_ms * 1000 + p->work.us;
	}
	return got;
}

static bool is_usable(const AVFrame *frame)
{
	return frame->width > 0 && frame->height > 0 && frame->width <= HZ_CLIP_WIDTH &&
	       frame->height <= HZ_CLIP_WIDTH;
}

static void show_ahead(struct hz_picture *p)
{
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

int hz_picture_at(struct hz_picture *picture, int64_t us, bool seen, char ret_error[HZ_CLIP_ERROR])
{
	struct hz_picture *p = picture;
	int err = 0;
	while (err >= 0) {
		if (p->next < p->files && p->file[p->next]->at_ms * 1000 <= us) {
			err = open_next(p, ret_error);
			continue;
		}
		bool later = p->has_ahead && p->ahead_us > us;
		if (p->has_ahead && !later)
			show_ahead(p);
		if (p->clip && !p->work.asked && (!later || seen)) {
			hz_clip_keys_only(p->clip, !seen, us - p->file[p->next - 1]->at_ms * 1000);
			err = ask(p);
		}
		if (later || !p->clip || err)
			break;
		err = take(p, ret_error);
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
