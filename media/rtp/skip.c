#include "media/rtp/skip.h"

#include <string.h>

static uint64_t bit_of(int64_t number)
{
	return 1ull << ((uint64_t)number % 64);
}

static uint64_t *word_of(struct hz_skip *s, int64_t number)
{
	return &s->left_out[(uint64_t)number % HZ_SKIP_WINDOW / 64];
}

static bool is_out(const struct hz_skip *s, int64_t number)
{
	return s->left_out[(uint64_t)number % HZ_SKIP_WINDOW / 64] & bit_of(number);
}

// Lowest number that is remembered.
static int64_t lowest(const struct hz_skip *s)
{
	int64_t low = s->top - HZ_SKIP_WINDOW + 1;
	return low > s->bottom ? low : s->bottom;
}

void hz_skip_begin(struct hz_skip *s, int64_t first, uint64_t total)
{
	memset(s, 0, sizeof(*s));
	s->bottom = first;
	s->top = first - 1;
	s->total = total;
}

void hz_skip_put(struct hz_skip *s, int64_t number, bool left_out)
{
	if (number <= s->top)
		return;
	if (number - s->top >= HZ_SKIP_WINDOW) {
		memset(s->left_out, 0, sizeof(s->left_out));
	} else {
		for (int64_t n = s->top + 1; n <= number; n++)
			*word_of(s, n) &= ~bit_of(n);
	}
	s->top = number;
	if (!left_out)
		return;
	*word_of(s, number) |= bit_of(number);
	s->total++;
}

// Left out among from..top; from is remembered.
static uint64_t count_from(const struct hz_skip *s, int64_t from)
{
	uint64_t count = 0;
	int64_t n = from;
	while (n <= s->top) {
		uint64_t word = s->left_out[(uint64_t)n % HZ_SKIP_WINDOW / 64];
		int64_t at = n % 64, left = s->top - n + 1;
		word >>= at;
		if (left < 64 - at)
			word &= (1ull << left) - 1;
		count += (uint64_t)__builtin_popcountll(word);
		n += 64 - at;
	}
	return count;
}

int64_t hz_skip_before(const struct hz_skip *s, int64_t number)
{
	if (number > s->top)
		return (int64_t)s->total;
	if (number < lowest(s))
		return -1;
	return (int64_t)(s->total - count_from(s, number));
}

bool hz_skip_is_out(const struct hz_skip *s, int64_t number)
{
	return number <= s->top && number >= lowest(s) && is_out(s, number);
}

int64_t hz_skip_find(const struct hz_skip *s, uint64_t back)
{
	int64_t low = lowest(s);
	for (int64_t n = s->top; n >= low;) {
		if (n % 64 == 63 && n - 63 >= low) { // a whole word
			uint64_t word = s->left_out[(uint64_t)n % HZ_SKIP_WINDOW / 64];
			uint64_t kept = 64 - (uint64_t)__builtin_popcountll(word);
			if (kept <= back) {
				back -= kept;
				n -= 64;
				continue;
			}
		}
		if (!is_out(s, n)) {
			if (back == 0)
				return n;
			back--;
		}
		n--;
	}
	return -1;
}
