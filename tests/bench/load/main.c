// hz-load: many real WebRTC endpoints in one thread, to measure a server with. It does not signal: a driver
// (tests/bench/*.ts) writes commands to its standard input and reads JSON lines from its standard output.
//
//   hz-load --peers N [--video-bps B] [--audio-bytes N]
//     {"event":"hello","fingerprint":..,"peers":[{"port","ufrag","pwd","audio","video"},..]}    SSRCs of what it sends
//   connect N ...   see command.h; then {"event":"running"|"media"|"picture"|"failed","peer":N, times in us since start}
//   close N         says goodbye, frees, opens a fresh endpoint in its place: {"event":"fresh",...}
//   vanish N        the same without saying anything
//   impair PERMILLE so many datagrams are lost, each way, and as many RTP packets change places
//   mark            begins a measurement
//   report          {"event":"report",...}: since the mark
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/sock_diag.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/log.h"
#include "media/transport/identity.h"
#include "tests/bench/load/command.h"

#define MAX_PEERS  4096
#define KEEP_US    5000 // between housekeeping rounds
#define STDIN_MARK UINT32_MAX
#define LINE_BYTES 65536

struct load {
	struct load_world world; // first: on_change() finds the rest by it
	char fingerprint[HZ_FINGERPRINT_TEXT_BYTES];
	int epoll;
	struct load_peer *peers[MAX_PEERS];
	unsigned peer_count;
	bool sends[MAX_PEERS];
	uint32_t drops_mark;
	char line[LINE_BYTES];
	size_t line_bytes;
	bool quit;
};

static void print_endpoint(const struct load_peer *peer)
{
	const struct load_source *source = load_peer_source(peer);
	printf("\"port\":%u,\"ufrag\":\"%s\",\"pwd\":\"%s\",\"audio\":%u,\"video\":%u", load_peer_port(peer),
	       load_peer_ufrag(peer), load_peer_pwd(peer), source->audio.ssrc, source->video.ssrc);
}

static long long since(const struct load_times *t, int64_t at_us)
{
	return at_us ? (long long)(at_us - t->start_us) : -1;
}

static const char *stage(const struct load_peer *peer)
{
	const struct load_times *t = load_peer_times(peer);
	if (load_peer_state(peer) == LOAD_FAILED)
		return "failed";
	return t->key_us ? "picture" : t->rtp_us ? "media" : "running";
}

static void on_change(struct load_world *world, struct load_peer *peer)
{
	const struct load_times *t = load_peer_times(peer);
	(void)world;
	printf("{\"event\":\"%s\",\"peer\":%u,\"profile\":%u,\"connect_us\":%lld,\"ice_us\":%lld,\"dtls_us\":"
	       "%lld,"
	       "\"rtp_us\":%lld,\"picture_us\":%lld}\n",
	       stage(peer), load_peer_number(peer), load_peer_profile(peer), since(t, t->connect_us),
	       since(t, t->ice_us), since(t, t->dtls_us), since(t, t->rtp_us), since(t, t->key_us));
}

static int open_peer(struct load *load, unsigned number)
{
	int err = load_peer_new(&load->world, number, &load->peers[number]);
	if (err != 0)
		return err;
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = number};
	return epoll_ctl(load->epoll, EPOLL_CTL_ADD, load_peer_fd(load->peers[number]), &event) == 0 ? 0
	                                                                                             : -errno;
}

static int init(struct load *load, unsigned peers)
{
	int fd;
	struct hz_identity *identity;
	struct rlimit files = {.rlim_cur = MAX_PEERS + 100, .rlim_max = MAX_PEERS + 100};
	if (setrlimit(RLIMIT_NOFILE, &files) != 0 && getrlimit(RLIMIT_NOFILE, &files) == 0) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	int err = hz_srtp_init();
	if (err == 0)
		err = hz_identity_generate(&fd);
	if (err != 0)
		return err;
	err = hz_identity_load(fd, &identity);
	close(fd);
	if (err != 0)
		return err;
	hz_identity_fingerprint_text(identity, load->fingerprint);
	err = hz_dtls_ctx_new(identity, &load->world.dtls);
	hz_identity_free(identity);
	load->world.on_change = on_change;
	load->epoll = epoll_create1(EPOLL_CLOEXEC);
	for (; err == 0 && load->peer_count < peers; load->peer_count += err == 0)
		err = open_peer(load, load->peer_count);
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = STDIN_MARK};
	fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
	if (err == 0 && epoll_ctl(load->epoll, EPOLL_CTL_ADD, STDIN_FILENO, &event) != 0)
		err = -errno;
	load_measure_mark(&load->world.measure, hz_now_us());
	return err;
}

