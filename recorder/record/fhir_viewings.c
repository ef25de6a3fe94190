#include "recorder/record/fhir_viewings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recorder/record/fhir_resources.h"

#define TERMINOLOGY "http://terminology.hl7.org/CodeSystem/"
#define DCM         "http://dicom.nema.org/resources/ontology/DCM"
#define BALP        "https://profiles.ihe.net/ITI/BALP/"
#define VIEW        "urn:huizhen:fhir:view" // system of a viewing's session

// Its number alone may come again after a database was lost.
static void urn_of(const struct hz_viewing *v, char ret[HZ_FHIR_URN_BYTES])
{
	char name[420];
	snprintf(name, sizeof(name), "viewing|%lld|%lld|%s|%s", (long long)v->number, (long long)v->time_ms,
	         v->view, v->what);
	hz_fhir_urn(v->record, "AuditEvent", name, ret);
}

static json_t *device(const char *name)
{
	return json_pack("{s:s, s:s}", "type", "Device", "display", name);
}

static json_t *machine(const char *code, const char *display, const char *name, const char *address,
                       const char *kind)
{
	return json_pack("{s:o, s:o, s:b, s:{s:s, s:s}}", "type", hz_fhir_concept(DCM, code, display), "who",
	                 device(name), "requestor", 0, "network", "address", address, "type", kind);
}

// Who looked: by the gateway's id, as in the Encounter. Without a network: that is the client's.
static json_t *user(const struct hz_viewing *v)
{
	char id[128];
	snprintf(id, sizeof(id), "%s/%s", v->record, v->participant);
	json_t *who = json_pack("{s:s, s:o}", "type", "Practitioner", "identifier",
	                        hz_fhir_identifier(HZ_FHIR_PARTICIPANT, id));
	hz_fhir_set(who, "display", hz_fhir_string(v->name));
	json_t *agent =
	    json_pack("{s:o, s:o, s:b}", "type",
	              hz_fhir_concept(TERMINOLOGY "v3-ParticipationType", "IRCP", "information recipient"),
	              "who", who, "requestor", 1);
	hz_fhir_set(agent, "altId", hz_fhir_string(v->participant));
	hz_fhir_set(agent, "name", hz_fhir_string(v->name));
	json_t *role = hz_fhir_text(v->role);
	if (role)
		json_object_set_new(agent, "role", json_pack("[o]", role));
	return agent;
}

static json_t *agents(const struct hz_viewing *v)
{
	bool known = v->address[0] != '\0'; // network-type 2: IP address; 1: machine name
	return json_pack("[o, o, o]",
	                 machine("110152", "Destination Role ID", "Browser", known ? v->address : "unknown",
	                         known ? "2" : "1"),
	                 machine("110153", "Source Role ID", "Huizhen gateway", "huizhen", "1"), user(v));
}

// query: the conditional reference, taken; NULL: none.
static json_t *reference(const char *type, json_t *identifier, char *query)
{
	json_t *what = json_pack("{s:s, s:o}", "type", type, "identifier", identifier);
	if (query)
		json_object_set_new(what, "reference", json_string(query));
	free(query);
	return what;
}

static json_t *encounter(const struct hz_fhir_viewings *of)
{
	char urn[HZ_FHIR_URN_BYTES];
	hz_fhir_urn(of->record, "Encounter", "", urn);
	return reference("Encounter", hz_fhir_identifier(HZ_FHIR_RESOURCE, urn + 9),
	                 of->told ? hz_fhir_query("Encounter?identifier", HZ_FHIR_RESOURCE, urn + 9) : NULL);
}

static json_t *patient(const struct hz_fhir_viewings *of)
{
	const struct hz_manifest *m = of->manifest;
	const char *system = !m ? "" : *m->subject.id_system ? m->subject.id_system : of->patient_system;
	if (!m || !*m->subject.id || !*system)
		return NULL;
	return reference("Patient", hz_fhir_identifier(system, m->subject.id),
	                 of->told ? hz_fhir_query("Patient?identifier", system, m->subject.id) : NULL);
}

static json_t *document(const struct hz_fhir_viewings *of, const struct hz_viewing *v)
{
	char urn[HZ_FHIR_URN_BYTES], name[400];
	for (unsigned i = 0; of->manifest && i < of->manifest->files_count; i++) {
		const struct hz_manifest_file *f = &of->manifest->files[i];
		if (strcmp(f->path, v->what) != 0)
			continue;
		snprintf(name, sizeof(name), "%s|%s", f->sha256, f->path); // as in the record's own Bundle
		hz_fhir_urn(of->record, "DocumentReference", name, urn);
		return reference("DocumentReference", hz_fhir_identifier(HZ_FHIR_RESOURCE, urn + 9), NULL);
	}
	return NULL;
}

