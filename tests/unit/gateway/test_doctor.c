// huizhen doctor: each check with something wrong in front of it.
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway/config_parse.h"
#include "gateway/doctor.h"
#include "gateway/supervisor_ports.h"
#include "media/transport/certificate.h"
#include "media/transport/udp.h"

static char dir[64];
static struct hz_doctor d;

static void examine(const char *extra)
{
	char yaml[600], error[HZ_CONFIG_ERROR_BYTES];
	static char path[] = "d.yaml";
	struct hz_config_text text = {.path = path, .text = yaml};
	struct hz_config *config;
	int n = snprintf(yaml, sizeof(yaml), "data: {dir: %s/data}\nmedia: {port: 29870, workers: 2}\n%s",
	                 dir, extra);
	text.bytes = (size_t)n;
	if (hz_config_parse(&text, error, &config))
		fail_msg("%s", error);
	hz_doctor_run(&d, config);
	hz_config_free(config);
	d.config = NULL;
}

static const struct hz_finding *finding(const char *name)
{
	for (unsigned i = 0; i < d.count; i++)
		if (strcmp(d.finding[i].name, name) == 0)
			return &d.finding[i];
	fail_msg("nothing about %s", name);
	abort();
}

static void expect(const char *name, enum hz_verdict verdict, const char *text)
{
	const struct hz_finding *f = finding(name);
	if (f->verdict != verdict || !strstr(f->text, text))
		fail_msg("%s: %d \"%s\"", name, f->verdict, f->text);
	if (verdict > HZ_VERDICT_OFF && !f->todo[0])
		fail_msg("%s: does not say what to do", name);
}

#define PORTS "http: {port: 29881}\nhttps: {port: 29882}\n"

static void healthy(void **state)
{
	examine(PORTS);
	expect("data folder", HZ_VERDICT_OK, "first start");
	expect("http", HZ_VERDICT_OK, "free");
	expect("https", HZ_VERDICT_OK, "free");
	expect("media", HZ_VERDICT_OK, "29870 to 29871");
	expect("gateway", HZ_VERDICT_OFF, "not running");
	expect("certificate", HZ_VERDICT_OK, "first start");
	expect("libraries", HZ_VERDICT_OK, "OpenSSL 3");
	expect("libraries", HZ_VERDICT_OK, "libsrtp");
	expect("encryption", HZ_VERDICT_OK, "passed");
	expect("pacs", HZ_VERDICT_OFF, "not configured");
	expect("emr", HZ_VERDICT_OFF, "not configured");
	expect("imaging", HZ_VERDICT_OFF, "imaging.enabled");
	expect("turn", HZ_VERDICT_OFF, "no TURN server is configured");
	finding("disk");
	finding("open files");
	finding("clock");
	finding("codecs");
}

static void ports_of_others(void **state)
{
	int http, media;
	assert_int_equal(hz_tcp_listen("127.0.0.1", 29881, &http), 0);
	assert_int_equal(hz_udp_open("", 29871, &media), 0);
	examine(PORTS);
	expect("http", HZ_VERDICT_FAIL, "another program");
	expect("https", HZ_VERDICT_OK, "free");
	expect("media", HZ_VERDICT_FAIL, "29871 is in use");
	assert_int_equal(hz_doctor_verdict(&d), HZ_VERDICT_FAIL);
	close(http);
	close(media);
	examine("http: {port: 29881, address: 192.0.2.7}\nhttps: {port: 0}\n");
	expect("http", HZ_VERDICT_FAIL, "cannot be opened");
	expect("https", HZ_VERDICT_OFF, "off");
	expect("certificate", HZ_VERDICT_OFF, "off");
}

#define IMAGING                                                                                              \
	"imaging: {enabled: true, pacs: \"ris=http://127.0.0.1:9/x\", local_gb: %u}\nreceive: {port: %u}\n"

static void images(void **state)
{
	char extra[256], path[96];
	int port;
	snprintf(extra, sizeof(extra), PORTS IMAGING, 1, 29885);
	examine(extra);
	expect("ris", HZ_VERDICT_FAIL, "does not answer");
	expect("c-store", HZ_VERDICT_OK, "29885 is free");
	expect("c-store callers", HZ_VERDICT_WARN, "any AE title");
	expect("studies folder", HZ_VERDICT_OK, "first start");
	expect("dicom", HZ_VERDICT_OK, "dicom.dic");
	for (unsigned i = 0; i < 4; i++) // each program is looked for
		finding(((const char *[]){"imaging", "live", "studies", "receive"})[i]);
	assert_int_equal(hz_tcp_listen("127.0.0.1", 29885, &port), 0);
	setenv("DCMDICTPATH", "/nowhere/dicom.dic", 1);
	snprintf(path, sizeof(path), "%s/data", dir);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/data/studies", dir);
	close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)); // a file where the folder should be
	snprintf(extra, sizeof(extra), PORTS IMAGING, 100000, 29885);
	examine(extra);
	expect("c-store", HZ_VERDICT_FAIL, "another program");
	expect("dicom", HZ_VERDICT_FAIL, "/nowhere");
	expect("studies folder", HZ_VERDICT_FAIL, "cannot write");
	expect("studies room", HZ_VERDICT_WARN, "the disk is full before");
	snprintf(extra, sizeof(extra), PORTS IMAGING, 0, 29885);
	examine(extra);
	expect("c-store", HZ_VERDICT_WARN, "nothing is kept");
	expect("studies", HZ_VERDICT_OFF, "local_gb is 0");
	unsetenv("DCMDICTPATH");
	unlink(path);
	close(port);
}

