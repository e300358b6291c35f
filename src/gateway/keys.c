/* Keys of the database, cached; see keys.h.
 *
 * Happy path: an entry is found by its hash and young enough. Else a job asks the database; when it
 * is over the entry has a record, or is known to be none, and whoever waits is marked and asks
 * again.
 *
 * Failure modes: a database that is away leaves the old record in use, and those who wait without
 * one are told; a change that is told while a question is under way has it asked again. */

#include "keys.h"

#include "affinity.h"
#include "duration.h"
#include "io/clock.h"
#include "state/spend.h"
#include "wire/crypto.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS  8192 /* a power of two */
#define RETRY_MS 1000 /* after a question that the database did not answer */

struct entry {
    struct list link;  /* of known or unknown */
    struct list chain; /* of its bucket */
    struct list waiting;
    struct keys *keys;
    char hash[KEY_HASH_SIZE];
    struct key_record *record; /* NULL: there is none, or nobody knows */
    bool loaded;               /* the database said which */
    bool away;                 /* it did not answer the last question */
    bool again;                /* the row changed while it was asked for */
    bool changed;              /* the row is known to be another by now */
    bool unsure;               /* spend was on its way to the database when it was asked */
    int64_t at;                /* ms, turn time: asked last with success … */
    int64_t tried;             /* … or at all */
    double before;             /* USD: spend when the question under way was asked */
    double spent;              /* USD: by this worker since the last question */
    int64_t period_asked;      /* unix ms: end of the period that was asked to end; 0: none was */
    struct store_job *job;     /* NULL: no question is under way */
};

struct ring {
    struct list head; /* the oldest first */
    size_t count;
};

struct keys {
    struct turn *turn;
    struct store *store;
    uint64_t seed;
    struct ring known, unknown; /* with a record, and without */
    int64_t distrust;           /* ms, turn time: what was asked until then may have changed */
    struct list buckets[BUCKETS];
};

/* ---- entries --------------------------------------------------------------------------------- */

static struct list *bucket_of(struct keys *k, struct slice hash)
{
    return &k->buckets[affinity_hash(k->seed, hash) & (BUCKETS - 1)];
}

static struct entry *find(struct keys *k, struct slice hash)
{
    struct list *bucket = bucket_of(k, hash);
    for (struct list *l = bucket->next; l != bucket; l = l->next) {
        struct entry *e = LIST_ENTRY(l, struct entry, chain);
        if (slice_eq(slice_of(e->hash), hash))
            return e;
    }
    return NULL;
}

/* Where it belongs, as the youngest. */
static void enlist(struct entry *e)
{
    struct ring *ring = e->record ? &e->keys->known : &e->keys->unknown;
    list_add(&ring->head, &e->link);
    ring->count++;
}

static void unlist(struct entry *e)
{
    struct ring *ring = e->record ? &e->keys->known : &e->keys->unknown;
    list_del(&e->link);
    ring->count--;
}

static struct entry *add(struct keys *k, const char *hash)
{
    struct entry *e = calloc(1, sizeof(*e));
    if (!e)
        abort();
    e->keys = k;
    memcpy(e->hash, hash, sizeof(e->hash));
    list_init(&e->waiting);
    list_add(bucket_of(k, slice_of(hash)), &e->chain);
    enlist(e);
    return e;
}

static void wake(struct entry *e)
{
    struct list *l;
    while ((l = list_pop(&e->waiting))) {
        struct keys_wait *wait = LIST_ENTRY(l, struct keys_wait, link);
        turn_mark(e->keys->turn, wait->item);
        wait->item = NULL;
    }
}

/* Who waits for it asks again. */
static void drop(struct entry *e)
{
    wake(e);
    unlist(e);
    list_del(&e->chain);
    if (e->job)
        store_job_abandon(e->job);
    key_record_unref(e->record);
    free(e);
}

