// What one forwarded packet costs the media worker, and what an object takes of its memory: a real worker process, with
// clients that make real checks, handshakes and SRTP on loopback, without control.
//
//   bench_worker fan  [SUBSCRIBERS] [SECONDS]   one publisher (1 Mb/s video in bursts, Opus) to many
//   bench_worker trio [CONSULTS] [SECONDS]      consults of three, each sees both others
//   ... tap                                     behind any of these two: every track is recorded; somebody empties the tap
//   bench_worker idle [PEERS]                   connected, two idle slots each; memory before, with, and after them
//
// CPU is the worker process's own clock, so it holds the kernel's share of sending on loopback as well. Receivers answer
// with transport-wide feedback every 100 ms. Delay: a time stamp in the payload, read by every tenth receiver.
#include "tests/unit/worker/client.h"

#include "media/rtp/twcc.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>

#define MAX_CLIENTS   2000
#define FRAME_PACKETS 5
#define VIDEO_BYTES   1000
#define AUDIO_BYTES   80
#define FEEDBACK_US   100000
#define MAX_DELAYS    (1u << 20)

struct seat {
	struct client *client;
	struct hz_twcc twcc;
	uint64_t packets;
	uint16_t next;
	bool reads;
};

struct plan {
	unsigned peers, group; // peers of a consult
	bool all_publish, tap;
	unsigned seconds;
};

static struct rig *rig;
static struct seat seats[MAX_CLIENTS];
static struct plan plan;
static unsigned publishers;
static volatile bool stopping;
static uint32_t delays[MAX_DELAYS];
static unsigned delay_count;
static uint64_t received, wrong, tapped;

// --- making the call

static void add_track(uint32_t slot, uint32_t peer, bool video)
{
	union hz_msg t = {.track_set = {.track = HZ_ID(slot, 1),
	                                .peer = HZ_ID(peer, 1),
	                                .kind = video ? HZ_KIND_VIDEO : HZ_KIND_AUDIO,
	                                .layer_count = 1,
	                                .pt_count = 1,
	                                .ssrc = {1000 + slot},
	                                .pt = {{111, 0, HZ_CODEC_OPUS, HZ_PT_TWCC}},
	                                .ext = {.twcc = 3, .audio_level = 1}}};
	t.track_set.flags = plan.tap ? HZ_TRACK_TAP : 0;
	if (video)
		t.track_set.pt[0] = (struct hz_pt){96, 97, HZ_CODEC_VP8, HZ_PT_NACK | HZ_PT_PLI | HZ_PT_TWCC};
	snprintf(t.track_set.mid, HZ_MID_BYTES, "%d", video);
	assert_int_equal(rig_command(rig, &t, HZ_CMD_TRACK_SET, sizeof(t.track_set)), 0);
}

static void add_sub(uint32_t slot, uint32_t peer, hz_id track, bool video)
{
	union hz_msg s = {.sub_set = {.sub = HZ_ID(slot, 1),
	                              .peer = HZ_ID(peer, 1),
	                              .track = track,
	                              .kind = video ? HZ_KIND_VIDEO : HZ_KIND_AUDIO,
	                              .pt_count = 1,
	                              .ssrc = 100000 + 2 * slot,
	                              .rtx_ssrc = video ? 100001 + 2 * slot : 0,
	                              .pt = {{111, 0, HZ_CODEC_OPUS, HZ_PT_TWCC}},
	                              .ext = {.mid = 4, .twcc = 3, .abs_send_time = 2, .audio_level = 1}}};
	if (video)
		s.sub_set.pt[0] = (struct hz_pt){96, 97, HZ_CODEC_VP8, HZ_PT_NACK | HZ_PT_PLI | HZ_PT_TWCC};
	snprintf(s.sub_set.mid, HZ_MID_BYTES, "%u", slot % 100);
	assert_int_equal(rig_command(rig, &s, HZ_CMD_SUB_SET, sizeof(s.sub_set)), 0);
}