// Something has the lock of the folder, but does not answer as a gateway does.
static void silent_gateway(void **state)
{
	char path[96];
	int http;
	snprintf(path, sizeof(path), "%s/data", dir);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/data/run", dir);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/data/run/lock", dir);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "4711\n", 5), 5);
	examine(PORTS);
	expect("gateway", HZ_VERDICT_OFF, "not running"); // a lock file alone means nothing
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(hz_tcp_listen("127.0.0.1", 29881, &http), 0);
	close(http);
	examine(PORTS);
	expect("gateway", HZ_VERDICT_FAIL, "pid 4711");
	assert_int_equal(hz_tcp_listen("127.0.0.1", 29881, &http), 0);
	examine(PORTS); // accepts but says nothing: 3 s
	expect("http", HZ_VERDICT_OK, "a gateway runs here");
	expect("gateway", HZ_VERDICT_FAIL, "does not answer");
	close(http);
	close(fd);
	unlink(path);
}

static void folders(void **state)
{
	char path[96];
	snprintf(path, sizeof(path), "%s/data", dir);
	mkdir(path, 0700);
	chmod(path, 0755);
	examine(PORTS);
	expect("data folder", HZ_VERDICT_WARN, "mode 755");
	chmod(path, 0777);
	examine(PORTS);
	expect("data folder", HZ_VERDICT_FAIL, "mode 777");
	chmod(path, 0700);
	examine(PORTS);
	expect("data folder", HZ_VERDICT_OK, dir);
	examine(PORTS "web: {dir: /nowhere}\n");
	expect("pages", HZ_VERDICT_FAIL, "/nowhere");
}

static void certificates(void **state)
{
	static const char *const dns[] = {"gateway.example.org"};
	static const char *const ip[] = {"10.1.2.3"};
	struct hz_certificate_names names = {.dns = dns, .dns_count = 1, .ip = ip, .ip_count = 1};
	struct hz_certificate_facts facts;
	char a[96], ak[96], b[96], bk[96], extra[500];
	snprintf(a, sizeof(a), "%s/a.pem", dir);
	snprintf(ak, sizeof(ak), "%s/a.key", dir);
	snprintf(b, sizeof(b), "%s/b.pem", dir);
	snprintf(bk, sizeof(bk), "%s/b.key", dir);
	assert_int_equal(hz_certificate_make(a, ak, &names), 0);
	assert_int_equal(hz_certificate_make(b, bk, &names), 0);
	assert_int_equal(hz_certificate_look(a, ak, "10.1.2.3", &facts), 0);
	assert_true(facts.name_matches);
	assert_int_equal(hz_certificate_look(a, ak, "10.1.2.4", &facts), 0);
	assert_false(facts.name_matches);
	assert_int_equal(hz_certificate_look(a, bk, NULL, &facts), -EKEYREJECTED);
	assert_int_equal(hz_certificate_look(ak, a, NULL, &facts), -EINVAL);
	assert_int_equal(hz_certificate_look("/none", ak, NULL, &facts), -ENOENT);
	assert_int_equal(hz_certificate_look("/dev/null", ak, NULL, &facts), -EINVAL);

	snprintf(extra, sizeof(extra),
	         "http: {port: 29881}\nhttps: {port: 29882, certificate: %s, key: %s}\n"
	         "links: {public_url: 'https://gateway.example.org:8443'}\n",
	         a, ak);
	examine(extra);
	expect("certificate", HZ_VERDICT_WARN, "self-signed");
	snprintf(extra, sizeof(extra),
	         "http: {port: 29881}\nhttps: {port: 29882, certificate: %s, key: %s}\n"
	         "links: {public_url: 'https://other.example.org'}\n",
	         a, ak);
	examine(extra);
	expect("certificate", HZ_VERDICT_FAIL, "not for other.example.org");
	snprintf(extra, sizeof(extra),
	         "http: {port: 29881}\nhttps: {port: 29882, certificate: %s, key: %s}\n", a, bk);
	examine(extra);
	expect("certificate", HZ_VERDICT_FAIL, "does not belong");
	snprintf(extra, sizeof(extra),
	         "http: {port: 29881}\nhttps: {port: 29882, certificate: /dev/null, key: %s}\n", bk);
	examine(extra);
	expect("certificate", HZ_VERDICT_FAIL, "not PEM");
}

