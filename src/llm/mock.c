#include "llm/mock.h"

#include "llm/estimate.h"

static const struct mock_failure {
    const char *response;
    enum failure_kind kind;
    int status;
    bool retryable;
} failures[] = {
    {"litellm.RateLimitError", FAILURE_RATE_LIMIT, 429, true},
    {"litellm.ContextWindowExceededError", FAILURE_CONTEXT_WINDOW, 400, false},
    {"litellm.InternalServerError", FAILURE_UNAVAILABLE, 500, true},
    {"litellm.ServiceUnavailableError", FAILURE_UNAVAILABLE, 503, true},
    {"litellm.AuthenticationError", FAILURE_AUTHENTICATION, 401, false},
    {"litellm.Timeout", FAILURE_TIMEOUT, 408, true},
};

static void emit(const struct llm_sink *sink, const struct llm_event *e)
{
    sink->event(sink->user, e);
}

static bool fail(struct slice response, struct arena *a, const struct llm_sink *sink)
{
    struct failure f = {0};
    for (size_t i = 0; i < sizeof(failures) / sizeof(*failures); i++) {
        const struct mock_failure *m = &failures[i];
        if (!slice_eq(response, slice_of(m->response)))
            continue;
        failure_set(&f, a, m->kind, m->status, "a mocked failure");
        f.upstream = true;
        f.retryable = m->retryable;
        emit(sink, &(struct llm_event){.kind = EV_FAIL, .failure = &f});
        return true;
    }
    return false;
}

static void say(struct slice text, const struct llm_sink *sink)
{
    while (text.n) {
        ptrdiff_t space = slice_find_char(text, ' ');
        size_t n = space < 0 ? text.n : (size_t)space + 1;
        emit(sink, &(struct llm_event){.kind = EV_TEXT, .text = slice_make(text.p, n)});
        text = slice_skip(text, n);
    }
}

void llm_mock(const struct llm_request *r, struct arena *a, const struct llm_sink *sink)
{
    struct slice text = json_slice(r->mock_response);
    struct llm_usage usage = {.input = llm_estimate_request(r), .estimated = true};
    if (fail(text, a, sink))
        return;
    if (!text.p)
        text = SLICE("This is a mock request");
    usage.output = llm_estimate_text(text);
    emit(sink, &(struct llm_event){.kind = EV_START});
    say(text, sink);
    emit(sink, &(struct llm_event){.kind = EV_BLOCK_STOP});
    emit(sink, &(struct llm_event){.kind = EV_STOP, .stop = LLM_STOP_END_TURN});
    emit(sink, &(struct llm_event){.kind = EV_USAGE, .usage = &usage});
    emit(sink, &(struct llm_event){.kind = EV_END});
}
