/* SPDX-License-Identifier: Apache-2.0 */
/* keyasked.c - see keyasked.h. Runs in kororad. */
#include "daemon/keyasked.h"

#include <string.h>

#include "base/fd.h"
#include "daemon/peerkey.h"

/* What the TPM is asked for a peer, at most one thing. */
static struct {
	struct kr_link	  *link;	/* NULL: nothing */
	uint8_t		   question[16];
	struct kr_tpmasked tpm;
} job;

static void put_keys(struct kr_wr *w, const struct kr_tpmmaterial *m)
{
	struct kr_enrolkeys k = { .m = *m };

	memcpy(k.question, job.question, sizeof(k.question));
	kr_enrolmsg_keys_put(w, &k);
}

static int put_opened(struct kr_wr *w, const struct kr_link *l,
		      const struct kr_tpmsecret *s, struct kr_err *e)
{
	struct kr_enrolopened o;
	int r;

	if (s->n != KR_TPM_SECRET_MAX)
		return kr_fail(e, KR_E_AK_FOREIGN, "%zu bytes are no secret",
			       s->n);
	memcpy(o.question, job.question, sizeof(o.question));
	r = kr_enrolmsg_show(kr_identity_keyid(l->host->identity),
			     l->info.keyid, l->info.binding, s->b, o.shown, e);
	if (!r)
		kr_enrolmsg_opened_put(w, &o);
	return r;
}

static void done(void *arg, const struct kr_tpmsaid *s, const struct kr_err *e)
{
	static uint8_t buf[KR_TPMMSG_BODY_MAX];
	struct kr_wr w = KR_WR(buf, sizeof(buf));
	struct kr_link *l = job.link;
	struct kr_err why = KR_ERR_NONE;

	(void)arg;
	job.link = NULL;
	if (s && s->material)
		put_keys(&w, s->material);
	else if (s && put_opened(&w, l, s->secret, &why))
		e = &why;
	if (e)
		kr_peerkey_refuse(l, job.question, e, NULL);
	else
		kr_link_send(l, s->material ? KR_PEER_TPM_KEYS :
					      KR_PEER_TPM_OPENED, &w, NULL);
}

/* @c: to be opened; NULL: it is asked what it is known by. */
static int ask(struct kr_link *l, const uint8_t question[16],
	       const struct kr_tpmcredential *c, struct kr_err *e)
{
	struct kr_err why = KR_ERR_NONE;
	int r;

	if (job.link)
		r = kr_fail(&why, KR_E_TPM, "it answers another");
	else if (!kr_tpmasked_configured(l->host))
		r = kr_fail(&why, KR_E_TPM, "korora.conf names none");
	else {
		job.tpm = (struct kr_tpmasked){ .done = done };
		r = c ? kr_tpmasked_activate(l->host, &job.tpm, c, &why) :
			kr_tpmasked_enrol(l->host, &job.tpm, &why);
	}
	if (r)
		return kr_peerkey_refuse(l, question, &why, e);
	job.link = l;
	memcpy(job.question, question, sizeof(job.question));
	return 0;
}

int kr_keyasked_message(struct kr_link *l, uint16_t type, struct kr_rd *r,
			struct kr_err *e)
{
	struct kr_enrolcredential c;
	struct kr_peerfail q;
	int rc;

	if (type == KR_PEER_TPM_ASK) {
		rc = kr_peerfail_parse(r, &q, e);
		return rc ? rc : ask(l, q.migration, NULL, e);
	}
	rc = kr_enrolmsg_credential_parse(r, &c, e);
	return rc ? rc : ask(l, c.question, &c.c, e);
}

void kr_keyasked_link_down(struct kr_link *l)
{
	if (job.link != l)
		return;
	job.link = NULL;
	kr_tpmasked_stop(&job.tpm);
}
