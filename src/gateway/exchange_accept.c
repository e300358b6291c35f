#include "exchange_accept.h"

#include "provider/schema_check.h"
#include "worker_private.h"

static bool is_checked(const struct exchange *ex)
{
    const struct llm_request *r = &ex->effective;
    if (r->format.kind != LLM_FORMAT_SCHEMA || r->native)
        return false;
    if (r->format.enforced || r->checks_schema != LLM_FLAG_UNSET)
        return r->format.enforced || r->checks_schema == LLM_FLAG_TRUE;
    return ex->config->settings.checks_schemas;
}

/* Not the deployment's fault, and not worth another call by itself: it counts as the model's. */
static bool refuse(struct exchange *ex, struct slice why)
{
    failure_set(&ex->failure, &ex->arena, FAILURE_MODEL, 502,
                "JSONSchemaValidationError: the answer does not fit the schema of "
                "response_format: %.*s",
                SLICE_ARG(why));
    ex->failure.type = "api_error";
    return false;
}

/* An answer without a text calls tools. */
static bool fits_schema(struct exchange *ex)
{
    struct slice text = llm_response_text(&ex->fold.response, &ex->arena), why;
    if (!text.n)
        return true;
    yyjson_val *v = json_parse(text, &ex->arena, NULL);
    if (!v)
        return refuse(ex, SLICE("$: is no JSON"));
    return schema_check(ex->effective.format.schema, v, &ex->arena, &why) || refuse(ex, why);
}

bool exchange_accepts(struct exchange *ex)
{
    const struct dialect *dialect = ex->route->dialect;
    if (dialect->accept && !dialect->accept(&ex->fold.response, &ex->arena, &ex->failure))
        return false;
    return !is_checked(ex) || fits_schema(ex);
}
