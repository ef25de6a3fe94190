#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/clock.h"
#include "recorder/archive/internal.h"
#include "recorder/record/files.h"

struct text {
	char data[8192];
	size_t bytes;
};

static void add(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(t->data + t->bytes, sizeof(t->data) - t->bytes, fmt, ap);
	va_end(ap);
	if (n > 0 && (size_t)n < sizeof(t->data) - t->bytes)
		t->bytes += (size_t)n;
}

static void destination(struct text *t, json_t *all, const char *name, struct hz_delivery *delivery,
                        int64_t now_ms)
{
	struct hz_delivery_stats s = {0};
	if (delivery)
		hz_delivery_stats(delivery, &s);
	double oldest = s.oldest_ms ? (double)(now_ms - s.oldest_ms) / 1000 : 0;
	add(t, "huizhen_record_outbox_items{destination=\"%s\",state=\"waiting\"} %u\n", name, s.waiting);
	add(t, "huizhen_record_outbox_items{destination=\"%s\",state=\"parked\"} %u\n", name, s.parked);
	add(t, "huizhen_record_outbox_oldest_seconds{destination=\"%s\"} %.3f\n", name,
	    oldest > 0 ? oldest : 0);
	add(t, "huizhen_record_outbox_delivered_total{destination=\"%s\"} %llu\n", name,
	    (unsigned long long)s.delivered);
	add(t, "huizhen_record_outbox_failures_total{destination=\"%s\"} %llu\n", name,
	    (unsigned long long)s.failed);
	add(t, "huizhen_record_outbox_away{destination=\"%s\"} %d\n", name, s.away_since_ms != 0);
	json_object_set_new(all, name,
	                    json_pack("{s:b, s:i, s:i, s:I, s:I, s:I, s:s}", "configured", delivery != NULL,
	                              "waiting", (int)s.waiting, "parked", (int)s.parked, "delivered",
	                              (json_int_t)s.delivered, "oldest_ms", (json_int_t)s.oldest_ms,
	                              "away_since_ms", (json_int_t)s.away_since_ms, "error", s.error));
}

static void put(const char *store, const char *name, const char *data, size_t bytes)
{
	char path[HZ_RECORD_PATH_BYTES + 32];
	snprintf(path, sizeof(path), "%s/%s", store, name);
	(void)hz_document_write(path, data, bytes, 0640); // the next one follows soon
}

void hz_archive_metrics(struct hz_archive *a)
{
	struct text t = {.bytes = 0};
	int64_t now_ms = hz_wall_us() / 1000;
	json_t *all = json_pack("{s:i, s:I}", "version", 1, "time_ms", (json_int_t)now_ms),
	       *phases = json_object();
	add(&t, "# TYPE huizhen_records gauge\n# HELP huizhen_records Records of the store by phase.\n");
	for (unsigned i = HZ_RECORD_RECORDING; i < HZ_ARCHIVE_PHASES; i++) {
		add(&t, "huizhen_records{phase=\"%s\"} %u\n", hz_record_phase_name((enum hz_record_phase)i),
		    a->phases[i]);
		json_object_set_new(phases, hz_record_phase_name((enum hz_record_phase)i),
		                    json_integer(a->phases[i]));
	}
	add(&t, "huizhen_records_held %u\n", a->held);
	add(&t, "huizhen_records_to_compose %u\nhuizhen_records_not_composed %u\n", a->to_compose,
	    a->not_composed);
	destination(&t, all, "pacs", a->pacs, now_ms);
	destination(&t, all, "emr", a->emr, now_ms);
	json_object_set_new(all, "records", phases);
	json_object_set_new(all, "to_compose", json_integer(a->to_compose));
	json_object_set_new(all, "not_composed", json_integer(a->not_composed));
	if (a->composing.active)
		json_object_set_new(all, "composing", json_string(a->composing.id));
	if (a->job.active)
		json_object_set_new(all, "working_on", json_string(a->job.state.id));
	char *text = json_dumps(all, JSON_INDENT(1) | JSON_SORT_KEYS);
	json_decref(all);
	put(a->settings->store, "metrics.prom", t.data, t.bytes);
	if (text)
		put(a->settings->store, "outbox.json", text, strlen(text));
	free(text);
}
