/* A small, strict reader of the AWS tools' ini files.
 *
 * Happy path: "[name]" (in the config file "[profile name]", or "[default]") opens a section,
 * "key = value" lines fill it; within one section the last value of a key counts. Blank lines,
 * lines that start with # or ;, and indented lines (nested settings such as s3's) mean nothing to
 * us.
 *
 * Failure: a line that is none of these gives its number.
 */

#include "aws_profile.h"

static bool is_indented(struct slice line)
{
    return line.n && (*line.p == ' ' || *line.p == '\t');
}

static struct slice unquote(struct slice s)
{
    bool quoted = s.n >= 2 && (*s.p == '"' || *s.p == '\'') && s.p[s.n - 1] == *s.p;
    return quoted ? slice_make(s.p + 1, s.n - 2) : s;
}

/* The profile a section line opens; p == NULL: another kind of section. */
static struct slice profile_of(struct slice section, enum aws_file kind)
{
    struct slice rest = section;
    if (kind == AWS_CREDENTIALS_FILE || slice_eq(section, SLICE("default")))
        return section;
    if (!slice_eq(slice_split(&rest, ' '), SLICE("profile")) || !rest.p)
        return (struct slice){0};
    return unquote(slice_trim(rest));
}

static void read_pair(struct slice key, struct slice value, struct aws_profile *p)
{
    static const char *const others[] = {
        "role_arn",      "credential_process",      "sso_session",
        "sso_start_url", "web_identity_token_file", "credential_source"};
    if (slice_eq(key, SLICE("aws_access_key_id")))
        p->access_key_id = value;
    else if (slice_eq(key, SLICE("aws_secret_access_key")))
        p->secret_access_key = value;
    else if (slice_eq(key, SLICE("aws_session_token")))
        p->session_token = value;
    else if (slice_eq(key, SLICE("region")))
        p->region = value;
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
        if (!p->other && slice_eq(key, slice_of(others[i])))
            p->other = others[i];
}

static int read_lines(struct slice text, enum aws_file kind, struct slice name,
                      struct aws_profile *p)
{
    bool mine = false;
    for (int number = 1; text.p; number++) {
        struct slice raw = slice_split(&text, '\n'), line = slice_trim(raw);
        if (!line.n || *line.p == '#' || *line.p == ';' || is_indented(raw))
            continue;
        if (*line.p == '[') {
            if (line.p[line.n - 1] != ']')
                return number;
            struct slice section = slice_trim(slice_make(line.p + 1, line.n - 2));
            mine = slice_eq(profile_of(section, kind), name);
            p->found = p->found || mine;
            continue;
        }
        struct slice value = line, key = slice_trim(slice_split(&value, '='));
        if (!value.p || !key.n)
            return number;
        if (mine)
            read_pair(key, slice_trim(value), p);
    }
    return 0;
}

int aws_profile_read(struct slice text, enum aws_file kind, struct slice name,
                     struct aws_profile *p)
{
    struct aws_profile here = {0};
    int line = read_lines(text, kind, name, &here);
    p->found = p->found || here.found;
    if (!p->access_key_id.n && !p->secret_access_key.n) { /* a pair comes from one file */
        p->access_key_id = here.access_key_id;
        p->secret_access_key = here.secret_access_key;
        p->session_token = here.session_token;
    }
    if (!p->region.n)
        p->region = here.region;
    if (!p->other)
        p->other = here.other;
    return line;
}
