// Consults, links, used tokens, removals, idempotency: what must never be forgotten.
#include <errno.h>

#include "gateway/store/consults.h"
#include "gateway/store/links.h"
#include "gateway/store/participants.h"
#include "tests/unit/store/scratch.h"

struct seen {
	unsigned count;
	char ids[512];
	bool closed;
	int64_t revoked_ms, redeemed_ms;
};

static bool see_consult(void *arg, const struct hz_consult_row *row)
{
	struct seen *seen = arg;
	seen->count++;
	seen->closed = row->closed;
	strcat(seen->ids, row->id);
	strcat(seen->ids, " ");
	return true;
}

static bool see_link(void *arg, const struct hz_link_row *row)
{
	struct seen *seen = arg;
	seen->count++;
	seen->revoked_ms = row->revoked_ms;
	seen->redeemed_ms = row->redeemed_ms;
	strcat(seen->ids, row->id);
	strcat(seen->ids, " ");
	return true;
}

static void put_consult(struct hz_store *store, const char *id, int64_t created_ms, bool closed)
{
	const struct hz_consult_row row = {
	    .id = id, .title = "T", .closed = closed, .created_ms = created_ms};
	assert_int_equal(hz_store_consult_put(store, &row), 0);
}

static void consults(void **state)
{
	struct scratch *s = *state;
	struct seen seen = {.count = 0};
	assert_int_equal(hz_store_consult_get(s->store, "a", see_consult, &seen), -ENOENT);
	put_consult(s->store, "a", 100, false);
	put_consult(s->store, "b", 200, false);
	put_consult(s->store, "c", 200, true);
	put_consult(s->store, "a", 999, false); // an update keeps the time of its making
	assert_true(hz_store_dirty(s->store));
	assert_int_equal(hz_store_commit(s->store), 0);
	scratch_reopen(s);
	assert_int_equal(hz_store_consult_list(s->store, NULL, 2, see_consult, &seen), 0);
	assert_string_equal(seen.ids, "c b ");
	assert_int_equal(hz_store_consult_list(s->store, "b", 2, see_consult, &seen), 0);
	assert_string_equal(seen.ids, "c b a ");
	assert_int_equal(hz_store_consult_list(s->store, "a", 2, see_consult, &seen), 0);
	assert_int_equal(hz_store_consult_list(s->store, "nobody", 2, see_consult, &seen), 0);
	assert_int_equal(seen.count, 3);
	memset(&seen, 0, sizeof(seen));
	assert_int_equal(hz_store_consult_open(s->store, see_consult, &seen), 0);
	assert_int_equal(seen.count, 2);
	assert_int_equal(hz_store_consult_get(s->store, "c", see_consult, &seen), 0);
	assert_true(seen.closed);
	// An id that looks like SQL is an id.
	put_consult(s->store, "x' OR '1'='1", 1, false);
	assert_int_equal(hz_store_consult_get(s->store, "x' OR '1'='1", see_consult, &seen), 0);
}

static int put_link(struct hz_store *store, const char *id, unsigned code, bool single_use,
                    int64_t expires_ms)
{
	struct hz_link_row row = {
	    .id = id,
	    .consult = "c",
	    .role = "patient",
	    .name = "N",
	    .single_use = single_use,
	    .created_ms = code,
	    .expires_ms = expires_ms,
	};
	memcpy(row.code_hash, hash_of(code), sizeof(row.code_hash));
	return hz_store_link_put(store, &row);
}

static void links(void **state)
{
	struct scratch *s = *state;
	struct seen seen = {.count = 0};
	unsigned count = 9;
	assert_int_equal(put_link(s->store, "l1", 1, true, 1000), 0);
	assert_int_equal(put_link(s->store, "l2", 2, false, 1000), 0);
	assert_int_equal(put_link(s->store, "l2", 3, false, 1000), -EEXIST);
	assert_int_equal(put_link(s->store, "l3", 2, false, 1000), -EEXIST);
	assert_int_equal(hz_store_commit(s->store), 0); // the refused ones did no harm
	assert_int_equal(hz_store_link_count(s->store, "c", &count), 0);
	assert_int_equal(count, 2);
	assert_int_equal(hz_store_link_by_code(s->store, hash_of(7), see_link, &seen), -ENOENT);
	assert_int_equal(hz_store_link_list(s->store, "c", NULL, 10, see_link, &seen), 0);
	assert_string_equal(seen.ids, "l2 l1 ");
	assert_int_equal(hz_store_link_list(s->store, "d", NULL, 10, see_link, &seen), 0);
	assert_int_equal(seen.count, 2);
	assert_int_equal(hz_store_link_revoke(s->store, "c", "nobody", 5), -ENOENT);
	assert_int_equal(hz_store_link_revoke(s->store, "other", "l1", 5), -ENOENT);
	assert_int_equal(hz_store_link_revoke(s->store, "c", "l1", 5), 0);
	assert_int_equal(hz_store_link_revoke(s->store, "c", "l1", 6), 0);
	assert_int_equal(hz_store_link_by_code(s->store, hash_of(1), see_link, &seen), 0);
	assert_int_equal(seen.revoked_ms, 5);
}

