/* The store's thread: the one place that waits for the database.
 *
 * Happy path: jobs in their order; in between, what the spool holds is written, spools that others
 * left behind are taken over, and changes that other processes told are read.
 *
 * Failure modes: no connection: jobs are answered STORE_UNAVAILABLE, the spool waits and is flushed
 * to the disk; it tries again, after 0.5 s, then twice as long each time, up to 15 s. At the end
 * (store_close) it does what waits, as long as the database answers. */

#include "store_thread.h"

#include "io/clock.h"
#include "wire/crypto.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define RETRY_MIN_MS 500
#define RETRY_MAX_MS 15000
#define LOOK_MS      60000            /* for spools that were left behind */
#define CHANGES_KEPT INT64_C(3600000) /* ms for which a change can be read */
#define PRUNE_MS     600000           /* between looks at older ones */
#define WORDS_MAX    64
#define NS_PER_US    1000

/* Not once the loop has given up on us. */
static void wake_loop(struct store *s)
{
    pthread_mutex_lock(&s->lock);
    if (!s->left_alone)
        wake_send(&s->wake);
    pthread_mutex_unlock(&s->lock);
}

/* ---- words for the log ----------------------------------------------------------------------- */

__attribute__((format(printf, 3, 4))) static void say(struct store *s, bool bad, const char *format,
                                                      ...)
{
    va_list args;
    struct store_word *w = malloc(sizeof(*w));
    if (!w)
        abort();
    w->bad = bad;
    va_start(args, format);
    vsnprintf(w->text, sizeof(w->text), format, args);
    va_end(args);
    pthread_mutex_lock(&s->lock);
    bool room = s->word_count < WORDS_MAX;
    if (room) {
        list_add(&s->words, &w->link);
        s->word_count++;
    }
    pthread_mutex_unlock(&s->lock);
    if (!room)
        free(w);
    wake_loop(s);
}

/* ---- connecting ------------------------------------------------------------------------------ */

static void set_up(struct store *s, bool up)
{
    pthread_mutex_lock(&s->lock);
    s->up = up;
    s->tried = true;
    s->stats.connects = s->db.connects;
    pthread_mutex_unlock(&s->lock);
    spool_flush(s->spool, !up);
}

static void went_down(struct store *s, const char *why)
{
    bool was_up = s->trouble[0] == '\0';
    int64_t wait = RETRY_MIN_MS << (s->failures < 5 ? s->failures : 5);
    s->failures++;
    s->connect_at = clock_steady_ms() + (wait < RETRY_MAX_MS ? wait : RETRY_MAX_MS);
    if (was_up)
        say(s, true, "database unavailable (%s): %s; serving goes on, spend waits in the spool",
            s->address.where, why);
    snprintf(s->trouble, sizeof(s->trouble), "%s", *why ? why : "unknown");
    set_up(s, false);
}

static void came_up(struct store *s)
{
    say(s, false, "database %s: %s", s->trouble[0] ? "is back" : "connected", s->address.where);
    s->trouble[0] = '\0';
    s->failures = 0;
    s->look_at = s->poll_at = 0;
    s->changes_known = false;
    set_up(s, true);
}

static void connect_if_due(struct store *s)
{
    struct db_error error;
    if (s->db.handle || clock_steady_ms() < s->connect_at)
        return;
    if (db_connect(&s->db, &error))
        came_up(s);
    else
        went_down(s, error.text);
}

/* A statement may have found the connection lost, and closed it. */
static void note_loss(struct store *s, const char *why)
{
    if (!s->db.handle && s->up)
        went_down(s, why);
}

/* ---- jobs ------------------------------------------------------------------------------------ */

static void note_time(struct store *s, enum store_work work, enum store_status status,
                      uint64_t begun)
{
    uint64_t us = (uv_hrtime() - begun) / NS_PER_US;
    pthread_mutex_lock(&s->lock);
    if (s->times && s->time_count < STORE_TIMES_MAX)
        s->times[s->time_count++] = (struct store_time){work, status, us};
    pthread_mutex_unlock(&s->lock);
}

static void run_job(struct store *s, struct store_job *job)
{
    uint64_t begun = uv_hrtime();
    if (s->db.handle) {
        db_run(&s->db, job);
    } else {
        job->status = STORE_UNAVAILABLE;
        snprintf(job->error, sizeof(job->error), "the database is away: %s", s->trouble);
    }
    note_loss(s, job->error);
    note_time(s, STORE_WORK_JOB, job->status, begun);
    pthread_mutex_lock(&s->lock);
    s->stats.jobs++;
    s->stats.failed += job->status != STORE_OK;
    list_add(&s->finished, &job->link);
    pthread_mutex_unlock(&s->lock);
    wake_loop(s);
}

/* ---- spend ----------------------------------------------------------------------------------- */

