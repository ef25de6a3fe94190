#include "gateway/doctor.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/secret.h"
#include "gateway/cli.h"
#include "gateway/pipes.h"
#include "gateway/session/table/images.h"
#include "media/transport/certificate.h"
#include "media/transport/srtp.h"

#define DAY_S     86400
#define PACKET    200
#define SOON_DAYS 30

// The host of links.public_url, "" when it is not configured.
static void public_host(const char *url, char host[256])
{
	const char *from = strstr(url, "://");
	host[0] = '\0';
	if (!from)
		return;
	from += 3;
	size_t n = *from == '[' ? strcspn(++from, "]") : strcspn(from, ":");
	snprintf(host, 256, "%.*s", (int)(n < 255 ? n : 255), from);
}

static void add_certificate(struct hz_doctor *d, const struct hz_certificate_facts *f, const char *host)
{
	int64_t now_s = hz_wall_us() / 1000000;
	long long days = (long long)((f->not_after_s - now_s) / DAY_S);
	if (now_s < f->not_before_s || now_s > f->not_after_s)
		hz_doctor_add(d, "certificate", HZ_VERDICT_FAIL,
		              "renew it, then systemctl reload huizhen; check the date",
		              "not valid today (ends in %lld days)", days);
	else if (host[0] && !f->name_matches)
		hz_doctor_add(d, "certificate", HZ_VERDICT_FAIL, "get one for the name in links.public_url",
		              "is not for %.100s", host);
	else if (days < SOON_DAYS)
		hz_doctor_add(d, "certificate", HZ_VERDICT_WARN, "renew it", "ends in %lld days", days);
	else if (f->self_signed)
		hz_doctor_add(d, "certificate", HZ_VERDICT_WARN,
		              "set https.certificate and https.key: phones warn of a self-signed one",
		              "self-signed, ends in %lld days", days);
	else
		hz_doctor_add(d, "certificate", HZ_VERDICT_OK, NULL, "ends in %lld days", days);
}

static void check_certificate(struct hz_doctor *d)
{
	struct hz_certificate_facts facts;
	char host[256];
	if (!d->config->https.port) {
		hz_doctor_add(d, "certificate", HZ_VERDICT_OFF, NULL, "HTTPS is switched off");
		return;
	}
	public_host(d->config->links.public_url, host);
	int err = hz_certificate_look(d->config->https.certificate, d->config->https.key,
	                              host[0] ? host : NULL, &facts);
	if (err == -ENOENT && d->config->https.generated)
		hz_doctor_add(d, "certificate", HZ_VERDICT_OK, NULL, "made at the first start, self-signed");
	else if (err == -EKEYREJECTED)
		hz_doctor_add(d, "certificate", HZ_VERDICT_FAIL, "configure the pair that belongs together",
		              "https.key does not belong to https.certificate");
	else if (err)
		hz_doctor_add(d, "certificate", HZ_VERDICT_FAIL, "correct https.certificate and https.key",
		              "cannot be used: %s", err == -EINVAL ? "not PEM" : strerror(-err));
	else
		add_certificate(d, &facts, host);
}

// One packet through both directions of one key, and one that was tampered with.
static int gcm_round_trip(void)
{
	struct hz_srtp_keys keys = {.profile = HZ_SRTP_AEAD_AES_128_GCM};
	struct hz_srtp *out = NULL, *in = NULL;
	uint8_t packet[PACKET + HZ_SRTP_TRAILER_BYTES] = {0x80, 96, 0, 1}, plain[PACKET], bad[sizeof(packet)];
	size_t bytes = PACKET, bad_bytes;
	hz_random(keys.local_key, sizeof(keys.local_key));
	hz_random(keys.local_salt, 12);
	memcpy(keys.remote_key, keys.local_key, sizeof(keys.local_key));
	memcpy(keys.remote_salt, keys.local_salt, sizeof(keys.local_salt));
	memcpy(plain, packet, PACKET);
	int err = hz_srtp_new(&keys, &out);
	if (!err)
		err = hz_srtp_new(&keys, &in);
	if (!err)
		err = hz_srtp_protect(out, packet, &bytes, sizeof(packet));
	if (!err) {
		memcpy(bad, packet, bytes);
		bad[20] ^= 1;
		bad_bytes = bytes;
		err = hz_srtp_unprotect(in, bad, &bad_bytes) == -EACCES ? 0 : -EBADMSG;
	}
	if (!err)
		err = hz_srtp_unprotect(in, packet, &bytes);
	if (!err && (bytes != PACKET || memcmp(packet, plain, PACKET) != 0))
		err = -EBADMSG;
	hz_srtp_free(out);
	hz_srtp_free(in);
	hz_wipe(&keys, sizeof(keys));
	return err;
}

static void check_libraries(struct hz_doctor *d)
{
	hz_doctor_add(d, "libraries", HZ_VERDICT_OK, NULL, "%.60s, %.60s", hz_transport_openssl_version(),
	              hz_transport_srtp_version());
	int err = hz_srtp_init();
	if (!err) {
		err = gcm_round_trip();
		hz_srtp_done();
	}
	hz_doctor_add(d, "encryption", err ? HZ_VERDICT_FAIL : HZ_VERDICT_OK,
	              "reinstall libssl3 and libsrtp2-1", "AEAD_AES_128_GCM self-test: %s",
	              err ? strerror(-err) : "passed");
}

