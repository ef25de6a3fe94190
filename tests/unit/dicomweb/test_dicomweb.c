// What PACS send and what is asked of them, as bytes: multipart answers good and bad, paths, names, and the cache on the disk.
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "media/dicomweb/cache.h"
#include "media/dicomweb/multipart.h"
#include "media/dicomweb/pipe_proof.h"
#include "media/dicomweb/request.h"
#include "media/dicomweb/tag.h"

#define MP "multipart/related; type=\"application/octet-stream\"; boundary=\"b o\""
#define HEAD                                                                                                 \
	"--b o\r\nContent-Type: image/jls; transfer-syntax=1.2.840.10008.1.2.4.80\r\nContent-Length: "       \
	"5\r\n\r\n"
#define STUDY "1.2.840.1"

static int only(const char *type, const char *body, size_t bytes, struct hz_part *ret)
{
	char *copy = malloc(bytes ? bytes : 1); // its end is where a sanitizer sees it
	memcpy(copy, body, bytes);
	int err = hz_multipart_only(type, copy, bytes, ret);
	if (!err)
		ret->data = body + (ret->data - copy);
	free(copy);
	return err;
}

static void parts(void **state)
{
	static const char good[] = HEAD "a\r\n-\0\r\n--b o--\r\n";
	struct hz_part part;
	(void)state;
	assert_int_equal(only(MP, good, sizeof(good) - 1, &part), 0);
	assert_int_equal(part.bytes, 5);
	assert_memory_equal(part.data, "a\r\n-\0", 5);
	assert_string_equal(part.type, "image/jls; transfer-syntax=1.2.840.10008.1.2.4.80");
	for (size_t bytes = 0; bytes < sizeof(good) - 3; bytes++) // cut short anywhere
		assert_int_equal(only(MP, good, bytes, &part), -EBADMSG);
	static const struct {
		const char *type, *body;
		int err;
	} all[] = {
	    {"multipart/related; boundary=x", "preamble\r\n--x\r\n\r\nDATA\r\n--x--", 0},
	    {"multipart/related;boundary=x;type=y", "--x  \r\nA: b\r\n\r\n\r\n--x--", 0},
	    {"Multipart/Related; a=b; Boundary=x", "--x\r\nA: b\r\n\r\nDATA\r\n--x--\r\nafter", 0},
	    {"multipart/related", "--x\r\n\r\nDATA\r\n--x--", -EBADMSG},
	    {"multipart/related; boundary=", "--\r\n\r\nDATA\r\n----", -EBADMSG},
	    {"multipart/related; boundary=\"x", "--x\r\n\r\nDATA\r\n--x--", -EBADMSG},
	    {"multipart/related; boundary=x", "--x\r\n\r\nONE\r\n--x\r\n\r\nTWO\r\n--x--", -EBADMSG},
	    {"multipart/related; boundary=x", "--y\r\n\r\nDATA\r\n--y--", -EBADMSG},
	    {"multipart/related; boundary=x", "--xy\r\n\r\nDATA\r\n--xy--", -EBADMSG},
	    {"multipart/related; boundary=x", "<html>", -EBADMSG},
	    {"text/html", "<html>", 0},
	    // What it says of its length is believed where it ends there, and where it is another looked for.
	    {"multipart/related; boundary=x", "--x\r\nContent-Length: 4\r\n\r\nDATA\r\n--x--", 0},
	    {"multipart/related; boundary=x", "--x\r\ncontent-length:4\r\n\r\nDATA\r\n--x", -EBADMSG},
	    {"multipart/related; boundary=x", "--x\r\nContent-Length: 3\r\n\r\nDATA\r\n--x--", 0},
	    {"multipart/related; boundary=x", "--x\r\nContent-Length: 99999\r\n\r\nDATA\r\n--x--", 0},
	    {"multipart/related; boundary=x", "--x\r\nContent-Length: 4e9\r\n\r\nDATA\r\n--x--", 0},
	    {"multipart/related; boundary=x",
	     "--x\r\nContent-Length: 18446744073709551615\r\n\r\nDATA\r\n--x--", 0},
	    {"multipart/related; boundary=x",
	     "--x\r\nContent-Length: 3\r\n\r\nONE\r\n--x\r\n\r\nTWO\r\n--x--", -EBADMSG},
	};
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		assert_int_equal(only(all[i].type, all[i].body, strlen(all[i].body), &part), all[i].err);
	char endless[20000] = "--x\r\n";
	memset(endless + 5, 'h', sizeof(endless) - 5);
	assert_int_equal(only("multipart/related; boundary=x", endless, sizeof(endless), &part), -EBADMSG);
}