static json_t *entity(json_t *what, json_t *type, const char *role, const char *display)
{
	json_t *one = json_pack("{s:o, s:o}", "what", what, "type", type);
	if (role)
		json_object_set_new(one, "role", hz_fhir_coding(TERMINOLOGY "object-role", role, display));
	return one;
}

static json_t *system_object(void)
{
	return hz_fhir_coding(TERMINOLOGY "audit-entity-type", "2", "System Object");
}

// BALP knows one entity of what was read: the file, or else the consult, which stands beside a file under a type of its own.
static json_t *entities(const struct hz_fhir_viewings *of, const struct hz_viewing *v)
{
	json_t *list = json_array(), *file = document(of, v), *person = patient(of);
	json_t *data = entity(file ? file : encounter(of), system_object(), file ? "3" : "4",
	                      file ? "Report" : "Domain Resource");
	hz_fhir_set(data, "name", hz_fhir_string(v->what));
	json_array_append_new(list, data);
	if (file)
		json_array_append_new(list, entity(encounter(of),
		                                   hz_fhir_coding("http://hl7.org/fhir/resource-types",
		                                                  "Encounter", "Encounter"),
		                                   "4", "Domain Resource"));
	if (person)
		json_array_append_new(
		    list, entity(person, hz_fhir_coding(TERMINOLOGY "audit-entity-type", "1", "Person"), "1",
		                 "Patient"));
	json_array_append_new(list,
	                      entity(json_pack("{s:o}", "identifier", hz_fhir_identifier(VIEW, v->view)),
	                             hz_fhir_coding(BALP "CodeSystem/BasicAuditEntityType", "XrequestId", ""),
	                             NULL, NULL));
	return list;
}

static void add(struct hz_fhir_build *b, const struct hz_fhir_viewings *of, const struct hz_viewing *v)
{
	char urn[HZ_FHIR_URN_BYTES];
	json_t *about = patient(of);
	json_t *a =
	    json_pack("{s:s, s:{s:[s]}, s:o, s:[o], s:s, s:o, s:s, s:o, s:{s:o, s:[o]}, s:o}", "resourceType",
	              "AuditEvent", "meta", "profile",
	              about ? BALP "StructureDefinition/IHE.BasicAudit.PatientRead"
	                    : BALP "StructureDefinition/IHE.BasicAudit.Read",
	              "type", hz_fhir_coding(TERMINOLOGY "audit-event-type", "rest", "RESTful Operation"),
	              "subtype", hz_fhir_coding("http://hl7.org/fhir/restful-interaction", "read", "read"),
	              "action", "R", "recorded", hz_fhir_instant(v->time_ms), "outcome", "0", "agent",
	              agents(v), "source", "observer", device("Huizhen gateway"), "type",
	              hz_fhir_coding(TERMINOLOGY "security-source-type", "4", "Application Server"), "entity",
	              entities(of, v));
	json_decref(about);
	urn_of(v, urn);
	if (a)
		hz_fhir_entry(b, urn, a, true);
	b->out_of_memory = b->out_of_memory || !a;
}

int hz_fhir_viewings(const struct hz_fhir_viewings *of, void **ret)
{
	struct hz_fhir_build b = {.entries = json_array()};
	for (unsigned i = 0; b.entries && i < of->count; i++)
		add(&b, of, &of->viewings[i]);
	json_t *bundle = b.entries ? json_pack("{s:s, s:s, s:O}", "resourceType", "Bundle", "type",
	                                       "transaction", "entry", b.entries)
	                           : NULL;
	bool good = bundle && !b.out_of_memory && json_array_size(b.entries) == of->count;
	json_decref(b.entries);
	if (!good) {
		json_decref(bundle);
		return -ENOMEM;
	}
	*ret = bundle;
	return 0;
}

bool hz_fhir_viewings_has(const void *bundle, const struct hz_viewing *viewing)
{
	char urn[HZ_FHIR_URN_BYTES];
	size_t i;
	const json_t *entry;
	urn_of(viewing, urn);
	json_array_foreach(json_object_get(bundle, "entry"), i, entry)
	{
		const char *text = json_string_value(json_object_get(entry, "fullUrl"));
		if (text && strcmp(text, urn) == 0)
			return true;
	}
	return false;
}
