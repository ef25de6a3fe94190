// Hostile publishers: good RTP of every codec, damaged at random, goes through a real journal into files, and ffmpeg plays
// each of them to its end. It does so in silence but for pictures that are whole to RTP and nonsense inside: what decoders
// refuse is found where something was odd and by samples (recorder/finalize/probe.h). A seed makes the same damage again:
//
//   HZ_SEED=N         only this one
//   HZ_TEST_SEEDS=N   so many of each codec
//   HZ_TEST_SECONDS=S seeds from the clock, until then
//   HZ_KEEP=FOLDER    where the records stay
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/rtp/cmocka_all.h"

#include "media/rtp/bytes.h"
#include "recorder/journal/writer.h"
#include "recorder/store.h"
#include "tests/unit/finalize/fake_media.h"

#define ID     "0190a1b2-0000-7000-8000-00000000000a"
#define VIDEO  4
#define CODECS 6

static const struct {
	const char *name;
	uint8_t pt;
} codecs[CODECS] = {{"h264", 102}, {"vp8", 96}, {"vp9", 98}, {"av1", 45}, {"opus", 111}, {"red", 63}};

static struct fake_list good[CODECS], other[CODECS]; // of another size

struct random {
	uint64_t state;
};

static uint32_t draw(struct random *r, uint32_t below)
{
	r->state = r->state * 6364136223846793005ull + 1442695040888963407ull;
	return below ? (uint32_t)(r->state >> 33) % below : 0;
}

static void publish(struct fake_list *ret, unsigned codec, int width, int height)
{
	bool audio = codec >= VIDEO;
	struct fake_clip clip =
	    audio ? fake_audio(0, 6) : fake_video(codecs[codec].name, width, height, 25, 6, 2);
	struct fake_publisher p = {.track = 1,
	                           .ssrc = 77,
	                           .codec = codecs[codec].name,
	                           .pt = codecs[codec].pt,
	                           .fps = audio ? 50 : 25,
	                           .first_seq = 65400,
	                           .first_ts = 0xffffe000u};
	fake_publish(ret, &p, &clip);
	fake_sort(ret);
	fake_clip_free(&clip);
}

static int make_media(void **state)
{
	for (unsigned i = 0; i < CODECS; i++) {
		publish(&good[i], i, 160, 120);
		publish(&other[i], i, 176, 144);
	}
	return 0;
}

static int free_media(void **state)
{
	for (unsigned i = 0; i < CODECS; i++) {
		fake_list_free(&good[i]);
		fake_list_free(&other[i]);
	}
	return 0;
}

// --- damage: of one packet. Returns how many bytes it has then; 0: it is lost.

struct damage {
	struct random *r;
	unsigned codec, rate; // one packet in so many
	uint16_t seq;         // added
	uint32_t ts, ssrc;
	unsigned kinds; // bits: which kinds this publisher does
};

static size_t damage_bytes(struct damage *d, unsigned kind, uint8_t *p, size_t bytes)
{
	size_t room = bytes - 12;
	switch (kind) {
	case 0: // bits of the payload
		for (uint32_t n = 1 + draw(d->r, 8); n && room; n--)
			p[12 + draw(d->r, (uint32_t)room)] ^= (uint8_t)(1u << draw(d->r, 8));
		return bytes;
	case 1: // its first bytes: the payload header
		for (unsigned i = 0; i < 4 && i < room; i++)
			p[12 + i] = (uint8_t)draw(d->r, 256);
		return bytes;
	case 2: // cut short
		return 12 + draw(d->r, (uint32_t)room + 1);
	case 3: // noise
		for (size_t i = 12; i < bytes; i++)
			p[i] = (uint8_t)draw(d->r, 256);
		return bytes;
	case 4: // zeros, ones
		memset(p + 12, draw(d->r, 2) ? 0xff : 0, room);
		return bytes;
	default: // bits of the header
		p[draw(d->r, 12)] ^= (uint8_t)(1u << draw(d->r, 8));
		return bytes;
	}
}

