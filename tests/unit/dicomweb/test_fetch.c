// What a PACS is asked for on the wire: the path that was meant, whatever its address looks like, many at once, and again where a
// connection that was kept is gone. Each answer says which path it is of: nobody gets another's.
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "media/dicomweb/fetch.h"
#include "media/dicomweb/request.h"

// A connection goes without a word with the next request, where none did of late: libcurl tries five others for one request, and five
// in all with each of its handles.
#define SERVED 17
#define APART  40

static int listener;
static unsigned requests, last, hung_up; // of all connections; when one went; how often one did

static bool goes(unsigned served)
{
	unsigned now = __atomic_add_fetch(&requests, 1, __ATOMIC_SEQ_CST);
	unsigned was = __atomic_load_n(&last, __ATOMIC_SEQ_CST);
	if (served < SERVED || now - was < APART ||
	    !__atomic_compare_exchange_n(&last, &was, now, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		return false;
	__atomic_add_fetch(&hung_up, 1, __ATOMIC_SEQ_CST);
	return true;
}

static void *serve_one(void *arg)
{
	int fd = (int)(intptr_t)arg;
	char text[4096], path[1024], answer[2048];
	for (unsigned served = 0;; served++) {
		size_t used = 0;
		ssize_t n = 0;
		text[0] = '\0';
		while (!strstr(text, "\r\n\r\n") && used < sizeof(text) - 1 &&
		       (n = read(fd, text + used, sizeof(text) - 1 - used)) > 0)
			text[used += (size_t)n] = '\0';
		if (n <= 0 || goes(served) || sscanf(text, "GET %1000s HTTP/1.1", path) != 1) {
			close(fd);
			return NULL;
		}
		bool known = strstr(text, "Authorization: Basic dTpw\r\n") != NULL; // u:p
		int bytes = snprintf(answer, sizeof(answer),
		                     "HTTP/1.1 %d x\r\nContent-Type: application/dicom+json\r\n"
		                     "Content-Length: %zu\r\n\r\n%s",
		                     known ? 200 : 401, strlen(path), path);
		if (write(fd, answer, (size_t)bytes) != bytes)
			abort();
	}
}

static void *serve(void *arg)
{
	int fd;
	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		pthread_t thread;
		if (pthread_create(&thread, NULL, serve_one, (void *)(intptr_t)fd))
			abort();
		pthread_detach(thread);
	}
	return arg;
}

struct heard {
	const char *own; // of the address, as it goes over the wire
	unsigned good, bad;
};

static bool on_answer(void *ctx, const struct hz_dweb_answer *a)
{
	struct heard *h = ctx;
	char path[HZ_DWEB_PATH_BYTES], all[2 * HZ_DWEB_PATH_BYTES];
	hz_dweb_request_path(a->request, path);
	size_t bytes = (size_t)snprintf(all, sizeof(all), "%s%s", h->own, path);
	bool good = a->result == HZ_DWEB_OK && a->bytes == bytes && memcmp(a->data, all, bytes) == 0;
	if (!good)
		print_message("result %u: %.*s, not %s\n", a->result, (int)a->bytes, a->data, all);
	*(good ? &h->good : &h->bad) += 1;
	return false;
}

static void ask(struct hz_dweb_fetch *f, unsigned i)
{
	struct hz_dweb_request r = {.kind = i % 7 ? HZ_DWEB_INSTANCE : HZ_DWEB_LIST, .pacs = "main"};
	snprintf(r.study, sizeof(r.study), "1.%u", i + 1);
	if (i % 7) {
		strcpy(r.series, "1.3");
		snprintf(r.instance, sizeof(r.instance), "1.4.%u", i + 1);
	}
	assert_true(hz_dweb_request_valid(&r));
	assert_int_equal(hz_dweb_fetch_ask(f, i + 1, 1, &r), HZ_DWEB_OK);
}

static void wait_for(struct hz_dweb_fetch *f, const struct heard *h, unsigned count)
{
	unsigned readable;
	for (unsigned i = 0; h->good + h->bad < count && i < 10000; i++)
		assert_int_equal(hz_dweb_fetch_wait(f, NULL, 0, 1000, &readable), 0);
	assert_int_equal(h->bad, 0);
	assert_int_equal(h->good, count);
}

static void paths(void **state)
{
	static const struct {
		const char *address, *wire;
	} all[] = {
	    {"", ""},           {"/dicom-web", "/dicom-web"}, {"/a/b.c_d-e", "/a/b.c_d-e"}, {"/a/../b", "/b"},
	    {"/a//b", "/a//b"}, {"/a%2fb%20c", "/a%2fb%20c"}, {"/a~b;c", "/a~b;c"}};
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t bytes = sizeof(address);
	pthread_t thread;
	(void)state;
	listener = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, bytes), 0);
	assert_int_equal(listen(listener, 64), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &bytes), 0);
	assert_int_equal(pthread_create(&thread, NULL, serve, NULL), 0);
	struct hz_dweb_pacs pacs = {.count = 1, .name = "main", .user = "u", .password = "p"};
	struct heard heard = {.own = ""};
	struct hz_dweb_fetch *f = NULL;
	assert_int_equal(hz_dweb_fetch_new(NULL, on_answer, &heard, &f), 0);
	for (size_t i = 0; i < sizeof(all) / sizeof(*all);
	     i++) { // settings change while its handles are kept
		snprintf(pacs.url, sizeof(pacs.url), "http://127.0.0.1:%u%s", ntohs(address.sin_port),
		         all[i].address);
		heard = (struct heard){.own = all[i].wire};
		hz_dweb_fetch_pacs(f, &pacs);
		for (unsigned n = 0; n < 20; n++) { // one after the other
			ask(f, n);
			wait_for(f, &heard, n + 1);
		}
		for (unsigned n = 20; n < 120; n++) // many at once
			ask(f, n);
		wait_for(f, &heard, 120);
	}
	assert_true(__atomic_load_n(&hung_up, __ATOMIC_SEQ_CST) >= 7); // all of them were asked again
	hz_dweb_fetch_free(f);
	shutdown(listener, SHUT_RDWR);
	pthread_join(thread, NULL);
	close(listener);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(paths)};
	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
