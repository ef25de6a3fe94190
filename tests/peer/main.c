// hz-peer: real WebRTC endpoints that test a gateway from outside.
//
//   hz-peer room  --url U --consult C --member ID:TOKEN [--member ...] [--codec vp8|h264] [--layers N [--falling]]
//                 [--tcp] [--packets N] [--seconds S] [--report-ms M] [--publishers N] [--copies N]
//                 [--bind ADDRESS] [--clip FILE [--stamp]] [--mix] [--watch ID [--dump FILE]]
//     every member publishes (WHIP) and receives every other member (WHEP); or only the first --publishers do, and each is
//     received --copies times; with --mix the last member receives the consult's `mix` as
//     well, with --watch the source of this id, whose H.264 --dump writes into a file. A JSON line per report; on standard input the line "reset" starts gap and delay
//     measurement anew.
//   hz-peer churn --url U --consult C --member ID:TOKEN [...] --joins N [--hold-ms M]
//     the first member publishes throughout; the others join, stay for M ms once media flows and leave, alternately
//     publishing and receiving the first; every eighth leaves while it still connects. One JSON line at the end.
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "media/transport/dtls.h"
#include "tests/peer/run.h"

static int usage(const char *why)
{
	fprintf(
	    stderr,
	    "hz-peer: %s\nusage: hz-peer room|churn --url U --consult C --member ID:TOKEN ... (see main.c)\n",
	    why);
	return 2;
}

static int add_member(struct options *o, char *text)
{
	char *colon = strchr(text, ':');
	if (!colon || o->member_count == MAX_MEMBERS || colon - text >= 80)
		return -EINVAL;
	struct member *member = &o->members[o->member_count++];
	snprintf(member->id, sizeof(member->id), "%.*s", (int)(colon - text), text);
	member->token = colon + 1;
	return 0;
}

static unsigned *number_of(struct options *o, int c)
{
	switch (c) {
	case 'b':
		return &o->publishers;
	case 'o':
		return &o->copies;
	case 'l':
		return &o->layers;
	case 'p':
		return &o->packets;
	case 's':
		return &o->seconds;
	case 'r':
		return &o->report_ms;
	case 'j':
		return &o->joins;
	case 'h':
		return &o->hold_ms;
	default:
		return NULL;
	}
}

static int read_option(struct options *o, int c)
{
	unsigned *number = number_of(o, c);
	if (number) {
		*number = (unsigned)atoi(optarg);
		return 0;
	}
	switch (c) {
	case 'u':
		o->url = optarg;
		return 0;
	case 'c':
		o->consult = optarg;
		return 0;
	case 'k':
		o->vp8 = strcmp(optarg, "vp8") == 0;
		return 0;
	case 'a':
		o->bind = optarg;
		return 0;
	case 'f':
		o->clip = optarg;
		return 0;
	case 'w':
		o->watch = optarg;
		return 0;
	case 'd':
		o->dump = optarg;
		return 0;
	case 'F':
		o->falling = true;
		return 0;
	case 'S':
		o->stamp = true;
		return 0;
	case 't':
		o->tcp = true;
		return 0;
	case 'x':
		o->mix = true;
		return 0;
	case 'm':
		return add_member(o, optarg);
	default:
		return -EINVAL;
	}
}

static int read_options(int argc, char **argv, struct options *o)
{
	static const struct option known[] = {
	    {"url", 1, NULL, 'u'},     {"consult", 1, NULL, 'c'},   {"member", 1, NULL, 'm'},
	    {"codec", 1, NULL, 'k'},   {"layers", 1, NULL, 'l'},    {"packets", 1, NULL, 'p'},
	    {"seconds", 1, NULL, 's'}, {"report-ms", 1, NULL, 'r'}, {"joins", 1, NULL, 'j'},
	    {"hold-ms", 1, NULL, 'h'}, {"tcp", 0, NULL, 't'},       {"publishers", 1, NULL, 'b'},
	    {"copies", 1, NULL, 'o'},  {"bind", 1, NULL, 'a'},      {"clip", 1, NULL, 'f'},
	    {"stamp", 0, NULL, 'S'},   {"mix", 0, NULL, 'x'},       {"watch", 1, NULL, 'w'},
	    {"dump", 1, NULL, 'd'},    {"falling", 0, NULL, 'F'},   {NULL, 0, NULL, 0},
	};
	*o = (struct options){.layers = 1,
	                      .packets = 4,
	                      .seconds = 10,
	                      .report_ms = 500,
	                      .hold_ms = 200,
	                      .publishers = MAX_MEMBERS,
	                      .copies = 1};
	for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
		if (read_option(o, c) != 0)
			return -EINVAL;
	}
	if (o->publishers > o->member_count)
		o->publishers = o->member_count;
	bool fits = (o->member_count + 1) * o->publishers * o->copies <= MAX_PEERS;
	return o->url && o->consult && o->member_count > 0 && o->packets > 0 && fits ? 0 : -EINVAL;
}

