#include "signaling/sdp/candidate.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "signaling/sdp/answer_internal.h"

#define END "a=end-of-candidates\r\n"

static void write_candidates(FILE *out, const struct hz_sdp_candidate *candidates, unsigned count)
{
	char text[HZ_SDP_CANDIDATE_TEXT_BYTES];

	for (unsigned i = 0; i < count && i < HZ_SDP_MAX_CANDIDATES; i++) {
		if (!hz_sdp_candidate_ok(&candidates[i]))
			continue;
		hz_sdp_candidate_text(candidates, i, text);
		fprintf(out, "a=candidate:%s\r\n", text);
	}
}

int hz_sdp_add_candidates(const char *answer, const struct hz_sdp_candidate *candidates, unsigned count,
                          char **ret)
{
	const char *end = strstr(answer, END);
	char *text = NULL;
	size_t bytes;

	if (!end)
		return -EINVAL;
	FILE *out = open_memstream(&text, &bytes);
	if (!out)
		return -ENOMEM;
	fwrite(answer, 1, (size_t)(end - answer), out);
	write_candidates(out, candidates, count);
	fputs(end, out);
	if (fclose(out) != 0) {
		free(text);
		return -ENOMEM;
	}
	*ret = text;
	return 0;
}

int hz_sdp_restart_frag(const char *ufrag, const char *pwd, const char *mid,
                        const struct hz_sdp_candidate *candidates, unsigned count, char **ret)
{
	char *text = NULL;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);

	if (!out)
		return -ENOMEM;
	fprintf(out, "a=ice-options:trickle\r\na=ice-ufrag:%s\r\na=ice-pwd:%s\r\n", ufrag, pwd);
	fprintf(out, "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n");
	if (mid[0])
		fprintf(out, "a=mid:%s\r\n", mid);
	write_candidates(out, candidates, count);
	fputs(END, out);
	if (fclose(out) != 0) {
		free(text);
		return -ENOMEM;
	}
	*ret = text;
	return 0;
}

void hz_sdp_candidate_from(const struct hz_candidate *candidate, struct hz_sdp_candidate *ret)
{
	bool v4 = IN6_IS_ADDR_V4MAPPED(&candidate->address);
	const void *address = v4 ? &candidate->address.s6_addr[12] : candidate->address.s6_addr;

	*ret = (struct hz_sdp_candidate){.port = candidate->port, .type = candidate->type};
	if (!inet_ntop(v4 ? AF_INET : AF_INET6, address, ret->address, sizeof ret->address))
		ret->address[0] = '\0';
}