static void requests(void **state)
{
	static const struct {
		const char *path, *url; // NULL: refused
	} all[] = {
	    {"main/1.2/metadata", "/studies/1.2/metadata"},
	    {"main/1.2/series/1.3/metadata", "/studies/1.2/series/1.3/metadata"},
	    {"main/1.2/series/1.3/instances/1.4/metadata", "/studies/1.2/series/1.3/instances/1.4/metadata"},
	    {"main/1.2/series/1.3/instances/1.4/frames/7", "/studies/1.2/series/1.3/instances/1.4/frames/7"},
	    {"main/1.2/series", "/studies/1.2/series?includefield=0008103E"},
	    {"main/1.2/series/1.3/instances/1.4/waveform", "/studies/1.2/series/1.3/instances/1.4"},
	    {"main/1.2/series/1.3/instances/1.4/overlays", "/studies/1.2/series/1.3/instances/1.4"},
	    {"main/1.2/series/1.3/instances/1.4/luts", "/studies/1.2/series/1.3/instances/1.4"},
	    {"main/1.2/series/1.3/instances/1.4/overlays/1", NULL},
	    {"main/1.2/overlays", NULL},
	    {"main/1.2/series/1.3/instances/1.4/luts/1", NULL},
	    {"main/1.2/luts", NULL},
	    {"main/1.2/series/", NULL},
	    {"main/1.2/series/1.3", NULL},
	    {"main/1.2/series/1.3/instances/1.4/waveform/1", NULL},
	    {"main/1.2/series/1.3/waveform", NULL},
	    {"main/1.2/series/1.3/instances/1.4/frames/0", NULL},
	    {"main/1.2/series/1.3/instances/1.4/frames/1,2", NULL},
	    {"main/1.2/series/1.3/instances/1.4/frames/99999999999", NULL},
	    {"main/1.2/series/1.3/instances/1.4", NULL},
	    {"main/1.2/series/1.3/frames/1", NULL},
	    {"main/1.2/instances/1.4/metadata", NULL},
	    {"main/1.2", NULL},
	    {"main/1.2/metadata/x", NULL},
	    {"main/../metadata", NULL},
	    {"main/1.2?x/metadata", NULL},
	    {"main/1.02/metadata", NULL},
	    {"ma in/1.2/metadata", NULL},
	    {"//1.2/metadata", NULL},
	    {"", NULL},
	};
	char path[HZ_DWEB_PATH_BYTES], keys[8][HZ_DWEB_HASH_BYTES];
	struct hz_dweb_request r = {.kind = 0};
	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		bool good = hz_dweb_request_parse(all[i].path, &r);
		if (good != (all[i].url != NULL))
			fail_msg("%s", all[i].path);
		if (!good)
			continue;
		hz_dweb_request_path(&r, path);
		assert_string_equal(path, all[i].url);
		hz_dweb_request_key(&r, keys[i]);
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(keys[i], keys[k]);
	}
	assert_true(hz_dweb_request_parse("main/1.2/series", &r) && hz_dweb_request_fleeting(&r));
	assert_true(hz_dweb_request_parse("main/1.2/metadata", &r) && !hz_dweb_request_fleeting(&r));
	struct hz_dweb_request search = {
	    .kind = HZ_DWEB_SEARCH, .pacs = "main", .query = "PatientID=%E4&limit=5"};
	assert_true(hz_dweb_request_valid(&search));
	strcpy(search.query, "a b");
	assert_false(hz_dweb_request_valid(&search));
	strcpy(search.query, "a\r\nHost: x");
	assert_false(hz_dweb_request_valid(&search));
	memset(&search, 'x', sizeof(search)); // no text ends
	assert_false(hz_dweb_request_valid(&search));
	const struct hz_dweb_request json = {.kind = HZ_DWEB_STUDY}, frame = {.kind = HZ_DWEB_FRAME};
	assert_true(hz_dweb_answer_fits(&json, "application/dicom+json; charset=utf-8", " [{}]\n", 6));
	assert_false(hz_dweb_answer_fits(&json, "application/dicom+json", "<html>", 6));
	assert_false(hz_dweb_answer_fits(&json, "application/dicom+json", "[", 1));
	assert_false(hz_dweb_answer_fits(&json, "application/dicom+json", "", 0));
	assert_false(hz_dweb_answer_fits(&json, "text/html", "[]", 2));
	assert_true(hz_dweb_answer_fits(&frame, "image/jphc", "x", 1));
	assert_false(hz_dweb_answer_fits(&frame, "image/jphc", "", 0));
	assert_false(hz_dweb_answer_fits(&frame, "text/html", "x", 1));
}

