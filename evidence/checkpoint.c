/* SPDX-License-Identifier: Apache-2.0 */
/* checkpoint.c - signed notes about a log. Runs in kororad and the client. */
#include "evidence/checkpoint.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "evidence/b64.h"

#define ORIGIN	"korora/"
#define DASH	"\xe2\x80\x94 "		/* an em dash and a space */
#define SIG_MAX	(4 + KR_SIG_BYTES_MAX)

/* One line of a text, without its newline. */
struct line { const char *p; size_t n; };

/* Takes a line off @*s; false if no newline is left. */
static bool take_line(const char **s, struct line *ret_l)
{
	const char *nl = strchr(*s, '\n');

	if (!nl)
		return false;
	*ret_l = (struct line){ *s, (size_t)(nl - *s) };
	*s = nl + 1;
	return true;
}

static bool get_size(const struct line *l, uint64_t *ret_v)
{
	uint64_t v = 0;

	/* Canonical decimal; 18 digits cannot overflow. */
	if (!l->n || l->n > 18 || (l->p[0] == '0' && l->n > 1))
		return false;
	for (size_t i = 0; i < l->n; i++) {
		if (l->p[i] < '0' || l->p[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(l->p[i] - '0');
	}
	*ret_v = v;
	return true;
}

/* Reads the text; @*ret_sigs is where the signature lines begin. */
static bool parse(const char *note, struct kr_checkpoint *c,
		  const char **ret_sigs)
{
	const size_t n_origin = sizeof(ORIGIN) - 1;
	const char *s = note;
	struct line l;
	size_t n = 0;

	if (strnlen(note, KR_CHECKPOINT_NOTE_MAX) == KR_CHECKPOINT_NOTE_MAX)
		return false;
	if (!take_line(&s, &l) || l.n <= n_origin ||
	    memcmp(l.p, ORIGIN, n_origin) ||
	    l.n - n_origin >= sizeof(c->host))
		return false;
	memcpy(c->host, l.p + n_origin, l.n - n_origin);
	c->host[l.n - n_origin] = '\0';
	if (!take_line(&s, &l) || !get_size(&l, &c->size))
		return false;
	if (!take_line(&s, &l) || l.n != KR_B64_CHARS(32) ||
	    !kr_b64_get(l.p, l.n, c->root, 32, &n) || n != 32)
		return false;
	if (!take_line(&s, &l) || l.n)
		return false;
	*ret_sigs = s;
	return true;
}

/* The signed part ends where the blank line begins. */
static size_t text_bytes(const char *note, const char *sigs)
{
	return (size_t)(sigs - note) - 1;
}

/* Is @l a signature line of this name and key? Then reads it. */
static bool get_sig(const struct line *l, const char *host,
		    const uint8_t keyid[32], uint8_t out[SIG_MAX],
		    size_t *ret_n)
{
	char head[96];
	size_t n_head = (size_t)snprintf(head, sizeof(head), DASH ORIGIN "%s ",
					 host);

	return n_head < sizeof(head) && l->n > n_head &&
	       !memcmp(l->p, head, n_head) &&
	       kr_b64_get(l->p + n_head, l->n - n_head, out, SIG_MAX, ret_n) &&
	       *ret_n > 4 && !memcmp(out, keyid, 4);
}

/* At least one line in @sigs must be @k's, and all that are must verify. */
static int verify(const char *text, size_t n_text, const char *sigs,
		  const struct kr_pubkey *k, const char *host,
		  struct kr_err *e)
{
	unsigned int n_found = 0;
	uint8_t sig[SIG_MAX];
	struct line l;
	size_t n;

	for (unsigned int i = 0; *sigs; i++) {
		int r;

		if (i == KR_CHECKPOINT_SIGS_MAX || !take_line(&sigs, &l))
			return kr_fail(e, KR_E_MALFORMED,
				       "malformed signature lines");
		if (!get_sig(&l, host, kr_pubkey_keyid(k), sig, &n))
			continue;
		r = kr_pubkey_verify(k, text, n_text, sig + 4, n - 4, e);
		if (r)
			return r;
		n_found++;
	}
	if (!n_found)
		return kr_fail(e, KR_E_SIGNATURE,
			       "no signature of %s on the checkpoint", host);
	return 0;
}

static int put_line(const struct kr_identity *id, const char *text,
		    size_t n_text, char *out, struct kr_err *e)
{
	char b64[KR_B64_CHARS(SIG_MAX) + 1];
	uint8_t sig[SIG_MAX];
	size_t n;
	int r = kr_identity_sign(id, text, n_text, sig + 4, &n, e);

	if (r)
		return r;
	memcpy(sig, kr_identity_keyid(id), 4);
	kr_b64_put(sig, n + 4, b64);
	snprintf(out, KR_CHECKPOINT_LINE_MAX, DASH ORIGIN "%s %s\n",
		 kr_identity_name(id), b64);
	return 0;
}

int kr_checkpoint_sign(const struct kr_identity *id, uint64_t size,
		       const uint8_t root[32], char *out, struct kr_err *e)
{
	char b64[KR_B64_CHARS(32) + 1], line[KR_CHECKPOINT_LINE_MAX];
	char text[256];
	int n, r;

	kr_b64_put(root, 32, b64);
	n = snprintf(text, sizeof(text), ORIGIN "%s\n%" PRIu64 "\n%s\n",
		     kr_identity_name(id), size, b64);
	r = put_line(id, text, (size_t)n, line, e);
	if (!r)
		snprintf(out, KR_CHECKPOINT_NOTE_MAX, "%s\n%s", text, line);
	return r;
}

int kr_checkpoint_parse(const char *note, struct kr_checkpoint *ret_c,
			struct kr_err *e)
{
	struct kr_checkpoint c;
	const char *sigs;

	if (!parse(note, &c, &sigs))
		return kr_fail(e, KR_E_MALFORMED, "not a korora checkpoint");
	*ret_c = c;
	return 0;
}

int kr_checkpoint_verify(const char *note, const struct kr_pubkey *k,
			 const char *host, struct kr_checkpoint *ret_c,
			 struct kr_err *e)
{
	struct kr_checkpoint c;
	const char *sigs;
	int r;

	if (!parse(note, &c, &sigs))
		return kr_fail(e, KR_E_MALFORMED, "not a korora checkpoint");
	if (strcmp(c.host, host))
		return kr_fail(e, KR_E_SIGNATURE,
			       "the checkpoint is not of %s's log", host);
	r = verify(note, text_bytes(note, sigs), sigs, k, host, e);
	if (!r)
		*ret_c = c;
	return r;
}
