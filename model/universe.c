/* SPDX-License-Identifier: Apache-2.0 */
/*
 * universe.c - the universes. What a certifier may give and take back
 * multiplies the states, so there is one only where that is looked at, and
 * requests carry no attribute there that would show nothing new.
 */
#include "model/universe.h"

#include <stdlib.h>
#include <string.h>

#define RED	UINT64_C(1)	/* tenants */
#define BLUE	UINT64_C(2)

static struct kr_class class(enum kr_level level, uint64_t categories)
{
	return (struct kr_class){ level, categories };
}

/* One that is asked for. */
static void asked(struct kr_universe *u, struct kr_class c)
{
	for (unsigned int i = 0; i < u->n_classes; i++)
		if (kr_class_same(u->classes[i], c))
			return;
	u->classes[u->n_classes++] = c;
}

static struct kr_subject *subject(struct kr_universe *u, unsigned int s,
				  const char *name, struct kr_class c)
{
	u->subjects[s] = name;
	u->first->subjects[s].c = u->first->subjects[s].top = c;
	asked(u, c);
	return &u->first->subjects[s];
}

static void host(struct kr_universe *u, unsigned int s, const char *name,
		 struct kr_class c)
{
	subject(u, s, name, c)->host = true;
}

static void agent(struct kr_universe *u, unsigned int s, const char *name,
		  struct kr_class c, uint16_t of)
{
	subject(u, s, name, c)->serves = of;
}

static void certifier(struct kr_universe *u, unsigned int s, const char *name,
		      struct kr_class c)
{
	subject(u, s, name, c)->certifier = true;
}

static struct kr_object *object(struct kr_universe *u, unsigned int o,
				const char *name, struct kr_class c,
				uint16_t parent)
{
	u->objects[o] = name;
	u->first->objects[o].c = c;
	u->first->objects[o].parent = parent;
	u->first->objects[o].there = true;
	asked(u, c);
	return &u->first->objects[o];
}

static void vm(struct kr_universe *u, unsigned int o, const char *name,
	       struct kr_class c, uint16_t parent, unsigned int runs_on)
{
	object(u, o, name, c, parent)->vm = true;
	kr_system_set(u->first, runs_on, o, KR_ATTR_EXECUTE, KR_ATTR_EXECUTE);
}

/* Known by name, to be created. */
static void later(struct kr_universe *u, unsigned int o)
{
	u->first->objects[o].there = false;
	u->first->objects[o].parent = KR_NOBODY;
	for (unsigned int s = 0; s < u->first->n_subjects; s++)
		kr_system_set(u->first, s, o, 0, 0);
}

/* ---- the universes ------------------------------------------------------ */

static void access_to_objects(struct kr_universe *u)
{
	struct kr_class high = class(KR_LEVEL_TRUSTED_AGENT, RED | BLUE);
	struct kr_class red = class(KR_LEVEL_RELYING_PARTY, RED);

	subject(u, 0, "kororad", high);
	subject(u, 1, "red-user", red);
	object(u, 0, "store", high, KR_NOBODY);
	object(u, 1, "red-file", red, 0);
	object(u, 2, "blue-file", class(KR_LEVEL_RELYING_PARTY, BLUE), 0);
	for (unsigned int o = 0; o < 3; o++)
		for (unsigned int s = 0; s < 2; s++)
			kr_system_set(u->first, s, o, 0, KR_ATTR_ALL);
}

static void rights(struct kr_universe *u)
{
	struct kr_class c = class(KR_LEVEL_TRUSTED_AGENT, 0);

	certifier(u, 0, "alice", c);
	certifier(u, 1, "bob", c);
	subject(u, 2, "carol", c);
	object(u, 0, "disk", c, KR_NOBODY);
	/* as a careless policy would have it */
	kr_system_set(u->first, 0, 0, 0, KR_ATTR_EXECUTE);
}

static void levels(struct kr_universe *u)
{
	struct kr_class high = class(KR_LEVEL_TRUSTED_AGENT, 0);
	struct kr_class low = class(KR_LEVEL_USER_AGENT, 0);

	certifier(u, 0, "alice", high);
	subject(u, 1, "carol", class(KR_LEVEL_RELYING_PARTY, 0));
	object(u, 0, "folder", high, KR_NOBODY);
	object(u, 1, "file", low, 0);
}

static void hierarchy(struct kr_universe *u)
{
	struct kr_class high = class(KR_LEVEL_TRUSTED_AGENT, 0);
	struct kr_class low = class(KR_LEVEL_RELYING_PARTY, 0);

	host(u, 0, "host", high);
	subject(u, 1, "keeper", high);
	object(u, 0, "root", high, KR_NOBODY);
	object(u, 1, "folder", low, 0);
	vm(u, 2, "vm", low, 1, 0);
	later(u, 2);
	later(u, 1);
	for (unsigned int s = 0; s < 2; s++)
		kr_system_set(u->first, s, 0, 0,
			      KR_ATTR_WRITE | KR_ATTR_APPEND);
	asked(u, class(KR_LEVEL_TPM, 0));	/* by who is lower */
}

