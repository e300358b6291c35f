#ifndef STATE_SPEND_H
#define STATE_SPEND_H

/* What a request cost, on its way into the database: a row of LiteLLM_SpendLogs; the spend of its
 * key, user, team, member, organization, project, end user and tags; and the rows per day
 * (LiteLLM_Daily…Spend).
 *
 * store_spend copies and returns at once. The store's thread appends what came to a spool file
 * within SPEND_SPOOL_MS (write(2): it survives the end of the process, kill -9 included) and writes
 * it to the database from there, in transactions that also note how far the spool is written: each
 * request is counted exactly once, whoever dies when. While the database is away the spool grows,
 * and is flushed to the disk after each append; a spool that somebody left behind is taken over at
 * the next start, or by any other process of the same directory within a minute.
 *
 * So: kill -9 loses what came within the last SPEND_SPOOL_MS, a power cut what came since the last
 * transaction or flush. A full spool drops what comes, counts it, and says so. A request that the
 * database will not have (and that not for want of connection) is kept in a file `*.refused` beside
 * the spool, and the log says so. */

#include "state/store.h"

#define SPEND_SPOOL_MS    20
#define SPEND_PENDING_MAX (64 * 1024 * 1024) /* bytes that wait for the spool */
#define SPEND_RECORD_MAX  (16 * 1024 * 1024) /* bytes of one request; longer: without its bodies */

/* Slices may be empty. Bytes that are no UTF-8, and NUL, become '?'; names are cut at 255 bytes. */
struct spend {
    struct slice request_id; /* of the row; must be unique: the answer's id, or the call's */
    struct slice call_id;    /* litellm_call_id */
    struct slice call_type;  /* "acompletion", "aembedding", … */
    struct slice endpoint;   /* "/chat/completions": of the rows per day */
    struct slice key;        /* SHA-256 of the caller's key, hex; or what LiteLLM puts there */
    struct slice user, team, organization, project, agent;
    struct slice end_user;
    struct slice model;    /* as sent upstream */
    struct slice model_id; /* of the deployment */
    struct slice model_group, provider, api_base;
    struct slice session_id, requester_ip;
    struct slice cache_hit, cache_key;        /* "True", "False"; of the response cache */
    struct slice tags;                        /* JSON list of strings, or empty */
    struct slice metadata;                    /* JSON object, or empty */
    struct slice messages, response, request; /* JSON; empty: not kept */
    struct slice error;                       /* "429 RateLimitError"; empty: it went well */
    bool failed;
    int64_t prompt_tokens; /* all input, cached or not */
    int64_t completion_tokens;
    int64_t cache_read_tokens, cache_write_tokens; /* of prompt_tokens */
    double cost;                                   /* USD */
    double caching_savings;   /* USD: what it would have cost more without the prompt cache */
    int64_t start_ms, end_ms; /* since 1970 */
    int64_t first_ms;         /* of the first token; 0: none */
    bool no_row;              /* no row of SpendLogs (disable_spend_logs) */
    bool no_count;            /* nothing but that row (disable_spend_updates) */
};

void store_spend(struct store *s, const struct spend *spend);

#endif
