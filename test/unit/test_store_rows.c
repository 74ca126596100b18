/* SPDX-License-Identifier: Apache-2.0 */
/* test_store_rows.c - what a host keeps of VMs, hosts, users and policies. */
#include "store/cosignrow.h"
#include "store/filerow.h"
#include "store/hostrow.h"
#include "store/policyrow.h"
#include "store/akrow.h"
#include "store/referencerow.h"
#include "store/trustrow.h"
#include "store/userkeyrow.h"
#include "store/userrow.h"
#include "store/witnessrow.h"
#include "store_stand.h"

static int count_vm(void *arg, const struct kr_vmrow *v, struct kr_err *e)
{
	(void)v;
	(void)e;
	++*(int *)arg;
	return 0;
}

static int stop_vm(void *arg, const struct kr_vmrow *v, struct kr_err *e)
{
	++*(int *)arg;
	return kr_fail(e, KR_E_VM_STATE, "%s", v->name);
}

static void vms(void **state)
{
	struct kr_vmrow v = { .name = "web'; DROP TABLE vm;--",
			      .definition = "cpus = 2\n", .epoch = 7,
			      .state = KR_VM_RUNNING, .updated_ms = 5 };
	struct kr_vmrow back;
	struct kr_err e = KR_ERR_NONE;
	int n = 0;

	(void)state;
	memset(v.digest, 9, 32);
	assert_int_equal(kr_vmrow_put(s, &v, &e), 0);
	v.epoch = 8;
	v.state = KR_VM_MOVED;
	strcpy(v.peer, "beta");
	assert_int_equal(kr_vmrow_put(s, &v, &e), 0);
	assert_int_equal(kr_vmrow_get(s, v.name, &back, &e), 0);
	assert_int_equal(back.epoch, 8);
	assert_string_equal(back.peer, "beta");
	assert_memory_equal(back.digest, v.digest, 32);
	assert_string_equal(kr_vmrow_state_name(back.state), "moved");
	assert_string_equal(kr_vmrow_state_name(99), "unknown");
	strcpy(v.name, "b");
	assert_int_equal(kr_vmrow_put(s, &v, &e), 0);
	assert_int_equal(kr_vmrow_each(s, count_vm, &n, &e), 0);
	assert_int_equal(n, 2);
	n = 0;
	assert_true(kr_vmrow_each(s, stop_vm, &n, &e) < 0);
	assert_int_equal(n, 1);
	assert_int_equal(e.kr, KR_E_VM_STATE);
	e = KR_ERR_NONE;
	assert_int_equal(kr_vmrow_del(s, "b", &e), 0);
	assert_true(kr_vmrow_del(s, "b", &e) < 0);
	assert_int_equal(e.kr, KR_E_NO_VM);
	e = KR_ERR_NONE;
	assert_true(kr_vmrow_get(s, "b", &back, &e) < 0);
	assert_int_equal(e.kr, KR_E_NO_VM);
	e = KR_ERR_NONE;
	v.epoch = UINT64_MAX;
	assert_true(kr_vmrow_put(s, &v, &e) < 0);
	assert_int_equal(e.kr, KR_E_STORE);
}

static int count_host(void *arg, const struct kr_hostrow *h, struct kr_err *e)
{
	(void)e;
	assert_string_equal(h->added_by, "anna");
	++*(int *)arg;
	return 0;
}

static int count_trust(void *arg, const struct kr_trustrow *t,
		       struct kr_err *e)
{
	(void)e;
	assert_string_equal(t->pem, "PEM2");
	++*(int *)arg;
	return 0;
}

static int count_user(void *arg, const struct kr_userrow *u, struct kr_err *e)
{
	(void)u;
	(void)e;
	++*(int *)arg;
	return 0;
}

