#include "media/studies/forward.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/log.h"
#include "gateway/base/secret.h"
#include "media/dicomweb/request.h"

#define ANSWER_MS  (2 * 3600 * 1000) // more than a request takes
#define GIVE_UP_MS (3600 * 1000)     // looked at so often
#define DAY_MS     ((int64_t)86400 * 1000)
#define LOST_MAX   16 // files that are gone, in one go

static const int64_t pauses_ms[] = {5000, 30000, 120000, 600000, 3600000};
#define PAUSES        (sizeof(pauses_ms) / sizeof(*pauses_ms))
#define PACS_PAUSE_MS ((int64_t)300000)

struct lane { // to one PACS
	char pacs[HZ_DWEB_NAME_BYTES];
	uint64_t id; // 0: nothing is under way
	struct hz_local_forward what;
	int64_t began_ms, pause_until_ms;
	unsigned fails; // of the PACS, one after the other
};

struct hz_forward {
	struct hz_local *local;
	hz_forward_send_cb *send;
	void *ctx;
	uint64_t last_id;
	int64_t gave_up_ms;
	bool changed;
	struct hz_local_status sum;
	struct lane lane[HZ_DWEB_PACS];
};

int hz_forward_new(struct hz_local *local, hz_forward_send_cb *send, void *ctx, struct hz_forward **ret)
{
	struct hz_forward *f = calloc(1, sizeof(*f));
	if (!f)
		return -ENOMEM;
	f->local = local;
	f->send = send;
	f->ctx = ctx;
	f->changed = true;
	// An answer to the last one's number must not become another object's.
	hz_random(&f->last_id, sizeof(f->last_id));
	f->last_id >>= 1;
	*ret = f;
	return 0;
}

void hz_forward_free(struct hz_forward *f)
{
	free(f);
}

// Of a PACS; one that waits for nothing gives its place. NULL: all are busy with others.
static struct lane *lane_of(struct hz_forward *f, const char *pacs)
{
	struct lane *best = NULL;
	for (struct lane *l = f->lane; l < f->lane + HZ_DWEB_PACS; l++) {
		if (strcmp(l->pacs, pacs) == 0)
			return l;
		if (!l->id && (!best || l->pause_until_ms < best->pause_until_ms))
			best = l;
	}
	if (best) {
		*best = (struct lane){.id = 0};
		snprintf(best->pacs, sizeof(best->pacs), "%s", pacs);
	}
	return best;
}

static int64_t pause_of(unsigned tries, int64_t most_ms)
{
	int64_t ms = pauses_ms[tries < PAUSES ? tries : PAUSES - 1];
	return ms < most_ms ? ms : most_ms;
}

static void set(struct hz_forward *f, const struct lane *l, enum hz_local_forward_state state,
                enum hz_dweb_result reason, int64_t due_ms)
{
	const struct hz_local_forward_news news = {.instance = l->what.instance,
	                                           .pacs = l->pacs,
	                                           .state = state,
	                                           .reason = reason,
	                                           .tries = l->what.tries,
	                                           .due_ms = due_ms};
	f->changed = true;
	if (hz_local_forward_set(f->local, &news)) // it is sent once more
		hz_warn("forward.row", "pacs=%s", l->pacs);
}

static void refused(struct hz_forward *f, struct lane *l, enum hz_dweb_result result)
{
	hz_warn("forward.refused", "pacs=%s result=%u tries=%u", l->pacs, result, l->what.tries);
	set(f, l, HZ_FORWARD_REFUSED, result, 0);
}

// It is of the PACS, not of the object: another one would fare no better.
static void away(struct hz_forward *f, struct lane *l, enum hz_dweb_result result, int64_t now_ms)
{
	l->pause_until_ms = now_ms + pause_of(l->fails, PACS_PAUSE_MS);
	if (l->fails++ == 0)
		hz_warn("forward.waits", "pacs=%s result=%u", l->pacs, result);
	// Behind the others: perhaps it is of this object after all, and they are not to wait for it.
	set(f, l, HZ_FORWARD_WAITING, result, l->pause_until_ms);
}

static void conclude(struct hz_forward *f, struct lane *l, enum hz_dweb_result result, int64_t now_ms)
{
	switch (result) {
	case HZ_DWEB_OK:
		l->fails = 0;
		set(f, l, HZ_FORWARD_DONE, HZ_DWEB_OK, 0);
		break;
	case HZ_DWEB_DECLINED:
	case HZ_DWEB_TOO_LARGE:
		l->fails = 0;
		refused(f, l, result);
		break;
	case HZ_DWEB_FAILED:
	case HZ_DWEB_BROKEN:
	case HZ_DWEB_SLOW:
	case HZ_DWEB_NOT_DICOM:
		if (++l->what.tries >= HZ_FORWARD_TRIES) {
			refused(f, l, result);
			break;
		}
		set(f, l, HZ_FORWARD_WAITING, result,
		    now_ms + pause_of(l->what.tries - 1, pauses_ms[PAUSES - 1]));
		l->pause_until_ms = now_ms + pauses_ms[0];
		break;
	default: // away, credentials, unknown, nothing there, too much at once
		away(f, l, result, now_ms);
	}
}

