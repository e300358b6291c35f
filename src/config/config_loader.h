#ifndef CONFIG_LOADER_H
#define CONFIG_LOADER_H

/* What the steps of loading share: the snapshot being made, the tree, the problems found so far,
 * and the few things loading asks of the outside world. */

#include "config_node.h"

#include "base/map.h"
#include "config/config.h"

#define CONFIG_MAX_FILE_SIZE (16 << 20) /* bytes of one file */
#define CONFIG_MAX_NODES     300000 /* over all files, aliases expanded; 64 bytes of text each */
#define CONFIG_MAX_JSON      (64 << 20) /* bytes of one map written as JSON */
#define FETCH_MB_MAX         1000       /* of fetch_max_mb */
#define CONFIG_MAX_SECONDS   4000000    /* 46 days; as ms it fits an unsigned int */
#define CONFIG_MAX_PROBLEMS  500        /* kept; more are counted */

/* Files and environment. Tests and the fuzzer put their own in. */
struct config_host {
    void *ctx;
    /* The whole file, followed by a NUL. False: `error` says why (static, or strerror). */
    bool (*read_file)(void *ctx, const char *path, struct arena *a, struct slice *text,
                      const char **error);
    const char *(*get_env)(void *ctx, const char *name); /* NULL: not set */
    void (*set_env)(void *ctx, const char *name, const char *value);
    struct slice stored;     /* what a database has: see config_load_stored() */
    struct secrets *secrets; /* likewise; NULL: nobody was asked */
};

extern const struct config_host config_host_system;

/* Where a value stands, for messages: a chain from the leaf to the root, on the stack. */
struct config_path {
    const struct config_path *up; /* NULL: top level */
    struct slice key;             /* p == NULL: an element of a list, see index */
    size_t index;
};

struct config_place {
    const char *file;
    int line;
    const struct config_path *path; /* NULL: the file as a whole */
};

struct config_loader {
    struct config *c;
    const struct config_host *host;
    struct arena arena; /* trees and file texts: gone after loading */
    const char *files[CONFIG_MAX_FILES];
    size_t file_count;
    size_t nodes;                   /* so far, against CONFIG_MAX_NODES */
    size_t problem_count;           /* kept in c->problems */
    uint8_t *warned;                /* by row of config_options: its "no effect yet" was said */
    struct map exports;             /* environment_variables: name → struct node * */
    struct map ids;                 /* of deployments, in use */
    struct map credentials;         /* of credential_list: name → struct node * of its values */
    struct aws_shared *aws;         /* NULL: not read yet */
    struct config_place aws_bad[2]; /* lines of its files that are no ini; line 0: none */
    bool aws_needed;                /* a deployment looks there for credentials */
    unsigned source_rank;           /* of c->credential_source */
    size_t own_endpoints;           /* deployments with an endpoint that is not Amazon's */
    unsigned suggestions;           /* looked for so far: they are not cheap */
    bool lenient;                   /* errors become warnings, and are counted: */
    unsigned lessened;
};

/* The snapshot of `path`; as config_load(), with another world outside. */
struct config *config_load_from(const char *path, const struct config_host *host);

/* ---- problems (config_problem.c) ----------------------------------------------------------- */

/* `at` may be NULL when the path says it all. */
struct config_place config_place(const struct node *at, const struct config_path *path);