static size_t damage_stream(struct damage *d, unsigned kind, uint8_t *p, size_t bytes)
{
	const struct fake_list *from = draw(d->r, 2) ? &other[d->codec] : &good[draw(d->r, CODECS)];
	const struct hz_journal_item *item = &from->item[draw(d->r, (uint32_t)from->count)].item;
	switch (kind) {
	case 6: // lost
		return 0;
	case 7: // somebody else's payload: another codec's, or another picture size
		if (item->kind != HZ_RECORD_RTP || item->bytes > 1600)
			return bytes;
		memcpy(p + 12, item->data + 12, item->bytes - 12);
		return item->bytes;
	case 8: // time jumps
		d->ts += draw(d->r, 3) ? draw(d->r, 200000) : draw(d->r, UINT32_MAX);
		return bytes;
	case 9: // numbers jump
		d->seq = (uint16_t)(d->seq + (draw(d->r, 3) ? draw(d->r, 6) : draw(d->r, 65536)));
		return bytes;
	case 10: // another stream on the same track
		d->ssrc ^= 1u << draw(d->r, 3);
		return bytes;
	default: // marker
		p[1] ^= 0x80;
		return bytes;
	}
}

static size_t damage(struct damage *d, uint8_t *p, size_t bytes)
{
	unsigned kind = draw(d->r, 12);
	if (draw(d->r, d->rate) == 0 && (d->kinds >> kind & 1))
		bytes = kind < 6 ? damage_bytes(d, kind, p, bytes) : damage_stream(d, kind, p, bytes);
	hz_put16(p + 2, (uint16_t)(hz_get16(p + 2) + d->seq));
	hz_put32(p + 4, hz_get32(p + 4) + d->ts);
	hz_put32(p + 8, hz_get32(p + 8) ^ d->ssrc);
	return bytes;
}

// --- the record

static uint8_t master[HZ_JOURNAL_KEY_BYTES] = {1, 2, 3};

static struct hz_journal_writer *open_journal(const char *folder, unsigned codec)
{
	struct hz_record_state state = {
	    .id = ID, .consult = "c", .phase = HZ_RECORD_ENDED, .started_ms = 1, .ended_ms = 2};
	struct hz_journal_open with = {.folder = folder,
	                               .master = master,
	                               .meta = "{\"id\":\"" ID "\",\"consult\":\"c\"}",
	                               .limit_bytes = 16 << 20,
	                               .monotonic_us = 1000000000,
	                               .wall_us = FAKE_ZERO_US};
	struct hz_journal_writer *w;
	struct fake_list described = {0};
	uint32_t track;
	char json[1024];
	assert_int_equal(hz_record_id_bytes(ID, with.record), 0);
	assert_int_equal(hz_record_state_write(folder, &state), 0);
	assert_int_equal(hz_journal_open(&with, &w), 0);
	fake_describe(&described, 1, "p", codec >= VIDEO ? "microphone" : "camera", 0);
	snprintf(json, sizeof(json), "%.*s", (int)described.item[0].item.bytes,
	         (const char *)described.item[0].data);
	fake_list_free(&described);
	assert_int_equal(hz_journal_track(w, "p.1", json, 1000000000, &track), 0);
	assert_int_equal(track, 1);
	return w;
}

static void put(struct hz_journal_writer *w, struct damage *d, const struct hz_journal_item *item,
                int64_t at_us)
{
	uint8_t packet[2048];
	size_t bytes = item->bytes;
	memcpy(packet, item->data, bytes);
	if (item->kind == HZ_RECORD_SR) {
		if (draw(d->r, d->rate) == 0)
			packet[draw(d->r, 24)] ^= (uint8_t)(1u << draw(d->r, 8));
		assert_int_equal(hz_journal_sender_report(w, 1, packet, at_us), 0);
		return;
	}
	bytes = damage(d, packet, bytes);
	if (!bytes)
		return;
	for (uint32_t n = draw(d->r, d->rate * 4) ? 1 : 2; n; n--) // now and then twice
		assert_int_equal(hz_journal_rtp(w, 1, 0, packet, bytes, at_us), 0);
}

