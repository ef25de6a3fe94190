#include "gateway/supervisor_notify.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

void hz_notify(const char *fmt, ...)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	char text[256];
	size_t n = path ? strlen(path) : 0;
	if (n < 2 || n >= sizeof(to.sun_path) || (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(to.sun_path, path, n);
	if (path[0] == '@') // the abstract namespace
		to.sun_path[0] = '\0';
	va_list ap;
	va_start(ap, fmt);
	int bytes = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bytes < 0 || bytes >= (int)sizeof(text))
		goto out;
	// Never waits: media depends on this process. Nobody to tell when it fails.
	ssize_t ignored = sendto(fd, text, (size_t)bytes, MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&to,
	                         (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
	(void)ignored;
out:
	if (fd >= 0)
		close(fd);
}
