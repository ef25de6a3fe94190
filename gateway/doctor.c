#include "gateway/doctor.h"

#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

void hz_doctor_add(struct hz_doctor *doctor, const char *name, enum hz_verdict verdict, const char *todo,
                   const char *fmt, ...)
{
	if (doctor->count == HZ_DOCTOR_MAX)
		return;
	struct hz_finding *f = &doctor->finding[doctor->count++];
	*f = (struct hz_finding){.name = name, .verdict = verdict};
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(f->text, sizeof(f->text), fmt, ap);
	va_end(ap);
	snprintf(f->todo, sizeof(f->todo), "%s", todo && verdict > HZ_VERDICT_OFF ? todo : "");
}

static void find_running(struct hz_doctor *doctor)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s/run/lock", doctor->config->data.dir);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (flock(fd, LOCK_SH | LOCK_NB) < 0) {
		doctor->running = true;
		ssize_t n = read(fd, doctor->pid, sizeof(doctor->pid) - 1);
		doctor->pid[n > 0 ? strspn(doctor->pid, "0123456789") : 0] = '\0';
	}
	close(fd);
}

void hz_doctor_run(struct hz_doctor *doctor, const struct hz_config *config)
{
	*doctor = (struct hz_doctor){.config = config};
	find_running(doctor);
	hz_doctor_add(doctor, "configuration", HZ_VERDICT_OK, NULL, "%s",
	              config->path ? config->path : "built-in defaults");
	hz_doctor_system(doctor);
	hz_doctor_network(doctor);
	hz_doctor_turn(doctor);
	hz_doctor_ice(doctor);
	hz_doctor_media(doctor);
	hz_doctor_record(doctor);
	hz_doctor_archive(doctor);
	hz_doctor_imaging(doctor);
}

enum hz_verdict hz_doctor_verdict(const struct hz_doctor *doctor)
{
	enum hz_verdict worst = HZ_VERDICT_OK;
	for (unsigned i = 0; i < doctor->count; i++)
		if (doctor->finding[i].verdict > worst)
			worst = doctor->finding[i].verdict;
	return worst;
}