static void say_hello(const struct load *load)
{
	printf("{\"event\":\"hello\",\"fingerprint\":\"%s\",\"peers\":[", load->fingerprint);
	for (unsigned i = 0; i < load->peer_count; i++) {
		printf("%s{", i ? "," : "");
		print_endpoint(load->peers[i]);
		printf("}");
	}
	printf("]}\n");
}

// Datagrams that the kernel dropped because our receive buffers were full: then we are the limit, not the server.
static uint32_t socket_drops(const struct load *load)
{
	uint32_t total = 0;
	for (unsigned i = 0; i < load->peer_count; i++) {
		uint32_t info[SK_MEMINFO_VARS] = {0};
		socklen_t bytes = sizeof(info);
		if (getsockopt(load_peer_fd(load->peers[i]), SOL_SOCKET, SO_MEMINFO, info, &bytes) == 0)
			total += info[SK_MEMINFO_DROPS];
	}
	return total;
}

static void mark(struct load *load)
{
	for (unsigned i = 0; i < load->peer_count; i++) {
		unsigned count;
		struct load_sink *sinks = load_peer_sinks(load->peers[i], &count);
		for (unsigned k = 0; k < count; k++)
			load_sink_mark(&sinks[k]);
	}
	load->drops_mark = socket_drops(load);
	load_measure_mark(&load->world.measure, hz_now_us());
}

#define FIELD(name) printf(",\"" #name "\":%llu", (unsigned long long)t->name)

static void report(struct load *load)
{
	const struct load_measure *m = &load->world.measure;
	const struct load_totals *t = &m->totals;
	long long lost = 0;
	unsigned running = 0, failed = 0, streams = 0, silent = 0, dark = 0;
	int64_t wall_us = hz_now_us() - m->mark_us, cpu_us = load_cpu_us() - m->mark_cpu_us;
	for (unsigned i = 0; i < load->peer_count; i++) {
		unsigned count;
		struct load_sink *sinks = load_peer_sinks(load->peers[i], &count);
		running += load_peer_state(load->peers[i]) == LOAD_RUNNING;
		failed += load_peer_state(load->peers[i]) == LOAD_FAILED;
		for (unsigned k = 0; k < count; k++) {
			lost += load_sink_lost(&sinks[k]);
			streams++;
			silent += !load_sink_heard(&sinks[k]);
			dark += sinks[k].video && !sinks[k].decodable;
		}
	}
	printf("{\"event\":\"report\",\"seconds\":%.3f,\"load_cpu_s\":%.4f,\"running\":%u,\"failed\":%u,"
	       "\"streams\":%u,\"silent\":%u,\"dark\":%u,\"lost\":%lld,\"socket_drops\":%u",
	       (double)wall_us / 1e6, (double)cpu_us / 1e6, running, failed, streams, silent, dark, lost,
	       socket_drops(load) - load->drops_mark);
	FIELD(sent);
	FIELD(received);
	FIELD(video);
	FIELD(audio);
	FIELD(bytes);
	FIELD(repaired);
	FIELD(duplicates);
	FIELD(keyframes);
	FIELD(auth_failed);
	FIELD(plis_sent);
	FIELD(plis_received);
	FIELD(nacks_sent);
	FIELD(nacks_received);
	FIELD(feedbacks);
	FIELD(twcc);
	FIELD(send_failed);
	FIELD(oldest_us);
	FIELD(newest_us);
	printf(",\"p50_us\":%lld,\"p95_us\":%lld,\"p99_us\":%lld,\"worst_us\":%lld}\n",
	       (long long)load_histogram_us(&m->delay, 500), (long long)load_histogram_us(&m->delay, 950),
	       (long long)load_histogram_us(&m->delay, 990), (long long)m->delay.worst_us);
}

static int reopen(struct load *load, unsigned number, bool goodbye)
{
	load_peer_free(load->peers[number], goodbye); // its socket leaves the epoll set with it
	load->peers[number] = NULL;
	load->sends[number] = false;
	int err = open_peer(load, number);
	if (err != 0)
		return err;
	printf("{\"event\":\"fresh\",\"peer\":%u,", number);
	print_endpoint(load->peers[number]);
	printf("}\n");
	return 0;
}

