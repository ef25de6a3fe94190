// Going on with a record whose writer died.
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "recorder/journal/reader_internal.h"
#include "recorder/journal/writer_internal.h"

static int read_from(struct hz_journal_writer *w, uint32_t segment, struct hz_journal_reader **ret)
{
	struct reader_from from = {.key = w->key, .segment = segment, .events_only = true, .keys_fd = -1};
	struct hz_journal_reader *r;
	struct hz_journal_item item;
	from.journal_fd = fcntl(w->journal_fd, F_DUPFD_CLOEXEC, 0);
	if (from.journal_fd < 0)
		return -errno;
	int err = hz_reader_from(&from, &r);
	if (err)
		return err;
	do
		err = hz_journal_next(r, &item);
	while (err == 1);
	if (err) {
		hz_journal_reader_free(r);
		return err;
	}
	*ret = r;
	return 0;
}

static int cut_tail(struct hz_journal_writer *w, const struct hz_chain *chain)
{
	char name[16];
	if (chain->torn_bytes == 0)
		return 0;
	hz_segment_name(chain->last, name);
	int fd = openat(w->journal_fd, name, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int err = ftruncate(fd, (off_t)chain->offset) < 0 || fsync(fd) < 0 ? -errno : 0;
	close(fd);
	return err;
}

static int take_tracks(struct hz_journal_writer *w, const struct hz_journal_reader *r)
{
	for (uint32_t i = 1; i < HZ_JOURNAL_TRACKS && r->tracks[i].json; i++) {
		struct hz_writer_track *t = hz_writer_track_new(w, i, r->tracks[i].key, r->tracks[i].json);
		if (!t)
			return -ENOMEM;
		t->described = true;
		w->tracks_count = i;
	}
	return 0;
}

int hz_writer_resume(struct hz_journal_writer *w, uint64_t *ret_cut)
{
	struct hz_journal_reader *r = NULL;
	uint32_t from;
	int err = hz_chain_newest(w->journal_fd, &from);
	// A segment whose state was torn off says nothing of what was before it.
	while (!err) {
		err = read_from(w, from, &r);
		if (!r || r->state_seen || from == 1)
			break;
		hz_journal_reader_free(r);
		r = NULL;
		from--;
	}
	if (!r)
		return err;
	const struct hz_chain *c = &r->chain;
	if (c->record_known && memcmp(c->record, w->record, 16) != 0)
		err = -EBADMSG;
	else if (c->ended)
		err = -EEXIST;
	if (!err)
		err = take_tracks(w, r);
	if (!err)
		err = cut_tail(w, c);
	if (!err) {
		w->segment = c->last;
		w->number = w->disk_chunks = c->number;
		w->last_event = r->last_event;
		memcpy(w->chain, c->chain, sizeof(w->chain));
		memcpy(w->disk_hash, c->chain, sizeof(w->disk_hash));
		*ret_cut = c->torn_bytes;
	}
	hz_journal_reader_free(r);
	return err;
}
