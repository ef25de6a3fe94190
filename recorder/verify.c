#include "recorder/verify.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char *hz_verify_name(enum hz_verify verdict)
{
	static const char *const names[] = {"", "whole", "open", "torn", "deleted", "altered", "unreadable"};
	return names[verdict];
}

static void say(struct hz_verify_result *r, enum hz_verify verdict, const char *file, const char *what)
{
	r->verdict = verdict;
	r->fault.offset = r->fault.chunk = 0;
	snprintf(r->fault.file, sizeof(r->fault.file), "%s", file);
	snprintf(r->fault.what, sizeof(r->fault.what), "%s", what);
}

static void unreadable(struct hz_verify_result *r, int err, const char *file)
{
	say(r, HZ_VERIFY_UNREADABLE, file, strerror(-err));
	r->error = err;
}

static void check_journal(const char *folder, const uint8_t *master, struct hz_verify_result *r)
{
	struct hz_journal_reader *reader;
	struct hz_journal_item item;
	int err = hz_journal_reader_new(folder, master, &reader);
	if (err == -EKEYREJECTED)
		say(r, HZ_VERIFY_ALTERED, "keys/record",
		    "cannot be unwrapped: altered, or another master key");
	else if (err == -ENOENT)
		say(r, HZ_VERIFY_ALTERED, "keys/record", "journal or key is missing");
	else if (err)
		unreadable(r, err, "journal");
	if (err)
		return;
	do
		err = hz_journal_next(reader, &item);
	while (err == 1);
	hz_journal_summary(reader, &r->summary);
	hz_journal_fault(reader, &r->fault);
	hz_journal_reader_free(reader);
	if (err == -EBADMSG)
		r->verdict = HZ_VERIFY_ALTERED;
	else if (err)
		unreadable(r, err, "journal");
	else if (r->summary.ended)
		r->verdict = HZ_VERIFY_WHOLE;
	else
		r->verdict = r->summary.torn_bytes ? HZ_VERIFY_TORN : HZ_VERIFY_OPEN;
}

// A journal that is good in itself may be another record's, or lack its end.
static void check_state(const struct hz_record_state *s, struct hz_verify_result *r)
{
	uint8_t id[16];
	bool over = s->phase >= HZ_RECORD_ENDED && s->phase <= HZ_RECORD_DELIVERED;
	if (hz_record_id_bytes(s->id, id) == 0 && r->summary.chunks &&
	    memcmp(id, r->summary.record, sizeof(id)) != 0)
		say(r, HZ_VERIFY_ALTERED, "0001.hzj", "is the journal of another record");
	else if (over && r->verdict != HZ_VERIFY_WHOLE)
		say(r, HZ_VERIFY_ALTERED, "state.json",
		    "says that the record ended: the journal lacks its end");
}

static bool is_there(const char *folder, const char *name)
{
	char path[HZ_RECORD_PATH_BYTES + 32];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return access(path, F_OK) == 0;
}

// Anybody can write the word into state.json: a deletion leaves a signed note, whose signature and certificate `huizhen
// certificate` checks, and no journal.
static void check_deleted(const char *folder, const uint8_t *master, struct hz_verify_result *r)
{
	r->verdict = HZ_VERIFY_DELETED;
	if (is_there(folder, "journal")) {
		check_journal(folder, master, r);
		if (r->verdict <= HZ_VERIFY_TORN)
			say(r, HZ_VERIFY_ALTERED, "state.json",
			    "says that the record was deleted: its journal is there");
	} else if (!is_there(folder, "deletion.json")) {
		say(r, HZ_VERIFY_ALTERED, "deletion.json",
		    "is missing: nobody says when and why it was deleted");
	}
}

void hz_record_verify(const char *folder, const uint8_t *master, struct hz_verify_result *ret)
{
	struct hz_record_state state;
	memset(ret, 0, sizeof(*ret));
	int err = hz_record_state_read(folder, &state);
	if (err == -EBADMSG) {
		say(ret, HZ_VERIFY_ALTERED, "state.json", "is not readable");
		return;
	}
	if (err) {
		unreadable(ret, err, "state.json");
		return;
	}
	const char *name = strrchr(folder, '/');
	name = name ? name + 1 : folder;
	if (hz_record_id_good(name) && strcmp(name, state.id) != 0) {
		say(ret, HZ_VERIFY_ALTERED, "state.json", "is of another record than the folder");
		return;
	}
	if (state.phase == HZ_RECORD_DELETED) {
		check_deleted(folder, master, ret);
		return;
	}
	check_journal(folder, master, ret);
	if (ret->verdict <= HZ_VERIFY_TORN)
		check_state(&state, ret);
}
