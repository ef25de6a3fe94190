// huizhen-target: sends one broadcast to one place, for huizhen-push, whose socket it inherits as descriptor 3. The first message is
// its SOURCE_SET with the ring of the programme; it ends with the socket (0), or with one line that says why not (1).
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "gateway/base/log.h"
#include "gateway/base/sandbox.h"
#include "media/push/target_run.h"

enum { FD_API = 3 };
#define MEMORY_BYTES (1ull << 30)
#define FILES        128

// As huizhen-source: what libraries look at, and nothing of our own configuration.
static const char *const readable[] = {"/usr",
                                       "/lib",
                                       "/lib64",
                                       "/dev/null",
                                       "/dev/random",
                                       "/dev/urandom",
                                       "/etc/crypto-policies",
                                       "/etc/gai.conf",
                                       "/etc/gnutls",
                                       "/etc/host.conf",
                                       "/etc/hosts",
                                       "/etc/ld.so.cache",
                                       "/etc/localtime",
                                       "/etc/nsswitch.conf",
                                       "/etc/protocols",
                                       "/etc/resolv.conf",
                                       "/etc/services",
                                       "/etc/ssl/certs",
                                       "/etc/ssl/openssl.cnf"};
#define READABLE (sizeof(readable) / sizeof(readable[0]))

static int enter_sandbox(const struct hz_target_run *t)
{
	const char *paths[READABLE + 2] = {NULL};
	memcpy(paths, readable, sizeof(readable));
	if (t->set.folder[0])
		paths[READABLE] = t->set.folder; // the authorities of certificates
	const struct hz_sandbox sandbox = {.memory_bytes = MEMORY_BYTES,
	                                   .file_bytes = UINT64_MAX, // the log is perhaps a file
	                                   .files = FILES,
	                                   .loop = true,
	                                   .network = true,
	                                   .read = paths};
	return hz_sandbox_enter(&sandbox);
}

// Whoever looks up names loads libraries for it.
static void load_libraries(void)
{
	struct addrinfo *found = NULL;
	if (!getaddrinfo("localhost", NULL, NULL, &found))
		freeaddrinfo(found);
}

int main(void)
{
	static struct hz_target_run target = {.api = FD_API};
	hz_log_init("target", HZ_LOG_INFO);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	prctl(PR_SET_DUMPABLE, 0); // the key comes before the sandbox
#endif
	(void)!nice(5); // the relay comes first
	signal(SIGPIPE, SIG_IGN);
	int err = fcntl(FD_API, F_SETFL, O_NONBLOCK) < 0 ? -errno : hz_target_run_first(&target);
	load_libraries();
	if (!err)
		err = enter_sandbox(&target);
	if (!err)
		hz_target_run(&target);
	if (err && err != -EPIPE)
		fprintf(stderr, "msg=target_failed error=%s\n", strerror(-err));
	return err && err != -EPIPE ? 1 : 0;
}
