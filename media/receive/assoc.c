#include "media/receive/assoc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define SPARE ((uint64_t)1 << 30) // of the disk, for everything else: records first

int hz_assoc_new(const struct hz_assoc_config *config, struct hz_assoc **ret)
{
	struct hz_assoc *a = calloc(1, sizeof(*a));
	if (a)
		a->in = malloc(HZ_PDU_HEAD + HZ_PDU_MOST);
	if (!a || !a->in) {
		free(a);
		return -ENOMEM;
	}
	a->config = config;
	a->file = -1;
	*ret = a;
	return 0;
}

static void close_file(struct hz_assoc *a)
{
	if (a->file >= 0)
		close(a->file);
	a->file = -1;
}

void hz_assoc_free(struct hz_assoc *a)
{
	if (!a)
		return;
	close_file(a);
	free(a->in);
	free(a);
}

static void say(struct hz_assoc *a, const void *data, size_t bytes)
{
	if (a->out_bytes + bytes > sizeof(a->out)) { // it does not read
		a->state = HZ_ASSOC_ENDING;
		return;
	}
	memcpy(a->out + a->out_bytes, data, bytes);
	a->out_bytes += bytes;
}

static void end_with(struct hz_assoc *a, enum hz_pdu_type type, uint8_t x, uint8_t y, uint8_t z)
{
	uint8_t pdu[16];
	say(a, pdu, hz_pdu_short(type, x, y, z, pdu));
	a->state = HZ_ASSOC_ENDING;
	close_file(a);
}

void hz_assoc_abort(struct hz_assoc *a, uint8_t reason)
{
	if (a->state != HZ_ASSOC_ENDING)
		end_with(a, HZ_PDU_ABORT, 0, 2, reason);
}

static bool may_call(const struct hz_assoc *a)
{
	const char *list = a->config->callers;
	bool any = true;
	while (*list) {
		list += strspn(list, ", ");
		size_t n = strcspn(list, ",");
		size_t used = n;
		while (used && list[used - 1] == ' ')
			used--;
		if (used) {
			any = false;
			if (strlen(a->with.calling) == used && strncmp(list, a->with.calling, used) == 0)
				return true;
		}
		list += n;
	}
	return any;
}

static void on_associate(struct hz_assoc *a, const uint8_t *body, size_t bytes)
{
	uint8_t pdu[16384];
	if (a->state != HZ_ASSOC_NEW || hz_pdu_associate_read(body, bytes, &a->with)) {
		hz_assoc_abort(a, 6);
		return;
	}
	if (strcmp(a->with.called, a->config->title) != 0) {
		end_with(a, HZ_PDU_ASSOCIATE_RJ, 1, 1, 7); // called AE title not recognized
		return;
	}
	if (!may_call(a)) {
		end_with(a, HZ_PDU_ASSOCIATE_RJ, 1, 1, 3); // calling AE title not recognized
		return;
	}
	size_t n = hz_pdu_associate_accept(&a->with, pdu, sizeof(pdu));
	if (!n) {
		hz_assoc_abort(a, 0);
		return;
	}
	a->state = HZ_ASSOC_OPEN;
	say(a, pdu, n);
}

static const struct hz_pdu_context *context_of(const struct hz_assoc *a, uint8_t id)
{
	for (unsigned i = 0; i < a->with.contexts; i++) {
		if (a->with.context[i].id == id && a->with.context[i].result == 0)
			return &a->with.context[i];
	}
	return NULL;
}

static void keep(struct hz_assoc *a, const void *data, size_t bytes)
{
	struct statvfs disk;
	if (a->file >= 0 && fstatvfs(a->file, &disk) == 0 && (uint64_t)disk.f_bavail * disk.f_frsize < SPARE)
		a->lost = true;
	for (size_t at = 0; at < bytes && !a->lost;) {
		ssize_t n = a->file_bytes + bytes > HZ_ASSOC_OBJECT_BYTES || a->file < 0
		                ? -1
		                : write(a->file, (const uint8_t *)data + at, bytes - at);
		if (n < 0 && errno == EINTR && a->file >= 0)
			continue;
		a->lost = n <= 0;
		at += n > 0 ? (size_t)n : 0;
	}
	a->file_bytes += bytes;
}

static void answer(struct hz_assoc *a, uint16_t status)
{
	uint8_t pdu[512];
	say(a, pdu, hz_command_answer(&a->command, a->context, status, pdu));
}

