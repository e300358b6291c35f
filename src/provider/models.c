/* The table of models: models.json (compiled in) → struct model.
 *
 * The happy path: the id is stripped to its base; the base row, what differs for its geography and
 * for the region, and the overlay's row are laid over one another; the members are read off.
 *
 * Failure modes: an unknown Claude inherits the capabilities of its nearest relative, never its
 * prices: a wrong price is worse than none. Anything else gets the defaults of struct model. */

#include "provider/models.h"

#include <stdio.h>
#include <stdlib.h>

#define ID_MAX          128  /* bytes of a profile's id */
#define ANCESTOR_OUTPUT 4096 /* tokens that Claude 3 and older write at most */

extern const char models_json[];
extern const size_t models_json_size;
extern const char betas_json[]; /* betas.json: which flags which API of Bedrock takes */
extern const size_t betas_json_size;

struct model_table {
    struct arena arena;
    yyjson_val *rows;
    yyjson_val *betas;
    yyjson_val *overlay; /* NULL: none */
};

/* ---- ids ------------------------------------------------------------------------------------ */

static struct slice last_segment(struct slice id)
{
    for (ptrdiff_t at; (at = slice_find_char(id, '/')) >= 0;)
        id = slice_skip(id, (size_t)at + 1);
    return id;
}

static struct slice geography_of(struct slice id)
{
    static const char *const names[] = {"us-gov", "us", "eu", "apac", "global",
                                        "au",     "jp", "ca", "sa",   "mx"};
    ptrdiff_t dot = slice_find_char(id, '.');
    struct slice head = slice_make(id.p, dot > 0 ? (size_t)dot : 0);
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (slice_eq(head, slice_of(names[i])))
            return head;
    return slice_make(NULL, 0);
}

struct slice model_base_id(struct slice id)
{
    struct slice base = slice_starts(id, SLICE("arn:")) ? last_segment(id) : id;
    struct slice geography = geography_of(base);
    return geography.n ? slice_skip(base, geography.n + 1) : base;
}

