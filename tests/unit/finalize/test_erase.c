// Erasing a participant of a record, or all of it: what is gone is gone, everybody else's is as it was, and all of it is signed for.
#include <signal.h>
#include <sys/wait.h>

#include "recorder/finalize/prepare.h"
#include "recorder/journal/hash.h"
#include "recorder/record/certificate.h"
#include "recorder/verify.h"
#include "tests/unit/finalize/erase_rig.h"

// What the archive does, with a composed picture that stands for itself.
static void finalise(bool sign)
{
	char error[HZ_FINALIZE_ERROR_BYTES];
	int lock;
	assert_int_equal(hz_finalize_begin(folder, &lock), 0);
	assert_int_equal(hz_finalize_tracks(folder, master, error), 0);
	assert_int_equal(hz_finalize_end(folder, lock, 0, ""), 0);
	if (!sign)
		return;
	assert_int_equal(hz_certificate_issue(store, folder, false), 0);
	put("delivery.json", "{}");
	write_state(HZ_RECORD_DELIVERED);
}

struct faults {
	unsigned count;
	char where[256];
};

static void on_fault(void *arg, const char *where, const char *what)
{
	struct faults *f = arg;
	f->count++;
	snprintf(f->where, sizeof(f->where), "%s", where);
}

static struct faults certified(void)
{
	struct faults f = {0};
	char command[HZ_RECORD_PATH_BYTES + 160], pem[128];
	snprintf(pem, sizeof(pem), "%s/signing/public.pem", store);
	int told = hz_certificate_verify(folder, pem, on_fault, &f);
	assert_int_equal(told, f.count);
	// The same of a copy that stands by itself under another name.
	struct faults copy = {0};
	snprintf(command, sizeof(command), "rm -rf %s/copy && cp -a %s %s/copy", store, folder, store);
	assert_int_equal(system(command), 0);
	snprintf(command, sizeof(command), "%s/copy", store);
	told = hz_certificate_verify(command, pem, on_fault, &copy);
	assert_int_equal(told, f.count);
	return f;
}

static char *hash_of(const char *name)
{
	static char hash[65];
	char path[HZ_RECORD_PATH_BYTES + 64];
	struct hz_file_hash h;
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(hz_hash_file(path, HZ_SHA256, &h), 0);
	memcpy(hash, h.hex, sizeof(hash));
	return hash;
}

static void refused(void **state)
{
	struct hz_erased done;
	write_state(HZ_RECORD_RECORDING);
	assert_int_equal(erase("p1", &done), -EBUSY);
	write_state(HZ_RECORD_ENDED);
	finalise(true);
	assert_int_equal(certified().count, 0);
	assert_int_equal(hz_hold_set(store, ID, "court", "case 7"), 0);
	assert_int_equal(hz_hold_set(store, ID, "court", "case 7"), -EEXIST);
	assert_true(hz_hold_is(store, ID));
	assert_int_equal(erase("p1", &done), -EPERM);
	assert_int_equal(erase(NULL, &done), -EPERM);
	assert_int_equal(hz_hold_end(store, folder, ID, "court", "case 7 closed"), 0);
	assert_int_equal(hz_hold_end(store, folder, ID, "court", "case 7 closed"), -ENOENT);
	assert_false(hz_hold_is(store, ID));
	assert_true(is_there("holds")); // it is known that there was one
	assert_int_equal(erase("p3", &done), -ENOENT);
	assert_int_equal(phase(), HZ_RECORD_DELIVERED); // as it was
	const struct hz_erase nameless = {
	    .store = store, .folder = folder, .master = master, .participant = "p1", .by = "", .why = "x"};
	assert_int_equal(hz_erase(&nameless, &done), -EINVAL);
	assert_false(is_there("erasures"));
	assert_int_equal(certified().count, 0);
}

static bool timeline_has(const char *what)
{
	json_t *events = load("timeline.json");
	char *text = json_dumps(events, JSON_COMPACT | JSON_SORT_KEYS);
	bool has = strstr(text, what) != NULL;
	free(text);
	json_decref(events);
	return has;
}

// Of p1, p2 and p4: bits 1, 2 and 4.
static unsigned shown(const char *what)
{
	char wanted[32];
	unsigned ret = 0;
	for (unsigned i = 1; i <= 4; i += i) {
		snprintf(wanted, sizeof(wanted), "%s p%u", what, i);
		ret |= timeline_has(wanted) ? i : 0;
	}
	return ret;
}

static unsigned words(void)
{
	return shown("words of");
}

static unsigned drawings(void)
{
	return shown("hand of") | shown("over it by");
}

