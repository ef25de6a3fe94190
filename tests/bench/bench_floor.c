// The cheapest protect-and-send on this machine: CPU microseconds a packet, to 100 destinations over loopback, in the
// shape that a relay sends (as in `./dev bench relay`: a frame of 4 packets to every destination 30 times a second,
// and one audio packet 50 times a second). The receivers drain
// their sockets in a process of their own, whose time is not counted; on loopback the kernel's receive work, up to the
// receiver's socket, is charged to the sender, here as for a server.
//
//   bench_floor [--quick] [--json FILE]
//
// Ways: AES-GCM alone; then with it sendto, sendmmsg and io_uring of single packets, packet by packet over the
// destinations or a frame for each destination; and UDP_SEGMENT: a frame's packets to one destination in one send. For
// comparison a connected socket for each destination, which spares the kernel the route, at a call for each.
// The sender is bound to the first core, the receivers to the second, and sends 30 frames a second's worth in bursts
// with pauses, so that the receivers keep up; pauses cost nothing. The last two are sent as in life: each frame and each
// sound packet when it is due, with the CPU of going to sleep and being woken in between, and of what is cold by then.
#include <errno.h>
#include <linux/udp.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>

#ifdef HZ_HAVE_URING
#include <liburing.h>
#endif

#define DESTINATIONS 100
#define FRAME        4    // packets
#define HEADER       28   // RTP with extensions
#define PAYLOAD      1050 // 1 Mb/s at 30 frames a second
#define TAG          16
#define BYTES        (HEADER + PAYLOAD + TAG)
#define AUDIO        FRAME // index of the audio packet
#define AUDIO_BYTES  (HEADER + 100 + TAG)
#define KINDS        (FRAME + 1)
#define PAUSE_US     2000

struct floor {
	int fd, connected[DESTINATIONS];
	struct sockaddr_in to[DESTINATIONS];
	EVP_CIPHER_CTX *cipher[DESTINATIONS]; // a key for each destination, kept
	uint8_t plain[KINDS][BYTES];
	uint8_t out[DESTINATIONS][KINDS][BYTES];
	uint64_t index;
	uint64_t *received; // shared with the receivers
	uint64_t sent, failed;
#ifdef HZ_HAVE_URING
	struct io_uring ring;
#endif
};

static void check(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "bench_floor: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void bind_to_core(int core)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(core, &set);
	(void)sched_setaffinity(0, sizeof(set), &set); // one core only: then they share it
}

// --- receivers

static void drain(int fd, uint64_t *received)
{
	static uint8_t data[32][2048];
	struct mmsghdr messages[32];
	struct iovec iov[32];
	int n;
	do {
		memset(messages, 0, sizeof(messages));
		for (int i = 0; i < 32; i++) {
			iov[i] = (struct iovec){.iov_base = data[i], .iov_len = sizeof(data[i])};
			messages[i].msg_hdr.msg_iov = &iov[i];
			messages[i].msg_hdr.msg_iovlen = 1;
		}
		n = recvmmsg(fd, messages, 32, MSG_DONTWAIT, NULL);
		if (n > 0)
			*received += (uint64_t)n;
	} while (n == 32);
}

static void receive_forever(const int *fds, uint64_t *received)
{
	struct epoll_event events[DESTINATIONS];
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	bind_to_core(1);
	for (int i = 0; i < DESTINATIONS; i++) {
		struct epoll_event event = {.events = EPOLLIN, .data.fd = fds[i]};
		check(epoll_ctl(epoll, EPOLL_CTL_ADD, fds[i], &event) == 0, "epoll_ctl");
	}
	for (;;) {
		int n = epoll_wait(epoll, events, DESTINATIONS, -1);
		for (int i = 0; i < n; i++)
			drain(events[i].data.fd, received);
	}
}

