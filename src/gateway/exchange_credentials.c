#include "exchange_credentials.h"

#include "aws/flow.h"
#include "base/date.h"
#include "clientside.h"
#include "worker_private.h"

/* ---- before the call ----------------------------------------------------------------------- */

static bool is_mocked(const struct exchange *ex)
{
    const struct llm_request *preset = ex->deployment->preset;
    return ex->request.mock_response || ex->request.mock_timeout > 0 ||
           (preset && (preset->mock_response || preset->mock_timeout > 0));
}

static void take(struct exchange *ex, const struct aws_credentials *c)
{
    ex->credentials = (struct aws_credentials){arena_dup(&ex->arena, c->access_key_id),
                                               arena_dup(&ex->arena, c->secret_access_key),
                                               arena_dup(&ex->arena, c->session_token)};
}

/* Nobody has credentials: 401, as LiteLLM answers. Somebody should have, but does not get them: it
 * is the gateway's trouble, and may pass. */
static void fail(struct exchange *ex, const char *error, bool transient)
{
    const struct deployment *d = ex->deployment;
    bool none = d->identity->kind == AWS_NOBODY || d->identity->kind == AWS_INSTANCE;
    const char *tried = d->identity->kind == AWS_NOBODY ? "" : d->identity->tried;
    failure_set(&ex->failure, &ex->arena, FAILURE_AUTHENTICATION, none ? 401 : 500,
                "no AWS credentials for model '%s': %s%s%s", d->model_name, tried,
                *tried ? "; " : "", error);
    ex->failure.retryable = transient;
}

static void leave(struct exchange *ex)
{
    credentials_leave(&ex->credentials_wait);
    ex->deadline = 0;
    ex->facts &= ~(unsigned)FACT_TIMER;
}

static bool ask(struct exchange *ex)
{
    const struct aws_identity *id = ex->deployment->identity;
    struct credentials_answer answer =
        credentials_get(ex->worker->credentials, id, &ex->credentials_wait, &ex->item);
    if (answer.state == CREDENTIALS_READY)
        take(ex, &answer.credentials);
    if (answer.state == CREDENTIALS_NONE)
        fail(ex, answer.error, answer.transient);
    return answer.state != CREDENTIALS_COMING;
}

static unsigned patience(const struct exchange *ex)
{
    unsigned ms = config_milliseconds(exchange_timeout(ex));
    return ms && ms < CREDENTIALS_WAIT_MS ? ms : CREDENTIALS_WAIT_MS;
}

bool exchange_credentials(struct exchange *ex)
{
    const struct deployment *d = ex->deployment;
    ex->credentials = d->credentials;
    if (ex->clientside && (!clientside_apply(ex) || clientside_signs(ex)))
        return true;
    if (d->api_key.n || d->credentials.access_key_id.n || is_mocked(ex))
        return true;
    if (!ex->entered)
        ex->deadline = turn_now(&ex->worker->turn) + patience(ex);
    if (!ask(ex)) {
        if (!(ex->facts & FACT_TIMER))
            return false;
        fail(ex, "they take too long to come", true);
    }
    leave(ex);
    return true;
}

void exchange_credentials_cancel(struct exchange *ex)
{
    credentials_leave(&ex->credentials_wait);
}

/* ---- after a refusal ----------------------------------------------------------------------- */

/* "Name", or "Name:http://…" as some services say it. */
static enum exchange_refusal refusal_of(struct slice type)
{
    static const struct {
        const char *name;
        enum exchange_refusal refusal;
    } rows[] = {{"InvalidSignatureException", REFUSED_CLOCK},
                {"SignatureDoesNotMatch", REFUSED_CLOCK},
                {"RequestExpired", REFUSED_CLOCK},
                {"RequestTimeTooSkewed", REFUSED_CLOCK},
                {"RequestInTheFuture", REFUSED_CLOCK},
                {"ExpiredToken", REFUSED_TOKEN},
                {"ExpiredTokenException", REFUSED_TOKEN},
                {"InvalidClientTokenId", REFUSED_TOKEN},
                {"UnrecognizedClientException", REFUSED_TOKEN}};
    struct slice name = slice_trim(slice_split(&type, ':'));
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (slice_eq(name, slice_of(rows[i].name)))
            return rows[i].refusal;
    return REFUSED_OTHERWISE;
}

void exchange_note_refusal(struct exchange *ex, int status, struct http_headers headers)
{
    ex->refusal = REFUSED_OTHERWISE;
    ex->refused_date = 0;
    if (status != 403 && status != 400 && status != 401)
        return;
    ex->refusal = refusal_of(http_header_get(headers, "x-amzn-errortype"));
    date_parse_http(http_header_get(headers, "date"), &ex->refused_date);
}

static bool set_clock(struct exchange *ex)
{
    struct credentials *c = ex->worker->credentials;
    int64_t off = ex->refused_date - credentials_now(c);
    if (!ex->refused_date || (off < AWS_CLOCK_OFF_S && off > -AWS_CLOCK_OFF_S))
        return false;
    credentials_set_now(c, ex->refused_date);
    return true;
}

bool exchange_sign_again(struct exchange *ex)
{
    bool again = false;
    if (ex->signed_again || !ex->deployment || !ex->deployment->identity || ex->clientside)
        return false;
    if (ex->refusal == REFUSED_CLOCK)
        again = set_clock(ex);
    if (ex->refusal == REFUSED_TOKEN)
        again = credentials_refuse(ex->worker->credentials, ex->deployment->identity,
                                   ex->credentials.access_key_id);
    ex->signed_again = again;
    return again;
}