static void connect_peers(unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct client *c = seats[i].client = client_new(rig, i);
		int buffer = 4 << 20;
		setsockopt(c->fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof(buffer));
		assert_int_equal(client_set(c, i / plan.group, 0), 0);
		client_connect(c);
		hz_twcc_init(&seats[i].twcc);
		seats[i].reads = i % 10 == 1;
	}
}

static void make_call(void)
{
	unsigned subs = 0;
	connect_peers(plan.peers);
	publishers = plan.all_publish ? plan.peers : 1;
	for (unsigned i = 0; i < publishers; i++) {
		add_track(2 * i, i, false);
		add_track(2 * i + 1, i, true);
	}
	for (unsigned i = 0; i < plan.peers; i++)
		for (unsigned j = 0; j < publishers; j++) {
			if (i == j || i / plan.group != j / plan.group)
				continue;
			add_sub(subs++, i, HZ_ID(2 * j, 1), false);
			add_sub(subs++, i, HZ_ID(2 * j + 1, 1), true);
		}
}

// --- publishing

struct publisher {
	struct client *client;
	uint16_t twcc, seq[2];
	uint32_t ts[2];
	uint32_t ssrc;
};

static void send_packet(struct publisher *p, bool video, bool first, bool last)
{
	static const uint8_t key[] = {0x90, 0x80, 0x01, 0x10, 2, 0, 0x9d, 1, 0x2a, 0x40, 1, 0xf0, 0};
	static const struct hz_ext_ids ids = {.twcc = 3, .audio_level = 1};
	struct hz_rtp_exts exts = {.has = HZ_EXT_TWCC | (video ? 0 : HZ_EXT_AUDIO_LEVEL),
	                           .twcc_seq = p->twcc++,
	                           .audio_level_dbov = p->seq[0] & 63};
	struct hz_rtp_header h = {.ts = p->ts[video],
	                          .ssrc = p->ssrc + video,
	                          .seq = p->seq[video]++,
	                          .pt = video ? 96 : 111,
	                          .marker = last};
	uint8_t *buf = hz_udp_reserve(p->client->tx);
	struct hz_rtp_offsets at;
	int64_t now = hz_now_us();
	assert_int_equal(hz_rtp_write_header(buf, HZ_UDP_MAX_BYTES, &h, &exts, &ids, &at), 0);
	uint8_t *payload = buf + at.header_bytes;
	size_t bytes = video ? VIDEO_BYTES : AUDIO_BYTES;
	memset(payload, 7, bytes);
	if (video) {
		memcpy(payload, key, sizeof(key)); // of one keyframe after the other, or of its continuation
		if (!first)
			payload[0] = 0x80;
	}
	memcpy(payload + bytes - sizeof(now), &now, sizeof(now));
	size_t n = at.header_bytes + bytes;
	assert_int_equal(hz_srtp_protect(p->client->srtp, buf, &n, HZ_UDP_MAX_BYTES), 0);
	hz_udp_commit(p->client->tx, &p->client->path, n);
}

static void publish(struct publisher *p, bool video)
{
	unsigned packets = video ? FRAME_PACKETS : 1;
	for (unsigned i = 0; i < packets; i++)
		send_packet(p, video, i == 0, video && i + 1 == packets);
	p->ts[video] += video ? 3600 : 960;
	hz_udp_flush(p->client->tx);
}

static void *publish_all(void *unused)
{
	static struct publisher all[MAX_CLIENTS];
	(void)unused;
	for (unsigned i = 0; i < publishers; i++)
		all[i] = (struct publisher){.client = seats[i].client, .ssrc = 1000 + 2 * i};
	int64_t began = hz_now_us();
	for (uint64_t step = 0; !stopping; step++) { // of 1 ms; publishers are spread over 40
		int64_t at = began + (int64_t)step * 1000;
		int64_t left = at - hz_now_us();
		if (left > 0)
			usleep((useconds_t)left);
		for (unsigned i = 0; i < publishers; i++) {
			if ((step + 7 * i) % 40 == 0)
				publish(&all[i], true);
			if ((step + 3 * i) % 20 == 5)
				publish(&all[i], false);
		}
	}
	return NULL;
}

// --- receiving