static int run_init(struct run *run)
{
	int fd;
	struct hz_identity *identity;
	int err = run->options.clip ? peer_clip_load(run->options.clip, &run->clip) : 0;
	if (err == 0)
		err = hz_srtp_init();
	if (err == 0)
		err = hz_identity_generate(&fd);
	if (err == 0)
		err = hz_identity_load(fd, &identity);
	if (err != 0)
		return err;
	close(fd);
	hz_identity_fingerprint_text(identity, run->fingerprint);
	err = hz_dtls_ctx_new(identity, &run->dtls);
	hz_identity_free(identity);
	if (err == 0)
		err = hz_http_new(run->options.url, &run->http);
	run->epoll = epoll_create1(EPOLL_CLOEXEC);
	return err;
}

static void run_done(struct run *run)
{
	for (unsigned i = 0; i < run->peer_count; i++)
		peer_free(run->peers[i]);
	peer_clip_free(&run->clip);
	hz_dtls_ctx_free(run->dtls);
	hz_http_free(run->http);
	close(run->epoll);
	hz_srtp_done();
}

int run_open_peer(struct run *run, unsigned at, const struct member *member, const char *source)
{
	const struct options *o = &run->options;
	snprintf(run->paths[at], sizeof(run->paths[at]), source ? "/whep/%s/%s" : "/whip/%s", o->consult,
	         source);
	snprintf(run->names[at], sizeof(run->names[at]), source ? "%s<%s" : "%s", member->id, source);
	struct peer_options options = {
	    .path = run->paths[at],
	    .token = member->token,
	    .name = run->names[at],
	    .bind = o->bind,
	    .publish = source == NULL,
	    .vp8 = o->vp8,
	    .tcp = o->tcp,
	    .layers = o->layers,
	    .packets_a_frame = o->packets,
	    .falling = o->falling,
	    .stamp = o->stamp,
	    .dump = source && o->watch && strcmp(source, o->watch) == 0 ? o->dump : NULL,
	    .clip = o->clip ? &run->clip : NULL,
	};
	int err = peer_new(&options, run->dtls, run->fingerprint, &run->peers[at]);
	if (err != 0)
		return err;
	err = peer_connect(run->peers[at], run->http, hz_now_us());
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = at};
	if (err == 0 && epoll_ctl(run->epoll, EPOLL_CTL_ADD, peer_fd(run->peers[at]), &event) != 0)
		err = -errno;
	if (err != 0) {
		peer_free(run->peers[at]);
		run->peers[at] = NULL;
	}
	return err;
}

void run_turn(struct run *run, int64_t until_us)
{
	struct epoll_event events[64];
	int64_t now = hz_now_us(), next = until_us;
	for (unsigned i = 0; i < run->peer_count; i++) {
		int64_t due = run->peers[i] ? peer_tick(run->peers[i], now) : INT64_MAX;
		next = due < next ? due : next;
	}
	now = hz_now_us();
	struct timespec wait = {0};
	if (next > now)
		wait = (struct timespec){.tv_sec = (next - now) / 1000000,
		                         .tv_nsec = (next - now) % 1000000 * 1000};
	int n = epoll_pwait2(run->epoll, events, 64, &wait, NULL);
	for (int i = 0; i < n; i++)
		if (events[i].data.u32 < MAX_PEERS && run->peers[events[i].data.u32])
			peer_readable(run->peers[events[i].data.u32], hz_now_us());
}

static void report_sink(const struct peer_sink *s, int64_t now, bool first)
{
	printf("%s{\"ssrc\":%u,\"packets\":%llu,\"lost\":%lld,\"bad\":%llu,\"keyframes\":%llu,\"age_ms\":%"
	       "lld,\"gap_ms\":%lld,"
	       "\"p50_us\":%u,\"p99_us\":%u}",
	       first ? "" : ",", s->ssrc, (unsigned long long)s->packets, (long long)peer_sink_lost(s),
	       (unsigned long long)s->bad, (unsigned long long)s->keyframes,
	       (long long)(now - s->last_us) / 1000, (long long)s->max_gap_us / 1000,
	       peer_sink_delay_us(s, 500), peer_sink_delay_us(s, 990));
}