static void hosts_trust_users(void **state)
{
	struct kr_hostrow h = { "beta", "10.0.0.2:7411", "", 1, "anna" }, hb;
	struct kr_trustrow t = { "fleet", "PEM", 1 };
	struct kr_userrow u = { "anna", "operator", "root", 1 };
	struct kr_err e = KR_ERR_NONE;
	int n = 0;

	(void)state;
	assert_int_equal(kr_hostrow_put(s, &h, &e), 0);
	assert_int_equal(kr_hostrow_get(s, "beta", &hb, &e), 0);
	assert_string_equal(hb.address, h.address);
	assert_int_equal(kr_hostrow_each(s, count_host, &n, &e), 0);
	assert_int_equal(n, 1);
	assert_int_equal(kr_hostrow_del(s, "beta", &e), 0);
	assert_true(kr_hostrow_get(s, "beta", &hb, &e) < 0);
	assert_int_equal(e.kr, KR_E_NO_HOST);
	e = KR_ERR_NONE;
	assert_int_equal(kr_trustrow_put(s, &t, &e), 0);
	strcpy(t.pem, "PEM2");
	assert_int_equal(kr_trustrow_put(s, &t, &e), 0);
	n = 0;
	assert_int_equal(kr_trustrow_each(s, count_trust, &n, &e), 0);
	assert_int_equal(n, 1);
	assert_int_equal(kr_trustrow_del(s, "fleet", &e), 0);
	assert_true(kr_trustrow_del(s, "fleet", &e) < 0);
	e = KR_ERR_NONE;
	assert_int_equal(kr_userrow_put(s, &u, &e), 0);
	assert_int_equal(kr_userrow_put(s, &u, &e), 0);
	strcpy(u.role, "auditor");
	assert_int_equal(kr_userrow_put(s, &u, &e), 0);
	n = 0;
	assert_int_equal(kr_userrow_each(s, count_user, &n, &e), 0);
	assert_int_equal(n, 2);
	assert_int_equal(kr_userrow_has(s, "anna", "auditor", &e), 1);
	assert_int_equal(kr_userrow_has(s, "ben", "auditor", &e), 0);
	assert_int_equal(kr_userrow_del(s, "anna", "auditor", &e), 0);
	assert_int_equal(kr_userrow_del(s, "anna", "auditor", &e), 1);
	assert_int_equal(kr_userrow_has(s, "anna", "auditor", &e), 0);
}

static int count_key(void *arg, const struct kr_userkeyrow *k,
		     struct kr_err *e)
{
	(void)e;
	assert_string_equal(k->user, "anna");
	++*(int *)arg;
	return 0;
}

static void keys_of_users(void **state)
{
	struct kr_userkeyrow k = { .user = "anna", .pem = "PEM" }, back;
	struct kr_err e = KR_ERR_NONE;
	int n = 0;

	(void)state;
	assert_int_equal(kr_userkeyrow_add(s, &k, &e), 0);
	strcpy(k.user, "ben");		/* it stays Anna's */
	assert_true(kr_userkeyrow_add(s, &k, &e) < 0);
	assert_int_equal(e.kr, KR_E_EXISTS);
	e = KR_ERR_NONE;
	assert_int_equal(kr_userkeyrow_get(s, k.keyid, &back, &e), 0);
	assert_string_equal(back.user, "anna");
	assert_int_equal(kr_userkeyrow_each(s, count_key, &n, &e), 0);
	assert_int_equal(n, 1);
	assert_int_equal(kr_userkeyrow_del(s, k.keyid, &e), 0);
	assert_true(kr_userkeyrow_del(s, k.keyid, &e) < 0);
	assert_int_equal(e.kr, KR_E_APPROVAL_KEY);
	e = KR_ERR_NONE;
	assert_true(kr_userkeyrow_get(s, k.keyid, &back, &e) < 0);
	assert_int_equal(e.kr, KR_E_APPROVAL_KEY);
}

/* A host has one key, and a key one host, until it is forgotten. */
static void attestation_keys(void **state)
{
	static struct kr_akrow r, back;
	struct kr_err e = KR_ERR_NONE;

	(void)state;
	strcpy(r.host, "beta");
	strcpy(r.name, "000b11");
	memset(r.pub, 0x5a, sizeof(r.pub));
	r.n_pub = sizeof(r.pub);
	memset(r.ek_subject, 's', sizeof(r.ek_subject) - 1);
	strcpy(r.ek_issuer, "CN=maker");
	r.ek_vouched = true;
	strcpy(r.enrolled_by, "anna");
	r.enrolled_ms = 7;
	assert_true(kr_akrow_get(s, "beta", &back, &e) < 0);
	assert_int_equal(e.kr, KR_E_NO_AK);
	e = KR_ERR_NONE;
	assert_int_equal(kr_akrow_put(s, &r, &e), 0);
	assert_int_equal(kr_akrow_get(s, "beta", &back, &e), 0);
	assert_memory_equal(&back, &r, sizeof(r));
	r.enrolled_ms = 8;
	assert_int_equal(kr_akrow_put(s, &r, &e), 0);
	strcpy(r.name, "000b22");
	assert_true(kr_akrow_put(s, &r, &e) < 0);
	assert_int_equal(e.kr, KR_E_AK_OTHER);
	e = KR_ERR_NONE;
	strcpy(r.host, "gamma");
	strcpy(r.name, "000b11");
	assert_true(kr_akrow_put(s, &r, &e) < 0);
	assert_int_equal(e.kr, KR_E_AK_TAKEN);
	e = KR_ERR_NONE;
	assert_int_equal(kr_akrow_get(s, "beta", &back, &e), 0);
	assert_int_equal(back.enrolled_ms, 8);
	assert_true(kr_akrow_get(s, "gamma", &back, &e) < 0);
	e = KR_ERR_NONE;
	assert_int_equal(kr_akrow_del(s, "beta", &e), 0);
	assert_int_equal(kr_akrow_del(s, "beta", &e), 0);
	assert_int_equal(kr_akrow_put(s, &r, &e), 0);
}

