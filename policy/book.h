/* SPDX-License-Identifier: Apache-2.0 */
/*
 * book.h - a policy as people wrote it, in force as a whole or not at all:
 * subjects and items with their classes, certified triples (who may use which
 * procedure on what, Clark and Wilson's rule E2), and the protection that is
 * demanded. korora-policy(5) describes the files.
 *
 * Deciding is pure: (book, execution) -> verdict. Each triple is a rule: it
 * deals with an execution if who asks, procedure, item and destination are
 * its own and the approvals it wants are there. Exactly one must.
 */
#ifndef KR_POLICY_BOOK_H
#define KR_POLICY_BOOK_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "policy/procedure.h"
#include "policy/rules.h"
#include "policy/words.h"

#define KR_BOOK_NAME_MAX	63u	/* of a user, an item, a section */
#define KR_BOOK_TRIPLES_MAX	65536u
#define KR_BOOK_GRANTS_MAX	(1u << 20)	/* triples' combinations */
#define KR_BOOK_LIST_MAX	256u	/* words of one value */
#define KR_BOOK_APPROVALS_MAX	16u
#define KR_BOOK_ROLES_MAX	64u	/* of one policy, or person */

struct kr_triple {
	char	       *name;		/* of its section */
	char	       *file;
	unsigned int	line;
	struct kr_words who;		/* alice, role:operate, host:b, * */
	struct kr_words may;		/* names of procedures */
	struct kr_words on;		/* vm:web1, vm:web*; none: see below */
	struct kr_words to;		/* hosts; none: any */
	unsigned int	approvals;	/* by that many others */
	struct kr_words approvers;	/* whose count; none: nobody's */
	char	       *certified_by;
};

/* A subject's or an item's class, for all that it matches. */
struct kr_classing {
	char	       *name;
	char	       *file;
	unsigned int	line;
	struct kr_words of;		/* who, or what, as in triples */
	struct kr_class c;
	bool		all;		/* of every category */
};

/* What is demanded of the migrations of what it matches. */
struct kr_protection {
	char	       *name;
	char	       *file;
	unsigned int	line;
	struct kr_words on;
	bool		attestation;	/* of both hosts */
	bool		no_postcopy;	/* no VM runs before it is whole */
	bool		memory_root;	/* statements name each page */
	unsigned int	scanners;	/* that find nothing; a number */
	struct kr_words control_suites, lane_suites;	/* none: any */
};

struct kr_grants;
struct kr_wordindex;

struct kr_book {
	char	 name[KR_BOOK_NAME_MAX + 1];
	char	 about[256];
	unsigned int refs;
	uint32_t version;
	struct kr_triple     *triples;
	struct kr_classing   *subjects, *items;
	struct kr_protection *protections;
	unsigned int n_triples, n_subjects, n_items, n_protections;
	char	    *categories[KR_CATEGORIES_MAX];	/* a bit each */
	unsigned int n_categories;
	/* after kr_book_finish(): triples, classings by what they match */
	struct kr_grants *grants;
	struct kr_wordindex *subjects_of, *items_of, *protections_of;
};

/**
 * kr_book_new()  - An empty policy: nothing is allowed. NULL: no memory
 * kr_book_keep() - One more has it; return: @b, which may be NULL
 * kr_book_free() - One less; its memory goes with the last
 */
struct kr_book *kr_book_new(void);
struct kr_book *kr_book_keep(struct kr_book *b);
void kr_book_free(struct kr_book *b);

/**
 * kr_book_add() - Read one more file
 * @file: named in messages
 *
 * Return: 0; KR_E_CONFIG naming file and line. The book is of no use then.
 */
int kr_book_add(struct kr_book *b, const char *file, const char *text,
		size_t n_bytes, struct kr_err *e);

/**
 * kr_book_finish() - All files were added: check what only the whole shows
 *
 * One [policy]; no two triples that deal with the same; no two protections that
 * leave open which suites are meant. Roles are no names: what a user has by two
 * of them shows when it is asked for, as an error. Return: 0; KR_E_CONFIG.
 */
int kr_book_finish(struct kr_book *b, struct kr_err *e);

/**
 * kr_book_load() - All of a folder's *.policy files, in their names' order, or
 * one file
 * @ret_digest: of what was read, see bundle.h; may be NULL
 *
 * Return: 0; KR_E_CONFIG, also if there is none; KR_E_LIMIT.
 */
