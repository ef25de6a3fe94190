// /consults/{id}/uploads/{uid}: DICOM files, archives of them and photos, from who shows images.
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/memfd.h"
#include "gateway/base/secret.h"
#include "gateway/session/participant.h"
#include "gateway/http/rest.h"
#include "gateway/http/rest_record.h"
#include "gateway/session/table/studies.h"
#include "media/studies/uid.h"

static bool present(struct hz_rest_call *call)
{
	const struct hz_participant *p =
	    call->consult ? hz_participant_find(call->consult, call->claims.sub) : NULL;
	bool inside = p && p->status == HZ_STATUS_ADMITTED;
	if (inside && call->brain->studies)
		return true;
	hz_rest_problem(call, inside ? 404 : 403, inside ? "imaging.local_gb is 0" : NULL, NULL);
	return false;
}

static void copy(char *ret, size_t room, const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	snprintf(ret, room, "%s", text && strlen(text) < room ? text : "");
}

// A name of DICOM has its parts apart; one that is written as people do is all family name. Nothing that would make it two.
static void person(char *ret, size_t room, const json_t *patient)
{
	copy(ret, room, patient, "name");
	for (char *at = ret; *at; at++) {
		if (*at == '\\' || *at == '=' || *at == '^')
			*at = ' ';
	}
}

// Whose photos these are: the consult's subject, as far as somebody said.
static void whose(struct hz_rest_call *call, struct hz_local_take *ret)
{
	static const struct {
		const char *word, *code;
	} sexes[] = {{"male", "M"}, {"female", "F"}, {"other", "O"}};
	json_t *subject = hz_rest_subject_json(call, call->consult->id);
	const json_t *patient = json_object_get(subject, "patient");
	char date[16], both[sizeof(ret->name) + HZ_ID_TEXT_BYTES + 16];
	ret->photos = 1;
	person(ret->name, sizeof(ret->name), patient);
	copy(ret->patient_id, 65, patient, "id"); // LO: 64 characters
	copy(ret->accession, 17, subject, "accession");
	copy(date, sizeof(date), patient, "birth_date");
	if (strlen(date) == 10)
		snprintf(ret->birth, sizeof(ret->birth), "%.4s%.2s%.2s", date, date + 5, date + 8);
	copy(date, sizeof(date), patient, "sex");
	for (size_t i = 0; i < sizeof(sexes) / sizeof(*sexes); i++) {
		if (strcmp(date, sexes[i].word) == 0)
			snprintf(ret->sex, sizeof(ret->sex), "%s", sexes[i].code);
	}
	// One study of photos a consult, and another one when it turns out to be about somebody else.
	if (ret->patient_id[0])
		snprintf(both, sizeof(both), "%s/%s", call->consult->id, ret->patient_id);
	else // somebody without a number is told by name and birth
		snprintf(both, sizeof(both), "%s/%s/%s", call->consult->id, ret->name, ret->birth);
	hz_photo_uid("consult", both, ret->study);
	json_decref(subject);
}

// A body that was small enough for memory stays in it: this is the event loop, and no place to wait for a disk.
static int in_memory(const struct hz_rest_call *call)
{
	int fd = -1, err = hz_memfd_from("upload", call->req->body, call->req->body_bytes, &fd);
	return err ? -503 : fd;
}

void hz_rest_upload_put(struct hz_rest_call *call)
{
	struct hz_upload_of of = {.owner = call->claims.sub, .name = call->arg[1]};
	if (!present(call))
		return;
	if (!call->req->body_bytes) {
		hz_rest_problem(call, 400, "a file", NULL);
		return;
	}
	of.consult = call->consult->id;
	int own = call->req->body_file ? -1 : in_memory(call);
	of.fd = call->req->body_file ? *call->req->body_file : own;
	if (of.fd < 0) {
		hz_rest_problem(call, -of.fd, "the gateway has no room for it", NULL);
		return;
	}
	whose(call, &of.take);
	hz_studies_put(call->brain->studies, call->brain->now_us, &of, call->res);
	hz_wipe(&of.take, sizeof(of.take));
	if (own >= 0)
		close(own);
}

void hz_rest_upload_get(struct hz_rest_call *call)
{
	if (present(call))
		hz_studies_get(call->brain->studies, call->consult->id, call->claims.sub, call->arg[1],
		               call->res);
}