/* The text is preceded by the path and must not quote values that could be secret. */
void config_error(struct config_loader *l, struct config_place place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void config_warn(struct config_loader *l, struct config_place place, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void config_sort_problems(struct config_loader *l);

/* ---- steps, in order ----------------------------------------------------------------------- */

/* config_file.c: the tree of `path` with what it includes; NULL after a problem. */
struct node *config_read_tree(struct config_loader *l, const char *path);
/* The path of a file that another file names. */
const char *config_join_path(struct arena *a, const char *file, struct slice name);

/* config_yaml.c: the tree of one text; NULL after a problem. An empty text gives an empty map. */
struct node *config_parse_yaml(struct config_loader *l, const char *file, struct slice text);

/* config_secrets.c: finds out which secrets to ask for, with the environment alone, and takes what
 * host->secrets says. False: the rest cannot be read, a problem was reported. */
bool config_read_secrets(struct config_loader *l, struct node *root);

/* config_stored.c: what a database has, JSON or empty, in front of the eyes of all that follows. */
void config_add_stored(struct config_loader *l, struct node *root, struct slice stored);
bool config_is_stored(const struct node *n); /* it came from there */

/* config_env.c: notes environment_variables, then replaces os.environ/NAME everywhere. */
void config_substitute(struct config_loader *l, struct node *root);
/* Of one value, before anything else is known. */
void config_substitute_early(struct config_loader *l, struct node *map, const char *key,
                             const struct config_path *path);
/* What a secret manager, environment_variables, or else the environment says; NULL: not set. */
const char *config_env(const struct config_loader *l, const char *name);
/* Sets environment_variables for the whole process. */
void config_export(const struct config_loader *l, const struct node *root);

/* config_section.c */
void config_defaults(struct config_loader *l); /* every setting to its row's default */
/* Looks at each key of a map: known? here? of the right type? Stores what goes into the settings.
 * Another node than a map is somebody else's error. */
void config_check_section(struct config_loader *l, const char *section, const struct node *map,
                          const struct config_path *path);

/* config_groups.c */
/* A list of a section as JSON; NULL: not there, or empty. */
yyjson_val *config_read_list(struct config_loader *l, const struct node *section,
                             const char *section_name, const char *name);
/* Any value as JSON; NULL: a problem was reported. */
yyjson_val *config_read_json(struct config_loader *l, const struct node *n,
                             const struct config_path *path);
void config_read_groups(struct config_loader *l, const struct node *root);

/* config_database.c: once database_url is read. */
void config_read_database(struct config_loader *l, const struct node *general);

/* config_credentials.c: before the models. */
void config_read_credentials(struct config_loader *l, const struct node *root);
/* What litellm_params name; NULL: nothing, or what is not there. */
const struct node *config_credential_values(struct config_loader *l, const struct node *params,
                                            const struct config_path *up);

/* config_access.c: names: a list, or a file's path, beneath the folder of the file that says it,
 * with one in each line. In the snapshot's arena. */
struct name_list config_read_lines(struct config_loader *l, const struct node *n,
                                   const struct config_path *path);

/* config_calls.c: which heads become tags, which are handed on. */
void config_read_calls(struct config_loader *l, const struct node *root);

/* config_spend.c: what rows of requests have. */
void config_read_spend(struct config_loader *l, const struct node *general);

/* config_guards.c */
void config_read_guards(struct config_loader *l, const struct node *root);

/* config_callbacks.c */
void config_read_callbacks(struct config_loader *l, const struct node *root);

/* config_access.c: who may call what, and from where. */
void config_read_access(struct config_loader *l, const struct node *root);

/* config_metrics.c */
void config_read_metrics(struct config_loader *l, const struct node *root);

/* config_alerting.c */
void config_read_alerting(struct config_loader *l, const struct node *root);
/* config_sso.c: from the environment */
void config_read_sso(struct config_loader *l);

/* config_caching.c: the response cache. */
void config_read_caching(struct config_loader *l, const struct node *root);
/* config_redis.c: the Redis that gateways share. */
void config_read_redis(struct config_loader *l, const struct node *root);

/* config_facts.c: the table of models, with what model_facts_file lays over it. */
void config_read_facts(struct config_loader *l, const struct node *general);

/* config_models.c */
void config_read_models(struct config_loader *l, const struct node *root);

/* config_routing.c: settings of the router; what it wants to know of a deployment whose `params`
 * are read; in the end the deployments by name. */
void config_read_routing(struct config_loader *l, const struct node *root);
void config_read_route(struct config_loader *l, struct deployment *d, const struct node *params,
                       const struct config_path *path);
void config_free_patterns(const struct deployment *d); /* of its route; there may be none */
void config_gather_pools(struct config_loader *l, const struct node *root);

/* config_limits.c: limits of all, of groups and of keys (default_api_key_… of one deployment), and
 * the keys that the configuration names. Once the groups are gathered. */
struct reading;
/* config_pass.c */
void config_read_passes(struct config_loader *l, const struct node *root);

void config_read_limits(struct config_loader *l, const struct node *root);
void config_read_key_defaults(struct reading params, struct limit_set *per_key);

/* config_aws.c: region, endpoint and credentials of a deployment whose names are read. `region` is
 * the one that its model path or ARN names, or empty. */
void config_read_aws(struct config_loader *l, struct deployment *d, const struct node *params,
                     struct slice region, const struct config_path *path);
/* Of s3_callback_params, whose names are those of a deployment behind "s3_". NULL: nobody's. */
const struct aws_identity *config_read_s3_identity(struct config_loader *l,
                                                   const struct node *params);
/* Who asks a secret manager, and where; by the names of litellm_params, too. */
void config_read_secrets_aws(struct config_loader *l, const struct node *params,
                             const struct config_path *path, struct secrets_plan *plan);
/* What config_credential_source() will say. */
void config_note_source(struct config_loader *l);

/* ---- the table (config_options.c) ---------------------------------------------------------- */

/* Beside an offset into struct settings, a row may say: */
#define OPTION_BY_SECTION (-1) /* its section's code looks at it */
#define OPTION_REQUEST    (-2) /* a request parameter: goes to deployment.defaults */
#define OPTION_PRICE      (-3) /* a price or limit: goes to deployment.model_info */

size_t config_option_count(void);

struct option_rows {
    const struct config_option *first;
    size_t count;
};

/* The rows of a section; they stand together. */
struct option_rows config_section_rows(const char *section);

/* A name in the table with a '*' stands for a family of keys. NULL: unknown here. */
const struct config_option *config_find_option(struct option_rows rows, struct slice name);

/* The sections in which a name has a row, "a or b or c"; NULL: none. */
const char *config_homes(struct config_loader *l, struct slice name);

/* What the writer of an unknown key most likely meant: the nearest name, here rather than
 * elsewhere. NULL: nothing is near. */
const struct config_option *config_nearest_option(struct config_loader *l, const char *section,
                                                  struct slice name);

/* The nearest of some names. NULL: nothing is near. */
const char *config_nearest_name(struct config_loader *l, const char *const *names, size_t count,
                                struct slice name);

/* What to add to the warning about an option without effect; "": nothing. */
const char *config_accepted_note(const struct config_option *o);

/* Of an OPT_REFUSED one: why, and what to do instead. */
const char *config_refusal(const struct config_option *o);

enum config_key {
    KEY_KNOWN,    /* has a row and its type */
    KEY_LEFT_OUT, /* a problem was reported, or it is null */
    KEY_NEW       /* unknown and like nothing known; not reported */
};

enum config_key config_check_key(struct config_loader *l, struct option_rows rows,
                                 const struct node_item *item, const struct config_path *up,
                                 const struct config_option **option);

#endif
