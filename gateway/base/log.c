#include "gateway/base/log.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static char process_name[24] = "huizhen";
static enum hz_log_level lowest = HZ_LOG_INFO;
static const char *const level_names[] = {"debug", "info", "warn", "error"};

void hz_log_init(const char *process, enum hz_log_level level)
{
	snprintf(process_name, sizeof(process_name), "%s", process);
	lowest = level;
}

enum hz_log_level hz_log_level(const char *name)
{
	for (int i = HZ_LOG_DEBUG; name && i <= HZ_LOG_ERROR; i++)
		if (strcmp(name, level_names[i]) == 0)
			return (enum hz_log_level)i;
	return HZ_LOG_INFO;
}

// A reader of the log that hangs must not stop the media: what would block is dropped and counted. A pipe that polls
// writable takes at least PIPE_BUF bytes at once.
static void write_line(const char *line, size_t bytes)
{
	static unsigned dropped;
	struct pollfd ready = {.fd = STDERR_FILENO, .events = POLLOUT};
	char note[80];
	if (poll(&ready, 1, 0) != 1 || !(ready.revents & POLLOUT)) {
		__atomic_add_fetch(&dropped, 1, __ATOMIC_RELAXED);
		return;
	}
	ssize_t ignored = write(STDERR_FILENO, line, bytes);
	unsigned lost = __atomic_exchange_n(&dropped, 0, __ATOMIC_RELAXED);
	if (lost > 0) {
		int n = snprintf(note, sizeof(note), "level=warn proc=%s ev=log.dropped lines=%u\n",
		                 process_name, lost);
		ignored = write(STDERR_FILENO, note, (size_t)n);
	}
	(void)ignored;
}

void hz_log(enum hz_log_level level, const char *event, const char *fmt, ...)
{
	char line[1000];
	struct timespec ts;
	struct tm tm;
	if (level < lowest)
		return;
	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	size_t n = strftime(line, sizeof(line), "t=%Y-%m-%dT%H:%M:%S", &tm);
	n += (size_t)snprintf(line + n, sizeof(line) - n, ".%03ldZ level=%s proc=%s ev=%s ",
	                      ts.tv_nsec / 1000000, level_names[level], process_name, event);
	va_list ap;
	va_start(ap, fmt);
	int written = vsnprintf(line + n, sizeof(line) - n - 1, fmt, ap);
	va_end(ap);
	if (written > 0)
		n += (size_t)written;
	if (n > sizeof(line) - 2)
		n = sizeof(line) - 2;
	line[n++] = '\n';
	write_line(line, n);
}

const char *hz_log_safe(const char *text, char *buf, unsigned buf_bytes)
{
	unsigned i = 0;
	for (; text && text[i] && i + 1 < buf_bytes; i++)
		buf[i] = text[i] > 0x20 && text[i] < 0x7f ? text[i] : '?';
	if (buf_bytes)
		buf[i] = '\0';
	return buf;
}