static void one_person(void **state)
{
	struct hz_erased done;
	struct hz_verify_result before, after;
	char other[65];
	put("composed.mp4", "all of them");
	put("fhir.json", "{}");
	put("tracks/p1.camera.1-07.mp4", "of a run that was killed");
	assert_int_equal(hz_certificate_issue(store, folder, false), 0);
	put("tracks/p1.camera.1-07.mp4", "of a run that was killed");
	char early[HZ_RECORD_PATH_BYTES + 64]; // sound made ahead: nobody can say whose
	snprintf(early, sizeof(early), "%s/" HZ_EARLY, folder);
	assert_int_equal(mkdir(early, 0700), 0);
	put(HZ_EARLY "/0123", "a slice of somebody's sound");
	snprintf(early, sizeof(early), "%s/dicom", folder);
	assert_int_equal(mkdir(early, 0700), 0);
	put("dicom/.003.mp4", "of a packager that was killed");
	put("poster.jpg.part", "of a composer that was killed");
	snprintf(other, sizeof(other), "%s", hash_of("tracks/p2.microphone.1.webm"));
	assert_int_equal(words(), 7);
	assert_int_equal(drawings(), 7);
	hz_record_verify(folder, master, &before);
	assert_int_equal(before.verdict, HZ_VERIFY_WHOLE);

	assert_int_equal(erase("p1", &done), 0);
	assert_int_equal(done.number, 1);
	assert_int_equal(done.tracks, 2);
	assert_true(done.delivered);
	assert_int_equal(phase(), HZ_RECORD_ENDED); // the archive goes on
	static const char *const gone[] = {"keys/0001",
	                                   "keys/0002",
	                                   "composed.mp4",
	                                   "fhir.json",
	                                   "delivery.json",
	                                   "tracks/p1.camera.1.mp4",
	                                   "tracks/p1.microphone.1.webm",
	                                   "tracks/p1.camera.1-07.mp4",
	                                   "dicom/.003.mp4",
	                                   "poster.jpg.part",
	                                   HZ_EARLY};
	for (unsigned i = 0; i < sizeof(gone) / sizeof(*gone); i++)
		assert_false(is_there(gone[i]));
	assert_true(is_there("keys/0003"));
	// Proven at once, by the certificate of before and the note; and after everything was made anew.
	assert_int_equal(certified().count, 0);
	finalise(true);
	assert_int_equal(certified().count, 0);
	assert_true(is_there("erasures/0001.certificate.json"));
	assert_false(is_there("tracks/p1.camera.1.mp4"));
	assert_string_equal(hash_of("tracks/p2.microphone.1.webm"), other); // to the byte
	assert_int_equal(words(), 6);
	assert_int_equal(drawings(), 6);
	assert_true(
	    timeline_has("\"gone\":[\"a\"],\"layout\":\"pair\",\"put\":[{\"by\":\"p2\",\"id\":\"b\""));
	assert_true(timeline_has("{\"by\":\"p2\",\"id\":\"a\"")); // as p2 went on with it, without the words
	assert_true(timeline_has("\"gone\":[\"b\"],\"layout\":\"pair\",\"put\":[]")); // where p1 went on
	hz_record_verify(folder, master, &after);                                     // the chain as it was
	assert_int_equal(after.verdict, HZ_VERIFY_WHOLE);
	assert_int_equal(after.summary.erased, 2);
	assert_memory_equal(after.summary.hash, before.summary.hash, sizeof(before.summary.hash));
	json_t *m = load("manifest.json");
	const json_t *tracks = json_object_get(m, "tracks");
	assert_int_equal(json_array_size(json_object_get(m, "files")), 1);
	for (size_t i = 0; i < json_array_size(tracks); i++) {
		const json_t *track = json_array_get(tracks, i);
		assert_int_equal(json_is_true(json_object_get(track, "erased")),
		                 json_integer_value(json_object_get(track, "track")) < 3);
	}
	json_decref(m);
	assert_int_equal(erase("p1", &done), -EALREADY);
	assert_int_equal(phase(), HZ_RECORD_DELIVERED);
}

// Neither camera nor microphone: written and drawn is recorded, too.
static void who_only_wrote(void **state)
{
	struct hz_erased done;
	put("composed.mp4", "the words of p4 are drawn in it");
	assert_int_equal(hz_certificate_issue(store, folder, false), 0);
	assert_int_equal(erase("p4", &done), 0);
	assert_int_equal(done.tracks, 0);
	assert_true(done.delivered);
	assert_int_equal(phase(), HZ_RECORD_ENDED);
	assert_false(is_there("composed.mp4"));
	assert_int_equal(certified().count, 0);
	finalise(true);
	assert_int_equal(certified().count, 0);
	assert_int_equal(words(), 2);
	assert_int_equal(drawings(), 2);
	assert_true(is_there("tracks/p2.microphone.1.webm"));
	assert_int_equal(erase("p4", &done), -EALREADY);
	assert_int_equal(phase(), HZ_RECORD_DELIVERED);
}

