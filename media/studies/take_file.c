#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include "media/dicomweb/request.h"
#include "media/studies/take.h"
#include "media/studies/uid.h"

static bool of_take(const struct hz_local_take *take, struct hz_photo_of *ret)
{
	*ret = (struct hz_photo_of){.taken_ms = 0};
#define COPY(to, from)                                                                                       \
	do {                                                                                                 \
		if (!memchr(from, '\0', sizeof(from)))                                                       \
			return false;                                                                        \
		snprintf(to, sizeof(to), "%s", from);                                                        \
	} while (0)
	COPY(ret->name, take->name);
	COPY(ret->id, take->patient_id);
	COPY(ret->birth, take->birth);
	COPY(ret->sex, take->sex);
	COPY(ret->accession, take->accession);
	COPY(ret->study, take->study);
#undef COPY
	struct timespec ts;
	clock_gettime(CLOCK_REALTIME, &ts);
	ret->taken_ms = (int64_t)ts.tv_sec * 1000;
	if (!hz_dweb_uid_valid(ret->study))
		return false;
	hz_photo_uid("photos", ret->study, ret->series);
	return true;
}

void hz_take_file(const struct hz_local_take *take, int fd, struct hz_taking *t)
{
	struct hz_photo_of photo;
	struct stat st;
	if (take->photos && of_take(take, &photo))
		t->photo = &photo;
	bool good = t->local && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 &&
	            (uint64_t)st.st_size <= HZ_LOCAL_FILE_BYTES;
	void *data = good ? mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0) : MAP_FAILED;
	t->last = HZ_LOCAL_FAILED;
	if (data == MAP_FAILED)
		return;
	bool forward = take->forward[0] && memchr(take->forward, '\0', sizeof(take->forward));
	hz_local_forward_to(t->local, forward ? take->forward : "");
	hz_take(t, data, (size_t)st.st_size);
	munmap(data, (size_t)st.st_size);
	hz_local_forward_to(t->local, "");
	if (forward && hz_local_sync_rows(t->local))
		t->last = HZ_LOCAL_FAILED;
	// Whoever hears of it may throw away what he sent. Without its row it is read again; without its name it would be gone.
	if (hz_local_sync(t->local))
		t->last = HZ_LOCAL_FAILED;
}
