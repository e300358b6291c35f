#ifndef BENCH_ANSWER_H
#define BENCH_ANSWER_H

/* Reads one HTTP/1.1 reply, in any split, and finds the marks in its body (tool.h). Checks what can
 * be checked at no cost: status 200, sound framing, and that the body ends as its kind must:
 * "[DONE]" for SSE, a brace for JSON. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ANSWER_HEAD_MAX 8192
#define ANSWER_TAIL     16

enum answer_state { ANSWER_MORE, ANSWER_DONE, ANSWER_WRONG };

struct answer {
    char head[ANSWER_HEAD_MAX + 1];
    size_t head_size;
    bool in_body, chunked;
    int part;               /* of the chunked framing */
    size_t left;            /* body or chunk bytes to come */
    long marks;             /* found so far */
    int digits;             /* of a stamp, still to come */
    int64_t stamp;          /* what was read of it */
    char tail[ANSWER_TAIL]; /* the last bytes of the body */
};

/* `stamp` is 0 when the responder wrote none. */
typedef void answer_mark(void *user, int64_t stamp);

void answer_init(struct answer *a);

/* ANSWER_DONE: complete; nothing may follow in `p`, since nobody pipelines here. ANSWER_WRONG: a
 * static text in `*wrong`. */
enum answer_state answer_feed(struct answer *a, const char *p, size_t n, answer_mark *mark,
                              void *user, const char **wrong);

#endif
