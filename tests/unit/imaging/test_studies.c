// Studies without a PACS: what comes in as an object, a photo or an archive is kept and given as a PACS would, or gets a word that says
// why not; what is there survives crashes and stays within its bounds; hostile archives come to nothing.
#include "tests/unit/imaging/study_rig.h"

static struct hz_photo_of photo_of(void)
{
	return (struct hz_photo_of){.name = "王五",
	                            .id = "P7",
	                            .study = "2.25.77",
	                            .series = "2.25.78",
	                            .taken_ms = 1700000000000,
	                            .number = 1};
}

static enum hz_local_result take(struct rig *rig, const void *data, size_t bytes, char *ret, size_t room)
{
	char *text = NULL;
	size_t text_bytes = 0;
	struct hz_photo_of photo = photo_of();
	struct hz_taking t = {
	    .local = rig->local, .photo = &photo, .json = open_memstream(&text, &text_bytes)};
	hz_take(&t, data, bytes);
	fclose(t.json);
	if (ret)
		snprintf(ret, room, "%s", text);
	free(text);
	return t.last;
}

static enum hz_local_result take_and_free(struct rig *rig, struct fake_bytes b)
{
	enum hz_local_result result = take(rig, b.data, b.bytes, NULL, 0);
	fake_bytes_done(&b);
	return result;
}

static char *ask(struct rig *rig, const struct hz_dweb_request *r, enum hz_dweb_result expected,
                 size_t *ret_bytes)
{
	struct hz_local_answer a;
	assert_int_equal(hz_local_answer(rig->reader, r, &a), expected);
	if (expected != HZ_DWEB_OK)
		return NULL;
	char *text = calloc(1, a.bytes + 1);
	assert_int_equal(pread(a.fd, text, a.bytes, 0), (ssize_t)a.bytes);
	close(a.fd);
	if (ret_bytes)
		*ret_bytes = a.bytes;
	return text;
}

static void test_kept_and_given(void **state)
{
	struct rig *rig = *state;
	assert_int_equal(take_and_free(rig, object_of("1.2.3", 2, "P1")), HZ_LOCAL_STORED);
	assert_int_equal(take_and_free(rig, object_of("1.2.3", 1, "P1")), HZ_LOCAL_STORED);
	assert_int_equal(take_and_free(rig, object_of("1.2.3", 1, "P1")), HZ_LOCAL_PRESENT);

	const struct hz_dweb_request search = {.kind = HZ_DWEB_SEARCH,
	                                       .pacs = "local",
	                                       .query = "PatientName=zhang*&StudyDate=20260101-&limit=5"};
	char *text = ask(rig, &search, HZ_DWEB_OK, NULL);
	assert_non_null(strstr(text, "\"1.2.3\""));
	assert_non_null(strstr(text, "\"Ideographic\":\"张^三\""));
	assert_non_null(strstr(text, "a \\\"quoted\\\" 胸部"));
	assert_non_null(strstr(text, "\"00201208\":{\"vr\":\"IS\",\"Value\":[2]}"));
	free(text);
	struct hz_dweb_request none = search;
	strcpy(none.query, "PatientID=P");
	text = ask(rig, &none, HZ_DWEB_OK, NULL);
	assert_string_equal(text, "[]");
	free(text);
	strcpy(none.query, "StudyDate=yesterday");
	ask(rig, &none, HZ_DWEB_FAILED, NULL);

	struct hz_dweb_request r = {.kind = HZ_DWEB_STUDY, .pacs = "local", .study = "1.2.3"};
	text = ask(rig, &r, HZ_DWEB_OK, NULL);
	const char *one = strstr(text, "\"1.2.3.1.1\""), *two = strstr(text, "\"1.2.3.1.2\"");
	assert_true(one && two && one < two); // by Instance Number
	assert_non_null(strstr(text, "\"00281052\":{\"vr\":\"DS\",\"Value\":[-1024]}"));
	assert_non_null(strstr(text, "\"00281053\":{\"vr\":\"DS\",\"Value\":[1.5]}"));
	assert_non_null(strstr(text, "\"00083002\":{\"vr\":\"UI\",\"Value\":[\"1.2.840.10008.1.2.1\"]}"));
	assert_non_null(strstr(text, "\"Ideographic\":\"张^三\""));
	assert_null(strstr(text, "7FE0"));
	free(text);

	r = (struct hz_dweb_request){.kind = HZ_DWEB_FRAME,
	                             .pacs = "local",
	                             .study = "1.2.3",
	                             .series = "1.2.3.1",
	                             .instance = "1.2.3.1.2",
	                             .frame = 1};
	size_t bytes = 0;
	text = ask(rig, &r, HZ_DWEB_OK, &bytes);
	assert_int_equal(bytes, 128);
	assert_int_equal((uint8_t)text[2] | (uint8_t)text[3] << 8, 201);
	free(text);
	r.frame = 2;
	ask(rig, &r, HZ_DWEB_MISSING, NULL);
	r.frame = 1;
	strcpy(r.study, "1.2.4"); // of another study: the table has not let this one be seen
	ask(rig, &r, HZ_DWEB_MISSING, NULL);
}

