#ifndef SIM_SCRIPT_H
#define SIM_SCRIPT_H

/* Directives in the last user message that say how this call goes: [[sim:NAME]] or
 * [[sim:NAME(args)]], any number of them. docs/simulator.md describes each. Pure. */

#include "fault.h"

#define SCRIPT_TOOLS_MAX  8
#define SCRIPT_NEVER      (-1)
#define SCRIPT_CHUNKS_MAX 100000
#define SCRIPT_BYTES_MAX  (16 * 1024 * 1024) /* chunks × bytes of one answer */
#define SCRIPT_MS_MAX     (60 * 60 * 1000)

struct script_tool {
    struct slice name, input; /* input: JSON */
};

struct script {
    int64_t times; /* failures only for the first calls with this text; SCRIPT_NEVER: always */

    /* instead of an answer */
    struct fault fault;  /* throttle, error */
    int64_t http_status; /* 0: none */
    struct slice http_body;
    bool hang;

    /* during a stream, counted in content deltas; SCRIPT_NEVER: not at all */
    int64_t exception_after, cut_after, end_after, badcrc_after, silence_after;
    int64_t cut_frame; /* counted in frames of any kind */
    struct fault exception;
    const char *exception_type; /* "throttlingException" */
    int64_t silence_ms;

    /* pace */
    int64_t slow_head_ms;
    int64_t gap_ms; /* SCRIPT_NEVER: the server's */

    /* what is answered */
    bool echo, empty, redacted, cite;
    struct slice cited; /* p == NULL: the words of the document */
    struct slice reply; /* p == NULL: none */
    int64_t chunks, chunk_bytes;
    struct script_tool tools[SCRIPT_TOOLS_MAX];
    size_t tool_count;
    struct slice stop; /* p == NULL: as it comes */
    bool has_usage;
    int64_t usage[4]; /* in, out, cache read, cache write */

    int64_t turn;   /* how many assistant turns stand behind the text that is read */
    bool elsewhere; /* while it is read: what follows is for another turn */

    struct slice plain; /* the text without its directives, trimmed */
};

/* False: a directive that does not exist or has wrong arguments; `f` says which. */
bool script_parse(struct slice text, struct arena *a, struct script *s, struct fault *f);

/* Adds what the text of an earlier message wants of this call, `turn` assistant turns later. */
bool script_plan(struct slice text, int64_t turn, struct arena *a, struct script *s,
                 struct fault *f);

/* Takes everything out that makes a call fail (after `times` calls). */
void script_forgive(struct script *s);

#endif
