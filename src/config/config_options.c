/* The option table: every key that Lintel or LiteLLM reads from a configuration file, section by
 * section. docs/config.md and conf/full_config.yml list exactly these rows (tests/lint/options.py).
 *
 * Looking up is a walk over the rows of one section; an unknown name is compared with all. */

#include "config_loader.h"

#include <stddef.h>
#include <string.h>

/* clang-format off */
#define STORED(name, type, effect, field, value, meaning) \
    {SECTION, name, OPT_##type, OPT_##effect, value, meaning, (int)offsetof(struct settings, field)},
#define READ(name, type, effect, value, meaning) \
    {SECTION, name, OPT_##type, OPT_##effect, value, meaning, OPTION_BY_SECTION},
#define REQUEST(name, type, meaning) \
    {SECTION, name, OPT_##type, OPT_RELOAD, NULL, meaning, OPTION_REQUEST},
#define PRICE(name, meaning) \
    {SECTION, name, OPT_NUMBER, OPT_RELOAD, NULL, meaning, OPTION_PRICE},
#define ACCEPTED(name, type, value, meaning) \
    {SECTION, name, OPT_##type, OPT_ACCEPTED, value, meaning, OPTION_BY_SECTION},

#define REFUSED(name, type, value, meaning) \
    {SECTION, name, OPT_##type, OPT_REFUSED, value, meaning, OPTION_BY_SECTION},

const struct config_option config_options[] = {
#include "config_rows_top.h"
#include "config_rows_model.h"
#include "config_rows_litellm.h"
#include "config_rows_router.h"
#include "config_rows_general.h"
    {0},
};
/* clang-format on */

struct option_rows config_section_rows(const char *section)
{
    struct option_rows rows = {.first = config_options};
    while (strcmp(rows.first->section, section) != 0)
        rows.first++;
    const struct config_option *end = rows.first;
    while (end->section && strcmp(end->section, section) == 0)
        end++;
    rows.count = (size_t)(end - rows.first);
    return rows;
}

/* ---- finding ------------------------------------------------------------------------------- */

static bool is_family(const char *name)
{
    return strchr(name, '*') != NULL;
}

/* "vertex_*" stands for all that begins so, "*_key" for all that ends so, "a*b" for both. */
static bool in_family(const char *family, struct slice name)
{
    const char *star = strchr(family, '*');
    struct slice head = slice_make(family, (size_t)(star - family)), tail = slice_of(star + 1);
    return name.n >= head.n + tail.n && slice_starts(name, head) && slice_ends(name, tail);
}

size_t config_option_count(void)
{
    return sizeof(config_options) / sizeof(*config_options) - 1;
}

static struct option_rows all_rows(void)
{
    return (struct option_rows){.first = config_options, .count = config_option_count()};
}

static const struct config_option *find_exact(struct option_rows rows, struct slice name)
{
    for (const struct config_option *o = rows.first; o < rows.first + rows.count; o++)
        if (strncmp(o->name, name.p, name.n) == 0 && !o->name[name.n] && !is_family(o->name))
            return o;
    return NULL;
}

/* A family that ends alike ("*_key") is broad: names that have a row elsewhere are not in it. */
static bool belongs(const struct config_option *family, struct slice name)
{
    return is_family(family->name) && in_family(family->name, name) &&
           (*family->name != '*' || !find_exact(all_rows(), name));
}

const struct config_option *config_find_option(struct option_rows rows, struct slice name)
{
    const struct config_option *o = find_exact(rows, name);
    for (size_t i = 0; !o && i < rows.count; i++)
        if (belongs(&rows.first[i], name))
            o = &rows.first[i];
    return o;
}

/* ---- suggesting ---------------------------------------------------------------------------- */

#define NAME_MAX_COMPARED 64
#define SUGGESTIONS_MAX   200

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
    unsigned m = a < b ? a : b;
    return m < c ? m : c;
}

/* Edits (insert, delete, change, swap neighbours) between two names; `limit` + 1: more. */
static unsigned distance(struct slice a, struct slice b, unsigned limit)
{
    unsigned rows[3][NAME_MAX_COMPARED + 1];
    if (a.n > b.n + limit || b.n > a.n + limit)
        return limit + 1;
    for (unsigned k = 0; k <= b.n; k++)
        rows[0][k] = k;
    for (unsigned i = 1; i <= a.n; i++) {
        unsigned *now = rows[i % 3];
        const unsigned *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        unsigned best = now[0] = i;
        for (unsigned k = 1; k <= b.n; k++) {
            bool same = a.p[i - 1] == b.p[k - 1];
            now[k] = min3(last[k] + 1, now[k - 1] + 1, last[k - 1] + !same);
            if (i > 1 && k > 1 && a.p[i - 1] == b.p[k - 2] && a.p[i - 2] == b.p[k - 1])
                now[k] = min3(now[k], before[k - 2] + 1, now[k]);
            best = now[k] < best ? now[k] : best;
        }
        if (best > limit)
            return limit + 1;
    }
    return rows[a.n % 3][b.n];
}

static const struct config_option *nearest(struct option_rows rows, struct slice name,
                                           unsigned limit)
{
    const struct config_option *found = NULL;
    for (const struct config_option *o = rows.first; o < rows.first + rows.count; o++) {
        unsigned d = limit + 1;
        if (!is_family(o->name))
            d = distance(name, slice_of(o->name), limit);
        if (d > limit)
            continue;
        found = o;
        if (d == 0)
            break;
        limit = d - 1; /* only a nearer one replaces it */
    }
    return found;
}

/* Edits that are a slip. False: it is not compared. */
static bool may_slip(struct config_loader *l, struct slice name, unsigned *edits)
{
    *edits = name.n < 3 ? 0 : name.n < 8 ? 1 : name.n < 14 ? 2 : 3;
    return name.n <= NAME_MAX_COMPARED - 3 && ++l->suggestions <= SUGGESTIONS_MAX;
}

const char *config_nearest_name(struct config_loader *l, const char *const *names, size_t count,
                                struct slice name)
{
    unsigned limit;
    const char *found = NULL;
    if (!may_slip(l, name, &limit))
        return NULL;
    for (size_t i = 0; i < count; i++) {
        unsigned d = distance(name, slice_of(names[i]), limit);
        if (d > limit)
            continue;
        found = names[i];
        if (d == 0)
            break;
        limit = d - 1;
    }
    return found;
}

const struct config_option *config_nearest_option(struct config_loader *l, const char *section,
                                                  struct slice name)
{
    unsigned limit;
    if (!may_slip(l, name, &limit))
        return NULL;
    const struct config_option *o = nearest(config_section_rows(section), name, limit);
    return o ? o : nearest(all_rows(), name, limit);
}

const char *config_homes(struct config_loader *l, struct slice name)
{
    struct slice text = {0};
    for (const struct config_option *o = config_options; o->section; o++)
        if (slice_eq(slice_of(o->name), name))
            text = arena_printf(&l->arena, "%.*s%s%s", SLICE_ARG(text), text.n ? " or " : "",
                                o->section);
    return text.p;
}

/* ---- what an option without effect deserves to hear ---------------------------------------- */

#define PLACE(right) " (LiteLLM's place for it: " right ")"

const char *config_accepted_note(const struct config_option *o)
{
    static const char *const notes[][3] = {
        {"litellm_settings", "retry_after", PLACE("router_settings")},
        {"litellm_settings", "model_cost_map_url", ": name a file in model_facts_file"},
        {"litellm_settings", "overwrite_user_with_key_hash",
         ": Bedrock is told no user; bedrock_request_metadata_fields: [user_api_key_hash] tells it "
         "whose key"},
    };
    for (size_t i = 0; i < sizeof(notes) / sizeof(*notes); i++)
        if (strcmp(notes[i][0], o->section) == 0 && strcmp(notes[i][1], o->name) == 0)
            return notes[i][2];
    return "";
}

const char *config_refusal(const struct config_option *o)
{
#define NO_PYTHON                                                                                  \
    "runs Python code, which Lintel has not: without it calls would pass that it is there to "     \
    "stop; "
#define NO_VAULT                                                                                   \
    "only AWS Secrets Manager is read here (key_management_system): put what lies elsewhere into " \
    "the environment before the start"
    static const char *const texts[][2] = {
        {"custom_auth", NO_PYTHON "give out keys (/key/generate, or general_settings.api_keys)"},
        {"custom_key_generate", NO_PYTHON "key_generation_settings says who may make which keys"},
        {"custom_key_update", NO_PYTHON "key_generation_settings says who may make which keys"},
        {"custom_key_policy", NO_PYTHON "key_generation_settings says who may make which keys"},
        {"custom_ui_sso_sign_in_handler", NO_PYTHON "set up single sign-on (docs/ui.md)"},
        {"use_azure_key_vault", NO_VAULT},
        {"use_google_kms", NO_VAULT},
        {"enable_jwt_auth", "tokens of an identity provider are no keys here: give out keys "
                            "(/key/generate); single sign-on is for the admin pages"},
        {"enable_oauth2_auth", "tokens of an identity provider are no keys here: give out keys "
                               "(/key/generate); single sign-on is for the admin pages"},
        {"enable_oauth2_proxy_auth", "a proxy's word for who calls is no key here: give out keys "
                                     "(/key/generate)"},
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        if (strcmp(texts[i][0], o->name) == 0)
            return texts[i][1];
    return "roles of tokens are not there: say it with allowed_routes and models of keys, teams "
           "and users, or admin_only_routes";
#undef NO_PYTHON
#undef NO_VAULT
}
