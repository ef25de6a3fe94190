// The same work on many things, beside each other.
#ifndef HZ_GATEWAY_BASE_EACH_H
#define HZ_GATEWAY_BASE_EACH_H

#define HZ_EACH_THREADS 4

// Calls fn(arg, i) once for each i under `count`, in any order, on as many threads as there are cores (at most
// HZ_EACH_THREADS, the caller's own among them; fewer where none can be started). Returns when all calls have. For work that
// takes processor time; fn() is called by several threads at once.
void hz_each(unsigned count, void (*fn)(void *arg, unsigned i), void *arg);

#endif