static bool plugin_there(const char *name)
{
	char pattern[160];
	glob_t found;
	snprintf(pattern, sizeof(pattern), "/usr/lib/*/gstreamer-1.0/libgst%s.so", name);
	bool there = glob(pattern, 0, NULL, &found) == 0;
	if (there)
		globfree(&found);
	return there;
}

// Only the simulated participants use them yet.
static void check_codecs(struct hz_doctor *d)
{
	static const char *const plugins[] = {"opus", "vpx", "x264", "webrtc", "nice", "srtp", "dtls"};
	char missing[128] = "";
	for (unsigned i = 0; i < sizeof(plugins) / sizeof(plugins[0]); i++) {
		size_t n = strlen(missing);
		if (!plugin_there(plugins[i]))
			snprintf(missing + n, sizeof(missing) - n, " %s", plugins[i]);
	}
	hz_doctor_add(
	    d, "codecs", missing[0] ? HZ_VERDICT_WARN : HZ_VERDICT_OK,
	    "apt-get install gstreamer1.0-plugins-{base,good,bad,ugly} gstreamer1.0-nice (needed by --demo)",
	    missing[0] ? "GStreamer plugins missing:%s" : "GStreamer plugins are there%s", missing);
}

// A program of its own, which lies beside this one. False: it is not wanted.
struct beside {
	const char *name, *off, *todo; // off: what says that it is not wanted
	bool wanted;
};

static bool check_beside(struct hz_doctor *d, const struct beside *is, const char *program)
{
	bool there = access(program, X_OK) == 0;
	if (!is->wanted)
		hz_doctor_add(d, is->name, HZ_VERDICT_OFF, NULL, "%s", is->off);
	else
		hz_doctor_add(d, is->name, there ? HZ_VERDICT_OK : HZ_VERDICT_WARN, is->todo, "%s%.120s",
		              there ? "" : "cannot run ", program);
	return is->wanted;
}

static void check_mix(struct hz_doctor *d)
{
	const struct beside mix = {.name = "mixed sound",
	                           .off = "mix.enabled is false",
	                           .todo = "install huizhen-mix beside huizhen, or set mix.enabled to false",
	                           .wanted = d->config->mix.enabled};
	char program[PATH_MAX];
	hz_cli_mixer(program);
	(void)check_beside(d, &mix, program);
}

static bool check_pipe(struct hz_doctor *d, enum hz_pipe_kind kind, const struct beside *names)
{
	struct beside is = *names;
	char program[PATH_MAX];
	is.wanted = hz_pipe_wanted(d->config, kind);
	hz_pipe_program(kind, program);
	return check_beside(d, &is, program);
}

static void check_pacs(struct hz_doctor *d)
{
	struct hz_dweb_pacs pacs[HZ_DWEB_PACS];
	struct hz_dweb_setup setup;
	int count = hz_images_configure(d->config, pacs, &setup);
	hz_wipe(pacs, sizeof(pacs));
	hz_doctor_add(d, "PACS of images",
	              count > 0 ? HZ_VERDICT_OK
	              : count   ? HZ_VERDICT_FAIL
	                        : HZ_VERDICT_WARN,
	              "imaging.pacs: \"main=https://pacs/dicom-web, ...\"",
	              count < 0 ? "imaging.pacs makes no sense" : "%d named", count);
}

static void check_pipes(struct hz_doctor *d)
{
	static const struct beside mosaic = {
	    .name = "composed picture",
	    .off = "mosaic.enabled is false",
	    .todo = "install huizhen-mosaic beside huizhen, or set mosaic.enabled to false"};
	static const struct beside live = {
	    .name = "images as a picture",
	    .off = "imaging.enabled or imaging.live is false",
	    .todo = "install huizhen-live beside huizhen, or set imaging.live to false"};
	static const struct beside imaging = {
	    .name = "images",
	    .off = "imaging.enabled is false",
	    .todo = "install huizhen-imaging beside huizhen, or set imaging.enabled to false"};
	static const struct beside hls = {
	    .name = "broadcast files",
	    .off = "hls.enabled is false",
	    .todo = "install huizhen-hls beside huizhen, or set hls.enabled to false"};
	(void)check_pipe(d, HZ_PIPE_MOSAIC, &mosaic);
	(void)check_pipe(d, HZ_PIPE_LIVE, &live);
	if (check_pipe(d, HZ_PIPE_IMAGING, &imaging))
		check_pacs(d);
	(void)check_pipe(d, HZ_PIPE_HLS, &hls);
}

static void check_pages(struct hz_doctor *d)
{
	char path[PATH_MAX];
	const char *dir = d->config->web.dir;
	snprintf(path, sizeof(path), "%s/join.html", dir);
	bool there = *dir && access(path, R_OK) == 0;
	hz_doctor_add(d, "pages", there ? HZ_VERDICT_OK : HZ_VERDICT_FAIL,
	              "install them with the package, build them (npm run build in web/), or set web.dir",
	              "%s%.120s", there ? "" : "not found in ", *dir ? dir : "any of the usual places");
}

void hz_doctor_media(struct hz_doctor *d)
{
	check_certificate(d);
	check_libraries(d);
	check_codecs(d);
	check_mix(d);
	check_pipes(d);
	check_pages(d);
}
