#include "gateway/session/table/forwarding.h"

#include "gateway/base/seqpacket.h"

static bool say(const struct hz_forwarding *f, uint64_t id, uint32_t result)
{
	const struct hz_dweb_sent sent = {
	    .h = {.version = HZ_DWEB_VERSION, .type = HZ_DWEB_SENT, .bytes = sizeof(sent)},
	    .id = id,
	    .result = result};
	return hz_seqpacket_send(f->studies, &sent, sizeof(sent)) == 0;
}

void hz_forwarding_tick(struct hz_forwarding *f)
{
	for (unsigned i = 0; i < f->count;) {
		if (f->open[i].over && say(f, f->open[i].id, f->open[i].result))
			f->open[i] = f->open[--f->count];
		else
			i++;
	}
}

void hz_forwarding_send(struct hz_forwarding *f, const struct hz_dweb_send *send, int fd, bool ready)
{
	if (f->count == HZ_FORWARDING_MOST) { // it has 8 under way at most
		(void)say(f, send->id, HZ_DWEB_FULL);
		return;
	}
	bool gone = ready && fd >= 0 && f->imaging >= 0 &&
	            hz_seqpacket_send_fds(f->imaging, send, sizeof(*send), &fd, 1) == 0;
	f->open[f->count].id = send->id;
	f->open[f->count].over = !gone;
	f->open[f->count].result = HZ_DWEB_FULL;
	f->count++;
	if (!gone)
		hz_forwarding_tick(f);
}

void hz_forwarding_sent(struct hz_forwarding *f, const struct hz_dweb_sent *sent)
{
	for (unsigned i = 0; i < f->count; i++) {
		if (f->open[i].id != sent->id || f->open[i].over)
			continue;
		f->open[i].over = true;
		f->open[i].result = sent->result;
	}
	hz_forwarding_tick(f);
}

void hz_forwarding_lost(struct hz_forwarding *f)
{
	for (unsigned i = 0; i < f->count; i++) {
		f->open[i].result = f->open[i].over ? f->open[i].result : HZ_DWEB_FULL;
		f->open[i].over = true;
	}
	hz_forwarding_tick(f);
}

void hz_forwarding_forget(struct hz_forwarding *f)
{
	f->count = 0;
}
