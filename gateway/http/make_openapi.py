#!/usr/bin/env python3
"""Writes openapi.json: the paths below, and the schemas of signaling/protocol/schema as components.

usage: make_openapi.py      run it after a change here or in the schemas; tests/unit/http/test_session_rest.c checks that nothing drifted
"""
import json
import os

HERE = os.path.dirname(os.path.abspath(__file__))
SCHEMAS = os.path.join(HERE, "../../signaling/protocol/schema")


def localise(node):
    """References become references to components; names of types.json get the prefix `types.`"""
    if isinstance(node, list):
        return [localise(item) for item in node]
    if not isinstance(node, dict):
        return node
    out = {}
    for key, value in node.items():
        if key == "$ref":
            value = value.replace("types.json#/$defs/", "#/components/schemas/types.")
            out[key] = value.replace("#/$defs/", "#/components/schemas/" + PREFIX)
        else:
            out[key] = localise(value)
    return out


components = {}
for name, PREFIX in (("rest", ""), ("types", "types.")):
    with open(os.path.join(SCHEMAS, name + ".json"), encoding="utf-8") as f:
        for key, schema in json.load(f)["$defs"].items():
            components[PREFIX + key] = localise(schema)


def ref(name):
    return {"$ref": "#/components/schemas/" + name}


def answer(text, schema=None, *others):
    out = {"description": text}
    if schema:
        out["content"] = {"application/json": {"schema": ref(schema)}, **{kind: {} for kind in others}}
    return out


def problem(text):
    return {"description": text, "content": {"application/problem+json": {"schema": ref("problem")}}}


ERRORS = {
    "400": problem("A parameter is wrong; `field` names it"),
    "401": problem("Token missing, wrong or expired"),
    "403": problem("The token does not allow this"),
    "404": problem("No such thing"),
    "405": problem("Not with this method; see Allow"),
    "412": problem("If-Match names another version"),
    "416": problem("Nothing of this range is in the file"),
    "409": problem("Not in this state"),
    "507": problem("No room on the disk"),
    "410": problem("It was, and is over"),
    "413": problem("The body is too large"),
    "415": problem("The body is not application/json"),
    "422": problem("The body does not hold to its schema; `field` is a JSON Pointer"),
    "429": problem("Too many requests; see Retry-After"),
    "500": problem("The gateway failed; nothing was changed"),
    "502": problem("The PACS does not answer, or not with what was asked for; `detail` says which"),
    "503": problem("Not now; try again"),
    "504": problem("The PACS stopped answering"),
}


def parameter(name, where, text, schema=None, required=False):
    return {"name": name, "in": where, "required": required, "description": text,
            "schema": schema or ref("types.id")}


PAGE = [
    parameter("limit", "query", "At most so many items", {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}),
    parameter("cursor", "query", "`next` of the page before"),
]
CSV = [parameter("format", "query", "csv: as a table; the next page is in Link, and has no line of names", {"enum": ["json", "csv"]})]
IDEMPOTENCY = [parameter("Idempotency-Key", "header", "The same key and request again within 24 hours get the same answer",
                         {"type": "string", "minLength": 1, "maxLength": 255})]
CONSULT = parameter("id", "path", "The consult", required=True)
PERSON = parameter("pid", "path", "The participant", required=True)
RECORD = parameter("id", "path", "The record, a UUID", required=True)
VIEW = parameter("view", "path", "The viewing, as POST gave it", required=True)
FILE = parameter("path", "path", "As the manifest names it, '/' included", {"type": "string", "minLength": 1, "maxLength": 255}, True)
SOURCE = parameter("sid", "path", "The source, and its participant", required=True)
LINK = parameter("lid", "path", "The link", required=True)
CODE = parameter("code", "path", "The link's code", {"type": "string", "minLength": 22, "maxLength": 22}, True)


