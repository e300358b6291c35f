/* Alerts by e-mail: one message (RFC 5322, text/plain in UTF-8) for all that wait, over SMTP.
 *
 * Happy path: SMTP_HOST takes it on SMTP_PORT (587) after STARTTLS, from SMTP_USERNAME with
 * SMTP_PASSWORD if they are set, for everybody in ALERT_EMAIL.
 *
 * Failure modes: a server without STARTTLS gets nothing, unless SMTP_TLS says False; SMTP_USE_SSL
 * speaks TLS from the start (465). An answer of 5xx means that it will not have the message; a
 * recipient that it does not know keeps nobody else from theirs. */

#include "alert_sinks.h"
#include "base/text.h"
#include "sinks.h"
#include "wire/crypto.h"

#include <time.h>

#define PORT_DEFAULT   "587"
#define RECIPIENTS_MAX 20
#define DATE_SIZE      40
#define WORD_BYTES     39  /* of a subject, in one encoded word: a line has 76 characters */
#define SUBJECT_MAX    200 /* bytes */

struct email {
    struct arena arena;
    const char *url;
    struct mail_envelope envelope;
    const char *recipients[RECIPIENTS_MAX + 1];
};

static bool says(const struct sink_setup *s, const char *variable, bool standard)
{
    struct slice v = sink_setting(s, NULL, variable);
    return !v.n ? standard : slice_eq_nocase(v, SLICE("true")) || slice_eq(v, SLICE("1"));
}

/* It becomes a line of a protocol: nothing that ends one. */
static const char *address(struct email *self, struct slice text)
{
    struct slice a = slice_trim(text);
    for (size_t i = 0; i < a.n; i++)
        if (a.p[i] <= ' ' || a.p[i] == '<' || a.p[i] == '>')
            return NULL;
    return a.n && slice_find_char(a, '@') > 0 ? arena_strdup(&self->arena, a) : NULL;
}

/* A longer list is refused: some would hear of nothing. */
static bool read_recipients(struct email *self, struct slice list)
{
    size_t n = 0;
    while (list.p && list.n)
        if (n == RECIPIENTS_MAX ||
            !(self->recipients[n++] = address(self, slice_split(&list, ','))))
            return false;
    self->envelope.to = self->recipients;
    return n > 0;
}

static const char *text_of(struct email *self, struct slice s)
{
    return s.n ? arena_strdup(&self->arena, s) : NULL;
}

static const char *host_url(struct email *self, const struct sink_setup *s, bool ssl)
{
    struct slice host = sink_setting(s, NULL, "SMTP_HOST"),
                 port = sink_setting(s, NULL, "SMTP_PORT");
    return ARENA_JOIN(&self->arena, ssl ? SLICE("smtps://") : SLICE("smtp://"), host, SLICE(":"),
                      port.n ? port : SLICE(PORT_DEFAULT))
        .p;
}

static void *email_open(struct sink_setup *s)
{
    bool ssl = says(s, "SMTP_USE_SSL", false);
    if (!sink_setting(s, NULL, "SMTP_HOST").n)
        return sink_refuse(s, NULL, "SMTP_HOST is not set");
    struct email *self = sink_new(sizeof(*self));
    self->envelope.from = address(self, sink_setting(s, NULL, "SMTP_SENDER_EMAIL"));
    if (!self->envelope.from)
        return sink_refuse(s, self, "SMTP_SENDER_EMAIL is not set, or no address");
    if (!read_recipients(self, sink_setting(s, NULL, "ALERT_EMAIL")))
        return sink_refuse(s, self, "ALERT_EMAIL is not set, or no list of at most 20 addresses");
    self->envelope.user = text_of(self, sink_setting(s, NULL, "SMTP_USERNAME"));
    self->envelope.password = text_of(self, sink_setting(s, NULL, "SMTP_PASSWORD"));
    self->envelope.starttls = !ssl && says(s, "SMTP_TLS", true);
    self->url = host_url(self, s, ssl);
    return self;
}

/* ---- the message ---------------------------------------------------------------------------- */

static void add_date(struct buf *b, int64_t unix_ms)
{
    char text[DATE_SIZE];
    struct tm tm;
    time_t seconds = (time_t)(unix_ms / 1000);
    gmtime_r(&seconds, &tm);
    strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S +0000", &tm);
    buf_addf(b, "Date: %s\r\n", text);
}

