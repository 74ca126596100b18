/* SPDX-License-Identifier: Apache-2.0 */
/* fwtable.c - see fwtable.h. */
#include "context/fwtable.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The addresses of a nic as a set's elements; how many there are. */
static unsigned int addresses(FILE *o, const struct kr_fwload *l,
			      const char *nic, enum kr_fwrule_type t)
{
	struct kr_fwrule r;
	unsigned int n = 0;

	for (uint32_t at = 0; kr_fwrules_next(&l->rules, &at, &r);)
		if (r.kind == KR_FWRULE_ADDRESS && r.type == t &&
		    !strcmp(r.name, nic)) {
			if (o)
				fprintf(o, "%s%s", n ? ", " : "",
					r.text + r.rest);
			n++;
		}
	return n;
}

/* What goes to an address of the nic, by way of its bridge: @then. @out is how
 * the way out is known at that hook. */
static void to_addresses(FILE *o, const struct kr_fwload *l, unsigned int i,
			 const char *out, const char *then)
{
	static const struct {
		enum kr_fwrule_type type;
		const char	   *match;
	} families[] = {
		{ KR_FWRULE_IPV4, "ip daddr" }, { KR_FWRULE_IPV6, "ip6 daddr" },
	};
	const char *nic = l->nics[i].name;

	for (unsigned int f = 0; f < 2; f++) {
		if (!addresses(NULL, l, nic, families[f].type))
			continue;
		fprintf(o, "%s { ", families[f].match);
		addresses(o, l, nic, families[f].type);
		fprintf(o, " } %s \"%s\" %s\n", out, l->nics[i].bridge, then);
	}
}

/* ---- inet: zone and rules ---------------------------------------------- */

/* Before connection tracking looks at a packet: whose it is. One that is bridged
 * has the VM's MAC address, one that will be routed to it only its address. */
static void zones(FILE *o, const struct kr_fwload *l)
{
	char set[32];

	snprintf(set, sizeof(set), "ct zone set %u", l->zone);
	fprintf(o, "chain zone {\n"
		"type filter hook prerouting priority -300; policy accept;\n");
	for (unsigned int i = 0; i < l->n_nics; i++) {
		const char *bridge = l->nics[i].bridge, *mac = l->nics[i].mac;

		fprintf(o, "iifname \"%s\" ether saddr %s %s\n", bridge, mac,
			set);
		fprintf(o, "iifname \"%s\" ether daddr %s %s\n", bridge, mac,
			set);
		to_addresses(o, l, i, "fib daddr oifname", set);
	}
	fprintf(o, "}\nchain zone_output {\n"
		"type filter hook output priority -300; policy accept;\n");
	for (unsigned int i = 0; i < l->n_nics; i++)
		to_addresses(o, l, i, "oifname", set);
	fprintf(o, "}\n");
}

/* Where packets of the VM pass: between bridge ports or routed, and to and from
 * the host itself. */
static void hooks(FILE *o, const struct kr_fwload *l)
{
	fprintf(o, "chain forward {\n"
		"type filter hook forward priority 0; policy accept;\n");
	for (unsigned int i = 0; i < l->n_nics; i++) {
		const char *bridge = l->nics[i].bridge, *mac = l->nics[i].mac;

		fprintf(o, "iifname \"%s\" ether saddr %s jump out\n", bridge,
			mac);
		fprintf(o, "oifname \"%s\" ether daddr %s goto in\n", bridge,
			mac);
		to_addresses(o, l, i, "oifname", "goto in");
	}
	fprintf(o, "}\nchain input {\n"
		"type filter hook input priority 0; policy accept;\n");
	for (unsigned int i = 0; i < l->n_nics; i++)
		fprintf(o, "iifname \"%s\" ether saddr %s goto out\n",
			l->nics[i].bridge, l->nics[i].mac);
	fprintf(o, "}\nchain output {\n"
		"type filter hook output priority 0; policy accept;\n");
	for (unsigned int i = 0; i < l->n_nics; i++)
		to_addresses(o, l, i, "oifname", "goto in");
	fprintf(o, "}\n");
}

/* One direction. What IPv6 cannot do without is let pass; a connection begins
 * by a plain SYN, so that nothing is taken up in its midst. */
static void rules(FILE *o, const struct kr_fwload *l, enum kr_fwrule_kind kind,
		  const char *chain)
{
	struct kr_fwrule r;

	fprintf(o, "chain %s {\n"
		"ct state invalid drop\n"
		"ct state established,related accept\n"
		"icmpv6 type { nd-router-solicit, nd-router-advert, "
		"nd-neighbor-solicit, nd-neighbor-advert } accept\n"
		"ct state new tcp flags & (fin | syn | rst | ack) != syn drop\n",
		chain);
	for (uint32_t at = 0; kr_fwrules_next(&l->rules, &at, &r);)
		if (r.kind == kind)
			fprintf(o, "%s\n", r.text + r.rest);
	fprintf(o, "drop\n}\n");
}

/* nft's own words around what a line says; each of its kinds is in braces. */
static void declarations(FILE *o, const struct kr_fwload *l)
{
	struct kr_fwrule r;

	for (uint32_t at = 0; kr_fwrules_next(&l->rules, &at, &r);) {
		if (r.kind == KR_FWRULE_COUNTER)
			fprintf(o, "counter %s {\n}\n", r.name);
		else if (r.kind == KR_FWRULE_QUOTA)
			fprintf(o, "quota %s {\n%s\n}\n", r.name,
				r.text + r.rest);
		else if (r.kind == KR_FWRULE_SET)
			fprintf(o, "set %s {\ntype %s\nflags interval\n"
				"auto-merge\nelements = %s\n}\n", r.name,
				kr_fwrule_type_name(r.type), r.text + r.rest);
	}
}