// Whole objects are for the gateway's own use: no path of a participant leads to one.
static void objects(void **state)
{
	struct hz_dweb_request r = {
	    .kind = HZ_DWEB_OBJECT, .pacs = "main", .study = "1.2", .series = "1.3", .instance = "1.4"};
	char path[HZ_DWEB_PATH_BYTES], file[200] = {0};
	(void)state;
	assert_true(hz_dweb_request_valid(&r) && !hz_dweb_request_fleeting(&r));
	hz_dweb_request_path(&r, path);
	assert_string_equal(path, "/studies/1.2/series/1.3/instances/1.4");
	assert_non_null(strstr(hz_dweb_request_accept(&r), "application/dicom\""));
	memcpy(file + 128, "DICM", 4);
	assert_true(hz_dweb_answer_fits(&r, "application/dicom; transfer-syntax=1.2.840.10008.1.2", file,
	                                sizeof(file)));
	assert_false(hz_dweb_answer_fits(&r, "application/dicom", file, 132));
	assert_false(hz_dweb_answer_fits(&r, "text/html", file, sizeof(file)));
	file[128] = 'x';
	assert_false(hz_dweb_answer_fits(&r, "application/dicom", file, sizeof(file)));
	r.instance[0] = '\0';
	assert_false(hz_dweb_request_valid(&r));
}

static void key_of(unsigned i, char ret[HZ_DWEB_HASH_BYTES])
{
	hz_dweb_sha256(&i, sizeof(i), ret);
}

static int put(struct hz_dweb_cache *cache, unsigned i, size_t bytes)
{
	struct hz_dweb_entry e = {.bytes = bytes, .type = "image/jls"};
	char key[HZ_DWEB_HASH_BYTES], *data = malloc(bytes);
	memset(data, (int)i, bytes);
	hz_dweb_cache_tag(cache, data, bytes, e.hash);
	key_of(i, key);
	int err = hz_dweb_cache_put(cache, key, &e, data, NULL);
	free(data);
	return err;
}

static int get(struct hz_dweb_cache *cache, unsigned i)
{
	struct hz_dweb_entry e = {.fd = -1};
	char key[HZ_DWEB_HASH_BYTES];
	unsigned char first = 0;
	key_of(i, key);
	int err = hz_dweb_cache_get(cache, key, &e);
	if (err)
		return err;
	assert_string_equal(e.type, "image/jls");
	assert_int_equal(pread(e.fd, &first, 1, 0), 1);
	assert_int_equal(first, i & 255);
	close(e.fd);
	return 0;
}

