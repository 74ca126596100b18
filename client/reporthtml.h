/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reporthtml.h - a report as one page of HTML that needs nothing else: no
 * script, no picture, no font, no other file. For a screen and for paper.
 */
#ifndef KR_CLIENT_REPORTHTML_H
#define KR_CLIENT_REPORTHTML_H

#include <jansson.h>

/**
 * kr_reporthtml_new() - The page
 * @report: of kr_report_new()
 *
 * Names, users and messages in it may be an attacker's: all text is escaped,
 * and characters that a reader cannot see, or that turn others around, are
 * shown as U+FFFD.
 *
 * Return: for free(); NULL if memory is out.
 */
char *kr_reporthtml_new(const json_t *report);

#endif
