/* Loading a configuration from memory. The input is up to four files, separated by 0x1e: c.yaml,
 * b.yaml (which c.yaml may include), ~/.aws/credentials and ~/.aws/config. Nothing real is read.
 *
 * Whatever comes, problems are printable lines in the order of files and lines, nothing secret is
 * in them, a second load says the same, and a configuration without an error is one that can be
 * used.
 */

#include "config/bedrock_name.h"
#include "config_loader.h"

#include <stdlib.h>
#include <string.h>

#define FILES  4
#define SECRET "hush9e1f"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
    if (!ok)
        abort();
}

static bool read_file(void *ctx, const char *path, struct arena *a, struct slice *text,
                      const char **error)
{
    static const char *const names[FILES] = {"c.yaml", "b.yaml", "/h/.aws/credentials",
                                             "/h/.aws/config"};
    const struct slice *files = ctx;
    for (size_t i = 0; i < FILES; i++)
        if (files[i].p && strcmp(path, names[i]) == 0) {
            *text = arena_dup(a, files[i]);
            return true;
        }
    *error = "no such file";
    return false;
}

/* What begins with N is not set. */
static const char *get_env(void *ctx, const char *name)
{
    (void)ctx;
    if (strcmp(name, "HOME") == 0)
        return "/h";
    if (strcmp(name, "SECRET") == 0 || strcmp(name, "LITELLM_MASTER_KEY") == 0)
        return SECRET;
    return *name == 'V' ? "value" : *name == 'B' ? "\xff" : *name == 'E' ? "" : NULL;
}

static void set_env(void *ctx, const char *name, const char *value)
{
    (void)ctx;
    check(*name && !strchr(name, '=') && value);
}

/* `open`: the secret stands where texts may be quoted from, as a key. */
static void check_problems(const struct config *c, bool open)
{
    unsigned errors = 0, warnings = 0, shown = 0;
    for (const struct config_problem *p = c->problems; p; p = p->next, shown++) {
        *(p->severity == CONFIG_ERROR ? &errors : &warnings) += 1;
        check(p->file && p->line >= 0 && (open || !strstr(p->text, SECRET)));
        check(!p->next || p->file != p->next->file || p->line <= p->next->line);
        for (const char *s = p->text; *s; s++)
            check((unsigned char)*s >= 0x20 && *s != 0x7f);
    }
    check(shown <= CONFIG_MAX_PROBLEMS && errors <= c->errors && warnings <= c->warnings);
    check(shown == CONFIG_MAX_PROBLEMS || (errors == c->errors && warnings == c->warnings));
}

static void check_deployment(const struct deployment *d)
{
    struct aws_credentials keys = d->credentials;
    check(d->id && *d->id && d->model_name && *d->model_name && d->model && d->signing_key);
    check(bedrock_id_valid(slice_of(d->bedrock_id)) && bedrock_region_valid(slice_of(d->region)));
    check(bedrock_endpoint_parse(slice_of(d->endpoint)).n == strlen(d->endpoint));
    check(d->credential_source && !keys.access_key_id.n == !keys.secret_access_key.n);
    check(!d->defaults || yyjson_is_obj(d->defaults));
    check(!d->model_info || yyjson_is_obj(d->model_info));
    check(d->timeout_s >= 0 && d->stream_timeout_s >= 0 && d->line > 0);
}

static void check_usable(const struct config *c)
{
    struct map ids;
    map_init(&ids);
    for (size_t i = 0; i < c->deployment_count; i++) {
        const struct deployment *d = &c->deployments[i];
        check_deployment(d);
        check(!map_get(&ids, slice_of(d->id)));
        map_put(&ids, slice_of(d->id), &ids);
    }
    map_fini(&ids);
    check(c->settings.max_request_size_mb > 0 && c->settings.max_connections > 0);
    check(c->settings.request_timeout >= 0 && c->settings.idle_timeout >= 0);
}

static void check_same(const struct config *a, const struct config *b)
{
    const struct config_problem *q = b->problems;
    for (const struct config_problem *p = a->problems; p; p = p->next, q = q->next)
        check(q && p->line == q->line && strcmp(p->text, q->text) == 0);
    check(!q && a->deployment_count == b->deployment_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice files[FILES] = {{0}}, rest = slice_make(size ? (const char *)data : "", size);
    for (size_t i = 0; i < FILES && rest.p; i++)
        files[i] = slice_split(&rest, '\x1e');
    const struct config_host host = {files, read_file, get_env, set_env};
    struct config *a = config_load_from("c.yaml", &host), *b = config_load_from("c.yaml", &host);
    check_problems(a, slice_find(files[0], SLICE(SECRET)) >= 0 ||
                          slice_find(files[1], SLICE(SECRET)) >= 0);
    check_same(a, b);
    if (!a->errors)
        check_usable(a);
    config_unref(a);
    config_unref(b);
    return 0;
}