static void redeem(void **state)
{
	struct scratch *s = *state;
	char who[HZ_STORE_ID_BYTES] = "";
	put_link(s->store, "one", 1, true, 1000);
	put_link(s->store, "many", 2, false, 1000);
	assert_int_equal(hz_store_link_redeemed(s->store, "one", hash_of(50), who), -ENOENT);
	assert_int_equal(hz_store_link_redeem(s->store, "one", hash_of(50), "p1", 10), 0);
	assert_int_equal(hz_store_commit(s->store), 0);
	assert_int_equal(hz_store_link_redeem(s->store, "one", hash_of(51), "p2", 11), -EEXIST);
	assert_int_equal(hz_store_link_redeem(s->store, "nobody", hash_of(51), "p2", 11), -EEXIST);
	hz_store_rollback(s->store);
	assert_int_equal(hz_store_link_redeemed(s->store, "one", hash_of(50), who), 0);
	assert_string_equal(who, "p1");
	assert_int_equal(hz_store_link_redeemed(s->store, "many", hash_of(50), who), -ENOENT);
	for (unsigned i = 0; i < HZ_LINK_REDEMPTIONS_MAX; i++)
		assert_int_equal(hz_store_link_redeem(s->store, "many", hash_of(1000 + i), "p", 12), 0);
	assert_int_equal(hz_store_link_redeem(s->store, "many", hash_of(9999), "p", 12), -ENOSPC);
	hz_store_commit(s->store);
	// Removal: the browser's cookie is worth nothing any more, in that consult only.
	assert_int_equal(hz_store_removed_put(s->store, "other", "p1", 20), 0);
	assert_int_equal(hz_store_link_redeemed(s->store, "one", hash_of(50), who), 0);
	assert_int_equal(hz_store_removed_put(s->store, "c", "p1", 20), 0);
	assert_int_equal(hz_store_link_redeemed(s->store, "one", hash_of(50), who), -EPERM);
}

static void removed(void **state)
{
	struct scratch *s = *state;
	int64_t at_ms = 7;
	assert_int_equal(hz_store_removed_get(s->store, "c", "p", &at_ms), 0);
	assert_int_equal(at_ms, 0);
	assert_int_equal(hz_store_removed_put(s->store, "c", "p", 100), 0);
	assert_int_equal(hz_store_removed_put(s->store, "c", "p", 200), 0);
	scratch_reopen(s); // closing commits
	assert_int_equal(hz_store_removed_get(s->store, "c", "p", &at_ms), 0);
	assert_int_equal(at_ms, 200);
	assert_int_equal(hz_store_removed_get(s->store, "c", "P", &at_ms), 0);
	assert_int_equal(at_ms, 0);
}

// What was looked up and is remembered is forgotten with a removal, also one that is taken back.
static void removed_later(void **state)
{
	struct scratch *s = *state;
	int64_t at_ms = 7;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(hz_store_removed_get(s->store, "c", "p", &at_ms), 0);
		assert_int_equal(at_ms, 0);
		assert_int_equal(hz_store_removed_get(s->store, "c", "q", &at_ms), 0);
		assert_int_equal(at_ms, 0);
	}
	assert_int_equal(hz_store_removed_put(s->store, "c", "p", 100), 0);
	assert_int_equal(hz_store_removed_get(s->store, "c", "p", &at_ms), 0);
	assert_int_equal(at_ms, 100);
	hz_store_rollback(s->store);
	assert_int_equal(hz_store_removed_get(s->store, "c", "p", &at_ms), 0);
	assert_int_equal(at_ms, 0);
	assert_int_equal(hz_store_removed_put(s->store, "c", "p", 200), 0);
	assert_int_equal(hz_store_commit(s->store), 0);
	assert_int_equal(hz_store_removed_get(s->store, "c", "p", &at_ms), 0);
	assert_int_equal(at_ms, 200);
	char id[HZ_STORE_ID_BYTES]; // more than are remembered, of several consults
	for (int i = 0; i < 200; i++) {
		snprintf(id, sizeof(id), "p%d", i / 2);
		assert_int_equal(hz_store_removed_get(s->store, i % 2 ? "c" : "d", id, &at_ms), 0);
		assert_int_equal(at_ms, 0);
		assert_int_equal(hz_store_removed_get(s->store, "c", "p", &at_ms), 0);
		assert_int_equal(at_ms, 200);
		assert_int_equal(hz_store_removed_get(s->store, "d", "p", &at_ms), 0);
		assert_int_equal(at_ms, 0);
	}
}