static int count_reference(void *arg, const struct kr_referencerow *r,
			   struct kr_err *e)
{
	(void)e;
	assert_string_equal(r->signed_by, "anna");
	*(unsigned int *)arg += r->version;
	return 0;
}

static void reference_values(void **state)
{
	static struct kr_referencerow r, back;
	struct kr_err e = KR_ERR_NONE;
	unsigned int sum = 0;

	(void)state;
	strcpy(r.name, "hosts");
	strcpy(r.signed_by, "anna");
	memset(r.envelope, 'x', sizeof(r.envelope) - 1);
	r.version = UINT32_MAX;
	assert_int_equal(kr_referencerow_put(s, &r, &e), 0);
	assert_int_equal(kr_referencerow_get(s, "hosts", &back, &e), 0);
	assert_memory_equal(&back, &r, sizeof(r));
	/* one row of each name */
	strcpy(r.revoked_by, "ben");
	r.version = 3;
	assert_int_equal(kr_referencerow_put(s, &r, &e), 0);
	strcpy(r.name, "alpha");
	r.version = 4;
	assert_int_equal(kr_referencerow_put(s, &r, &e), 0);
	assert_int_equal(kr_referencerow_each(s, count_reference, &sum, &e),
			 0);
	assert_int_equal(sum, 3 + 4);
	assert_true(kr_referencerow_get(s, "beta", &back, &e) < 0);
	assert_int_equal(e.kr, KR_E_NO_REFERENCE);
}

static int count_file(void *arg, const struct kr_filerow *f, struct kr_err *e)
{
	int *n = arg;

	(void)e;
	*n += f->writes ? 100 : 1;
	return 0;
}

/* The rows of that path or inode: 100 for each VM that writes, 1 if not. */
static int files_of(const char *at, uint64_t inode)
{
	int n = 0;

	assert_int_equal(kr_filerow_each(s, at, inode, count_file, &n,
					 NULL), 0);
	return n;
}

static void files_of_vms(void **state)
{
	struct kr_filerow f = { "/a", 7, "one", "acme", true };

	(void)state;
	assert_int_equal(kr_filerow_put(s, &f, NULL), 0);
	f.writes = false;
	strcpy(f.vm, "two");
	assert_int_equal(kr_filerow_put(s, &f, NULL), 0);
	assert_int_equal(kr_filerow_put(s, &f, NULL), 0);
	strcpy(f.path, "/b");
	f.inode = 0;
	assert_int_equal(kr_filerow_put(s, &f, NULL), 0);
	assert_int_equal(files_of("/a", 0), 101);
	assert_int_equal(files_of("/elsewhere", 7), 101);
	assert_int_equal(files_of("/elsewhere", 0), 0);
	assert_int_equal(files_of("/b", 7), 102);
	assert_int_equal(kr_filerow_del_reads(s, "two", NULL), 0);
	assert_int_equal(files_of("/b", 7), 100);
	assert_int_equal(kr_filerow_del(s, "/a", "two", NULL), 0);
	assert_int_equal(files_of("/a", 0), 100);
	assert_int_equal(kr_filerow_del(s, "/a", "one", NULL), 0);
	assert_int_equal(files_of("/a", 7), 0);
}

/* The highest version is in force; none comes twice. */
static void policies(void **state)
{
	uint8_t bundle[] = "standard.policy";
	struct kr_policyrow p = { .version = 7, .name = "standard",
				  .digest = { 1 }, .at_ms = 5, .entry = 9,
				  .bundle = bundle, .n_bytes = 3 };
	struct kr_policyrow back;
	struct kr_err e = KR_ERR_NONE;

	(void)state;
	assert_int_equal(kr_policyrow_last(s, &back, &e), 1);
	assert_int_equal(kr_policyrow_put(s, &p, &e), 0);
	p.version = 6;
	assert_int_equal(kr_policyrow_put(s, &p, &e), 0);
	assert_true(kr_policyrow_put(s, &p, &e) < 0);
	p.version = 70;
	p.digest[0] = 2;
	p.n_bytes = sizeof(bundle);
	e = KR_ERR_NONE;
	assert_int_equal(kr_policyrow_put(s, &p, &e), 0);
	assert_int_equal(kr_policyrow_last(s, &back, &e), 0);
	assert_int_equal(back.version, 70);
	assert_int_equal(back.entry, 9);
	assert_string_equal(back.name, "standard");
	assert_memory_equal(back.digest, p.digest, 32);
	assert_int_equal(back.n_bytes, sizeof(bundle));
	assert_memory_equal(back.bundle, bundle, sizeof(bundle));
	free(back.bundle);
}

