#ifndef SIM_VALIDATE_H
#define SIM_VALIDATE_H

/* Everything that is held against the body of a call before it is answered. Pure. */

#include "body.h"
#include "fault.h"

/* Converse and ConverseStream. False: `f` is what the service answers. */
bool validate_converse(yyjson_val *body, const struct model *model, struct arena *a,
                       struct fault *f);

/* InvokeModel of Claude. True: `*converse` is the same request as a Converse body. Sets `f->bare`.
 */
bool validate_claude(yyjson_val *body, const struct model *model, struct arena *a, struct fault *f,
                     yyjson_val **converse);

bool validate_count_tokens(yyjson_val *body, struct arena *a, struct fault *f);

#endif