static void count_spend(struct store *s)
{
    pthread_mutex_lock(&s->lock);
    s->stats.spend_written = s->own.records + s->left.records;
    s->stats.spend_settled = s->own.records + s->own.refused;
    uint64_t refused = s->own.refused + s->left.refused;
    bool more = refused > s->stats.spend_refused;
    s->stats.spend_refused = refused;
    pthread_mutex_unlock(&s->lock);
    if (more)
        say(s, true, "the database refuses %llu requests' spend so far; they are in %s/*.refused",
            (unsigned long long)refused, s->own.directory);
}

/* Once for each change. */
static void tell_trouble(struct store *s, struct spend_reader *r)
{
    bool bad = r->trouble[0] != '\0';
    if (bad == r->told)
        return;
    r->told = bad;
    if (bad)
        say(s, true,
            "the database refuses a request's spend, and %s/*.refused cannot be written (%s): "
            "spend "
            "waits in the spool",
            r->directory, r->trouble);
    else
        say(s, false, "%s/*.refused can be written again", r->directory);
}

/* Of this process; one batch. True: there may be more. */
static bool write_own(struct store *s)
{
    uint64_t place = 0, end = spool_end(s->spool), begun = uv_hrtime();
    bool some = s->own.file->place < end;
    enum spend_result result = spend_apply(&s->own, &s->db, end, &place);
    if (some)
        note_time(s, STORE_WORK_SPEND, result == SPEND_AWAY ? STORE_UNAVAILABLE : STORE_OK, begun);
    if (result == SPEND_BROKEN) {
        say(s, true, "bug: %llu bytes of the spool cannot be read",
            (unsigned long long)(end - place));
        place = end;
    }
    if (result != SPEND_AWAY)
        spool_taken(s->spool, place);
    count_spend(s);
    tell_trouble(s, &s->own);
    note_loss(s, "the connection was lost");
    return result == SPEND_MORE;
}

static void end_left(struct store *s, bool broken)
{
    if (broken)
        say(s, true, "the spool of an earlier process ends in %llu bytes that are no record",
            (unsigned long long)(s->left_end - s->left_file.place));
    spool_file_remove(&s->left_file);
    spend_forget(&s->left, &s->db);
    spool_file_close(&s->left_file);
    s->look_at = 0; /* there may be another */
}

static void find_left(struct store *s)
{
    s->left_file = spool_find_left(s->left.directory, &s->left_end);
    s->look_at = clock_steady_ms() + LOOK_MS;
    s->left.written = s->left.kept = 0;
    s->left.noted = false;
    if (s->left_file.fd >= 0 && s->left_end > s->left_file.place)
        say(s, false, "taking over %llu bytes of spend that an earlier process left",
            (unsigned long long)s->left_end);
}

/* Of others; one batch. True: there may be more. */
static bool write_left(struct store *s)
{
    uint64_t place = 0;
    if (s->left_file.fd < 0 && clock_steady_ms() >= s->look_at)
        find_left(s);
    if (s->left_file.fd < 0)
        return false;
    enum spend_result result = spend_apply(&s->left, &s->db, s->left_end, &place);
    s->left_file.place = place;
    count_spend(s);
    tell_trouble(s, &s->left);
    if (result == SPEND_DONE || result == SPEND_BROKEN)
        end_left(s, result == SPEND_BROKEN);
    note_loss(s, "the connection was lost");
    return result != SPEND_AWAY;
}

/* ---- changes --------------------------------------------------------------------------------- */

static void add_news(struct store *s, struct slice table, struct slice key)
{
    int id = 0;
    while (id < STORE_TABLES &&
           !slice_eq(slice_of(store_table((enum store_table_id)id)->name), table))
        id++;
    if (id == STORE_TABLES)
        return;
    if (s->news_count == STORE_NEWS_MAX) {
        s->all_news = true;
        return;
    }
    char *copy = strndup(key.n ? key.p : "", key.n);
    if (!copy)
        abort();
    s->news[s->news_count++] = (struct store_news){(enum store_table_id)id, copy};
}

static bool is_new(struct store *s, int64_t id)
{
    int64_t *seen = &s->changes_seen[id % CHANGES_AGAIN];
    bool is = *seen != id;
    *seen = id;
    return is;
}

/* Its watchers heard of it when the job was done. */
static bool is_own(const struct store *s, const struct store_rows *rows, size_t row)
{
    return slice_eq(store_rows_text(rows, row, "told_by"), slice_of(s->name));
}

/* The first time after a connect all that is there is old, and what came while there was no
 * connection may be gone again: anything may have changed. */
static void take_changes(struct store *s, const struct store_rows *rows)
{
    bool told = !s->changes_known;
    pthread_mutex_lock(&s->lock);
    s->all_news = s->all_news || !s->changes_known;
    for (size_t i = 0; i < rows->count; i++) {
        int64_t id = (int64_t)store_rows_number(rows, i, "id");
        s->change_last = id > s->change_last ? id : s->change_last;
        if (!is_new(s, id) || !s->changes_known || is_own(s, rows, i))
            continue;
        add_news(s, store_rows_text(rows, i, "table_name"), store_rows_text(rows, i, "row_key"));
        told = true;
    }
    pthread_mutex_unlock(&s->lock);
    s->changes_known = true;
    if (told)
        wake_loop(s);
}