static void certificate_refused(void **state)
{
	static const char *const odd[] = {"not an address"};
	struct hz_certificate_names none = {0}, wrong = {.ip = odd, .ip_count = 1};
	char a[96], ak[96];
	snprintf(a, sizeof(a), "%s/none/a.pem", dir);
	snprintf(ak, sizeof(ak), "%s/none/a.key", dir);
	assert_int_equal(hz_certificate_make(a, ak, &none), -EINVAL);
	assert_int_equal(hz_certificate_make(a, ak, &wrong), -EINVAL);
	static const char *const good[] = {"localhost"};
	struct hz_certificate_names names = {.dns = good, .dns_count = 1};
	assert_int_equal(hz_certificate_make(a, ak, &names), -ENOENT);
}

static void put(const char *name, size_t bytes, mode_t mode)
{
	char path[128], text[64] = "";
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0 && write(fd, text, bytes) == (ssize_t)bytes && fchmod(fd, mode) == 0);
	close(fd);
}

static void records(void **state)
{
	char path[128], yaml[200];
	examine("record: {enabled: false}\n");
	expect("records", HZ_VERDICT_OFF, "record.enabled");
	snprintf(path, sizeof(path), "%s/store", dir);
	snprintf(yaml, sizeof(yaml), "record: {dir: %s, min_free: 64}\n", path);
	examine(yaml);
	expect("records", HZ_VERDICT_OK, "first start");
	expect("record key", HZ_VERDICT_OK, "first start");
	assert_int_equal(mkdir(path, 0755), 0);
	examine(yaml);
	expect("records", HZ_VERDICT_WARN, "mode 755");
	assert_int_equal(chmod(path, 0700), 0);
	put("store/master.key", 31, 0600);
	examine(yaml);
	expect("records", HZ_VERDICT_OK, path);
	assert_true(strstr(finding("record disk")->text, "safe after") != NULL);
	expect("record room", HZ_VERDICT_OK, "MiB free");
	expect("record key", HZ_VERDICT_FAIL, "is not a key");
	put("store/master.key", 32, 0640);
	examine(yaml);
	expect("record key", HZ_VERDICT_WARN, "mode 640");
	put("store/master.key", 32, 0600);
	snprintf(yaml, sizeof(yaml), "record: {dir: %s, min_free: 1048576}\n", path);
	examine(yaml);
	expect("record key", HZ_VERDICT_OK, "master.key");
	expect("record room", HZ_VERDICT_WARN, "MiB free");
	put("file", 1, 0600);
	snprintf(yaml, sizeof(yaml), "record: {dir: %s/file}\n", dir);
	examine(yaml);
	expect("records", HZ_VERDICT_FAIL, "not a folder");
}

static void mixed_sound(void **state)
{
	examine("mix: {enabled: false}\n");
	expect("mixed sound", HZ_VERDICT_OFF, "mix.enabled");
	examine("");
	expect("mixed sound", HZ_VERDICT_WARN, "huizhen-mix"); // it is not beside this program
}

static void composed_picture(void **state)
{
	examine("mosaic: {enabled: false}\n");
	expect("composed picture", HZ_VERDICT_OFF, "mosaic.enabled");
	examine("");
	expect("composed picture", HZ_VERDICT_WARN, "huizhen-mosaic"); // it is not beside this program
	expect("images as a picture", HZ_VERDICT_OFF, "imaging.enabled");
}

static void too_many_findings(void **state)
{
	d.count = 0;
	for (int i = 0; i < HZ_DOCTOR_MAX + 5; i++)
		hz_doctor_add(&d, "x", HZ_VERDICT_WARN, NULL, "%d", i);
	assert_int_equal(d.count, HZ_DOCTOR_MAX);
	assert_int_equal(hz_doctor_verdict(&d), HZ_VERDICT_WARN);
}

static int make_dir(void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/hz-doctor-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	char command[96];
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(healthy, make_dir, remove_dir),
	    cmocka_unit_test_setup_teardown(images, make_dir, remove_dir),
	    cmocka_unit_test_setup_teardown(ports_of_others, make_dir, remove_dir),
	    cmocka_unit_test_setup_teardown(silent_gateway, make_dir, remove_dir),
	    cmocka_unit_test_setup_teardown(folders, make_dir, remove_dir),
	    cmocka_unit_test_setup_teardown(certificates, make_dir, remove_dir),
	    cmocka_unit_test_setup_teardown(certificate_refused, make_dir, remove_dir),
	    cmocka_unit_test_setup_teardown(records, make_dir, remove_dir),
	    cmocka_unit_test_setup_teardown(mixed_sound, make_dir, remove_dir),
	    cmocka_unit_test_setup_teardown(composed_picture, make_dir, remove_dir),
	    cmocka_unit_test(too_many_findings),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
