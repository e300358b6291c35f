/* guardrails → what looks at prompts and answers.
 *
 * Happy path: an entry has a name and litellm_params, which say who looks (`guardrail`), when
 * (`mode`) and how; a content filter's patterns and words are compiled.
 *
 * Failure modes: a guard that is not known here, half a setup, a pattern that is none: errors. A
 * guard that was silently left out would let pass what it is there to stop. */

#include "config/bedrock_name.h"
#include "config/guards.h"
#include "config_loader.h"
#include "config_reading.h"
#include "config_shown.h"

#include "wire/crypto.h"

#include <string.h>

#define TIMEOUT_DEFAULT  10.0 /* seconds */
#define TIMEOUT_MAX      600.0
#define WEBHOOK_PATH     "/beta/litellm_basic_guardrail_api"
#define MASK_OF_WORDS    "[KEYWORD_REDACTED]"
#define BANNED           "banned_keywords"
#define MASK_FORMAT      "[{pattern_name}_REDACTED]"
#define MASK_MAX         200 /* bytes */
#define PATTERN_NAME_MAX 100

struct entry {
    struct config_loader *l;
    struct guard *g;
    const struct node *params;
    const struct config_path *path; /* guardrails[i].litellm_params */
};

static void complain(const struct entry *e, const char *key, const char *text)
{
    const struct config_path path = {.up = e->path, .key = slice_of(key)};
    const struct node *n = node_get(e->params, slice_of(key));
    config_error(e->l, config_place(n && n->line ? n : e->params, &path), "%s", text);
}

static const char *text_param(const struct entry *e, const char *key)
{
    struct reading in = {.l = e->l, .map = e->params, .path = e->path, .nested = true};
    struct slice text = reading_text(in, key);
    return text.n ? text.p : NULL;
}

static void flag_param(const struct entry *e, const char *key, bool *flag)
{
    const struct node *n = node_get(e->params, slice_of(key));
    if (!node_is_null(n) && !node_bool(n, flag))
        complain(e, key, "expected true or false");
}

/* One of two words; true: the second. */
static bool choice_param(const struct entry *e, const char *key, const char *one, const char *other)
{
    const char *text = text_param(e, key);
    if (!text || strcmp(text, one) == 0)
        return false;
    if (strcmp(text, other) != 0)
        complain(e, key, arena_printf(&e->l->arena, "expected %s or %s", one, other).p);
    return true;
}

static yyjson_val *map_param(const struct entry *e, const char *key)
{
    const struct config_path path = {.up = e->path, .key = slice_of(key)};
    const struct node *n = node_get(e->params, slice_of(key));
    if (node_is_null(n))
        return NULL;
    if (n->kind == NODE_MAP)
        return config_read_json(e->l, n, &path);
    complain(e, key, "expected a map");
    return NULL;
}

/* ---- when ----------------------------------------------------------------------------------- */

