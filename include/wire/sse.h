#ifndef WIRE_SSE_H
#define WIRE_SSE_H

/* Server-Sent Events, writing side (WHATWG HTML, "event stream interpretation").
 * `data` never contains a line feed here: payloads are one-line JSON. */

#include "base/buf.h"

void sse_begin(struct buf *out); /* "data: " — the payload follows */
void sse_end(struct buf *out);   /* the blank line that dispatches the event */
void sse_data(struct buf *out, struct slice data);
void sse_comment(struct buf *out, struct slice text); /* keeps proxies awake; clients skip it */

#endif
