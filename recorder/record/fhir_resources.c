#include "recorder/record/fhir_resources.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recorder/record/files.h"

#define TERMINOLOGY "http://terminology.hl7.org/CodeSystem/"

void hz_fhir_entry(struct hz_fhir_build *b, const char *urn, json_t *resource, bool tag)
{
	const char *type = json_string_value(json_object_get(resource, "resourceType"));
	if (tag) {
		json_t *coding = json_pack("{s:s, s:s}", "system", HZ_FHIR_RESOURCE, "code", urn + 9);
		json_t *meta = json_object_get(resource, "meta");
		if (!meta) {
			meta = json_object();
			json_object_set_new(resource, "meta", meta);
		}
		json_object_set_new(meta, "tag", json_pack("[o]", coding));
	}
	char *query = hz_fhir_query(tag ? "_tag" : "identifier", HZ_FHIR_RESOURCE, urn + 9);
	b->out_of_memory = b->out_of_memory || !query;
	json_array_append_new(b->entries, json_pack("{s:s, s:o, s:{s:s, s:s, s:s}}", "fullUrl", urn,
	                                            "resource", resource, "request", "method", "POST", "url",
	                                            type, "ifNoneExist", query ? query : ""));
	free(query);
}

// The last entry becomes a conditional update: created, or brought up to date.
static void make_update(struct hz_fhir_build *b)
{
	char url[600];
	json_t *entry = json_array_get(b->entries, json_array_size(b->entries) - 1),
	       *request = json_object_get(entry, "request");
	snprintf(url, sizeof(url), "%s?%s", json_string_value(json_object_get(request, "url")),
	         json_string_value(json_object_get(request, "ifNoneExist")));
	json_object_set_new(request, "method", json_string("PUT"));
	json_object_set_new(request, "url", json_string(url));
	json_object_del(request, "ifNoneExist");
}

// What is said of one manifest only.
static const char *of_manifest(const struct hz_fhir_build *b)
{
	return b->settings->again ? b->manifest->sha256 : "";
}

json_t *hz_fhir_subject(const struct hz_fhir_build *b)
{
	return b->patient || *b->manifest->subject.name
	           ? hz_fhir_reference(b->patient ? b->patient : "", b->manifest->subject.name)
	           : NULL;
}

static json_t *identifiers(const char *urn)
{
	return json_pack("[o]", hz_fhir_identifier(HZ_FHIR_RESOURCE, urn + 9));
}

static bool is_date(const char *text)
{
	int y, m, d, n = 0;
	return sscanf(text, "%4d-%2d-%2d%n", &y, &m, &d, &n) == 3 && n == 10 && !text[10] && y > 0 &&
	       m >= 1 && m <= 12 && d >= 1 && d <= 31;
}

static bool is_gender(const char *text)
{
	return strcmp(text, "male") == 0 || strcmp(text, "female") == 0 || strcmp(text, "other") == 0 ||
	       strcmp(text, "unknown") == 0;
}

void hz_fhir_patient(struct hz_fhir_build *b)
{
	const struct hz_manifest *m = b->manifest;
	const char *system = *m->subject.id_system ? m->subject.id_system : b->settings->patient_system;
	char urn[HZ_FHIR_URN_BYTES], *query;
	if (!*m->subject.id || !*system)
		return;
	if (!b->settings
	         ->create_patient) { // a conditional reference (http.html#trules): refused where the server has no such patient
		b->patient = hz_fhir_query("Patient?identifier", system, m->subject.id);
		b->out_of_memory = b->out_of_memory || !b->patient;
		return;
	}
	query = hz_fhir_query("identifier", system, m->subject.id);
	hz_fhir_urn(m->record, "Patient", m->subject.id, urn);
	json_t *patient = json_pack("{s:s, s:[o]}", "resourceType", "Patient", "identifier",
	                            hz_fhir_identifier(system, m->subject.id));
	json_t *name = hz_fhir_text(m->subject.name);
	if (name)
		json_object_set_new(patient, "name", json_pack("[o]", name));
	if (is_gender(m->subject.sex))
		json_object_set_new(patient, "gender", json_string(m->subject.sex));
	if (is_date(m->subject.birth_date))
		json_object_set_new(patient, "birthDate", json_string(m->subject.birth_date));
	json_array_append_new(b->entries, json_pack("{s:s, s:o, s:{s:s, s:s, s:s}}", "fullUrl", urn,
	                                            "resource", patient, "request", "method", "POST", "url",
	                                            "Patient", "ifNoneExist", query ? query : ""));
	b->patient = strdup(urn);
	b->out_of_memory = b->out_of_memory || !query || !b->patient;
	free(query);
}

