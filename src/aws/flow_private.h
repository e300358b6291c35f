#ifndef AWS_FLOW_PRIVATE_H
#define AWS_FLOW_PRIVATE_H

/* What the flows of the several kinds share. A step gets NULL first, then what it wanted. */

#include "aws/flow.h"
#include "base/json.h"

void flow_role(struct aws_flow *f, const struct aws_result *r);
void flow_web_identity(struct aws_flow *f, const struct aws_result *r);
void flow_sso(struct aws_flow *f, const struct aws_result *r);
void flow_process(struct aws_flow *f, const struct aws_result *r);
void flow_container(struct aws_flow *f, const struct aws_result *r);
void flow_instance(struct aws_flow *f, const struct aws_result *r);

/* The end, with a printf-like text of one line. */
#define flow_fail(f, transient, ...)                                                               \
    flow_fail_text((f), (transient), arena_printf((f)->arena, __VA_ARGS__))
void flow_fail_text(struct aws_flow *f, bool transient, struct slice error);

/* The end. Incomplete credentials are a failure. */
void flow_found(struct aws_flow *f, struct aws_credentials found, int64_t expires);

void flow_want_file(struct aws_flow *f, struct slice path);

/* `headers` and `body` live in the arena. */
void flow_want_call(struct aws_flow *f, const char *method, const char *url,
                    struct http_headers headers, struct slice body);

/* True: the call is wanted once more, of `most` in all; it got no answer, or one of 5xx. */
bool flow_retry(struct aws_flow *f, const struct aws_result *r, unsigned most);

/* The call got no answer: that is the end. True: so it was. */
bool flow_broken(struct aws_flow *f, const struct aws_result *r);

/* A member that is a text; copied into the arena. */
struct slice flow_member(struct aws_flow *f, yyjson_val *v, const char *key);

/* {AccessKeyId, SecretAccessKey, token_key, Expiration}: containers, instances and commands. */
void flow_found_json(struct aws_flow *f, yyjson_val *v, const char *token_key);

#endif