static void test_never_mixed(void **state)
{
	struct rig *rig = *state;
	assert_int_equal(take_and_free(rig, object_of("1.2.3", 1, "P1")), HZ_LOCAL_STORED);
	assert_int_equal(take_and_free(rig, object_of("1.2.3", 2, "P2")), HZ_LOCAL_PATIENT);
	struct fake_bytes b = object_of("1.2.3", 1, "P1");
	b.data[b.bytes - 1] ^= 1;
	assert_int_equal(take_and_free(rig, b), HZ_LOCAL_OTHER);
}

// Devices that make the same UIDs again and know no patient's number: his name is what there is.
static void test_never_mixed_without_a_number(void **state)
{
	struct rig *rig = *state;
	assert_int_equal(take_and_free(rig, object_of("1.2.3", 1, "")), HZ_LOCAL_STORED);
	assert_int_equal(take_and_free(rig, object_of("1.2.3", 2, "")), HZ_LOCAL_STORED);
	struct fake_bytes b = object_of("1.2.3", 3, "");
	uint8_t *name = memmem(b.data, b.bytes, "Zhang^San", 9);
	assert_non_null(name);
	name[8] = 'm';
	assert_int_equal(take_and_free(rig, b), HZ_LOCAL_PATIENT);
}

static void test_survives(void **state)
{
	struct rig *rig = *state;
	char path[128];
	struct stat st;
	assert_int_equal(take_and_free(rig, object_of("1.2.3", 1, "P1")), HZ_LOCAL_STORED);
	assert_int_equal(take_and_free(rig, object_of("1.2.4", 1, "P1")), HZ_LOCAL_STORED);
	close_rig(rig);
	// The index is garbage, a write was broken off, a file was changed: the rest is there again.
	snprintf(path, sizeof(path), "%s/index.db", rig->dir);
	int fd = open(path, O_WRONLY | O_TRUNC);
	assert_int_equal(write(fd, "no database at all, but long enough to be taken for one", 55), 55);
	close(fd);
	snprintf(path, sizeof(path), "%s/tmp-%064d", rig->dir, 0);
	close(open(path, O_WRONLY | O_CREAT, 0600));
	open_rig(rig, 1 << 24, 100, 3600000);
	char hash[HZ_DWEB_HASH_BYTES];
	unsigned found = 0;
	while (hz_local_stray(rig->local, hash, &fd) == 0) {
		char data[4096];
		ssize_t n = read(fd, data, sizeof(data));
		close(fd);
		assert_int_equal(hz_take_object(rig->local, data, (size_t)n), HZ_LOCAL_STORED);
		found++;
	}
	assert_int_equal(found, 2);
	assert_int_equal(stat(path, &st), -1);
	const struct hz_dweb_request r = {.kind = HZ_DWEB_STUDY, .pacs = "local", .study = "1.2.4"};
	free(ask(rig, &r, HZ_DWEB_OK, NULL));
	// A file was lost behind the index's back: who has it brings it back.
	snprintf(path, sizeof(path), "%s/%s", rig->dir, hash);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(take_and_free(rig, object_of("1.2.3", 1, "P1")), HZ_LOCAL_PRESENT);
	assert_int_equal(take_and_free(rig, object_of("1.2.4", 1, "P1")), HZ_LOCAL_PRESENT);
	assert_int_equal(stat(path, &st), 0);
}

