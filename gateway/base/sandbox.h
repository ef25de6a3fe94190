// Where media is decoded nothing else can be done: no network (but where it is the task), no other program, no file but those of one
// folder, bounded
// memory, time and file size. Descriptors that are open already may be read and written; sockets' messages with `loop` only. For Linux
// on x86-64 and arm64. Thread: before any other is started.
#ifndef HZ_BASE_SANDBOX_H
#define HZ_BASE_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

struct hz_sandbox {
	const char *folder; // may be read and written; NULL: none
	uint64_t memory_bytes, file_bytes;
	unsigned cpu_s; // 0: any time
	unsigned files; // open at once
	bool folders;   // may make, list and remove folders below `folder`
	bool loop;      // may wait for descriptors, send and receive by those it has, and set a timer
	bool network;   // may open sockets, too, but none of AF_UNIX; needs `loop`
	bool
	    libraries; // may read what libraries look at, and of /etc no more: our own configuration lies there, with keys
	bool store; // an SQLite index in `folder`, and files in memory
	const char *const
	    *read; // files and folders that may be read, NULL behind the last one; NULL: no more
};

// 0; -errno: what could not be switched on. Landlock, which a kernel may lack, is left out there; seccomp must be.
int hz_sandbox_enter(const struct hz_sandbox *with);

#endif
