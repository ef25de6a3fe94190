#include "gateway/control/pages.h"

#include <string.h>

#include "signaling/protocol/problem.h"

// Styles may be set by scripts on elements (style attributes), everything else comes from files of ours.
static const char csp[] = "default-src 'self'; connect-src 'self' wss: ws:; img-src 'self' data: blob:; "
                          "media-src 'self' blob:; style-src 'self' 'unsafe-inline'; object-src 'none'; "
                          "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

// In the imaging decoders' worker, which is a document of its own to the browser, WebAssembly is compiled too (CSP 3, 8.3).
static const char decoder_csp[] =
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; object-src 'none'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
static const char decoder[] = "/assets/decode-worker-";

static const struct {
	const char *prefix; // with '/' at its end: and exactly one segment behind it
	const char *file;
} pages[] = {
    {"/j/", "/join.html"},          {"/join", "/join.html"},       {"/console", "/console.html"},
    {"/watch/", "/watch.html"},     {"/records", "/records.html"}, {"/records/", "/records.html"},
    {"/reading/", "/reading.html"},
};

const char *hz_pages_file(const char *path)
{
	for (unsigned i = 0; i < sizeof(pages) / sizeof(*pages); i++) {
		size_t n = strlen(pages[i].prefix);
		if (strncmp(path, pages[i].prefix, n) != 0)
			continue;
		bool one = pages[i].prefix[n - 1] == '/';
		if (one ? path[n] && !strchr(path + n, '/') : !path[n])
			return pages[i].file;
	}
	return NULL;
}

void hz_pages_handle(const struct hz_static *files, const struct hz_request *req, struct hz_response *res)
{
	const char *file = hz_pages_file(req->path);
	if (strcmp(req->path, "/") == 0) {
		hz_response_status(res, 302);
		hz_response_header(res, "Location", "/console");
		return;
	}
	if (!files && (file || strncmp(req->path, "/assets/", 8) == 0)) {
		hz_problem_answer(res, 503, "the pages are not built: set web.dir, or run the web build",
		                  NULL);
		return;
	}
	if (strncmp(req->path, decoder, strlen(decoder)) == 0)
		hz_response_header(res, "Content-Security-Policy", decoder_csp);
	if (!files || hz_static_answer(files, file ? file : req->path, csp, req, res))
		hz_problem_answer(res, 404, NULL, NULL);
}