static void one_row(void *arg, const struct hz_participant_row *row)
{
	(void)arg;
	assert_non_null(row);
}

// Rows of closed consults do not pile up; those of open ones stay.
static void sweep(void **state)
{
	struct scratch *s = *state;
	int64_t at_ms = 0;
	struct hz_participant_row row = {
	    .id = "p", .name = "P", .role = "patient", .status = HZ_STATUS_LEFT, .admitted_by = ""};
	put_consult(s->store, "open", 1, false);
	put_consult(s->store, "shut", 2, true);
	for (int i = 0; i < 2; i++) {
		row.consult = i ? "shut" : "open";
		assert_int_equal(hz_store_participant_put(s->store, &row), 0);
		assert_int_equal(hz_store_removed_put(s->store, row.consult, "p", 100), 0);
	}
	assert_int_equal(hz_store_sweep(s->store, 366 * (int64_t)86400000), 0);
	assert_int_equal(hz_store_removed_get(s->store, "shut", "p", &at_ms), 0);
	assert_int_equal(at_ms, 100);
	assert_int_equal(hz_store_sweep(s->store, 366 * (int64_t)86400000 + 101), 0);
	assert_int_equal(hz_store_commit(s->store), 0);
	assert_int_equal(hz_store_removed_get(s->store, "open", "p", &at_ms), 0);
	assert_int_equal(at_ms, 100);
	assert_int_equal(hz_store_removed_get(s->store, "shut", "p", &at_ms), 0);
	assert_int_equal(at_ms, 0);
	assert_int_equal(hz_store_participant_get(s->store, "open", "p", one_row, NULL), 0);
	assert_int_equal(hz_store_participant_get(s->store, "shut", "p", one_row, NULL), -ENOENT);
}

static void tokens(void **state)
{
	struct scratch *s = *state;
	bool used = true;
	assert_int_equal(hz_store_token_used(s->store, hash_of(1), &used), 0);
	assert_false(used);
	assert_int_equal(hz_store_token_use(s->store, hash_of(1), 1000), 0);
	assert_int_equal(hz_store_token_use(s->store, hash_of(1), 1000), -EEXIST);
	assert_int_equal(hz_store_token_use(s->store, hash_of(2), 5000), 0);
	assert_int_equal(hz_store_commit(s->store), 0);
	assert_int_equal(hz_store_sweep(s->store, 2000), 0);
	assert_int_equal(hz_store_token_used(s->store, hash_of(1), &used), 0);
	assert_false(used); // expired: the signature check refuses it now
	assert_int_equal(hz_store_token_used(s->store, hash_of(2), &used), 0);
	assert_true(used);
}

static void see_answer(void *arg, const uint8_t *request_hash, unsigned status, const char *body)
{
	assert_memory_equal(request_hash, hash_of(77), HZ_STORE_HASH_BYTES);
	assert_int_equal(status, 201);
	strcpy(arg, body);
}

static void idempotency(void **state)
{
	struct scratch *s = *state;
	char body[32] = "";
	struct hz_idempotency_row row = {.status = 201, .body = "abcd", .at_ms = 1};
	memcpy(row.key_hash, hash_of(5), sizeof(row.key_hash));
	memcpy(row.request_hash, hash_of(77), sizeof(row.request_hash));
	assert_int_equal(hz_store_idempotency_get(s->store, hash_of(5), see_answer, body), -ENOENT);
	assert_int_equal(hz_store_idempotency_put(s->store, &row), 0);
	assert_int_equal(hz_store_idempotency_get(s->store, hash_of(5), see_answer, body), 0);
	assert_string_equal(body, "abcd");
	assert_int_equal(hz_store_sweep(s->store, 86400000 + 2), 0);
	assert_int_equal(hz_store_idempotency_get(s->store, hash_of(5), see_answer, body), -ENOENT);
}

static void rollback(void **state)
{
	struct scratch *s = *state;
	struct seen seen = {.count = 0};
	put_consult(s->store, "a", 1, false);
	hz_store_rollback(s->store);
	assert_false(hz_store_dirty(s->store));
	assert_int_equal(hz_store_consult_get(s->store, "a", see_consult, &seen), -ENOENT);
	assert_int_equal(hz_store_commit(s->store), 0); // nothing open
	hz_store_rollback(s->store);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, scratch_setup, scratch_teardown)
	const struct CMUnitTest tests[] = {T(consults), T(links),         T(redeem),
	                                   T(removed),  T(removed_later), T(tokens),
	                                   T(rollback), T(idempotency),   T(sweep)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