static enum model_family family_of(struct slice base)
{
    static const struct {
        const char *start;
        enum model_family family;
    } rows[] = {
        {"anthropic.", FAMILY_CLAUDE},  {"amazon.nova", FAMILY_NOVA},
        {"amazon.titan", FAMILY_TITAN}, {"meta.", FAMILY_LLAMA},
        {"mistral.", FAMILY_MISTRAL},   {"cohere.", FAMILY_COHERE},
        {"deepseek.", FAMILY_DEEPSEEK}, {"qwen.", FAMILY_QWEN},
        {"openai.", FAMILY_OPENAI},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (slice_starts(base, slice_of(rows[i].start)))
            return rows[i].family;
    return FAMILY_OTHER;
}

/* ---- rows ----------------------------------------------------------------------------------- */

static void push(struct model_rows *rows, yyjson_val *v)
{
    if (yyjson_is_obj(v) && rows->n < MODEL_ROWS_MAX)
        rows->v[rows->n++] = v;
}

static yyjson_val *member(yyjson_val *object, struct slice name)
{
    return name.n ? yyjson_obj_getn(object, name.p, name.n) : NULL;
}

/* What may follow a row's id in the id of the same model: a date, a version, a context size. */
static bool is_version(struct slice rest)
{
    size_t digits = 1;
    if (!rest.n || *rest.p == ':')
        return true;
    if (*rest.p != '-')
        return false;
    while (digits < rest.n && rest.p[digits] >= '0' && rest.p[digits] <= '9')
        digits++;
    return digits == 9 || (rest.n > 2 && rest.p[1] == 'v' && rest.p[2] >= '0' && rest.p[2] <= '9');
}

/* The row of a base id; the longest wins. */
static yyjson_val *row_of(yyjson_val *rows, struct slice base)
{
    yyjson_val *key, *best = NULL;
    size_t best_n = 0;
    yyjson_obj_iter it = yyjson_obj_iter_with(rows);
    while ((key = yyjson_obj_iter_next(&it))) {
        struct slice name = json_slice(key);
        if (name.n > best_n && slice_starts(base, name) && is_version(slice_skip(base, name.n))) {
            best = yyjson_obj_iter_get_val(key);
            best_n = name.n;
        }
    }
    return best;
}

/* "anthropic.claude-opus-5-5-20261001-v1:0" → line "opus", version 505. */
struct claude_name {
    struct slice line;
    int64_t version;
};

static struct claude_name claude_name(struct slice base)
{
    struct claude_name c = {.version = 0};
    struct slice rest = slice_skip(base, sizeof("anthropic.claude-") - 1);
    for (int numbers = 0; rest.n;) {
        struct slice word = slice_split(&rest, '-');
        int64_t n;
        if (!slice_to_i64(word, &n))
            c.line = c.line.n ? c.line : word;
        else if (n > 999) /* a date */
            break;
        else if (numbers++ < 2)
            c.version = c.version * 100 + n;
    }
    c.version = c.version < 100 ? c.version * 100 : c.version;
    return c;
}

/* Is `a` the better model for `wanted`: the same line, then the newest that is not newer, then the
 * oldest? */
static bool is_nearer(struct claude_name a, struct claude_name b, struct claude_name wanted)
{
    bool line_a = slice_eq(a.line, wanted.line), line_b = slice_eq(b.line, wanted.line);
    bool fits_a = a.version <= wanted.version, fits_b = b.version <= wanted.version;
    if (line_a != line_b)
        return line_a;
    if (fits_a != fits_b)
        return fits_a;
    return fits_a ? a.version > b.version : a.version < b.version;
}

/* The row whose rules an unknown Claude inherits; `older`: it is no newer than the heir. */
static yyjson_val *nearest_claude(const struct model_table *t, struct slice base, bool *older)
{
    yyjson_val *key, *best = NULL;
    struct claude_name best_name = {0}, wanted = claude_name(base);
    yyjson_obj_iter it = yyjson_obj_iter_with(t->rows);
    while ((key = yyjson_obj_iter_next(&it))) {
        if (!slice_starts(json_slice(key), SLICE("anthropic.claude-")))
            continue;
        struct claude_name name = claude_name(json_slice(key));
        if (!best || is_nearer(name, best_name, wanted)) {
            best = yyjson_obj_iter_get_val(key);
            best_name = name;
        }
    }
    *older = best && best_name.version <= wanted.version;
    return best;
}

/* "bedrock/eu-west-1/anthropic.claude…": LiteLLM's key for what holds in one region. */
static yyjson_val *regional_row(yyjson_val *rows, struct slice region, struct slice base)
{
    struct slice prefix = SLICE("bedrock/");
    yyjson_val *key;
    yyjson_obj_iter it = yyjson_obj_iter_with(rows);
    while (region.n && (key = yyjson_obj_iter_next(&it))) {
        struct slice name = json_slice(key);
        if (!slice_starts(name, prefix))
            continue;
        name = slice_skip(name, prefix.n);
        if (slice_eq(slice_split(&name, '/'), region) && slice_eq(name, base))
            return yyjson_obj_iter_get_val(key);
    }
    return NULL;
}

/* True: the overlay says something of the model. */
static bool push_overlay(const struct model_table *t, struct model_rows *rows, struct slice id,
                         struct slice region)
{
    size_t before = rows->n;
    struct slice base = model_base_id(id);
    push(rows, regional_row(t->overlay, region, base));
    if (geography_of(id).n)
        push(rows, row_of(t->overlay, id));
    push(rows, row_of(t->overlay, base));
    return rows->n > before;
}

/* Fills key, rows, known and heir. */
static void find_rows(const struct model_table *t, struct slice id, struct slice region,
                      yyjson_val *own, struct model *m, struct arena *a)
{
    struct slice profile = slice_starts(id, SLICE("arn:")) ? last_segment(id) : id;
    struct slice base = model_base_id(id);
    yyjson_val *row = row_of(t->rows, base);
    m->betas = t->betas;
    m->key = arena_strdup(a, profile);
    push(&m->rows, own);
    m->known = push_overlay(t, &m->rows, profile, region);
    m->known = m->known || row;
    if (!m->known && family_of(base) == FAMILY_CLAUDE)
        row = nearest_claude(t, base, &m->heir);
    m->rows.own = m->rows.n;
    push(&m->rows, member(json_get(row, "regions"), region));
    push(&m->rows, member(json_get(row, "profiles"), geography_of(profile)));
    push(&m->rows, row);
    if (m->known)
        m->rows.own = m->rows.n;
}

/* ---- reading a row -------------------------------------------------------------------------- */

/* The first row that names it decides; null there takes it back. */
static yyjson_val *fact(const struct model_rows *rows, const char *name)
{
    for (size_t i = 0; i < rows->n; i++) {
        yyjson_val *v = json_get(rows->v[i], name);
        if (v)
            return yyjson_is_null(v) ? NULL : v;
    }
    return NULL;
}

static bool flag(const struct model_rows *rows, const char *name, bool otherwise)
{
    yyjson_val *v = fact(rows, name);
    return yyjson_is_bool(v) ? yyjson_is_true(v) : otherwise;
}

static int64_t integer(const struct model_rows *rows, const char *name)
{
    double v = 0;
    return json_double(fact(rows, name), &v) ? (int64_t)v : 0;
}

static double price(const struct model_rows *rows, const char *name, const char *suffix,
                    double otherwise)
{
    char full[96];
    double v;
    snprintf(full, sizeof(full), "%s%s", name, suffix);
    return json_double(fact(rows, full), &v) ? v : otherwise;
}

/* A cache write is 1.25 times, a one-hour write twice, a read a tenth of the input's price where
 * the row is silent. */
static struct model_prices read_prices(const struct model_rows *rows, const char *suffix)
{
    struct model_prices p;
    p.input = price(rows, "input_cost_per_token", suffix, 0);
    p.output = price(rows, "output_cost_per_token", suffix, 0);
    p.cache_read = price(rows, "cache_read_input_token_cost", suffix, p.input * 0.1);
    p.cache_write = price(rows, "cache_creation_input_token_cost", suffix, p.input * 1.25);
    p.cache_write_1h =
        price(rows, "cache_creation_input_token_cost_above_1hr", suffix, p.cache_write * 1.6);
    return p;
}

/* "input_cost_per_token_above_200k_tokens": the tier's threshold is in the name. */
static int64_t long_prompt_tier(const struct model_rows *rows, const char **suffix)
{
    static const struct {
        const char *suffix;
        int64_t tokens;
    } tiers[] = {{"_above_100k_tokens", 100000},
                 {"_above_200k_tokens", 200000},
                 {"_above_272k_tokens", 272000}};
    for (size_t i = 0; i < sizeof(tiers) / sizeof(*tiers); i++)
        if (price(rows, "input_cost_per_token", tiers[i].suffix, -1) >= 0) {
            *suffix = tiers[i].suffix;
            return tiers[i].tokens;
        }
    return 0;
}

/* Of its own rows only. */
static void read_all_prices(struct model *m)
{
    const char *suffix = "";
    struct model_rows rows = m->rows;
    rows.n = rows.own;
    m->has_prices = fact(&rows, "input_cost_per_token") != NULL;
    m->prices = read_prices(&rows, "");
    m->long_prompt_tokens = long_prompt_tier(&rows, &suffix);
    m->long_prices = m->long_prompt_tokens ? read_prices(&rows, suffix) : m->prices;
}

static enum model_thinking thinking_of(const struct model_rows *rows)
{
    if (flag(rows, "thinking_always_on", false))
        return THINKING_ALWAYS;
    if (flag(rows, "supports_adaptive_thinking", false))
        return flag(rows, "supports_legacy_thinking", false) ? THINKING_ADAPTIVE_BUDGET
                                                             : THINKING_ADAPTIVE;
    return flag(rows, "supports_reasoning", false) ? THINKING_BUDGET : THINKING_NONE;
}

static void read_effort(struct model *m, const struct model_rows *rows)
{
    struct slice ceiling = json_slice(fact(rows, "bedrock_output_config_effort_ceiling"));
    bool max = flag(rows, "supports_max_reasoning_effort", false);
    m->effort = flag(rows, "supports_output_config", m->thinking >= THINKING_ADAPTIVE_BUDGET);
    m->effort_xhigh = flag(rows, "supports_xhigh_reasoning_effort", false);
    m->effort_ceiling = ceiling.p ? ceiling.p : max ? "max" : m->effort_xhigh ? "xhigh" : NULL;
}

/* A trailing assistant turn: older Claudes and Nova go on with it, and who knows about others. */
static bool takes_prefill(const struct model *m)
{
    bool claude = m->family == FAMILY_CLAUDE && m->thinking < THINKING_ADAPTIVE_BUDGET;
    return claude || m->family == FAMILY_NOVA || (!m->known && m->family == FAMILY_OTHER);
}

static void read_capabilities(struct model *m, const struct model_rows *rows)
{
    m->max_input_tokens = integer(rows, "max_input_tokens");
    m->max_output_tokens = integer(rows, "max_output_tokens");
    m->thinking = thinking_of(rows);
    m->tools = flag(rows, "supports_function_calling", !m->known);
    m->tool_choice = flag(rows, "supports_tool_choice", !m->known);
    m->forced_tool = m->tool_choice && flag(rows, "supports_forced_tool_use", true);
    m->vision = flag(rows, "supports_vision", !m->known);
    m->documents = flag(rows, "supports_pdf_input", !m->known);
    m->video = flag(rows, "supports_video_input", m->family == FAMILY_NOVA);
    m->prompt_cache = flag(rows, "supports_prompt_caching", false);
    m->cache_ttl = m->prompt_cache && fact(rows, "cache_creation_input_token_cost_above_1hr");
    m->cache_min_tokens = integer(rows, "prompt_cache_min_tokens");
    m->system = !flag(rows, "bedrock_converse_refuses_system", false);
    m->sampling = flag(rows, "supports_sampling_params", true);
    m->one_sampler = flag(rows, "bedrock_one_sampling_param", false);
    m->prefill = flag(rows, "supports_assistant_prefill", takes_prefill(m));
    m->native_json_schema = flag(rows, "supports_native_structured_output", false) ||
                            flag(rows, "supports_bedrock_native_structured_output", false);
    m->strict_tools =
        m->native_json_schema && flag(rows, "bedrock_converse_supports_strict_tools", true);
    m->parallel_tool_config = flag(rows, "supports_parallel_tool_use_config", false);
    read_effort(m, rows);
    m->own_betas = fact(rows, "supported_betas");
}

/* A Claude older than its nearest relative, like Claude 3 Haiku, came before caching and writes
 * less. */
static void limit_ancestor(struct model *m)
{
    if (m->known || m->heir || m->family != FAMILY_CLAUDE)
        return;
    m->prompt_cache = m->cache_ttl = false;
    if (m->max_output_tokens > ANCESTOR_OUTPUT)
        m->max_output_tokens = ANCESTOR_OUTPUT;
}

const struct model *models_find(const struct model_table *t, struct slice id, struct slice region,
                                yyjson_val *own, struct arena *a)
{
    struct model *m = ARENA_NEW(a, struct model);
    struct slice base = model_base_id(id);
    find_rows(t, id, region, own, m, a);
    m->id = arena_strdup(a, base);
    m->family = family_of(base);
    read_capabilities(m, &m->rows);
    limit_ancestor(m);
    read_all_prices(m);
    return m;
}

static bool may_be_told(const struct model *m, size_t row, struct slice name)
{
    return row < m->rows.own || (m->heir && slice_find(name, SLICE("_cost")) < 0);
}

yyjson_val *model_fact(const struct model *m, const char *name)
{
    for (size_t i = 0; i < m->rows.n; i++) {
        yyjson_val *v = json_get(m->rows.v[i], name);
        if (v && may_be_told(m, i, slice_of(name)))
            return yyjson_is_null(v) ? NULL : v;
    }
    return NULL;
}

void model_each_fact(const struct model *m,
                     void (*each)(void *ctx, struct slice name, yyjson_val *value), void *ctx)
{
    for (size_t i = m->rows.n; i-- > 0;) {
        yyjson_val *key;
        yyjson_obj_iter it = yyjson_obj_iter_with(m->rows.v[i]);
        while ((key = yyjson_obj_iter_next(&it)))
            if (may_be_told(m, i, json_slice(key)))
                each(ctx, json_slice(key), yyjson_obj_iter_get_val(key));
    }
}

/* ---- listing -------------------------------------------------------------------------------- */

static bool is_sold_bare(yyjson_val *row)
{
    return row && !yyjson_is_true(json_get(row, "profile_only"));
}

/* Is an id of the overlay among those of the table? */
static bool is_listed(const struct model_table *t, struct slice id)
{
    struct slice geography = geography_of(id);
    yyjson_val *row = member(t->rows, model_base_id(id));
    return geography.n ? member(json_get(row, "profiles"), geography) != NULL : is_sold_bare(row);
}

/* LiteLLM's map tells of other providers too, and of one region only. */
static bool is_of_bedrock(struct slice id, yyjson_val *row)
{
    struct slice provider = json_get_slice(row, "litellm_provider");
    return slice_find_char(id, '/') < 0 && yyjson_is_obj(row) &&
           (!provider.p || slice_starts(provider, SLICE("bedrock")));
}

static void each_profile(yyjson_val *profiles, struct slice base,
                         void (*each)(void *ctx, struct slice id), void *ctx)
{
    char room[ID_MAX];
    yyjson_val *key;
    yyjson_obj_iter it = yyjson_obj_iter_with(profiles);
    while ((key = yyjson_obj_iter_next(&it))) {
        struct slice geography = json_slice(key);
        struct buf id = {.p = room, .size = sizeof(room), .cap = sizeof(room)};
        buf_add(&id, geography);
        buf_add_char(&id, '.');
        buf_add(&id, base);
        each(ctx, buf_slice(&id));
    }
}

void models_each_id(const struct model_table *t, void (*each)(void *ctx, struct slice id),
                    void *ctx)
{
    yyjson_val *key;
    yyjson_obj_iter it = yyjson_obj_iter_with(t->rows);
    while ((key = yyjson_obj_iter_next(&it))) {
        yyjson_val *row = yyjson_obj_iter_get_val(key);
        if (is_sold_bare(row))
            each(ctx, json_slice(key));
        each_profile(json_get(row, "profiles"), json_slice(key), each, ctx);
    }
    it = yyjson_obj_iter_with(t->overlay);
    while ((key = yyjson_obj_iter_next(&it))) {
        struct slice id = json_slice(key);
        if (is_of_bedrock(id, yyjson_obj_iter_get_val(key)) && !is_listed(t, id))
            each(ctx, id);
    }
}

/* ---- the table ------------------------------------------------------------------------------ */

struct model_table *model_table_new(struct slice overlay, struct json_error *error)
{
    struct model_table *t = calloc(1, sizeof(*t));
    if (!t)
        abort();
    arena_init(&t->arena);
    t->rows = json_parse(slice_make(models_json, models_json_size), &t->arena, error);
    t->betas = json_parse(slice_make(betas_json, betas_json_size), &t->arena, error);
    if (overlay.n)
        t->overlay = json_parse(overlay, &t->arena, error);
    if (!t->rows || !t->betas || (overlay.n && !yyjson_is_obj(t->overlay))) {
        model_table_free(t);
        return NULL;
    }
    return t;
}

/* "flex" → the prices whose names end in "_flex", as far as there are any. */
static struct model_prices tier_prices(const struct model *m, struct slice tier)
{
    char suffix[16];
    struct model_rows rows = m->rows;
    rows.n = rows.own;
    snprintf(suffix, sizeof(suffix), "_%.*s", SLICE_ARG(tier));
    return price(&rows, "input_cost_per_token", suffix, -1) >= 0 ? read_prices(&rows, suffix)
                                                                 : m->prices;
}

struct model_cost model_cost(const struct model *m, const struct llm_usage *u, struct slice tier)
{
    bool is_long = m->long_prompt_tokens && llm_usage_prompt(u) > m->long_prompt_tokens;
    bool standard = !tier.n || slice_eq(tier, SLICE("default"));
    struct model_prices p = is_long ? m->long_prices : standard ? m->prices : tier_prices(m, tier);
    int64_t write_5m = u->cache_write - u->cache_write_1h;
    struct model_cost c = {
        .input = (double)u->input * p.input,
        .output = (double)u->output * p.output,
        .cache_read = (double)u->cache_read * p.cache_read,
        .cache_write =
            (double)write_5m * p.cache_write + (double)u->cache_write_1h * p.cache_write_1h,
    };
    c.total = c.input + c.output + c.cache_read + c.cache_write;
    return c;
}

/* A flag that other models refuse stands beside the beginning of the ids that take it. */
static bool names_relative(yyjson_val *row, struct slice id)
{
    yyjson_val *item;
    yyjson_arr_iter it = yyjson_arr_iter_with(row);
    while ((item = yyjson_arr_iter_next(&it)))
        if (slice_starts(id, json_slice(item)))
            return true;
    return false;
}

bool model_takes_beta(const struct model *m, struct slice name, struct slice api)
{
    yyjson_val *row = yyjson_obj_getn(m->betas, name.p, name.n);
    return json_list_has(row, api) || names_relative(row, slice_of(m->id)) ||
           json_list_has(m->own_betas, name);
}

void model_table_free(struct model_table *t)
{
    if (!t)
        return;
    arena_fini(&t->arena);
    free(t);
}
