/* Reading a prompt without understanding it.
 *
 * Names are runs of capitalised words that do not begin a sentence, paths are words with a slash or
 * a file extension, quotations stand in "", '' or ``. Whatever is not found is simply not there:
 * nothing here fails. */

#include "prompt.h"

#include <ctype.h>
#include <string.h>

static struct slice block_text(yyjson_val *block)
{
    const struct slice text = json_get_slice(block, "text");
    return text.p ? text
                  : json_get_slice(json_get(json_get(block, "guardContent"), "text"), "text");
}

static struct slice message_text(yyjson_val *message, struct arena *a)
{
    size_t i, n;
    yyjson_val *block;
    struct buf text;
    buf_init(&text, 32 * 1024 * 1024);
    yyjson_arr_foreach(message_content(message), i, n, block)
    {
        const struct slice part = block_text(block);
        if (!part.n)
            continue;
        if (text.n)
            buf_add_char(&text, '\n');
        buf_add(&text, part);
    }
    const struct slice out = arena_dup(a, buf_slice(&text));
    buf_fini(&text);
    return out;
}

struct slice prompt_text(yyjson_val *body, struct arena *a)
{
    return message_text(body_last_user(body), a);
}

static bool message_plans(yyjson_val *message)
{
    size_t i, n;
    yyjson_val *block;
    yyjson_arr_foreach(message_content(message), i, n, block)
    {
        if (slice_find(block_text(block), SLICE("[[sim:turn(")) >= 0)
            return true;
    }
    return false;
}

bool prompt_plan(yyjson_val *body, struct arena *a, struct slice *text, int64_t *turn)
{
    size_t i, n;
    yyjson_val *message, *plan = NULL, *last = body_last_user(body);
    yyjson_arr_foreach(json_get(body, "messages"), i, n, message)
    {
        if (message_is(message, "assistant")) {
            ++*turn;
        } else if (message != last && message_plans(message)) {
            plan = message;
            *turn = 0;
        }
    }
    if (plan)
        *text = message_text(plan, a);
    return plan != NULL;
}

size_t utf8_cut(struct slice s, size_t max)
{
    if (s.n <= max)
        return s.n;
    while (max && ((unsigned char)s.p[max] & 0xC0) == 0x80)
        max--;
    return max;
}

size_t utf8_count(struct slice s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        n += ((unsigned char)s.p[i] & 0xC0) != 0x80;
    return n;
}

/* ---- gist ---------------------------------------------------------------------------------- */

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Length of a tag at the start of `s` (<task>, </task>), or 0. */
static size_t tag_length(struct slice s)
{
    if (s.n < 3 || s.p[0] != '<' || (!isalpha((unsigned char)s.p[1]) && s.p[1] != '/'))
        return 0;
    const ptrdiff_t end = slice_find_char(slice_make(s.p, s.n > 64 ? 64 : s.n), '>');
    return end < 0 ? 0 : (size_t)end + 1;
}

struct slice prompt_gist(struct slice text, size_t max, struct arena *a)
{
    char *out = arena_alloc(a, max * 2 + 8);
    size_t n = 0, i = 0;
    while (i < text.n && n < max * 2) {
        const size_t tag = tag_length(slice_skip(text, i));
        if (tag || is_space(text.p[i])) {
            if (n && out[n - 1] != ' ')
                out[n++] = ' ';
            i += tag ? tag : 1;
            continue;
        }
        out[n++] = text.p[i++];
    }
    const struct slice line = slice_trim(slice_make(out, n));
    if (line.n <= max)
        return line;
    size_t cut = utf8_cut(line, max);
    for (size_t word = cut; word > cut / 2; word--)
        if (line.p[word] == ' ') {
            cut = word;
            break;
        }
    return arena_printf(a, "%.*s…", (int)cut, line.p);
}

/* ---- words --------------------------------------------------------------------------------- */

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || ((unsigned char)c & 0x80);
}

bool prompt_has_word(struct slice text, struct slice word)
{
    for (size_t i = 0; word.n && i + word.n <= text.n; i++) {
        const bool starts = i == 0 || !is_word(text.p[i - 1]);
        const bool ends = i + word.n == text.n || !is_word(text.p[i + word.n]);
        if (starts && ends && slice_eq_nocase(slice_make(text.p + i, word.n), word))
            return true;
    }
    return false;
}

bool prompt_number(struct slice text, struct slice *number)
{
    for (size_t i = 0; i < text.n; i++) {
        size_t n = 0;
        while (i + n < text.n && isdigit((unsigned char)text.p[i + n]))
            n++;
        if (n && n <= 9 && (i == 0 || !is_word(text.p[i - 1])) && text.p[i] != '0') {
            *number = slice_make(text.p + i, n);
            return true;
        }
        i += n;
    }
    return false;
}

/* ---- candidates ---------------------------------------------------------------------------- */

struct scan {
    struct slice text;
    size_t at;
    bool sentence_start;
};