static unsigned mode_of(struct slice word)
{
    static const struct {
        const char *name;
        unsigned modes;
    } rows[] = {
        {"pre_call", GUARD_BEFORE},
        {"during_call", GUARD_BEFORE},
        {"post_call", GUARD_AFTER},
        {"logging_only", GUARD_LOGGED},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (slice_eq(word, slice_of(rows[i].name)))
            return rows[i].modes;
    return 0;
}

static void read_mode(const struct entry *e)
{
    static const char expected[] =
        "expected pre_call, during_call, post_call or logging_only, or a list of them";
    const struct node *n = NODE_GET(e->params, "mode");
    size_t count = n && n->kind == NODE_LIST ? n->count : 1;
    bool good = !node_is_null(n) && n->kind != NODE_MAP && count;
    for (size_t i = 0; good && i < count; i++) {
        const struct node *word = n->kind == NODE_LIST ? n->items[i].value : n;
        unsigned mode = word->kind == NODE_SCALAR ? mode_of(word->text) : 0;
        e->g->modes |= mode;
        good = mode;
    }
    if (!good)
        complain(e, "mode", expected);
    else if (e->g->modes & GUARD_LOGGED && e->g->kind != GUARD_FILTER)
        complain(e, "mode", "logging_only is for litellm_content_filter");
}

/* ---- the content filter ---------------------------------------------------------------------- */

static bool action_of(const struct entry *e, const struct node *item, enum guard_action *action)
{
    const struct node *n = NODE_GET(item, "action");
    *action = GUARD_BLOCK;
    bool given = !node_is_null(n) && n->kind == NODE_SCALAR;
    if (given && slice_eq_nocase(n->text, SLICE("MASK")))
        *action = GUARD_MASK;
    else if (given && slice_eq_nocase(n->text, SLICE("LOG")))
        *action = GUARD_LOG;
    else if (n && !(given && slice_eq_nocase(n->text, SLICE("BLOCK"))))
        return false;
    if (e->g->monitor)
        *action = GUARD_LOG;
    return true;
}

/* pattern_redaction_format with the name in its place, in capitals. */
static struct slice mask_of(const struct entry *e, struct slice name)
{
    static const struct slice hole = SLICE_CONST("{pattern_name}");
    const char *own = text_param(e, "pattern_redaction_format");
    struct slice format = slice_of(own ? own : MASK_FORMAT), upper = arena_dup(&e->l->arena, name);
    ptrdiff_t at = slice_find(format, hole);
    char *p = (char *)(uintptr_t)upper.p;
    for (size_t i = 0; i < upper.n; i++)
        if (p[i] >= 'a' && p[i] <= 'z')
            p[i] = (char)(p[i] - 'a' + 'A');
    if (format.n > MASK_MAX)
        complain(e, "pattern_redaction_format", "is too long");
    if (at < 0)
        return format;
    return ARENA_JOIN(&e->l->arena, slice_make(format.p, (size_t)at), upper,
                      slice_skip(format, (size_t)at + hole.n));
}

static struct slice word_mask(const struct entry *e)
{
    const char *own = text_param(e, "keyword_redaction_tag");
    return slice_of(own ? own : MASK_OF_WORDS);
}

static const char *add_pattern(const struct entry *e, const struct node *item)
{
    struct reading in = {.l = e->l, .map = item, .path = e->path, .nested = true};
    struct slice type = reading_text(in, "pattern_type"), name = reading_text(in, "pattern_name");
    struct slice pattern = reading_text(in, "pattern");
    enum guard_action action;
    const char *error = NULL, *preset;
    if (slice_eq(type, SLICE("prebuilt"))) {
        preset = guard_preset(name);
        if (!preset)
            return "there is no prebuilt pattern of that name";
        pattern = slice_of(preset);
    } else if (slice_eq(type, SLICE("regex"))) {
        name = reading_text(in, "name");
        if (!name.n)
            name = SLICE("custom_regex");
    } else {
        return "expected pattern_type: prebuilt or regex";
    }
    if (name.n > PATTERN_NAME_MAX)
        return "its name is too long";
    if (!action_of(e, item, &action))
        return "expected action: BLOCK, MASK or LOG";
    guard_rules_add(e->g->rules, name, mask_of(e, name), action, pattern, &e->l->arena, &error);
    return error;
}

static void read_patterns(const struct entry *e)
{
    const struct config_path up = {.up = e->path, .key = SLICE("patterns")};
    const struct node *list = NODE_GET(e->params, "patterns");
    if (!node_is_null(list) && list->kind != NODE_LIST)
        complain(e, "patterns", "expected a list");
    for (size_t i = 0; list && list->kind == NODE_LIST && i < list->count; i++) {
        const struct config_path path = {.up = &up, .index = i};
        const struct node *item = list->items[i].value;
        const char *error =
            item->kind == NODE_MAP ? add_pattern(e, item) : "expected a map with pattern_type";
        if (error)
            config_error(e->l, config_place(item, &path), "%s", error);
    }
}

/* Words of one action after the other: a pattern has one. */
static void add_words(const struct entry *e, const struct node *list, const char *key)
{
    struct slice *words = arena_alloc(&e->l->arena, (list->count + 1) * sizeof(*words));
    bool whole = false;
    flag_param(e, "whole_words", &whole);
    for (int action = GUARD_LOG; action <= GUARD_BLOCK; action++) {
        size_t n = 0;
        const char *error = NULL;
        for (size_t i = 0; i < list->count; i++) {
            const struct node *item = list->items[i].value, *word = NODE_GET(item, "keyword");
            enum guard_action own;
            if (!word || word->kind != NODE_SCALAR || !action_of(e, item, &own))
                error = "expected a list of {keyword, action: BLOCK, MASK or LOG}";
            else if ((int)own == action)
                words[n++] = word->text;
        }
        if (!error)
            guard_rules_add_words(e->g->rules, words, n, word_mask(e), (enum guard_action)action,
                                  whole, &e->l->arena, &error);
        if (!error)
            continue;
        complain(e, key, error);
        return;
    }
}

static void read_words(const struct entry *e)
{
    static const char key[] = "blocked_words_file";
    const struct node *list = NODE_GET(e->params, "blocked_words");
    const char *file = text_param(e, key), *error = NULL;
    struct slice text;
    if (!node_is_null(list) && list->kind == NODE_LIST)
        add_words(e, list, "blocked_words");
    else if (!node_is_null(list))
        complain(e, "blocked_words", "expected a list");
    if (!file)
        return;
    const char *path = config_join_path(&e->l->arena, e->params->file, slice_of(file));
    if (!e->l->host->read_file(e->l->host->ctx, path, &e->l->arena, &text, &error)) {
        complain(e, key, error);
        return;
    }
    const struct node *root =
        config_parse_yaml(e->l, arena_strdup(&e->l->c->arena, slice_of(path)), text);
    const struct node *words = root ? NODE_GET(root, "blocked_words") : NULL;
    if (!words || words->kind != NODE_LIST)
        complain(e, key, "the file has no list blocked_words");
    else
        add_words(e, words, key);
}

static void read_filter(const struct entry *e)
{
    e->g->rules = guard_rules_new();
    read_patterns(e);
    read_words(e);
    if (!node_is_null(NODE_GET(e->params, "categories")))
        complain(e, "categories", "is not known here: give patterns and blocked_words");
}

/* ---- those who are asked ----------------------------------------------------------------------
 */

static void read_webhook(const struct entry *e)
{
    struct arena *a = &e->l->c->arena;
    const char *base = text_param(e, "api_base");
    struct slice url = slice_of(base ? base : config_env(e->l, "GENERIC_GUARDRAIL_API_BASE"));
    while (slice_ends(url, SLICE("/")))
        url.n--;
    if (!slice_starts(url, SLICE("http://")) && !slice_starts(url, SLICE("https://")))
        complain(e, "api_base", "expected http(s)://host[:port][/path]");
    struct slice end = slice_ends(url, SLICE(WEBHOOK_PATH)) ? SLICE("") : SLICE(WEBHOOK_PATH);
    e->g->url = ARENA_JOIN(a, url, end).p;
    e->g->headers = map_param(e, "headers");
    e->g->params = map_param(e, "additional_provider_specific_params");
}

static void read_bedrock(const struct entry *e)
{
    struct arena *a = &e->l->c->arena;
    size_t own_endpoints = e->l->own_endpoints;
    struct deployment *d = ARENA_NEW(a, struct deployment);
    e->g->identifier = text_param(e, "guardrailIdentifier");
    e->g->version = text_param(e, "guardrailVersion");
    if (!e->g->identifier || !e->g->version)
        complain(e, e->g->identifier ? "guardrailVersion" : "guardrailIdentifier", "is missing");
    d->id = d->model_name = d->model = e->g->name;
    d->bedrock_id = "";
    d->signing_key = ARENA_NEW(a, struct sigv4_key);
    config_read_aws(e->l, d, e->params, slice_make(NULL, 0), e->path);
    e->l->own_endpoints = own_endpoints; /* it is no model's */
    e->g->at = d;
    flag_param(e, "mask_request_content", &e->g->mask_request);
    flag_param(e, "mask_response_content", &e->g->mask_response);
}

/* ---- an entry ---------------------------------------------------------------------------------
 */

static bool read_kind(const struct entry *e)
{
    static const struct {
        const char *name;
        enum guard_kind kind;
    } rows[] = {
        {"litellm_content_filter", GUARD_FILTER},
        {"generic_guardrail_api", GUARD_WEBHOOK},
        {"bedrock", GUARD_BEDROCK},
    };
    const char *name = text_param(e, "guardrail");
    for (size_t i = 0; name && i < sizeof(rows) / sizeof(*rows); i++)
        if (strcmp(name, rows[i].name) == 0) {
            e->g->kind = rows[i].kind;
            return true;
        }
    complain(e, "guardrail",
             "expected bedrock, generic_guardrail_api or litellm_content_filter: a guard that is "
             "not known here cannot be left out silently");
    return false;
}

static void check_names(const struct entry *e)
{
    static const char *const known[] = {"guardrail",
                                        "mode",
                                        "default_on",
                                        "timeout",
                                        "on_flagged",
                                        "unreachable_fallback",
                                        "fail_on_error",
                                        "patterns",
                                        "blocked_words",
                                        "blocked_words_file",
                                        "whole_words",
                                        "categories",
                                        "pattern_redaction_format",
                                        "keyword_redaction_tag",
                                        "api_base",
                                        "headers",
                                        "additional_provider_specific_params",
                                        "guardrailIdentifier",
                                        "guardrailVersion",
                                        "mask_request_content",
                                        "mask_response_content",
                                        "api_key"};
    for (size_t i = 0; i < e->params->count; i++) {
        struct slice key = e->params->items[i].key;
        bool found = slice_starts(key, SLICE("aws_"));
        for (size_t k = 0; !found && k < sizeof(known) / sizeof(*known); k++)
            found = slice_eq(key, slice_of(known[k]));
        const struct config_path path = {.up = e->path, .key = key};
        if (!found)
            config_warn(e->l, config_place(e->params->items[i].value, &path),
                        "unknown option, ignored");
    }
}

static yyjson_val *shown_of(const struct entry *e)
{
    struct buf text;
    struct json_writer w;
    buf_init(&text, CONFIG_MAX_JSON);
    json_begin(&w, &text);
    config_write_shown(e->params, &w);
    yyjson_val *v = json_parse(buf_slice(&text), &e->l->c->arena, NULL);
    buf_fini(&text);
    return v;
}

static void read_params(const struct entry *e)
{
    struct guard *g = e->g;
    struct reading in = {.l = e->l, .map = e->params, .path = e->path, .nested = true};
    bool fail_on_error = true;
    if (!read_kind(e))
        return;
    check_names(e);
    g->timeout = TIMEOUT_DEFAULT;
    reading_number(in, "timeout", 0.001, TIMEOUT_MAX, &g->timeout);
    flag_param(e, "default_on", &g->default_on);
    flag_param(e, "fail_on_error", &fail_on_error);
    g->errors_pass = !fail_on_error;
    g->fail_open = choice_param(e, "unreachable_fallback", "fail_closed", "fail_open");
    g->monitor = choice_param(e, "on_flagged", "block", "monitor");
    read_mode(e);
    switch (g->kind) {
    case GUARD_FILTER: read_filter(e); break;
    case GUARD_WEBHOOK: read_webhook(e); break;
    case GUARD_BEDROCK: read_bedrock(e); break;
    }
    g->shown = shown_of(e);
}

/* Stable from one reading to the next, as ids of models are. */
static const char *id_of(struct config_loader *l, struct slice name)
{
    char text[HEX_SIZE(SHA256_SIZE)];
    sha256_hex(name, text);
    return arena_printf(&l->c->arena, "%.8s-%.4s-%.4s-%.4s-%.12s", text, text + 8, text + 12,
                        text + 16, text + 20)
        .p;
}

static void read_entry(struct config_loader *l, const struct node *n,
                       const struct config_path *path)
{
    const struct config_path params_path = {.up = path, .key = SLICE("litellm_params")};
    struct reading in = {.l = l, .map = n, .path = path, .nested = true};
    struct guard *g = &l->c->guards.v[l->c->guards.n];
    struct entry e = {.l = l, .g = g, .params = NODE_GET(n, "litellm_params")};
    struct slice name = n->kind == NODE_MAP ? reading_text(in, "guardrail_name") : SLICE("");
    const struct node *info = NODE_GET(n, "guardrail_info");
    e.path = &params_path;
    if (!name.n || node_is_null(e.params) || e.params->kind != NODE_MAP) {
        config_error(l, config_place(n, path), "expected guardrail_name and litellm_params");
        return;
    }
    if (guards_find(&l->c->guards, name))
        config_error(l, config_place(n, path), "there is another guardrail of that name");
    g->name = name.p;
    g->id = id_of(l, name);
    l->c->guards.n++;
    read_params(&e);
    if (!node_is_null(info))
        g->info = config_read_json(l, info, path);
}

/* litellm_settings.banned_keywords_list: one more filter. */
static void add_banned(struct config_loader *l, const struct config_path *path,
                       const struct node *n)
{
    struct name_list words = config_read_lines(l, n, path);
    struct guard *g = &l->c->guards.v[l->c->guards.n];
    const char *error;
    if (!words.n)
        return;
    *g = (struct guard){.name = BANNED,
                        .id = id_of(l, SLICE(BANNED)),
                        .modes = GUARD_BEFORE | GUARD_AFTER,
                        .default_on = true,
                        .rules = guard_rules_new(),
                        .timeout = TIMEOUT_DEFAULT};
    g->shown = json_parse(SLICE("{\"guardrail\":\"" BANNED "\",\"mode\":[\"pre_call\","
                                "\"post_call\"],\"default_on\":true}"),
                          &l->c->arena, NULL);
    l->c->guards.n++;
    if (!guard_rules_add_words(g->rules, words.v, words.n, SLICE(MASK_OF_WORDS), GUARD_BLOCK, false,
                               &l->arena, &error))
        config_error(l, config_place(n, path), "%s", error);
}

void config_read_guards(struct config_loader *l, const struct node *root)
{
    const struct config_path path = {.key = SLICE("guardrails")};
    const struct config_path litellm = {.key = SLICE("litellm_settings")};
    const struct config_path banned_path = {.up = &litellm, .key = SLICE("banned_keywords_list")};
    const struct node *banned =
        NODE_GET(NODE_GET(root, "litellm_settings"), "banned_keywords_list");
    const struct node *list = NODE_GET(root, "guardrails");
    size_t n = node_is_null(list) || list->kind != NODE_LIST ? 0 : list->count;
    if (n + !node_is_null(banned) > GUARDS_MAX) {
        config_error(l, config_place(list, &path), "there are more than %d", GUARDS_MAX);
        return;
    }
    if (!n && node_is_null(banned))
        return;
    l->c->guards.v = arena_zalloc(&l->c->arena, (n + 1) * sizeof(struct guard));
    add_banned(l, &banned_path, banned);
    for (size_t i = 0; i < n; i++) {
        const struct config_path self = {.up = &path, .index = i};
        read_entry(l, list->items[i].value, &self);
    }
}

const struct guard *guards_find(const struct guards *g, struct slice name)
{
    for (size_t i = 0; i < g->n; i++)
        if (slice_eq(slice_of(g->v[i].name), name))
            return &g->v[i];
    return NULL;
}