static void test_bounded(void **state)
{
	struct rig *rig = *state;
	close_rig(rig);
	open_rig(rig, 1 << 24, 2, -1000); // nothing is too young to go
	assert_int_equal(take_and_free(rig, object_of("1.2.1", 1, "P1")), HZ_LOCAL_STORED);
	usleep(3000); // the oldest is told by the clock
	assert_int_equal(take_and_free(rig, object_of("1.2.2", 1, "P1")), HZ_LOCAL_STORED);
	usleep(3000);
	assert_int_equal(take_and_free(rig, object_of("1.2.3", 1, "P1")), HZ_LOCAL_STORED);
	struct hz_dweb_request r = {.kind = HZ_DWEB_STUDY, .pacs = "local", .study = "1.2.1"};
	ask(rig, &r, HZ_DWEB_MISSING, NULL);
	strcpy(r.study, "1.2.3");
	free(ask(rig, &r, HZ_DWEB_OK, NULL));
	uint64_t bytes = hz_local_bytes(rig->local);
	close_rig(rig);
	open_rig(rig, bytes + 100, 100, 3600000); // full of what is in use
	assert_int_equal(take_and_free(rig, object_of("1.2.5", 1, "P1")), HZ_LOCAL_FULL);
	assert_int_equal(hz_local_bytes(rig->local), bytes);
}

static void test_came_back_as_another(void **state)
{
	struct rig *rig = *state;
	const struct hz_dweb_request r = {.kind = HZ_DWEB_FRAME,
	                                  .pacs = "local",
	                                  .study = "1.2.1",
	                                  .series = "1.2.1.1",
	                                  .instance = "1.2.1.1.1",
	                                  .frame = 1};
	close_rig(rig);
	open_rig(rig, 1 << 24, 1, -1000);
	struct fake_bytes b = object_of("1.2.1", 1, "P1");
	assert_int_equal(take(rig, b.data, b.bytes, NULL, 0), HZ_LOCAL_STORED);
	char *text = ask(rig, &r, HZ_DWEB_OK, NULL), before = text[127];
	free(text);
	assert_int_equal(take_and_free(rig, object_of("1.2.2", 1, "P1")),
	                 HZ_LOCAL_STORED); // the first one goes
	b.data[b.bytes - 1] ^= 1;
	assert_int_equal(take_and_free(rig, b), HZ_LOCAL_STORED);
	text = ask(rig, &r, HZ_DWEB_OK, NULL);
	assert_int_equal(text[127], before ^ 1);
	free(text);
}

static void test_refused_by_name(void **state)
{
	struct rig *rig = *state;
	static const struct {
		const char *data;
		size_t bytes;
		enum hz_local_result result;
	} all[] = {
	    {"", 0, HZ_LOCAL_NOT_DICOM},
	    {"Hello, this is a letter and no picture.", 39, HZ_LOCAL_NOT_DICOM},
	    {"\0\0\0\x18"
	     "ftypheic\0\0\0\0mif1heic",
	     24, HZ_LOCAL_HEIC},
	    {"GIF89a..............", 20, HZ_LOCAL_UNSUPPORTED},
	    {"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0", 20, HZ_LOCAL_DAMAGED},
	    {"PK\5\6\0\0\0\0\1\0\1\0\xff\xff\0\0\0\0\0\0\0\0", 22, HZ_LOCAL_DAMAGED},
	};
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		assert_int_equal(take(rig, all[i].data, all[i].bytes, NULL, 0), all[i].result);
	struct fake_bytes b = object_of("1.2.3", 1, "P1");
	for (size_t n = 0; n < b.bytes; n++) // no length of it is a crash, or taken for the whole
		assert_int_not_equal(take(rig, b.data, n, NULL, 0), HZ_LOCAL_STORED);
	char text[256];
	assert_int_equal(take(rig, b.data, b.bytes - 2, text, sizeof(text)), HZ_LOCAL_DAMAGED);
	assert_string_equal(text, "{\"n\":1,\"result\":\"damaged\",\"fault\":\"pixels-short\"}");
	assert_int_equal(take(rig, b.data, b.bytes, NULL, 0), HZ_LOCAL_STORED);
	fake_bytes_done(&b);
}

