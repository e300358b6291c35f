#ifndef BASE_DATE_H
#define BASE_DATE_H

/* Dates as text ⇄ ms since 1970 (UTC, years 1970 to 9999). Pure. False: not such a text, and
 * nothing is written. */

#include "base/slice.h"

/* ISO 8601: "2026-11-21", "2026-11-21T06:07:22Z", a space for the T, a fraction (finer than ms is
 * cut), an offset ("+02:00"); no zone is UTC, and so is "UTC" behind the time, as AWS writes. */
bool date_parse(struct slice text, int64_t *unix_ms);
bool date_parse_seconds(struct slice text, int64_t *seconds); /* the same, fraction cut */

/* The Date header of an answer (RFC 9110, 5.6.7): "Sat, 21 Nov 2026 06:07:22 GMT". In seconds. */
bool date_parse_http(struct slice text, int64_t *seconds);

#define DATE_SIZE 28 /* "2026-11-21T06:11:48.123000Z" and the NUL */
void date_format(int64_t unix_ms, char out[DATE_SIZE]);
void date_format_sql(int64_t unix_ms, char out[DATE_SIZE]); /* "2026-11-21 06:11:48.123" */

#endif
