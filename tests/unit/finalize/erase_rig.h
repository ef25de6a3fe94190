// A record of three people, to be erased from: test_erase.c, test_erase_delivery.c.
#ifndef HZ_TESTS_ERASE_RIG_H
#define HZ_TESTS_ERASE_RIG_H
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "tests/unit/rtp/cmocka_all.h"

#include "recorder/archive/erase.h"
#include "recorder/journal/keys.h"
#include "recorder/journal/writer.h"
#include "recorder/outbox/spool.h"
#include "recorder/record/files.h"
#include "recorder/store.h"
#include "tests/unit/finalize/fake_media.h"

#define ID "00112233-4455-6677-8899-aabbccddeeff"

static char store[64], folder[HZ_RECORD_PATH_BYTES];
static uint8_t master[HZ_JOURNAL_KEY_BYTES] = {7};

static inline void write_state(enum hz_record_phase phase)
{
	struct hz_record_state s = {.id = ID,
	                            .consult = "c",
	                            .phase = phase,
	                            .started_ms = FAKE_ZERO_US / 1000,
	                            .ended_ms = FAKE_ZERO_US / 1000 + 5000};
	assert_int_equal(hz_record_state_write(folder, &s), 0);
}

static inline enum hz_record_phase phase(void)
{
	struct hz_record_state s;
	assert_int_equal(hz_record_state_read(folder, &s), 0);
	return s.phase;
}

static inline void put_items(const struct fake_list *list)
{
	struct hz_journal_open with = {.folder = folder,
	                               .master = master,
	                               .meta = "{\"id\":\"" ID "\",\"consult\":\"c\",\"title\":\"T\"}",
	                               .limit_bytes = 8 << 20,
	                               .monotonic_us = list->item[0].item.at_us,
	                               .wall_us = FAKE_ZERO_US};
	struct hz_journal_writer *w;
	uint32_t track[8] = {0}, tracks = 0;
	uint64_t event = 0;
	int64_t at = 0;
	assert_int_equal(hz_record_id_bytes(ID, with.record), 0);
	assert_int_equal(hz_journal_open(&with, &w), 0);
	for (size_t i = 0; i < list->count; i++) {
		const struct hz_journal_item *item = &list->item[i].item;
		at = item->at_us;
		int err = 0;
		if (item->kind == HZ_RECORD_TRACK) {
			char *text = strndup((const char *)item->data, item->bytes);
			json_t *root = json_loads(text, 0, NULL);
			tracks++;
			err = hz_journal_track(w, json_string_value(json_object_get(root, "key")), text, at,
			                       &track[tracks]);
			json_decref(root);
			free(text);
		} else if (item->kind == HZ_RECORD_RTP) {
			err = hz_journal_rtp(w, track[item->track], item->flags, item->data, item->bytes, at);
		} else if (item->kind == HZ_RECORD_SR) {
			err = hz_journal_sender_report(w, track[item->track], item->data, at);
		} else {
			err = hz_journal_event(w, ++event, (const char *)item->data, item->bytes, at);
		}
		assert_int_equal(err, 0);
		if (i % 100 == 0) {
			assert_int_equal(hz_journal_seal(w, at, FAKE_ZERO_US + at - 1000000000), 0);
			assert_int_equal(hz_journal_sync(w), 0);
		}
	}
	assert_int_equal(hz_journal_end(w, at, FAKE_ZERO_US + at - 1000000000), 0);
	hz_journal_free(w);
}

// On the table, over p2's camera.
#define DRAWN(id, by, text)                                                                                  \
	"{\"id\":\"" id "\",\"kind\":\"text\",\"on\":{\"participant\":\"p2\",\"source\":\"camera\"},"        \
	"\"points\":[[0.5,0.5]],\"text\":\"" text "\",\"by\":\"" by "\",\"n\":1}"
#define TABLE(by, put)                                                                                       \
	"{\"type\":\"table\",\"participant\":\"" by "\",\"detail\":{\"layout\":\"pair\",\"put\":[" put "]}}"

// Each drew; p2 goes on with what p1 wrote, and p1 with what p2 wrote.
static inline void draw(struct fake_list *list)
{
	fake_json(list, HZ_RECORD_EVENT, 2.1,
	          TABLE("p2", DRAWN("a", "p1", "hand of p1") "," DRAWN("b", "p2", "hand of p2")));
	fake_json(list, HZ_RECORD_EVENT, 2.2, TABLE("p2", DRAWN("a", "p2", "hand of p1")));
	fake_json(list, HZ_RECORD_EVENT, 2.3, TABLE("p1", DRAWN("b", "p1", "over it by p1")));
	fake_json(list, HZ_RECORD_EVENT, 2.4, TABLE("p4", DRAWN("c", "p4", "hand of p4")));
}

