/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_peermsg.c - a peer's message: u16 type and body. What the link agent's
 * check lets through, kororad's parser takes too, and what it took is put
 * again as the same bytes.
 */
#include <assert.h>
#include <string.h>

#include "wire/enrolmsg.h"
#include "wire/frame.h"
#include "wire/peermsg.h"
#include "wire/quotemsg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void take(uint16_t type, struct kr_rd *r, struct kr_wr *w)
{
	static union {
		struct kr_hello	   hello;
		struct kr_offer	   offer;
		struct kr_step	   step;
		struct kr_peerfail fail;
		struct kr_checks   checks;
		struct kr_mend	   mend;
		struct kr_logseen  seen;
		struct kr_loghead  head;
		struct kr_logcosign cosign;
		struct kr_enrolkeys keys;
		struct kr_enrolcredential credential;
		struct kr_enrolopened opened;
		struct kr_quoteask quote;
		struct kr_quotepart part;
		struct kr_quotemore more;
	} m;

	switch (type) {
	case KR_PEER_HELLO:
		if (kr_hello_parse(r, &m.hello, NULL))
			w->bad = true;
		else
			kr_hello_put(w, &m.hello);
		break;
	case KR_PEER_OFFER:
	case KR_PEER_CHECK:
		assert(!kr_offer_parse(r, &m.offer, NULL));
		kr_offer_put(w, &m.offer);
		break;
	case KR_PEER_STEP:
		assert(!kr_step_parse(r, &m.step, NULL));
		kr_step_put(w, &m.step);
		break;
	case KR_PEER_CHECKED:
		assert(!kr_checks_parse(r, &m.checks, NULL));
		assert(m.checks.n <= KR_CHECKS_MAX);
		kr_checks_put(w, &m.checks);
		break;
	case KR_PEER_MEND:
	case KR_PEER_MENDED:
		assert(!kr_mend_parse(r, &m.mend, NULL));
		assert(m.mend.attempt);
		kr_mend_put(w, &m.mend);
		break;
	case KR_PEER_LOG_SEEN:
		assert(!kr_logseen_parse(r, &m.seen, NULL));
		kr_logseen_put(w, &m.seen);
		break;
	case KR_PEER_LOG_HEAD:
		assert(!kr_loghead_parse(r, &m.head, NULL));
		assert(m.head.proof.n <= KR_PROOF_HASHES_MAX);
		kr_proof_has_grown(&m.head.proof, m.head.from, m.head.root,
				   m.head.size, m.head.root);
		kr_loghead_put(w, &m.head);
		break;
	case KR_PEER_LOG_COSIGN:
		assert(!kr_logcosign_parse(r, &m.cosign, NULL));
		kr_logcosign_put(w, &m.cosign);
		break;
	case KR_PEER_TPM_KEYS:
		assert(!kr_enrolmsg_keys_parse(r, &m.keys, NULL));
		assert(m.keys.m.n_cert <= KR_EKCERT_BYTES_MAX);
		kr_enrolmsg_keys_put(w, &m.keys);
		break;
	case KR_PEER_TPM_CREDENTIAL:
		assert(!kr_enrolmsg_credential_parse(r, &m.credential, NULL));
		kr_enrolmsg_credential_put(w, &m.credential);
		break;
	case KR_PEER_TPM_OPENED:
		assert(!kr_enrolmsg_opened_parse(r, &m.opened, NULL));
		kr_enrolmsg_opened_put(w, &m.opened);
		break;
	case KR_PEER_QUOTE_ASK:
		assert(!kr_quotemsg_ask_parse(r, &m.quote, NULL));
		kr_quotemsg_ask_put(w, &m.quote);
		break;
	case KR_PEER_QUOTE_PART:
		assert(!kr_quotemsg_part_parse(r, &m.part, NULL));
		assert(m.part.n && m.part.offset + m.part.n <= m.part.total &&
		       m.part.total <= KR_SAID_BYTES_MAX);
		kr_quotemsg_part_put(w, &m.part);
		break;
	case KR_PEER_QUOTE_MORE:
		assert(!kr_quotemsg_more_parse(r, &m.more, NULL));
		kr_quotemsg_more_put(w, &m.more);
		break;
	default:
		assert(!kr_peerfail_parse(r, &m.fail, NULL));
		kr_peerfail_put(w, &m.fail);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static uint8_t again[KR_FRAME_BODY_BYTES_MAX];
	struct kr_wr w = KR_WR(again, sizeof(again));
	struct kr_rd r = KR_RD(data, n);
	uint16_t type = kr_rd_u16(&r);
	const uint8_t *body = r.p;
	size_t n_bytes = kr_rd_left(&r);

	if (r.bad || n_bytes > KR_FRAME_BODY_BYTES_MAX ||
	    (type != KR_PEER_HELLO &&
	     kr_peermsg_check(type, body, n_bytes, NULL)))
		return 0;
	take(type, &r, &w);
	/* any other byte than 0 is true too, so flags may differ */
	if (!w.bad && type != KR_PEER_CHECKED)
		assert(kr_wr_len(&w) == n_bytes &&
		       !memcmp(again, body, n_bytes));
	return 0;
}