int kr_book_load(const char *path, struct kr_book **ret_b,
		 uint8_t ret_digest[32], struct kr_err *e);

struct kr_person {
	const char *name;
	const char *roles[KR_BOOK_ROLES_MAX];
	unsigned int n_roles;
};

struct kr_execution {
	struct kr_person	   by;
	const struct kr_procedure *procedure;
	const char		  *item;	/* "vm:web1"; "": none */
	const char		  *tenant;	/* the item's; NULL: none */
	const char		  *to;		/* host; NULL: none */
	const struct kr_person	  *approvers;	/* each once, proved */
	unsigned int		   n_approvers;
};

/* Why it is not a yes. */
#define KR_REASONS(X) \
	X(NONE,		"it is allowed") \
	X(NO_TRIPLE,	"no triple deals with it") \
	X(DESTINATION,	"no triple allows that destination") \
	X(APPROVALS,	"more approvals are needed") \
	X(TWO_TRIPLES,	"two triples deal with it") \
	X(CERTIFIER,	"who certified it may not execute it") \
	X(TENANT,	"the item is another tenant's") \
	X(LEVEL,	"who asks is of a lower level than what he would change") \
	X(HIMSELF,	"nobody changes his own roles and keys") \
	X(NOBODY,	"it is not known who asks")

enum kr_reason {
#define X(name, text) KR_REASON_##name,
	KR_REASONS(X)
#undef X
	KR_REASON_N
};

struct kr_verdict {
	enum kr_answer	 answer;
	enum kr_reason	 reason;
	const struct kr_triple *triple;	/* that deals with it, or nearly */
	const struct kr_triple *second;	/* error: as well */
	unsigned int	 approved;	/* approvals that count for @triple */
};

/** kr_book_decide() - May it be executed? */
struct kr_verdict kr_book_decide(const struct kr_book *b,
				 const struct kr_execution *x);

/**
 * kr_book_near() - Does @t deal with @x, and if not, what is missing?
 *
 * Return: KR_REASON_NO_TRIPLE if who asks, procedure or item are others';
 *         DESTINATION, APPROVALS; NONE if it does.
 */
enum kr_reason kr_book_near(const struct kr_triple *t,
			    const struct kr_execution *x,
			    unsigned int *ret_approved);

/** kr_book_roles() - Each role that a triple names; some may be told twice. */
void kr_book_roles(const struct kr_book *b,
		   void (*fn)(void *arg, const char *role), void *arg);

/** kr_book_names() - Is @who one of them, by name or by a role? */
bool kr_book_names(const struct kr_words *w, const struct kr_person *who);

/**
 * kr_book_demands() - What is demanded for @item by all that matches it
 * @ret_p: the strictest of each, of suites the shortest list, whose words the
 *         book keeps: all that match are in it, or it in them. All nothing if
 *         nothing matches.
 */
void kr_book_demands(const struct kr_book *b, const char *item,
		     struct kr_protection *ret_p);

/** kr_book_class() - The class of a subject (by name and roles), an item. */
struct kr_class kr_book_subject_class(const struct kr_book *b,
				      const struct kr_person *who);
struct kr_class kr_book_item_class(const struct kr_book *b, const char *item,
				   const char *tenant);

/**
 * kr_book_subject_carried() - The class that @from gives a subject, as one of
 * @to, where categories have other bits: those of the same name, and all if it
 * has all
 */
struct kr_class kr_book_subject_carried(const struct kr_book *from,
					const struct kr_person *who,
					const struct kr_book *to);

/**
 * kr_book_subject_classings() - What gave a subject its class
 * kr_book_item_classings()    - The same of an item, but for its tenant
 * @fn: may see one twice, by two words of it
 */
void kr_book_subject_classings(const struct kr_book *b,
			       const struct kr_person *who,
			       void (*fn)(void *arg,
					  const struct kr_classing *c),
			       void *arg);
void kr_book_item_classings(const struct kr_book *b, const char *item,
			    void (*fn)(void *arg, const struct kr_classing *c),
			    void *arg);

/** kr_book_categories() - All that there are, a bit each. */
uint64_t kr_book_categories(const struct kr_book *b);

const char *kr_reason_text(enum kr_reason r);

#endif