// One bit more or less is another tag; a tag is nothing without its key.
static void tags(void **state)
{
	uint8_t key[HZ_DWEB_TAG_KEY_BYTES] = {1}, data[100] = {0};
	char whole[HZ_DWEB_TAG_BYTES], other[HZ_DWEB_TAG_BYTES];
	struct hz_dweb_tags *t = NULL, *u = NULL;
	(void)state;
	assert_int_equal(hz_dweb_tags_new(key, &t), 0);
	hz_dweb_tag(t, data, sizeof(data), whole);
	assert_int_equal(strspn(whole, "0123456789abcdef"), 32);
	for (size_t bit = 0; bit < 8 * sizeof(data); bit++) {
		data[bit / 8] ^= (uint8_t)(1 << bit % 8);
		hz_dweb_tag(t, data, sizeof(data), other);
		assert_string_not_equal(whole, other);
		data[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t bytes = 0; bytes < sizeof(data); bytes++) {
		hz_dweb_tag(t, data, bytes, other);
		assert_string_not_equal(whole, other);
	}
	hz_dweb_tag(t, data, sizeof(data), other);
	assert_string_equal(whole, other);
	for (unsigned i = 0; i < HZ_DWEB_TAG_KEY_BYTES; i += 31) { // both halves count
		key[i] ^= 4;
		assert_int_equal(hz_dweb_tags_new(key, &u), 0);
		hz_dweb_tag(u, data, sizeof(data), other);
		assert_string_not_equal(whole, other);
		hz_dweb_tags_free(u);
	}
	hz_dweb_tags_free(t);
}

static void cached(void **state)
{
	char dir[] = "/tmp/hz-cache-XXXXXX", path[200], key[HZ_DWEB_HASH_BYTES], command[300];
	struct hz_dweb_cache *cache = NULL;
	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(hz_dweb_cache_open(dir, 100000, &cache), 0);
	assert_int_equal(get(cache, 1), -ENOENT);
	assert_int_equal(put(cache, 99, 50000), -EFBIG);
	for (unsigned i = 0; i < 12; i++) {
		assert_int_equal(put(cache, i, 10000), 0);
		usleep(2000); // so that one is older than the other
	}
	assert_int_equal(hz_dweb_cache_bytes(cache), 100000);
	assert_int_equal(get(cache, 0), -ENOENT); // the oldest had to go
	assert_int_equal(get(cache, 1), -ENOENT);
	assert_int_equal(get(cache, 2), 0);
	assert_int_equal(put(cache, 11, 5000), 0); // another one in its place
	assert_int_equal(hz_dweb_cache_bytes(cache), 95000);
	hz_dweb_cache_close(cache);
	// Of before: what was altered is not given out, what a crash left is removed.
	int fd;
	for (unsigned i = 5; i <= 8; i += 3) {
		key_of(i, key);
		snprintf(path, sizeof(path), "%s/%s", dir, key);
		fd = open(path, O_WRONLY);
		assert_int_equal(pwrite(fd, "x", 1, 5000), 1);
		close(fd);
	}
	snprintf(path, sizeof(path), "%s/tmp-x", dir);
	close(open(path, O_WRONLY | O_CREAT, 0600));
	assert_int_equal(hz_dweb_cache_open(dir, 100000, &cache), 0);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(get(cache, 6), 0);
	assert_int_equal(get(cache, 7), 0);
	assert_int_equal(get(cache, 5), -ENOENT);
	assert_int_equal(get(cache, 8), -ENOENT);
	assert_int_equal(hz_dweb_cache_bytes(cache), 75000);
	hz_dweb_cache_close(cache);
	// An index that is none: everything anew.
	snprintf(path, sizeof(path), "%s/index.db", dir);
	fd = open(path, O_WRONLY | O_TRUNC);
	assert_int_equal(write(fd, "this is no database, and never was one of those", 47), 47);
	close(fd);
	assert_int_equal(hz_dweb_cache_open(dir, 100000, &cache), 0);
	assert_int_equal(hz_dweb_cache_bytes(cache), 0);
	assert_int_equal(get(cache, 6), -ENOENT);
	assert_int_equal(put(cache, 6, 100), 0);
	assert_int_equal(get(cache, 6), 0);
	hz_dweb_cache_close(cache);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	assert_int_equal(system(command), 0);
}

// What stands in the way of a new one: a file that a crash left, a row whose file is gone, another process that has the index.
static void in_the_way(void **state)
{
	char dir[] = "/tmp/hz-cache-XXXXXX", path[200], key[HZ_DWEB_HASH_BYTES], command[300];
	struct hz_dweb_cache *cache = NULL, *second = NULL;
	struct hz_dweb_entry e = {.fd = -1, .bytes = 5, .type = "image/jls"}, had = {.fd = -1};
	char text[5];
	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(hz_dweb_cache_open(dir, 100000, &cache), 0);
	assert_int_equal(hz_dweb_cache_open(dir, 100000, &second), -EBUSY); // and throws nothing away
	key_of(1, key);
	snprintf(path, sizeof(path), "%s/%s", dir, key);
	int fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(fd, "left behind", 11), 11);
	close(fd);
	hz_dweb_cache_tag(cache, "first", 5, e.hash);
	assert_int_equal(hz_dweb_cache_put(cache, key, &e, "first", &had), 0);
	assert_int_equal(hz_dweb_cache_bytes(cache), 5);
	assert_int_equal(fcntl(had.fd, F_GETFL) & O_ACCMODE, O_RDONLY); // it goes to others
	assert_string_equal(had.type, "image/jls");
	assert_string_equal(had.hash, e.hash);
	hz_dweb_cache_tag(cache, "other", 5, e.hash);
	assert_int_equal(hz_dweb_cache_put(cache, key, &e, "other", NULL), 0); // who reads keeps what it had
	assert_int_equal(pread(had.fd, text, 5, 0), 5);
	assert_memory_equal(text, "first", 5);
	close(had.fd);
	assert_int_equal(hz_dweb_cache_bytes(cache), 5);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(hz_dweb_cache_put(cache, key, &e, "other", &had), 0);
	assert_int_equal(pread(had.fd, text, 5, 0), 5);
	assert_memory_equal(text, "other", 5);
	close(had.fd);
	assert_int_equal(hz_dweb_cache_bytes(cache), 5);
	hz_dweb_cache_close(cache);
	assert_int_equal(hz_dweb_cache_open(dir, 100000, &cache), 0);
	assert_int_equal(hz_dweb_cache_get(cache, key, &had), 0);
	close(had.fd);
	hz_dweb_cache_close(cache);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	assert_int_equal(system(command), 0);
}

