/* SPDX-License-Identifier: Apache-2.0 */
/* checkpoint.c - signed notes about a log. Runs in kororad and the client. */
#include "evidence/checkpoint.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "evidence/b64.h"
#include "evidence/noteline.h"

#define ORIGIN	"korora/"
#define DASH	"\xe2\x80\x94 "		/* an em dash and a space */
#define SIG_MAX	(4 + KR_SIG_BYTES_MAX)
#define TEXT_BYTES 256u			/* of what is signed, with a NUL */

/* Reads the text; @*ret_sigs is where the signature lines begin. */
static bool parse(const char *note, struct kr_checkpoint *c,
		  const char **ret_sigs)
{
	const size_t n_origin = sizeof(ORIGIN) - 1;
	const char *s = note;
	struct kr_noteline l;
	size_t n = 0;

	if (strnlen(note, KR_CHECKPOINT_NOTE_MAX) == KR_CHECKPOINT_NOTE_MAX)
		return false;
	if (!kr_noteline_take(&s, &l) || l.n <= n_origin ||
	    memcmp(l.p, ORIGIN, n_origin) ||
	    l.n - n_origin >= sizeof(c->host))
		return false;
	memcpy(c->host, l.p + n_origin, l.n - n_origin);
	c->host[l.n - n_origin] = '\0';
	if (!kr_noteline_take(&s, &l) || !kr_noteline_number(&l, &c->size))
		return false;
	if (!kr_noteline_take(&s, &l) || l.n != KR_B64_CHARS(32) ||
	    !kr_b64_get(l.p, l.n, c->root, 32, &n) || n != 32)
		return false;
	if (!kr_noteline_take(&s, &l) || l.n)
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
static bool get_sig(const struct kr_noteline *l, const char *host,
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
	struct kr_noteline l;
	size_t n;

	for (unsigned int i = 0; *sigs; i++) {
		int r;

		if (i == KR_CHECKPOINT_SIGS_MAX || !kr_noteline_take(&sigs, &l))
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

/* What is signed. Return: its bytes. */
static size_t put_text(const struct kr_checkpoint *c, char out[TEXT_BYTES])
{
	char b64[KR_B64_CHARS(32) + 1];

	kr_b64_put(c->root, 32, b64);
	return (size_t)snprintf(out, TEXT_BYTES, ORIGIN "%s\n%" PRIu64 "\n%s\n",
				c->host, c->size, b64);
}

int kr_checkpoint_vouch(const struct kr_identity *id,
			const struct kr_checkpoint *c, uint8_t *ret_sig,
			size_t *ret_sig_bytes, struct kr_err *e)
{
	char text[TEXT_BYTES];
	size_t n = put_text(c, text);

	return kr_identity_sign(id, text, n, ret_sig, ret_sig_bytes, e);
}

int kr_checkpoint_check(const struct kr_checkpoint *c,
			const struct kr_pubkey *k, const uint8_t *sig,
			size_t sig_bytes, struct kr_err *e)
{
	char text[TEXT_BYTES];
	size_t n = put_text(c, text);

	return kr_pubkey_verify(k, text, n, sig, sig_bytes, e);
}

void kr_checkpoint_line(const char *name, const uint8_t keyid[32],
			const uint8_t *sig, size_t sig_bytes, char *out)
{
	char b64[KR_B64_CHARS(SIG_MAX) + 1];
	uint8_t all[SIG_MAX];

	memcpy(all, keyid, 4);
	memcpy(all + 4, sig, sig_bytes);
	kr_b64_put(all, 4 + sig_bytes, b64);
	snprintf(out, KR_CHECKPOINT_LINE_MAX, DASH ORIGIN "%s %s\n", name, b64);
}

void kr_checkpoint_note(const struct kr_checkpoint *c, const uint8_t keyid[32],
			const uint8_t *sig, size_t sig_bytes, char *out)
{
	char text[TEXT_BYTES], line[KR_CHECKPOINT_LINE_MAX];

	put_text(c, text);
	kr_checkpoint_line(c->host, keyid, sig, sig_bytes, line);
	snprintf(out, KR_CHECKPOINT_NOTE_MAX, "%s\n%s", text, line);
}

int kr_checkpoint_sign(const struct kr_identity *id, uint64_t size,
		       const uint8_t root[32], char *out, struct kr_err *e)
{
	struct kr_checkpoint c = { .size = size };
	uint8_t sig[KR_SIG_BYTES_MAX];
	size_t n;
	int r;

	snprintf(c.host, sizeof(c.host), "%s", kr_identity_name(id));
	memcpy(c.root, root, 32);
	r = kr_checkpoint_vouch(id, &c, sig, &n, e);
	if (!r)
		kr_checkpoint_note(&c, kr_identity_keyid(id), sig, n, out);
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

int kr_checkpoint_cosigned(const char *note, const struct kr_pubkey *k,
			   const char *name, struct kr_err *e)
{
	struct kr_checkpoint c;
	const char *sigs;

	if (!parse(note, &c, &sigs))
		return kr_fail(e, KR_E_MALFORMED, "not a korora checkpoint");
	return verify(note, text_bytes(note, sigs), sigs, k, name, e);
}
