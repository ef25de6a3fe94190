// webrtcbin makes its libnice agents without consent checks (RFC 7675), and a gateway that hears none takes them for gone after some
// seconds. The plugin's call of nice_agent_new_full() comes here, because a program's own symbols come before a library's, and
// goes on with the option set.
#include <dlfcn.h>
#include <stddef.h>

#include <glib-object.h>

#define CONSENT_FRESHNESS (1 << 5) // NICE_AGENT_OPTION_CONSENT_FRESHNESS of libnice 0.1.19 and later

GObject *nice_agent_new_full(GMainContext *context, int compatibility, int options);

GObject *nice_agent_new_full(GMainContext *context, int compatibility, int options)
{
	GObject *(*real)(GMainContext *, int, int) = NULL;
	void *library = dlopen("libnice.so.10", RTLD_NOW | RTLD_NOLOAD); // there: it was called from
	void *symbol = library ? dlsym(library, "nice_agent_new_full") : NULL;

	if (!symbol)
		return NULL;
	*(void **)&real = symbol;
	return real(context, compatibility, options | CONSENT_FRESHNESS);
}
