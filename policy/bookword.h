/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bookword.h - what a single word of a policy file may look like, by what it
 * stands for; korora-policy(5).
 */
#ifndef KR_POLICY_BOOKWORD_H
#define KR_POLICY_BOOKWORD_H

enum kr_bookword {
	KR_BOOKWORD_SUITE,	/* a cipher suite, of those there are */
	KR_BOOKWORD_WHO,	/* a name, role:NAME, host:NAME, or * */
	KR_BOOKWORD_ITEM,	/* KIND:NAME, or * */
	KR_BOOKWORD_PROCEDURE,	/* that it is one is rule E1's to say */
	KR_BOOKWORD_HOST,
	KR_BOOKWORD_CATEGORY,
	KR_BOOKWORD_NAME,	/* one, and no pattern */
	KR_BOOKWORD_N
};

/*
 * Why @word is none of @kind, as the end of a sentence that begins with it;
 * NULL if it is. The text is the callee's, good until the next call.
 */
const char *kr_bookword_wrong(enum kr_bookword kind, const char *word);

#endif
