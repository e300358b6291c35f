#ifndef OBSERVE_GENAI_H
#define OBSERVE_GENAI_H

/* A request in the attributes of OpenTelemetry's GenAI conventions (semconv 1.38,
 * opentelemetry.io/docs/specs/semconv/gen-ai), for every sink that speaks OTLP. */

#include "memo.h"
#include "otlp.h"

/* `endpoint` with the path of traces, unless it has one; in the arena. */
const char *genai_url(struct arena *a, struct slice endpoint);

struct slice genai_operation(const struct record *r); /* "chat" */
struct slice genai_name(struct arena *a, const struct record *r,
                        struct slice model); /* of a span */

/* Which call of which model it is: the beginning of every span. */
void genai_call(struct otlp *o, const struct record *r, struct slice model);
/* What many requests have in common, made of record_common and of what genai_more tells: status,
 * stream, cache_hit and failed, in 35 bits … */
void genai_common(struct otlp *o, const struct record *r, struct arena *a);
uint64_t genai_more(const struct record *r);
_Static_assert(RECORD_COMMON <= MEMO_TEXTS_MAX, "a memo takes them");
/* … the rest, but for prompts and answers … */
void genai_own(struct otlp *o, const struct record *r, struct arena *a);
/* … and those, if the record has them. */
void genai_bodies(struct otlp *o, const struct record *r, struct arena *a);

#endif