static void on_command(struct hz_assoc *a, const struct hz_pdu_context *context)
{
	uint8_t head[1024];
	int err = hz_command_read(a->command_bytes, a->command_used, &a->command);
	a->command_used = 0;
	a->context = context->id;
	if (err) {
		hz_assoc_abort(a, 6);
		return;
	}
	if (a->command.command == HZ_C_STORE && !context->echo) {
		a->in_data = true;
		a->lost = false;
		a->file_bytes = 0;
		a->file = open(a->config->dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
		keep(a, head, hz_command_file(&a->command, context->syntax, head));
	} else if (a->command.command == HZ_C_ECHO && !a->command.has_data) {
		answer(a, 0);
	} else if (a->command.has_data) {
		hz_assoc_abort(a, 0);              // an operation that nobody agreed on
	} else if (a->command.command != 0x0fff) { // C-CANCEL is not answered
		answer(a, 0x0211);                 // unrecognized operation
	}
}

static void on_value(struct hz_assoc *a, const struct hz_pdu_value *v)
{
	const struct hz_pdu_context *context = context_of(a, v->context);
	if (!context || v->command == a->in_data || (a->in_data && v->context != a->context)) {
		hz_assoc_abort(a, 2);
		return;
	}
	if (v->command) {
		if (v->bytes > sizeof(a->command_bytes) - a->command_used) {
			hz_assoc_abort(a, 6);
			return;
		}
		memcpy(a->command_bytes + a->command_used, v->data, v->bytes);
		a->command_used += v->bytes;
		if (v->last)
			on_command(a, context);
		return;
	}
	keep(a, v->data, v->bytes);
	if (!v->last)
		return;
	a->in_data = false;
	if (a->lost) {
		close_file(a);
		answer(a, 0xa700); // out of resources
	} else {
		a->state = HZ_ASSOC_OFFERED;
	}
}

// false: a value is an object that is offered; what follows waits.
static void on_data(struct hz_assoc *a, const uint8_t *body, size_t bytes)
{
	struct hz_pdu_value v;
	size_t at = 0;
	int more = 1;
	if (a->state != HZ_ASSOC_OPEN || bytes > HZ_PDU_BYTES) {
		hz_assoc_abort(a, 2);
		return;
	}
	while (a->state == HZ_ASSOC_OPEN && (more = hz_pdu_value_next(body, bytes, &at, &v)) == 1)
		on_value(a, &v);
	// Behind the last value of an object nothing may follow in its unit: its answer is due (PS3.7 9.3.1, no asynchronous operations).
	if (more < 0 || (a->state == HZ_ASSOC_OFFERED && at != bytes))
		hz_assoc_abort(a, 6);
}

static void on_pdu(struct hz_assoc *a, uint8_t type, const uint8_t *body, size_t bytes)
{
	if (type == HZ_PDU_ASSOCIATE_RQ)
		on_associate(a, body, bytes);
	else if (type == HZ_PDU_DATA)
		on_data(a, body, bytes);
	else if (type == HZ_PDU_RELEASE_RQ && a->state == HZ_ASSOC_OPEN && !a->in_data)
		end_with(a, HZ_PDU_RELEASE_RP, 0, 0, 0);
	else if (type == HZ_PDU_ABORT)
		a->state = HZ_ASSOC_ENDING;
	else
		hz_assoc_abort(a, type > HZ_PDU_ABORT || !type ? 1 : 2);
}

static void step(struct hz_assoc *a)
{
	while (a->in_bytes >= HZ_PDU_HEAD && (a->state == HZ_ASSOC_NEW || a->state == HZ_ASSOC_OPEN)) {
		size_t n = (size_t)a->in[2] << 24 | (size_t)a->in[3] << 16 | (size_t)a->in[4] << 8 | a->in[5];
		if (n > HZ_PDU_MOST) {
			hz_assoc_abort(a, 6);
			return;
		}
		if (a->in_bytes < HZ_PDU_HEAD + n)
			return;
		on_pdu(a, a->in[0], a->in + HZ_PDU_HEAD, n);
		a->in_bytes -= HZ_PDU_HEAD + n;
		memmove(a->in, a->in + HZ_PDU_HEAD + n, a->in_bytes);
	}
}

size_t hz_assoc_room(struct hz_assoc *a, uint8_t **ret)
{
	*ret = a->in + a->in_bytes;
	return a->state == HZ_ASSOC_NEW || a->state == HZ_ASSOC_OPEN ? HZ_PDU_HEAD + HZ_PDU_MOST - a->in_bytes
	                                                             : 0;
}

void hz_assoc_got(struct hz_assoc *a, size_t bytes)
{
	a->in_bytes += bytes;
	step(a);
}

void hz_assoc_answer(struct hz_assoc *a, uint16_t status)
{
	if (a->state != HZ_ASSOC_OFFERED)
		return;
	close_file(a);
	a->state = HZ_ASSOC_OPEN;
	a->objects++;
	answer(a, status);
	step(a);
}

void hz_assoc_sent(struct hz_assoc *a, size_t bytes)
{
	a->out_bytes -= bytes;
	memmove(a->out, a->out + bytes, a->out_bytes);
}
