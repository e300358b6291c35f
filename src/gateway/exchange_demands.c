/* enforce_user_param, reject_clientside_metadata_tags, enforced_params, missing_session_id: reject,
 * blocked_user_list.
 *
 * Happy path: nobody demands anything, or the body has it all. Failure modes: it lacks something
 * (401 without a user, as in LiteLLM, else 400), or says what it may not (400). */

#include "exchange_demands.h"

#include "exchange_route.h"
#include "worker_private.h"

static bool refuse(struct exchange *ex, const char *param, const char *before, struct slice what,
                   const char *after)
{
    failure_set(&ex->failure, &ex->arena, FAILURE_BAD_REQUEST, 400, "%s%.*s%s", before,
                SLICE_ARG(what), after);
    ex->failure.type = "bad_request_error";
    ex->failure.param = slice_of(param);
    ex->failure.param_shown = true;
    return false;
}

/* The body as the client sent it. Bedrock's own is not read otherwise. */
static yyjson_val *body_of(struct exchange *ex)
{
    if (!ex->parsed && ex->request.native)
        ex->parsed = json_parse(buf_slice(&ex->body), &ex->prompt, NULL);
    return ex->parsed;
}

static bool names_user(struct exchange *ex)
{
    if (ex->caller.end_user.n)
        return true;
    failure_set(&ex->failure, &ex->arena, FAILURE_AUTHENTICATION, 401,
                "Authentication Error, 'user' param not passed in. 'enforce_user_param'=True");
    ex->failure.type = "auth_error";
    ex->failure.param = SLICE("None");
    ex->failure.param_shown = true;
    return false;
}

static bool brings_no_tags(struct exchange *ex)
{
    yyjson_val *body = body_of(ex);
    if (!json_get(ex->request.metadata, "tags") && !json_get(body, "tags") &&
        !json_get(json_get(body, "metadata"), "tags") &&
        !json_get(json_get(body, "litellm_metadata"), "tags") &&
        !http_header_get(ex->head->headers, "x-litellm-tags").p)
        return true;
    return refuse(ex, "metadata.tags", "Client-side 'metadata.tags' not allowed in request. ",
                  SLICE("'reject_clientside_metadata_tags'=True"),
                  ". Tags can only be set via API key metadata.");
}

static bool has_member(struct exchange *ex, struct slice name)
{
    struct slice rest = name, first = slice_split(&rest, '.');
    yyjson_val *outer = first.n ? yyjson_obj_getn(body_of(ex), first.p, first.n) : NULL;
    if (outer && (!rest.n || yyjson_obj_getn(outer, rest.p, rest.n)))
        return true;
    return refuse(ex, arena_strdup(&ex->arena, name), "BadRequest please pass param=", name,
                  " in request body. This is a required param");
}

static bool has_members(struct exchange *ex, const struct slice *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!has_member(ex, names[i]))
            return false;
    return true;
}

static bool has_what_row_wants(struct exchange *ex, enum caller_holder holder)
{
    const struct row *row = ex->caller.holders[holder].row;
    return !row || has_members(ex, row->enforced, row->enforced_count);
}

static bool has_session(struct exchange *ex)
{
    return exchange_session(ex).n > 0 ||
           refuse(ex, "session_id", "No session id: send ", SLICE("x-litellm-session-id"),
                  " or metadata.session_id ('missing_session_id'=reject)");
}

static bool meets_settings(struct exchange *ex, const struct request_demands *d)
{
    const struct row *key = ex->caller.holders[HOLDER_KEY].row;
    if (map_get(&d->blocked, ex->caller.end_user))
        return failure_set(&ex->failure, &ex->arena, FAILURE_BAD_REQUEST, 400,
                           "User blocked from making LLM API Calls. User=%.*s",
                           SLICE_ARG(ex->caller.end_user));
    return (!d->user || names_user(ex)) && (!d->no_tags || brings_no_tags(ex)) &&
           (d->session != SESSION_NEEDED || has_session(ex)) &&
           has_members(ex, d->members.v, d->members.n) &&
           (!key || !key->of_service || has_members(ex, d->of_services.v, d->of_services.n));
}

bool exchange_demands_met(struct exchange *ex)
{
    const struct request_demands *d = &ex->config->access.demands;
    return (!d->any || meets_settings(ex, d)) && has_what_row_wants(ex, HOLDER_KEY) &&
           has_what_row_wants(ex, HOLDER_TEAM);
}
