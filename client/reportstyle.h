/* SPDX-License-Identifier: Apache-2.0 */
/* reportstyle.h - how a report's page looks, on a screen and on paper. */
#ifndef KR_CLIENT_REPORTSTYLE_H
#define KR_CLIENT_REPORTSTYLE_H

/** The style sheet, for one <style> element. */
extern const char kr_reportstyle[];

#endif