static pid_t start_receivers(struct floor *f)
{
	int fds[DESTINATIONS], bytes = 4 << 20;
	f->received = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	check(f->received != MAP_FAILED, "mmap");
	for (int i = 0; i < DESTINATIONS; i++) {
		socklen_t size = sizeof(f->to[i]);
		f->to[i] =
		    (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
		fds[i] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		check(fds[i] >= 0 && bind(fds[i], (struct sockaddr *)&f->to[i], size) == 0 &&
		          getsockname(fds[i], (struct sockaddr *)&f->to[i], &size) == 0,
		      "receiver");
		(void)setsockopt(fds[i], SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	}
	pid_t pid = fork();
	check(pid >= 0, "fork");
	if (pid == 0)
		receive_forever(fds, f->received);
	for (int i = 0; i < DESTINATIONS; i++)
		close(fds[i]);
	return pid;
}

// --- the work: protect packets first .. first + count - 1 for each destination, and send them

static size_t bytes_of(int packet)
{
	return packet == AUDIO ? AUDIO_BYTES : BYTES;
}

static void protect_one(struct floor *f, int destination, int packet)
{
	uint8_t nonce[12] = {0}, *out = f->out[destination][packet];
	int n, payload = (int)bytes_of(packet) - HEADER - TAG;
	memcpy(nonce + 4, &f->index, sizeof(f->index));
	f->index++;
	memcpy(out, f->plain[packet], HEADER);
	EVP_CIPHER_CTX *c = f->cipher[destination];
	bool good = EVP_EncryptInit_ex(c, NULL, NULL, NULL, nonce) == 1 &&
	            EVP_EncryptUpdate(c, NULL, &n, out, HEADER) == 1 &&
	            EVP_EncryptUpdate(c, out + HEADER, &n, f->plain[packet] + HEADER, payload) == 1 &&
	            EVP_EncryptFinal_ex(c, out + HEADER + payload, &n) == 1 &&
	            EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, TAG, out + HEADER + payload) == 1;
	check(good, "AES-GCM");
}

static void way_protect(struct floor *f, int first, int count)
{
	for (int p = first; p < first + count; p++)
		for (int d = 0; d < DESTINATIONS; d++)
			protect_one(f, d, p);
	f->sent += (unsigned)(DESTINATIONS * count);
}

static void way_sendto(struct floor *f, int first, int count)
{
	for (int p = first; p < first + count; p++)
		for (int d = 0; d < DESTINATIONS; d++) {
			protect_one(f, d, p);
			ssize_t n = sendto(f->fd, f->out[d][p], bytes_of(p), 0, (struct sockaddr *)&f->to[d],
			                   sizeof(f->to[d]));
			*(n > 0 ? &f->sent : &f->failed) += 1;
		}
}

static void fill(struct floor *f, struct mmsghdr *message, struct iovec *iov, int destination, int packet)
{
	*iov = (struct iovec){.iov_base = f->out[destination][packet], .iov_len = bytes_of(packet)};
	memset(message, 0, sizeof(*message));
	message->msg_hdr.msg_name = &f->to[destination];
	message->msg_hdr.msg_namelen = sizeof(f->to[destination]);
	message->msg_hdr.msg_iov = iov;
	message->msg_hdr.msg_iovlen = 1;
}

static void send_all(struct floor *f, int fd, struct mmsghdr *messages, unsigned count, unsigned packets_each)
{
	for (unsigned at = 0; at < count;) {
		int n = sendmmsg(fd, messages + at, count - at, 0);
		f->sent += n > 0 ? (unsigned)n * packets_each : 0;
		f->failed += n > 0 ? 0 : packets_each;
		at += n > 0 ? (unsigned)n : 1;
	}
}

static void way_sendmmsg(struct floor *f, int first, int count)
{
	struct mmsghdr messages[DESTINATIONS];
	struct iovec iov[DESTINATIONS];
	for (int p = first; p < first + count; p++) {
		for (int d = 0; d < DESTINATIONS; d++) {
			protect_one(f, d, p);
			fill(f, &messages[d], &iov[d], d, p);
		}
		send_all(f, f->fd, messages, DESTINATIONS, 1);
	}
}

// Destination by destination: route, socket and key are warm for a frame's second packet.
static void way_frames(struct floor *f, int first, int count)
{
	struct mmsghdr messages[DESTINATIONS * FRAME];
	struct iovec iov[DESTINATIONS * FRAME];
	unsigned n = 0;
	for (int d = 0; d < DESTINATIONS; d++)
		for (int p = first; p < first + count; p++, n++) {
			protect_one(f, d, p);
			fill(f, &messages[n], &iov[n], d, p);
		}
	send_all(f, f->fd, messages, n, 1);
}

static void way_connected(struct floor *f, int first, int count)
{
	struct mmsghdr messages[FRAME];
	struct iovec iov[FRAME];
	for (int d = 0; d < DESTINATIONS; d++) {
		for (int p = first; p < first + count; p++) {
			protect_one(f, d, p);
			fill(f, &messages[p - first], &iov[p - first], d, p);
			messages[p - first].msg_hdr.msg_name = NULL;
			messages[p - first].msg_hdr.msg_namelen = 0;
		}
		send_all(f, f->connected[d], messages, (unsigned)count, 1);
	}
}

static void way_segment(struct floor *f, int first, int count)
{
	struct mmsghdr messages[DESTINATIONS];
	struct iovec iov[DESTINATIONS];
	static _Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(uint16_t))];
	struct cmsghdr *c = (struct cmsghdr *)(void *)control;
	uint16_t segment = BYTES;
	c->cmsg_level = IPPROTO_UDP;
	c->cmsg_type = UDP_SEGMENT;
	c->cmsg_len = CMSG_LEN(sizeof(segment));
	memcpy(CMSG_DATA(c), &segment, sizeof(segment));
	for (int d = 0; d < DESTINATIONS; d++) {
		for (int p = first; p < first + count; p++)
			protect_one(f, d, p);
		fill(f, &messages[d], &iov[d], d, first);
		if (count == 1)
			continue;
		iov[d].iov_len = (size_t)count * BYTES;
		messages[d].msg_hdr.msg_control = control;
		messages[d].msg_hdr.msg_controllen = sizeof(control);
	}
	send_all(f, f->fd, messages, DESTINATIONS, (unsigned)count);
}