static void nested(struct kr_universe *u)
{
	struct kr_class c = class(KR_LEVEL_TRUSTED_AGENT, 0);

	host(u, 0, "host-a", c);
	host(u, 1, "host-b", c);
	object(u, 0, "pool", c, KR_NOBODY);
	vm(u, 1, "outer-vm", c, 0, 0);
	vm(u, 2, "inner-vm", c, 1, 1);
	kr_system_set(u->first, 0, 0, 0, KR_ATTR_WRITE);
	u->attrs = KR_ATTR_WRITE | KR_ATTR_EXECUTE;
}

/* The rights of agents, given by their migration and by a certifier. */
static void migration(struct kr_universe *u)
{
	struct kr_class c = class(KR_LEVEL_TRUSTED_AGENT, 0);

	host(u, 0, "host-a", c);
	host(u, 1, "host-b", c);
	agent(u, 2, "agent-a", c, 0);
	agent(u, 3, "agent-b", c, 1);
	certifier(u, 4, "alice", c);
	vm(u, 0, "vm", c, KR_NOBODY, 0);
	u->attrs = KR_ATTR_READ | KR_ATTR_APPEND | KR_ATTR_EXECUTE;
}

static void three_hosts(struct kr_universe *u)
{
	static const char *const hosts[] = { "host-a", "host-b", "host-c" };
	static const char *const agents[] = { "agent-a", "agent-b",
					      "agent-c" };
	struct kr_class c = class(KR_LEVEL_TRUSTED_AGENT, 0);

	object(u, 0, "pool", c, KR_NOBODY);
	for (uint16_t i = 0; i < 3; i++) {
		host(u, i, hosts[i], c);
		agent(u, i + 3u, agents[i], c, i);
	}
	kr_system_set(u->first, 0, 0, 0, KR_ATTR_WRITE);
	kr_system_set(u->first, 1, 0, 0, KR_ATTR_WRITE);
	object(u, 1, "folder", c, 0);
	kr_system_set(u->first, 0, 1, 0, KR_ATTR_WRITE);
	vm(u, 2, "vm", c, 1, 0);
}

/* Two VMs that must not meet on a host of only one tenant. */
static void tenants(struct kr_universe *u)
{
	struct kr_class red = class(KR_LEVEL_TRUSTED_AGENT, RED);
	struct kr_class blue = class(KR_LEVEL_TRUSTED_AGENT, BLUE);
	struct kr_class both = class(KR_LEVEL_TRUSTED_AGENT, RED | BLUE);

	host(u, 0, "shared-host", both);
	host(u, 1, "red-host", red);
	host(u, 2, "blue-host", blue);
	vm(u, 0, "red-vm", red, KR_NOBODY, 0);
	vm(u, 1, "blue-vm", blue, KR_NOBODY, 0);
	u->attrs = KR_ATTR_EXECUTE;
}

/* What classes become of hosts and a VM while it moves. */
static void classes(struct kr_universe *u)
{
	struct kr_class red = class(KR_LEVEL_TRUSTED_AGENT, RED);
	struct kr_class both = class(KR_LEVEL_TRUSTED_AGENT, RED | BLUE);

	host(u, 0, "host-a", both);
	host(u, 1, "host-b", both);
	host(u, 2, "host-c", red);
	certifier(u, 3, "alice", class(KR_LEVEL_TPM, RED | BLUE));
	vm(u, 0, "vm", red, KR_NOBODY, 0);
	u->attrs = KR_ATTR_EXECUTE;
}

/* The smallest first: broken.c tries them in this order. */
static const struct {
	const char  *name, *about;
	unsigned int n_subjects, n_objects;
	void	   (*build)(struct kr_universe *u);
} universes[] = {
	{ "classes", "hosts and a VM change their class on the way", 4, 1,
	  classes },
	{ "tenants", "two VMs, hosts that may have only one of them", 3, 2,
	  tenants },
	{ "nested", "a VM in another one", 2, 3, nested },
	{ "hierarchy", "things are made in each other, and deleted", 2, 3,
	  hierarchy },
	{ "levels", "classes change under accesses", 2, 2, levels },
	{ "three-hosts", "round about, and deleted on the way", 6, 3,
	  three_hosts },
	{ "rights", "two certifiers and one who works", 3, 1, rights },
	{ "migration", "there and back, with agents and a certifier", 5, 1,
	  migration },
	{ "access", "every access to objects of each class", 2, 3,
	  access_to_objects },
};

#define N_UNIVERSES	(sizeof(universes) / sizeof(universes[0]))

const char *kr_universe_name(unsigned int i)
{
	return i < N_UNIVERSES ? universes[i].name : NULL;
}

struct kr_universe *kr_universe_new(const char *name)
{
	struct kr_universe *u;
	size_t i = 0;

	while (i < N_UNIVERSES && strcmp(universes[i].name, name) != 0)
		i++;
	if (i == N_UNIVERSES)
		return NULL;
	u = calloc(1, sizeof(*u));
	if (!u)
		return NULL;
	u->name = universes[i].name;
	u->about = universes[i].about;
	u->attrs = KR_ATTR_ALL;
	u->first = kr_system_new(universes[i].n_subjects,
				 universes[i].n_objects);
	if (!u->first) {
		free(u);
		return NULL;
	}
	universes[i].build(u);
	return u;
}

void kr_universe_free(struct kr_universe *u)
{
	if (!u)
		return;
	kr_system_free(u->first);
	free(u);
}
