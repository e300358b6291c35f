/* Parameters beside the conversation: which of them Bedrock has nothing for, which belong to
 * Converse, which to the model itself.
 *
 * The happy path: a member nobody interpreted goes to the model unchanged, as LiteLLM does.
 * Failure modes: OpenAI's parameters without a counterpart are refused by name, unless they ask for
 * nothing, or are to be dropped (drop_params) or passed on all the same (allowed_openai_params).
 * Beta flags that nobody knows are left out, since Bedrock refuses the whole request for one. */

#include "plan_private.h"

#include "base/map.h"
#include "base/text.h"

#define BETAS_MAX 32 /* flags in one request */

/* OpenAI's parameters without a counterpart. Any other unknown member is taken for a parameter of
 * the model. `n` is here when it is not 1. */
static const char *const unsupported[] = {
    "audio",
    "best_of",
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "modalities",
    "n",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_retention",
    "safety_identifier",
    "seed",
    "store",
    "suffix",
    "top_logprobs",
    "verbosity",
    "web_search_options",
};

/* What they are where nobody sets them: saying so asks for nothing, as many clients do. */
static const struct idle_row {
    const char *name, *value;
} idle_rows[] = {
    {"best_of", "1"},
    {"frequency_penalty", "0"},
    {"logit_bias", "{}"},
    {"logprobs", "false"},
    {"modalities", "[\"text\"]"},
    {"presence_penalty", "0"},
    {"store", "false"},
    {"suffix", "\"\""},
    {"top_logprobs", "0"},
    {"verbosity", "\"medium\""},
};

/* Members of Converse itself. */
static const char *const top_level[] = {"performanceConfig", "promptVariables", "requestMetadata",
                                        "serviceTier"};

static bool listed(const char *const *names, size_t n, struct slice name)
{
    for (size_t i = 0; i < n; i++)
        if (slice_eq(name, slice_of(names[i])))
            return true;
    return false;
}

#define LISTED(names, name) listed((names), sizeof(names) / sizeof(*(names)), (name))

bool plan_is_allowed(const struct llm_request *r, const char *name)
{
    return json_list_has(r->allowed_params, slice_of(name));
}

/* Whoever speaks Anthropic's words takes every model for a Claude: what only Claude knows, and
 * only makes the answer better, need not fail. */
static bool is_of_claude(const struct planner *k, struct slice name)
{
    static const char *const names[] = {"output_config", "thinking"};
    return k->r->anthropic && LISTED(names, name);
}

bool plan_unsupported(struct planner *k, struct slice name)
{
    if (k->drop)
        return true;
    if (is_of_claude(k, name)) {
        plan_repaired(k, REPAIR_FIELDS);
        return true;
    }
    failure_set(
        k->f, k->a, FAILURE_UNSUPPORTED, 400,
        "Bedrock does not support the parameter '%.*s' for model %.*s; set drop_params: "
        "true to drop such parameters, or send allowed_openai_params=['%.*s'] to pass it on",
        SLICE_ARG(name), SLICE_ARG(k->t->model_id), SLICE_ARG(name));
    k->f->param = name;
    return false;
}

static bool is_same(yyjson_val *a, yyjson_val *b)
{
    double x, y;
    if (json_double(a, &x) && json_double(b, &y))
        return x >= y && x <= y;
    return yyjson_equals(a, b);
}

static bool is_idle(struct planner *k, const struct llm_extra *e)
{
    for (size_t i = 0; i < sizeof(idle_rows) / sizeof(*idle_rows); i++)
        if (slice_eq(e->name, slice_of(idle_rows[i].name)))
            return is_same(e->value, json_parse(slice_of(idle_rows[i].value), k->a, NULL));
    return false;
}

/* One of OpenAI's without a counterpart. */
static bool leave_out(struct planner *k, const struct llm_extra *e)
{
    if (!is_idle(k, e))
        return plan_unsupported(k, e->name);
    plan_repaired(k, REPAIR_FIELDS);
    return true;
}

static void push(struct planner *k, struct llm_extra ***tail, struct slice name, yyjson_val *value)
{
    struct llm_extra *e = ARENA_NEW(k->a, struct llm_extra);
    e->name = name;
    e->value = value;
    **tail = e;
    *tail = &e->next;
}

static struct llm_extra **end_of(struct llm_extra **list)
{
    while (*list)
        list = &(*list)->next;
    return list;
}

static bool given(const struct llm_extra *list, struct slice name)
{
    while (list && !slice_eq(list->name, name))
        list = list->next;
    return list != NULL;
}