/* Of one digest that two have, the newer's; and nothing behind its end. */
static void parts_of_a_policy(void **state)
{
	uint8_t bundle[] = "0123456789", whole[sizeof(bundle)] = { 0 };
	struct kr_policyrow p = { .version = 80, .name = "late",
				  .digest = { 3 }, .at_ms = 6, .entry = 10,
				  .bundle = bundle, .n_bytes = 2 };
	struct kr_policyrow back;
	struct kr_err e = KR_ERR_NONE;
	size_t all, at = 0;

	(void)state;
	assert_int_equal(kr_policyrow_put(s, &p, &e), 0);
	p.version = 81;
	p.n_bytes = sizeof(bundle);
	assert_int_equal(kr_policyrow_put(s, &p, &e), 0);
	do {
		assert_int_equal(kr_policyrow_part(s, p.digest, at, 4, &back,
						   &all, &e), 0);
		assert_int_equal(back.version, 81);
		assert_string_equal(back.name, "late");
		assert_int_equal(all, sizeof(bundle));
		assert_in_range(back.n_bytes, 0, sizeof(bundle) - at);
		memcpy(whole + at, back.bundle, back.n_bytes);
		at += back.n_bytes;
		free(back.bundle);
	} while (back.n_bytes);
	assert_int_equal(at, sizeof(bundle));
	assert_memory_equal(whole, bundle, sizeof(bundle));
	p.digest[0] = 4;
	assert_int_equal(kr_policyrow_part(s, p.digest, 0, 4, &back, &all,
					   &e), 1);
}

/* What was seen of a peer's log, and what peers signed of this one. */
static void logs_vouched_for(void **state)
{
	struct kr_witnessrow w = { .host = "beta", .size = 7, .refused = 3011,
				   .policy_version = 3 };
	struct kr_cosignrow c = { .host = "beta", .size = 7 };
	struct kr_witnessrow back;
	struct kr_store *x = NULL;
	uint64_t size = 0;
	char p[128];

	(void)state;
	snprintf(p, sizeof(p), "%s/vouched.db", dir);
	assert_int_equal(kr_store_open(p, KR_STORE_WRITE, &x, NULL), 0);
	assert_int_equal(kr_witnessrow_get(x, "beta", &back, NULL), 1);
	strcpy(w.note, "signed");
	memset(w.root, 9, sizeof(w.root));
	assert_int_equal(kr_witnessrow_put(x, &w, NULL), 0);
	assert_int_equal(kr_witnessrow_get(x, "beta", &back, NULL), 0);
	assert_int_equal(back.size, 7);
	assert_int_equal(back.refused, 3011);
	assert_int_equal(back.policy_version, 3);
	assert_string_equal(back.note, "signed");
	assert_memory_equal(back.root, w.root, 32);
	assert_int_equal(kr_witnessrow_del(x, "beta", NULL), 0);
	assert_int_equal(kr_witnessrow_get(x, "beta", &back, NULL), 1);

	assert_int_equal(kr_cosignrow_newest(x, 0, &size, NULL), 1);
	assert_int_equal(kr_cosignrow_put(x, &c, NULL), 0);
	c.size = 5;	/* of a shorter log: the longer one's is kept */
	assert_int_equal(kr_cosignrow_put(x, &c, NULL), 0);
	assert_int_equal(kr_cosignrow_newest(x, 7, &size, NULL), 0);
	assert_int_equal(size, 7);
	assert_int_equal(kr_cosignrow_newest(x, 8, &size, NULL), 1);
	kr_store_free(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vms),
		cmocka_unit_test(hosts_trust_users),
		cmocka_unit_test(keys_of_users),
		cmocka_unit_test(attestation_keys),
		cmocka_unit_test(reference_values),
		cmocka_unit_test(files_of_vms),
		cmocka_unit_test(policies),
		cmocka_unit_test(parts_of_a_policy),
		cmocka_unit_test(logs_vouched_for),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
