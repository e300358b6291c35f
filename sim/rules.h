#ifndef SIM_RULES_H
#define SIM_RULES_H

/* What Bedrock and the models behind it refuse although the schema allows it. Each function holds
 * one theme against a body that has passed the schema; false: the fault says what is wrong. The
 * texts are the service's own where they are known (docs/simulator.md lists the sources). */

#include "body.h"
#include "fault.h"

struct check {
    yyjson_val *body;
    const struct model *model;
    struct arena *arena;
    struct fault *fault;
    bool native; /* asked in the model's own words (InvokeModel), which is what it is told in */
};

bool rules_conversation(const struct check *c); /* roles, order, empty and blank content */
bool rules_tool_config(const struct check *c);  /* names, schemas, choice */
bool rules_tool_turns(const struct check *c);   /* uses and results match */
bool rules_cache_points(const struct check *c);
bool rules_media(const struct check *c);     /* images and documents */
bool rules_inference(const struct check *c); /* limits of the model, sampling */
bool rules_thinking(const struct check *c);
bool rules_fields(const struct check *c);  /* additionalModelRequestFields, effort */
bool rules_output(const struct check *c);  /* JSON schemas for answer and tools, citations */
bool rules_prefill(const struct check *c); /* a final assistant message */

/* Cache points one by one, in the order tools, system, messages; then their number. `place`: of
 * the block that carries it. */
struct cache_points {
    unsigned count;
    bool short_seen; /* a point of five minutes came before */
};
bool rules_cache_point(const struct check *c, struct slice ttl, const char *place,
                       struct cache_points *points);
bool rules_cache_count(const struct check *c, const struct cache_points *points);

/* What an image in base64 is: "png", "jpeg", "gif", "webp"; NULL: none of these. `known` false:
 * the text is no base64. */
const char *rules_image_type(struct slice base64, struct arena *a, bool *known);

#endif
