/* SPDX-License-Identifier: Apache-2.0 */
/*
 * petition.h - the life of one request to migrate, as a system of few states:
 * six people, a VM and another, two destinations, two versions of the policy,
 * three ticks. What may be done is asked of kororad's own functions
 * (kr_assent_failed(), kr_approval_check(), kr_book_decide()); who holds what
 * is kept here. For assents.
 *
 * Other requests are in it by what was signed for them: anna hands in words on
 * another request, VM, host and so on, at any time.
 */
#ifndef KR_MODEL_PETITION_H
#define KR_MODEL_PETITION_H

#include "evidence/approval.h"
#include "policy/assent.h"
#include "policy/book.h"

#define KR_PETITION_TICKS	3u
#define KR_PETITION_LIFE	2u	/* ticks that a request waits */
#define KR_PETITION_LONG	9u	/* a tick that never comes */
#define KR_PETITION_VERSIONS	2u

enum kr_petitioner {
	CARL,		/* operates */
	ANNA, BEN,	/* approve */
	DORA,		/* both */
	VERA,		/* both, and certified who may migrate */
	EVE,		/* has no role */
	KR_PETITIONERS
};

/* What is wrong with a word. X(name, what it is said to be) */
#define KR_PETITION_FORMS(X) \
	X(GOOD,		 "for it") \
	X(OTHER_REQUEST, "for another request") \
	X(OTHER_VM,	 "for another VM") \
	X(OTHER_TO,	 "for another host") \
	X(OTHER_POLICY,	 "under another version") \
	X(OTHER_DEFINITION, "for another definition") \
	X(OTHER_ASKER,	 "for another one who asks") \
	X(OTHER_NAME,	 "in another's name") \
	X(OTHER_KEY,	 "with another's key") \
	X(UNSIGNED,	 "that is not signed") \
	X(EARLY,	 "of tomorrow") \
	X(LATE,		 "of yesterday")

enum kr_petition_form {
#define X(name, says) FORM_##name,
	KR_PETITION_FORMS(X)
#undef X
	KR_PETITION_FORMS_N
};

/* Bytes alone: it is its own key. */
struct kr_petition {
	uint8_t tick, version, definition;	/* now; version 0, 1 */
	uint8_t no_key, no_role;		/* 1 << who lost it, or them */
	/* the request, if there is one */
	uint8_t there, question, state, by, at_version, at_definition;
	uint8_t expires, needed;
	uint8_t n_begun;			/* migrations by it */
	struct kr_petition_word {
		uint8_t said;			/* 0: nothing; SAID_ */
		uint8_t form, until;
	} word[KR_PETITIONERS];
};

enum { SAID_NOTHING, SAID_YES, SAID_NO };

enum kr_petition_kind {
	DO_TICK, DO_SWEEP,	/* the world's; what is due has expired */
	DO_RELOAD, DO_REDEFINE,
	DO_LOSE_KEY, DO_LOSE_ROLE,
	DO_ASK, DO_SAY, DO_BEGIN, DO_WITHDRAW, DO_CLOSE,
};

struct kr_petition_act {
	enum kr_petition_kind kind;
	enum kr_petitioner    by;
	enum kr_petition_form form;	/* say */
	bool yes, for_long;		/* say */
	bool other_to, other_vm;	/* begin: not what was asked for */
};

/* X(name, what is not looked at any more) of what is no row of assent.h */
#define KR_PETITION_BREAKS(X) \
	X(REQUEST,	"the request in a word") \
	X(VM,		"its VM") \
	X(TO,		"its destination") \
	X(POLICY,	"its policy's version") \
	X(DEFINITION,	"its VM's definition") \
	X(ASKER,	"who asked, in it") \
	X(NAME,		"its approver's name") \
	X(KEY,		"its approver's key") \
	X(ISSUED,	"the time that it begins at") \
	X(EXPIRES,	"the time that it ends at") \
	X(EXECUTES,	"who certified the triple, of who asks") \
	X(CERTIFIES,	"the same, of who approves") \
	X(HIMSELF,	"who asks, of who approves") \
	X(DESTINATION,	"the triple's destinations") \
	X(APPROVERS,	"the triple's approvers") \
	X(VERDICT,	"the policy's answer, when it is begun") \
	X(APPROVE,	"who may say anything")

enum kr_petition_break {
#define X(name, what) BREAK_##name,
	KR_PETITION_BREAKS(X)
#undef X
	KR_PETITION_BREAKS_N
};

struct kr_petition_law {
	struct kr_book *book[KR_PETITION_VERSIONS];
	struct kr_assent_rule rules[KR_ASSENT_ACT_N];
	unsigned int broken;		/* 1 << enum kr_petition_break */
	/* approve: by each version, with and without his role */
	bool may[KR_PETITION_VERSIONS][2][KR_PETITIONERS];
};

/** kr_petition_law_init() - The shipped rules; two policies. < 0: cannot. */
int kr_petition_law_init(struct kr_petition_law *l, struct kr_err *e);
void kr_petition_law_fini(struct kr_petition_law *l);

/** kr_petition_acts() - All there are, the same in each state. */
const struct kr_petition_act *kr_petition_acts(unsigned int *ret_n);

/**
 * kr_petition_do() - Do @act, if the law lets it be done
 * @io: as it was if it does not
 */
bool kr_petition_do(const struct kr_petition_law *l, struct kr_petition *io,
		    const struct kr_petition_act *act);

/**
 * kr_petition_violated() - What must not be, of a step that was done
 *
 * Says of itself what is right, and asks nothing of what decides. NULL: nothing
 */
const char *kr_petition_violated(const struct kr_petition *from,
				 const struct kr_petition_act *act,
				 const struct kr_petition *to);

const char *kr_petitioner_name(enum kr_petitioner p);
const char *kr_petition_form_text(enum kr_petition_form f);

#endif