def operation(name, summary, answers, grant=None, errors=(), parameters=(), body=None):
    op = {"operationId": name, "summary": summary}
    if parameters:
        op["parameters"] = list(parameters)
    if body:
        op["requestBody"] = {"required": True, "content": {"application/json": {"schema": ref(body)}}}
    if grant:
        op["description"] = "Needs the grant " + grant + "; a token of one consult works inside that one only."
    else:
        op["security"] = []
    common = ["401", "403"] if grant else []
    op["responses"] = dict(answers)
    for code in sorted(set(common + ["429", "500", "503"] + list(errors))):
        op["responses"][code] = ERRORS[code]
    return op


def file_operation():
    op = operation("getFile", "A file of a record, or a part of it (Range, RFC 9110). The viewing's cookie or a token, which needs the"
                   " grant `record` or `audit`", {}, None, ["401", "403", "404", "409", "410", "412", "416"],
                   [parameter("download", "query", "To be saved, not shown; not for auditors", {"type": "string", "maxLength": 1})])
    op["security"] = [{"token": []}, {"view": []}]
    op["responses"] = {"200": {"description": "The file; ETag is its SHA-256"},
                       "206": {"description": "A part of it; of a range without an end at most 4 MiB"},
                       "304": {"description": "As If-None-Match knows it"}, **op["responses"]}
    return op


