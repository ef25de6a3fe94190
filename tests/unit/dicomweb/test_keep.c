// What is kept: from the table's JSON and the PACS's to objects, hostile values left out; the folder that outlives everybody; a PACS
// that is not there.
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "media/dicomweb/keep.h"
#include "media/dicomweb/keep_json.h"
#include "media/dicomweb/keep_plan.h"
#include "media/dicomweb/keep_spool.h"

#define SET "{" SET_REST
#define SET_REST                                                                                             \
	"\"00080016\":{\"Value\":[\"1.2.840.10008.5.1.4.1.1.2\"]},\"00080018\":{\"Value\":[\"1.2.3.4\"]},"   \
	"\"00280010\":{\"Value\":[512]},\"00280011\":{\"Value\":[512]},\"00280004\":{\"Value\":["            \
	"\"MONOCHROME1\"]},"                                                                                 \
	"\"00281052\":{\"Value\":[-1024]},\"00281053\":{\"Value\":[\"1\"]},\"00281050\":{\"Value\":[40,50]}" \
	","                                                                                                  \
	"\"00281051\":{\"Value\":[400,500]},\"00100010\":{\"Value\":[{\"Alphabetic\":\"Wang^X\","            \
	"\"Ideographic\":\"王^小\"}]}}"
#define STATE(view, objects)                                                                                 \
	"{\"consult\":\"c\",\"pacs\":\"main\",\"study\":\"1.2\",\"time_s\":1700000000,\"viewports\":[" view  \
	"],\"objects\":[" objects "]}"
#define IMAGE "\"pacs\":\"main\",\"study\":\"1.2\",\"series\":\"1.2.3\",\"instance\":\"1.2.3.4\""
#define VIEW  "{\"image\":{" IMAGE "},\"frame\":0,\"center\":10,\"width\":20,\"rotation\":270,\"invert\":true}"

static int plan(const char *state, const char *sets, struct hz_keep_plan **ret)
{
	json_t *a = json_loads(state, 0, NULL), *b = json_loads(sets, 0, NULL);
	assert_non_null(a);
	assert_non_null(b);
	int err = hz_keep_plan_make(a, b, 1700000000, ret);
	json_decref(a);
	json_decref(b);
	return err;
}

static void plans(void **state)
{
	struct hz_keep_plan *p = NULL;
	(void)state;
	assert_int_equal(
	    plan(STATE(VIEW,
	               "{\"kind\":\"arrow\",\"text\":\"x\",\"value\":12.34,\"unit\":\"mm\",\"on\":{" IMAGE
	               ",\"frame\":0},\"points\":[[0,0],[30,0]]}"),
	         "[" SET "]", &p),
	    0);
	assert_int_equal(p->shown.images, 1);
	assert_int_equal(p->shown.marks, 1);
	assert_string_equal(p->shown.name, "Wang^X=王^小");
	assert_int_equal(p->image[0].turn, 3);
	assert_false(p->image[0].inverse); // the least is white, and turned over
	assert_true(p->image[0].width == 20 && p->image[0].rescaled && p->image[0].slope == 1 &&
	            p->image[0].grey);
	assert_int_equal(p->image[0].frame, 0);
	assert_int_equal(p->mark[0].points, 5); // with its head
	assert_string_equal(p->mark[0].text, "x 12.34 mm");
	hz_keep_plan_free(p);
	hz_keep_plan_free(NULL);
	// DX says INVERSE beside MONOCHROME1, and means it once. Pixels that are no squares; digits of a large area.
	assert_int_equal(plan(STATE("{\"image\":{" IMAGE "},\"frame\":0}",
	                            "{\"kind\":\"ellipse\",\"value\":12345.67,\"unit\":\"mm2\",\"on\":{" IMAGE
	                            ",\"frame\":0},\"points\":[[0,0],[30,9]]}"),
	                      "[{\"20500020\":{\"Value\":[\"INVERSE\"]},\"00281056\":{\"Value\":[\"SIGMOID\"]"
	                      "},\"00280034\":{\"Value\":[2,\"1\"]}," SET_REST "]",
	                      &p),
	                 0);
	assert_true(p->image[0].inverse);
	assert_string_equal(p->image[0].function, "SIGMOID");
	assert_true(p->image[0].aspect[0] == 2 && p->image[0].aspect[1] == 1);
	assert_string_equal(p->mark[0].text, "12345.67 mm²");
	hz_keep_plan_free(p);
}