#ifdef HZ_HAVE_URING
static void reap(struct floor *f, unsigned count)
{
	struct io_uring_cqe *cqe;
	for (unsigned i = 0; i < count && io_uring_wait_cqe(&f->ring, &cqe) == 0; i++) {
		*(cqe->res > 0 ? &f->sent : &f->failed) += 1;
		io_uring_cqe_seen(&f->ring, cqe);
	}
}

static void way_uring(struct floor *f, int first, int count)
{
	struct mmsghdr messages[DESTINATIONS * FRAME];
	struct iovec iov[DESTINATIONS * FRAME];
	int n = 0;
	for (int d = 0; d < DESTINATIONS; d++)
		for (int p = first; p < first + count; p++, n++) {
			protect_one(f, d, p);
			fill(f, &messages[n], &iov[n], d, p);
			struct io_uring_sqe *sqe = io_uring_get_sqe(&f->ring);
			check(sqe != NULL, "io_uring_get_sqe");
			io_uring_prep_sendmsg(sqe, 0, &messages[n].msg_hdr, 0);
			sqe->flags |= IOSQE_FIXED_FILE;
		}
	check(io_uring_submit_and_wait(&f->ring, (unsigned)n) == n, "io_uring_submit");
	reap(f, (unsigned)n);
}
#endif

// A tenth of a second of traffic is 3 frames and 5 audio packets.
static void round_of(struct floor *f, void (*way)(struct floor *, int, int), unsigned number)
{
	way(f, 0, FRAME);
	for (unsigned i = 0; i < (number % 3 == 2 ? 1u : 2u); i++)
		way(f, AUDIO, 1);
}

// --- measuring

static double cpu_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