/* One line, however the thing is called that it tells of; cut between two characters. */
static struct slice subject_line(struct slice subject, struct arena *a)
{
    char *line = arena_strdup(a, subject);
    text_clean(line, subject.n);
    if (subject.n <= SUBJECT_MAX)
        return slice_make(line, subject.n);
    return ARENA_JOIN(a, slice_make(line, text_utf8_prefix(slice_make(line, SUBJECT_MAX))),
                      SLICE("…"));
}

/* RFC 2047: words in base64, each of whole characters. */
static void add_subject(struct buf *b, struct slice subject)
{
    BUF_LITERAL(b, "Subject:");
    while (subject.n) {
        size_t n = subject.n < WORD_BYTES ? subject.n : WORD_BYTES;
        while (n < subject.n && n && ((unsigned char)subject.p[n] & 0xc0) == 0x80)
            n--;
        n = n ? n : 1;
        BUF_LITERAL(b, " =?utf-8?B?");
        base64_encode(slice_make(subject.p, n), b);
        BUF_LITERAL(b, "?=\r\n");
        subject = slice_skip(subject, n);
    }
}

static void add_head(const struct email *self, const struct alert *first, size_t n, struct buf *b,
                     struct arena *a)
{
    char id[UUID_SIZE];
    struct slice subject = ARENA_JOIN(a, SLICE("Lintel: "), subject_line(first->subject, a));
    if (n > 1)
        subject = arena_printf(a, "%.*s (and %zu more)", SLICE_ARG(subject), n - 1);
    random_uuid(id);
    buf_addf(b, "From: Lintel <%s>\r\n", self->envelope.from);
    for (size_t i = 0; self->recipients[i]; i++)
        buf_addf(b, "%s%s", i ? ",\r\n " : "To: ", self->recipients[i]);
    BUF_LITERAL(b, "\r\n");
    add_subject(b, subject);
    add_date(b, first->at_ms);
    buf_addf(b, "Message-ID: <%s@%s>\r\n", id, strchr(self->envelope.from, '@') + 1);
    BUF_LITERAL(b, "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
                   "Content-Type: text/plain; charset=utf-8\r\n"
                   "Content-Transfer-Encoding: base64\r\n\r\n");
}

static void add_alert(const struct alert *a, struct buf *text)
{
    char time[ALERT_TIME_SIZE];
    alert_time(a->at_ms, time);
    buf_add(text, a->subject);
    buf_addf(text, "\r\n\r\nLevel: %s\r\nTimestamp: %s\r\nAlert type: %s\r\n", a->level, time,
             alert_type_name(a->type));
    for (struct slice rest = a->text; rest.n;) {
        buf_add(text, slice_split(&rest, '\n'));
        BUF_LITERAL(text, "\r\n");
    }
    BUF_LITERAL(text, "\r\n");
}

/* Lines of 76 characters. */
static void add_base64(struct buf *b, struct slice text)
{
    for (size_t at = 0; at < text.n; at += 57) {
        base64_encode(slice_make(text.p + at, text.n - at < 57 ? text.n - at : 57), b);
        BUF_LITERAL(b, "\r\n");
    }
}

static bool email_write(void *user, struct parcel *const *parcels, size_t n, struct sink_call *call)
{
    struct email *self = user;
    struct buf text;
    buf_init(&text, SINK_CALL_MAX);
    for (size_t i = 0; i < n; i++)
        add_alert(alert_of(parcels[i]), &text);
    add_head(self, alert_of(*parcels), n, &call->body, &call->arena);
    add_base64(&call->body, buf_slice(&text));
    buf_fini(&text);
    call->url = self->url;
    call->mail = &self->envelope;
    return true;
}

static enum sink_verdict email_judge(void *self, int status, struct slice answer)
{
    (void)self, (void)answer;
    return status >= 200 && status < 300 ? SINK_TAKEN : status >= 500 ? SINK_REFUSED : SINK_AGAIN;
}

const struct sink_kind alert_email = {
    .names = {"email"},
    .batch_max = ALERTS_BATCH_MAX,
    .open = email_open,
    .write = email_write,
    .judge = email_judge,
    .free = sink_free,
};