static bool is_staff(const char *role)
{
	return strcmp(role, "patient") != 0 && strcmp(role, "companion") != 0;
}

// Who took part, by the gateway's id: the EMR may know them by another.
static json_t *person_of(const struct hz_fhir_build *b, const struct hz_manifest_person *p)
{
	char id[256];
	snprintf(id, sizeof(id), "%s/%s", b->manifest->record, p->id);
	json_t *reference =
	    json_pack("{s:s, s:o}", "type", is_staff(p->role) ? "Practitioner" : "RelatedPerson",
	              "identifier", hz_fhir_identifier(HZ_FHIR_PARTICIPANT, id));
	hz_fhir_set(reference, "display", hz_fhir_string(p->name));
	return reference;
}

void hz_fhir_encounter(struct hz_fhir_build *b)
{
	const struct hz_manifest *m = b->manifest;
	json_t *participants = json_array();
	json_t *e = json_pack("{s:s, s:o, s:s, s:o}", "resourceType", "Encounter", "identifier",
	                      identifiers(b->encounter), "status", "finished", "class",
	                      hz_fhir_coding(TERMINOLOGY "v3-ActCode", "VR", "virtual"));
	hz_fhir_set(e, "subject", hz_fhir_subject(b));
	hz_fhir_set(e, "period", hz_fhir_period(m->started_ms, m->ended_ms));
	json_t *reason = hz_fhir_text(m->title);
	if (reason)
		json_object_set_new(e, "reasonCode", json_pack("[o]", reason));
	for (unsigned i = 0; i < m->people_count; i++) {
		const struct hz_manifest_person *p = &m->people[i];
		bool patient = strcmp(p->role, "patient") == 0; // is the subject
		for (unsigned k = 0; k < (p->periods_count ? p->periods_count : 1) && !patient; k++) {
			json_t *one = json_pack(
			    "{s:[o]}", "type",
			    hz_fhir_concept(TERMINOLOGY "v3-ParticipationType", "PART", "Participation"));
			json_t *role = hz_fhir_text(p->role);
			if (role)
				json_array_append_new(json_object_get(one, "type"), role);
			if (p->periods_count)
				hz_fhir_set(one, "period",
				            hz_fhir_period(p->periods[k].from_ms, p->periods[k].to_ms));
			json_object_set_new(one, "individual", person_of(b, p));
			json_array_append_new(participants, one);
		}
	}
	if (json_array_size(participants))
		json_object_set(e, "participant", participants);
	json_decref(participants);
	hz_fhir_set(e, "serviceProvider", hz_fhir_reference("", m->subject.institution));
	hz_fhir_entry(b, b->encounter, e, false);
	hz_fhir_add(b->targets, hz_fhir_reference(b->encounter, ""));
}

// One Consent a participant: its last word. The whole history is in the certificate.
static void consent_of(struct hz_fhir_build *b, const struct hz_manifest_person *p)
{
	const struct hz_manifest_consent *last = &p->consents[p->consents_count - 1];
	char urn[HZ_FHIR_URN_BYTES], rule[400];
	bool given = strcmp(last->state, "given") == 0, withdrawn = strcmp(last->state, "withdrawn") == 0;
	hz_fhir_urn(b->manifest->record, "Consent", p->id, urn);
	json_t *c = json_pack(
	    "{s:s, s:o, s:s, s:o, s:[o]}", "resourceType", "Consent", "identifier", identifiers(urn),
	    "status",
	    given       ? "active"
	    : withdrawn ? "inactive"
	                : "rejected",
	    "scope", hz_fhir_concept(TERMINOLOGY "consentscope", "patient-privacy", "Privacy Consent"),
	    "category", hz_fhir_concept("http://loinc.org", "59284-0", "Patient Consent"));
	if (strcmp(p->role, "patient") == 0)
		hz_fhir_set(c, "patient", hz_fhir_subject(b));
	hz_fhir_set(c, "dateTime", hz_fhir_instant(last->time_ms));
	json_object_set_new(c, "performer", json_pack("[o]", person_of(b, p)));
	snprintf(rule, sizeof(rule), "Recording of the consult: wording %s, language %s", last->wording,
	         last->language);
	json_object_set_new(c, "policyRule", hz_fhir_text(rule));
	json_t *provision = json_pack("{s:s}", "type", given ? "permit" : "deny");
	int64_t from_ms = 0;
	for (unsigned i = 0; i < p->consents_count && !from_ms; i++)
		from_ms = strcmp(p->consents[i].state, "given") == 0 ? p->consents[i].time_ms : 0;
	if (withdrawn && from_ms) // what was recorded until then was consented
		hz_fhir_set(provision, "period", hz_fhir_period(last->time_ms, 0));
	else
		hz_fhir_set(provision, "period", hz_fhir_period(from_ms ? from_ms : last->time_ms, 0));
	json_object_set_new(c, "provision", provision);
	hz_fhir_entry(b, urn, c, false);
}

