// /consults/{id}/recording, /consults/{id}/consents, and the subject of a consult.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/secret.h"
#include "gateway/session/record/consent.h"
#include "gateway/session/persist.h"
#include "gateway/session/record/record.h"
#include "gateway/http/rest.h"
#include "gateway/http/rest_record.h"
#include "gateway/store/records.h"
#include "recorder/manifest.h"
#include "signaling/auth/names.h"
#include "signaling/protocol/problem.h"

#define RECORDS_SHOWN 200

static bool on_record(void *arg, const struct hz_record_row *row)
{
	json_t *item = json_pack("{s:s, s:I, s:n, s:s}", "id", row->id, "started_ms",
	                         (json_int_t)row->started_ms, "ended_ms", "started_by", row->started_by);
	if (item && row->ended_ms)
		json_object_set_new(item, "ended_ms", json_integer(row->ended_ms));
	json_array_append_new(arg, item);
	return true;
}

static void answer_recording(struct hz_rest_call *call)
{
	json_t *records = json_array();
	int err = hz_store_record_list(call->brain->store, call->arg[0], RECORDS_SHOWN, on_record, records);
	if (err) {
		json_decref(records);
		hz_rest_error(call, err);
		return;
	}
	json_t *now = call->consult ? hz_record_json(call->brain, call->consult, true)
	                            : json_pack("{s:s, s:s}", "state", "off", "wish", "off");
	hz_json_answer(call->res, json_pack("{s:o, s:o}", "record", now, "records", records));
}

void hz_rest_recording_get(struct hz_rest_call *call)
{
	answer_recording(call);
}

void hz_rest_recording_post(struct hz_rest_call *call)
{
	int err = hz_record_start(call->brain, call->consult, call->claims.sub);
	if (err == -ENOTCONN)
		hz_rest_problem(call, 503, "there is no recorder", NULL);
	else if (err)
		hz_rest_error(call, err);
	else
		answer_recording(call);
}

void hz_rest_recording_delete(struct hz_rest_call *call)
{
	int err = hz_record_stop(call->brain, call->consult, call->claims.sub);
	if (err)
		hz_rest_error(call, err);
	else
		hz_response_status(call->res, 204);
}

static bool on_consent(void *arg, const struct hz_consent_row *row)
{
	struct hz_rest_rows *rows = arg;
	const char *id = hz_rest_rows_next(rows, row->seq);
	if (!id)
		return false;
	json_array_append_new(rows->items,
	                      json_pack("{s:s, s:s, s:s, s:I, s:s, s:s, s:s, s:s}", "id", id, "participant",
	                                row->participant, "state", hz_consent_name(row->state), "time_ms",
	                                (json_int_t)row->time_ms, "wording", row->wording, "wording_sha256",
	                                row->wording_hash, "language", row->language, "source", row->source));
	return true;
}

void hz_rest_consents_get(struct hz_rest_call *call)
{
	struct hz_rest_rows rows;
	if (!hz_rest_rows_begin(call, &rows))
		return;
	int err = hz_store_consent_list(call->brain->store, call->arg[0], rows.after, rows.limit + 1,
	                                on_consent, &rows);
	hz_rest_rows_end(call, &rows, err, NULL);
}

// --- the subject

// The schema counts characters; the manifest, which this ends in, bytes. What it could not hold is refused here, where
// somebody can still correct it.
static const struct {
	bool patient;
	const char *name;
	size_t most;
} subject_texts[] = {{true, "id", HZ_MANIFEST_ID_BYTES},
                     {true, "id_system", HZ_MANIFEST_SYSTEM_BYTES},
                     {true, "name", HZ_MANIFEST_NAME_BYTES},
                     {false, "accession", HZ_MANIFEST_ACCESSION_BYTES},
                     {false, "department", HZ_MANIFEST_NAME_BYTES},
                     {false, "institution", HZ_MANIFEST_NAME_BYTES},
                     {false, "encounter", HZ_MANIFEST_ID_BYTES}};

bool hz_rest_subject_valid(struct hz_rest_call *call, const json_t *body)
{
	const json_t *subject = json_object_get(body, "subject"),
	             *patient = json_object_get(subject, "patient");
	const char *name = json_string_value(json_object_get(patient, "name"));
	if (name && !hz_name_valid(name)) {
		hz_rest_problem(call, 422, "1 to 80 characters that can be seen", "/subject/patient/name");
		return false;
	}
	for (unsigned i = 0; i < sizeof(subject_texts) / sizeof(*subject_texts); i++) {
		bool of_patient = subject_texts[i].patient;
		const json_t *text = json_object_get(of_patient ? patient : subject, subject_texts[i].name);
		char detail[80], field[64];
		if (json_string_length(text) <= subject_texts[i].most)
			continue;
		snprintf(detail, sizeof(detail), "at most %zu bytes of UTF-8 (%zu Chinese characters)",
		         subject_texts[i].most, subject_texts[i].most / 3);
		snprintf(field, sizeof(field), "/subject/%s%s", of_patient ? "patient/" : "",
		         subject_texts[i].name);
		hz_rest_problem(call, 422, detail, field);
		return false;
	}
	return true;
}

int hz_rest_subject_put(struct hz_rest_call *call, const char *consult, const json_t *subject)
{
	char *text = json_is_object(subject) ? json_dumps(subject, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	if (json_is_object(subject) && !text)
		return -ENOMEM;
	hz_persist_flush(call->brain); // what others wrote is not this one's to roll back
	int err = hz_store_subject_put(call->brain->store, consult, text);
	if (err)
		hz_store_rollback(call->brain->store);
	else
		err = hz_persist_commit(call->brain);
	if (text)
		hz_wipe(text, strlen(text));
	free(text);
	return err;
}

json_t *hz_rest_subject_json(const struct hz_rest_call *call, const char *consult)
{
	char *text = NULL;
	if (hz_store_subject_get(call->brain->store, consult, &text))
		return NULL;
	json_t *json = json_loads(text, 0, NULL);
	hz_wipe(text, strlen(text));
	free(text);
	return json;
}
