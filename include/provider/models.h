#ifndef PROVIDER_MODELS_H
#define PROVIDER_MODELS_H

/* What is known of Bedrock's models: prices, limits, capabilities. Facts are data: models.json, one
 * row per base model, compiled in; a file of LiteLLM's price-map shape can be laid over it, and a
 * deployment's model_info over that. Lookup is by the id that is called, with or without a
 * geography prefix ("us.", "eu.", "global."); a Claude that no row names inherits the rules of its
 * nearest relative (a newer one those of the newest), so that a new model works on the day it
 * appears.
 *
 * The overlay's keys are ids, inference profiles, or "bedrock/<region>/<id>".
 *
 * Everything belongs to the table's arena; immutable after loading. */

#include "base/json.h"
#include "llm/event.h"

enum model_family {
    FAMILY_OTHER,
    FAMILY_CLAUDE,
    FAMILY_NOVA,
    FAMILY_TITAN,
    FAMILY_LLAMA,
    FAMILY_MISTRAL,
    FAMILY_COHERE,
    FAMILY_DEEPSEEK,
    FAMILY_QWEN,
    FAMILY_OPENAI
};

/* How a model thinks (bedrock facts: adaptive from Claude 4.6 on, budgets refused from Opus 4.7).
 */
enum model_thinking {
    THINKING_NONE,
    THINKING_BUDGET,          /* {type: enabled, budget_tokens} */
    THINKING_ADAPTIVE_BUDGET, /* both forms */
    THINKING_ADAPTIVE,        /* {type: adaptive} and an effort */
    THINKING_ALWAYS           /* adaptive, and cannot be switched off */
};

/* USD per token. */
struct model_prices {
    double input, output, cache_read, cache_write, cache_write_1h;
};

/* The rows a model was read from, most specific first. */
#define MODEL_ROWS_MAX 7
struct model_rows {
    yyjson_val *v[MODEL_ROWS_MAX];
    size_t n;
    size_t own; /* the first so many tell of this very model, the others of a relative */
};

struct model {
    const char *id;  /* base id, without geography */
    const char *key; /* with it: the id that was looked up; of an ARN its last segment */
    enum model_family family;
    bool known; /* a row names it; false: inherited or guessed */
    bool heir;  /* not known, but a row of an older relative holds, without its prices */
    int64_t max_input_tokens, max_output_tokens; /* 0: not known */
    bool has_prices;
    struct model_prices prices;
    int64_t long_prompt_tokens; /* above so many prompt tokens `long_prices` hold; 0: never */
    struct model_prices long_prices;
    enum model_thinking thinking;
    bool tools, tool_choice, forced_tool; /* toolConfig; toolChoice; toolChoice any or tool */
    bool vision, documents, video;
    bool prompt_cache;
    bool cache_ttl;             /* takes ttl: 1h */
    int64_t cache_min_tokens;   /* a shorter prefix is not cached; 0: not known */
    bool system;                /* takes a system prompt on Converse */
    bool sampling;              /* takes temperature, top_p, top_k */
    bool one_sampler;           /* but not temperature together with top_p */
    bool prefill;               /* may be given the beginning of its answer */
    bool native_json_schema;    /* outputConfig.textFormat */
    bool strict_tools;          /* toolSpec.strict on Converse */
    bool parallel_tool_config;  /* disable_parallel_tool_use */
    bool effort;                /* takes output_config.effort */
    bool effort_xhigh;          /* takes "xhigh", which not all do that take "max" */
    const char *effort_ceiling; /* the highest effort it takes, or NULL: not known */
    yyjson_val *betas;          /* anthropic-beta flags → the APIs that take them */
    yyjson_val *own_betas;      /* supported_betas: flags of this model's own, or NULL */
    struct model_rows rows;     /* facts that no member tells */
};

struct model_table;

/* `overlay`: JSON text laid over the compiled-in table, or empty. NULL: the overlay is not a JSON
 * object of objects (`error` says why). */
struct model_table *model_table_new(struct slice overlay, struct json_error *error);
void model_table_free(struct model_table *t); /* NULL is fine */

/* The model behind an id or ARN as it is called in a region. Never NULL; lives in `a`. `own`: the
 * deployment's model_info, laid over everything, or NULL. */
const struct model *models_find(const struct model_table *t, struct slice id, struct slice region,
                                yyjson_val *own, struct arena *a);

/* What may be told of a model, by LiteLLM's name ("output_vector_size"): what its own rows say; of
 * an older relative's row everything but prices; nothing of a newer one's. NULL: not known, or
 * taken back. */
yyjson_val *model_fact(const struct model *m, const char *name);

/* All of it, the most specific last; null takes back. */
void model_each_fact(const struct model *m,
                     void (*each)(void *ctx, struct slice name, yyjson_val *value), void *ctx);

/* Every id that the table and the overlay name, profiles ("us.…") behind their base id. `id` is
 * gone when each() returns. */
void models_each_id(const struct model_table *t, void (*each)(void *ctx, struct slice id),
                    void *ctx);

/* USD. */
struct model_cost {
    double input, output, cache_read, cache_write, total;
};
/* At the prices of a service tier ("flex", "priority"); empty, or not priced: the usual ones. */
struct model_cost model_cost(const struct model *m, const struct llm_usage *u, struct slice tier);

/* Whether an anthropic-beta flag may be sent; `api`: "converse" or "invoke". */
bool model_takes_beta(const struct model *m, struct slice name, struct slice api);

/* "eu.anthropic.claude-…" → "anthropic.claude-…"; ARNs → their last segment, likewise stripped. */
struct slice model_base_id(struct slice id);

#endif