static void put_metadata(struct hz_dweb_cache *cache, const struct hz_dweb_request *series, const char *json)
{
	struct hz_dweb_entry e = {.fd = -1, .bytes = strlen(json), .type = "application/dicom+json"};
	char key[HZ_DWEB_HASH_BYTES];
	hz_dweb_request_key(series, key);
	hz_dweb_cache_tag(cache, json, e.bytes, e.hash);
	assert_int_equal(hz_dweb_cache_put(cache, key, &e, json, NULL), 0);
}

// Who asks for objects that are not there does not make us read the metadata of a series each time.
static void read_once(void **state)
{
	char dir[] = "/tmp/hz-dweb-XXXXXX", command[64];
	struct hz_dweb_request series = {
	    .kind = HZ_DWEB_SERIES, .pacs = "main", .study = "1.2", .series = "1.3"};
	struct hz_dweb_request frame = {.kind = HZ_DWEB_FRAME,
	                                .frame = 1,
	                                .pacs = "main",
	                                .study = "1.2",
	                                .series = "1.3",
	                                .instance = "1.4"};
	struct hz_dweb_cache *cache = NULL;
	struct hz_proof proof;
	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(hz_dweb_cache_open(dir, 100000, &cache), 0);
	assert_int_equal(hz_proof_init(&proof, NULL), 0);
	put_metadata(cache, &series, "[{\"00080018\":{\"vr\":\"UI\",\"Value\":[\"1.4\"]}}]");
	assert_true(hz_proof_has(&proof, cache, &frame));
	for (unsigned i = 0; i < 200; i++) {
		snprintf(frame.instance, sizeof(frame.instance), "1.5.%u", i);
		assert_false(hz_proof_has(&proof, cache, &frame));
	}
	assert_int_equal(proof.reads, 1);
	put_metadata(cache, &series, "[{\"00080018\":{\"vr\":\"UI\",\"Value\":[\"1.5.199\"]}}]");
	assert_true(hz_proof_has(&proof, cache, &frame)); // another list is looked at
	assert_int_equal(proof.reads, 2);
	hz_proof_done(&proof);
	hz_dweb_cache_close(cache);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	assert_int_equal(system(command), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(parts),     cmocka_unit_test(requests), cmocka_unit_test(objects),
	    cmocka_unit_test(tags),      cmocka_unit_test(cached),   cmocka_unit_test(in_the_way),
	    cmocka_unit_test(read_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