static void prune_changes(struct store_job *job)
{
    struct store_where old = {"created_at", STORE_LT, store_time(clock_unix_ms() - CHANGES_KEPT),
                              0};
    store_delete(job, TABLE_LINTEL_CHANGES, &old, 1);
}

/* Before it looks: what is told meanwhile has it look again. */
static void note_look(struct store *s)
{
    pthread_mutex_lock(&s->lock);
    s->look = false;
    pthread_mutex_unlock(&s->lock);
}

/* Ids are given out before they can be seen: those before the last are read again. */
static void poll_changes(struct store *s)
{
    struct store_job job;
    struct store_where where = {
        "id", STORE_GT, store_integer(s->changes_known ? s->change_last - CHANGES_AGAIN : 0), 0};
    int64_t now = clock_steady_ms();
    s->poll_at = now + STORE_POLL_MS;
    note_look(s);
    store_job_init(&job);
    store_select(&job, &(struct store_query){.table = TABLE_LINTEL_CHANGES,
                                             .where = &where,
                                             .where_count = 1,
                                             .order = &(struct store_order){"id", true},
                                             .order_count = 1,
                                             .limit = s->changes_known ? 0 : CHANGES_AGAIN});
    if (now >= s->prune_at) {
        prune_changes(&job);
        s->prune_at = now + PRUNE_MS;
    }
    db_run(&s->db, &job);
    if (job.status == STORE_OK)
        take_changes(s, store_job_rows(&job, 0));
    note_loss(s, job.error);
    store_job_fini(&job);
}

/* ---- the run -----------------------------------------------------------------------------------
 */

/* What the loop says, as far as the thread looks at it. */
struct orders {
    bool stopping, watched, look, spend_came;
};

static struct orders read_orders(struct store *s)
{
    pthread_mutex_lock(&s->lock);
    struct orders o = {s->stopping, s->watched, s->look, s->spend_came};
    pthread_mutex_unlock(&s->lock);
    return o;
}

static void expect_spend(struct store *s, bool comes)
{
    pthread_mutex_lock(&s->lock);
    s->spend_came = comes;
    pthread_mutex_unlock(&s->lock);
}

/* The flag first: what comes meanwhile sets it again. */
static void write_spend(struct store *s)
{
    int64_t now = clock_steady_ms();
    expect_spend(s, false);
    bool more = write_own(s);
    more = (s->db.handle && write_left(s)) || more;
    s->write_at = more ? 0 : now + (int64_t)(s->options.write_interval * 1000);
    if (more || s->own.file->place < spool_end(s->spool))
        expect_spend(s, true);
}

/* What is to be done without anybody asking. */
static void do_due(struct store *s)
{
    struct orders o = read_orders(s);
    int64_t now = clock_steady_ms();
    connect_if_due(s);
    if (s->db.handle && ((o.spend_came && now >= s->write_at) || now >= s->look_at))
        write_spend(s);
    if (s->db.handle && o.watched && (o.look || now >= s->poll_at))
        poll_changes(s);
}

/* Under the lock. */
static int64_t next_due(const struct store *s)
{
    if (!s->db.handle)
        return s->connect_at;
    if (s->watched && s->look)
        return 0;
    int64_t at = s->spend_came && s->write_at < s->look_at ? s->write_at : s->look_at;
    return s->watched && s->poll_at < at ? s->poll_at : at;
}

/* NULL: something is due, or the end has come. */
static struct store_job *wait_for_job(struct store *s)
{
    pthread_mutex_lock(&s->lock);
    while (list_empty(&s->waiting) && !s->stopping && clock_steady_ms() < next_due(s)) {
        int64_t until = next_due(s);
        struct timespec t = {.tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000};
        pthread_cond_timedwait(&s->more, &s->lock, &t);
    }
    struct list *link = list_pop(&s->waiting);
    s->stats.waiting -= link != NULL;
    pthread_mutex_unlock(&s->lock);
    return link ? LIST_ENTRY(link, struct store_job, link) : NULL;
}

/* What the spool still holds, as long as the database takes it. The file goes before its row: the
 * other way about it would be written again. */
static void finish(struct store *s)
{
    if (!s->db.handle && !s->tried)
        connect_if_due(s);
    while (s->db.handle && write_own(s))
        ;
    if (s->db.handle && s->own.noted && spool_is_read(s->spool)) {
        spool_file_remove(s->own.file);
        spend_forget(&s->own, &s->db);
    }
    spool_file_close(&s->left_file);
    db_close(&s->db);
}

void *store_thread_run(void *arg)
{
    struct store *s = arg;
    for (;;) {
        struct store_job *job = wait_for_job(s);
        if (!job && read_orders(s).stopping)
            break;
        do_due(s);
        if (job)
            run_job(s, job);
    }
    finish(s);
    crypto_end_thread();
    arena_end_thread();
    return NULL;
}
