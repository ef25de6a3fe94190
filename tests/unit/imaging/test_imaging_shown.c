// Presentation states and Key Object Selections: sound ones for dciodvfy where it is installed; what cannot be one is refused.
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

#include "media/imaging/shown.h"

static struct hz_shown_image image(unsigned n)
{
	struct hz_shown_image i = {.rows = 128,
	                           .columns = 256,
	                           .spacing = {0.5, 0.5},
	                           .grey = true,
	                           .rescaled = true,
	                           .slope = 1,
	                           .intercept = -1024,
	                           .rescale_type = "HU",
	                           .center = 40,
	                           .width = 400,
	                           .zoom = 1};
	snprintf(i.series, sizeof(i.series), "1.2.3.%u", n % 2);
	snprintf(i.instance, sizeof(i.instance), "1.2.3.%u.%u", n % 2, n);
	snprintf(i.sop_class, sizeof(i.sop_class), "1.2.840.10008.5.1.4.1.1.2");
	return i;
}

static struct hz_shown some(const struct hz_shown_image *images, unsigned count)
{
	struct hz_shown k = {.study = "1.2.3",
	                     .name = "王^小明",
	                     .patient = "T1",
	                     .birth = "19700101",
	                     .sex = "F",
	                     .study_date = "20240501",
	                     .study_time = "101112",
	                     .date = "20260102",
	                     .time = "030405",
	                     .seed = {1, 2, 3},
	                     .images = count,
	                     .image = images};
	return k;
}

// Writes it, and what dciodvfy says; "" where it is not there.
static unsigned errors_of(const struct hz_shown_file *file)
{
	char path[] = "/tmp/hz-kept-XXXXXX", command[128], line[512];
	unsigned errors = 0;
	int fd = mkstemp(path);
	assert_true(fd >= 0 && write(fd, file->data, file->bytes) == (ssize_t)file->bytes);
	close(fd);
	snprintf(command, sizeof(command), "dciodvfy %s 2>&1", path);
	FILE *said = system("command -v dciodvfy >/dev/null") == 0 ? popen(command, "r") : NULL;
	while (said && fgets(line, sizeof(line), said)) {
		if (!strstr(line, "Error"))
			continue;
		print_message("%s", line);
		errors++;
	}
	if (said)
		pclose(said);
	unlink(path);
	return errors;
}

static bool has(const struct hz_shown_file *file, const char *text)
{
	return memmem(file->data, file->bytes, text, strlen(text)) != NULL;
}

static void marks(void **state)
{
	float line[2][2] = {{10, 10}, {30, 10}}, box[3][2] = {{1, 1}, {5, 1}, {5, 9}},
	      oval[2][2] = {{10, 20}, {20, 60}}, spot[1][2] = {{7, 7}};
	const struct hz_shown_image images[3] = {image(0), image(1), image(2)};
	const struct hz_shown_mark all[] = {
	    {.image = 0, .kind = HZ_SHOWN_LINES, .points = 2, .point = line, .text = "10 mm"},
	    {.image = 0, .kind = HZ_SHOWN_CLOSED, .points = 3, .point = box},
	    {.image = 0, .kind = HZ_SHOWN_ELLIPSE, .points = 2, .point = oval, .text = "结节"},
	    {.image = 2, .kind = HZ_SHOWN_POINT, .points = 1, .point = spot},
	    {.image = 2, .kind = HZ_SHOWN_WORDS, .points = 1, .point = spot, .text = "nodule\\here"},
	    {.image = 2, .kind = HZ_SHOWN_WORDS, .points = 1, .point = spot},
	};
	struct hz_shown kept = some(images, 3);
	struct hz_shown_files files, again;
	(void)state;
	kept.mark = all;
	kept.marks = sizeof(all) / sizeof(*all);
	assert_int_equal(hz_shown_make(&kept, &files), 0);
	assert_int_equal(files.count, 2);
	for (unsigned i = 0; i < files.count; i++)
		assert_int_equal(errors_of(&files.file[i]), 0);
	assert_true(has(&files.file[0], "结节") && has(&files.file[0], "王^小明") &&
	            has(&files.file[0], "ELLIPSE"));
	assert_true(
	    has(&files.file[1], files.file[0].instance)); // the key objects name the presentation state
	assert_int_equal(hz_shown_make(&kept, &again), 0);
	assert_string_equal(again.file[0].instance, files.file[0].instance);
	assert_int_equal(again.file[1].bytes, files.file[1].bytes);
	assert_memory_equal(again.file[1].data, files.file[1].data, files.file[1].bytes);
	hz_shown_free(&again);
	kept.seed[0] = 9;
	assert_int_equal(hz_shown_make(&kept, &again), 0);
	assert_string_not_equal(again.file[0].instance, files.file[0].instance);
	hz_shown_free(&again);
	hz_shown_free(&files);
}

