/* The store, from the loop.
 *
 * Happy path: a job is queued and the thread woken; when it is done, the thread wakes the loop, and
 * the store's step calls back. What was spent goes to the spool.
 *
 * Failure modes: the queue is full, or the database is known to be away: the job is finished at
 * once, and answered from the store's next step like any other. */

#include "store_thread.h"

#include "base/log.h"
#include "spend_record.h"
#include "wire/crypto.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define CONNECT_SECONDS   5
#define STATEMENT_SECONDS 30
#define WRITE_SECONDS     0.1
#define SPOOL_BYTES       (INT64_C(1024) * 1024 * 1024)

/* ---- jobs ------------------------------------------------------------------------------------ */

static void fail_job(struct store_job *job, enum store_status status, const char *why)
{
    job->status = status;
    snprintf(job->error, sizeof(job->error), "%s", why);
}

/* What can be answered without the thread. Under the lock. */
static bool answer_at_once(const struct store *s, struct store_job *job)
{
    if (s->tried && !s->up)
        fail_job(job, STORE_UNAVAILABLE, "the database is away");
    else if (s->stats.waiting >= STORE_JOBS_MAX)
        fail_job(job, STORE_BUSY, "too many jobs wait for the database");
    else
        return false;
    return true;
}

void store_submit(struct store_job *job, store_done *done, void *user)
{
    struct store *s = job->store;
    assert(!job->running && job->count);
    job->done = done;
    job->user = user;
    job->running = true;
    pthread_mutex_lock(&s->lock);
    if (answer_at_once(s, job)) {
        list_add(&s->finished, &job->link);
        turn_mark(s->turn, &s->item);
    } else {
        list_add(&s->waiting, &job->link);
        s->stats.waiting++;
        pthread_cond_signal(&s->more);
    }
    pthread_mutex_unlock(&s->lock);
}

void store_job_abandon(struct store_job *job)
{
    assert(job->running);
    job->abandoned = true;
}

static void tell_watchers(struct store *s, enum store_table_id table, struct slice key)
{
    for (size_t i = 0; i < s->watcher_count; i++)
        s->watchers[i].changed(s->watchers[i].user, table, key);
}

/* This process need not wait to hear of it. */
static void tell_own(struct store *s, const struct store_job *job)
{
    for (const struct store_told *t = job->status == STORE_OK ? job->told : NULL; t; t = t->next)
        tell_watchers(s, t->table, t->key);
}

static void finish_job(struct store *s, struct store_job *job)
{
    job->running = false;
    tell_own(s, job);
    if (job->told && job->status == STORE_OK && s->spoke)
        s->spoke(s->spoke_user);
    if (!job->done && job->status != STORE_OK)
        log_error("a write to the database was lost: %s", job->error);
    if (job->abandoned || !job->done)
        store_job_free(job);
    else
        job->done(job->user, job);
}

/* ---- the step -------------------------------------------------------------------------------- */

static void take_all(struct list *from, struct list *to)
{
    list_init(to);
    for (struct list *l; (l = list_pop(from));)
        list_add(to, l);
}

static void say(struct list *words)
{
    for (struct list *l = words->next, *next; l != words; l = next) {
        struct store_word *w = LIST_ENTRY(l, struct store_word, link);
        next = l->next;
        log_write(w->bad ? LOG_ERROR : LOG_INFO, "%s", w->text);
        free(w);
    }
    list_init(words);
}

static void say_dropped(struct store *s)
{
    struct spool_counts counts;
    spool_count(s->spool, &counts);
    if (counts.dropped != s->dropped_said)
        log_error("SPEND IS LOST: %llu requests so far are in no log: %s",
                  (unsigned long long)counts.dropped, counts.trouble);
    s->dropped_said = counts.dropped;
}

static void tell(struct store *s, struct store_news *news, size_t n, bool all)
{
    if (all)
        tell_watchers(s, STORE_TABLES, slice_make(NULL, 0));
    for (size_t i = 0; i < n; i++) {
        tell_watchers(s, news[i].table, slice_of(news[i].key));
        free(news[i].key);
    }
    free(news);
}

/* Takes over what the thread left, under the lock; then acts on it. */
static void on_step(struct turn_item *item)
{
    struct store *s = LIST_ENTRY(item, struct store, item);
    struct list finished, words;
    pthread_mutex_lock(&s->lock);
    take_all(&s->finished, &finished);
    take_all(&s->words, &words);
    s->word_count = 0;
    size_t n = s->news_count;
    bool all = s->all_news;
    struct store_news *news = malloc((n + 1) * sizeof(*news));
    if (!news)
        abort();
    memcpy(news, s->news, n * sizeof(*news));
    s->news_count = 0;
    s->all_news = false;
    pthread_mutex_unlock(&s->lock);
    say(&words);
    say_dropped(s);
    tell(s, news, n, all);
    for (struct list *l; (l = list_pop(&finished));)
        finish_job(s, LIST_ENTRY(l, struct store_job, link));
}