static void hostile(void **state)
{
	static const char *const states[] = {
	    "{}",
	    "[]",
	    STATE("", ""),
	    STATE("{\"image\":{\"series\":\"../..\",\"instance\":\"1.2.3.4\"}}", ""),
	    STATE("{\"image\":{" IMAGE "},\"frame\":-1}", ""),
	    STATE("{\"image\":{" IMAGE "},\"frame\":1e300}", ""),
	    STATE("{\"image\":{" IMAGE "},\"frame\":1}", ""), // it has one frame
	    STATE("{\"image\":7}", "{\"on\":[],\"points\":{}}"),
	};
	static const char lying[] = "[{\"00080018\":{\"Value\":[\"1.2.3.4\"]},\"00080016\":{\"Value\":[{}]},"
	                            "\"00280010\":{\"Value\":[\"1e999\"]}}]";
	static const char *const sets[] = {
	    "[]",
	    "{}",
	    "[1,null,\"x\",{}]",
	    "[{\"00080018\":{\"Value\":[\"1.2.3.4\"]}}]",
	    lying,
	    "[{\"00080018\":{\"Value\":7},\"00280008\":[]}]",
	    // A whole slide: what is drawn is on its matrix, which a frame of it knows nothing of.
	    "[{\"00080016\":{\"Value\":[\"1.2.840.10008.5.1.4.1.1.77.1.6\"]},\"00080018\":{\"Value\":[\"1.2."
	    "3.4\"]},"
	    "\"00280010\":{\"Value\":[256]},\"00280011\":{\"Value\":[256]}}]",
	};
	struct hz_keep_plan *p = NULL;
	(void)state;
	for (size_t i = 0; i < sizeof(states) / sizeof(*states); i++)
		assert_int_equal(plan(states[i], "[" SET "]", &p), -ENOENT);
	for (size_t i = 0; i < sizeof(sets) / sizeof(*sets); i++)
		assert_int_equal(plan(STATE(VIEW, ""), sets[i], &p), -ENOENT);
	// Wild numbers and points that are none make an object all the same.
	assert_int_equal(
	    plan(STATE("{\"image\":{" IMAGE "},\"zoom\":0,\"rotation\":-1e300,\"pan_x\":1e300}",
	               "{\"kind\":\"ellipse\",\"on\":{" IMAGE ",\"frame\":0},\"points\":[[1e300],7,[]]}"),
	         "[" SET "]", &p),
	    0);
	struct hz_shown_files files;
	assert_int_equal(hz_shown_make(&p->shown, &files), 0);
	hz_shown_free(&files);
	hz_keep_plan_free(p);
	char text[16];
	json_t *set = json_loads("{\"1\":{\"Value\":[\"a\\nb\"]},\"2\":{\"Value\":[\"a\\\\b\"]},\"3\":{"
	                         "\"Value\":[\"0123456789abcdef\"]}}",
	                         0, NULL);
	for (const char *tag = "1\0002\0003\0"; *tag; tag += 2) {
		hz_dj_text(set, tag, text, sizeof(text));
		assert_string_equal(text, "");
	}
	json_decref(set);
}

static unsigned told;
static enum hz_dweb_result last;

static void on_news(void *ctx, const struct hz_keep_news *news)
{
	(void)ctx;
	assert_string_equal(news->consult, "c");
	told++;
	last = news->result;
}

static void spool(void **state)
{
	static const char text[] = STATE(VIEW, ""),
	                  later[] = "{\"consult\":\"c\",\"pacs\":\"main\",\"study\":\"1.2\",\"time_s\":"
	                            "1700009999,\"viewports\":[" VIEW "],\"objects\":[]}";
	char dir[] = "/tmp/hz-keep-XXXXXX", command[128];
	struct hz_dweb_fetch *fetch;
	struct hz_keep *keep;
	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(hz_dweb_fetch_new(NULL, NULL, NULL, &fetch), 0);
	assert_int_equal(hz_keep_new(dir, fetch, on_news, NULL, &keep), 0);
	assert_int_equal(hz_keep_put(keep, "{", 1), -EINVAL);
	assert_int_equal(hz_keep_put(keep, STATE("", ""), strlen(STATE("", ""))), -EINVAL);
	assert_int_equal(hz_keep_put(keep, text, strlen(text)), 0);
	assert_int_equal(hz_keep_put(keep, later, strlen(later)), 0); // the same but for the time
	assert_int_equal(hz_keep_waiting(keep), 1);
	hz_keep_answer(keep, HZ_DWEB_OK, "[]", 2); // nobody asked
	hz_keep_tick(keep, 1700000000000);
	assert_int_equal(told, 1);
	assert_int_equal(last, HZ_DWEB_UNKNOWN); // there is no PACS of that name
	hz_keep_tick(keep, 1700000001000);
	assert_int_equal(told, 1);
	hz_keep_free(keep);
	assert_int_equal(hz_keep_new(dir, fetch, on_news, NULL, &keep), 0); // it has died
	assert_int_equal(hz_keep_waiting(keep), 1);
	hz_keep_tick(keep, 1700000002000 + (HZ_KEEP_DAYS + 1) * 86400000LL); // long enough
	assert_int_equal(hz_keep_waiting(keep), 0);
	hz_keep_free(keep);
	assert_int_equal(hz_keep_new(dir, fetch, on_news, NULL, &keep), 0);
	assert_int_equal(hz_keep_waiting(keep), 0);
	hz_keep_free(keep);
	hz_dweb_fetch_free(fetch);
	snprintf(command, sizeof(command), "ls %s | grep -q failed && rm -r %s", dir, dir);
	assert_int_equal(system(command), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(plans), cmocka_unit_test(hostile),
	                                   cmocka_unit_test(spool)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
