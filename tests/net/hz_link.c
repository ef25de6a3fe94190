// hz-link: joins two network namespaces by an emulated link, where the kernel has no sch_netem.
//
//   hz-link --client NETNS --server NETNS [--device NAME] [--seed N]
//     makes a TUN device NAME (eth0) in both; "up" is client to server. Reads commands (link/script.h) from standard
//     input; every "stats" prints one JSON line. Ends at "quit" or end of input; the devices go with it. Needs root.
//
// One thread: epoll over both devices, standard input and one timerfd set to the next deadline.
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "tests/net/link/filter.h"
#include "tests/net/link/script.h"
#include "tests/net/link/wire.h"

#define MAX_LATER 128
#define BATCH     64 // packets read from a device in one turn

enum { UP, DOWN };
enum { FROM_CLIENT, FROM_SERVER, FROM_STDIN, FROM_TIMER };

struct later {
	int64_t at_us;
	struct hz_script_command command;
};

struct link {
	struct hz_wire *wires[2]; // UP, DOWN
	int devices[2];           // of the client, of the server: what wires[i] reads
	int timer, epoll;
	uint16_t only_tcp_port;
	uint64_t blocked, write_failed;
	struct later later[MAX_LATER]; // in order of time
	unsigned later_count;
	char line[4096];
	size_t line_bytes;
	bool quit;
};

static int fail(const char *what, int err)
{
	fprintf(stderr, "hz-link: %s: %s\n", what, strerror(err));
	return 1;
}

// A TUN device stays in the namespace in which it was made, also when its maker goes elsewhere.
static int open_device(const char *netns, const char *name)
{
	char path[128];
	struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
	if (strlen(name) >= sizeof(request.ifr_name))
		return -ENAMETOOLONG;
	memcpy(request.ifr_name, name, strlen(name));
	snprintf(path, sizeof(path), "/run/netns/%s", netns);
	int ns = open(path, O_RDONLY | O_CLOEXEC);
	if (ns < 0)
		return -errno;
	int err = setns(ns, CLONE_NEWNET) == 0 ? 0 : -errno;
	close(ns);
	if (err != 0)
		return err;
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (ioctl(fd, TUNSETIFF, &request) != 0) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

static void print_wire(const char *name, const struct hz_wire *wire)
{
	const struct hz_wire_counters *c = hz_wire_counters(wire);
	printf("\"%s\":{\"in_packets\":%llu,\"in_bytes\":%llu,\"out_packets\":%llu,\"out_bytes\":%llu,"
	       "\"lost\":%llu,\"tail_dropped\":%llu,\"outage_dropped\":%llu,\"oversized\":%llu,"
	       "\"queued_bytes_max\":%u},",
	       name, (unsigned long long)c->in_packets, (unsigned long long)c->in_bytes,
	       (unsigned long long)c->out_packets, (unsigned long long)c->out_bytes,
	       (unsigned long long)c->lost, (unsigned long long)c->tail_dropped,
	       (unsigned long long)c->outage_dropped, (unsigned long long)c->oversized, c->queued_bytes_max);
}

static void print_stats(const struct link *link)
{
	printf("{");
	print_wire("up", link->wires[UP]);
	print_wire("down", link->wires[DOWN]);
	printf("\"blocked\":%llu,\"write_failed\":%llu}\n", (unsigned long long)link->blocked,
	       (unsigned long long)link->write_failed);
	fflush(stdout);
}

static void set_wires(struct link *link, const struct hz_script_command *command, int64_t now)
{
	for (unsigned i = 0; i < 2; i++) {
		if (!(command->directions & (i == UP ? HZ_SCRIPT_UP : HZ_SCRIPT_DOWN)))
			continue;
		if (command->verb == HZ_SCRIPT_OUTAGE) {
			if (hz_wire_outage(link->wires[i], now, now + command->outage_us, now) != 0)
				fprintf(stderr, "hz-link: too many outages at once\n");
			continue;
		}
		struct hz_wire_config config = *hz_wire_config(link->wires[i]);
		hz_script_merge(command, &config);
		hz_wire_configure(link->wires[i], &config, now);
	}
}

static void execute(struct link *link, const struct hz_script_command *command, int64_t now)
{
	switch (command->verb) {
	case HZ_SCRIPT_SET:
	case HZ_SCRIPT_OUTAGE:
		set_wires(link, command, now);
		break;
	case HZ_SCRIPT_BLOCK:
		link->only_tcp_port = command->port;
		break;
	case HZ_SCRIPT_STATS:
		print_stats(link);
		break;
	case HZ_SCRIPT_RESET:
		hz_wire_reset_counters(link->wires[UP]);
		hz_wire_reset_counters(link->wires[DOWN]);
		link->blocked = link->write_failed = 0;
		break;
	case HZ_SCRIPT_QUIT:
		link->quit = true;
		break;
	}
}

static void handle_line(struct link *link, char *line, int64_t now)
{
	struct hz_script_command command;
	const char *why;
	if (hz_script_parse(line, &command, &why) != 0) {
		fprintf(stderr, "hz-link: %s\n", why);
		return;
	}
	if (command.after_us == 0) {
		execute(link, &command, now);
		return;
	}
	if (link->later_count == MAX_LATER) {
		fprintf(stderr, "hz-link: more than %d commands wait for their time\n", MAX_LATER);
		return;
	}
	unsigned at = link->later_count++;
	for (; at > 0 && link->later[at - 1].at_us > now + command.after_us; at--)
		link->later[at] = link->later[at - 1];
	link->later[at] = (struct later){now + command.after_us, command};
}

static void read_lines(struct link *link, int64_t now)
{
	ssize_t n = read(STDIN_FILENO, link->line + link->line_bytes, sizeof(link->line) - link->line_bytes);
	if (n <= 0) {
		link->quit = n == 0 || errno != EAGAIN;
		return;
	}
	link->line_bytes += (size_t)n;
	char *end;
	while ((end = memchr(link->line, '\n', link->line_bytes))) {
		size_t used = (size_t)(end - link->line) + 1;
		*end = '\0';
		handle_line(link, link->line, now);
		memmove(link->line, link->line + used, link->line_bytes - used);
		link->line_bytes -= used;
	}
	if (link->line_bytes == sizeof(link->line)) {
		fprintf(stderr, "hz-link: line too long\n");
		link->line_bytes = 0;
	}
}

static void read_packets(struct link *link, unsigned from)
{
	uint8_t packet[HZ_WIRE_PACKET_BYTES];
	for (unsigned i = 0; i < BATCH; i++) {
		ssize_t n = read(link->devices[from], packet, sizeof(packet));
		if (n <= 0)
			return;
		if (hz_filter_passes(packet, (size_t)n, link->only_tcp_port))
			hz_wire_push(link->wires[from], packet, (size_t)n, hz_now_us());
		else
			link->blocked++;
	}
}

// Hands over what has arrived, does what is due, and sets the timer for the next.
static void advance(struct link *link)
{
	int64_t now = hz_now_us(), next = INT64_MAX;
	while (link->later_count > 0 && link->later[0].at_us <= now) {
		struct hz_script_command command = link->later[0].command;
		memmove(link->later, link->later + 1, --link->later_count * sizeof(link->later[0]));
		execute(link, &command, now);
	}
	for (unsigned i = 0; i < 2; i++) {
		const uint8_t *packet;
		for (size_t bytes; (bytes = hz_wire_pop(link->wires[i], now, &packet)) > 0;)
			if (write(link->devices[1 - i], packet, bytes) < 0)
				link->write_failed++;
		int64_t deadline = hz_wire_deadline(link->wires[i]);
		next = deadline < next ? deadline : next;
	}
	if (link->later_count > 0 && link->later[0].at_us < next)
		next = link->later[0].at_us;
	struct itimerspec when = {0};
	if (next != INT64_MAX) {
		when.it_value.tv_sec = next / 1000000;
		when.it_value.tv_nsec = next % 1000000 * 1000 + 1; // 0 would disarm
	}
	timerfd_settime(link->timer, TFD_TIMER_ABSTIME, &when, NULL);
}

static void loop(struct link *link)
{
	advance(link);
	while (!link->quit) {
		struct epoll_event events[4];
		int n = epoll_wait(link->epoll, events, 4, -1);
		if (n < 0 && errno != EINTR)
			return;
		for (int i = 0; i < n; i++) {
			uint64_t expirations;
			unsigned what = events[i].data.u32;
			if (what == FROM_STDIN)
				read_lines(link, hz_now_us());
			else if (what == FROM_TIMER)
				(void)!read(link->timer, &expirations, sizeof(expirations));
			else
				read_packets(link, what);
		}
		advance(link);
	}
}

static int watch(struct link *link, int fd, unsigned what)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = what};
	return epoll_ctl(link->epoll, EPOLL_CTL_ADD, fd, &event) == 0 ? 0 : -errno;
}

