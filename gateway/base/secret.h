// Random bytes, wiping, and comparing without a timing leak. Thread: any.
#ifndef HZ_BASE_SECRET_H
#define HZ_BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>

// Fills buf from getrandom(2); aborts if the kernel has no randomness (never on a booted system).
void hz_random(void *buf, size_t bytes);

// n random characters of [A-Za-z0-9] and a NUL into buf (n + 1 bytes). 5.95 bits a character.
void hz_random_text(char *buf, size_t n);

// Overwrites with zeros; the compiler may not leave it out.
void hz_wipe(void *buf, size_t bytes);

// Constant time in the contents (not in the length).
bool hz_equal(const void *a, const void *b, size_t bytes);

#endif
