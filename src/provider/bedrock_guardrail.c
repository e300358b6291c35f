#include "provider/guardrail.h"

#include "bedrock.h"
#include "wire/crypto.h"

#define PATH_MAX_BYTES 8192

static void write_question(const struct guardrail_question *q, struct buf *out)
{
    struct json_writer w;
    json_begin(&w, out);
    json_object(&w);
    json_member_string(&w, "source", q->answer ? SLICE("OUTPUT") : SLICE("INPUT"));
    json_key(&w, "content");
    json_array(&w);
    for (size_t i = 0; i < q->count; i++) {
        json_object(&w);
        json_key(&w, "text");
        json_object(&w);
        json_member_string(&w, "text", q->texts[i]);
        json_object_end(&w);
        json_object_end(&w);
    }
    json_array_end(&w);
    json_object_end(&w);
}

static struct slice path_of(const struct guardrail_question *q, struct arena *a)
{
    struct buf b;
    buf_init(&b, PATH_MAX_BYTES);
    BUF_LITERAL(&b, "/guardrail/");
    percent_encode(slice_of(q->identifier), &b);
    BUF_LITERAL(&b, "/version/");
    percent_encode(slice_of(q->version), &b);
    BUF_LITERAL(&b, "/apply");
    struct slice path = arena_dup(a, buf_slice(&b));
    buf_fini(&b);
    return path;
}

bool guardrail_build(const struct provider_attempt *t, const struct guardrail_question *q,
                     struct http_call *call, struct failure *f)
{
    struct provider_attempt asked = *t;
    struct llm_request none;
    llm_request_init(&none);
    asked.request = &none;
    asked.model_id = slice_of(q->identifier);
    buf_reset(t->body);
    write_question(q, t->body);
    return bedrock_sign_path(&asked, path_of(q, t->arena), call, f);
}

/* Each policy has lists of what it found, each with an action: some deeper than others. */
static bool blocks(yyjson_val *v)
{
    size_t i, n;
    yyjson_val *key, *item;
    if (yyjson_is_arr(v)) {
        yyjson_arr_foreach(v, i, n, item) if (blocks(item)) return true;
    } else if (yyjson_is_obj(v)) {
        yyjson_obj_foreach(v, i, n, key, item)
        {
            if (slice_eq(json_slice(key), SLICE("action")) &&
                slice_eq(json_slice(item), SLICE("BLOCKED")))
                return true;
            if (blocks(item))
                return true;
        }
    }
    return false;
}

static void read_outputs(yyjson_val *list, struct arena *a, struct guardrail_verdict *v)
{
    size_t i, n;
    yyjson_val *item;
    struct slice *texts = arena_alloc(a, (yyjson_arr_size(list) + 1) * sizeof(*texts));
    yyjson_arr_foreach(list, i, n, item) texts[v->count++] = json_get_slice(item, "text");
    v->outputs = texts;
}

bool guardrail_read(int status, struct slice body, struct arena *a, struct guardrail_verdict *v,
                    struct failure *f)
{
    yyjson_val *answer = json_parse(body, a, NULL);
    struct slice action = json_get_slice(answer, "action"),
                 message = json_get_slice(answer, "message");
    *v = (struct guardrail_verdict){0};
    if (status != 200)
        return failure_set(f, a, FAILURE_UNAVAILABLE, 503, "Bedrock answered %d: %.*s", status,
                           SLICE_ARG(message));
    v->intervened = slice_eq(action, SLICE("GUARDRAIL_INTERVENED"));
    if (!v->intervened && !slice_eq(action, SLICE("NONE")))
        return failure_set(f, a, FAILURE_BAD_GATEWAY, 502, "Bedrock's answer has no action");
    v->blocked = blocks(json_get(answer, "assessments"));
    read_outputs(json_get(answer, "outputs"), a, v);
    return true;
}