void hz_fhir_consents(struct hz_fhir_build *b)
{
	for (unsigned i = 0; i < b->manifest->people_count; i++)
		if (b->manifest->people[i].consents_count)
			consent_of(b, &b->manifest->people[i]);
}

static const char *media_type(const struct hz_manifest_file *f)
{
	bool sound = strcmp(f->kind, "audio") == 0;
	if (strcmp(f->container, "mp4") == 0)
		return sound ? "audio/mp4" : "video/mp4";
	if (strcmp(f->container, "webm") == 0)
		return sound ? "audio/webm" : "video/webm";
	return strcmp(f->container, "jpeg") == 0 ? "image/jpeg" : "application/octet-stream";
}

static json_t *attachment_of(const struct hz_fhir_build *b, const struct hz_manifest_file *f)
{
	const struct hz_manifest *m = b->manifest;
	char url[1024];
	json_t *a = json_pack("{s:s, s:s}", "contentType", media_type(f), "title", f->path);
	if (*b->settings->public_url) {
		snprintf(url, sizeof(url), "%s/records/%s/%s", b->settings->public_url, m->record, f->path);
		hz_fhir_set(a, "url", hz_fhir_string(url));
	}
	if (f->bytes <= INT32_MAX) // unsignedInt holds no more
		json_object_set_new(a, "size", json_integer((json_int_t)f->bytes));
	hz_fhir_set(a, "hash", hz_fhir_base64_of_hex(f->sha1));
	hz_fhir_set(a, "creation", hz_fhir_instant(m->ended_ms));
	json_object_set_new(a, "extension",
	                    json_pack("[{s:s, s:o}]", "url", HZ_FHIR_SHA256, "valueBase64Binary",
	                              hz_fhir_base64_of_hex(f->sha256)));
	return a;
}

static void document_of(struct hz_fhir_build *b, const struct hz_manifest_file *f)
{
	const struct hz_manifest *m = b->manifest;
	const struct hz_manifest_person *person = hz_manifest_person(m, f->participant);
	char urn[HZ_FHIR_URN_BYTES], name[400];
	snprintf(name, sizeof(name), "%s|%s", f->sha256, f->path);
	hz_fhir_urn(m->record, "DocumentReference", name, urn);
	json_t *d = json_pack("{s:s, s:o, s:o, s:s, s:s}", "resourceType", "DocumentReference",
	                      "masterIdentifier", hz_fhir_identifier(HZ_FHIR_RESOURCE, urn + 9), "identifier",
	                      identifiers(urn), "status", "current", "docStatus", "final");
	snprintf(name, sizeof(name), "Recording of a remote consult: %s %s", f->role, f->source);
	hz_fhir_set(d, "type", hz_fhir_text(name));
	hz_fhir_set(d, "subject", hz_fhir_subject(b));
	hz_fhir_set(d, "date", hz_fhir_instant(m->ended_ms));
	if (person && strcmp(person->role, "patient") != 0)
		json_object_set_new(d, "author", json_pack("[o]", person_of(b, person)));
	hz_fhir_set(d, "custodian", hz_fhir_reference("", m->subject.institution));
	json_object_set_new(d, "content", json_pack("[{s:o}]", "attachment", attachment_of(b, f)));
	int64_t from_ms = m->wall_zero_ms + f->at_ms;
	json_t *context = json_pack("{s:[o]}", "encounter", hz_fhir_reference(b->encounter, ""));
	hz_fhir_set(context, "period", hz_fhir_period(from_ms > 0 ? from_ms : 0, from_ms + f->duration_ms));
	json_object_set_new(d, "context", context);
	hz_fhir_entry(b, urn, d, false);
	hz_fhir_add(b->targets, hz_fhir_reference(urn, ""));
}

