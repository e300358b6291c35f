#ifndef WIRE_GZIP_H
#define WIRE_GZIP_H

/* gzip (RFC 1952) for whole reply bodies. Streams are never compressed: an event would wait in the
 * compressor for the next one. Pure, no state is kept. */

#include "base/buf.h"

/* Whether an Accept-Encoding header (RFC 9110, 12.5.3) takes gzip. Empty: no. */
bool gzip_accepted(struct slice accept_encoding);

/* Adds `in`, compressed quickly rather than well, to `out`, whose cap leaves room for in.n bytes
 * more. False: it would not become shorter; nothing was added. */
bool gzip_write(struct slice in, struct buf *out);

#endif
