// huizhen-hls: access units on standard input (media/hls/wire.h), a folder of HLS files. Each tick, cut, resume and end is
// answered with a line on standard output: the kind and 0 or an errno, when the files are as it left them.
//   huizhen-hls --folder DIR [--delay-ms N] [--window-s N] [--segment-s N] [--part-ms N] [--first-sequence N]
//               [--blocking-reload] --video NAME[:avcc] … --sound NAME:aac|opus:CHANNELS[:LANGUAGE[:TITLE]] …
// huizhen-hls --live WORKERS: the same for the gateway's broadcasts (media/hls/pipe.h), with the descriptors of a pipe from 3 on.
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "media/hls/hls.h"
#include "media/hls/pipe.h"
#include "media/hls/wire.h"
#include "media/pipe/start.h"

struct program {
	struct hz_hls_open with;
	const char *folder, *track[HZ_HLS_TRACKS];
	uint8_t aac[2][2]; // AudioSpecificConfig of AAC-LC, 48 kHz, 1 and 2 channels
};

static bool read_number(const char *text, int64_t unit, int64_t *ret)
{
	char *end;
	errno = 0;
	long long v = strtoll(text, &end, 10);
	if (errno || end == text || *end || v < 0 || v > 1ll << 40)
		return false;
	*ret = v * unit;
	return true;
}

static bool add_video(struct program *p, char *text)
{
	if (p->with.videos == HZ_HLS_VIDEOS)
		return false;
	struct hz_hls_video_open *v = &p->with.video[p->with.videos++];
	v->name = strsep(&text, ":");
	v->framing = text && strcmp(text, "avcc") == 0 ? HZ_HLS_AVCC : HZ_HLS_ANNEXB;
	return !text || v->framing == HZ_HLS_AVCC;
}

static bool add_sound(struct program *p, char *text)
{
	if (p->with.sounds == HZ_HLS_SOUNDS)
		return false;
	struct hz_hls_sound_open *s = &p->with.sound[p->with.sounds++];
	s->name = strsep(&text, ":");
	const char *codec = text ? strsep(&text, ":") : "", *channels = text ? strsep(&text, ":") : "";
	s->codec = strcmp(codec, "opus") == 0 ? HZ_HLS_OPUS : HZ_HLS_AAC;
	s->channels = strcmp(channels, "1") == 0 ? 1 : 2;
	s->config = p->aac[s->channels - 1];
	s->config_bytes = 2;
	s->language = text ? strsep(&text, ":") : NULL;
	s->title = text;
	return strcmp(codec, "opus") == 0 || strcmp(codec, "aac") == 0;
}

static bool take_option(struct program *p, int option, char *text)
{
	int64_t number;
	switch (option) {
	case 'f':
		p->folder = text;
		return true;
	case 'd':
		return read_number(text, 1000, &p->with.delay_us);
	case 'w':
		return read_number(text, 1000000, &p->with.window_us);
	case 's':
		return read_number(text, 1000000, &p->with.segment_us);
	case 'p':
		return read_number(text, 1000, &p->with.part_us);
	case 'q':
		if (!read_number(text, 1, &number))
			return false;
		p->with.first_sequence = (uint64_t)number;
		return true;
	case 'b':
		return p->with.blocking_reload = true;
	case 'v':
		return add_video(p, text);
	case 'a':
		return add_sound(p, text);
	default:
		return false;
	}
}

static bool read_options(struct program *p, int argc, char **argv)
{
	static const struct option list[] = {
	    {"folder", required_argument, NULL, 'f'},    {"delay-ms", required_argument, NULL, 'd'},
	    {"window-s", required_argument, NULL, 'w'},  {"segment-s", required_argument, NULL, 's'},
	    {"part-ms", required_argument, NULL, 'p'},   {"first-sequence", required_argument, NULL, 'q'},
	    {"blocking-reload", no_argument, NULL, 'b'}, {"video", required_argument, NULL, 'v'},
	    {"sound", required_argument, NULL, 'a'},     {NULL, 0, NULL, 0}};
	int option;
	p->with.first_sequence = (uint64_t)time(NULL); // larger than any before in this folder
	while ((option = getopt_long(argc, argv, "", list, NULL)) != -1)
		if (!take_option(p, option, optarg))
			return false;
	unsigned n = 0;
	for (unsigned i = 0; i < p->with.videos; i++)
		p->track[n++] = p->with.video[i].name;
	for (unsigned i = 0; i < p->with.sounds; i++)
		p->track[n++] = p->with.sound[i].name;
	return p->folder && n > 0 && optind == argc;
}

// 0 at the end of the input.
static int run(struct hz_hls *h)
{
	uint8_t head[HZ_HLS_WIRE_BYTES];
	uint8_t *data = malloc(HZ_HLS_UNIT_BYTES);
	struct hz_hls_wire w;
	int err = data ? 0 : -ENOMEM;
	while (!err && fread(head, sizeof(head), 1, stdin) == 1) {
		err = hz_hls_wire_parse(head, &w);
		if (!err && w.bytes && fread(data, w.bytes, 1, stdin) != 1)
			err = -EPIPE;
		if (err)
			break;
		int answer = hz_hls_wire_do(h, &w, data);
		if (w.kind == 'U')
			continue; // counted
		printf("%c %d\n", w.kind, -answer);
		fflush(stdout);
	}
	free(data);
	return err;
}

int main(int argc, char **argv)
{
	const struct hz_pipe_start start = {
	    .name = "hls", .number = argc == 3 ? argv[2] : NULL, .run = hz_hls_pipe_run};
	if (argc == 3 && strcmp(argv[1], "--live") == 0)
		return hz_pipe_start(&start);
	struct program p = {.aac = {{0x11, 0x88}, {0x11, 0x90}}};
	struct hz_hls *h = NULL;
	if (!read_options(&p, argc, argv)) {
		fprintf(stderr, "usage: see media/hls/main.c\n");
		return 2;
	}
	int err = hz_hls_folder_open(p.folder, p.track, p.with.videos + p.with.sounds, &p.with.store);
	if (!err)
		err = hz_hls_new(&p.with, &h);
	if (!err)
		err = run(h);
	hz_hls_free(h);
	hz_hls_folder_close(&p.with.store);
	if (err)
		fprintf(stderr, "msg=hls_failed error=%s\n", strerror(-err));
	return err ? 1 : 0;
}