static void read_delay(struct seat *seat, uint8_t *data, size_t bytes)
{
	struct hz_rtp_packet p;
	int64_t sent;
	int64_t now = hz_now_us();
	if (hz_srtp_unprotect(seat->client->srtp, data, &bytes) || hz_rtp_parse(data, bytes, &p)) {
		wrong++;
		return;
	}
	if (p.payload_bytes < sizeof(sent)) // a probe
		return;
	memcpy(&sent, p.payload + p.payload_bytes - sizeof(sent), sizeof(sent));
	if (delay_count < MAX_DELAYS)
		delays[delay_count++] = (uint32_t)(now - sent);
}

static void drain(struct seat *seat)
{
	for (;;) {
		assert_int_equal(hz_udp_receive(seat->client->rx, seat->client->fd), 0);
		int64_t now = hz_now_us();
		for (unsigned i = 0; i < seat->client->rx->count; i++) {
			struct hz_udp_packet *p = &seat->client->rx->packet[i];
			if (hz_demux(p->data, p->bytes) != HZ_DEMUX_RTP)
				continue;
			received++;
			seat->packets++;
			hz_twcc_on_packet(&seat->twcc, seat->next++, now);
			if (seat->reads)
				read_delay(seat, p->data, p->bytes);
		}
		if (seat->client->rx->count < HZ_UDP_BATCH)
			return;
	}
}

static void feed_back(struct seat *seat)
{
	uint8_t buf[1300];
	struct hz_rtcp_writer w;
	hz_rtcp_writer_init(&w, buf, 1200);
	if (hz_rtcp_begin(&w, 77, NULL, 0) || hz_twcc_write(&seat->twcc, &w, 77, 100000))
		return;
	size_t n = w.bytes;
	assert_int_equal(hz_srtp_protect_rtcp(seat->client->srtp, buf, &n, sizeof(buf)), 0);
	client_raw(seat->client, buf, n);
}

