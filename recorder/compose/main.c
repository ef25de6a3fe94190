// huizhen-compose: composes one finalised record, in a sandbox of its own, at low priority. Started by whoever looks after the
// record store; may be killed at any time and run again.
//
//   huizhen-compose [--no-captions] [--size WxH] [--rate N] [--utc-offset MINUTES] [--font FILE] FOLDER
//
// Prints one line: "composed frames=N duration_ms=N", or "nothing to compose". Exit codes: 0 done; 1 failed, one line says what,
// where, what to do; 2 wrong usage.
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <libavutil/log.h>

#include "recorder/compose/compose.h"
#include "gateway/base/sandbox.h"

#define MEMORY_BYTES (4ull << 30)
#define CPU_BASE_S   120u // and four times the record's length
#define FILE_BASE    (256ull << 20)
#define BYTES_A_S    4000000ull // far above what the encoders are set to

enum { DONE, FAILED, USAGE };

static int usage(const char *why)
{
	fprintf(stderr,
	        "huizhen-compose: %s: huizhen-compose [--no-captions] [--size WxH] [--rate N] "
	        "[--utc-offset MINUTES] [--font FILE] FOLDER\n",
	        why);
	return USAGE;
}

static int fail(const char *folder, const char *why)
{
	fprintf(stderr, "huizhen-compose: %s, in %s\n", why, folder);
	return FAILED;
}

// A limit of the sandbox: says so, the file beside is taken away by whoever started us, or by the next run.
static void on_limit(int signal)
{
	static const char time_text[] = "huizhen-compose: takes too long: the record is damaged\n";
	static const char size_text[] = "huizhen-compose: composed.mp4 grows beyond its bounds\n";
	ssize_t n = signal == SIGXCPU ? write(2, time_text, sizeof(time_text) - 1)
	                              : write(2, size_text, sizeof(size_text) - 1);
	_exit(n < 0 ? FAILED : FAILED);
}

static int offset_here(int64_t wall_ms)
{
	time_t at = (time_t)(wall_ms / 1000);
	struct tm tm;
	return localtime_r(&at, &tm) ? (int)(tm.tm_gmtoff / 60) : 0;
}

static bool number(const char *text, int from, int to, int *ret)
{
	char *end;
	errno = 0;
	long v = strtol(text, &end, 10);
	if (end == text || *end || errno || v < from || v > to)
		return false;
	*ret = (int)v;
	return true;
}

static bool size(const char *text, struct hz_compose_options *o)
{
	int n = 0;
	return sscanf(text, "%4dx%4d%n", &o->width, &o->height, &n) == 2 && !text[n] && o->width >= 320 &&
	       o->width <= 1920 && o->height >= 180 && o->height <= 1088 && o->width % 4 == 0 &&
	       o->height % 2 == 0;
}

// 0, or USAGE after a line.
static int options(int argc, char **argv, struct hz_compose_options *o, const char **font)
{
	static const struct option table[] = {
	    {"no-captions", no_argument, NULL, 'n'},      {"size", required_argument, NULL, 's'},
	    {"rate", required_argument, NULL, 'r'},       {"font", required_argument, NULL, 'f'},
	    {"utc-offset", required_argument, NULL, 'u'}, {NULL, 0, NULL, 0}};
	int c;
	opterr = 0;
	while ((c = getopt_long(argc, argv, "", table, NULL)) != -1) {
		bool good = c != '?';
		if (c == 'n')
			o->captions = false;
		else if (c == 's')
			good = size(optarg, o);
		else if (c == 'r')
			good = number(optarg, 5, 60, &o->rate);
		else if (c == 'u')
			good = number(optarg, -24 * 60, 24 * 60, &o->utc_offset_min);
		else if (c == 'f')
			*font = optarg;
		if (!good)
			return usage("an option that is not known or out of range");
	}
	return optind == argc - 1 ? 0 : usage("which folder?");
}

static int enter_sandbox(const struct hz_input *in)
{
	uint64_t seconds = (uint64_t)(in->to_ms - in->from_ms) / 1000 + 1;
	const struct hz_sandbox with = {.folder = ".",
	                                .memory_bytes = MEMORY_BYTES,
	                                .file_bytes = FILE_BASE + seconds * BYTES_A_S,
	                                .cpu_s = (unsigned)(CPU_BASE_S + 4 * seconds),
	                                .files = 1024};
	signal(SIGXCPU, on_limit);
	signal(SIGXFSZ, on_limit);
	return hz_sandbox_enter(&with);
}

static int compose(const char *folder, struct hz_compose_options *o, struct hz_text *text)
{
	char error[HZ_INPUT_ERROR] = "";
	struct hz_input *in;
	struct hz_compose_result result;
	int err = hz_input_load(AT_FDCWD, error, &in);
	if (err)
		return fail(folder, error[0] ? error : strerror(-err));
	if (o->utc_offset_min == INT32_MAX)
		o->utc_offset_min = offset_here(in->wall_zero_ms);
	err = enter_sandbox(in);
	if (err) {
		hz_input_free(in);
		fprintf(stderr, "huizhen-compose: no sandbox: %s: nothing is decoded without one\n",
		        strerror(-err));
		return FAILED;
	}
	unlink("composed.mp4.part"); // of a run that was ended
	err = hz_compose(in, o, text, error, &result);
	hz_input_free(in);
	if (err)
		return fail(folder, error);
	if (result.frames)
		printf("composed frames=%llu duration_ms=%lld\n", (unsigned long long)result.frames,
		       (long long)result.duration_ms);
	else
		puts("nothing to compose");
	return DONE;
}

// Media and everything else stays: where memory runs out, it is this that can be done again.
static void yield_memory(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (write(fd, "500", 3) < 0)
		errno = 0; // it is a favour
	close(fd);
}

int main(int argc, char **argv)
{
	struct hz_compose_options o = {.width = 1280,
	                               .height = 720,
	                               .rate = 25,
	                               .captions = true,
	                               .utc_offset_min = INT32_MAX,
	                               .threads = 2};
	const char *font = NULL;
	struct hz_text *text;
	if (options(argc, argv, &o, &font))
		return USAGE;
	const char *folder = argv[optind];
	av_log_set_level(AV_LOG_QUIET);
	(void)setpriority(PRIO_PROCESS, 0, 10);
	yield_memory();
	umask(027);
	mallopt(M_ARENA_MAX, 4); // a heap for each thread would use up the addresses
	if (hz_text_open(font, &text)) {
		fprintf(stderr, "huizhen-compose: no font: install fonts-noto-cjk or fonts-wqy-microhei\n");
		return FAILED;
	}
	if (chdir(folder) < 0) {
		hz_text_close(text);
		return fail(folder, strerror(errno));
	}
	int code = compose(folder, &o, text);
	hz_text_close(text);
	return code;
}
