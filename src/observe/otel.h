#ifndef OBSERVE_OTEL_H
#define OBSERVE_OTEL_H

/* Traces over OTLP, for every destination that takes them: where they go and what is added to the
 * GenAI conventions is data (sink_otel.c, sink_weave.c, sink_traceloop.c). */

#include "memo.h"
#include "otlp.h"
#include "sinks.h"

enum sampler { SAMPLE_ALL, SAMPLE_NONE, SAMPLE_RATIO };

struct otel {
    struct arena arena;
    const char *url;
    struct slice headers;                /* as sink_call_headers takes them; may be empty */
    struct slice authorization, project; /* headers; may be empty */
    struct slice service, environment;   /* of the resource */
    enum sampler sampler;
    bool follows_parent;
    uint64_t ratio;    /* traces whose id ends below are kept */
    bool json;         /* instead of protobuf */
    bool bodies;       /* with prompts and answers */
    bool attempts;     /* a span for each call of a model besides the request's */
    struct memo spans; /* their names and first attributes */
    /* Attributes of the request's span besides; NULL: none. */
    void (*more)(struct otlp *o, const struct record *r, struct arena *a);
};

/* Resource and sampler as the environment says; NULL: setup->error says why not. */
struct otel *otel_new(struct sink_setup *s);
size_t otel_missed(void *self, struct slice answer, struct arena *a, struct slice *why);
bool otel_write(void *self, struct parcel *const *parcels, size_t n, struct sink_call *call);

#endif
