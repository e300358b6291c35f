/* Happy path: the body is written again, text by text, into the arena.
 *
 * Failure modes: what is longer than STORED_MAX all the same is left out. */

#include "exchange_stored.h"

#include "body_members.h"
#include "call_kind.h"
#include "shortened.h"
#include "worker_private.h"

#define STORED_MAX (1024 * 1024) /* bytes of a body, or an answer */
#define REDACTED   SLICE("redacted-by-litellm")

bool exchange_stored_wanted(const struct exchange *ex)
{
    const struct settings *s = &ex->config->settings;
    return s->store_prompts && ex->worker->store && !s->disable_spend_logs &&
           call_kind_of(ex->route);
}

struct writing {
    struct json_writer w;
    size_t text_max;
    bool redact;
};

static void write_value(struct writing *to, yyjson_val *v, bool content);

static void write_members(struct writing *to, yyjson_val *object, bool content)
{
    size_t i, n;
    yyjson_val *key, *value;
    json_object(&to->w);
    yyjson_obj_foreach(object, i, n, key, value)
    {
        struct slice name = json_slice(key);
        json_key_slice(&to->w, name);
        if (!content && ((yyjson_is_str(value) && body_is_secret(name)) ||
                         (to->redact && body_is_content(name))))
            json_string(&to->w, REDACTED);
        else
            write_value(to, value, content || body_is_content(name));
    }
    json_object_end(&to->w);
}

static void write_value(struct writing *to, yyjson_val *v, bool content)
{
    size_t i, n;
    yyjson_val *element;
    if (yyjson_is_str(v)) {
        shortened_text(&to->w, json_slice(v), to->text_max);
    } else if (yyjson_is_obj(v)) {
        write_members(to, v, content);
    } else if (yyjson_is_arr(v)) {
        json_array(&to->w);
        yyjson_arr_foreach(v, i, n, element) write_value(to, element, content);
        json_array_end(&to->w);
    } else {
        json_value(&to->w, v);
    }
}

static struct slice stored(struct exchange *ex, struct buf *b)
{
    struct slice text = b->overflow ? slice_make(NULL, 0) : arena_dup(&ex->arena, buf_slice(b));
    buf_fini(b);
    return text;
}

void exchange_stored_body(struct exchange *ex, yyjson_val *body)
{
    struct writing to = {.text_max = (size_t)ex->config->settings.stored_text_max};
    struct buf b;
    if (!exchange_stored_wanted(ex) || !yyjson_is_obj(body))
        return;
    audience_choose(ex, body);
    to.redact = ex->audience.redact;
    buf_init(&b, STORED_MAX);
    json_begin(&to.w, &b);
    write_value(&to, body, false);
    ex->stored_request = stored(ex, &b);
}

static void write_usage(struct json_writer *w, const struct llm_usage *u)
{
    json_key(w, "usage");
    json_object(w);
    json_member_integer(w, "prompt_tokens", llm_usage_prompt(u));
    json_member_integer(w, "completion_tokens", u->output);
    json_member_integer(w, "total_tokens", llm_usage_prompt(u) + u->output);
    json_object_end(w);
}

struct slice exchange_stored_answer(struct exchange *ex, struct slice message)
{
    struct writing to = {.text_max = (size_t)ex->config->settings.stored_text_max};
    yyjson_val *said = message.n ? json_parse(message, &ex->arena, NULL) : NULL;
    struct buf b;
    if (!said)
        return slice_make(NULL, 0);
    buf_init(&b, STORED_MAX);
    json_begin(&to.w, &b);
    json_object(&to.w);
    json_member_string(&to.w, "id", ex->answer.id);
    json_member_string(&to.w, "object", SLICE("chat.completion"));
    json_member_string(&to.w, "model", ex->model_group);
    json_key(&to.w, "choices");
    json_array(&to.w);
    json_object(&to.w);
    json_member_integer(&to.w, "index", 0);
    json_key(&to.w, "message");
    write_value(&to, said, true);
    json_object_end(&to.w);
    json_array_end(&to.w);
    write_usage(&to.w, &ex->usage);
    json_object_end(&to.w);
    return stored(ex, &b);
}
