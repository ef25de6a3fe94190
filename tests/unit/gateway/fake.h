// A gateway whose supervisor is the real one and whose children are this test program, started again: they do what
// control and a worker owe the supervisor, and write what happens to them into the file "events".
#ifndef HZ_TESTS_UNIT_GATEWAY_FAKE_H
#define HZ_TESTS_UNIT_GATEWAY_FAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define FAKE_WORKERS 2
#define FAKE_ARENA   65536

struct fake {
	char dir[64];    // data/, events, log
	char files[128]; // path scratch
	int notify;      // what systemd would hear
	pid_t serve;
};

// The program's main(): returns true and *ret_code when this process is a child or a supervisor.
bool fake_main(int argc, char **argv, int *ret_code);

void fake_new(struct fake *f); // folder, free ports in the environment
void fake_free(struct fake *f);

// Starts `serve` with more arguments (NULL-terminated) and NAME=VALUE in its environment ("" for none).
pid_t fake_serve(struct fake *f, const char *env, const char *const *args);
void fake_start(struct fake *f); // and waits until ready
int fake_wait(pid_t pid);        // exit code, 1000 + signal
// Another gateway takes over from f->serve, and is f->serve then.
void fake_take_over(struct fake *f, const char *env);
void fake_end(struct fake *f); // SIGINT, and it ends without fault, no sanitizer complained; frees f

// The number of lines in events that begin with text; the last one's first number behind it.
unsigned fake_count(const struct fake *f, const char *text, int64_t *ret_last);
void fake_expect(const struct fake *f, const char *text,
                 unsigned count);                           // waits up to 15 s for so many or more
int64_t fake_last(const struct fake *f, const char *text);  // 0: none
bool fake_event(const struct fake *f, const char *pattern); // a line in events; of grep
bool fake_logged(const struct fake *f, const char *text);
void fake_write(const struct fake *f, const char *name, const char *text);
const char *fake_path(struct fake *f, const char *name);
bool fake_heard(struct fake *f, const char *text); // a notification that holds text, waits up to 5 s

#endif
