#include "gateway/base/hang.h"

#include <stddef.h>
#include <sys/time.h>

void hz_hang_wind(void)
{
	const struct itimerval cpu = {.it_value = {.tv_sec = HZ_HANG_CPU_S}};
	const struct itimerval wall = {.it_value = {.tv_sec = HZ_HANG_WALL_S}};
	setitimer(ITIMER_PROF, &cpu, NULL);
	setitimer(ITIMER_REAL, &wall, NULL);
}
