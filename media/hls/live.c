#include "media/hls/live.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/log.h"
#include "media/hls/programme.h"
#include "media/pipe/message.h"
#include "media/rtp/rtcp.h"

#define OVER        (2 * HZ_HLS_BROADCASTS) // those that run, and those that are over and can still be seen
#define IDLE_US     1000000
#define OLD_FOLDERS 256u // looked at in one call

struct place {
	struct hz_programme *programme; // NULL: free
	uint32_t consult;               // 0: over
	uint32_t named;                 // round of the RECONCILE that named it
	int64_t ended_us;
};

struct hz_live {
	struct hz_live_ops ops;
	unsigned workers;
	struct hz_programme_open with;
	struct place place[OVER];
	uint32_t round;
	bool reconciling;
	uint64_t disk_bytes;
	int handed; // 0: none
	struct hz_hls_status count;
};

static void want_key(void *ctx, uint32_t consult, const struct hz_hls_source *source)
{
	const struct hz_live *live = ctx;
	uint8_t buf[64];
	struct hz_rtcp_writer w;
	hz_rtcp_writer_init(&w, buf, sizeof(buf));
	if (!hz_rtcp_begin(&w, 1, NULL, 0) && !hz_rtcp_write_pli(&w, 1, source->ssrc))
		live->ops.rtcp(live->ops.ctx, source->worker, consult, buf, w.bytes);
}

int hz_live_new(const struct hz_live_ops *ops, unsigned workers, int folder, int64_t epoch_us,
                struct hz_live **ret)
{
	struct hz_live *live = calloc(1, sizeof(*live));
	if (!live)
		return -ENOMEM;
	live->ops = *ops;
	live->workers = workers;
	live->disk_bytes = UINT64_MAX;
	live->with = (struct hz_programme_open){
	    .folder = folder, .epoch_us = epoch_us, .ctx = live, .want_key = want_key};
	*ret = live;
	return 0;
}

void hz_live_free(struct hz_live *live)
{
	for (unsigned i = 0; live && i < OVER; i++)
		hz_programme_free(live->place[i].programme);
	if (live)
		hz_live_hand(live, 0);
	free(live);
}

// --- commands

void hz_live_hand(struct hz_live *live, int fd)
{
	if (live->handed)
		close(live->handed);
	live->handed = fd;
}

// A ring that does not work keeps nobody from seeing the files.
static void feed(const struct hz_live *live, const struct place *place,
                 const struct hz_hls_broadcast_set *set)
{
	int err = hz_programme_feed(place->programme, live->handed ? set->feed : 0, live->handed);
	if (err)
		hz_warn("hls.feed", "err=%d", -err);
}

static struct place *find(struct hz_live *live, uint32_t consult)
{
	for (unsigned i = 0; i < OVER; i++) {
		if (live->place[i].programme && live->place[i].consult == consult)
			return &live->place[i];
	}
	return NULL;
}

static void drop(struct place *place)
{
	int err = hz_programme_drop(place->programme);
	if (err)
		hz_warn("hls.folder", "err=%d", -err);
	*place = (struct place){0};
}

static void end(struct place *place, int64_t now_us)
{
	hz_programme_end(place->programme, now_us);
	place->consult = 0;
	place->ended_us = now_us;
}

// A free place; of those that are over the one that is it the longest goes.
static struct place *make_room(struct hz_live *live)
{
	unsigned running = 0;
	struct place *over = NULL;
	for (unsigned i = 0; i < OVER; i++)
		running += live->place[i].programme && live->place[i].consult;
	if (running >= HZ_HLS_BROADCASTS)
		return NULL;
	for (unsigned i = 0; i < OVER; i++) {
		struct place *place = &live->place[i];
		if (!place->programme)
			return place;
		if (!place->consult && (!over || place->ended_us < over->ended_us))
			over = place;
	}
	drop(over);
	return over;
}

static int broadcast_set(struct hz_live *live, const struct hz_hls_broadcast_set *set, int64_t now_us)
{
	if (!hz_programme_good(set, live->workers))
		return -EINVAL;
	struct place *place = find(live, set->consult);
	if (place &&
	    strcmp(hz_programme_id(place->programme), set->id) != 0) { // another event of this consult
		end(place, now_us);
		place = NULL;
	}
	if (place) {
		place->named = live->round;
		feed(live, place, set);
		return hz_programme_set(place->programme, set, now_us) ? -EAGAIN : 0; // tried on
	}
	place = make_room(live);
	if (!place)
		return -ENOSPC;
	int err = hz_programme_new(&live->with, set, now_us, &place->programme);
	if (err)
		return err == -ENOSPC || err == -EINVAL ? -EIO : err; // those say that there is no file of it
	place->consult = set->consult;
	place->named = live->round;
	feed(live, place, set);
	return 0;
}

static int broadcast_del(struct hz_live *live, const struct hz_hls_broadcast_del *del, int64_t now_us)
{
	struct place *place = del->consult ? find(live, del->consult) : NULL;
	if (!place)
		return -ENOENT;
	end(place, now_us);
	return 0;
}