static int obey(struct load *load, char *line)
{
	char *rest;
	struct load_setup setup;
	if (strcmp(line, "mark") == 0)
		return mark(load), 0;
	if (strcmp(line, "report") == 0)
		return report(load), 0;
	char *space = strchr(line, ' ');
	if (!space)
		return -EINVAL;
	*space = '\0';
	unsigned long number = strtoul(space + 1, &rest, 10);
	if (strcmp(line, "impair") == 0)
		return load->world.loss_permille = (unsigned)number, 0;
	bool goodbye = strcmp(line, "close") == 0;
	if (number >= load->peer_count)
		return -EINVAL;
	if (goodbye || strcmp(line, "vanish") == 0)
		return reopen(load, (unsigned)number, goodbye);
	if (strcmp(line, "connect") != 0)
		return -EINVAL;
	int err = load_command_connect(rest, &setup);
	if (err == 0)
		err = load_peer_connect(load->peers[number], &setup, hz_now_us());
	load->sends[number] = err == 0 && load_peer_sends(load->peers[number]);
	return err;
}

static void read_commands(struct load *load)
{
	ssize_t n = read(STDIN_FILENO, load->line + load->line_bytes, LINE_BYTES - 1 - load->line_bytes);
	if (n == 0)
		load->quit = true;
	if (n <= 0)
		return;
	load->line_bytes += (size_t)n;
	char *at = load->line, *end;
	while ((end = memchr(at, '\n', load->line_bytes - (size_t)(at - load->line)))) {
		*end = '\0';
		int err = obey(load, at);
		if (err != 0)
			printf("{\"event\":\"error\",\"error\":\"%s\"}\n", strerror(-err));
		at = end + 1;
	}
	load->line_bytes -= (size_t)(at - load->line);
	memmove(load->line, at, load->line_bytes);
	if (load->line_bytes == LINE_BYTES - 1)
		load->quit = true; // no command is that long
}

static int64_t send_media(struct load *load)
{
	int64_t next = INT64_MAX;
	for (unsigned i = 0; i < load->peer_count; i++) {
		int64_t due = load->sends[i] ? load_peer_send(load->peers[i], hz_now_us()) : INT64_MAX;
		next = due < next ? due : next;
	}
	return next;
}

static void turn(struct load *load, int64_t *keep_us)
{
	struct epoll_event events[256];
	int64_t next = send_media(load), now = hz_now_us();
	if (now >= *keep_us) {
		for (unsigned i = 0; i < load->peer_count; i++)
			load_peer_keep(load->peers[i], now);
		*keep_us = now + KEEP_US;
		now = hz_now_us();
	}
	next = *keep_us < next ? *keep_us : next;
	int64_t left = next > now ? next - now : 0;
	struct timespec wait = {.tv_sec = left / 1000000, .tv_nsec = left % 1000000 * 1000};
	fflush(stdout);
	int n = epoll_pwait2(load->epoll, events, 256, &wait, NULL);
	now = hz_now_us();
	for (int i = 0; i < n; i++) {
		if (events[i].data.u32 == STDIN_MARK)
			read_commands(load);
		else if (events[i].data.u32 < load->peer_count)
			load_peer_readable(load->peers[events[i].data.u32], now);
	}
}

int main(int argc, char **argv)
{
	static struct load load;
	static const struct option known[] = {{"peers", 1, NULL, 'p'},
	                                      {"video-bps", 1, NULL, 'v'},
	                                      {"audio-bytes", 1, NULL, 'a'},
	                                      {NULL, 0, NULL, 0}};
	unsigned peers = 1, video_bps = 1000000;
	load.world.rates.audio_bytes = 100;
	load.world.rates.packet_bytes = 1100;
	for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
		unsigned value = c == '?' ? 0 : (unsigned)strtoul(optarg, NULL, 10);
		if (c == 'p')
			peers = value;
		else if (c == 'v')
			video_bps = value;
		else if (c == 'a')
			load.world.rates.audio_bytes = value;
	}
	if (peers < 1 || peers > MAX_PEERS || video_bps < 50000 || load.world.rates.audio_bytes > 1000)
		return fprintf(stderr, "usage: hz-load --peers 1..%d [--video-bps B] [--audio-bytes N]\n",
		               MAX_PEERS),
		       2;
	load.world.rates.frame_bytes = video_bps / 8 / 30;
	hz_log_init("load", HZ_LOG_WARN);
	int err = init(&load, peers);
	if (err != 0)
		return fprintf(stderr, "hz-load: %s\n", strerror(-err)), 1;
	say_hello(&load);
	for (int64_t keep_us = 0; !load.quit;)
		turn(&load, &keep_us);
	for (unsigned i = 0; i < load.peer_count; i++)
		load_peer_free(load.peers[i], true);
	hz_dtls_ctx_free(load.world.dtls);
	hz_srtp_done();
	return 0;
}