struct result {
	const char *key, *what;
	double us; // CPU of the sender for each packet; the median of the passes
	double lost_percent;
};

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

static void measure(struct floor *f, void (*way)(struct floor *, int, int), bool sends, unsigned rounds,
                    struct result *ret)
{
	enum { PASSES = 5 };
	double us[PASSES];
	uint64_t before = *f->received;
	const struct timespec pause = {.tv_nsec = PAUSE_US * 1000};
	f->sent = f->failed = 0;
	for (int pass = 0; pass < PASSES; pass++) {
		double spent = 0;
		uint64_t sent = f->sent;
		for (unsigned i = 0; i < rounds; i++) {
			double start = cpu_us();
			round_of(f, way, i);
			spent += cpu_us() - start;
			if (sends)
				nanosleep(&pause, NULL);
		}
		us[pass] = f->sent > sent ? spent / (double)(f->sent - sent) : 0;
	}
	qsort(us, PASSES, sizeof(us[0]), by_value);
	ret->us = us[PASSES / 2];
	for (int i = 0; sends && i < 100 && *f->received - before < f->sent; i++)
		nanosleep(&pause, NULL);
	ret->lost_percent =
	    sends && f->sent ? 100 - 100 * (double)(*f->received - before) / (double)f->sent : 0;
	if (f->failed)
		fprintf(stderr, "bench_floor: %s: %llu sends failed\n", ret->key,
		        (unsigned long long)f->failed);
}

// Every packet when it is due, `seconds` long: on a grid of 10 ms a sound packet each 20 ms and a frame each 30 or 40 ms.
static void measure_paced(struct floor *f, void (*way)(struct floor *, int, int), unsigned seconds,
                          struct result *ret)
{
	struct timespec due;
	uint64_t before = *f->received;
	f->sent = f->failed = 0;
	double start = cpu_us();
	clock_gettime(CLOCK_MONOTONIC, &due);
	for (unsigned tick = 0; tick < 100 * seconds; tick++) {
		due.tv_nsec += 10 * 1000 * 1000;
		if (due.tv_nsec >= 1000 * 1000 * 1000) {
			due.tv_nsec -= 1000 * 1000 * 1000;
			due.tv_sec++;
		}
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
		if (tick % 10 == 1 || tick % 10 == 5 || tick % 10 == 8)
			way(f, 0, FRAME);
		if (tick % 2 == 0)
			way(f, AUDIO, 1);
	}
	ret->us = f->sent ? (cpu_us() - start) / (double)f->sent : 0;
	ret->lost_percent = f->sent ? 100 - 100 * (double)(*f->received - before) / (double)f->sent : 0;
}