/* The next word, bounded by white space; punctuation at its ends is cut off. */
static bool next_word(struct scan *s, struct slice *word, bool *ends_phrase)
{
    while (s->at < s->text.n && is_space(s->text.p[s->at]))
        s->sentence_start |= s->text.p[s->at++] == '\n';
    size_t from = s->at;
    while (s->at < s->text.n && !is_space(s->text.p[s->at]))
        s->at++;
    if (from == s->at)
        return false;
    size_t to = s->at;
    while (to > from && strchr(".,;:?!()\"'`", s->text.p[to - 1]))
        to--;
    while (from < to && strchr("(\"'`", s->text.p[from]))
        from++;
    *ends_phrase = to < s->at;
    *word = slice_make(s->text.p + from, to - from);
    return true;
}

static bool capitalised(struct slice word)
{
    const unsigned char c = (unsigned char)(word.n ? word.p[0] : 0);
    const unsigned char d = (unsigned char)(word.n > 1 ? word.p[1] : 0);
    return (c >= 'A' && c <= 'Z') || (c == 0xC3 && d >= 0x80 && d <= 0x9E);
}

static size_t find_names(struct slice text, struct slice out[PROMPT_CANDIDATES_MAX])
{
    struct scan s = {.text = text, .sentence_start = true};
    struct slice word, run = {0};
    bool ends;
    size_t n = 0;
    while (n < PROMPT_CANDIDATES_MAX && next_word(&s, &word, &ends)) {
        const bool name = capitalised(word) && !s.sentence_start && word.n > 1;
        if (name)
            run = run.n ? slice_make(run.p, (size_t)(word.p + word.n - run.p)) : word;
        if (run.n && (!name || ends)) {
            out[n++] = run;
            run.n = 0;
        }
        const char last = s.text.p[s.at - 1];
        s.sentence_start = last == '.' || last == '?' || last == '!' || last == ':';
    }
    if (run.n && n < PROMPT_CANDIDATES_MAX)
        out[n++] = run;
    return n;
}

/* "src/main.c", "notes.txt", "/tmp"; not "and/or", not "3.5". */
static bool is_path(struct slice word)
{
    const ptrdiff_t slash = slice_find_char(word, '/');
    if (slice_starts(word, SLICE("http")) || slice_eq_nocase(word, SLICE("and/or")))
        return false;
    if (slash >= 0)
        return word.n > 1;
    const ptrdiff_t dot = slice_find_char(slice_skip(word, word.n ? 1 : 0), '.');
    const size_t extension = dot < 0 ? 0 : word.n - (size_t)dot - 2;
    return extension >= 1 && extension <= 5 && isalpha((unsigned char)word.p[word.n - extension]);
}

static size_t find_paths(struct slice text, struct slice out[PROMPT_CANDIDATES_MAX])
{
    struct scan s = {.text = text};
    struct slice word;
    bool ends;
    size_t n = 0;
    while (n < PROMPT_CANDIDATES_MAX && next_word(&s, &word, &ends))
        if (is_path(word))
            out[n++] = word;
    return n;
}

static size_t find_quoted(struct slice text, struct slice out[PROMPT_CANDIDATES_MAX])
{
    size_t n = 0;
    for (size_t i = 0; i < text.n && n < PROMPT_CANDIDATES_MAX; i++) {
        const char quote = text.p[i];
        if ((quote != '"' && quote != '\'' && quote != '`') || (i && is_word(text.p[i - 1])))
            continue;
        const struct slice rest = slice_skip(text, i + 1);
        const ptrdiff_t end = slice_find_char(rest, quote);
        if (end <= 0 || end > 200)
            continue;
        out[n++] = slice_make(rest.p, (size_t)end);
        i += (size_t)end + 1;
    }
    return n;
}

/* What stands between two candidates of one row. */
static bool joins(const char *from, const char *to)
{
    static const char *const words[] = {",", "and", ", and", "&", "or", "et", "und", "y", ";"};
    struct slice between = slice_trim(slice_make(from, (size_t)(to - from)));
    while (between.n && strchr("\"'`", between.p[0]))
        between = slice_trim(slice_skip(between, 1));
    while (between.n && strchr("\"'`", between.p[between.n - 1]))
        between = slice_trim(slice_make(between.p, between.n - 1));
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (slice_eq(between, slice_of(words[i])))
            return true;
    return false;
}

size_t prompt_candidates(struct slice text, enum candidate_kind kind, bool joined,
                         struct slice out[PROMPT_CANDIDATES_MAX])
{
    size_t n = 0, row = 1;
    switch (kind) {
    case CANDIDATE_NAME: n = find_names(text, out); break;
    case CANDIDATE_PATH: n = find_paths(text, out); break;
    case CANDIDATE_QUOTED: n = find_quoted(text, out); break;
    }
    if (!joined || n < 2)
        return n;
    while (row < n && joins(out[row - 1].p + out[row - 1].n, out[row].p))
        row++;
    return row;
}
