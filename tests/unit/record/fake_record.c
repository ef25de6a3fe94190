#include "tests/unit/record/fake_record.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "recorder/record/files.h"
#include "recorder/journal/hash.h"

// A test without its files is none, in release builds too.
#define must(x) ((x) ? (void)0 : (fprintf(stderr, "%s: %s\n", __func__, #x), abort()))

bool fake_run(const char *fmt, ...)
{
	char command[4096];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	return system(command) == 0;
}

char *fake_output(const char *fmt, ...)
{
	char command[4096], *text = calloc(1, 1 << 20);
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	FILE *pipe = popen(command, "r");
	if (pipe && text)
		text[fread(text, 1, (1 << 20) - 1, pipe)] = '\0';
	if (pipe)
		pclose(pipe);
	return text;
}

static void make_media(const char *folder)
{
	static const char *const quiet = "ffmpeg -hide_banner -loglevel error -y -threads 1";
	must(fake_run(
	    "%s -f lavfi -i testsrc2=size=320x240:rate=25:duration=2 -f lavfi -i "
	    "sine=frequency=440:duration=2 -c:v libx264 "
	    "-profile:v baseline -level 3.1 -pix_fmt yuv420p -g 25 -bf 0 -c:a libopus -ac 1 -strict -2 "
	    "-movflags +frag_keyframe+empty_moov+default_base_moof %s/tracks/doctor.camera.1.mp4",
	    quiet, folder));
	must(fake_run("%s -f lavfi -i testsrc2=size=640x480:rate=30:duration=1 -c:v libvpx -deadline "
	              "realtime %s/tracks/patient.camera.1.webm",
	              quiet, folder));
	must(fake_run("%s -f lavfi -i testsrc2=size=1280x720:rate=25:duration=2 -f lavfi -i "
	              "sine=frequency=880:duration=2 -c:v libx264 -profile:v high "
	              "-level 4.0 -preset ultrafast -x264-params 8x8dct=1:cabac=1 -pix_fmt yuv420p -c:a aac "
	              "-ar 48000 -ac 2 %s/composed.mp4",
	              quiet, folder));
}

static json_t *file_of(const char *folder, const char *path, const char *extra)
{
	char full[1024];
	struct hz_file_hash hash, sha1;
	snprintf(full, sizeof(full), "%s/%s", folder, path);
	must(hz_hash_file(full, HZ_SHA256, &hash) == 0);
	must(hz_hash_file(full, HZ_SHA1, &sha1) == 0);
	json_t *file = json_loads(extra, 0, NULL);
	must(file);
	json_object_set_new(file, "path", json_string(path));
	json_object_set_new(file, "bytes", json_integer((json_int_t)hash.bytes));
	json_object_set_new(file, "sha256", json_string(hash.hex));
	json_object_set_new(file, "sha1", json_string(sha1.hex));
	return file;
}

static void put(const char *folder, const char *path, const char *text)
{
	char full[1024];
	snprintf(full, sizeof(full), "%s/%s", folder, path);
	must(hz_document_write(full, text, strlen(text), 0640) == 0);
}

static const char head[] =
    "{\"version\":1,\"record\":\"" FAKE_RECORD "\",\"consult\":\"mdt-42\",\"title\":\"肺结节会诊 <b>&\\\"\","
    "\"started_ms\":1763700000000,\"ended_ms\":1763700120000,\"wall_zero_ms\":1763700000000,"
    "\"subject\":{\"patient\":{\"id\":\"P-0001\",\"id_system\":\"urn:oid:2.16.156.10011.1.1\",\"name\":"
    "\"王小东\",\"sex\":\"male\","
    "\"birth_date\":\"1960-02-29\"},\"accession\":\"ACC-7\",\"department\":\"呼吸科\",\"institution\":"
    "\"县人民医院\"},"
    "\"participants\":[{\"id\":\"doctor\",\"name\":\"李医生\",\"role\":\"expert\",\"periods\":[{\"from_ms\":"
    "1763700000000,\"to_ms\":1763700060000},"
    "{\"from_ms\":1763700070000,\"to_ms\":1763700120000}],\"consent\":[{\"state\":\"given\",\"time_ms\":"
    "1763700000500,\"wording\":\"v1\",\"language\":\"zh\"}]},"
    "{\"id\":\"patient\",\"name\":\"王小东\",\"role\":\"patient\",\"periods\":[{\"from_ms\":1763700000000,"
    "\"to_ms\":1763700120000}],"
    "\"consent\":[{\"state\":\"given\",\"time_ms\":1763700001000,\"wording\":\"v1\",\"language\":\"zh\"},"
    "{\"state\":\"withdrawn\",\"time_ms\":1763700090000,\"wording\":\"v1\",\"language\":\"zh\"}]}],"
    "\"events\":\"timeline.json\",\"warnings\":[]}";

