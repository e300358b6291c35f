/* What all flows have in common: their beginning, their end, and the call in between. */

#include "flow_private.h"

#include "base/date.h"
#include "base/text.h"

#define ERROR_MAX 1024 /* bytes */

static void step(struct aws_flow *f, const struct aws_result *r)
{
    switch (f->identity->kind) {
    case AWS_ROLE: flow_role(f, r); break;
    case AWS_WEB_IDENTITY: flow_web_identity(f, r); break;
    case AWS_SSO: flow_sso(f, r); break;
    case AWS_PROCESS: flow_process(f, r); break;
    case AWS_CONTAINER: flow_container(f, r); break;
    case AWS_INSTANCE: flow_instance(f, r); break;
    case AWS_NOBODY:
    case AWS_KEYS: break;
    }
}

void aws_flow_begin(struct aws_flow *f, const struct aws_identity *id, int64_t now, struct arena *a)
{
    *f = (struct aws_flow){.identity = id, .arena = a, .now = now};
    step(f, NULL);
}

void aws_flow_take(struct aws_flow *f, const struct aws_result *result)
{
    f->want = AWS_WANT_NOTHING;
    step(f, result);
}

void flow_fail_text(struct aws_flow *f, bool transient, struct slice error)
{
    char *text = arena_strdup(f->arena, error);
    size_t n = error.n < ERROR_MAX ? error.n : ERROR_MAX;
    text_clean(text, n);
    f->want = AWS_WANT_NOTHING;
    f->failed = true;
    f->transient = transient;
    f->error = slice_make(text, n);
}

void flow_found(struct aws_flow *f, struct aws_credentials found, int64_t expires)
{
    if (!found.access_key_id.n || !found.secret_access_key.n ||
        !http_is_visible(found.access_key_id) || !http_is_visible(found.secret_access_key) ||
        !http_is_visible(found.session_token)) {
        flow_fail(f, false, "%s: the answer holds no credentials", f->doing);
        return;
    }
    f->found = (struct aws_credentials){arena_dup(f->arena, found.access_key_id),
                                        arena_dup(f->arena, found.secret_access_key),
                                        arena_dup(f->arena, found.session_token)};
    f->expires = expires;
}

void flow_want_file(struct aws_flow *f, struct slice path)
{
    f->want = AWS_WANT_FILE;
    f->path = arena_strdup(f->arena, path);
}

void flow_want_call(struct aws_flow *f, const char *method, const char *url,
                    struct http_headers headers, struct slice body)
{
    f->want = AWS_WANT_CALL;
    f->timeout_ms = AWS_CALL_MS;
    f->tries = 1;
    f->call = (struct http_call){.method = method, .url = url, .headers = headers, .body = body};
}

bool flow_retry(struct aws_flow *f, const struct aws_result *r, unsigned most)
{
    if ((r->ok && r->status < 500) || f->tries >= most)
        return false;
    f->tries++;
    f->want = AWS_WANT_CALL;
    return true;
}

bool flow_broken(struct aws_flow *f, const struct aws_result *r)
{
    if (!r->ok)
        flow_fail(f, true, "%s: %s", f->doing, r->error);
    return !r->ok;
}

struct slice flow_member(struct aws_flow *f, yyjson_val *v, const char *key)
{
    return arena_dup(f->arena, json_get_slice(v, key));
}

void flow_found_json(struct aws_flow *f, yyjson_val *v, const char *token_key)
{
    struct aws_credentials c = {json_get_slice(v, "AccessKeyId"),
                                json_get_slice(v, "SecretAccessKey"), json_get_slice(v, token_key)};
    struct slice until = json_get_slice(v, "Expiration");
    int64_t expires = 0;
    if (until.n && !date_parse_seconds(until, &expires))
        flow_fail(f, false, "%s: its Expiration is no time", f->doing);
    else
        flow_found(f, c, expires);
}