// What an earlier version made after an erasure still showed the drawings: asked for again, they go.
static void made_before(void **state)
{
	struct hz_erased done;
	put("timeline.json", "[" TABLE("p2", DRAWN("a", "p1", "hand of p1")) "]");
	assert_int_equal(erase("p1", &done), 0);
	assert_int_equal(done.tracks, 0);
	finalise(true);
	assert_int_equal(drawings(), 2);
	assert_int_equal(certified().count, 0);
	assert_int_equal(erase("p1", &done), -EALREADY);
}

// kill -9 at any moment: asked for again it is done, and the certificate is good before and after.
static void killed_at_any_moment(void **state)
{
	char command[3 * HZ_RECORD_PATH_BYTES];
	struct hz_erased done;
	unsigned killed = 0;
	put("composed.mp4", "all of them");
	snprintf(command, sizeof(command), "cp -a %s %s/kept", folder, store);
	assert_int_equal(system(command), 0);
	for (unsigned i = 0; i < 24; i++) {
		pid_t child = fork();
		assert_true(child >= 0);
		if (child == 0)
			_exit(erase("p1", &done) ? 1 : 0);
		usleep(100 + i * 150);
		kill(child, SIGKILL);
		int status;
		assert_int_equal(waitpid(child, &status, 0), child);
		killed += WIFSIGNALED(status);
		int err = erase("p1", &done);
		assert_true(err == 0 || err == -EALREADY);
		assert_false(is_there("keys/0001") || is_there("keys/0002") || is_there("composed.mp4"));
		assert_int_equal(certified().count, 0);
		finalise(true);
		assert_int_equal(certified().count, 0);
		assert_int_equal(words(), 6);
		assert_int_equal(drawings(), 6);
		snprintf(command, sizeof(command), "rm -rf %s && cp -a %s/kept %s", folder, store, folder);
		assert_int_equal(system(command), 0);
	}
	print_message("%u of 24 erasures were killed\n", killed);
	assert_true(killed > 3);
}

static void rename_in(const char *from, const char *to)
{
	char a[HZ_RECORD_PATH_BYTES + 64], b[HZ_RECORD_PATH_BYTES + 64];
	snprintf(a, sizeof(a), "%s/%s", folder, from);
	snprintf(b, sizeof(b), "%s/%s", folder, to);
	assert_int_equal(rename(a, b), 0);
}

#define MARKED       "keys/0001.erased"
#define OTHER_MARKED "keys/0002.erased"

// Whoever has the disk, but not the signing key, erases nothing unseen.
static void forged(void **state)
{
	struct faults f;
	put("keys/0003.erased", "{}");
	f = certified();
	assert_int_equal(f.count, 1);
	assert_string_equal(f.where, "keys/0003.erased");
	rename_in("keys/0003.erased", "forged");
	// The marks are signed, each for its own key: another text, another key's.
	json_t *mark = load(MARKED);
	char *signed_mark = json_dumps(mark, JSON_INDENT(1) | JSON_SORT_KEYS);
	json_object_set_new(json_object_get(mark, "erasure"), "why", json_string("because"));
	char *altered = json_dumps(mark, JSON_INDENT(1) | JSON_SORT_KEYS);
	put(MARKED, altered);
	f = certified();
	assert_int_equal(f.count, 1);
	assert_string_equal(f.where, MARKED);
	put(MARKED, "{}");
	assert_int_equal(certified().count, 1);
	put(MARKED, signed_mark);
	assert_int_equal(certified().count, 0);
	rename_in(OTHER_MARKED, "kept");
	put(OTHER_MARKED, signed_mark);
	f = certified();
	assert_int_equal(f.count, 1);
	assert_string_equal(f.where, OTHER_MARKED);
	rename_in("kept", OTHER_MARKED);
	free(signed_mark);
	free(altered);
	json_decref(mark);
	json_t *note = load("erasures/0001.json");
	char *kept = json_dumps(note, JSON_INDENT(1) | JSON_SORT_KEYS);
	json_array_append_new(json_object_get(json_object_get(note, "erasure"), "tracks"), json_integer(3));
	char *text = json_dumps(note, JSON_INDENT(1) | JSON_SORT_KEYS);
	put("erasures/0001.json", text);
	f = certified();
	assert_true(f.count >= 2); // its hash, its signature, and what it does not cover any more
	put("erasures/0001.json", kept);
	free(kept);
	free(text);
	json_decref(note);
	assert_int_equal(certified().count, 0);
	rename_in("erasures/0001.json", "erasures/0009.json");
	assert_true(certified().count >= 2);
	rename_in("erasures/0009.json", "erasures/0001.json");
	rename_in("tracks/p2.microphone.1.webm", "hidden");
	f = certified();
	assert_int_equal(f.count, 1);
	assert_string_equal(f.where, "tracks/p2.microphone.1.webm");
	rename_in("hidden", "tracks/p2.microphone.1.webm");
	assert_int_equal(certified().count, 0);
}

