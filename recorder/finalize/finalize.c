#include "recorder/finalize/finalize.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "recorder/finalize/ahead.h"
#include "recorder/finalize/manifest.h"
#include "recorder/finalize/timeline.h"
#include "recorder/journal/file.h"

struct run {
	const struct hz_finalize_source *source;
	struct hz_items items; // of the source, read ahead
	const char *folder;
	struct hz_tracks *tracks;
	struct hz_story *story;
	struct hz_write *write;
	int fault; // of the journal: what was before it counts
};

static int pass(struct run *r, bool writing)
{
	struct hz_timeline line = {0};
	struct hz_journal_item item;
	int err = hz_tracks_begin(r->tracks, writing, writing ? hz_write_frame : NULL, r->write), more = 0;
	if (!err)
		err = r->items.rewind(r->items.arg);
	while (!err && (more = r->items.next(r->items.arg, &item)) == 1) {
		int64_t us = hz_timeline_at(&line, item.segment, item.at_us, item.wall_us);
		if (writing)
			hz_write_advance(r->write, us);
		err = hz_tracks_item(r->tracks, &item, us);
		if (!err && !writing)
			err = hz_story_item(r->story, &item, us);
	}
	if (more == -EBADMSG)
		r->fault = more;
	else if (more < 0 && !err)
		err = more;
	return err ? err : hz_tracks_end(r->tracks);
}

// What an earlier run left that this one does not make.
static bool is_made(const struct hz_write *w, const char *name)
{
	struct hz_out_info o;
	for (size_t i = 0; i < hz_write_count(w); i++)
		if (hz_write_info(w, i, &o) && strcmp(o.path + strlen("tracks/"), name) == 0)
			return true;
	return false;
}

static void sweep(const struct run *r, const char *tracks)
{
	DIR *dir = opendir(tracks);
	struct dirent *e;
	while (dir && (e = readdir(dir)))
		if (e->d_name[0] != '.' && !is_made(r->write, e->d_name))
			unlinkat(dirfd(dir), e->d_name, 0);
	if (dir)
		closedir(dir);
}

static int64_t zero_of(const struct run *r)
{
	int64_t zero = hz_story_first_us(r->story), files = hz_write_first_us(r->write);
	if (files < zero)
		zero = files;
	return zero - ((zero % 1000) + 1000) % 1000;
}

static int run(struct run *r)
{
	char tracks[1024 + 16];
	snprintf(tracks, sizeof(tracks), "%s/tracks", r->folder);
	int err = hz_tracks_new(&r->tracks);
	if (!err)
		err = hz_story_new(&r->story);
	if (!err)
		err = pass(r, false);
	hz_story_end(r->story);
	if (!err)
		err = hz_tracks_solve(r->tracks);
	if (!err)
		err = hz_file_folder(tracks);
	if (!err)
		err = hz_write_new(r->tracks, r->folder, &r->write);
	if (!err)
		err = pass(r, true);
	if (!err)
		err = hz_write_close(r->write);
	if (err)
		return err;
	void *arg = r->source->items.arg;
	struct hz_manifest_from from = {.folder = r->folder,
	                                .record = r->source->record,
	                                .journal_json =
	                                    r->source->journal_json ? r->source->journal_json(arg) : NULL,
	                                .erased = r->source->erased,
	                                .noted = r->source->noted,
	                                .arg = arg,
	                                .warning = r->source->warning ? r->source->warning(arg) : "",
	                                .story = r->story,
	                                .tracks = r->tracks,
	                                .write = r->write,
	                                .zero_us = zero_of(r)};
	sweep(r, tracks);
	return hz_manifest_make(&from);
}

int hz_finalize_items(const struct hz_finalize_source *source, const char *folder)
{
	struct run r = {.source = source, .folder = folder};
	if (strlen(folder) > 900)
		return -ENAMETOOLONG;
	struct hz_ahead *ahead;
	int err = hz_ahead_new(&source->items, &ahead);
	if (err)
		return err;
	r.items = hz_ahead_items(ahead);
	err = run(&r);
	hz_ahead_free(ahead);
	hz_write_free(r.write);
	hz_story_free(r.story);
	hz_tracks_free(r.tracks);
	return err ? err : r.fault;
}