void plan_field(struct planner *k, struct slice name, const char *json)
{
    struct llm_extra **tail = end_of(&k->p->fields);
    if (!given(k->p->fields, name))
        push(k, &tail, name, json_parse(slice_of(json), k->a, NULL));
}

/* extra_body and additionalModelRequestFields are wrappers: what is in them is meant. */
static bool is_wrapper(struct slice name)
{
    return slice_eq(name, SLICE("additionalModelRequestFields")) ||
           slice_eq(name, SLICE("extra_body"));
}

static void push_members(struct planner *k, struct llm_extra ***tail, yyjson_val *wrapper)
{
    yyjson_val *key;
    yyjson_obj_iter it = yyjson_obj_iter_with(wrapper);
    while ((key = yyjson_obj_iter_next(&it)))
        push(k, tail, json_slice(key), yyjson_obj_iter_get_val(key));
}

/* Said twice, in extra_body too: one member, with what was said last. */
static void keep_last(struct llm_extra **list)
{
    struct map seen;
    map_init(&seen);
    while (*list) {
        struct llm_extra *e = *list, *first = map_get(&seen, e->name);
        if (first) {
            first->value = e->value;
            *list = e->next;
        } else {
            map_put(&seen, e->name, e);
            list = &e->next;
        }
    }
    map_fini(&seen);
}

/* ---- beta flags ---------------------------------------------------------------------------- */

static bool has_beta(const struct plan *p, struct slice name)
{
    for (size_t i = 0; i < p->beta_count; i++)
        if (slice_eq(p->betas[i], name))
            return true;
    return false;
}

/* The name under which Bedrock has a flag of Anthropic's. */
static struct slice beta_of_bedrock(struct slice name)
{
    if (slice_eq(name, SLICE("advanced-tool-use-2025-11-20")))
        return SLICE("tool-search-tool-2025-10-19");
    return name;
}

/* False: it is not sent. */
static bool put_beta(struct planner *k, struct slice name)
{
    struct plan *p = k->p;
    struct slice api = k->t->api == BEDROCK_INVOKE ? SLICE("invoke") : SLICE("converse");
    if (has_beta(p, name))
        return true;
    if (!p->betas)
        p->betas = arena_alloc(k->a, BETAS_MAX * sizeof(*p->betas));
    if (p->beta_count == BETAS_MAX || !model_takes_beta(k->m, name, api))
        return false;
    p->betas[p->beta_count++] = name;
    return true;
}

static void add_beta(struct planner *k, struct slice name)
{
    if (name.n && !put_beta(k, beta_of_bedrock(name)))
        plan_repaired(k, REPAIR_BETA);
}

bool plan_needs_beta(struct planner *k, const char *name)
{
    return k->claude && k->t->api == BEDROCK_INVOKE && put_beta(k, slice_of(name));
}

static void add_beta_list(struct planner *k, struct slice list)
{
    while (list.p)
        add_beta(k, slice_trim(slice_split(&list, ',')));
}

/* From the head of the request, the body (a list, or one string), and extra_headers. */
static void collect_betas(struct planner *k)
{
    yyjson_val *item, *key;
    yyjson_obj_iter headers = yyjson_obj_iter_with(k->r->headers);
    add_beta_list(k, k->r->betas);
    for (const struct llm_extra *e = k->r->extra; e; e = e->next) {
        yyjson_arr_iter it = yyjson_arr_iter_with(e->value);
        if (!slice_eq(e->name, SLICE("anthropic_beta")))
            continue;
        add_beta_list(k, json_slice(e->value));
        while ((item = yyjson_arr_iter_next(&it)))
            add_beta(k, json_slice(item));
    }
    while ((key = yyjson_obj_iter_next(&headers)))
        if (slice_eq_nocase(json_slice(key), SLICE("anthropic-beta")))
            add_beta_list(k, json_slice(yyjson_obj_iter_get_val(key)));
}

/* ---- sorting -------------------------------------------------------------------------------- */

/* Members of Anthropic's Messages that Claude has on Bedrock too; the others are left out. */
static const struct optional_row {
    const char *name;
    const char *beta;  /* without which it is refused, or NULL */
    bool converse;     /* goes through Converse too */
    bool of_no_weight; /* without it the answer is the same */
} optional_rows[] = {
    {"context_management", "context-management-2025-06-27", false, false},
    {"metadata", NULL, false, true},
    {"output_config", NULL, true, false},
    {"safeguards", NULL, false, false},
};

static const struct optional_row *find_optional(struct slice name)
{
    for (size_t i = 0; i < sizeof(optional_rows) / sizeof(*optional_rows); i++)
        if (slice_eq(name, slice_of(optional_rows[i].name)))
            return &optional_rows[i];
    return NULL;
}