static void begin(struct hz_forward *f, struct lane *l, int64_t now_ms)
{
	struct hz_dweb_send send = {
	    .h = {.version = HZ_DWEB_VERSION, .type = HZ_DWEB_SEND, .bytes = sizeof(send)}};
	int fd = -1, err = -ESTALE;
	if (l->id || l->pause_until_ms > now_ms)
		return;
	for (unsigned i = 0; i < LOST_MAX && err == -ESTALE; i++)
		err = hz_local_forward_next(f->local, l->pacs, now_ms, &l->what, &fd);
	if (err)
		return;
	send.id = ++f->last_id;
	snprintf(send.pacs, sizeof(send.pacs), "%s", l->pacs);
	memcpy(send.study, l->what.study, sizeof(send.study));
	err = f->send(f->ctx, &send, fd);
	close(fd);
	if (err) {
		l->pause_until_ms = now_ms + pauses_ms[0];
		return;
	}
	l->id = send.id;
	l->began_ms = now_ms;
}

void hz_forward_sent(struct hz_forward *f, const struct hz_dweb_sent *sent, int64_t now_ms)
{
	for (struct lane *l = f->lane; l < f->lane + HZ_DWEB_PACS; l++) {
		if (!l->id || l->id != sent->id)
			continue;
		l->id = 0;
		conclude(f, l,
		         sent->result < HZ_DWEB_RESULTS ? (enum hz_dweb_result)sent->result : HZ_DWEB_FAILED,
		         now_ms);
		begin(f, l, now_ms);
		return;
	}
}

int hz_forward_order(struct hz_forward *f, const char *study, const char *pacs, int64_t now_ms)
{
	int count = hz_local_forward_study(f->local, study, pacs, now_ms);
	if (count < 0)
		return count;
	int err = hz_local_sync_rows(f->local); // whoever asked for it may rely on it
	struct lane *l = err ? NULL : lane_of(f, pacs);
	f->changed = true;
	if (l) {
		l->pause_until_ms = 0;
		begin(f, l, now_ms);
	}
	return err;
}

void hz_forward_again(struct hz_forward *f)
{
	for (struct lane *l = f->lane; l < f->lane + HZ_DWEB_PACS; l++)
		l->id = 0; // its row waits still
}

void hz_forward_tick(struct hz_forward *f, int64_t now_ms)
{
	char name[HZ_DWEB_PACS][HZ_DWEB_NAME_BYTES];
	for (struct lane *l = f->lane; l < f->lane + HZ_DWEB_PACS; l++) {
		if (!l->id || (now_ms >= l->began_ms && now_ms - l->began_ms < ANSWER_MS))
			continue;
		l->id = 0;
		conclude(f, l, HZ_DWEB_SLOW, now_ms);
	}
	if (now_ms - f->gave_up_ms > GIVE_UP_MS || now_ms < f->gave_up_ms) { // clocks go back
		int count = hz_local_forward_give_up(f->local, now_ms - HZ_FORWARD_DAYS * DAY_MS);
		f->gave_up_ms = now_ms;
		f->changed = f->changed || count > 0;
		if (count > 0)
			hz_error("forward.given_up", "objects=%d", count);
	}
	int count = hz_local_forward_pacs(f->local, name, HZ_DWEB_PACS);
	for (int i = 0; i < count; i++) {
		struct lane *l = lane_of(f, name[i]);
		if (l)
			begin(f, l, now_ms);
	}
}

// --- what became of it

static int add_up(void *ctx, const struct hz_local_forward_count *count)
{
	struct hz_local_status *sum = ctx;
	sum->waiting += count->waiting;
	sum->refused += count->refused;
	sum->forwarded += count->forwarded;
	return 0;
}

void hz_forward_sum(struct hz_forward *f, struct hz_local_status *ret)
{
	if (f->changed) {
		memset(&f->sum, 0, sizeof(f->sum));
		f->changed = hz_local_forward_counts(f->local, "", add_up, &f->sum) != 0;
	}
	*ret = f->sum;
	ret->bytes = hz_local_bytes(f->local);
	ret->studies = hz_local_studies(f->local);
}

struct saying {
	FILE *out;
	unsigned count;
};

static int say_one(void *ctx, const struct hz_local_forward_count *c)
{
	struct saying *s = ctx;
	// A name is letters, digits and "._-": it was looked at when it came.
	fprintf(s->out, "%s{\"pacs\":\"%s\",\"state\":\"%s\",\"waiting\":%u,\"forwarded\":%u,\"refused\":%u",
	        s->count++ ? "," : "", c->pacs,
	        c->waiting   ? "waiting"
	        : c->refused ? "refused"
	                     : "forwarded",
	        c->waiting, c->forwarded, c->refused);
	if (c->reason)
		fprintf(s->out, ",\"reason\":\"%s\"", hz_dweb_result_reason(c->reason));
	fputc('}', s->out);
	return ferror(s->out) ? -ENOMEM : 0;
}

int hz_forward_say(struct hz_local *local, const char *study, FILE *out)
{
	struct saying s = {.out = out};
	fputs("{\"items\":[", out);
	int err = hz_local_forward_counts(local, study, say_one, &s);
	fputs("]}", out);
	return err;
}
