#ifndef GATEWAY_DETAIL_H
#define GATEWAY_DETAIL_H

/* Failures in FastAPI's shape, {"detail": …}, where LiteLLM's clients know them so. Each sets the
 * exchange's failure; texts must live as long as the exchange. */

#include "exchange.h"

/* {"detail": "text"} */
void detail_refuse(struct exchange *ex, int status, struct slice text);

/* {"detail": {"error": "text"}} */
void detail_refuse_error(struct exchange *ex, int status, struct slice text);

/* {"detail": {"message": "text"}} */
void detail_refuse_message(struct exchange *ex, int status, struct slice text);

/* 422: a member of "body" is not what it must be, in words of LiteLLM's validator: "type_error" and
 * its like. */
void detail_refuse_value(struct exchange *ex, const char *name, const char *type,
                         const char *message);

/* 422: a member of "query" or "body" is missing, or (`name` empty) the whole of it is wrong. */
void detail_refuse_input(struct exchange *ex, const char *where, const char *name,
                         const char *message);

#endif
