#include "recorder/compose/compose.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recorder/compose/limit.h"
#include "recorder/compose/movie.h"
#include "recorder/compose/picture.h"
#include "recorder/compose/scene.h"
#include "recorder/compose/stage.h"
#include "recorder/compose/stills.h"
#include "recorder/compose/update.h"
#include "recorder/compose/voice.h"

#define AFTER_MS 29 // of sound behind the last picture: what limiter and encoder hold back

struct source { // of a person
	struct hz_picture *picture;
	struct hz_voice *voice;
};

struct composer {
	const struct hz_input *input;
	const struct hz_compose_options *options;
	struct source (*source)[HZ_INPUT_SOURCES]; // by person
	struct hz_scene *scene;
	struct hz_drawn *drawn;
	struct hz_scene_at *at;
	struct hz_movie *movie;
	struct hz_stage *stage;
	struct hz_stills *stills;
	struct hz_limit limit;
	uint64_t frames;
	int64_t heard;     // samples that were mixed
	unsigned withheld; // samples of the limiter's begin, still to be left out
	char *error;
};

// --- sources

static int open_sources(struct composer *c)
{
	int err = 0;
	c->source = calloc(c->input->people_count + 1, sizeof(*c->source));
	if (!c->source)
		return -ENOMEM;
	for (unsigned i = 0; i < c->input->people_count && !err; i++) {
		bool alone = false;
		for (uint8_t k = 0; k < HZ_INPUT_SOURCES && !err; k++) {
			err = hz_picture_new(c->input, i, k, &c->source[i][k].picture);
			if (!err)
				err = hz_voice_new(c->input, i, k, true, &c->source[i][k].voice);
			alone |= c->source[i][k].voice != NULL;
		}
		// a camera's file has its microphone's sound once more
		for (uint8_t k = 0; k < HZ_INPUT_SOURCES && !err && !alone; k++)
			err = hz_voice_new(c->input, i, k, false, &c->source[i][k].voice);
	}
	return err;
}

static int move_pictures(struct composer *c, int64_t us)
{
	int err = 0;
	for (unsigned i = 0; i < c->input->people_count && !err; i++)
		for (uint8_t k = 0; k < HZ_INPUT_SOURCES && !err; k++)
			if (c->source[i][k].picture)
				err = hz_picture_at(c->source[i][k].picture, us,
				                    hz_stage_shows(c->stage, i, k), c->error);
	return err;
}

static struct hz_stage_picture picture_of(void *arg, unsigned person, uint8_t source)
{
	struct composer *c = arg;
	struct hz_stage_picture ret = {0};
	const struct hz_picture *p = c->source[person][source].picture;
	if (p)
		ret.frame = hz_picture_frame(p, &ret.us, &ret.serial);
	return ret;
}

// --- sound

static int mix_block(struct composer *c)
{
	float block[2 * HZ_LIMIT_BLOCK] = {0};
	int64_t at = c->input->from_ms * (HZ_VOICE_HZ / 1000) + c->heard;
	for (unsigned i = 0; i < c->input->people_count; i++) {
		for (unsigned k = 0; k < HZ_INPUT_SOURCES; k++) {
			struct hz_voice *v = c->source[i][k].voice;
			int err = v ? hz_voice_mix(v, at, block, HZ_LIMIT_BLOCK, c->error) : 0;
			if (err)
				return err;
		}
	}
	hz_limit_block(&c->limit, block);
	c->heard += HZ_LIMIT_BLOCK;
	unsigned skip = c->withheld < HZ_LIMIT_BLOCK ? c->withheld : HZ_LIMIT_BLOCK;
	c->withheld -= skip;
	return hz_movie_sound(c->movie, block + 2 * skip, HZ_LIMIT_BLOCK - skip);
}

static int mix_until(struct composer *c, int64_t ms)
{
	int err = 0;
	while (!err && c->heard < ms * (HZ_VOICE_HZ / 1000))
		err = mix_block(c);
	return err;
}

// --- the whole

static int compose_frame(struct composer *c, uint64_t n)
{
	int64_t rate = c->options->rate, half_us = 500000 / rate;
	int64_t us = c->input->from_ms * 1000 + (int64_t)n * 1000000 / rate;
	hz_scene_at(c->scene, us / 1000, c->at);
	hz_drawn_at(c->drawn, us / 1000);
	hz_stage_set(c->stage, c->at);
	int err = move_pictures(c, us + half_us); // the nearest, not the one before
	if (err)
		return err;
	unsigned live = hz_stage_draw(c->stage, us, picture_of, c);
	err = hz_stills_frame(c->stills, hz_movie_canvas(c->movie), live);
	if (!err)
		err = hz_movie_picture(c->movie);
	return err ? err : mix_until(c, ((int64_t)n + 1) * 1000 / rate);
}