void hz_fhir_documents(struct hz_fhir_build *b)
{
	for (unsigned i = 0; i < b->manifest->files_count; i++)
		document_of(b, &b->manifest->files[i]);
}

static json_t *series_of(json_t *all, const json_t *instance)
{
	size_t i;
	json_t *one;
	const char *uid = json_string_value(json_object_get(instance, "series"));
	json_array_foreach(all, i, one)
	{
		if (strcmp(json_string_value(json_object_get(one, "uid")), uid) == 0)
			return one;
	}
	one = json_pack("{s:s, s:O, s:o, s:i, s:[]}", "uid", uid, "number",
	                json_object_get(instance, "series_number"), "modality",
	                hz_fhir_coding("http://dicom.nema.org/resources/ontology/DCM",
	                               json_string_value(json_object_get(instance, "modality")), ""),
	                "numberOfInstances", 0, "instance");
	json_array_append_new(all, one);
	return one;
}

void hz_fhir_imaging(struct hz_fhir_build *b)
{
	const struct hz_manifest *m = b->manifest;
	const json_t *instances = json_object_get(b->index, "instances"), *one;
	char uid[96], urn[HZ_FHIR_URN_BYTES];
	size_t i;
	if (!json_array_size(instances))
		return;
	json_t *all = json_array();
	json_array_foreach(instances, i, one)
	{
		json_t *series = series_of(all, one), *list = json_object_get(series, "instance");
		snprintf(uid, sizeof(uid), "urn:oid:%s",
		         json_string_value(json_object_get(one, "sop_class")));
		json_array_append_new(list,
		                      json_pack("{s:O, s:o, s:O}", "uid", json_object_get(one, "instance"),
		                                "sopClass", hz_fhir_coding(HZ_URI_SYSTEM, uid, ""), "number",
		                                json_object_get(one, "number")));
		json_object_set_new(series, "numberOfInstances",
		                    json_integer((json_int_t)json_array_size(list)));
	}
	snprintf(uid, sizeof(uid), "urn:oid:%s", json_string_value(json_object_get(b->index, "study")));
	hz_fhir_urn(m->record, "ImagingStudy", uid, urn);
	json_t *s = json_pack("{s:s, s:[o, o], s:s}", "resourceType", "ImagingStudy", "identifier",
	                      hz_fhir_identifier("urn:dicom:uid", uid),
	                      hz_fhir_identifier(HZ_FHIR_RESOURCE, urn + 9), "status", "available");
	json_t *subject = hz_fhir_subject(b);
	hz_fhir_set(s, "subject", subject ? subject : hz_fhir_reference("", "unknown"));
	hz_fhir_set(s, "encounter", hz_fhir_reference(b->encounter, ""));
	hz_fhir_set(s, "started", hz_fhir_instant(m->started_ms));
	hz_fhir_set(s, "description", hz_fhir_string(m->title));
	json_object_set_new(s, "numberOfSeries", json_integer((json_int_t)json_array_size(all)));
	json_object_set_new(s, "numberOfInstances", json_integer((json_int_t)json_array_size(instances)));
	json_object_set_new(s, "series", all);
	hz_fhir_entry(b, urn, s, false);
	if (b->settings->again)
		make_update(b);
	hz_fhir_add(b->targets, hz_fhir_reference(urn, ""));
}

static json_t *gateway_of(void)
{
	return json_pack("{s:s, s:s}", "type", "Device", "display", "Huizhen gateway");
}

