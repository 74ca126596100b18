/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_session_who.c - sessions with hosts that are not who they should be:
 * unknown, expired, under another name, with a borrowed identity.
 */
#include "session_stand.h"

static void an_unknown_caller(void **state)
{
	(void)state;
	b.verdict = KR_KNOWN_NOT;
	refused(KR_E_REFUSED_US, KR_E_PEER_UNKNOWN);
}

static void an_unknown_host_called(void **state)
{
	(void)state;
	a.verdict = KR_KNOWN_NOT;
	refused(KR_E_PEER_UNKNOWN, KR_E_REFUSED_US);
}

/* The right name does not help: the key is what is pinned. */
static void an_impostor_of_the_same_name(void **state)
{
	(void)state;
	b.known_keyid[0] ^= 1;
	refused(KR_E_REFUSED_US, KR_E_PEER_UNKNOWN);
}

static void another_host_than_called(void **state)
{
	(void)state;
	strcpy(a.start.peer, "gamma");
	begin_both();
	assert_int_equal(run(both_down, PATIENCE_MS), 0);
	expect(&a, KR_E_PEER_NAME);
	assert_false(a.up);
}

static void enrolled_under_another_name(void **state)
{
	(void)state;
	strcpy(b.known_as, "alfa");
	refused(KR_E_REFUSED_US, KR_E_PEER_NAME);
}

static EVP_PKEY *identity_key(const struct host *h)
{
	char path[128];
	EVP_PKEY *k;
	FILE *f;

	snprintf(path, sizeof(path), "%s/" KR_IDENTITY_KEY_FILE, h->dir);
	f = fopen(path, "r");
	assert_non_null(f);
	k = PEM_read_PrivateKey(f, NULL, NULL, NULL);
	fclose(f);
	assert_non_null(k);
	return k;
}

/* The same certificate, valid from..to now + these seconds. */
static void forge_times(const struct host *h, struct kr_der *d, long from,
			long to)
{
	const uint8_t *in = d->bytes;
	uint8_t *out = d->bytes;
	EVP_PKEY *k = identity_key(h);
	X509 *c = d2i_X509(NULL, &in, d->n_bytes);

	assert_non_null(c);
	X509_gmtime_adj(X509_getm_notBefore(c), from);
	X509_gmtime_adj(X509_getm_notAfter(c), to);
	assert_true(X509_sign(c, k, EVP_sha256()) > 0);
	assert_true(i2d_X509(c, NULL) <= (int)sizeof(d->bytes));
	d->n_bytes = (uint16_t)i2d_X509(c, &out);
	X509_free(c);
	EVP_PKEY_free(k);
}

static void an_expired_link_certificate(void **state)
{
	(void)state;
	forge_times(&a, &a.start.leaf, -7200, -3600);
	refused(KR_E_REFUSED_US, KR_E_PEER_EXPIRED);
}

static void a_certificate_from_tomorrow(void **state)
{
	(void)state;
	forge_times(&b, &b.start.leaf, 3600, 7200);
	refused(KR_E_PEER_EXPIRED, KR_E_REFUSED_US);
}

static void an_expired_identity(void **state)
{
	(void)state;
	forge_times(&a, &a.start.identity, -7200, -3600);
	refused(KR_E_REFUSED_US, KR_E_PEER_EXPIRED);
}

/* A link certificate that the presented identity never signed. */
static void a_borrowed_identity(void **state)
{
	struct kr_der own = a.start.identity;

	(void)state;
	a.start.identity = b.start.identity;
	memcpy(b.known_keyid, kr_identity_keyid(b.id), 32);
	strcpy(b.known_as, "beta");
	refused(KR_E_REFUSED_US, KR_E_PEER_UNKNOWN);
	a.start.identity = own;
}

static void known_by_a_fleet_authority_that_never_signed(void **state)
{
	(void)state;
	b.verdict = KR_KNOWN_BY_CA;
	strcpy(b.known_as, "alpha");
	begin_both();
	assert_int_equal(run(both_down, PATIENCE_MS), 0);
	expect(&b, KR_E_PEER_CERT);
	assert_false(b.up);
}

static void known_by_a_fleet_authority(void **state)
{
	struct kr_wr w = KR_WR(b.start.cas, sizeof(b.start.cas));

	(void)state;
	/* alpha's self-signed identity is its own authority */
	b.verdict = KR_KNOWN_BY_CA;
	strcpy(b.known_as, "alpha");
	kr_wr_u16(&w, a.start.identity.n_bytes);
	kr_wr_bytes(&w, a.start.identity.bytes, a.start.identity.n_bytes);
	b.start.n_cas_bytes = (uint32_t)kr_wr_len(&w);
	connect_both();
}

static void no_suite_in_common(void **state)
{
	(void)state;
	strcpy(a.start.suites, "TLS_AES_128_GCM_SHA256");
	begin_both();
	assert_int_equal(run(both_down, PATIENCE_MS), 0);
	expect(&b, KR_E_TLS_HANDSHAKE);
	assert_false(a.up || b.up);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(an_unknown_caller),
		T(an_unknown_host_called),
		T(an_impostor_of_the_same_name),
		T(another_host_than_called),
		T(enrolled_under_another_name),
		T(an_expired_link_certificate),
		T(a_certificate_from_tomorrow),
		T(an_expired_identity),
		T(a_borrowed_identity),
		T(known_by_a_fleet_authority_that_never_signed),
		T(known_by_a_fleet_authority),
		T(no_suite_in_common),
	};

	return cmocka_run_group_tests(tests, group_set_up, group_tear_down);
}