static void report(struct run *run, int64_t now)
{
	printf("{\"peers\":[");
	for (unsigned i = 0; i < run->peer_count; i++) {
		const struct peer_totals *t = peer_totals(run->peers[i]);
		unsigned count;
		struct peer_sink *sinks = peer_sinks(run->peers[i], &count);
		printf("%s{\"name\":\"%s\",\"state\":%d,\"sent\":%llu,\"auth_failed\":%llu,\"index_reused\":%"
		       "llu,\"plis\":%llu,\"connects\":%llu,\"sinks\":[",
		       i ? "," : "", peer_name(run->peers[i]), peer_state(run->peers[i]),
		       (unsigned long long)t->sent, (unsigned long long)t->auth_failed,
		       (unsigned long long)t->index_reused, (unsigned long long)t->plis,
		       (unsigned long long)t->connects);
		for (unsigned k = 0; k < count; k++)
			report_sink(&sinks[k], now, k == 0);
		printf("]}");
	}
	printf("]}\n");
	fflush(stdout);
}

static void read_commands(struct run *run)
{
	char line[256];
	ssize_t n = read(STDIN_FILENO, line, sizeof(line) - 1);
	if (n <= 0)
		return;
	line[n] = '\0';
	if (!strstr(line, "reset"))
		return;
	for (unsigned i = 0; i < run->peer_count; i++) {
		unsigned count;
		struct peer_sink *sinks = peer_sinks(run->peers[i], &count);
		for (unsigned k = 0; k < count; k++)
			peer_sink_reset(&sinks[k], hz_now_us());
	}
}

static int watch(struct run *run, const struct member *member, const struct member *source)
{
	int err = run_open_peer(run, run->peer_count, member, source->id);
	if (err != 0)
		return fprintf(stderr, "hz-peer: %s cannot watch %s: %d\n", member->id, source->id, err), 1;
	run->peer_count++;
	run_turn(run, hz_now_us()); // the others go on meanwhile
	return 0;
}

static int room(struct run *run)
{
	const struct options *o = &run->options;
	for (unsigned i = 0; i < o->publishers; i++) {
		int err = run_open_peer(run, run->peer_count, &o->members[i], NULL);
		if (err != 0)
			return fprintf(stderr, "hz-peer: %s cannot publish: %d\n", o->members[i].id, err), 1;
		run->peer_count++;
	}
	for (int64_t end = hz_now_us() + 1000000; hz_now_us() < end;)
		run_turn(run, end);
	for (unsigned i = 0; i < o->member_count; i++)
		for (unsigned k = 0; k < o->publishers * o->copies; k++) {
			const struct member *source = &o->members[k % o->publishers];
			if (source != &o->members[i] && watch(run, &o->members[i], source) != 0)
				return 1;
		}
	static const struct member mix = {.id = "mix"};
	if (o->mix && watch(run, &o->members[o->member_count - 1], &mix) != 0)
		return 1;
	if (o->watch) {
		struct member other = {.token = NULL};
		snprintf(other.id, sizeof(other.id), "%s", o->watch);
		if (watch(run, &o->members[o->member_count - 1], &other) != 0)
			return 1;
	}
	fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
	int64_t began = hz_now_us(), next = began;
	while (hz_now_us() < began + (int64_t)o->seconds * 1000000) {
		run_turn(run, next);
		read_commands(run);
		if (hz_now_us() >= next) {
			report(run, hz_now_us());
			next += (int64_t)o->report_ms * 1000;
		}
	}
	for (unsigned i = 0; i < run->peer_count; i++)
		peer_disconnect(run->peers[i], run->http);
	return 0;
}

int main(int argc, char **argv)
{
	static struct run run;
	hz_log_init("peer", HZ_LOG_WARN);
	if (argc < 2)
		return usage("room or churn?");
	if (read_options(argc - 1, argv + 1, &run.options) != 0)
		return usage("an option is missing or wrong");
	int err = run_init(&run);
	if (err != 0)
		return usage(strerror(-err));
	int code = strcmp(argv[1], "room") == 0    ? room(&run)
	           : strcmp(argv[1], "churn") == 0 ? run_churn(&run)
	                                           : usage("room or churn?");
	run_done(&run);
	return code;
}