// --- archives

static void le(struct fake_bytes *b, uint32_t value, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++, value >>= 8)
		fake_put(b, &(const char){(char)value}, 1);
}

struct entry {
	struct fake_bytes data; // freed
	uint32_t says;          // 0: its size; else what it claims
	uint16_t flags;
	bool deflate;
};

static struct fake_bytes archive(struct entry *entry, unsigned count, bool share)
{
	struct fake_bytes zip = {0}, directory = {0};
	uint32_t first = 0;
	for (unsigned i = 0; i < count; i++) {
		struct entry *e = &entry[i];
		uint32_t at = (uint32_t)zip.bytes, crc = hz_crc32(e->data.data, e->data.bytes);
		uint32_t size = e->says ? e->says : (uint32_t)e->data.bytes;
		if (e->deflate)
			fake_deflate(&e->data);
		if (!share || i == 0) {
			fake_put(&zip, "PK\3\4\x14\0", 6);
			le(&zip, 0, 20);
			le(&zip, 2, 2);
			le(&zip, 0, 2);
			fake_put(&zip, "xy", 2);
			fake_put(&zip, e->data.data, e->data.bytes);
			first = at;
		}
		fake_put(&directory, "PK\1\2\x14\0\x14\0", 8);
		le(&directory, e->flags, 2);
		le(&directory, e->deflate ? 8 : 0, 2);
		le(&directory, 0, 4);
		le(&directory, crc, 4);
		le(&directory, (uint32_t)e->data.bytes, 4);
		le(&directory, size, 4);
		le(&directory, 2, 2);
		le(&directory, 0, 12);
		le(&directory, share ? first : at, 4);
		fake_put(&directory, "xy", 2);
		fake_bytes_done(&e->data);
	}
	uint32_t at = (uint32_t)zip.bytes;
	fake_put(&zip, directory.data, directory.bytes);
	fake_put(&zip, "PK\5\6\0\0\0\0", 8);
	le(&zip, count, 2);
	le(&zip, count, 2);
	le(&zip, (uint32_t)directory.bytes, 4);
	le(&zip, at, 4);
	le(&zip, 0, 2);
	fake_bytes_done(&directory);
	return zip;
}

static struct fake_bytes zeros(size_t bytes)
{
	struct fake_bytes b = {.data = calloc(1, bytes), .bytes = bytes, .room = bytes};
	return b;
}

static void test_archives(void **state)
{
	struct rig *rig = *state;
	char text[1024];
	struct entry good[] = {{.data = object_of("1.2.3", 1, "P1"), .deflate = true},
	                       {.data = zeros(10)},
	                       {.data = object_of("1.2.3", 2, "P1")},
	                       {.data = zeros(100), .flags = 1},
	                       {.data = object_of("1.2.3", 3, "P1"), .deflate = true, .says = 5}};
	struct fake_bytes zip = archive(good, 5, false);
	take(rig, zip.data, zip.bytes, text, sizeof(text));
	assert_non_null(strstr(text, "{\"n\":1,\"result\":\"stored\""));
	assert_non_null(strstr(text, "{\"n\":2,\"result\":\"not_dicom\""));
	assert_non_null(strstr(text, "{\"n\":3,\"result\":\"stored\""));
	assert_non_null(strstr(text, "{\"n\":4,\"result\":\"encrypted\""));
	assert_non_null(strstr(text, "{\"n\":5,\"result\":\"damaged\""));
	assert_null(strstr(text, "xy")); // its name
	for (size_t n = 0; n < zip.bytes; n += 7)
		(void)take(rig, zip.data, n, NULL, 0);
	for (size_t n = 0; n < zip.bytes; n++) {
		zip.data[n] ^= 0x55;
		(void)take(rig, zip.data, zip.bytes, NULL, 0);
		zip.data[n] ^= 0x55;
	}
	fake_bytes_done(&zip);

	struct entry inner[] = {{.data = object_of("1.2.3", 4, "P1")}};
	struct entry outer[] = {{.data = archive(inner, 1, false)}};
	zip = archive(outer, 1, false);
	assert_int_equal(take_and_free(rig, zip), HZ_LOCAL_UNSUPPORTED);
}

