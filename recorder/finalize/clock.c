#include "recorder/finalize/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "media/rtp/rtcp.h"
#include "media/rtp/seq.h"
#include "recorder/finalize/fit.h"

#define POINTS     (1u << 17) // a second each
#define REPORTS    (1u << 17)
#define EPOCHS     256
#define BUCKET_US  1000000
#define JUMP_US    1000000 // between two packets, more than arrivals say: timestamps may have jumped
#define SURE_US    500000  // ... and have, when the smallest delays before and after differ by so much
#define AROUND_US  10000000
#define STEP_US    100000 // between two reports: the publisher's clock was set
#define FOREIGN_US 150000 // a stream this far from its publisher's clock goes by another one
#define EARLY_US   500000 // samples cannot be taken after they arrive
#define OLD_US     10000000

struct point { // the quickest packet of a second
	int64_t seq, at_us, x;
	int64_t first_seq; // of the second
	bool jump;         // it begins with one, perhaps
};

struct report {
	int64_t x; // RTP time
	int64_t ntp_us, at_us;
	bool wrong, stepped; // stepped: the publisher's clock was set before it
};

struct epoch {
	int64_t seq, at_us; // first
	bool from_reports;
	struct hz_fit fit; // x -> time line minus x
};

struct hz_clock {
	uint32_t hz;
	struct point *point;
	struct report *report;
	size_t points, point_room, reports, report_room;
	int64_t last_ts, last_transit;
	bool begun;
	struct epoch *epoch;
	size_t epochs;
	uint32_t outliers;
};

int hz_clock_new(uint32_t clock_hz, struct hz_clock **ret)
{
	struct hz_clock *c = clock_hz ? calloc(1, sizeof(*c)) : NULL;
	if (!c)
		return clock_hz ? -ENOMEM : -EINVAL;
	c->hz = clock_hz;
	*ret = c;
	return 0;
}

static void free_epochs(struct hz_clock *c)
{
	for (size_t i = 0; i < c->epochs; i++)
		hz_fit_done(&c->epoch[i].fit);
	free(c->epoch);
	c->epoch = NULL;
	c->epochs = 0;
}

void hz_clock_free(struct hz_clock *clock)
{
	if (!clock)
		return;
	free_epochs(clock);
	free(clock->point);
	free(clock->report);
	free(clock);
}

static int64_t to_us(const struct hz_clock *c, int64_t ts)
{
	int64_t s = ts / c->hz, rest = ts % c->hz;
	return s * 1000000 + rest * 1000000 / c->hz;
}

// A list twice as long, or NULL: the bound is reached, or no memory.
static void *longer(void *list, size_t *room, size_t bound, size_t bytes)
{
	size_t more = *room ? *room * 2 : 64;
	void *bigger = *room < bound ? realloc(list, more * bytes) : NULL;
	if (bigger)
		*room = more;
	return bigger;
}

static struct point *new_point(struct hz_clock *c)
{
	if (c->points == c->point_room) {
		struct point *more = longer(c->point, &c->point_room, POINTS, sizeof(*more));
		if (!more)
			return NULL;
		c->point = more;
	}
	return &c->point[c->points++];
}

static struct report *new_report(struct hz_clock *c)
{
	if (c->reports == c->report_room) {
		struct report *more = longer(c->report, &c->report_room, REPORTS, sizeof(*more));
		if (!more)
			return NULL;
		c->report = more;
	}
	return &c->report[c->reports++];
}

void hz_clock_packet(struct hz_clock *clock, int64_t seq, int64_t ts, int64_t at_us)
{
	struct hz_clock *c = clock;
	int64_t x = to_us(c, ts), transit = at_us - x;
	struct point *last = c->points ? &c->point[c->points - 1] : NULL;
	int64_t change = transit - c->last_transit;
	bool jump = c->begun && (change > JUMP_US || change < -JUMP_US);
	c->last_ts = ts;
	c->last_transit = transit;
	c->begun = true;
	if (last && !jump && at_us - last->at_us < BUCKET_US && x - last->x < BUCKET_US) {
		if (transit < last->at_us - last->x) {
			last->seq = seq;
			last->x = x;
			last->at_us = at_us;
		}
		return;
	}
	struct point *p = new_point(c);
	if (p)
		*p = (struct point){.seq = seq, .first_seq = seq, .at_us = at_us, .x = x, .jump = jump};
}

