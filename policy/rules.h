/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules.h - requests, and the rules that decide them: (state, request) ->
 * (decision, next state). Pure: no I/O, no clock, the state is not changed.
 *
 * A rule deals with some requests and not with others. If exactly one deals
 * with a request, all of that rule's conditions together say yes or no; if
 * none does the answer is question: denied, and for a person to look at; if
 * more than one does it is error, and denied.
 */
#ifndef KR_POLICY_RULES_H
#define KR_POLICY_RULES_H

#include "policy/system.h"

/* X(name, as policies and the log write it) */
#define KR_ASKS(X) \
	X(GET,		"get")			/* access to an object */ \
	X(RELEASE,	"release")		/* give that access up */ \
	X(GIVE,		"give")			/* somebody a right */ \
	X(RESCIND,	"rescind")		/* take that right back */ \
	X(CREATE,	"create")		/* an object in another */ \
	X(DELETE,	"delete")		/* one, and all in it */ \
	X(SUBJECT_LEVEL, "change-subject-level") \
	X(OBJECT_LEVEL,	"change-object-level") \
	X(OFFER,	"offer")		/* a VM to a host */ \
	X(ACCEPT,	"accept")		/* to take it in */ \
	X(TRANSFER,	"transfer")		/* what it is made of */ \
	X(FREEZE,	"freeze")		/* nobody runs it */ \
	X(RELEASE_OWNERSHIP, "release-ownership") \
	X(OWN,		"own")			/* and run it */ \
	X(DESTROY,	"destroy")		/* the source's copy */ \
	X(UNDO,		"undo")			/* before the release */ \
	X(DISOWN,	"disown")		/* prepared, and given back */

enum kr_ask_kind {
#define X(name, text) KR_ASK_##name,
	KR_ASKS(X)
#undef X
	KR_ASK_N
};

struct kr_ask {
	enum kr_ask_kind kind;
	uint16_t	 by;		/* the subject that asks */
	uint16_t	 object;	/* KR_NOBODY to change a subject's level */
	uint16_t	 to;		/* subject: given to, offered to, raised */
	uint16_t	 parent;	/* create: in what */
	uint8_t		 attr;		/* get, release, give, rescind: one */
	struct kr_class	 c;		/* create, change level: the new one */
};

enum kr_answer { KR_YES, KR_NO, KR_ERROR, KR_QUESTION };

/* What must hold for a yes; the order is that of telling. */
#define KR_CONDITIONS(X) \
	X(KNOWN,	"it exists") \
	X(NEW,		"it does not exist yet") \
	X(HOST,		"who asks is a host") \
	X(CERTIFIER,	"who asks is a certifier") \
	X(NOT_ITSELF,	"it is about somebody else") \
	X(NO_CERTIFIER,	"who certifies executes nothing") \
	X(IN_MATRIX,	"the access matrix grants it") \
	X(NO_READ_DOWN,	"what is observed is no lower than who observes") \
	X(NO_WRITE_UP,	"what is modified is no higher than who modifies") \
	X(HAS_IT,	"who asks has that access now") \
	X(PARENT,	"who asks has access to modify what it is in") \
	X(FITS_PARENT,	"it is no higher than what it is in") \
	X(FITS_CONTENT,	"nothing that is in it is higher") \
	X(NOT_ABOVE,	"it is no higher than who makes it") \
	X(UNUSED,	"nobody has access to it, or to what is in it") \
	X(AT_REST,	"neither it nor what is in it is being migrated") \
	X(HOLDS_NO_VM,	"no VM is in it") \
	X(WITHIN_TOP,	"no subject rises above its own top") \
	X(STAYS_SECURE,	"all accesses that there are stay secure") \
	X(STAYS_HOSTED,	"no VM gets above a host that has it or may get it") \
	X(OWNER,	"who asks may run it, and nobody else may") \
	X(DESTINATION,	"it goes to another host that could take it in") \
	X(SOURCE_ASKS,	"the host that offered it asks") \
	X(TARGET_ASKS,	"the host that it was offered to asks") \
	X(STOPPED,	"nobody runs it")

enum kr_condition {
#define X(name, text) KR_COND_##name,
	KR_CONDITIONS(X)
#undef X
	KR_COND_N
};

enum kr_rule_vm { KR_RULE_ANY, KR_RULE_VM, KR_RULE_NO_VM };

struct kr_rule {
	const char *name;
	enum kr_ask_kind kind;
	/* which of these requests it deals with */
	enum kr_rule_vm vm;
	unsigned int	attrs;		/* of these; 0: they have none */
	unsigned int	stages;		/* 1 << enum kr_stage; 0: any */
	unsigned int	conds;		/* 1 << enum kr_condition */
	void (*next)(struct kr_system *t, const struct kr_ask *q);
};

struct kr_rules {
	const struct kr_rule *rules;
	unsigned int	      n;
};

/** The shipped rules, which kororad decides by and model/explore explores. */
extern const struct kr_rules kr_rules;

struct kr_decision {
	enum kr_answer answer;
	const struct kr_rule *rule;	/* that deals with it; NULL if none */
	const struct kr_rule *second;	/* error: deals with it as well */
	unsigned int failed;		/* no: 1 << enum kr_condition */
};

/** kr_decide() - What @w say to @q in @t. */
struct kr_decision kr_decide(const struct kr_rules *w,
			     const struct kr_system *t,
			     const struct kr_ask *q);

/** kr_apply() - The next state, in place, after a yes. */
void kr_apply(struct kr_system *t, const struct kr_ask *q,
	      const struct kr_decision *d);

const char *kr_ask_name(enum kr_ask_kind kind);
const char *kr_answer_name(enum kr_answer a);
const char *kr_condition_text(enum kr_condition c);

/** kr_decision_why() - The condition that a no failed by; or that no rule is. */
const char *kr_decision_why(const struct kr_decision *d);

#endif