static void init(struct floor *f)
{
	uint8_t key[16];
	int bytes = 8 << 20;
	f->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	check(f->fd >= 0, "socket");
	if (setsockopt(f->fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) != 0)
		(void)setsockopt(f->fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
	memset(f->plain, 0x55, sizeof(f->plain));
	for (int i = 0; i < DESTINATIONS; i++) {
		memset(key, i, sizeof(key));
		f->cipher[i] = EVP_CIPHER_CTX_new();
		check(f->cipher[i] &&
		          EVP_EncryptInit_ex(f->cipher[i], EVP_aes_128_gcm(), NULL, key, NULL) == 1,
		      "cipher");
	}
}

static void connect_all(struct floor *f)
{
	for (int i = 0; i < DESTINATIONS; i++) {
		f->connected[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		check(f->connected[i] >= 0 &&
		          connect(f->connected[i], (const struct sockaddr *)&f->to[i], sizeof(f->to[i])) == 0,
		      "connect");
	}
}

// Why io_uring cannot be measured here, or NULL.
static const char *start_uring(struct floor *f)
{
#ifdef HZ_HAVE_URING
	int err = io_uring_queue_init(512, &f->ring, 0);
	if (err == 0)
		err = io_uring_register_files(&f->ring, &f->fd, 1);
	return err == 0 ? NULL : strerror(-err);
#else
	return "built without liburing";
#endif
}

static void print(const struct result *results, size_t count, const char *uring, const char *file)
{
	double single = 0, paced = 0;
	for (size_t i = 0; i < count; i++) {
		const struct result *r = &results[i];
		printf("%-50s %6.2f us a packet%s", r->what, r->us, r->lost_percent > 0.01 ? "" : "\n");
		if (r->lost_percent > 0.01)
			printf("   (%.1f %% not received)\n", r->lost_percent);
		bool one_each = strncmp(r->key, "send", 4) == 0 || strcmp(r->key, "uring") == 0;
		if (one_each && (single == 0 || r->us < single))
			single = r->us;
		if (strcmp(r->key, "paced") == 0)
			paced = r->us;
	}
	if (uring)
		printf("%-50s refused: %s\n", "io_uring sendmsg", uring);
	printf("the floor of one packet for each destination: %.2f us; when each is due: %.2f us\n", single,
	       paced);
	FILE *json = file ? fopen(file, "we") : NULL;
	if (!json)
		return;
	fprintf(json,
	        "{\"destinations\": %d, \"frame_packets\": %d, \"packet_bytes\": %d, \"io_uring\": \"%s\",\n",
	        DESTINATIONS, FRAME, BYTES, uring ? uring : "used");
	for (size_t i = 0; i < count; i++)
		fprintf(json, " \"%s_us\": %.3f,\n", results[i].key, results[i].us);
	fprintf(json, " \"floor_single_us\": %.3f, \"floor_paced_us\": %.3f}\n", single, paced);
	fclose(json);
}

int main(int argc, char **argv)
{
	static struct floor f;
	const char *file = NULL;
	unsigned rounds = 120;
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--quick") == 0)
			rounds = 30;
		else if (strcmp(argv[i], "--json") == 0 && i + 1 < argc)
			file = argv[++i];
		else
			return fprintf(stderr, "usage: bench_floor [--quick] [--json FILE]\n"), 2;
	}
	init(&f);
	pid_t receivers = start_receivers(&f);
	bind_to_core(0);
	connect_all(&f);
	const char *uring = start_uring(&f);
	static const struct {
		const char *key, *what;
		void (*way)(struct floor *, int, int);
		bool sends;
	} ways[] = {
	    {"protect", "AES-GCM alone", way_protect, false},
	    {"sendto", "and sendto", way_sendto, true},
	    {"sendmmsg", "and sendmmsg, packet by packet", way_sendmmsg, true},
	    {"sendmmsg_frames", "and sendmmsg, destination by destination", way_frames, true},
#ifdef HZ_HAVE_URING
	    {"uring", "and io_uring sendmsg, destination by destination", way_uring, true},
#endif
	    {"connected", "(connected sockets, sendmmsg each)", way_connected, true},
	    {"segment", "and UDP_SEGMENT, a frame at once", way_segment, true},
	};
	struct result results[sizeof(ways) / sizeof(ways[0]) + 2];
	size_t count = 0;
	printf("Protect and send to %d destinations: frames of %d packets of %d bytes, audio of %d; CPU of "
	       "the sender\n",
	       DESTINATIONS, FRAME, BYTES, AUDIO_BYTES);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (uring && strcmp(ways[i].key, "uring") == 0)
			continue;
		results[count] = (struct result){.key = ways[i].key, .what = ways[i].what};
		measure(&f, ways[i].way, ways[i].sends, rounds, &results[count++]);
	}
	results[count] =
	    (struct result){.key = "paced", .what = "in life: sendmmsg, destination by destination"};
	measure_paced(&f, way_frames, rounds / 20, &results[count++]);
	results[count] = (struct result){.key = "paced_segment", .what = "in life: UDP_SEGMENT"};
	measure_paced(&f, way_segment, rounds / 20, &results[count++]);
	print(results, count, uring, file);
	kill(receivers, SIGKILL);
	waitpid(receivers, NULL, 0);
	return 0;
}