void hz_fhir_provenance(struct hz_fhir_build *b)
{
	const struct hz_manifest *m = b->manifest;
	char urn[HZ_FHIR_URN_BYTES];
	hz_fhir_urn(m->record, "Provenance", of_manifest(b), urn);
	json_t *p =
	    json_pack("{s:s, s:O, s:o, s:[{s:o, s:o}]}", "resourceType", "Provenance", "target", b->targets,
	              "recorded", hz_fhir_instant(m->ended_ms > 0 ? m->ended_ms : 1), "agent", "type",
	              hz_fhir_concept(TERMINOLOGY "provenance-participant-type", "assembler", "Assembler"),
	              "who", gateway_of());
	hz_fhir_set(p, "occurredPeriod", hz_fhir_period(m->started_ms, m->ended_ms));
	json_object_set_new(p, "activity",
	                    hz_fhir_concept(TERMINOLOGY "v3-DataOperation", "CREATE", "create"));
	if (b->signature && *b->signature) {
		size_t bytes = strlen(b->signature);
		char *text = malloc(4 * ((bytes + 2) / 3) + 1);
		if (text)
			hz_base64((const uint8_t *)b->signature, bytes, 0, text);
		json_t *s = json_pack("{s:[o], s:o, s:o, s:s, s:s, s:s}", "type",
		                      hz_fhir_coding("urn:iso-astm:E1762-95:2013", "1.2.840.10065.1.12.1.5",
		                                     "Verification Signature"),
		                      "when", hz_fhir_instant(m->ended_ms > 0 ? m->ended_ms : 1), "who",
		                      gateway_of(), "targetFormat", "application/json", "sigFormat",
		                      "application/jose", "data", text ? text : "");
		json_object_set_new(p, "signature", json_pack("[o]", s));
		free(text);
	}
	hz_fhir_entry(b, urn, p, true);
}

static json_t *audit_agent(const char *code, const char *display, bool requestor)
{
	return json_pack("{s:o, s:o, s:b, s:{s:s, s:s}}", "type",
	                 hz_fhir_concept("http://dicom.nema.org/resources/ontology/DCM", code, display),
	                 "who", gateway_of(), "requestor", requestor, "network", "address",
	                 requestor ? "huizhen" : "emr", "type", "1");
}

// IHE BALP: Create, and PatientCreate where the patient is known.
void hz_fhir_audit(struct hz_fhir_build *b)
{
	const struct hz_manifest *m = b->manifest;
	char urn[HZ_FHIR_URN_BYTES];
	hz_fhir_urn(m->record, "AuditEvent", of_manifest(b), urn);
	json_t *entities = json_array();
	json_array_append_new(
	    entities, json_pack("{s:{s:s}, s:o, s:o}", "what", "reference", b->encounter, "type",
	                        hz_fhir_coding(TERMINOLOGY "audit-entity-type", "2", "System Object"), "role",
	                        hz_fhir_coding(TERMINOLOGY "object-role", "4", "Domain Resource")));
	json_array_append_new(
	    entities,
	    json_pack("{s:{s:o}, s:o}", "what", "identifier",
	              hz_fhir_identifier(HZ_FHIR_RESOURCE, b->encounter + 9), "type",
	              hz_fhir_coding("https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType",
	                             "XrequestId", "")));
	if (b->patient)
		json_array_append_new(
		    entities, json_pack("{s:o, s:o, s:o}", "what", hz_fhir_subject(b), "type",
		                        hz_fhir_coding(TERMINOLOGY "audit-entity-type", "1", "Person"),
		                        "role", hz_fhir_coding(TERMINOLOGY "object-role", "1", "Patient")));
	json_t *a = json_pack(
	    "{s:s, s:{s:[s]}, s:o, s:[o], s:s, s:o, s:s, s:[o, o], s:{s:o, s:[o]}, s:o}", "resourceType",
	    "AuditEvent", "meta", "profile",
	    b->patient ? "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.PatientCreate"
	               : "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.Create",
	    "type", hz_fhir_coding(TERMINOLOGY "audit-event-type", "rest", "RESTful Operation"), "subtype",
	    hz_fhir_coding("http://hl7.org/fhir/restful-interaction", "create", "create"), "action", "C",
	    "recorded", hz_fhir_instant(m->ended_ms > 0 ? m->ended_ms : 1), "outcome", "0", "agent",
	    audit_agent("110153", "Source Role ID", true),
	    audit_agent("110152", "Destination Role ID", false), "source", "observer", gateway_of(), "type",
	    hz_fhir_coding(TERMINOLOGY "security-source-type", "4", "Application Server"), "entity",
	    entities);
	hz_fhir_entry(b, urn, a, true);
}
