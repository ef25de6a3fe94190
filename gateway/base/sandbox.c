#include "gateway/base/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define INSTRUMENTED 1 // needs terabytes of addresses, /proc and calls of its own: amounts alone are limited
#else
#define INSTRUMENTED 0
#endif

#ifdef __x86_64__
#define ARCH AUDIT_ARCH_X86_64
#else
#define ARCH AUDIT_ARCH_AARCH64
#endif

// --- files

// A folder and all below it, or a file.
static int allow_below(int set, const char *path, uint64_t access)
{
	const uint64_t of_files = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE;
	struct landlock_path_beneath_attr beneath = {.allowed_access = access};
	struct stat st;
	beneath.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (beneath.parent_fd < 0)
		return -errno;
	int err = fstat(beneath.parent_fd, &st) < 0 ? -errno : 0;
	if (!err && !S_ISDIR(st.st_mode))
		beneath.allowed_access &= of_files; // the kernel takes no rule with more
	if (!err && syscall(SYS_landlock_add_rule, set, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) < 0)
		err = -errno;
	close(beneath.parent_fd);
	return err;
}

// Programs, chance, names of hosts, time and who signs certificates.
static const char *const of_libraries[] = {
    "/usr",
    "/lib",
    "/lib64",
    "/dev/null",
    "/dev/random",
    "/dev/urandom",
    "/etc/crypto-policies",
    "/etc/gai.conf",
    "/etc/host.conf",
    "/etc/hosts",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/nsswitch.conf",
    "/etc/resolv.conf", // replaced by another file: media/pipeline/source_run.c
    "/etc/services",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    NULL};

// Those that this system does not have, or not for us, are left out. paths: NULL behind the last one; NULL: none.
static int allow_read(int set, const char *const *paths)
{
	int err = 0;
	for (const char *const *path = paths; path && *path && !err; path++) {
		err = allow_below(set, *path, LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR);
		if (err == -ENOENT || err == -EACCES)
			err = 0;
	}
	return err;
}

static int restrict_files(const struct hz_sandbox *with)
{
	const uint64_t read = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
	const uint64_t dirs = LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR;
	const uint64_t write = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE |
	                       LANDLOCK_ACCESS_FS_MAKE_REG | (with->folders ? dirs : 0);
	const uint64_t rest = dirs | LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
	                      LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
	                      LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM;
	struct landlock_ruleset_attr rules = {.handled_access_fs = read | write | rest};
	int set = (int)syscall(SYS_landlock_create_ruleset, &rules, sizeof(rules), 0);
	if (set < 0)
		return errno == ENOSYS || errno == EOPNOTSUPP || errno == EPERM ? 0 : -errno;
	int err = with->folder ? allow_below(set, with->folder, read | write) : 0;
	if (!err && with->libraries)
		err = allow_read(set, of_libraries);
	if (!err)
		err = allow_read(set, with->read);
	if (!err && syscall(SYS_landlock_restrict_self, set, 0) < 0)
		err = -errno;
	close(set);
	return err;
}

// --- system calls

#define ALLOW(name)                                                                                          \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

// What the C library, FreeType, libav* and x264 need to read, write, allocate and run threads. Everything else fails as
// if it were not permitted; clone3, whose flags a filter cannot see, as if the kernel did not have it.
static const struct sock_filter media[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    ALLOW(read),
    ALLOW(write),
    ALLOW(pread64),
    ALLOW(pwrite64),
    ALLOW(readv),
    ALLOW(writev),
    ALLOW(lseek),
    ALLOW(futex),
    ALLOW(mmap),
    ALLOW(munmap),
    ALLOW(mprotect),
    ALLOW(mremap),
    ALLOW(madvise),
    ALLOW(brk),
    ALLOW(openat),
    ALLOW(close),
    ALLOW(fstat),
    ALLOW(newfstatat),
    ALLOW(statx),
    ALLOW(fstatfs),
    ALLOW(fsync),
    ALLOW(ftruncate),
    ALLOW(renameat),
    ALLOW(renameat2),
    ALLOW(unlinkat),
#ifdef __x86_64__
    ALLOW(open),
    ALLOW(stat),
    ALLOW(access),
    ALLOW(rename),
    ALLOW(unlink),
#endif
    ALLOW(fcntl),
    ALLOW(exit),
    ALLOW(exit_group),
    ALLOW(rt_sigaction),
    ALLOW(rt_sigprocmask),
    ALLOW(rt_sigreturn),
    ALLOW(sigaltstack),
    ALLOW(set_robust_list),
    ALLOW(rseq),
    ALLOW(getpid),
    ALLOW(gettid),
    ALLOW(tgkill),
    ALLOW(sched_yield),
    ALLOW(sched_getaffinity),
    ALLOW(clock_gettime),
    ALLOW(clock_nanosleep),
    ALLOW(getrandom),
    ALLOW(restart_syscall),
};