static void drop_oldest(struct ring *ring, size_t most)
{
    for (struct list *l = ring->head.next, *next; ring->count > most; l = next) {
        next = l->next;
        drop(LIST_ENTRY(l, struct entry, link));
    }
}

/* ---- what was spent -------------------------------------------------------------------------- */

static double spend_of(const struct entry *e)
{
    double told = e->record ? e->record->spend : 0;
    return (e->job ? e->before : told) + e->spent;
}

static bool spend_is_on_its_way(const struct keys *k)
{
    struct store_stats s;
    store_stats(k->store, &s);
    return s.spend_taken > s.spend_written + s.spend_dropped + s.spend_refused;
}

/* Requests that were on their way when it was asked may be in the number or not: it does not fall
 * by that, unless the budget's period ended. */
static double missing(const struct entry *e, const struct key_record *old,
                      const struct key_record *new)
{
    double gap = e->before - new->spend;
    return e->unsure && old && old->reset_at == new->reset_at &&gap > 0 ? gap : 0;
}

/* ---- asking ---------------------------------------------------------------------------------- */

static void take(struct entry *e, const struct store_rows *rows)
{
    struct key_record *old = e->record;
    unlist(e);
    e->loaded = true;
    e->changed = false;
    e->period_asked = 0;
    e->at = e->tried;
    e->record = rows->count ? key_record_new(rows, 0) : NULL;
    if (e->record)
        e->spent += missing(e, old, e->record);
    enlist(e);
    key_record_unref(old);
}

static void on_row(void *user, struct store_job *job);

static void ask(struct entry *e)
{
    struct keys *k = e->keys;
    struct store_job *job = store_job_new(k->store);
    struct store_where where = {"token", STORE_EQ, store_text(slice_of(e->hash)), 0};
    e->before = spend_of(e);
    e->spent = 0;
    e->unsure = spend_is_on_its_way(k);
    e->again = false;
    e->tried = turn_now(k->turn);
    e->job = job;
    store_select(job, &(struct store_query){
                          .table = TABLE_VERIFICATION_TOKEN, .where = &where, .where_count = 1});
    store_submit(job, on_row, e);
}

/* As if it had not been asked. */
static void take_back(struct entry *e)
{
    e->spent = spend_of(e) - (e->record ? e->record->spend : 0);
    e->job = NULL;
}

static void on_row(void *user, struct store_job *job)
{
    struct entry *e = user;
    struct keys *k = e->keys;
    bool answered = store_job_status(job) == STORE_OK;
    e->away = !answered;
    if (answered && !e->again) {
        e->job = NULL;
        take(e, store_job_rows(job, 0));
    } else {
        take_back(e);
        if (answered)
            ask(e);
    }
    store_job_free(job);
    if (!e->job)
        wake(e);
    drop_oldest(&k->known, KEYS_MAX);
    drop_oldest(&k->unknown, KEYS_UNKNOWN_MAX);
}

static int64_t life_of(const struct entry *e)
{
    return e->record ? KEYS_TTL_MS : KEYS_UNKNOWN_MS;
}

static bool is_young(const struct entry *e, int64_t now)
{
    return e->loaded && !e->changed && e->at > e->keys->distrust && now - e->at < life_of(e);
}

/* Read again ahead of its end, so that nobody has to wait. */
static bool is_ripe(const struct entry *e, int64_t now)
{
    int64_t half = life_of(e) / 2;
    return e->record && now - e->at >= (e->record->budget >= 0 ? KEYS_BUDGET_MS : half);
}

static void ask_if_due(struct entry *e, int64_t now)
{
    if (!e->job && (!e->away || now - e->tried >= RETRY_MS))
        ask(e);
}

static void wait_for(struct entry *e, struct keys_wait *wait, struct turn_item *item)
{
    wait->item = item;
    list_add(&e->waiting, &wait->link);
}

/* The budget's period is over: whoever gets there first begins the next one, for all gateways; all
 * of them are told, and read the key again. */
