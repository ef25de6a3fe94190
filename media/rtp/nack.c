#include "media/rtp/nack.h"

#include <string.h>

#define UNKNOWN_RTT_US 100000

void hz_nack_init(struct hz_nack *n)
{
	memset(n, 0, offsetof(struct hz_nack, missing)); // missing[] counts only up to n->count
	n->next_us = INT64_MAX;
}

void hz_nack_give_up(struct hz_nack *n)
{
	if (!n->count)
		return;
	n->given_up += n->count;
	n->count = 0;
	n->next_us = INT64_MAX;
	n->keyframe = 1;
}

// Index of the first entry whose number is not under ext.
static uint32_t find(const struct hz_nack *n, int64_t ext)
{
	uint32_t low = 0, high = n->count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (n->missing[middle].ext < ext)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void remove_at(struct hz_nack *n, uint32_t i)
{
	n->count--;
	memmove(&n->missing[i], &n->missing[i + 1], (n->count - i) * sizeof(n->missing[0]));
	if (n->count == 0)
		n->next_us = INT64_MAX;
}

void hz_nack_forget(struct hz_nack *n, int64_t ext)
{
	uint32_t i = find(n, ext);
	if (i < n->count && n->missing[i].ext == ext)
		remove_at(n, i);
}

static void on_arrived(struct hz_nack *n, int64_t ext, int64_t now_us)
{
	uint32_t i = find(n, ext);
	if (i == n->count || n->missing[i].ext != ext)
		return;
	const struct hz_nack_missing *m = &n->missing[i];
	int64_t took_us = now_us - m->found_us - m->asked_us;
	// With several requests it is not known which of them was answered (Karn): the time from the first is no less than
	// the round trip, and two so close do no harm. On a way longer than was thought there is never just one.
	bool known = m->tries == 1 || (m->tries == 2 && n->rtt_us > HZ_NACK_LONG_US) || !n->rtt_us ||
	             took_us < n->rtt_us;
	if (known && took_us > 0 && took_us < HZ_NACK_LAST_AGE_US)
		n->rtt_us = n->rtt_us ? (uint32_t)((n->rtt_us * 7ll + took_us) / 8) : (uint32_t)took_us;
	n->got++;
	if (!m->tries && n->lost)
		n->lost--;
	remove_at(n, i);
}

static void begin_window(struct hz_nack *n, int64_t now_us)
{
	n->got = n->lost = n->holes = 0;
	n->window_us = now_us;
}

static void turn_window(struct hz_nack *n, int64_t now_us)
{
	int64_t paused_us = now_us - n->last_us;
	n->last_us = now_us;
	// An outage, or a layer that was off: nothing is known of the queue.
	if (paused_us >= 2 * HZ_NACK_WINDOW_US) {
		// Where it overflowed just now, single packets are what the sender had left, not a picture that is back.
		if (n->choked < 2 || paused_us >= HZ_NACK_REST_US)
			n->choked = 0;
		begin_window(n, now_us);
		return;
	}
	bool clear = n->holes >= HZ_NACK_WINDOW_HOLES && n->lost >= HZ_NACK_WINDOW_LOST && n->lost > n->got;
	if (now_us - n->window_us < HZ_NACK_WINDOW_US && !clear)
		return;
	bool bad = n->lost >= HZ_NACK_WINDOW_LOST && n->lost > n->got / 2;
	if (!bad && n->choked && n->got < HZ_NACK_WINDOW_LOST)
		return; // the last of what waited; too little to tell
	n->choked = bad ? (uint8_t)(n->choked || n->lost > n->got ? 2 : 1) : 0;
	begin_window(n, now_us);
}

bool hz_nack_left_alone(const struct hz_nack *n)
{
	return n->yields && n->choked >= 2;
}

void hz_nack_on_packet(struct hz_nack *n, int64_t ext, int64_t now_us)
{
	if (!n->started) {
		n->started = 1;
		n->highest = ext;
		return;
	}
	if (ext <= n->highest) {
		on_arrived(n, ext, now_us);
		return;
	}
	int64_t gap = ext - n->highest - 1;
	int64_t first = n->highest + 1;
	n->highest = ext;
	n->got++;
	n->lost += gap < UINT16_MAX ? (uint32_t)gap : UINT16_MAX;
	n->holes += gap > 0;
	turn_window(n, now_us);
	if (gap == 0)
		return;
	if (hz_nack_left_alone(n) || gap > (int64_t)(HZ_NACK_MAX_MISSING - n->count)) {
		n->given_up += (uint64_t)gap;
		n->keyframe = 1;
		hz_nack_give_up(n);
		return;
	}
	int64_t next_us = now_us + HZ_NACK_REORDER_US;
	for (int64_t e = first; e < ext; e++)
		n->missing[n->count++] =
		    (struct hz_nack_missing){.ext = e, .found_us = now_us, .next_us = next_us};
	if (next_us < n->next_us)
		n->next_us = next_us;
}

void hz_nack_forget_before(struct hz_nack *n, int64_t ext)
{
	uint32_t i = find(n, ext);
	n->count -= i;
	memmove(&n->missing[0], &n->missing[i], n->count * sizeof(n->missing[0]));
	if (n->count == 0)
		n->next_us = INT64_MAX;
	if (ext >= n->highest) // what was given up lies before it
		n->keyframe = 0;
}

// Adds a number to the packed items; false: no room.
static bool pack(struct hz_nack_item *items, size_t *count, size_t max, int64_t *first, int64_t ext)
{
	if (*count > 0 && ext - *first <= 16) {
		items[*count - 1].blp |= (uint16_t)(1u << (ext - *first - 1));
		return true;
	}
	if (*count == max)
		return false;
	items[(*count)++] = (struct hz_nack_item){(uint16_t)ext, 0};
	*first = ext;
	return true;
}

static int64_t max_age_us(int64_t rtt_us)
{
	if (4 * rtt_us <= HZ_NACK_MAX_AGE_US)
		return HZ_NACK_MAX_AGE_US;
	return 4 * rtt_us < HZ_NACK_LAST_AGE_US ? 4 * rtt_us : HZ_NACK_LAST_AGE_US;
}

static bool is_over(const struct hz_nack_missing *m, int64_t age_us, int64_t now_us)
{
	return now_us - m->found_us >= age_us || (m->tries >= HZ_NACK_MAX_TRIES && m->next_us <= now_us);
}

// From request number `tries` to the next.
static int64_t retry_us(int64_t rtt_us, uint32_t waits_us, uint32_t tries)
{
	if (rtt_us > HZ_NACK_LONG_US && tries % 2)
		return HZ_NACK_TWICE_US;
	int64_t base = rtt_us + waits_us;
	base += base / 8;
	if (base < HZ_NACK_MIN_RETRY_US)
		base = HZ_NACK_MIN_RETRY_US;
	int64_t slow = base << (tries - 1) / 2;
	if (slow > HZ_NACK_SLOW_US)
		slow = HZ_NACK_SLOW_US;
	return slow > base ? slow : base;
}

size_t hz_nack_collect(struct hz_nack *n, int64_t now_us, uint32_t rtt_us, struct hz_nack_item *ret_items,
                       size_t max)
{
	size_t count = 0;
	uint32_t kept = 0;
	int64_t first = 0, deadline_us = INT64_MAX;
	if (hz_nack_left_alone(n))
		hz_nack_give_up(n);
	if (now_us < n->next_us)
		return 0;
	int64_t rtt = rtt_us ? rtt_us : n->rtt_us ? n->rtt_us : UNKNOWN_RTT_US;
	int64_t age_us = max_age_us(rtt);

	for (uint32_t i = 0; i < n->count; i++) {
		struct hz_nack_missing *m = &n->missing[i];
		if (is_over(m, age_us, now_us)) {
			n->given_up++;
			n->keyframe = 1;
			continue;
		}
		if (m->next_us <= now_us && pack(ret_items, &count, max, &first, m->ext)) {
			if (m->tries++ == 0)
				m->asked_us = (uint32_t)(now_us - m->found_us);
			m->next_us = now_us + retry_us(rtt, n->waits_us, m->tries);
			n->requested++;
		}
		int64_t end_us = m->found_us + age_us;
		int64_t due_us = m->next_us < end_us ? m->next_us : end_us;
		if (due_us < deadline_us)
			deadline_us = due_us;
		n->missing[kept++] = *m;
	}
	n->count = kept;
	n->next_us = deadline_us;
	return count;
}

int64_t hz_nack_deadline(const struct hz_nack *n)
{
	return n->keyframe && !hz_nack_left_alone(n) ? INT64_MIN : n->next_us;
}

bool hz_nack_take_keyframe(struct hz_nack *n)
{
	bool wanted = n->keyframe && !hz_nack_left_alone(n);
	if (wanted)
		n->keyframe = 0;
	return wanted;
}