watch = "`record` or `audit`"
manage, admit, either = "`manage`", "`admit`", "`manage` or `admit`"
BODY = ["400", "413", "415", "422"]
paths = {
    "/openapi.json": {"get": operation("openapi", "This document", {"200": {"description": "OpenAPI 3.1"}})},
    "/consults": {
        "get": operation("listConsults", "Consults, newest first", {"200": answer("A page", "consult.list")}, manage,
                         ["400"], PAGE),
        "post": operation("createConsult", "Open a consult", {"201": answer("It is open", "consult")}, "`create`",
                          BODY + ["409"], IDEMPOTENCY, "consult.create"),
    },
    "/consults/{id}": {
        "parameters": [CONSULT],
        "get": operation("getConsult", "One consult", {"200": answer("The consult", "consult")}, manage, ["404"]),
        "patch": operation("updateConsult", "Rename or close it", {"200": answer("As it is now", "consult")}, manage,
                           BODY + ["404", "409"], (), "consult.update"),
        "delete": operation("closeConsult", "Close it: everybody leaves", {"204": answer("Closed")}, manage, ["404", "409"]),
    },
    "/consults/{id}/participants": {
        "parameters": [CONSULT],
        "get": operation("listParticipants", "Who is there or waits in the lobby, by id",
                         {"200": answer("A page", "participant.list")}, either, ["400", "404"], PAGE),
    },
    "/consults/{id}/participants/{pid}": {
        "parameters": [CONSULT, PERSON],
        "get": operation("getParticipant", "One participant", {"200": answer("The participant", "types.participant")},
                         either, ["404"]),
        "patch": operation("updateParticipant", "Admit, or send back to the lobby",
                           {"200": answer("As it is now", "types.participant")}, admit, BODY + ["404", "409"], (),
                           "participant.update"),
        "delete": operation("removeParticipant", "Remove: its tokens and links work no more", {"204": answer("Removed")},
                            admit, ["404", "409"]),
    },
    "/consults/{id}/participants/{pid}/stats": {
        "parameters": [CONSULT, PERSON],
        "get": operation("getStats", "How its connection is", {"200": answer("The numbers", "types.stats")}, either, ["404"]),
    },
    "/consults/{id}/events": {
        "parameters": [CONSULT],
        "get": operation("listEvents", "What happened to the network and presence of its participants, oldest first; also of"
                         " a closed consult. The newest 5000 are kept until 90 days after the end",
                         {"200": answer("A page", "event.list")}, either, ["400", "404"], PAGE),
    },
    "/consults/{id}/recording": {
        "parameters": [CONSULT],
        "get": operation("getRecording", "Whether it is recorded now, and its records", {"200": answer("As it is now", "recording")},
                         "`manage` or `record`", ["404"]),
        "post": operation("startRecording", "Start recording those who consented; nothing changes when it runs already",
                          {"200": answer("As it is now; `on` once the recorder has confirmed it", "recording")}, "`record`",
                          ["404", "409"], IDEMPOTENCY),
        "delete": operation("stopRecording", "Stop recording. It does not start again by itself while anybody of now is there",
                            {"204": answer("Stopped")}, "`record`", ["404", "409"]),
    },
    "/consults/{id}/layout": {
        "parameters": [CONSULT],
        "get": operation("getLayout", "How its composed picture is laid out", {"200": answer("As it is now", "types.layout")}, either,
                         ["404"]),
        "put": operation("putLayout", "Lay it out so; everybody inside is told", {"200": answer("As it is now", "types.layout")}, admit,
                         BODY + ["404", "409"], (), "layout.put"),
    },
    "/consults/{id}/broadcast": {
        "parameters": [CONSULT],
        "get": operation("getBroadcast", "The broadcast of a consult", {"200": answer("As it is now", "types.broadcast")},
                         "`direct`", ["404"]),
        "put": operation("putBroadcast", "Make it, or change it", {"200": answer("As it is now", "types.broadcast")}, "`direct`",
                         BODY + ["404", "409"], (), "broadcast.put"),
        "delete": operation("endBroadcast", "End it: its viewers go", {"204": answer("Ended")}, "`direct`", ["404", "409"]),
    },
    "/consults/{id}/broadcast/masks": {
        "parameters": [CONSULT],
        "put": operation("putMasks", "What is painted over of a source before anybody outside sees it; masks_confirmed_ms says since when nothing else leaves",
                         {"200": answer("The broadcast as it is now", "types.broadcast")}, "`direct`", BODY + ["404", "409"], (),
                         "broadcast.masks"),
    },
    "/consults/{id}/broadcast/targets": {
        "parameters": [CONSULT],
        "get": operation("listTargets", "Where it is sent on to, behind its delay, and how that goes",
                         {"200": answer("All of them", "target.list")}, "`manage` or `direct`", ["404"]),
        "post": operation("createTarget", "Send it on: RTMP, RTMPS or SRT to a platform inside push.allow",
                          {"201": answer("It is tried as soon as something is on the air", "types.target")}, "`manage` or `direct`",
                          BODY + ["404", "409"], IDEMPOTENCY, "target.create"),
    },
    "/consults/{id}/broadcast/targets/{tid}": {
        "parameters": [CONSULT, parameter("tid", "path", "The target", required=True)],
        "patch": operation("updateTarget", "Change, stop or start it", {"200": answer("As it is now", "types.target")},
                           "`manage` or `direct`", BODY + ["404", "409"], (), "target.update"),
        "delete": operation("removeTarget", "Send it there no more; its key is forgotten", {"204": answer("Removed")},
                            "`manage` or `direct`", ["404", "409"]),
    },
    "/profiles": {
        "get": operation("listProfiles", "Device profiles: where machines write who the patient is",
                         {"200": answer("All of them", "profile.list")}, "`manage` or `direct`"),
    },
    "/profiles/{id}": {
        "parameters": [parameter("id", "path", "The profile", {"type": "string", "format": "hz-id"}, True)],
        "put": operation("putProfile", "Make it, or change it: every broadcast that names it follows before the answer; not for a token of one consult",
                         {"200": answer("As it is now", "profile")}, manage, BODY, (), "profile.put"),
        "delete": operation("deleteProfile", "Forget it; who names it keeps its regions; not for a token of one consult",
                            {"204": answer("Forgotten")}, manage, ["404"]),
    },
    "/consults/{id}/table": {
        "parameters": [CONSULT],
        "get": operation("getTable", "What lies on the table: studies, viewports, drawings, and who has them in hand",
                         {"200": answer("As it is now, with all drawings", "types.table")}, "`subscribe`", ["404"]),
    },
    "/consults/{id}/pacs": {
        "parameters": [CONSULT],
        "get": operation("listPacs", "Which PACS studies may come from; for who is in the consult", {"200": answer("Their names", "pacs.list")},
                         "`image`", ["404"]),
    },
    "/consults/{id}/studies": {
        "parameters": [CONSULT],
        "get": operation("searchStudies", "What a PACS has (QIDO-RS); other parameters go to it as they are. Of `local`: what is named by study, patient's"
                         " number or accession number, or is of the consult's patient; all of it with `manage` for all consults", {"200": {"description": "DICOM JSON, at"
                         " most 50 studies unless `limit` says so"}}, "`image`", ["400", "404", "502", "504"],
                         [parameter("pacs", "query", "The name of the PACS", required=True)]),
    },
    "/consults/{id}/studies/{path}": {
        "parameters": [CONSULT, parameter("path", "path", "PACS/STUDY/metadata, PACS/STUDY/series (QIDO-RS), PACS/STUDY/series/SERIES/metadata,"
                                          " …/instances/INSTANCE/metadata, …/instances/INSTANCE/frames/N, …/instances/INSTANCE/waveform,"
                                          " …/instances/INSTANCE/overlays, …/instances/INSTANCE/luts (JSON, docs/PROTOCOL.md); local/STUDY/forwards", {"type": "string", "minLength": 1,
                                          "maxLength": 400}, True)],
        "get": operation("getImages", "Metadata and frames, as the PACS stores them, of a study on the table; for who is in the consult (Range, RFC 9110)",
                         {"200": {"description": "DICOM JSON, or a frame; ETag is its SHA-256, Huizhen-Transfer-Syntax what the PACS calls it"},
                          "206": {"description": "A part of it; of a range without an end at most 4 MiB"},
                          "304": {"description": "As If-None-Match knows it"}}, "`subscribe`", ["400", "404", "412", "416", "502", "504"],
                         [parameter("pixels", "query", "What a frame is by its header: ROWS,COLUMNS,SAMPLES,ALLOCATED,STORED,SIGN,PLANAR,PHOTOMETRIC."
                                    " With image/jphc in Accept: HTJ2K where it is stored without encoding, or as JPEG of 12 bits;"
                                    " Huizhen-Resolutions: how many bytes hold its lower resolutions")]),
        "put": operation("forwardStudy", "local/STUDY/forwards/PACS: a study that came without a PACS goes to this one (STOW-RS), now and until it has it;"
                         " saying it again is harmless. What of it went where: GET local/STUDY/forwards",
                         {"200": answer("What became of it until now, by PACS", "forwards")}, "`image`", ["404", "503"]),
    },
    "/consults/{id}/uploads/{uid}": {
        "parameters": [CONSULT, parameter("uid", "path", "A name of the sender's own; sending the same again is harmless", {"type": "string",
                                          "minLength": 1, "maxLength": 64}, True)],
        "put": operation("putUpload", "A DICOM file, a photo (JPEG, PNG) or a ZIP of them, at most 1 GiB, as the body; for who is in the consult."
                         " What can be shown is kept, and found as the PACS `local`",
                         {"200": answer("What became of each object in it", "upload"), "202": answer("It is being read: ask for it", "upload")},
                         "`image`", ["400", "404", "413", "502", "503", "507"]),
        "get": operation("getUpload", "What became of an upload of one's own, for ten minutes",
                         {"200": answer("Of each object", "upload"), "202": answer("It is being read", "upload")}, "`image`", ["404", "502"]),
    },
    "/consults/{id}/broadcast/watch": {
        "parameters": [CONSULT],
        "get": operation("watchBroadcast", "What viewers may know of it", {"200": answer("As it is now", "broadcast.watch")},
                         "`watch` or `subscribe`", ["404"]),
    },
    "/consults/{id}/broadcast/events": {
        "parameters": [CONSULT],
        "get": operation("listBroadcastEvents", "What its directors did, oldest first; also of a closed consult",
                         {"200": answer("A page", "broadcast.events", "text/csv")}, "`direct` or `audit`", ["400", "404"], PAGE + CSV),
    },
    "/consults/{id}/broadcast/feed": {
        "parameters": [CONSULT],
        "get": operation("feedBroadcast", "What viewers are told beside the picture: ask again after poll_ms with cursor and If-None-Match",
                         {"200": answer("What is new", "broadcast.feed"), "304": answer("Nothing is")}, "`watch` or `subscribe`",
                         ["400", "404"], [parameter("cursor", "query", "`cursor` of the answer before"),
                                         parameter("wait", "query", "1: with If-None-Match, wait some seconds for news", {"enum": ["1"]}),
                                         parameter("leg", "query", "What plays now: viewers of the files are counted by what they say here", {"enum": ["live", "files"]})]),
    },
    "/consults/{id}/broadcast/messages": {
        "parameters": [CONSULT],
        "get": operation("listBroadcastMessages", "What viewers said and what became of it, oldest first; also of a closed consult",
                         {"200": answer("A page", "broadcast.messages", "text/csv")}, "`direct` or `audit`", ["400", "404"], PAGE + CSV),
        "post": operation("sayToBroadcast", "Ask a question, or chat; Retry-After with 429",
                          {"201": answer("It is kept; waiting: viewers see it when a moderator approves", "broadcast.said")},
                          "`watch` or `subscribe`", BODY + ["404", "409"], IDEMPOTENCY, "broadcast.message"),
        "delete": operation("eraseBroadcastAudience",
                            "Delete what viewers said, the poster and the settings, also of a closed consult; role admin alone; audited",
                            {"200": answer("Gone for ever", "broadcast.deleted")}, manage, ["404", "409"]),
    },
    "/consults/{id}/broadcast/poster": {
        "parameters": [CONSULT],
        "get": operation("getPoster", "The picture that is shown where there is none of the programme",
                         {"200": {"description": "The picture", "content": {"image/png": {}, "image/jpeg": {}}}},
                         "`watch` or `subscribe`", ["404"]),
        "put": operation("putPoster", "A PNG or JPEG of at most 224 KiB", {"204": answer("It is kept")}, "`direct`",
                         ["404", "409", "413", "415", "422"]),
        "delete": operation("deletePoster", "Without a picture again", {"204": answer("Gone")}, "`direct`", ["404", "409"]),
    },
    "/consults/{id}/consents": {
        "parameters": [CONSULT],
        "get": operation("listConsents", "Every answer to the question whether one may be recorded, oldest first",
                         {"200": answer("A page", "consent.list")}, "`manage` or `audit`", ["400", "404"], PAGE),
    },
    "/recordings": {
        "get": operation("listRecordings", "Records that this token may see, newest first", {"200": answer("A page", "recording.list")},
                         watch, ["400"], PAGE + [parameter("consult", "query", "Of this consult only")]),
    },
    "/recordings/{id}": {
        "parameters": [RECORD],
        "get": operation("getRecord", "One record", {"200": answer("The record", "recording.one")}, watch, ["404"]),
    },
    "/recordings/{id}/manifest": {
        "parameters": [RECORD],
        "get": operation("getManifest", "What was made of it: participants, files, losses (recorder/manifest.h)",
                         {"200": {"description": "manifest.json"}}, watch, ["404", "409", "410"]),
    },
    "/recordings/{id}/timeline": {
        "parameters": [RECORD],
        "get": operation("getTimeline", "What happened in it", {"200": {"description": "timeline.json"}}, watch, ["404", "409", "410"]),
    },
    "/recordings/{id}/certificate": {
        "parameters": [RECORD],
        "get": operation("getCertificate", "The signed proof of what it was; there is one also after the record was deleted",
                         {"200": {"description": "certificate.json"}}, watch, ["404", "409", "410"]),
    },
    "/recordings/{id}/views": {
        "parameters": [RECORD],
        "get": operation("listViewings", "Who looked at it, oldest first; for auditors and administrators",
                         {"200": answer("A page", "viewing.list")}, watch, ["400", "404"], PAGE),
        "post": operation("openViewing", "Begin to look at it: written down, and a cookie for its files",
                          {"201": answer("It is open", "viewing.opened")}, watch, ["400", "404", "409", "422"], IDEMPOTENCY),
    },
    "/recordings/{id}/views/{view}": {
        "parameters": [RECORD, VIEW],
        "put": operation("renewViewing", "Go on with it: a new cookie", {"200": answer("It is open", "viewing.opened")}, watch,
                         ["404"]),
    },
    "/recordings/{id}/files/{path}": {
        "parameters": [RECORD, FILE],
        "get": file_operation(),
    },
    "/archive": {
        "get": operation("getArchive", "Disk and outbox of the records; not for a token of one consult",
                         {"200": answer("As it is now", "archive")}, manage),
    },
    "/consults/{id}/sources": {
        "parameters": [CONSULT],
        "get": operation("listSources", "Theatre sources: cameras, encoders and files that publish by themselves",
                         {"200": answer("All of them; addresses without their secrets", "source.list")}, "`manage` or `direct`", ["404"]),
        "post": operation("createSource", "Add one: it publishes as a participant of role theatre with the same id",
                          {"201": answer("It is tried now, and for ever", "source")}, manage, BODY + ["404", "409"], IDEMPOTENCY,
                          "source.create"),
    },
    "/consults/{id}/sources/{sid}": {
        "parameters": [CONSULT, SOURCE],
        "get": operation("getSource", "One theatre source", {"200": answer("As it stands", "source")}, "`manage` or `direct`", ["404"]),
        "patch": operation("updateSource", "Change it: it begins anew where that is needed", {"200": answer("As it is now", "source")},
                           manage, BODY + ["404", "409"], (), "source.update"),
        "delete": operation("deleteSource", "Remove it: its participant leaves", {"204": answer("Removed")}, manage, ["404", "409"]),
    },
    "/consults/{id}/sources/{sid}/thumbnail": {
        "parameters": [CONSULT, SOURCE],
        "get": operation("getThumbnail", "Its newest small picture, of the last seconds", {"200": {"description": "image/jpeg, at most 32 KiB"}},
                         "`manage` or `direct`", ["404"]),
    },
    "/consults/{id}/links": {
        "parameters": [CONSULT],
        "get": operation("listLinks", "Join links, newest first; without their codes", {"200": answer("A page", "link.list")},
                         manage, ["400", "404"], PAGE),
        "post": operation("createLink", "Make a join link", {"201": answer("The only time its code is shown", "link.created")},
                          manage, BODY + ["404", "409"], IDEMPOTENCY, "link.create"),
    },
    "/consults/{id}/links/{lid}": {
        "parameters": [CONSULT, LINK],
        "delete": operation("revokeLink", "Revoke it", {"204": answer("Revoked")}, manage, ["404", "409"]),
    },
    "/links/{code}": {
        "parameters": [CODE],
        "get": operation("getLink", "What a link is for; does not use it up", {"200": answer("The link", "link.info")}, None,
                         ["404"]),
    },
    "/links/{code}/redeem": {
        "parameters": [CODE],
        "post": operation("redeemLink", "Turn it into a token. The browser that did so once may do so again (cookie)",
                          {"200": answer("A token", "link.redeemed")}, None, ["403", "404", "409", "410"]),
    },
}
paths["/consults/{id}/broadcast/poster"]["put"]["requestBody"] = {"required": True, "content": {"image/png": {}, "image/jpeg": {}}}

document = {
    "openapi": "3.1.0",
    "info": {"title": "Huizhen", "version": "1", "description": "Consults, participants, join links and records."},
    "servers": [{"url": "/api/v1"}],
    "security": [{"token": []}],
    "paths": paths,
    "components": {
        "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                            "view": {"type": "apiKey", "in": "cookie", "name": "hz_view"}},
        "schemas": components,
    },
}
with open(os.path.join(HERE, "openapi.json"), "w", encoding="utf-8") as f:
    json.dump(document, f, indent=1)
    f.write("\n")
