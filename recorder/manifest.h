// manifest.json: everything that was made of a journal, in an order that depends on the journal alone (the same journal gives
// the same bytes). DICOM, FHIR, certificate and replay are built from it and never look into the journal again.
//
// {
//   "version": 1, "record": UUID, "consult": id, "title": text, "started_ms", "ended_ms", "wall_zero_ms": t = 0 of all "at_ms",
//   "subject": {"patient": {"id", "id_system", "name", "sex": "male"|"female"|"other"|"unknown", "birth_date"},
//               "study_uid", "accession", "department", "institution"},          members that are not known are absent
//   "participants": [{"id", "name", "role", "periods": [{"from_ms", "to_ms"}], "consent": [{"state", "time_ms", "wording",
//                     "language"}]}],
//   "files": [{"path": "tracks/…", "role": "track"|"composed"|"poster"|"strip", "track": key, "participant", "source": "camera"|…, "kind":
//              "audio"|"video"|"av", "container": "mp4"|"webm"|"jpeg", "codecs": ["h264", "opus"], "at_ms": first sample,
//              "duration_ms", "width", "height", "frames", "rate_num", "rate_den", "h264": {"profile_idc", "constraint_flags",
//              "level_idc"}, "part": n, "bytes", "sha256", "sha1"}],
//   "events": "timeline.json" (path; [{"at_ms", "type", "participant", "detail"}]),
//   "thinned": {"events", "quality_ms", "speaker_ms", "layer_ms"}     only of long consults of many: so many events of these kinds
//                                          are missing in it, of each stretch of so many ms the last one is there,
//   "tracks": [{"track": n, "key", "participant", "source", "first_ms", "last_ms", "packets", "lost", "erased": bool, "drift_ppm": of its
//              sampling clock, positive is fast, "clock": "reports"|"arrivals" what its times come from, "late", "left_out": frames,
//              "malformed", "recovered": from RED}],
//   "journal": {"segments": [{"file", "bytes", "sha256"}], "chain": hex, "torn_bytes", "cut_bytes", "chunks", "ended": bool, "gaps": [{"track", "at_ms", "packets"}]},
//   "warnings": [text]
// }
// What names whom and what a record is about has limits in bytes of UTF-8, at REST as in the manifest: HZ_MANIFEST_…_BYTES.
#ifndef HZ_RECORDER_MANIFEST_H
#define HZ_RECORDER_MANIFEST_H

#define HZ_MANIFEST_VERSION 1

#define HZ_MANIFEST_ID_BYTES        128 // patient.id; without NUL, as the others
#define HZ_MANIFEST_SYSTEM_BYTES    256 // patient.id_system
#define HZ_MANIFEST_NAME_BYTES      256 // patient.name, department, institution
#define HZ_MANIFEST_ACCESSION_BYTES 64

#endif