/* ---- spend ----------------------------------------------------------------------------------- */

void store_spend(struct store *s, const struct spend *spend)
{
    buf_reset(&s->record);
    spend_encode(spend, &s->record);
    spool_add(s->spool, buf_slice(&s->record));
}

/* From the spool's thread. */
static void on_spend(void *user)
{
    struct store *s = user;
    pthread_mutex_lock(&s->lock);
    s->spend_came = true;
    pthread_cond_signal(&s->more);
    pthread_mutex_unlock(&s->lock);
}

/* ---- what it is ------------------------------------------------------------------------------ */

static void poll_for_watchers(struct store *s)
{
    pthread_mutex_lock(&s->lock);
    s->watched = s->watcher_count != 0;
    pthread_cond_signal(&s->more);
    pthread_mutex_unlock(&s->lock);
}

void store_watch(struct store *s, store_changed *changed, void *user)
{
    assert(s->watcher_count < STORE_WATCHERS_MAX);
    s->watchers[s->watcher_count++] = (struct store_watcher){changed, user};
    poll_for_watchers(s);
}

void store_unwatch(struct store *s, const void *user)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->watcher_count; i++)
        if (s->watchers[i].user != user)
            s->watchers[kept++] = s->watchers[i];
    s->watcher_count = kept;
    poll_for_watchers(s);
}

void store_on_spoken(struct store *s, store_spoke *spoke, void *user)
{
    s->spoke = spoke;
    s->spoke_user = user;
}

void store_look(struct store *s)
{
    pthread_mutex_lock(&s->lock);
    s->look = true;
    pthread_cond_signal(&s->more);
    pthread_mutex_unlock(&s->lock);
}

bool store_is_up(const struct store *s)
{
    struct store *mine = (struct store *)(uintptr_t)s; /* to lock it */
    pthread_mutex_lock(&mine->lock);
    bool up = s->up;
    pthread_mutex_unlock(&mine->lock);
    return up;
}

void store_stats(const struct store *s, struct store_stats *stats)
{
    struct store *mine = (struct store *)(uintptr_t)s; /* to lock it */
    struct spool_counts counts;
    spool_count(s->spool, &counts);
    pthread_mutex_lock(&mine->lock);
    *stats = s->stats;
    stats->up = s->up;
    pthread_mutex_unlock(&mine->lock);
    stats->kind = s->address.driver->kind;
    stats->spend_taken = counts.taken;
    stats->spend_dropped = counts.dropped;
    stats->spend_settled += counts.dropped;
    stats->spool_bytes = counts.waiting;
}

void store_keep_times(struct store *s)
{
    pthread_mutex_lock(&s->lock);
    if (!s->times)
        s->times = arena_alloc(&s->arena, STORE_TIMES_MAX * sizeof(*s->times));
    pthread_mutex_unlock(&s->lock);
}

size_t store_take_times(struct store *s, struct store_time times[STORE_TIMES_MAX])
{
    pthread_mutex_lock(&s->lock);
    size_t n = s->time_count;
    if (n)
        memcpy(times, s->times, n * sizeof(*times));
    s->time_count = 0;
    pthread_mutex_unlock(&s->lock);
    return n;
}

/* ---- life ------------------------------------------------------------------------------------ */

static const char *url_problem(const char *url, struct arena *a, struct store_address *address)
{
    static _Thread_local char text[200];
    const char *why = NULL;
    if (store_url_parse(url, a, address, &why))
        return NULL;
    snprintf(text, sizeof(text), "database_url cannot be used: %s", why);
    return text;
}

const char *store_url_problem(const char *url)
{
    struct store_address address;
    struct arena a;
    arena_init(&a);
    const char *problem = url_problem(url, &a, &address);
    arena_fini(&a);
    return problem;
}

static double or_default(double seconds, double otherwise)
{
    return seconds > 0 ? seconds : otherwise;
}

static const char *copy(struct store *s, const char *text)
{
    return arena_strdup(&s->arena, slice_of(text));
}