static int open_all(struct composer *c, struct hz_text *text)
{
	const struct hz_compose_options *o = c->options;
	const struct hz_movie_open movie = {"composed.mp4", o->width, o->height, o->rate, o->threads};
	int64_t ms = c->input->to_ms - c->input->from_ms;
	c->frames = (uint64_t)((ms * o->rate + 999) / 1000);
	c->frames = c->frames ? c->frames : 1;
	hz_limit_init(&c->limit);
	c->withheld = HZ_LIMIT_BLOCK;
	c->at = calloc(1, sizeof(*c->at));
	int err = c->at ? open_sources(c) : -ENOMEM;
	if (!err)
		err = hz_scene_new(c->input, &c->scene);
	if (!err)
		err = hz_drawn_new(c->input, &c->drawn);
	if (!err) {
		err = hz_movie_open(&movie, &c->movie);
		if (err)
			snprintf(c->error, HZ_INPUT_ERROR, "composed.mp4: cannot be begun: %s",
			         err == -ENOTSUP ? "libavcodec has no libx264" : strerror(-err));
	}
	if (err)
		return err;
	const struct hz_stage_with with = {c->input,    hz_movie_canvas(c->movie), text,
	                                   o->captions, o->utc_offset_min,         c->drawn};
	err = hz_stage_new(&with, &c->stage);
	return err ? err : hz_stills_new(hz_movie_canvas(c->movie), c->frames, o->rate, text, &c->stills);
}

static int finish(struct composer *c, struct hz_compose_result *ret)
{
	struct hz_movie_info info;
	int poster[2], strip[2];
	int err = hz_movie_close(c->movie, &info);
	c->movie = NULL;
	if (!err)
		err = hz_stills_write(c->stills, "poster.jpg", "strip.jpg");
	hz_stills_sizes(c->stills, poster, strip);
	const struct hz_update files[] = {
	    {.path = "composed.mp4",
	     .role = "composed",
	     .width = c->options->width,
	     .height = c->options->height,
	     .at_ms = c->input->from_ms,
	     .duration_ms = info.duration_ms,
	     .frames = info.frames,
	     .rate = c->options->rate,
	     .h264 = {info.profile_idc, info.constraint_flags, info.level_idc}},
	    {.path = "poster.jpg", .role = "poster", .width = poster[0], .height = poster[1]},
	    {.path = "strip.jpg", .role = "strip", .width = strip[0], .height = strip[1]}};
	if (!err)
		err = hz_update_manifest(c->input, files, 3);
	if (!err)
		*ret = (struct hz_compose_result){info.frames, info.duration_ms};
	return err;
}

static void close_all(struct composer *c)
{
	for (unsigned i = 0; c->source && i < c->input->people_count; i++) {
		for (unsigned k = 0; k < HZ_INPUT_SOURCES; k++) {
			hz_picture_free(c->source[i][k].picture);
			hz_voice_free(c->source[i][k].voice);
		}
	}
	free(c->source);
	free(c->at);
	hz_scene_free(c->scene);
	hz_drawn_free(c->drawn);
	hz_stage_free(c->stage);
	hz_stills_free(c->stills);
	hz_movie_abort(c->movie);
}

int hz_compose(const struct hz_input *input, const struct hz_compose_options *options, struct hz_text *text,
               char ret_error[HZ_INPUT_ERROR], struct hz_compose_result *ret)
{
	struct composer c = {.input = input, .options = options, .error = ret_error};
	ret_error[0] = '\0';
	if (input->files_count == 0) {
		*ret = (struct hz_compose_result){0};
		return 0;
	}
	int err = open_all(&c, text);
	for (uint64_t n = 0; n < c.frames && !err; n++)
		err = compose_frame(&c, n);
	if (!err)
		err = mix_until(&c, (int64_t)c.frames * 1000 / options->rate + AFTER_MS);
	if (!err)
		err = finish(&c, ret);
	if (err && !ret_error[0])
		snprintf(ret_error, HZ_INPUT_ERROR, "composed.mp4: %s",
		         err == -EBADMSG ? "a track is damaged" : strerror(-err));
	close_all(&c);
	return err;
}