static void test_bombs(void **state)
{
	struct rig *rig = *state;
	// 300 MB of nothing in 300 kB: by what it says of itself, before a byte is unpacked.
	struct entry big[] = {{.data = zeros(1 << 20), .deflate = true, .says = 300u << 20}};
	assert_int_equal(take_and_free(rig, archive(big, 1, false)), HZ_LOCAL_BOMB);
	// It says little and is much: no more than it says is unpacked.
	struct entry liar[] = {{.data = zeros(8 << 20), .deflate = true, .says = 100}};
	assert_int_equal(take_and_free(rig, archive(liar, 1, false)), HZ_LOCAL_DAMAGED);
	// All entries are the same bytes.
	struct entry shared[60];
	for (unsigned i = 0; i < 60; i++)
		shared[i] = (struct entry){.data = zeros(20000), .deflate = false};
	assert_int_equal(take_and_free(rig, archive(shared, 60, true)), HZ_LOCAL_BOMB);
}

// --- photos

static void test_photo(void **state)
{
	struct rig *rig = *state;
	static const uint8_t png[] = {// 2 x 1, RGB: red, green; made by hand below
	                              0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
	struct fake_bytes file = {0}, raw = {0}, chunk = {0};
	fake_put(&file, png, sizeof(png));
	static const char ihdr[] = "IHDR\0\0\0\2\0\0\0\1\x08\2\0\0\0";
	fake_put(&raw, "\0\xff\0\0\0\xff\0", 7);
	fake_deflate(&raw);
	fake_put(&chunk, "IDAT\x78\x01", 6);
	fake_put(&chunk, raw.data, raw.bytes);
	fake_put(&chunk, "\0\0\0\0", 4);
	const struct {
		const void *data;
		size_t bytes;
	} parts[] = {{ihdr, 17}, {chunk.data, chunk.bytes}, {"IEND", 4}};
	for (unsigned i = 0; i < 3; i++) {
		uint32_t n = (uint32_t)parts[i].bytes - 4, crc = hz_crc32(parts[i].data, parts[i].bytes);
		const uint8_t head[4] = {0, 0, (uint8_t)(n >> 8), (uint8_t)n};
		const uint8_t tail[4] = {(uint8_t)(crc >> 24), (uint8_t)(crc >> 16), (uint8_t)(crc >> 8),
		                         (uint8_t)crc};
		fake_put(&file, head, 4);
		fake_put(&file, parts[i].data, parts[i].bytes);
		fake_put(&file, tail, 4);
	}
	assert_int_equal(take(rig, file.data, file.bytes, NULL, 0), HZ_LOCAL_STORED);
	assert_int_equal(take(rig, file.data, file.bytes, NULL, 0), HZ_LOCAL_PRESENT);
	for (size_t n = 0; n < file.bytes; n++) {
		file.data[n] ^= 0x11;
		(void)take(rig, file.data, file.bytes, NULL, 0);
		file.data[n] ^= 0x11;
	}
	const struct hz_dweb_request r = {.kind = HZ_DWEB_STUDY, .pacs = "local", .study = "2.25.77"};
	char *text = ask(rig, &r, HZ_DWEB_OK, NULL), instance[65] = "";
	assert_non_null(strstr(text, "1.2.840.10008.5.1.4.1.1.77.1.4"));
	assert_non_null(strstr(text, "王五"));
	static const char mark[] = "\"00080018\":{\"vr\":\"UI\",\"Value\":[\"";
	sscanf(strstr(text, mark) + sizeof(mark) - 1, "%64[0-9.]", instance);
	struct hz_dweb_request frame = {
	    .kind = HZ_DWEB_FRAME, .pacs = "local", .study = "2.25.77", .series = "2.25.78", .frame = 1};
	strcpy(frame.instance, instance);
	char *pixels = ask(rig, &frame, HZ_DWEB_OK, NULL);
	assert_memory_equal(pixels, "\xff\0\0\0\xff\0", 6);
	free(pixels);
	free(text);
	fake_bytes_done(&chunk);
	fake_bytes_done(&raw);
	fake_bytes_done(&file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_kept_and_given, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_never_mixed, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_never_mixed_without_a_number, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_survives, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_bounded, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_came_back_as_another, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_refused_by_name, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_archives, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_bombs, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(test_photo, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