void hz_clock_report(struct hz_clock *clock, uint64_t ntp, uint32_t ts, int64_t at_us)
{
	struct hz_clock *c = clock;
	int64_t ntp_us = hz_ntp_to_us(ntp);
	int64_t before_us = c->reports ? c->report[c->reports - 1].at_us : at_us;
	struct report *r = c->begun && ntp != 0 ? new_report(c) : NULL;
	if (!r)
		return;
	*r = (struct report){.x = to_us(c, hz_ts_extend(c->last_ts, ts)),
	                     .ntp_us = ntp_us,
	                     .at_us = at_us < before_us ? before_us : at_us};
}

// --- epochs of the timestamps

static int64_t least_transit(const struct hz_clock *c, size_t from, size_t to, int64_t near_us)
{
	int64_t least = INT64_MAX;
	for (size_t i = from; i < to; i++) {
		const struct point *p = &c->point[i];
		int64_t away = p->at_us > near_us ? p->at_us - near_us : near_us - p->at_us;
		if (away <= AROUND_US && p->at_us - p->x < least)
			least = p->at_us - p->x;
	}
	return least;
}

static bool is_jump(const struct hz_clock *c, size_t begin, size_t i)
{
	size_t end = i + 1;
	while (end < c->points && c->point[end].at_us - c->point[i].at_us <= AROUND_US)
		end++;
	size_t from = i > begin + 64 ? i - 64 : begin;
	int64_t before = least_transit(c, from, i, c->point[i - 1].at_us);
	int64_t after = least_transit(c, i, end, c->point[i].at_us);
	int64_t change = after - before;
	return change > SURE_US || change < -SURE_US;
}

static int find_epochs(struct hz_clock *c)
{
	size_t begin = 0;
	free_epochs(c);
	c->epoch = calloc(EPOCHS, sizeof(*c->epoch));
	if (!c->epoch)
		return -ENOMEM;
	for (size_t i = 0; i < c->points; i++) {
		struct point *p = &c->point[i];
		if (i > 0 && (!p->jump || c->epochs == EPOCHS || !is_jump(c, begin, i)))
			continue;
		begin = i;
		c->epoch[c->epochs++] = (struct epoch){.seq = p->first_seq, .at_us = p->at_us};
	}
	return 0;
}

static size_t epoch_of_time(const struct hz_clock *c, int64_t at_us)
{
	size_t e = 0;
	while (e + 1 < c->epochs && c->epoch[e + 1].at_us <= at_us)
		e++;
	return e;
}

// --- the publisher's clock

static int64_t off(const struct report *a, const struct report *b)
{
	return (b->ntp_us - a->ntp_us) - (b->x - a->x);
}

static bool large(int64_t us)
{
	return us > STEP_US || us < -STEP_US;
}

// Reports that disagree with both neighbours are wrong; from where they disagree for good the clock was set.
static void judge_reports(struct hz_clock *c)
{
	const struct report *last = NULL;
	c->outliers = 0;
	for (size_t i = 0; i < c->reports; i++) {
		struct report *r = &c->report[i];
		r->wrong = r->stepped = false;
		if (last && epoch_of_time(c, last->at_us) != epoch_of_time(c, r->at_us))
			last = NULL;
		if (last && large(off(last, r))) {
			const struct report *next = i + 1 < c->reports ? r + 1 : NULL;
			bool lasts = next && !large(off(r, next));
			r->wrong = !lasts;
			r->stepped = lasts;
			c->outliers += r->wrong;
		}
		if (!r->wrong)
			last = r;
	}
}

struct sample {                // of all reports of a publisher
	struct hz_fit_point p; // x: arrival, y: arrival minus NTP
	bool stepped;
};

static int by_x(const void *a, const void *b)
{
	const struct sample *x = a, *y = b;
	return x->p.x != y->p.x ? (x->p.x > y->p.x) - (x->p.x < y->p.x)
	                        : (x->p.y > y->p.y) - (x->p.y < y->p.y);
}

struct stretch { // between two settings of the clock
	int64_t from_us, level_us;
	struct hz_fit fit; // arrival -> arrival minus NTP, without delays
};