static void set_options(struct store *s, const struct store_options *o)
{
    s->options = *o;
    s->options.url = copy(s, o->url);
    s->options.directory = copy(s, o->directory);
    s->options.write_interval = or_default(o->write_interval, WRITE_SECONDS);
    s->db = (struct db){
        .address = &s->address,
        .limits = {.connect_timeout = or_default(o->connect_timeout, CONNECT_SECONDS),
                   .statement_timeout = or_default(o->socket_timeout, STATEMENT_SECONDS)},
        .keep_schema = o->keep_schema,
    };
    if (s->address.driver == &store_sqlite && !s->address.file)
        s->address.file = arena_printf(&s->arena, "%s/lintel.db", s->options.directory).p;
}

const char *store_name(const struct store *s)
{
    return s->name;
}

static void choose_name(struct store *s)
{
    uint8_t bytes[(STORE_NAME_SIZE - 1) / 2];
    random_bytes(bytes, sizeof(bytes));
    hex_encode(bytes, sizeof(bytes), s->name);
}

static bool open_spool(struct store *s, const char **error)
{
    struct spool_limits limits = {
        .pending_max = SPEND_PENDING_MAX,
        .file_max = (uint64_t)(s->options.spool_bytes ? s->options.spool_bytes : SPOOL_BYTES),
        .record_max = SPEND_RECORD_MAX,
        .delay_ms = SPEND_SPOOL_MS,
    };
    static _Thread_local char text[300];
    const char *why = NULL;
    const char *directory = arena_printf(&s->arena, "%s/spool", s->options.directory).p;
    s->left_file.fd = -1;
    s->own.directory = s->left.directory = directory;
    s->left.file = &s->left_file;
    s->spool = spool_open(directory, &limits, on_spend, s, &why);
    if (s->spool) {
        s->own.file = spool_reader(s->spool);
        return true;
    }
    snprintf(text, sizeof(text), "cannot keep a spool in %s: %s", directory, why);
    *error = text;
    return false;
}

static void init_lock(struct store *s)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->more, &monotonic);
    pthread_condattr_destroy(&monotonic);
    list_init(&s->waiting);
    list_init(&s->finished);
    list_init(&s->words);
}

static void release(struct store *s)
{
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->more);
    buf_fini(&s->record);
    arena_fini(&s->arena);
    free(s);
}

struct store *store_open(struct turn *turn, const struct store_options *options, const char **error)
{
    struct store *s = calloc(1, sizeof(*s));
    if (!s)
        abort();
    s->turn = turn;
    arena_init(&s->arena);
    buf_init(&s->record, SPEND_RECORD_MAX);
    choose_name(s);
    init_lock(s);
    *error = url_problem(options->url, &s->arena, &s->address);
    if (!*error)
        set_options(s, options);
    if (*error || !open_spool(s, error)) {
        release(s);
        return NULL;
    }
    turn_item_init(&s->item, on_step);
    wake_init(&s->wake, turn, &s->item);
    if (pthread_create(&s->thread, NULL, store_thread_run, s))
        abort();
    return s;
}

static void on_wake_closed(struct wake *wake)
{
    release(LIST_ENTRY(wake, struct store, wake));
}

/* What the thread did not get to. */
static void drop_jobs(struct list *jobs)
{
    for (struct list *l; (l = list_pop(jobs));) {
        struct store_job *job = LIST_ENTRY(l, struct store_job, link);
        job->running = false;
        store_job_free(job);
    }
}

static bool join_by(pthread_t thread, int64_t deadline_ms)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_sec += deadline_ms / 1000;
    t.tv_nsec += deadline_ms % 1000 * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return pthread_timedjoin_np(thread, NULL, &t) == 0;
}

static void on_wake_left(struct wake *wake)
{
}

/* A thread that hangs in the database's library keeps the store: the process is about to end. */
static void leave_alone(struct store *s)
{
    log_warn("the database does not answer; what it has not taken stays in the spool");
    pthread_mutex_lock(&s->lock);
    s->left_alone = true;
    pthread_mutex_unlock(&s->lock);
    wake_close(&s->wake, on_wake_left);
}

void store_close(struct store *s, int64_t deadline_ms)
{
    if (!s)
        return;
    spool_stop(s->spool);
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_cond_signal(&s->more);
    pthread_mutex_unlock(&s->lock);
    if (!join_by(s->thread, deadline_ms)) {
        leave_alone(s);
        return;
    }
    say(&s->words);
    if (!spool_is_read(s->spool))
        log_warn("the database has not taken all spend; it stays in the spool");
    for (size_t i = 0; i < s->news_count; i++)
        free(s->news[i].key);
    drop_jobs(&s->waiting);
    drop_jobs(&s->finished);
    spool_free(s->spool);
    wake_close(&s->wake, on_wake_closed);
}
