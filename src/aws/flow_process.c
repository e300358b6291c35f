/* credential_process: a command that prints credentials as JSON. */

#include "flow_private.h"

#include <string.h>

#define WORDS_MAX 256

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* One word of `*rest` to `to`; false: a quote is left open. */
static bool read_word(struct slice *rest, char **to)
{
    char quote = 0;
    for (; rest->n && (quote || !is_space(*rest->p)); *rest = slice_skip(*rest, 1)) {
        char c = *rest->p;
        bool escapes =
            c == '\\' && quote != '\'' && rest->n > 1 && (!quote || strchr("\"\\", rest->p[1]));
        if (escapes) {
            *rest = slice_skip(*rest, 1);
            *(*to)++ = *rest->p;
        } else if (c == quote) {
            quote = 0;
        } else if (!quote && (c == '"' || c == '\'')) {
            quote = c;
        } else {
            *(*to)++ = c;
        }
    }
    *(*to)++ = '\0';
    return !quote;
}

char *const *aws_split_command(struct slice text, struct arena *a)
{
    struct slice rest = slice_trim(text);
    char **words = arena_alloc(a, (WORDS_MAX + 1) * sizeof(*words));
    char *to = arena_alloc(a, rest.n + WORDS_MAX + 1);
    size_t n = 0;
    for (; rest.n && n < WORDS_MAX; rest = slice_trim(rest)) {
        words[n++] = to;
        if (!read_word(&rest, &to))
            return NULL;
    }
    words[n] = NULL;
    return n && !rest.n ? words : NULL;
}

static void run(struct aws_flow *f)
{
    f->doing = "credential_process";
    f->arguments = aws_split_command(f->identity->text[AWS_COMMAND], f->arena);
    f->want = AWS_WANT_OUTPUT;
    if (!f->arguments)
        flow_fail(f, false, "credential_process: a quote in it is left open, or it is too long");
}

void flow_process(struct aws_flow *f, const struct aws_result *r)
{
    int64_t version;
    if (!r) {
        run(f);
        return;
    }
    if (flow_broken(f, r))
        return;
    yyjson_val *v = json_parse(r->text, f->arena, NULL);
    if (!v)
        flow_fail(f, false, "credential_process: it printed no JSON");
    else if (!json_int(json_get(v, "Version"), &version) || version != 1)
        flow_fail(f, false, "credential_process: its output is not of Version 1");
    else
        flow_found_json(f, v, "SessionToken");
}