struct publisher {
	struct stretch *stretch;
	size_t count;
};

static size_t stretch_of(const struct publisher *p, const struct report *r)
{
	// by time and, near a border, by which level is nearer
	size_t s = 0;
	while (s + 1 < p->count && p->stretch[s + 1].from_us <= r->at_us)
		s++;
	int64_t y = r->at_us - r->ntp_us, best = INT64_MAX;
	size_t ret = s;
	for (size_t i = s ? s - 1 : 0; i < p->count && i <= s + 1; i++) {
		int64_t d = llabs(y - p->stretch[i].level_us);
		if (d < best - STEP_US) {
			best = d;
			ret = i;
		}
	}
	return ret;
}

static void publisher_done(struct publisher *p)
{
	for (size_t i = 0; i < p->count; i++)
		hz_fit_done(&p->stretch[i].fit);
	free(p->stretch);
	*p = (struct publisher){0};
}

// One fit of the lower edge for each stretch of samples whose offsets hang together.
static int fit_stretches(struct sample *list, size_t count, struct publisher *ret)
{
	struct hz_fit_point *points = calloc(count, sizeof(*points));
	struct publisher p = {.stretch = calloc(count, sizeof(*p.stretch))};
	int err = points && p.stretch ? 0 : -ENOMEM;
	for (size_t i = 0; i < count && !err;) {
		size_t n = 0;
		struct stretch *s = &p.stretch[p.count];
		s->from_us = list[i].p.x;
		s->level_us = list[i].p.y;
		for (; i < count; i++) {
			int64_t away = llabs(list[i].p.y - s->level_us);
			if (n && list[i].stepped && away > STEP_US)
				break;
			points[n++] = list[i].p;
			if (list[i].p.y < s->level_us)
				s->level_us = list[i].p.y;
		}
		err = hz_fit_make(HZ_FIT_LOWER, points, n, 10000000, 30000000, &s->fit);
		p.count += !err;
	}
	free(points);
	if (err)
		publisher_done(&p);
	else
		*ret = p;
	return err;
}

static int fit_publisher(struct hz_clock *const *clocks, size_t count, struct publisher *ret)
{
	size_t total = 0, n = 0;
	for (size_t i = 0; i < count; i++)
		total += clocks[i]->reports;
	*ret = (struct publisher){0};
	if (!total)
		return 0;
	struct sample *list = calloc(total, sizeof(*list));
	if (!list)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < clocks[i]->reports; k++) {
			const struct report *r = &clocks[i]->report[k];
			if (!r->wrong)
				list[n++] = (struct sample){{r->at_us, r->at_us - r->ntp_us}, r->stepped};
		}
	qsort(list, n, sizeof(*list), by_x);
	int err = n ? fit_stretches(list, n, ret) : 0;
	free(list);
	return err;
}

static bool foreign(const struct hz_clock *c, const struct publisher *p)
{
	int64_t least = INT64_MAX;
	for (size_t i = 0; i < c->reports; i++) {
		const struct report *r = &c->report[i];
		const struct stretch *s = &p->stretch[stretch_of(p, r)];
		int64_t late = r->at_us - r->ntp_us - hz_fit_at(&s->fit, r->at_us);
		if (!r->wrong && late < least)
			least = late;
	}
	return least != INT64_MAX && least > FOREIGN_US;
}

// --- a stream

// Reports of an epoch as points: RTP time -> time line minus RTP time.
static size_t report_points(const struct hz_clock *c, size_t e, const struct publisher *p,
                            struct hz_fit_point *ret)
{
	size_t n = 0;
	for (size_t i = 0; i < c->reports; i++) {
		const struct report *r = &c->report[i];
		if (r->wrong || epoch_of_time(c, r->at_us) != e)
			continue;
		const struct stretch *s = &p->stretch[stretch_of(p, r)];
		int64_t us = r->ntp_us + hz_fit_at(&s->fit, r->at_us);
		if (n && r->x <= ret[n - 1].x)
			continue;
		ret[n++] = (struct hz_fit_point){r->x, us - r->x};
	}
	return n;
}

