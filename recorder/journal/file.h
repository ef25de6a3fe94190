// Small durable files, and reading and writing whole. Thread: any.
#ifndef HZ_RECORDER_JOURNAL_FILE_H
#define HZ_RECORDER_JOURNAL_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// As much as there is, up to `bytes`: the number read, or -errno.
ssize_t hz_file_read(int fd, void *buf, size_t bytes, uint64_t offset);
// All of it, or -errno.
int hz_file_write(int fd, const void *buf, size_t bytes, uint64_t offset);
// Makes a file that is there wholly or not at all, 0600, durable with its name. -EEXIST: never replaces one.
int hz_file_make(int dir_fd, const char *name, const void *data, size_t bytes);
// The same, but replaces what is there.
int hz_file_replace(int dir_fd, const char *name, const void *data, size_t bytes);
// A folder (0700) and those above it, each durable. One that is there already is good.
int hz_file_folder(const char *path);

#endif
