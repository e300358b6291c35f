#ifndef AWS_TIME_H
#define AWS_TIME_H

/* Times as AWS writes them, in seconds since 1970 (UTC). Pure. False: not such a text. */

#include "base/slice.h"

/* ISO 8601: "2026-11-21T06:07:22Z", with a fraction (dropped) or an offset ("+02:00") if need be;
 * "UTC" behind it is the same as "Z". */
bool aws_time_parse(struct slice text, int64_t *seconds);

/* The Date header of an answer (RFC 9110, 5.6.7): "Sat, 21 Nov 2026 06:07:22 GMT". */
bool http_date_parse(struct slice text, int64_t *seconds);

#endif
