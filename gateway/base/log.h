// Structured log lines: one line, key=value, to stderr. Never names, tokens or medical content.
// Thread: any. A line is written with one write(2), so lines of several processes do not mix. A log that cannot be
// written at once is not waited for: lines are dropped, and log.dropped says how many.
#ifndef HZ_BASE_LOG_H
#define HZ_BASE_LOG_H

enum hz_log_level { HZ_LOG_DEBUG, HZ_LOG_INFO, HZ_LOG_WARN, HZ_LOG_ERROR };

// Sets the process name of every later line ("supervisor", "control", "worker0") and the lowest level shown.
void hz_log_init(const char *process, enum hz_log_level level);

// "debug", "info", "warn", "error"; anything else is info.
enum hz_log_level hz_log_level(const char *name);

// event: a short fixed word like "peer.connected"; fmt gives the key=value pairs, e.g. "peer=%u err=%d".
// Values from outside go through hz_log_safe() first. A line longer than 1,000 bytes is cut.
void hz_log(enum hz_log_level level, const char *event, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

// Copies text into buf with everything but printable ASCII replaced by '?'; returns buf.
const char *hz_log_safe(const char *text, char *buf, unsigned buf_bytes);

#define hz_debug(...) hz_log(HZ_LOG_DEBUG, __VA_ARGS__)
#define hz_info(...)  hz_log(HZ_LOG_INFO, __VA_ARGS__)
#define hz_warn(...)  hz_log(HZ_LOG_WARN, __VA_ARGS__)
#define hz_error(...) hz_log(HZ_LOG_ERROR, __VA_ARGS__)

#endif