static void write_journal(const char *folder, unsigned codec, struct random *r)
{
	static const unsigned rates[] = {3, 10, 40, 200};
	const struct fake_list *list = &good[codec];
	struct damage d = {.r = r, .codec = codec, .rate = rates[draw(r, 4)], .kinds = 0xfff};
	if (draw(r, 2)) // one or two kinds only: what is rare is not drowned
		d.kinds = 1u << draw(r, 12) | 1u << draw(r, 12);
	struct hz_journal_writer *w = open_journal(folder, codec);
	int64_t at_us = 1000000000, slept_us = at_us;
	for (size_t i = 0; i < list->count; i++) {
		// now and then a neighbour first
		size_t pick = draw(r, d.rate * 2) || i + 8 >= list->count ? i : i + draw(r, 8);
		at_us = list->item[i].item.at_us;
		put(w, &d, &list->item[pick].item, at_us);
		if (at_us - slept_us > 250000) {
			slept_us = at_us;
			assert_int_equal(hz_journal_seal(w, at_us, at_us), 0);
		}
	}
	assert_int_equal(hz_journal_end(w, at_us, at_us), 0);
	hz_journal_free(w);
}

// --- and what became of it

static bool is_media(const struct dirent *e)
{
	return strstr(e->d_name, ".mp4") || strstr(e->d_name, ".webm");
}

static unsigned files_play(const char *folder, unsigned *bad, unsigned *loud)
{
	bool silent;
	char path[512];
	unsigned count = 0;
	snprintf(path, sizeof(path), "%s/tracks", folder);
	DIR *dir = opendir(path);
	for (struct dirent *e; dir && (e = readdir(dir));) {
		if (!is_media(e))
			continue;
		count++;
		snprintf(path, sizeof(path), "%s/tracks/%s", folder, e->d_name);
		*bad += !fake_opens(path, &silent);
		*loud += !silent;
	}
	if (dir)
		closedir(dir);
	return count;
}

static bool one(uint64_t seed, unsigned *files, unsigned *loud)
{
	struct random r = {seed * 2654435761u + 1};
	unsigned codec = (unsigned)(seed % CODECS), bad = 0;
	char folder[200], command[256], error[HZ_FINALIZE_ERROR_BYTES] = "";
	const char *keep = getenv("HZ_KEEP");
	snprintf(folder, sizeof(folder), "%s/hz-hostile-%d-%llu", keep ? keep : "/dev/shm", (int)getpid(),
	         (unsigned long long)seed);
	write_journal(folder, codec, &r);
	int err = hz_finalize_tracks(folder, master, error);
	*files += files_play(folder, &bad, loud);
	if (err || bad)
		print_message("seed %llu, %s: finalise %d %s, %u files that do not play\n",
		              (unsigned long long)seed, codecs[codec].name, err, error, bad);
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	if (!keep)
		assert_int_equal(system(command), 0);
	return !err && !bad;
}

static uint64_t from(const char *name, uint64_t fallback)
{
	const char *text = getenv(name);
	return text ? strtoull(text, NULL, 10) : fallback;
}

static void hostile(void **state)
{
	unsigned files = 0, bad = 0, loud = 0, count = 0;
	time_t end = time(NULL) + (time_t)from("HZ_TEST_SECONDS", 0);
	uint64_t seed = getenv("HZ_TEST_SECONDS") ? (uint64_t)time(NULL) * 1000 : 0;
	if (getenv("HZ_SEED")) {
		assert_true(one(from("HZ_SEED", 0), &files, &loud));
		return;
	}
	uint64_t last = seed + CODECS * from("HZ_TEST_SEEDS", 6);
	for (; getenv("HZ_TEST_SECONDS") ? time(NULL) < end : seed < last; seed++, count++)
		bad += !one(seed, &files, &loud);
	print_message("%u hostile publishers, %u files: %u refused, %u with complaints\n", count, files, bad,
	              loud);
	assert_int_equal(bad, 0);
	assert_true(loud <= 1 + files / 50);
	assert_true(files > count / 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(hostile)};
	return cmocka_run_group_tests(tests, make_media, free_media);
}
