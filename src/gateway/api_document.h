#ifndef GATEWAY_API_DOCUMENT_H
#define GATEWAY_API_DOCUMENT_H

/* The OpenAPI 3.1 document of all routes: what routes.c says (method, path, who may) and what
 * api_text.h says of each (summary, parameters, body). Pure. */

#include "base/buf.h"

void api_document_write(struct buf *out);

#endif