// And a loop, to wait for inherited descriptors, to talk by them and to be woken when it hangs.
static const struct sock_filter loop[] = {
    ALLOW(ppoll), ALLOW(recvmsg), ALLOW(sendmsg), ALLOW(setitimer),
#ifdef __x86_64__
    ALLOW(poll),
#endif
};

static const struct sock_filter dirs[] = {ALLOW(mkdirat), ALLOW(getdents64)};

static const struct sock_filter store[] = {
    ALLOW(memfd_create), ALLOW(fdatasync),  ALLOW(fallocate), ALLOW(faccessat),
    ALLOW(faccessat2),   ALLOW(getdents64), ALLOW(fadvise64), ALLOW(geteuid),
#ifdef __x86_64__
    ALLOW(lstat),
#endif
};

// And a network, but no sockets of this machine's own: who runs as we do, our supervisor first, trusts whoever comes by one.
static const struct sock_filter no_unix[] = {
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 4),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_UNIX, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};

// As GLib, libnice, libsrt and libcurl use it.
static const struct sock_filter network[] = {
    ALLOW(connect),
    ALLOW(bind),
    ALLOW(listen),
    ALLOW(accept4),
    ALLOW(getsockname),
    ALLOW(getpeername),
    ALLOW(setsockopt),
    ALLOW(getsockopt),
    ALLOW(sendto),
    ALLOW(recvfrom),
    ALLOW(sendmmsg),
    ALLOW(recvmmsg),
    ALLOW(shutdown),
    ALLOW(socketpair),
    ALLOW(eventfd2),
    ALLOW(epoll_create1),
    ALLOW(epoll_ctl),
    ALLOW(epoll_pwait),
    ALLOW(pselect6),
    ALLOW(pipe2),
    ALLOW(ioctl),
    ALLOW(uname),
    ALLOW(sysinfo),
    ALLOW(prctl),
    ALLOW(getuid),
    ALLOW(geteuid),
    ALLOW(getgid),
    ALLOW(getegid),
    ALLOW(getdents64),
    ALLOW(readlinkat),
    ALLOW(clock_getres),
    ALLOW(dup3),
    ALLOW(dup),
    ALLOW(getrusage),
    ALLOW(accept),
    ALLOW(sched_getparam),
    ALLOW(sched_getscheduler),
#ifdef __x86_64__
    ALLOW(epoll_wait),
    ALLOW(epoll_create),
    ALLOW(select),
    ALLOW(readlink),
    ALLOW(pipe),
    ALLOW(dup2),
    ALLOW(eventfd),
#endif
};

static const struct sock_filter rest[] = {
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 3), // threads, not processes
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
};

static int restrict_calls(const struct hz_sandbox *with)
{
	struct sock_filter filter[(sizeof(media) + sizeof(loop) + sizeof(no_unix) + sizeof(network) +
	                           sizeof(dirs) + sizeof(store) + sizeof(rest)) /
	                          sizeof(media[0])];
	struct sock_filter *end = filter;
	end = (struct sock_filter *)mempcpy(end, media, sizeof(media));
	if (with->loop)
		end = (struct sock_filter *)mempcpy(end, loop, sizeof(loop));
	if (with->folders)
		end = (struct sock_filter *)mempcpy(end, dirs, sizeof(dirs));
	if (with->store)
		end = (struct sock_filter *)mempcpy(end, store, sizeof(store));
	if (with->network) {
		end = (struct sock_filter *)mempcpy(end, no_unix, sizeof(no_unix));
		end = (struct sock_filter *)mempcpy(end, network, sizeof(network));
	}
	end = (struct sock_filter *)mempcpy(end, rest, sizeof(rest));
	struct sock_fprog program = {.len = (unsigned short)(end - filter), .filter = filter};
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0 ? -errno : 0;
}

// --- amounts

static int limit(int resource, uint64_t value)
{
	struct rlimit now, wanted = {value, value};
	if (getrlimit((__rlimit_resource_t)resource, &now) < 0)
		return -errno;
	if (now.rlim_max < wanted.rlim_max)
		wanted = (struct rlimit){now.rlim_max, now.rlim_max};
	return setrlimit((__rlimit_resource_t)resource, &wanted) < 0 ? -errno : 0;
}

int hz_sandbox_enter(const struct hz_sandbox *with)
{
	int err = limit(RLIMIT_CORE, 0);
	if (!err && !INSTRUMENTED)
		err = limit(RLIMIT_AS, with->memory_bytes);
	if (!err)
		err = limit(RLIMIT_FSIZE, with->file_bytes);
	if (!err && with->cpu_s)
		err = limit(RLIMIT_CPU, with->cpu_s);
	if (!err)
		err = limit(RLIMIT_NOFILE, with->files);
	if (err || INSTRUMENTED)
		return err;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0) < 0)
		return -errno;
	err = restrict_files(with);
	return err ? err : restrict_calls(with);
}
