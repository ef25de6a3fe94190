// The pipes (gateway/child.h): what each is called, where its program lies, whether the configuration wants it. Thread: any.
#ifndef HZ_GATEWAY_PIPES_H
#define HZ_GATEWAY_PIPES_H

#include <stdbool.h>

#include "gateway/child.h"
#include "gateway/config.h"

const char *
hz_pipe_name(enum hz_pipe_kind kind); // "mosaic"; of its child in logs, and of `huizhen pipe NAME`
int hz_pipe_find(const char *name);   // enum hz_pipe_kind; -ENOENT
bool hz_pipe_wanted(const struct hz_config *config, enum hz_pipe_kind kind);
// Its program, whether it is there or not: ret has PATH_MAX bytes.
void hz_pipe_program(enum hz_pipe_kind kind, char *ret);
// argv[0] and, where a program has several uses, the one that makes it a pipe: behind them comes the number of workers. NULL ends it.
const char *const *hz_pipe_argv(enum hz_pipe_kind kind);

#endif
