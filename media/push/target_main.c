// huizhen-target: sends one broadcast to one place, for huizhen-push, whose socket it inherits as descriptor 3. The first message is
// its SOURCE_SET with the ring of the programme; it ends with the socket (0), or with one line that says why not (1).
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <sys/prctl.h>

#include "media/ingest/child.h"
#include "media/push/target_run.h"

#define MEMORY_BYTES (1ull << 30)
#define FILES        128

static int enter_sandbox(const struct hz_target_run *t)
{
	const char *folder = t->set.folder[0] ? t->set.folder : NULL; // the authorities of certificates
	const char *const more[] = {"/etc/gnutls", "/etc/protocols", folder, NULL};
	const struct hz_ingest_child_bounds bounds = {
	    .memory_bytes = MEMORY_BYTES, .files = FILES, .more = more};
	return hz_ingest_child_enter(&bounds);
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
	static struct hz_target_run target = {.api = HZ_INGEST_CHILD_FD};
	hz_ingest_child_begin("target", SIGKILL);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	prctl(PR_SET_DUMPABLE, 0); // the key comes before the sandbox
#endif
	int err = fcntl(target.api, F_SETFL, O_NONBLOCK) < 0 ? -errno : hz_target_run_first(&target);
	load_libraries();
	if (!err)
		err = enter_sandbox(&target);
	if (!err)
		hz_target_run(&target);
	return hz_ingest_child_end("target", err == -EPIPE ? 0 : err);
}
