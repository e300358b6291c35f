#ifndef OBSERVE_LANGFUSE_H
#define OBSERVE_LANGFUSE_H

/* A request as Langfuse wants it told: a trace and a generation, steered by the client as in
 * LiteLLM: members of `metadata` (trace_id, existing_trace_id, session_id, trace_name,
 * trace_user_id, trace_version, trace_release, trace_metadata, trace_public, generation_id,
 * generation_name, parent_observation_id, version, environment, tags, mask_input, mask_output,
 * update_trace_keys, prompt_name, prompt_version), each also as a header `langfuse_NAME`, which
 * wins. */

#include "base/json.h"
#include "memo.h"
#include "observe/record.h"

/* Said once, for all requests. */
struct langfuse_defaults {
    struct slice environment, release;
    yyjson_val
        *tags; /* langfuse_default_tags: names of facts, told as tags "name:value"; or NULL */
    bool update_traces; /* langfuse_enable_update_trace_keys: clients may change a trace that is */
};

#define LANGFUSE_INPUT 5 /* {"messages":, …, ,"tools":, …, }: long ones are not copied together */

struct langfuse_story {
    const struct record *record;
    const struct langfuse_defaults *defaults;
    struct arena *arena;
    struct buf *scratch;            /* for JSON within JSON */
    struct memo *memo;              /* of spans: attributes, and members of metadata */
    yyjson_val *metadata, *headers; /* of the client; objects, or NULL … */
    bool steered;                   /* one of them is there */
    struct slice trace_id;          /* as the client, or the request, calls it */
    bool trace_given;               /* the client does */
    bool trace_exists;              /* existing_trace_id: only what is asked for changes */
    yyjson_val *update_keys;        /* of such a trace: list of names, or NULL … */
    struct slice update_names;      /* … or with commas between them */
    bool trace_public;              /* everybody may see it */
    struct slice user, session;     /* may be empty */
    struct slice release, version, trace_version, environment; /* may be empty */
    struct slice generation_id, parent;                        /* parent: may be empty */
    bool generation_given;                                     /* the client calls it so */
    struct slice prompt_name, prompt_version;                  /* may be empty */
    struct slice model;
    struct slice input[LANGFUSE_INPUT], output; /* JSON, the first in pieces; may be empty */
};

void langfuse_read(struct langfuse_story *s, const struct record *r,
                   const struct langfuse_defaults *d, struct arena *a, struct buf *scratch);

/* Of a trace that exists only what the client wants changed, by its name in metadata. */
bool langfuse_tells(const struct langfuse_story *s, const char *key);
struct slice langfuse_trace_name(const struct langfuse_story *s); /* may be empty, if it exists */
struct slice langfuse_generation_name(const struct langfuse_story *s);
bool langfuse_tagged(const struct langfuse_story *s); /* there may be tags */

/* Values as JSON, the same for both ways. */
void langfuse_write_tags(struct json_writer *w, const struct langfuse_story *s);
void langfuse_write_parameters(struct json_writer *w, const struct langfuse_story *s);
void langfuse_write_usage(struct json_writer *w, const struct langfuse_story *s);
void langfuse_write_cost(struct json_writer *w, const struct langfuse_story *s);
void langfuse_write_trace_metadata(struct json_writer *w, const struct langfuse_story *s);
void langfuse_write_metadata(struct json_writer *w, const struct langfuse_story *s);
/* The same in parts: what the client says; what is made of record_common and what genai_more tells;
 * the rest. */
void langfuse_write_said(struct json_writer *w, const struct langfuse_story *s);
void langfuse_write_common(struct json_writer *w, const struct record *r);
void langfuse_write_own(struct json_writer *w, const struct record *r);
struct slice langfuse_time(struct arena *a, int64_t unix_ms); /* ISO 8601 */

struct otlp;

/* The two ways. */
void langfuse_ingest(struct json_writer *w, const struct langfuse_story *s); /* events of a batch */
void langfuse_span(struct otlp *o, const struct langfuse_story *s);          /* a span of OTLP */

#endif