// Killed where the record is DELETED and nothing is gone yet: asked for again, the rest goes, and nothing is sent.
static void cut_short(void **state)
{
	char command[3 * HZ_RECORD_PATH_BYTES];
	struct hz_erased done;
	snprintf(command, sizeof(command), "rm -rf %s/kept && cp -a %s %s/kept", store, folder, store);
	assert_int_equal(system(command), 0);
	assert_int_equal(erase(NULL, &done), 0);
	snprintf(command, sizeof(command),
	         "cp %s/deletion.json %s/erasures/0001.json %s && rm -rf %s && "
	         "cp -a %s/kept %s && mv %s/deletion.json %s && mkdir -p %s/erasures && mv %s/0001.json "
	         "%s/erasures",
	         folder, folder, store, folder, store, folder, store, folder, folder, store, folder);
	assert_int_equal(system(command), 0);
	write_state(HZ_RECORD_DELETED);
	assert_true(queued(1, "fhir.json", true));
	assert_int_equal(hz_hold_set(store, ID, "Dr Li", "a complaint"), 0);
	assert_int_equal(erase(NULL, &done), -EPERM);
	assert_true(is_there("journal") && is_there("manifest.json"));
	assert_int_equal(hz_hold_end(store, folder, ID, "Dr Li", "settled"), 0);
	assert_int_equal(erase(NULL, &done), -ENODATA);
	static const char *const gone[] = {"keys",          "journal",       "tracks",
	                                   "manifest.json", "timeline.json", "lock"};
	for (unsigned i = 0; i < sizeof(gone) / sizeof(*gone); i++)
		assert_false(is_there(gone[i]));
	assert_false(queued(1, "", false));
	assert_int_equal(phase(), HZ_RECORD_DELETED);
	assert_int_equal(certified().count, 0);
	snprintf(command, sizeof(command), "rm -rf %s && cp -a %s/kept %s", folder, store, folder);
	assert_int_equal(system(command), 0);
}

static void all_of_it(void **state)
{
	struct hz_erased done;
	struct hz_verify_result r;
	char audit[HZ_RECORD_PATH_BYTES + 16];
	snprintf(audit, sizeof(audit), "%s/audit", folder);
	(void)mkdir(audit, 0700);
	put("audit/0000000001.json", "{}");
	put("audit/fhir-0000000001.json", "{}"); // is still to be delivered
	put("audit/fhir-0000000002.json", "{}"); // nobody will
	put("composed.mp4.part", "pictures");
	put("fhir.json.new", "{}");
	assert_true(queued(1, "fhir.json", true));
	assert_true(queued(1001, "audit/fhir-0000000001.json", true));
	assert_int_equal(erase(NULL, &done), 0);
	assert_false(queued(1, "", false));
	assert_true(queued(1001, "", false)); // who looked at it is told, and stays written down
	assert_true(is_there("audit/0000000001.json") && is_there("audit/fhir-0000000001.json"));
	assert_false(is_there("audit/fhir-0000000002.json"));
	assert_int_equal(phase(), HZ_RECORD_DELETED);
	static const char *const gone[] = {"keys",          "journal",       "tracks",
	                                   "manifest.json", "timeline.json", "composed.mp4.part",
	                                   "fhir.json.new"};
	for (unsigned i = 0; i < sizeof(gone) / sizeof(*gone); i++)
		assert_false(is_there(gone[i]));
	hz_record_verify(folder, master, &r);
	assert_int_equal(r.verdict, HZ_VERIFY_DELETED);
	assert_int_equal(certified().count, 0);
	json_t *deletion = load("deletion.json");
	assert_string_equal(json_string_value(json_object_get(json_object_get(deletion, "deletion"), "what")),
	                    "erased");
	json_decref(deletion);
	assert_int_equal(erase(NULL, &done), -ENODATA);
	rename_in("deletion.json", "hidden");
	assert_true(certified().count > 1); // without the note it is a loss
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(refused),        cmocka_unit_test(killed_at_any_moment),
	    cmocka_unit_test(one_person),     cmocka_unit_test(forged),
	    cmocka_unit_test(who_only_wrote), cmocka_unit_test(made_before),
	    cmocka_unit_test(cut_short),      cmocka_unit_test(all_of_it),
	};
	return cmocka_run_group_tests(tests, make_record, remove_record);
}