static bool takes_optional(struct planner *k, const struct optional_row *row)
{
    if (!row || !k->claude || (k->t->api != BEDROCK_INVOKE && !row->converse))
        return false;
    return !row->beta || plan_needs_beta(k, row->beta);
}

static void push_optional(struct planner *k, struct llm_extra ***tail, const struct llm_extra *e)
{
    const struct optional_row *row = find_optional(e->name);
    if (takes_optional(k, row))
        push(k, tail, e->name, e->value);
    else if (!row || !row->of_no_weight)
        plan_repaired(k, REPAIR_FIELDS);
}

static bool sort_extras(struct planner *k)
{
    struct llm_extra **fields = &k->p->fields, **top = &k->p->top;
    for (const struct llm_extra *e = k->r->extra; e; e = e->next) {
        if (slice_eq(e->name, SLICE("anthropic_beta")))
            continue;
        if (e->optional)
            push_optional(k, &fields, e);
        else if (LISTED(top_level, e->name))
            push(k, &top, e->name, e->value);
        else if (is_wrapper(e->name))
            push_members(k, &fields, e->value);
        else if (!LISTED(unsupported, e->name) || json_list_has(k->r->allowed_params, e->name))
            push(k, &fields, e->name, e->value);
        else if (!leave_out(k, e))
            return false;
    }
    keep_last(&k->p->fields);
    keep_last(&k->p->top);
    return true;
}

/* ---- the rest ------------------------------------------------------------------------------ */

/* OpenAI's names; `auto` leaves it to the project's default, which is Bedrock's default tier. */
static bool settle_service_tier(struct planner *k)
{
    static const char *const tiers[] = {"default", "flex", "priority", "reserved"};
    struct slice tier = k->r->service_tier;
    if (slice_eq(tier, SLICE("auto")))
        tier = SLICE("default");
    if (LISTED(tiers, tier) || !tier.n || plan_is_allowed(k->r, "service_tier")) {
        k->p->service_tier = tier;
        return true;
    }
    return plan_unsupported(k, SLICE("service_tier"));
}

/* Bedrock refuses empty ones, Claude white space. */
static void settle_stop(struct planner *k)
{
    const struct llm_request *r = k->r;
    struct plan *p = k->p;
    if (!r->stop)
        return;
    p->stop = arena_alloc(k->a, (r->stop_count + 1) * sizeof(*p->stop));
    for (size_t i = 0; i < r->stop_count; i++) {
        size_t n = k->claude ? text_trim_end(r->stop[i]).n : r->stop[i].n;
        if (n)
            p->stop[p->stop_count++] = r->stop[i];
        else
            plan_repaired(k, REPAIR_STOP);
    }
}

bool plan_params(struct planner *k)
{
    settle_stop(k);
    if (!sort_extras(k) || !settle_service_tier(k))
        return false;
    if (k->claude)
        collect_betas(k);
    return true;
}

/* ---- said twice ----------------------------------------------------------------------------- */

static bool is_effort(struct slice name)
{
    return slice_eq(name, SLICE("effort"));
}

/* A plain effort and other members of output_config come together in one. */
static void merge_output_config(struct planner *k)
{
    struct plan *p = k->p;
    struct llm_extra *e = p->fields;
    struct buf text;
    struct json_writer w;
    while (!slice_eq(e->name, SLICE("output_config")))
        e = e->next;
    buf_init(&text, SIZE_MAX);
    json_begin(&w, &text);
    json_object(&w);
    json_member_string(&w, "effort", p->effort);
    json_members_but(&w, e->value, is_effort);
    json_object_end(&w);
    if (!json_get(e->value, "effort"))
        e->value = json_parse(buf_slice(&text), k->a, NULL);
    p->effort = SLICE("");
    buf_fini(&text);
}

void plan_fields_win(struct planner *k)
{
    struct plan *p = k->p;
    struct slice top_k =
        p->model->family == FAMILY_NOVA ? SLICE("inferenceConfig") : SLICE("top_k");
    if (given(p->fields, SLICE("thinking")))
        p->thinking = PLAN_THINKING_UNSET;
    if (given(p->fields, top_k))
        p->top_k = NULL;
    if (given(p->fields, SLICE("anthropic_beta")))
        p->beta_count = 0;
    if (given(p->fields, SLICE("tool_choice")))
        p->tell_one_call = false;
    if (p->effort.n && given(p->fields, SLICE("output_config")))
        merge_output_config(k);
    if (given(p->top, SLICE("serviceTier")))
        p->service_tier = SLICE("");
}
