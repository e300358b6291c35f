#include "answer.h"

#include "tool.h"

#include <strings.h>

enum chunk_part { CHUNK_SIZE, CHUNK_SIZE_LF, CHUNK_DATA, CHUNK_CR, CHUNK_LF, CHUNK_END };

void answer_init(struct answer *a)
{
    a->head_size = 0;
    a->in_body = a->chunked = false;
    a->part = CHUNK_SIZE;
    a->left = 0;
    a->marks = 0;
    a->digits = 0;
    a->stamp = 0;
    memset(a->tail, 0, sizeof(a->tail));
}

/* ---- the body ------------------------------------------------------------------------------ */

static void keep_tail(struct answer *a, const char *p, size_t n)
{
    if (n >= ANSWER_TAIL) {
        memcpy(a->tail, p + n - ANSWER_TAIL, ANSWER_TAIL);
        return;
    }
    memmove(a->tail, a->tail + n, ANSWER_TAIL - n);
    memcpy(a->tail + ANSWER_TAIL - n, p, n);
}

/* A mark is one only with all its digits: checksums of frames may hold its byte too. */
static void scan(struct answer *a, const char *p, size_t n, answer_mark *mark, void *user)
{
    const char *const end = p + n;
    keep_tail(a, p, n);
    while (p < end) {
        if (!a->digits) {
            p = memchr(p, STAMP_MARK, (size_t)(end - p));
            if (!p)
                return;
            p++;
            a->digits = STAMP_DIGITS;
            a->stamp = 0;
        } else if (*p < '0' || *p > '9') {
            a->digits = 0;
        } else {
            a->stamp = a->stamp * 10 + (*p++ - '0');
            if (--a->digits == 0) {
                a->marks++;
                mark(user, a->stamp);
            }
        }
    }
}

/* One step of the framing: returns how many bytes it used; 0: malformed. */
static size_t feed_chunked(struct answer *a, const char *p, size_t n, answer_mark *mark, void *user)
{
    switch ((enum chunk_part)a->part) {
    case CHUNK_SIZE:
        if (*p == '\r') {
            a->part = CHUNK_SIZE_LF;
        } else if (strchr("0123456789abcdefABCDEF", *p) && *p && a->left < SIZE_MAX / 32) {
            const char digit[2] = {*p, '\0'};
            a->left = a->left * 16 + strtoul(digit, NULL, 16);
        } else {
            return 0;
        }
        return 1;
    case CHUNK_SIZE_LF: a->part = a->left ? CHUNK_DATA : CHUNK_END; return *p == '\n';
    case CHUNK_DATA:
        n = n < a->left ? n : a->left;
        scan(a, p, n, mark, user);
        a->left -= n;
        if (!a->left)
            a->part = CHUNK_CR;
        return n;
    case CHUNK_CR: a->part = CHUNK_LF; return *p == '\r';
    case CHUNK_LF: a->part = CHUNK_SIZE; return *p == '\n';
    case CHUNK_END: /* CR LF; there are no trailers here */
        a->left++;
        return *p == (a->left == 1 ? '\r' : '\n');
    }
    return 0;
}

static bool complete(const struct answer *a)
{
    return a->chunked ? a->part == CHUNK_END && a->left == 2 : !a->left;
}

/* ---- the reply ----------------------------------------------------------------------------- */

static bool has_header(const struct answer *a, const char *line)
{
    return strcasestr(a->head, line) != NULL;
}

static const char *check_end(const struct answer *a)
{
    if (has_header(a, "\r\ncontent-type: text/event-stream"))
        return memmem(a->tail, ANSWER_TAIL, "data: [DONE]\n\n", 14) ? NULL : "no [DONE] at the end";
    if (has_header(a, "\r\ncontent-type: application/json"))
        return memchr(a->tail + ANSWER_TAIL - 2, '}', 2) ? NULL : "the JSON has no end";
    return NULL;
}

static const char *begin_body(struct answer *a)
{
    const char *length = strcasestr(a->head, "\r\ncontent-length:");
    a->in_body = true;
    a->chunked = has_header(a, "\r\ntransfer-encoding: chunked");
    if (strncmp(a->head, "HTTP/1.1 200 ", 13) != 0)
        return "not a 200";
    if (!length == !a->chunked)
        return "no framing, or two";
    a->left = length ? strtoul(length + sizeof("\r\ncontent-length:") - 1, NULL, 10) : 0;
    return NULL;
}

/* Collects the head; moves on to what is behind it. */
static const char *feed_head(struct answer *a, const char **p, size_t *n)
{
    const size_t before = a->head_size;
    const size_t room = ANSWER_HEAD_MAX - before, take = *n < room ? *n : room;
    memcpy(a->head + before, *p, take);
    a->head_size += take;
    const char *end = memmem(a->head, a->head_size, "\r\n\r\n", 4);
    if (!end) {
        *n = 0;
        return a->head_size < ANSWER_HEAD_MAX ? NULL : "the head is too long";
    }
    a->head_size = (size_t)(end - a->head) + 4;
    a->head[a->head_size - 2] = '\0';
    const size_t used = a->head_size - before;
    *p += used;
    *n -= used;
    return begin_body(a);
}

static size_t feed_counted(struct answer *a, const char *p, size_t n, answer_mark *mark, void *user)
{
    n = n < a->left ? n : a->left;
    scan(a, p, n, mark, user);
    a->left -= n;
    return n;
}

enum answer_state answer_feed(struct answer *a, const char *p, size_t n, answer_mark *mark,
                              void *user, const char **wrong)
{
    if (!a->in_body) {
        *wrong = feed_head(a, &p, &n);
        if (*wrong)
            return ANSWER_WRONG;
        if (!a->in_body)
            return ANSWER_MORE;
    }
    while (n && !complete(a)) {
        const size_t used =
            a->chunked ? feed_chunked(a, p, n, mark, user) : feed_counted(a, p, n, mark, user);
        if (!used) {
            *wrong = "bad chunk framing";
            return ANSWER_WRONG;
        }
        p += used;
        n -= used;
    }
    if (!complete(a))
        return ANSWER_MORE;
    *wrong = n ? "bytes behind the answer" : check_end(a);
    return *wrong ? ANSWER_WRONG : ANSWER_DONE;
}