static void groups(void **state)
{
	struct hz_shown_image images[12];
	struct hz_shown_files files;
	(void)state;
	for (unsigned i = 0; i < 12; i++) {
		images[i] = image(i);
		images[i].turn = i % 4;
		images[i].flip = i / 4 % 2;
		images[i].frame = i % 3;
		if (i % 3) // enhanced CT
			snprintf(images[i].sop_class, sizeof(images[i].sop_class),
			         "1.2.840.10008.5.1.4.1.1.2.1");
		images[i].zoom = 1 + i;
		images[i].pan_x = 0.1 * i;
	}
	images[1].width = 0;
	images[2].spacing[0] = 0;
	images[2].aspect[0] = 2;
	images[2].aspect[1] = 1;
	memcpy(images[4].function, "SIGMOID", 8);
	images[3].rescaled = false; // a ninth group: in the key objects only
	images[5].grey = false;
	const struct hz_shown kept = some(images, 12);
	assert_int_equal(hz_shown_make(&kept, &files), 0);
	assert_int_equal(files.count, HZ_SHOWN_FILES);
	for (unsigned i = 0; i < files.count; i++)
		assert_int_equal(errors_of(&files.file[i]), 0);
	assert_true(has(&files.file[2], "2\\1 ") && has(&files.file[4], "SIGMOID"));
	assert_false(has(&files.file[3], "SIGMOID"));
	hz_shown_free(&files);
	hz_shown_free(&files); // twice is harmless
}

static void refused(void **state)
{
	struct hz_shown_image one = image(0);
	struct hz_shown_files files = {.count = 0};
	struct hz_shown kept = some(&one, 0);
	float spot[1][2] = {{0, 0}};
	struct hz_shown_mark mark = {.image = 1, .points = 1, .point = spot};
	(void)state;
	assert_int_equal(hz_shown_make(&kept, &files), -EINVAL);
	kept.images = 1;
	one.turn = 4;
	assert_int_equal(hz_shown_make(&kept, &files), -EINVAL);
	one.turn = 0;
	one.zoom = 0;
	assert_int_equal(hz_shown_make(&kept, &files), -EINVAL);
	one.zoom = 1;
	one.sop_class[0] = 0;
	assert_int_equal(hz_shown_make(&kept, &files), -EINVAL);
	one = image(0);
	kept.mark = &mark;
	kept.marks = 1;
	assert_int_equal(hz_shown_make(&kept, &files), -EINVAL); // on an image that is not there
	mark.image = 0;
	mark.points = HZ_SHOWN_POINTS + 1;
	assert_int_equal(hz_shown_make(&kept, &files), -EINVAL);
	assert_int_equal(files.count, 0);
}

static void uids(void **state)
{
	const uint8_t most[16] = {255, 255, 255, 255, 255, 255, 255, 255,
	                          255, 255, 255, 255, 255, 255, 255, 255},
	              none[16] = {0};
	char uid[HZ_SHOWN_UID_BYTES];
	(void)state;
	hz_shown_uid(most, uid);
	assert_string_equal(uid, "2.25.340282366920938463463374607431768211455");
	hz_shown_uid(none, uid);
	assert_string_equal(uid, "2.25.0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(marks), cmocka_unit_test(groups),
	                                   cmocka_unit_test(refused), cmocka_unit_test(uids)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