// p1 with picture and sound, p2 with sound, p4 with neither; all wrote and drew.
static inline int make_record(void **state)
{
	struct fake_list list = {0};
	struct fake_clip video = fake_video("h264", 320, 180, 30, 5, 2), sound = fake_audio(0, 5);
	snprintf(store, sizeof(store), "/dev/shm/hz-erase-XXXXXX");
	assert_non_null(mkdtemp(store));
	assert_int_equal(hz_record_folder(store, ID, FAKE_ZERO_US / 1000, folder), 0);
	write_state(HZ_RECORD_RECORDING);
	fake_describe(&list, 1, "p1", "camera", 0);
	fake_describe(&list, 2, "p1", "microphone", 0);
	fake_describe(&list, 3, "p2", "microphone", 0);
	draw(&list);
	for (unsigned i = 1; i <= 4; i += i) {
		fake_json(&list, HZ_RECORD_EVENT, 0.01,
		          "{\"type\":\"join\",\"participant\":\"p%u\",\"detail\":{\"name\":\"N\","
		          "\"role\":\"expert\"}}",
		          i);
		fake_json(
		    &list, HZ_RECORD_EVENT, 2,
		    "{\"type\":\"chat\",\"participant\":\"p%u\",\"detail\":{\"text\":\"words of p%u\"}}", i,
		    i);
	}
	struct fake_publisher p[] = {{.track = 1, .ssrc = 11, .codec = "h264", .pt = 102, .fps = 30},
	                             {.track = 2, .ssrc = 12, .codec = "opus", .pt = 111, .fps = 50},
	                             {.track = 3, .ssrc = 13, .codec = "opus", .pt = 111, .fps = 50}};
	for (unsigned i = 0; i < 3; i++)
		fake_publish(&list, &p[i], i ? &sound : &video);
	fake_sort(&list);
	put_items(&list);
	write_state(HZ_RECORD_ENDED);
	fake_list_free(&list);
	fake_clip_free(&video);
	fake_clip_free(&sound);
	return 0;
}

static inline int remove_record(void **state)
{
	char command[128];
	snprintf(command, sizeof(command), "rm -rf %s", store);
	return system(command);
}

static inline void put(const char *name, const char *text)
{
	char path[HZ_RECORD_PATH_BYTES + 64];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(hz_document_write(path, text, strlen(text), 0640), 0);
}

static inline bool is_there(const char *name)
{
	char path[HZ_RECORD_PATH_BYTES + 64];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return access(path, F_OK) == 0;
}

static unsigned wait_ms;

static inline int erase(const char *participant, struct hz_erased *ret)
{
	const struct hz_erase what = {.store = store,
	                              .folder = folder,
	                              .master = master,
	                              .participant = participant,
	                              .by = "Dr Wang",
	                              .why = "asked by the patient, letter of 2026-11-20",
	                              .wait_ms = wait_ms};
	return hz_erase(&what, ret);
}

static inline json_t *load(const char *name)
{
	char path[HZ_RECORD_PATH_BYTES + 64];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	json_t *root = json_load_file(path, 0, NULL);
	assert_non_null(root);
	return root;
}

static inline void queue(const char *spool, unsigned number, struct hz_spool_item *item)
{
	char outbox[128];
	snprintf(item->record, sizeof(item->record), ID);
	snprintf(item->folder, sizeof(item->folder), "2026/11/" ID);
	item->bytes = 1;
	snprintf(outbox, sizeof(outbox), "%s/outbox", store);
	(void)mkdir(outbox, 0700);
	snprintf(outbox, sizeof(outbox), "%s/outbox/%s", store, spool);
	(void)mkdir(outbox, 0700);
	assert_int_equal(hz_spool_put(outbox, 1000, number, item), 0);
}

// An item of a spool: of the record's Bundle, and of who looked at it.
static inline bool queued(unsigned number, const char *path, bool put_it)
{
	char name[HZ_SPOOL_NAME_BYTES + 160];
	struct hz_spool_item item = {.queued_ms = 1};
	snprintf(item.path, sizeof(item.path), "%s", path);
	if (put_it)
		queue("emr", number, &item);
	snprintf(name, sizeof(name), "%s/outbox/emr/%015d-%s-%04u.json", store, 1000, ID, number);
	return access(name, F_OK) == 0;
}

#endif
