#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "gateway/base/secret.h"
#include "media/guard/guard.h"
#include "media/pipeline/source_input.h"
#include "media/guard/lookup.h"
#include "media/pipeline/source_picture.h"

#define PICTURE_US 5000000
#define BEGIN_US   500000

static void enter(struct hz_source *s, uint8_t state, int64_t now_us)
{
	if (s->state == state)
		return;
	hz_info("source.state", "state=%s reason=%s", hz_ingest_state_name(state),
	        hz_ingest_reason_name(s->reason));
	s->state = state;
	s->since_us = now_us;
	hz_source_tell(s, now_us, true);
}

// --- the source

static void close_input(struct hz_source *s)
{
	struct hz_input *in = s->input;
	hz_lookup_leave(s->lookup);
	s->lookup = NULL;
	s->input = NULL;
	hz_input_free(in);
	s->first_us = 0;
}

static void fail(struct hz_source *s, uint8_t reason, int64_t now_us)
{
	close_input(s);
	if (!s->lost_us)
		s->lost_us = now_us;
	s->reason = reason;
	s->retry_at_us = now_us + s->retry_us;
	s->retry_us = s->retry_us * 2 < HZ_SOURCE_RETRY_MAX_US ? s->retry_us * 2 : HZ_SOURCE_RETRY_MAX_US;
	enter(s, HZ_INGEST_RETRYING, now_us);
}

static void reset_seen(struct hz_source *s)
{
	struct hz_source_seen *seen = &s->seen;
	atomic_store(&seen->video, false);
	atomic_store(&seen->audio, false);
	atomic_store(&seen->settled, false);
	atomic_store(&seen->reorders, false);
	atomic_store(&seen->unsupported, false);
	atomic_store(&seen->synced, false);
	atomic_store(&seen->profile, 0);
	atomic_store(&seen->newest_us, 0);
	pthread_mutex_lock(&s->lock);
	hz_timeline_reset(&s->timeline);
	s->whole = false;
	gst_buffer_replace(&s->keyframe, NULL);
	pthread_mutex_unlock(&s->lock);
}

static void open_input(struct hz_source *s, const char *address, int64_t now_us)
{
	reset_seen(s);
	s->attempts++;
	int err = hz_input_new(s, address, &s->input);
	// A film from the beginning again: two events a turn of it would fill records.
	bool goes_on = s->state == HZ_INGEST_LIVE && s->url.scheme == HZ_INGEST_FILE;
	if (err)
		fail(s, HZ_INGEST_INTERNAL, now_us);
	else if (!goes_on)
		enter(s, s->url.listener ? HZ_INGEST_LISTENING : HZ_INGEST_CONNECTING, now_us);
}

// The host is looked up before anything of it is touched: it must be in a network that sources may be in.
static void begin(struct hz_source *s, int64_t now_us)
{
	if (!s->url.host[0]) {
		open_input(s, NULL, now_us);
		return;
	}
	s->lookup = hz_lookup_new(s->url.host);
	if (!s->lookup)
		fail(s, HZ_INGEST_INTERNAL, now_us);
	else
		enter(s, HZ_INGEST_CONNECTING, now_us);
}

