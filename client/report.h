/* SPDX-License-Identifier: Apache-2.0 */
/*
 * report.h - the evaluation of one migration: target, criteria, yardstick,
 * data gathered, synthesis. Pure: from what was gathered to the report that
 * korora prints and korora-report(5) describes.
 */
#ifndef KR_CLIENT_REPORT_H
#define KR_CLIENT_REPORT_H

#include <jansson.h>

#define KR_REPORT_VERSION	1	/* of its keys */

/* In JSON by kr_report_verdict(), under synthesis.verdict. */
enum kr_verdict {
	KR_VERDICT_OBTAINED,	/* it moved, with all that was asked for */
	KR_VERDICT_PARTLY,	/* it moved, and something is missing */
	KR_VERDICT_UNDONE,	/* it did not move */
	KR_VERDICT_LOST,	/* it moved and never got its memory */
	KR_VERDICT_UNDER_WAY,	/* it is not over */
	KR_VERDICT_UNRELIABLE,	/* the evidence is not what was signed */
	KR_VERDICT_N
};

/**
 * kr_report_new() - Judge all criteria
 * @file: of kr_reportdata_new(), borrowed
 *
 * Return: the report, for json_decref().
 */
json_t *kr_report_new(const json_t *file);

/** kr_report_verdict() - What a report came to. */
enum kr_verdict kr_report_verdict(const json_t *report);

#endif