static double worker_cpu(void)
{
	clockid_t clock;
	struct timespec t;
	assert_int_equal(clock_getcpuclockid(rig->pid, &clock), 0);
	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void keep_up(int64_t now, int64_t *check_at, int64_t *feedback_at, unsigned *feedback_next)
{
	union hz_msg msg;
	if (now >= *check_at) {
		*check_at = now + 2500000;
		for (unsigned i = 0; i < plan.peers; i++)
			client_check_send(seats[i].client, seats[i].client->pwd, true);
	}
	while (now >= *feedback_at) { // spread over the interval, as real ones are
		feed_back(&seats[(*feedback_next)++ % plan.peers]);
		*feedback_at += FEEDBACK_US / plan.peers;
	}
	while (rig_event(rig, &msg, 0))
		;
}

static void receive_for(double seconds)
{
	int epoll = epoll_create1(0);
	for (unsigned i = 0; i < plan.peers; i++) {
		struct epoll_event e = {.events = EPOLLIN, .data.u32 = i};
		assert_int_equal(epoll_ctl(epoll, EPOLL_CTL_ADD, seats[i].client->fd, &e), 0);
	}
	int64_t end = hz_now_us() + (int64_t)(seconds * 1e6);
	int64_t check_at = 0, feedback_at = hz_now_us();
	unsigned feedback_next = 0;
	for (int64_t now = hz_now_us(); now < end; now = hz_now_us()) {
		struct epoll_event events[64];
		int count = epoll_wait(epoll, events, 64, 1);
		for (int i = 0; i < count; i++)
			drain(&seats[events[i].data.u32]);
		keep_up(hz_now_us(), &check_at, &feedback_at, &feedback_next);
	}
	close(epoll);
}

// --- figures

static unsigned private_kb(void)
{
	char path[64], line[256];
	unsigned kb = 0, sum = 0;
	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", rig->pid);
	FILE *f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Private_Clean: %u", &kb) == 1 ||
		    sscanf(line, "Private_Dirty: %u", &kb) == 1)
			sum += kb;
	if (f)
		fclose(f);
	return sum;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

static void tell_memory(const char *when)
{
	printf("%-24s private %6u kB\n", when, private_kb());
}

// As the recorder does, but for writing.
static void *empty_tap(void *unused)
{
	uint8_t buf[HZ_RING_RECORD_BYTES];
	struct hz_ring_record record;
	size_t bytes;
	while (!stopping) {
		while (hz_ring_take(&rig->tap, &record, buf, &bytes) == 1)
			tapped++;
		usleep(25000);
	}
	return NULL;
}

static void run_call(void)
{
	pthread_t thread, tap;
	tell_memory("empty");
	make_call();
	tell_memory("connected");
	pthread_create(&thread, NULL, publish_all, NULL);
	pthread_create(&tap, NULL, empty_tap, NULL);
	receive_for(1.0); // keyframes, layers, tables
	uint64_t before = received;
	double cpu = worker_cpu(), best = 1e9;
	delay_count = 0;
	for (unsigned i = 0; i < plan.seconds; i++) { // the cheapest second is the least disturbed by others
		uint64_t packets = received;
		double second = worker_cpu();
		receive_for(1.0);
		second = 1e6 * (worker_cpu() - second) / (double)(received - packets);
		best = second < best ? second : best;
	}
	cpu = worker_cpu() - cpu;
	uint64_t packets = received - before;
	stopping = true;
	pthread_join(thread, NULL);
	pthread_join(tap, NULL);
	tell_memory("with media");
	qsort(delays, delay_count, sizeof(delays[0]), compare);
	uint64_t expected =
	    (uint64_t)plan.seconds * 175 * publishers * (plan.all_publish ? plan.group - 1 : plan.peers - 1);
	printf("peers %u, forwarded %llu of about %llu, worker %.1f %% of a core\n", plan.peers,
	       (unsigned long long)packets, (unsigned long long)expected, 100 * cpu / plan.seconds);
	printf("CPU per forwarded packet %.2f us, in the best second %.2f us\n", 1e6 * cpu / (double)packets,
	       best);
	if (tapped)
		printf("tapped %llu\n", (unsigned long long)tapped);
	if (delay_count)
		printf("delay us: p50 %u p95 %u p99 %u max %u (%llu undecryptable)\n",
		       delays[delay_count / 2], delays[delay_count * 95ull / 100],
		       delays[delay_count * 99ull / 100], delays[delay_count - 1], (unsigned long long)wrong);
}

static void run_idle(void)
{
	tell_memory("empty");
	connect_peers(plan.peers);
	tell_memory("connected");
	for (unsigned i = 0; i < 2 * plan.peers; i++)
		add_sub(i, i / 2, 0, i & 1);
	tell_memory("with two idle slots");
	sleep(24); // 10 s until the last one rests, 10 s at most until memory is given back
	tell_memory("at rest");
	for (unsigned i = 0; i < plan.peers; i++) {
		union hz_msg d = {.peer_del = {.peer = HZ_ID(i, 1)}};
		assert_int_equal(rig_command(rig, &d, HZ_CMD_PEER_DEL, sizeof(d.peer_del)), 0);
	}
	sleep(12);
	tell_memory("gone");
}

int main(int argc, char **argv)
{
	struct rlimit files = {8192, 8192};
	const char *mode = argc > 1 ? argv[1] : "fan";
	unsigned count = argc > 2 ? (unsigned)atoi(argv[2]) : 0;
	plan = (struct plan){.seconds = argc > 3 ? (unsigned)atoi(argv[3]) : 8};
	plan.tap = argc > 4 && !strcmp(argv[4], "tap");
	setrlimit(RLIMIT_NOFILE, &files);
	hz_srtp_init();
	rig = rig_new(0);
	(void)rig_expect(rig, HZ_EV_HELLO);
	printf("worker %d\n", rig->pid);
	fflush(stdout);
	if (!strcmp(mode, "trio")) {
		plan.group = 3;
		plan.peers = 3 * (count ? count : 20);
		plan.all_publish = true;
	} else {
		plan.peers = (count ? count : 100) + (strcmp(mode, "idle") ? 1 : 0);
		plan.group = plan.peers;
	}
	if (plan.peers > MAX_CLIENTS)
		return 2;
	if (!strcmp(mode, "idle"))
		run_idle();
	else
		run_call();
	return rig_stop(rig);
}
