#include "rotation.h"

#include "base/log.h"
#include "io/clock.h"
#include "task.h"
#include "worker_private.h"

#include <stdlib.h>

#define ENABLED          "LITELLM_KEY_ROTATION_ENABLED"
#define INTERVAL         "LITELLM_KEY_ROTATION_CHECK_INTERVAL_SECONDS"
#define INTERVAL_DEFAULT 86400
#define INTERVAL_MAX     31536000 /* a year */
#define KEYS_MAX         100      /* told of in one run, those that wait longest */
#define TEXT_MAX         2048
#define HASH_SHOWN       12 /* characters, as in the log */

struct rotation {
    struct worker *worker;
    struct task *task;
    int64_t interval_ms;
};

static struct store_job *select_due(const struct rotation *r)
{
    struct store_job *job = store_job_new(r->worker->store);
    struct store_where due[] = {
        {"auto_rotate", STORE_EQ, store_flag(true), 0},
        {"key_rotation_at", STORE_LE, store_time(clock_unix_ms()), 0},
    };
    store_select(job,
                 &(struct store_query){.table = TABLE_VERIFICATION_TOKEN,
                                       .where = due,
                                       .where_count = 2,
                                       .order = &(struct store_order){"key_rotation_at", false},
                                       .order_count = 1,
                                       .limit = KEYS_MAX});
    return job;
}

static void tell(const struct rotation *r, const struct store_rows *rows, size_t row)
{
    struct slice hash = store_rows_text(rows, row, "token");
    struct slice shown = slice_make(hash.p, hash.n < HASH_SHOWN ? hash.n : HASH_SHOWN);
    struct slice alias = store_rows_text(rows, row, "key_alias");
    struct alerting_event event = {.spend = -1,
                                   .most = -1,
                                   .soft = -1,
                                   .token = hash,
                                   .key_alias = alias,
                                   .user = store_rows_text(rows, row, "user_id"),
                                   .team = store_rows_text(rows, row, "team_id")};
    struct buf text;
    buf_init(&text, TEXT_MAX);
    buf_addf(&text, "Key: `%.*s`\nkey_alias: `%.*s`\nuser_id: `%.*s`\nteam_id: `%.*s`\n",
             SLICE_ARG(shown), SLICE_ARG(alias), SLICE_ARG(event.user), SLICE_ARG(event.team));
    BUF_LITERAL(&text, "POST /key/regenerate shows the new key to whoever asks for it.");
    log_warn("key %.*s (%.*s) is to be renewed: /key/regenerate", SLICE_ARG(shown),
             SLICE_ARG(alias));
    observing_alert(r->worker, &(struct alerting_news){.type = ALERT_VIRTUAL_KEY_UPDATED,
                                                       .level = "Medium",
                                                       .key = hash,
                                                       .quiet_ms = r->interval_ms,
                                                       .subject = SLICE("A key is to be renewed"),
                                                       .text = buf_slice(&text),
                                                       .event = &event});
    buf_fini(&text);
}

static struct store_job *step(void *user, const struct store_job *done)
{
    const struct rotation *r = user;
    if (!done)
        return select_due(r);
    if (store_job_status(done) != STORE_OK)
        return NULL;
    const struct store_rows *rows = store_job_rows(done, 0);
    for (size_t i = 0; i < rows->count; i++)
        tell(r, rows, i);
    return NULL;
}

static bool is_enabled(void)
{
    const char *v = getenv(ENABLED);
    return v && slice_eq_nocase(slice_of(v), SLICE("true"));
}

static int64_t interval(void)
{
    const char *v = getenv(INTERVAL);
    int64_t seconds;
    return v && slice_to_i64(slice_of(v), &seconds) && seconds > 0 && seconds <= INTERVAL_MAX
               ? seconds
               : INTERVAL_DEFAULT;
}

struct rotation *rotation_new(struct worker *w)
{
    struct rotation *r;
    if (!is_enabled() || !w->config->settings.database_url)
        return NULL;
    r = calloc(1, sizeof(*r));
    if (!r)
        abort();
    r->worker = w;
    r->interval_ms = interval() * 1000;
    r->task = task_new(w, "key_rotation", step, r);
    task_every(r->task, r->interval_ms);
    return r;
}

void rotation_free(struct rotation *r)
{
    if (!r)
        return;
    task_free(r->task);
    free(r);
}
