// A clock of the kernel's that ends this process when a turn of its loop does not end: a codec that runs in circles, a lock that nobody
// opens. What only waits for its share of a busy machine, or slept with it, does not hang: processor time and time are two limits.
// Its parent starts it again. Thread: the loop's.
#ifndef HZ_BASE_HANG_H
#define HZ_BASE_HANG_H

#define HZ_HANG_CPU_S  2  // of all threads, in one turn: SIGPROF
#define HZ_HANG_WALL_S 10 // SIGALRM

void hz_hang_wind(void); // at the begin of each turn

#endif