void fake_record_new(struct fake_record *ret, bool media)
{
	char *f = ret->folder, path[1024];
	snprintf(ret->store, sizeof(ret->store), "/tmp/hz-record-XXXXXX");
	must(mkdtemp(ret->store));
	snprintf(f, sizeof(ret->folder), "%s/2025/11/" FAKE_RECORD, ret->store);
	must(fake_run("mkdir -p %s/tracks %s/journal", f, f));
	if (media)
		make_media(f);
	else {
		put(f, "tracks/doctor.camera.1.mp4", "not a film");
		put(f, "tracks/patient.camera.1.webm", "neither");
		put(f, "composed.mp4", "nor this");
	}
	put(f, "journal/0001.hzj", "HZJSEG1\n and more");
	put(f, "timeline.json",
	    "[{\"at_ms\":0,\"type\":\"join\",\"participant\":\"doctor\",\"detail\":{}},{\"at_ms\":10000,"
	    "\"type\":\"quality\",\"participant\":\"doctor\","
	    "\"detail\":{\"mos\":42,\"loss\":0.5}},{\"at_ms\":20000,\"type\":\"quality\",\"participant\":"
	    "\"patient\",\"detail\":{\"mos\":38}}]");
	json_t *m = json_loads(head, 0, NULL), *files = json_array();
	must(m && files);
	json_array_append_new(files, file_of(f, "tracks/doctor.camera.1.mp4",
	                                     "{\"role\":\"track\",\"participant\":\"doctor\",\"source\":"
	                                     "\"camera\",\"kind\":\"av\",\"container\":\"mp4\","
	                                     "\"codecs\":[\"h264\",\"opus\"],\"at_ms\":250,\"duration_ms\":"
	                                     "2000,\"width\":320,\"height\":240,\"frames\":50,"
	                                     "\"rate_num\":25,\"rate_den\":1,\"h264\":{\"profile_idc\":66,"
	                                     "\"constraint_flags\":192,\"level_idc\":31},\"part\":1}"));
	json_array_append_new(files, file_of(f, "tracks/patient.camera.1.webm",
	                                     "{\"role\":\"track\",\"participant\":\"patient\",\"source\":"
	                                     "\"camera\",\"kind\":\"video\",\"container\":\"webm\","
	                                     "\"codecs\":[\"vp8\"],\"at_ms\":900,\"duration_ms\":1000,"
	                                     "\"width\":640,\"height\":480,\"frames\":30,\"part\":1}"));
	json_array_append_new(files, file_of(f, "composed.mp4",
	                                     "{\"role\":\"composed\",\"participant\":\"\",\"source\":\"\","
	                                     "\"kind\":\"av\",\"container\":\"mp4\","
	                                     "\"codecs\":[\"h264\",\"aac\"],\"at_ms\":0,\"duration_ms\":2000,"
	                                     "\"width\":1280,\"height\":720,\"frames\":50,"
	                                     "\"rate_num\":25,\"rate_den\":1,\"part\":1}"));
	json_object_set_new(m, "files", files);
	json_t *segment = file_of(f, "journal/0001.hzj", "{}");
	json_t *one =
	    json_pack("{s:s, s:O, s:O}", "file", "0001.hzj", "bytes", json_object_get(segment, "bytes"),
	              "sha256", json_object_get(segment, "sha256"));
	json_object_set_new(m, "journal",
	                    json_pack("{s:[o], s:s, s:i, s:[]}", "segments", one, "chain",
	                              "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
	                              "torn_bytes", 0, "gaps"));
	json_decref(segment);
	char *text = json_dumps(m, JSON_INDENT(1));
	snprintf(path, sizeof(path), "%s/manifest.json", f);
	must(text && hz_document_write(path, text, strlen(text), 0640) == 0);
	free(text);
	json_decref(m);
}

void fake_record_free(struct fake_record *record)
{
	if (getenv("HZ_KEEP")) // to look at it
		return;
	must(strncmp(record->store, "/tmp/hz-record-", 15) == 0);
	must(fake_run("rm -rf %s", record->store));
}
