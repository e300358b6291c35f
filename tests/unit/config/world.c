#include "world.h"

#include "check.h"

#include <stdio.h>
#include <string.h>

static bool read_file(void *ctx, const char *path, struct arena *a, struct slice *text,
                      const char **error)
{
    const struct world *w = ctx;
    for (size_t i = 0; i < WORLD_SIZE && w->files[i].path; i++)
        if (strcmp(w->files[i].path, path) == 0) {
            *text = arena_dup(a, slice_of(w->files[i].text));
            return true;
        }
    *error = "No such file or directory";
    return false;
}

static const char *get_env(void *ctx, const char *name)
{
    const struct world *w = ctx;
    for (size_t i = 0; i < WORLD_SIZE && w->env[i].name; i++)
        if (strcmp(w->env[i].name, name) == 0)
            return w->env[i].value;
    return NULL;
}

static void set_env(void *ctx, const char *name, const char *value)
{
    struct world *w = ctx;
    size_t n = strlen(w->set);
    snprintf(w->set + n, sizeof(w->set) - n, "%s=%s ", name, value);
}

void world_init(struct world *w)
{
    *w = (struct world){.host = {w, read_file, get_env, set_env}};
    world_env(w, "HOME", "/home/u");
}

void world_file(struct world *w, const char *path, const char *text)
{
    size_t i = 0;
    while (w->files[i].path && strcmp(w->files[i].path, path) != 0)
        i++;
    assert_true(i < WORLD_SIZE - 1);
    w->files[i].path = path;
    w->files[i].text = text;
}

void world_env(struct world *w, const char *name, const char *value)
{
    size_t i = 0;
    while (w->env[i].name && strcmp(w->env[i].name, name) != 0)
        i++;
    assert_true(i < WORLD_SIZE - 1);
    w->env[i].name = name;
    w->env[i].value = value;
}

struct config *world_load(struct world *w, const char *text)
{
    world_file(w, "c.yaml", text);
    return config_load_from("c.yaml", &w->host);
}

const char *world_problems(const struct config *c)
{
    static char text[16384];
    size_t n = 0;
    unsigned errors = 0, warnings = 0;
    text[0] = '\0';
    for (const struct config_problem *p = c->problems; p; p = p->next) {
        bool main_file = strcmp(p->file, "c.yaml") == 0, error = p->severity == CONFIG_ERROR;
        *(error ? &errors : &warnings) += 1;
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%c%s%s%d %s\n", error ? 'E' : 'W',
                              main_file ? "" : p->file, main_file ? "" : ":", p->line, p->text);
        assert_true(n < sizeof(text));
    }
    assert_int_equal(errors, c->errors);
    assert_int_equal(warnings, c->warnings);
    return text;
}

void world_expect(struct world *w, const char *text, const char *problems)
{
    struct config *c = world_load(w, text);
    if (strcmp(world_problems(c), problems ? problems : "") != 0)
        print_error("--- of:\n%s\n", text);
    assert_string_equal(world_problems(c), problems ? problems : "");
    config_unref(c);
}

const char *world_json(yyjson_val *v)
{
    static char text[4096];
    struct buf b;
    struct json_writer w;
    text[0] = '\0';
    if (!v)
        return text;
    buf_init(&b, sizeof(text) - 1);
    json_begin(&w, &b);
    json_value(&w, v);
    assert_false(b.overflow);
    memcpy(text, b.p, b.n);
    text[b.n] = '\0';
    buf_fini(&b);
    return text;
}