static int start(struct link *link, uint64_t seed)
{
	int err = hz_wire_new(seed, &link->wires[UP]);
	if (err == 0)
		err = hz_wire_new(seed + 1, &link->wires[DOWN]);
	if (err != 0)
		return err;
	link->epoll = epoll_create1(EPOLL_CLOEXEC);
	link->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (link->epoll < 0 || link->timer < 0)
		return -errno;
	fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
	err = watch(link, link->devices[FROM_CLIENT], FROM_CLIENT);
	if (err == 0)
		err = watch(link, link->devices[FROM_SERVER], FROM_SERVER);
	if (err == 0)
		err = watch(link, STDIN_FILENO, FROM_STDIN);
	if (err == 0)
		err = watch(link, link->timer, FROM_TIMER);
	return err;
}

int main(int argc, char **argv)
{
	static const struct option known[] = {
	    {"client", 1, NULL, 'c'}, {"server", 1, NULL, 's'}, {"device", 1, NULL, 'd'},
	    {"seed", 1, NULL, 'r'},   {NULL, 0, NULL, 0},
	};
	static struct link link;
	const char *client = NULL, *server = NULL, *device = "eth0";
	uint64_t seed = 1;
	for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
		if (c == 'c')
			client = optarg;
		else if (c == 's')
			server = optarg;
		else if (c == 'd')
			device = optarg;
		else if (c == 'r')
			seed = strtoull(optarg, NULL, 10);
		else
			client = server = NULL, optind = argc;
	}
	if (!client || !server)
		return fprintf(stderr,
		               "usage: hz-link --client NETNS --server NETNS [--device NAME] [--seed N]\n"),
		       2;
	link.devices[FROM_CLIENT] = open_device(client, device);
	if (link.devices[FROM_CLIENT] < 0)
		return fail(client, -link.devices[FROM_CLIENT]);
	// The server's end has the client namespace's name, so that several links can end there.
	link.devices[FROM_SERVER] = open_device(server, client);
	if (link.devices[FROM_SERVER] < 0)
		return fail(server, -link.devices[FROM_SERVER]);
	int err = start(&link, seed);
	if (err != 0)
		return fail("start", -err);
	printf("{\"ready\":true}\n");
	fflush(stdout);
	loop(&link);
	print_stats(&link);
	hz_wire_free(link.wires[UP]);
	hz_wire_free(link.wires[DOWN]);
	return 0;
}