static bool is_ours(const struct hz_live *live, const char *name)
{
	for (unsigned i = 0; i < OVER; i++) {
		if (live->place[i].programme && strcmp(hz_programme_id(live->place[i].programme), name) == 0)
			return true;
	}
	return false;
}

// A folder that control may have named: what else lies there is not ours to remove.
static bool looks_ours(const char *name)
{
	size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_");
	return !name[length] && length >= HZ_HLS_ID_LEAST && length < HZ_HLS_ID_BYTES;
}

// What an earlier process left and nobody asks for.
static void drop_old(struct hz_live *live)
{
	static const char *const name[] = {"video", "sound"};
	static const struct hz_hls_names tracks = {name, 2};
	int fd = openat(live->with.folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	unsigned looked = 0;
	if (!dir) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while (looked++ < OLD_FOLDERS && (entry = readdir(dir))) {
		if (!looks_ours(entry->d_name) || is_ours(live, entry->d_name))
			continue;
		int err = hz_hls_folder_drop(live->with.folder, entry->d_name, &tracks);
		if (err)
			hz_warn("hls.old", "err=%d", -err);
	}
	closedir(dir);
}

static int reconcile_end(struct hz_live *live, int64_t now_us)
{
	if (!live->reconciling)
		return -EINVAL;
	live->reconciling = false;
	for (unsigned i = 0; i < OVER; i++) {
		if (live->place[i].programme && live->place[i].consult && live->place[i].named != live->round)
			end(&live->place[i], now_us);
	}
	drop_old(live);
	return 0;
}

static int command(struct hz_live *live, const void *message, size_t bytes, int64_t now_us)
{
	union {
		struct hz_msg_header h;
		struct hz_hls_begin begin;
		struct hz_hls_broadcast_set set;
		struct hz_hls_broadcast_del del;
		struct hz_cmd_reconcile reconcile;
	} m;
	if (hz_pipe_message(message, bytes, HZ_HLS_API_VERSION, &m, sizeof(m)))
		return -EINVAL;
	switch (m.h.type) {
	case HZ_HLS_RECONCILE_BEGIN:
		if (bytes != sizeof(m.begin))
			return -EINVAL;
		live->round++;
		live->reconciling = true;
		live->disk_bytes = m.begin.disk_bytes;
		return 0;
	case HZ_HLS_RECONCILE_END:
		return bytes == sizeof(m.reconcile) ? reconcile_end(live, now_us) : -EINVAL;
	case HZ_HLS_BROADCAST_SET:
		return bytes == sizeof(m.set) ? broadcast_set(live, &m.set, now_us) : -EINVAL;
	case HZ_HLS_BROADCAST_DEL:
		return bytes == sizeof(m.del) ? broadcast_del(live, &m.del, now_us) : -EINVAL;
	default:
		return -EINVAL;
	}
}

int hz_live_command(struct hz_live *live, const void *message, size_t bytes, int64_t now_us)
{
	int err = command(live, message, bytes, now_us);
	hz_live_hand(live, 0);
	return err;
}

// --- media and time

void hz_live_rtp(struct hz_live *live, const struct hz_live_rtp *packet)
{
	const struct place *place = packet->consult ? find(live, packet->consult) : NULL;
	live->count.packets_in++;
	if (!place || !hz_programme_rtp(place->programme, packet->worker, packet->data, packet->bytes,
	                                packet->arrival_us))
		live->count.unmatched++;
}

// What all hold together is bounded: each has room for what the others leave.
static void share_disk(struct hz_live *live)
{
	uint64_t used = 0;
	for (unsigned i = 0; i < OVER; i++) {
		if (live->place[i].programme)
			used += hz_programme_disk(live->place[i].programme)->used_bytes;
	}
	uint64_t left = used < live->disk_bytes ? live->disk_bytes - used : 0;
	for (unsigned i = 0; i < OVER; i++) {
		struct hz_hls_disk *disk =
		    live->place[i].programme ? hz_programme_disk(live->place[i].programme) : NULL;
		if (disk)
			disk->room_bytes =
			    left < UINT64_MAX - disk->used_bytes ? disk->used_bytes + left : UINT64_MAX;
	}
}

int64_t hz_live_tick(struct hz_live *live, int64_t now_us)
{
	int64_t next_us = now_us + IDLE_US;
	for (unsigned i = 0; i < OVER; i++) {
		struct place *place = &live->place[i];
		if (!place->programme)
			continue;
		if (hz_programme_over(place->programme, now_us)) {
			drop(place);
			continue;
		}
		share_disk(live);
		int64_t due_us = hz_programme_tick(place->programme, now_us);
		next_us = due_us < next_us ? due_us : next_us;
	}
	return next_us;
}

void hz_live_status(const struct hz_live *live, struct hz_hls_status *ret)
{
	struct hz_hls_status s = live->count;
	s.h = ret->h;
	for (unsigned i = 0; i < OVER; i++) {
		if (!live->place[i].programme)
			continue;
		s.broadcasts += live->place[i].consult != 0;
		hz_programme_status(live->place[i].programme, &s);
	}
	*ret = s;
}
