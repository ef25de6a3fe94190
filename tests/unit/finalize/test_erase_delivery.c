// Erasing from a record of which PACS and EMR have had something, or are being sent it.
#include <pthread.h>
#include <stdatomic.h>

#include "recorder/outbox/delivery.h"
#include "tests/unit/finalize/erase_rig.h"

#define OBJECT(n, sha)                                                                                       \
	"{\"path\":\"dicom/0" n ".dcm\",\"file\":\"f\",\"sop_class\":\"1.2\",\"instance\":\"2.25." n         \
	"\",\"series\":\"2.25.9\",\"modality\":\"XC\",\"transfer_syntax\":\"1.2\",\"sha256\":\"" sha         \
	"\",\"bytes\":1}"

struct delivering {
	const char *noted;   // what was put
	const char *left[2]; // of that, what waits for PACS and EMR; NULL: nothing
	unsigned attempts;   // of those
	enum hz_record_delivery emr;
	bool delivered; // what the erasure's note then says
	const char *sent;
};

static void erase_while(const struct delivering *d)
{
	struct hz_record_state s;
	struct hz_erased done;
	char path[HZ_RECORD_PATH_BYTES + 64];
	assert_int_equal(hz_record_state_read(folder, &s), 0);
	s.phase = HZ_RECORD_FINALISED;
	s.delivery[HZ_TO_EMR].phase = d->emr;
	assert_int_equal(hz_record_state_write(folder, &s), 0);
	snprintf(path, sizeof(path), "%s/dicom", folder);
	assert_int_equal(mkdir(path, 0700), 0);
	put("dicom/index.json", "{\"manifest\":\"m\",\"study\":\"2.25.8\",\"instances\":[" OBJECT(
	                            "1", "o1") "," OBJECT("2", "o2") "]}");
	put("delivery.json", d->noted);
	for (unsigned k = 0; k < 2; k++) {
		struct hz_spool_item item = {.path = "x", .attempts = d->attempts};
		snprintf(item.sha256, sizeof(item.sha256), "%s", d->left[k] ? d->left[k] : "");
		if (d->left[k])
			queue(hz_record_destination_name(k), 1, &item);
	}
	assert_int_equal(erase("p1", &done), 0);
	assert_int_equal(done.delivered, d->delivered);
	assert_false(is_there("delivery.json") || queued(1, "", false));
	json_t *note = load("erasures/0001.json");
	const json_t *said = json_object_get(note, "erasure");
	char *sent = json_dumps(json_object_get(said, "sent"), JSON_COMPACT);
	assert_int_equal(json_is_true(json_object_get(said, "delivered")), d->delivered);
	assert_string_equal(sent, d->sent);
	free(sent);
	json_decref(note);
}

// Some of it was sent, some waits, was refused, or is made anew after the composed picture: what they have had is said to be theirs.
static void partly_delivered(void **state)
{
	static const struct delivering of[] = {
	    {"{\"items\":{\"pacs\":[\"o1\",\"o2\"],\"emr\":[\"b1\"]}}",
	     {"o2", NULL},
	     0,
	     HZ_DELIVERY_SENT,
	     true,
	     "[\"2.25.1\",\"emr\"]"},
	    {"{\"items\":{\"pacs\":[],\"emr\":[\"b1\",\"b2\"]}}",
	     {NULL, "b2"},
	     0,
	     HZ_DELIVERY_WAITING,
	     true,
	     "[\"emr\"]"},
	    {"{\"items\":{\"pacs\":[\"o1\"],\"emr\":[\"b1\"]}}",
	     {"o1", "b1"},
	     0,
	     HZ_DELIVERY_WAITING,
	     false,
	     "[]"},
	    {"{\"items\":{\"pacs\":[\"o1\"],\"emr\":[\"b1\"]}}", // who knows what arrived
	     {"o1", "b1"},
	     1,
	     HZ_DELIVERY_WAITING,
	     true,
	     "[]"},
	};
	char command[3 * HZ_RECORD_PATH_BYTES];
	snprintf(command, sizeof(command), "rm -rf %s/kept && cp -a %s %s/kept", store, folder, store);
	assert_int_equal(system(command), 0);
	for (unsigned i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		erase_while(&of[i]);
		snprintf(command, sizeof(command), "rm -rf %s && cp -a %s/kept %s", folder, store, folder);
		assert_int_equal(system(command), 0);
	}
}

static atomic_int sending, waited_for, whole;

// A PACS that is slow, and then not able.
static enum hz_outcome send_slowly(void *arg, const char *of, const struct hz_spool_item *item,
                                   struct hz_outcome_text *ret)
{
	struct hz_record_state s = {.phase = 0};
	atomic_fetch_add(&sending, 1);
	while (!atomic_load(&waited_for) || hz_record_state_read(folder, &s) != 0 ||
	       s.phase != HZ_RECORD_FINALISING)
		usleep(1000);
	usleep(100000); // and still it is not taken away under it
	atomic_store(&whole, is_there("composed.mp4"));
	return HZ_LATER;
}

static void *deliver(void *arg)
{
	hz_delivery_pass(arg, 1763700000000);
	hz_delivery_pass(arg, 1763700600000);
	return NULL;
}

// An object is being sent: refused, or waited for; afterwards nothing is sent, and nothing waits to be.
static void erased_while_sent(void **state)
{
	const struct hz_delivery_settings with = {
	    .store = store, .name = "pacs", .send = send_slowly, .first_ms = 1, .most_ms = 1};
	struct hz_spool_item one = {.path = "composed.mp4"}, two = one;
	struct hz_delivery *d;
	struct hz_erased done;
	pthread_t thread;
	char command[3 * HZ_RECORD_PATH_BYTES];
	snprintf(command, sizeof(command), "rm -rf %s/kept && cp -a %s %s/kept", store, folder, store);
	assert_int_equal(system(command), 0);
	put("composed.mp4", "all of them");
	write_state(HZ_RECORD_FINALISED);
	queue("pacs", 1, &one);
	queue("pacs", 2, &two);
	snprintf(one.folder, sizeof(one.folder), "%s", folder + strlen(store) + 1);
	snprintf(two.folder, sizeof(two.folder), "%s", one.folder);
	snprintf(command, sizeof(command), "%s/outbox/pacs", store);
	assert_int_equal(hz_spool_write(command, &one) | hz_spool_write(command, &two), 0);
	assert_int_equal(hz_delivery_new(&with, &d), 0);
	assert_int_equal(pthread_create(&thread, NULL, deliver, d), 0);
	while (!atomic_load(&sending))
		usleep(1000);
	wait_ms = 0;
	assert_int_equal(erase("p1", &done), -EBUSY);
	assert_int_equal(phase(), HZ_RECORD_FINALISED);
	assert_true(is_there("keys/0001") && !is_there("erasures"));
	wait_ms = 60000;
	atomic_store(&waited_for, 1);
	assert_int_equal(erase("p1", &done), 0);
	wait_ms = 0;
	assert_true(atomic_load(&whole));
	assert_true(done.delivered); // who knows what arrived
	pthread_join(thread, NULL);
	assert_int_equal(atomic_load(&sending), 1);
	assert_false(hz_spool_is_there(command, one.name) || hz_spool_is_there(command, two.name));
	hz_delivery_free(d);
	snprintf(command, sizeof(command), "rm -rf %s && cp -a %s/kept %s", folder, store, folder);
	assert_int_equal(system(command), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(partly_delivered),
	    cmocka_unit_test(erased_while_sent),
	};
	return cmocka_run_group_tests(tests, make_record, remove_record);
}