// What says where name servers are was replaced by another file, and the sandbox lets in the one of before alone.
static bool blind(void)
{
	int fd = open("/etc/resolv.conf", O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		close(fd);
	return fd < 0 && errno == EACCES;
}

static void tick_lookup(struct hz_source *s, int64_t now_us)
{
	char address[INET6_ADDRSTRLEN];
	int err = 0;
	if (!hz_lookup_poll(s->lookup, &err, address))
		return;
	s->lookup = NULL;
	if (err)
		fail(s, err == -EACCES ? HZ_INGEST_NOT_ALLOWED : HZ_INGEST_UNREACHABLE, now_us);
	if (err == -EHOSTUNREACH && blind()) {
		hz_warn("source.blind", "why=resolv.conf");
		raise(SIGTERM); // takes its leave; huizhen-ingest starts another one, which sees it
	} else if (!err)
		open_input(s, address, now_us);
}

static void at_end(struct hz_source *s, int64_t now_us)
{
	bool begun = s->first_us != 0;
	if (s->url.scheme != HZ_INGEST_FILE) {
		fail(s, begun ? HZ_INGEST_CLOSED : HZ_INGEST_GARBAGE, now_us);
	} else if (!begun) {
		fail(s, HZ_INGEST_NO_PICTURE, now_us);
	} else {
		close_input(s);
		if (s->set.loop)
			s->retry_at_us = now_us;
		else
			enter(s, HZ_INGEST_ENDED, now_us);
	}
}

static void tick_input(struct hz_source *s, int64_t now_us)
{
	int64_t newest_us = atomic_load(&s->seen.newest_us);
	uint8_t reason = HZ_INGEST_INTERNAL;
	int64_t begun_us = s->state == HZ_INGEST_LIVE ? s->retry_at_us : s->since_us; // of a film's next turn
	int rc = hz_input_poll(s->input, &reason);
	if (newest_us && !s->first_us) {
		s->first_us = newest_us;
		s->retry_us = HZ_SOURCE_RETRY_US;
	}
	if (rc < 0) {
		fail(s, reason, now_us);
	} else if (rc > 0) {
		at_end(s, now_us);
	} else if (atomic_load(&s->seen.reorders)) {
		hz_info("source.encode", "why=reordered");
		s->encode = true;
		close_input(s);
		s->retry_at_us = now_us;
	} else if (newest_us && now_us - newest_us > HZ_SOURCE_SILENT_US) {
		fail(s, HZ_INGEST_STALLED, now_us);
	} else if (!newest_us && now_us - begun_us > HZ_SOURCE_CONNECT_US &&
	           (s->state == HZ_INGEST_CONNECTING || s->state == HZ_INGEST_LIVE)) {
		bool found = atomic_load(&s->seen.video) || atomic_load(&s->seen.audio);
		fail(s, found || atomic_load(&s->seen.settled) ? HZ_INGEST_NO_PICTURE : HZ_INGEST_TIMEOUT,
		     now_us);
	}
}

static void answer_keyframes(struct hz_source *s)
{
	unsigned wanted = atomic_exchange(&s->seen.wanted, 0);
	if (wanted && !(s->input && hz_input_keyframe(s->input)))
		s->unmet += wanted; // a camera's own pace: nobody is helped by connecting anew
}

// --- the consult

static void end_session(struct hz_source *s)
{
	if (!s->session)
		return;
	hz_source_output_end(s);
	hz_rtc_session_free(s->session);
	s->session = NULL;
}

static bool flows(const struct hz_source *s, int64_t now_us)
{
	return s->first_us && now_us - atomic_load(&s->seen.newest_us) < HZ_SOURCE_SILENT_US;
}

// What it has is known: both picture and sound, or no more will come.
static bool known(const struct hz_source *s, int64_t now_us)
{
	bool video = atomic_load(&s->seen.video), audio = atomic_load(&s->seen.audio);
	if (!s->first_us || (video && !atomic_load(&s->seen.profile)))
		return false;
	return (video && audio) || atomic_load(&s->seen.settled) ||
	       now_us - s->first_us > HZ_SOURCE_SETTLE_US;
}

static bool fits(const struct hz_source *s)
{
	bool video = atomic_load(&s->seen.video), audio = atomic_load(&s->seen.audio);
	return video == s->with_video && audio == s->with_audio &&
	       (!video || atomic_load(&s->seen.profile) == s->with_profile);
}

// A picture begins with a keyframe: an encoder of ours makes one.
static void begin_picture(struct hz_source *s, int64_t now_us)
{
	bool up = s->session && hz_rtc_session_up(s->session);
	pthread_mutex_lock(&s->lock);
	s->open = up && s->sending;
	bool waits = s->video_in && !s->whole;
	pthread_mutex_unlock(&s->lock);
	if (!waits || !s->input || now_us - s->begun_us < BEGIN_US)
		return;
	s->begun_us = now_us;
	(void)hz_input_keyframe(s->input);
}

static void tick_session(struct hz_source *s, int64_t now_us)
{
	if (s->session && known(s, now_us) && !fits(s)) {
		hz_info("source.changed", "profile=%06x", atomic_load(&s->seen.profile));
		end_session(s);
	}
	if (s->session && s->lost_us && now_us - s->lost_us > HZ_SOURCE_LEAVE_US)
		end_session(s);
	if (!s->session && s->input && known(s, now_us) && flows(s, now_us)) {
		s->with_video = atomic_load(&s->seen.video);
		s->with_audio = atomic_load(&s->seen.audio);
		s->with_profile = atomic_load(&s->seen.profile);
		s->session = hz_rtc_session_new(&s->wish);
	}
	// A token that was refused: a newer one comes, and the session asks again every two seconds.
	if (s->session)
		(void)hz_rtc_session_tick(s->session, now_us);
	begin_picture(s, now_us);
}

static void tick_state(struct hz_source *s, int64_t now_us)
{
	int status = s->session ? hz_rtc_session_status(s->session) : 0;
	if (!s->input || !flows(s, now_us))
		return;
	if (s->session && hz_rtc_session_up(s->session)) {
		s->reason = HZ_INGEST_NONE;
		s->lost_us = 0;
		enter(s, HZ_INGEST_LIVE, now_us);
	} else if (s->session && status && status != 201) {
		s->reason = HZ_INGEST_GATEWAY;
		enter(s, HZ_INGEST_RETRYING, now_us);
	}
}

static void tick_picture(struct hz_source *s, int64_t now_us)
{
	GstBuffer *jpeg = NULL, *keyframe = NULL;
	GstMapInfo map;
	if (!s->picture && now_us - s->picture_us > PICTURE_US) {
		pthread_mutex_lock(&s->lock);
		keyframe = s->keyframe;
		s->keyframe = NULL;
		pthread_mutex_unlock(&s->lock);
		if (keyframe) {
			s->picture_us = now_us;
			s->picture = hz_picture_new(keyframe);
		} else if (s->input && now_us - s->picture_us > 2 * PICTURE_US) {
			(void)hz_input_keyframe(s->input); // what is encoded here has few of its own
			s->picture_us = now_us - PICTURE_US;
		}
	}
	int rc = s->picture ? hz_picture_poll(s->picture, &jpeg) : 0;
	if (!rc)
		return;
	hz_picture_free(s->picture);
	s->picture = NULL;
	if (rc < 0)
		return;
	if (gst_buffer_map(jpeg, &map, GST_MAP_READ)) {
		hz_source_tell_picture(s, map.data, map.size);
		gst_buffer_unmap(jpeg, &map);
	}
	gst_buffer_unref(jpeg);
}

// ---

void hz_source_tick(struct hz_source *s, int64_t now_us)
{
	if (s->lookup)
		tick_lookup(s, now_us);
	else if (s->input)
		tick_input(s, now_us);
	else if (s->state != HZ_INGEST_ENDED && now_us >= s->retry_at_us)
		begin(s, now_us);
	if (s->state == HZ_INGEST_ENDED)
		end_session(s);
	answer_keyframes(s);
	tick_session(s, now_us);
	tick_state(s, now_us);
	tick_picture(s, now_us);
	hz_source_tell(s, now_us, false);
}

void hz_source_set(struct hz_source *s, const struct hz_ingest_source_set *set, int64_t now_us)
{
	s->set = *set;
	s->wish.endpoint = s->set.whip;
	s->wish.token = s->set.token;
	s->wish.insecure = s->wish.loopback = true; // it is this machine
	s->wish.make = hz_source_output_new;
	s->wish.ctx = s;
	if (!s->retry_us)
		s->retry_us = HZ_SOURCE_RETRY_US;
	pthread_mutex_lock(&s->lock);
	GstElement *sending = s->sending ? gst_object_ref(s->sending) : NULL;
	pthread_mutex_unlock(&s->lock);
	hz_source_output_hold(s, sending);
	g_clear_object(&sending);
	hz_guard_set(set);
}

void hz_source_end(struct hz_source *s)
{
	close_input(s);
	end_session(s);
	hz_picture_free(s->picture);
	hz_wipe(&s->set, sizeof(s->set));
}