static void begin_period(struct entry *e, int64_t now)
{
    struct store_job *job = store_job_new(e->keys->store);
    const struct key_record *k = e->record;
    struct store_where where[] = {{"token", STORE_EQ, store_text(slice_of(e->hash)), 0},
                                  {"budget_reset_at", STORE_EQ, store_time(k->reset_at), 0}};
    int64_t next = duration_reset(k->period, now);
    struct store_cell cells[] = {
        {"spend", store_number(0), STORE_SET},
        {"budget_reset_at", next ? store_time(next) : store_null(), STORE_SET}};
    store_update(job, TABLE_VERIFICATION_TOKEN, cells, 2, where, 2);
    store_tell(job, TABLE_VERIFICATION_TOKEN, slice_of(e->hash));
    store_submit(job, NULL, NULL);
    e->period_asked = k->reset_at;
}

static void look_at_period(struct entry *e)
{
    int64_t now;
    if (!e->record || !e->record->reset_at || e->period_asked == e->record->reset_at)
        return;
    now = clock_unix_ms();
    if (now >= e->record->reset_at)
        begin_period(e, now);
}

static enum keys_state answer(struct entry *e, struct key_record **record)
{
    look_at_period(e);
    if (e->record)
        *record = key_record_ref(e->record);
    return e->record ? KEYS_FOUND : KEYS_UNKNOWN;
}

enum keys_state keys_get(struct keys *k, const char *hash, struct keys_wait *wait,
                         struct turn_item *item, struct key_record **record)
{
    int64_t now = turn_now(k->turn);
    struct entry *e = find(k, slice_of(hash));
    if (!e)
        e = add(k, hash);
    if (is_young(e, now)) {
        if (is_ripe(e, now))
            ask_if_due(e, now);
        return answer(e, record);
    }
    ask_if_due(e, now);
    if (e->record && !e->changed && (e->away || !store_is_up(k->store)))
        return answer(e, record);
    if (!e->job)
        return KEYS_AWAY;
    wait_for(e, wait, item);
    return KEYS_COMING;
}

void keys_leave(struct keys_wait *wait)
{
    if (wait->item)
        list_del(&wait->link);
    wait->item = NULL;
}

/* ---- changes --------------------------------------------------------------------------------- */

void keys_forget(struct keys *k, struct slice hash)
{
    struct entry *e = k ? find(k, hash) : NULL;
    if (!e)
        return;
    e->changed = true;
    e->again = e->job != NULL;
}

static void on_change(void *user, enum store_table_id table, struct slice key)
{
    struct keys *k = user;
    if (!key.n)
        k->distrust = turn_now(k->turn);
    else if (table == TABLE_VERIFICATION_TOKEN)
        keys_forget(k, key);
}

void keys_spent(struct keys *k, struct slice hash, double usd)
{
    struct entry *e = k && hash.n ? find(k, hash) : NULL;
    if (e)
        e->spent += usd;
}

double keys_spend(struct keys *k, const struct key_record *record)
{
    struct entry *e = find(k, record->caller.key);
    return e && e->record ? spend_of(e) : record->spend;
}

/* ---- all of it ------------------------------------------------------------------------------- */

struct keys *keys_new(struct turn *t, struct store *s)
{
    struct keys *k = calloc(1, sizeof(*k));
    if (!k)
        abort();
    k->turn = t;
    k->store = s;
    k->distrust = -1;
    random_bytes(&k->seed, sizeof(k->seed));
    list_init(&k->known.head);
    list_init(&k->unknown.head);
    for (size_t i = 0; i < BUCKETS; i++)
        list_init(&k->buckets[i]);
    store_watch(s, on_change, k);
    return k;
}

void keys_free(struct keys *k)
{
    if (!k)
        return;
    store_unwatch(k->store, k);
    drop_oldest(&k->known, 0);
    drop_oldest(&k->unknown, 0);
    free(k);
}
