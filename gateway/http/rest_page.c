// Pages of lists: limit= and cursor=, {items, next}, and the same as CSV.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/http/rest.h"
#include "signaling/auth/names.h"
#include "signaling/protocol/problem.h"

#define CSV_TYPE "text/csv; charset=utf-8"

bool hz_rest_page(struct hz_rest_call *call, unsigned *ret_limit, char ret_cursor[HZ_ID_TEXT_BYTES])
{
	char text[8] = "", *end = text;
	*ret_limit = HZ_REST_LIMIT;
	ret_cursor[0] = '\0';
	int err = hz_request_query(call->req, "limit", text, sizeof(text));
	if (err != -ENOENT) {
		long limit = err ? 0 : strtol(text, &end, 10);
		if (*end || limit < 1 || limit > HZ_REST_LIMIT_MAX) {
			hz_rest_problem(call, 400, "limit is 1 to 200", "limit");
			return false;
		}
		*ret_limit = (unsigned)limit;
	}
	err = hz_request_query(call->req, "cursor", ret_cursor, HZ_ID_TEXT_BYTES);
	if (err == -ENOENT)
		return true;
	if (err || !hz_id_valid(ret_cursor)) {
		hz_rest_problem(call, 400, "not a cursor that was given out", "cursor");
		return false;
	}
	return true;
}

void hz_rest_list(struct hz_rest_call *call, json_t *items, const char *next)
{
	hz_json_answer(call->res, json_pack("{s:o, s:s?}", "items", items, "next", next));
}

// --- rows of the store, by number

bool hz_rest_rows_begin(struct hz_rest_call *call, struct hz_rest_rows *rows)
{
	char cursor[HZ_ID_TEXT_BYTES];
	memset(rows, 0, sizeof(*rows));
	if (!hz_rest_page(call, &rows->limit, cursor))
		return false;
	size_t digits = strspn(cursor, "0123456789");
	if (cursor[digits] || digits > 18) {
		hz_rest_problem(call, 400, "not a cursor that was given out", "cursor");
		return false;
	}
	rows->after = strtoll(cursor, NULL, 10);
	rows->items = json_array();
	return true;
}

const char *hz_rest_rows_next(struct hz_rest_rows *rows, int64_t seq)
{
	if (json_array_size(rows->items) == rows->limit) {
		rows->more = true;
		return NULL;
	}
	snprintf(rows->last, sizeof(rows->last), "%lld", (long long)seq);
	return rows->last;
}

// A spreadsheet takes what begins like a formula for one: such a text gets an apostrophe (OWASP, "CSV Injection").
static void write_cell(FILE *out, const json_t *value)
{
	char *text = json_is_string(value) || json_is_null(value)
	                 ? NULL
	                 : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	const char *at = text ? text : json_string_value(value) ? json_string_value(value) : "";
	if (json_is_number(value) || !*at) {
		fputs(at, out);
	} else {
		fputs(strchr("=+-@\t\r", *at) ? "\"'" : "\"", out);
		for (; *at; at++) {
			if (*at == '"')
				fputc('"', out);
			fputc(*at, out);
		}
		fputc('"', out);
	}
	free(text);
}

// RFC 4180. The names of the columns stand on the first page only: pages can be put behind each other.
static void answer_csv(struct hz_rest_call *call, struct hz_rest_rows *rows, const char *const *columns)
{
	char *text = NULL, link[400];
	size_t bytes = 0, i;
	const json_t *item;
	FILE *out = open_memstream(&text, &bytes);
	for (unsigned c = 0; out && !rows->after && columns[c]; c++)
		fprintf(out, "%s%s%s", c ? "," : "", columns[c], columns[c + 1] ? "" : "\r\n");
	json_array_foreach(rows->items, i, item)
	{
		for (unsigned c = 0; out && columns[c]; c++) {
			write_cell(out, json_object_get(item, columns[c]));
			fputs(columns[c + 1] ? "," : "\r\n", out);
		}
	}
	if (!out || fclose(out)) {
		free(text);
		text = NULL;
	}
	if (rows->more) {
		snprintf(link, sizeof(link), "<%s?format=csv&limit=%u&cursor=%s>; rel=\"next\"",
		         call->req->path, rows->limit, rows->last);
		hz_response_header(call->res, "Link", link);
	}
	json_decref(rows->items);
	hz_response_take(call->res, CSV_TYPE, text, bytes);
}

void hz_rest_rows_end(struct hz_rest_call *call, struct hz_rest_rows *rows, int err,
                      const char *const *columns)
{
	char format[8] = "json";
	int query = hz_request_query(call->req, "format", format, sizeof(format));
	bool csv = columns && strcmp(format, "csv") == 0;
	if (err || (query != -ENOENT && (query || (!csv && strcmp(format, "json") != 0)))) {
		json_decref(rows->items);
		if (err)
			hz_rest_error(call, err);
		else
			hz_rest_problem(call, 400, "json, or csv where there is such", "format");
	} else if (csv) {
		answer_csv(call, rows, columns);
	} else {
		hz_rest_list(call, rows->items, rows->more ? rows->last : NULL);
	}
}