static size_t arrival_points(const struct hz_clock *c, size_t e, struct hz_fit_point *ret)
{
	size_t n = 0;
	for (size_t i = 0; i < c->points; i++) {
		const struct point *p = &c->point[i];
		bool later = e + 1 < c->epochs && p->first_seq >= c->epoch[e + 1].seq;
		if (p->first_seq < c->epoch[e].seq || later || (n && p->x <= ret[n - 1].x))
			continue;
		ret[n++] = (struct hz_fit_point){p->x, p->at_us - p->x};
	}
	return n;
}

// What reports say must fit the arrivals: most packets come a little after they were made.
static bool plausible(const struct hz_fit *fit, const struct hz_fit_point *arrivals, size_t count)
{
	size_t good = 0;
	for (size_t i = 0; i < count; i++) {
		int64_t delay = arrivals[i].y - hz_fit_at(fit, arrivals[i].x);
		good += delay > -EARLY_US && delay < OLD_US;
	}
	return good * 2 >= count;
}

static int fit_epoch(struct hz_clock *c, size_t e, const struct publisher *p, struct hz_fit_point *points)
{
	struct epoch *epoch = &c->epoch[e];
	struct hz_fit fit;
	size_t n = p->count ? report_points(c, e, p, points) : 0;
	int err = 0;
	hz_fit_done(&epoch->fit);
	epoch->from_reports = false;
	if (n) {
		err = hz_fit_make(HZ_FIT_MIDDLE, points, n, 15000000, 20000000, &fit);
		if (err)
			return err;
		n = arrival_points(c, e, points);
		if (plausible(&fit, points, n)) {
			epoch->fit = fit;
			epoch->from_reports = true;
			return 0;
		}
		hz_fit_done(&fit);
	}
	n = arrival_points(c, e, points);
	err = hz_fit_make(HZ_FIT_LOWER, points, n, 10000000, 30000000, &fit);
	if (!err)
		epoch->fit = fit;
	return err;
}

static int fit_stream(struct hz_clock *c, const struct publisher *p)
{
	size_t most = c->points > c->reports ? c->points : c->reports;
	struct hz_fit_point *points = calloc(most ? most : 1, sizeof(*points));
	int err = points ? 0 : -ENOMEM;
	for (size_t e = 0; e < c->epochs && !err; e++)
		err = fit_epoch(c, e, p, points);
	free(points);
	return err;
}

int hz_clock_solve(struct hz_clock *const *clocks, size_t count)
{
	struct publisher all = {0};
	int err = 0;
	for (size_t i = 0; i < count && !err; i++) {
		err = find_epochs(clocks[i]);
		if (!err)
			judge_reports(clocks[i]);
	}
	if (!err)
		err = fit_publisher(clocks, count, &all);
	for (size_t i = 0; i < count && !err; i++) {
		struct publisher own = {0};
		bool alone = count > 1 && all.count && foreign(clocks[i], &all);
		if (alone)
			err = fit_publisher(&clocks[i], 1, &own);
		if (!err)
			err = fit_stream(clocks[i], alone ? &own : &all);
		publisher_done(&own);
	}
	publisher_done(&all);
	return err;
}

int64_t hz_clock_us(const struct hz_clock *clock, int64_t seq, int64_t ts)
{
	int64_t x = to_us(clock, ts);
	size_t low = 0, high = clock->epochs;
	if (!clock->epochs)
		return x;
	while (high - low > 1) {
		size_t mid = (low + high) / 2;
		if (clock->epoch[mid].seq <= seq)
			low = mid;
		else
			high = mid;
	}
	return x + hz_fit_at(&clock->epoch[low].fit, x);
}

void hz_clock_info(const struct hz_clock *clock, struct hz_clock_info *ret)
{
	struct hz_clock_info info = {.reports = (uint32_t)clock->reports,
	                             .epochs = (uint32_t)clock->epochs,
	                             .outliers = clock->outliers};
	int64_t longest = -1;
	for (size_t e = 0; e < clock->epochs; e++) {
		const struct hz_fit *f = &clock->epoch[e].fit;
		int64_t span = f->count ? f->knot[f->count - 1].x - f->knot[0].x : 0;
		if (span <= longest)
			continue;
		longest = span;
		info.from_reports = clock->epoch[e].from_reports;
		info.drift_ppm = -f->slope * 1e6;
	}
	*ret = info;
}
