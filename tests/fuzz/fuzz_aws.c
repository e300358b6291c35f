/* What comes from the AWS tools' files and from those who hand out credentials. The first line of
 * the input is the kind of an identity ('0' and on), the rest is cut at lines of "--": the texts of
 * the identity's answers, or an ini file. A flow ends, whatever it is told; what it found travels
 * in headers. */

#include "aws/flow.h"
#include "base/date.h"

#include <stdlib.h>
#include <string.h>

#define TURNS_MAX 64 /* no flow has more */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
    if (!ok)
        abort();
}

static struct slice next_part(struct slice *rest)
{
    ptrdiff_t at = slice_find(*rest, SLICE("\n--\n"));
    struct slice part = at < 0 ? *rest : slice_make(rest->p, (size_t)at);
    *rest = at < 0 ? (struct slice){0} : slice_skip(*rest, (size_t)at + 4);
    return part;
}

static void check_header(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        check(s.p[i] > ' ' && s.p[i] <= '~');
}

static void check_end(const struct aws_flow *f)
{
    check(f->want == AWS_WANT_NOTHING);
    check(f->failed || (f->found.access_key_id.n && f->found.secret_access_key.n));
    check_header(f->found.access_key_id);
    check_header(f->found.session_token);
    check(slice_find_char(f->error, '\n') < 0);
}

/* The answer's status is its first byte. */
static struct aws_result result_of(struct slice part)
{
    static const int statuses[] = {0, 200, 200, 200, 400, 401, 403, 404, 500};
    unsigned char c = part.n ? (unsigned char)*part.p : 0;
    struct aws_result r = {
        .error = "broken", .silent = c & 128, .date = (c & 64) * INT64_C(40000000)};
    r.status = statuses[(c & 63) % (sizeof(statuses) / sizeof(*statuses))];
    r.ok = r.status != 0;
    r.text = part.n ? slice_skip(part, 1) : part;
    r.credentials = (struct aws_credentials){SLICE("A"), SLICE("s"), SLICE("t")};
    return r;
}

static void run_flow(enum aws_identity_kind kind, struct slice rest, struct arena *a)
{
    struct aws_identity id = {.kind = kind, .name = "n", .attempts = 1, .timeout_ms = 1};
    struct aws_flow f;
    for (int i = 0; i < AWS_TEXTS; i++)
        id.text[i] = SLICE("http://127.0.0.1/x");
    id.may_be_own = rest.n & 1;
    id.no_v1 = rest.n & 2;
    if (kind == AWS_PROCESS)
        id.text[AWS_COMMAND] = next_part(&rest);
    aws_flow_begin(&f, &id, 1795241242, a);
    for (int i = 0; f.want != AWS_WANT_NOTHING; i++) {
        struct aws_result r = result_of(next_part(&rest));
        check(i < TURNS_MAX);
        check(f.want != AWS_WANT_CALL || (f.call.url && f.call.method));
        aws_flow_take(&f, &r);
    }
    check_end(&f);
}

static void read_ini(struct slice text, struct arena *a)
{
    struct aws_shared s = {0};
    int64_t seconds;
    aws_shared_read(&s, AWS_CREDENTIALS_FILE, text, a);
    aws_shared_read(&s, AWS_CONFIG_FILE, text, a);
    struct slice name = slice_split(&text, '\n');
    aws_profile_get(&s, name, "region");
    aws_section_get(&s, "services", name, "sts.endpoint_url");
    date_parse_seconds(name, &seconds);
    date_parse_http(name, &seconds);
    aws_sts_region(name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = slice_make((const char *)data, size);
    struct slice kind = slice_split(&rest, '\n');
    struct arena a;
    arena_init(&a);
    int number = kind.n ? *kind.p - '0' : 0;
    if (number > AWS_KEYS && number <= AWS_INSTANCE)
        run_flow((enum aws_identity_kind)number, rest, &a);
    else
        read_ini(rest, &a);
    arena_fini(&a);
    return 0;
}
