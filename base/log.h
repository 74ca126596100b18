/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log.h - one line per event on standard error, for journald or a file.
 * Only main files and role files log; rooms return errors.
 */
#ifndef KR_BASE_LOG_H
#define KR_BASE_LOG_H

#include "base/err.h"

enum kr_log { KR_LOG_ERROR, KR_LOG_WARN, KR_LOG_INFO, KR_LOG_DEBUG };

/** kr_log_init() - Name this process; KORORA_DEBUG=1 shows debug lines. */
void kr_log_init(const char *process);

/** kr_log() - One line; control characters are replaced by '?'. */
void kr_log(enum kr_log level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/** kr_log_err() - One line for an error: `context: KR-nnnn what`. */
void kr_log_err(enum kr_log level, const char *context,
		const struct kr_err *e);

#endif
