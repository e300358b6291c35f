/* The problems of a configuration: collected while it loads, shown all at once.
 *
 * Happy path: none. A problem is one line of text with the path of its key, a file and a line.
 * Failure modes: too many problems (CONFIG_MAX_PROBLEMS are kept, all are counted); the same
 * problem met again through an alias (kept once).
 */

#include "config_loader.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX  1024 /* bytes of one message */
#define KEY_SHOWN 64   /* bytes of one key in it */

struct config_place config_place(const struct node *at, const struct config_path *path)
{
    return (struct config_place){
        .file = at ? at->file : NULL, .line = at ? at->line : 0, .path = path};
}

/* One step of a path. */
static void write_step(const struct config_path *path, struct buf *out)
{
    if (!path->key.p)
        buf_addf(out, "[%zu]", path->index);
    else if (path->up)
        buf_add_char(out, '.');
    buf_add(out, slice_make(path->key.p, path->key.n < KEY_SHOWN ? path->key.n : KEY_SHOWN));
}

static void write_path(const struct config_path *path, struct buf *out)
{
    if (!path)
        return;
    write_path(path->up, out);
    write_step(path, out);
}

/* One line of readable text, whatever the keys of the file hold. */
static char *clean_text(struct arena *a, struct buf *text)
{
    char *s = arena_strdup(a, buf_slice(text));
    for (char *p = s; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
    return s;
}

/* The same thing about the same key at the same place: an alias that stands in many entries. */
static bool is_known(const struct config_loader *l, const struct config_problem *p,
                     const char *message)
{
    size_t n = strlen(message);
    for (const struct config_problem *q = l->c->problems; q; q = q->next) {
        size_t m = strlen(q->text);
        if (q->line == p->line && q->file == p->file && m >= n &&
            strcmp(q->text + (m - n), message) == 0)
            return true;
    }
    return false;
}

static void add_problem(struct config_loader *l, const struct config_problem *p, size_t leaf)
{
    struct config *c = l->c;
    if (is_known(l, p, p->text + leaf))
        return;
    *(p->severity == CONFIG_ERROR ? &c->errors : &c->warnings) += 1;
    struct config_problem *kept = ARENA_NEW(&c->arena, struct config_problem);
    *kept = *p;
    kept->next = c->problems;
    c->problems = kept;
    if (++l->problem_count == CONFIG_MAX_PROBLEMS)
        kept->text = "there are more problems than are shown here";
}

static void report(struct config_loader *l, struct config_place place,
                   enum config_severity severity, const char *format, va_list args)
    __attribute__((format(printf, 4, 0)));

static void report(struct config_loader *l, struct config_place place,
                   enum config_severity severity, const char *format, va_list args)
{
    struct config_problem p = {.severity = severity, .line = place.line, .file = place.file};
    char message[TEXT_MAX];
    struct buf text;
    if (l->problem_count == CONFIG_MAX_PROBLEMS) {
        *(severity == CONFIG_ERROR ? &l->c->errors : &l->c->warnings) += 1;
        return;
    }
    vsnprintf(message, sizeof(message), format, args);
    buf_init(&text, TEXT_MAX + NODE_MAX_HEIGHT * (KEY_SHOWN + 32));
    write_path(place.path ? place.path->up : NULL, &text);
    size_t leaf = text.n;
    if (place.path) {
        write_step(place.path, &text);
        BUF_LITERAL(&text, ": ");
    }
    buf_add(&text, slice_of(message));
    p.text = clean_text(&l->c->arena, &text);
    if (!p.file)
        p.file = l->file_count ? l->files[0] : "";
    add_problem(l, &p, leaf);
    buf_fini(&text);
}

void config_error(struct config_loader *l, struct config_place place, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    l->lessened += l->lenient;
    report(l, place, l->lenient ? CONFIG_WARNING : CONFIG_ERROR, format, args);
    va_end(args);
}

void config_warn(struct config_loader *l, struct config_place place, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    report(l, place, CONFIG_WARNING, format, args);
    va_end(args);
}

/* ---- order --------------------------------------------------------------------------------- */

struct ranked {
    struct config_problem *problem;
    size_t file; /* in the order in which files were read */
    size_t found;
};

static int compare(const void *pa, const void *pb)
{
    const struct ranked *a = pa, *b = pb;
    if (a->file != b->file)
        return a->file < b->file ? -1 : 1;
    if (a->problem->line != b->problem->line)
        return a->problem->line < b->problem->line ? -1 : 1;
    return a->found < b->found ? -1 : a->found > b->found;
}

static size_t file_rank(const struct config_loader *l, const char *file)
{
    size_t i = 0;
    while (i < l->file_count && l->files[i] != file)
        i++;
    return i;
}

void config_sort_problems(struct config_loader *l)
{
    size_t n = 0;
    if (!l->problem_count)
        return;
    struct ranked *all = arena_alloc(&l->arena, l->problem_count * sizeof(*all));
    for (struct config_problem *p = l->c->problems; p; p = p->next, n++)
        all[n] = (struct ranked){p, file_rank(l, p->file), l->problem_count - n};
    qsort(all, n, sizeof(*all), compare);
    l->c->problems = NULL;
    while (n--) {
        all[n].problem->next = l->c->problems;
        l->c->problems = all[n].problem;
    }
}
