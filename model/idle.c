/* SPDX-License-Identifier: Apache-2.0 */
/* idle.c - conditions that others imply, and why. */
#include "model/idle.h"

#include <string.h>

#define RIGHTS_END	"rights begin and end with what they are to"
#define ONE_OWNER	"there is one owner, and only hosts become one"
#define SOURCE_OWNS	"up to the release the source is the owner"
#define SOURCE_SPEAKS	"up to the release nobody but the source owns it"
#define HAS_STOPPED	"freeze has stopped it, and nothing is run but at rest"
#define IN_CONTAINER	"who modifies the container is no lower than it"

static const struct kr_idle idle[] = {
	{ "get-read", KR_COND_KNOWN, "get-read:drop:IN_MATRIX", RIGHTS_END },
	{ "get-append", KR_COND_KNOWN, "get-append:drop:IN_MATRIX",
	  RIGHTS_END },
	{ "get-write", KR_COND_KNOWN, "get-write:drop:IN_MATRIX", RIGHTS_END },
	{ "get-execute", KR_COND_KNOWN, "get-execute:drop:IN_MATRIX",
	  RIGHTS_END },
	{ "run", KR_COND_KNOWN, "run:drop:IN_MATRIX run:drop:OWNER",
	  RIGHTS_END },
	{ "run", KR_COND_HOST, "run:drop:IN_MATRIX run:drop:OWNER",
	  ONE_OWNER },
	{ "run", KR_COND_IN_MATRIX, "run:drop:OWNER", ONE_OWNER },
	{ "run", KR_COND_OWNER, "run:drop:IN_MATRIX", ONE_OWNER },
	{ "release", KR_COND_KNOWN, "release:drop:HAS_IT", RIGHTS_END },
	{ "give-execute", KR_COND_NOT_ITSELF, "give-execute:drop:NO_CERTIFIER",
	  "who gives is a certifier, who is given to is none" },
	{ "create", KR_COND_NOT_ABOVE, "create:drop:FITS_PARENT",
	  IN_CONTAINER },
	{ "create-vm", KR_COND_NOT_ABOVE, "create-vm:drop:FITS_PARENT",
	  IN_CONTAINER },
	{ "delete-vm", KR_COND_KNOWN, "delete-vm:drop:OWNER", RIGHTS_END },
	{ "offer", KR_COND_KNOWN, "offer:drop:OWNER", RIGHTS_END },
	{ "transfer", KR_COND_SOURCE_ASKS, "transfer:drop:OWNER",
	  SOURCE_SPEAKS },
	{ "transfer", KR_COND_OWNER, "transfer:drop:SOURCE_ASKS",
	  SOURCE_OWNS },
	{ "freeze", KR_COND_SOURCE_ASKS, "freeze:drop:OWNER", SOURCE_SPEAKS },
	{ "freeze", KR_COND_OWNER, "freeze:drop:SOURCE_ASKS", SOURCE_OWNS },
	{ "release-ownership", KR_COND_SOURCE_ASKS,
	  "release-ownership:drop:OWNER", SOURCE_SPEAKS },
	{ "release-ownership", KR_COND_OWNER,
	  "release-ownership:drop:SOURCE_ASKS", SOURCE_OWNS },
	{ "release-ownership", KR_COND_STOPPED, "run:stages:+FROZEN",
	  HAS_STOPPED },
	{ "own", KR_COND_STOPPED, "run:stages:+RELEASED run:drop:IN_MATRIX "
	  "run:drop:OWNER", HAS_STOPPED },
	{ "undo", KR_COND_SOURCE_ASKS, "undo:drop:OWNER", SOURCE_SPEAKS },
	{ "undo", KR_COND_OWNER, "undo:drop:SOURCE_ASKS", SOURCE_OWNS },
	{ "disown", KR_COND_STOPPED, "run:stages:+FROZEN", HAS_STOPPED },
};

const struct kr_idle *kr_idle_find(const char *rule, enum kr_condition cond)
{
	for (size_t i = 0; i < sizeof(idle) / sizeof(idle[0]); i++)
		if (idle[i].cond == cond && !strcmp(idle[i].rule, rule))
			return &idle[i];
	return NULL;
}