/* ---- bridge: nobody else's addresses ----------------------------------- */

/* Whom it may say to be: its addresses, as the 128 bits of a message. */
static void targets(FILE *o, const struct kr_fwload *l, const char *nic)
{
	uint8_t a[16];
	struct kr_fwrule r;

	for (uint32_t at = 0; kr_fwrules_next(&l->rules, &at, &r);) {
		if (r.kind != KR_FWRULE_ADDRESS || strcmp(r.name, nic) ||
		    inet_pton(AF_INET6, r.text + r.rest, a) != 1)
			continue;
		fprintf(o, ", 0x");
		for (unsigned int i = 0; i < sizeof(a); i++)
			fprintf(o, "%02x", a[i]);
	}
}

static void honest(FILE *o, const struct kr_fwload *l, unsigned int i)
{
	const char *nic = l->nics[i].name, *mac = l->nics[i].mac;

	fprintf(o, "chain sent%u {\n"
		"@ll,96,16 != { 0x0800, 0x0806, 0x8035, 0x86dd } drop\n"
		"ether saddr != %s drop\n"
		"@ll,96,16 0x8035 accept\n"
		"arp saddr ether != %s drop\n", i, mac, mac);
	fprintf(o, "arp saddr ip != { 0.0.0.0");
	if (addresses(NULL, l, nic, KR_FWRULE_IPV4))
		fprintf(o, ", ");
	addresses(o, l, nic, KR_FWRULE_IPV4);
	fprintf(o, " } drop\n"
		"ip saddr 0.0.0.0 udp sport 68 udp dport 67 accept\n");
	if (addresses(NULL, l, nic, KR_FWRULE_IPV4)) {
		fprintf(o, "ip saddr != { ");
		addresses(o, l, nic, KR_FWRULE_IPV4);
		fprintf(o, " } drop\n");
	} else {
		fprintf(o, "@ll,96,16 0x0800 drop\n");
	}
	fprintf(o, "ip6 saddr != { ::, fe80::/10");
	if (addresses(NULL, l, nic, KR_FWRULE_IPV6))
		fprintf(o, ", ");
	addresses(o, l, nic, KR_FWRULE_IPV6);
	fprintf(o, " } drop\n"
		"icmpv6 type { nd-router-advert, nd-redirect } drop\n"
		"icmpv6 type nd-neighbor-advert @th,64,128 != { "
		"0xfe800000000000000000000000000000-"
		"0xfebfffffffffffffffffffffffffffff");
	targets(o, l, nic);
	fprintf(o, " } drop\n}\n");
}

/* To the VM: what is addressed to it, and how its neighbours ask for it. */
static void meant(FILE *o, const struct kr_fwload *l, unsigned int i)
{
	fprintf(o, "chain given%u {\n"
		"@ll,96,16 0x0806 accept\n"
		"@ll,96,16 != { 0x0800, 0x86dd } drop\n"
		"ether daddr %s accept\n"
		"icmpv6 type { nd-router-advert, nd-neighbor-solicit, "
		"nd-neighbor-advert } accept\n"
		"drop\n}\n", i, l->nics[i].mac);
}

static void ports(FILE *o, const struct kr_fwload *l)
{
	for (unsigned int i = 0; i < l->n_nics; i++) {
		honest(o, l, i);
		meant(o, l, i);
	}
	fprintf(o, "chain from {\n"
		"type filter hook prerouting priority -300; policy accept;\n");
	for (unsigned int i = 0; i < l->n_nics; i++)
		fprintf(o, "iifname \"%s\" jump sent%u\n", l->nics[i].tap, i);
	fprintf(o, "}\nchain to {\n"
		"type filter hook postrouting priority 0; policy accept;\n");
	for (unsigned int i = 0; i < l->n_nics; i++)
		fprintf(o, "oifname \"%s\" jump given%u\n", l->nics[i].tap, i);
	fprintf(o, "}\n");
}

int kr_fwtable_load(const struct kr_fwload *l, char **ret, struct kr_err *e)
{
	static const char *const families[] = { "inet", "bridge" };
	size_t n;
	FILE *o = open_memstream(ret, &n);

	if (!o)
		return kr_fail(e, KR_E_SYSTEM, "out of memory");
	for (unsigned int f = 0; f < 2; f++) {
		fprintf(o, "add table %s " KR_FWTABLE_PREFIX "%s\n"
			"delete table %s " KR_FWTABLE_PREFIX "%s\n"
			"table %s " KR_FWTABLE_PREFIX "%s {\n%s",
			families[f], l->vm, families[f], l->vm, families[f],
			l->vm, l->asleep ? "flags dormant\n" : "");
		if (f) {
			ports(o, l);
		} else {
			declarations(o, l);
			rules(o, l, KR_FWRULE_IN, "in");
			rules(o, l, KR_FWRULE_OUT, "out");
			zones(o, l);
			hooks(o, l);
		}
		fprintf(o, "}\n");
	}
	if (!fclose(o))
		return 0;
	free(*ret);
	return kr_fail(e, KR_E_SYSTEM, "out of memory");
}

uint16_t kr_fwtable_zone(const char *listed)
{
	const char *at = strstr(listed, "ct zone set ");

	return at ? (uint16_t)strtoul(at + 12, NULL, 10) : 0;
}
