// From sealed blocks to the disk.
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "recorder/journal/chain.h"
#include "recorder/journal/writer_internal.h"

#define BATCH 64 // blocks a system call

// The blocks of one segment at the head of the queue: from `first` through `last`.
struct run {
	struct hz_block *first, *last;
};

static bool next_run(struct hz_journal_writer *w, struct run *ret)
{
	pthread_mutex_lock(&w->lock);
	struct hz_block *b = w->queue.first;
	ret->first = ret->last = b;
	for (; b && b->segment == ret->first->segment; b = b->next)
		ret->last = b;
	pthread_mutex_unlock(&w->lock);
	return ret->first != NULL;
}

// A file that a failed attempt has made is ours: its header is the first block of the queue, and opens it again.
static int open_segment(struct hz_journal_writer *w, uint32_t segment)
{
	char name[16];
	if (w->fd >= 0 && w->fd_segment == segment)
		return 0;
	if (w->fd >= 0)
		close(w->fd); // all that was written to it is on disk, or it would still be in the queue
	hz_segment_name(segment, name);
	w->fd = openat(w->journal_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (w->fd < 0)
		return -errno;
	w->fd_segment = segment;
	w->fd_new = true;
	return 0;
}

static int write_some(struct hz_journal_writer *w, const struct iovec *iov, int n, uint64_t offset)
{
	struct iovec left[BATCH];
	int at = 0;
	memcpy(left, iov, sizeof(*iov) * (size_t)n);
	while (at < n) {
		ssize_t done = pwritev(w->fd, left + at, n - at, (off_t)offset);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done < 0 ? -errno : -EIO;
		offset += (size_t)done;
		while (at < n && (size_t)done >= left[at].iov_len)
			done -= (ssize_t)left[at++].iov_len;
		if (at < n) {
			left[at].iov_base = (uint8_t *)left[at].iov_base + done;
			left[at].iov_len -= (size_t)done;
		}
	}
	return 0;
}

// Writes what the kernel does not have yet of the run. `next` of a block before the run's last one does not change.
static int write_run(struct hz_journal_writer *w, const struct run *run)
{
	struct hz_block *b = w->written ? w->written : run->first;
	if (w->written && b == run->last)
		return 0;
	if (w->written)
		b = b->next;
	for (;;) {
		struct iovec iov[BATCH];
		uint64_t offset = b->offset;
		int n = 0;
		struct hz_block *newest = b;
		while (n < BATCH) {
			iov[n++] = (struct iovec){.iov_base = b->data, .iov_len = b->bytes};
			newest = b;
			if (b == run->last)
				break;
			b = b->next;
		}
		int err = write_some(w, iov, n, offset);
		if (err)
			return err;
		w->written = newest;
		if (newest == run->last)
			return 0;
	}
}

// After a failed fdatasync the kernel may have forgotten the pages as well as the error: all is written again.
static int sync_run(struct hz_journal_writer *w)
{
	int err = fdatasync(w->fd) < 0 ? -errno : 0;
	if (!err && w->fd_new)
		err = fsync(w->journal_fd) < 0 ? -errno : 0;
	if (err)
		w->written = NULL;
	else
		w->fd_new = false;
	return err;
}

static void forget_run(struct hz_journal_writer *w, const struct run *run)
{
	struct hz_block *b = run->first;
	size_t bytes = 0;
	pthread_mutex_lock(&w->lock);
	w->queue.first = run->last->next;
	if (!w->queue.first)
		w->queue.end = &w->queue.first;
	for (const struct hz_block *k = b;; k = k->next) {
		bytes += k->bytes;
		if (k == run->last)
			break;
	}
	w->disk_bytes += bytes;
	w->disk_chunks = run->last->number;
	memcpy(w->disk_hash, run->last->hash, sizeof(w->disk_hash));
	pthread_mutex_unlock(&w->lock);
	w->written = NULL;
	for (bool more = true; more;) {
		struct hz_block *next = b->next;
		more = b != run->last;
		hz_block_free(w, b);
		b = next;
	}
	atomic_fetch_sub(&w->waiting, bytes);
	atomic_fetch_sub(&w->sealed, bytes);
}

// What it says of errors is not asked: fdatasync does.
static void start_run(struct hz_journal_writer *w, const struct run *run)
{
	uint64_t from = run->first->offset, to = run->last->offset + run->last->bytes;
	(void)sync_file_range(w->fd, (off_t)from, (off_t)(to - from), SYNC_FILE_RANGE_WRITE);
}

int hz_journal_write(struct hz_journal_writer *writer)
{
	struct run run;
	int err = 0;
	pthread_mutex_lock(&writer->io);
	if (next_run(writer, &run)) {
		err = open_segment(writer, run.first->segment);
		if (!err)
			err = write_run(writer, &run);
		if (!err)
			start_run(writer, &run);
	}
	pthread_mutex_unlock(&writer->io);
	return err;
}

int hz_journal_sync(struct hz_journal_writer *writer)
{
	struct run run;
	int err = 0;
	pthread_mutex_lock(&writer->io);
	while (!err && next_run(writer, &run)) {
		err = open_segment(writer, run.first->segment);
		if (!err)
			err = write_run(writer, &run);
		if (!err)
			err = sync_run(writer);
		if (!err)
			forget_run(writer, &run);
	}
	pthread_mutex_unlock(&writer->io);
	return err;
}
