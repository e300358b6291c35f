/* What stands on the shelf, and the jobs that change it.
 *
 * Happy path: a row asks for a job (put, get, drop); jobs run one after the other in a thread of
 * the pool; when one has ended the row is up to date and its sink is told. A look for what others
 * left behind is a job too, of no row.
 *
 * Failure modes: the disk refuses a batch: the log says so once, and the shelf rests; there is no
 * room: the oldest of the row go, and are counted; a file cannot be read: it is set aside, and its
 * records are counted as lost; the shelf is freed while a job runs: the job's end frees it. */

#include "shelf.h"

#include "base/log.h"
#include "io/clock.h"
#include "record_pack.h"
#include "shelf_file.h"
#include "wire/crypto.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define MS_PER_S 1000

struct job {
    struct list link; /* in shelf->jobs while it waits */
    struct shelf *shelf;
    void (*work)(struct job *job); /* in the thread: nothing but this struct, and the folders */
    void (*done)(struct job *job); /* in the loop */
    struct list gone;              /* files to remove */
    struct list aside;             /* files to set aside */
    struct list files; /* put: the new one; get: those to read; look: those that were found */
    struct buf bytes;
    const char *error;
};

struct shelf_row {
    struct list link; /* in shelf->rows */
    struct shelf *shelf;
    char id[SHELF_ROW_SIZE];
    void (*ready)(void *user); /* NULL: nobody is there */
    void *user;
    struct list entries, got; /* the oldest first; `got`: of the last get, before the entries */
    struct shelf_stats stats;
    struct job job;
    bool busy;
};

struct shelf {
    uv_loop_t *loop;
    struct shelf_limits limits;
    int parent, own; /* descriptors of folders */
    char id[64];
    struct list rows;
    struct list jobs;
    struct job *running;
    struct job look;
    bool looking;
    uv_work_t work;
    uv_timer_t timer;
    uint64_t number; /* of the next file */
    uint64_t bytes;  /* of all rows */
    size_t files;
    int64_t rest_until; /* steady ms */
    bool troubled, closing, closed;
};

/* ---- the jobs' thread -------------------------------------------------------------------------
 */

static void run_gone(struct job *j)
{
    for (struct list *l = j->gone.next; l != &j->gone; l = l->next)
        shelf_file_remove(j->shelf->own, LIST_ENTRY(l, struct shelf_entry, link)->name);
    for (struct list *l = j->aside.next; l != &j->aside; l = l->next)
        shelf_file_set_aside(j->shelf->own, j->shelf->parent,
                             LIST_ENTRY(l, struct shelf_entry, link)->name);
}

static void run_put(struct job *j)
{
    const struct shelf_entry *e = LIST_ENTRY(j->files.next, struct shelf_entry, link);
    run_gone(j);
    j->error = shelf_file_write(j->shelf->own, e->name, buf_slice(&j->bytes));
}

static void run_get(struct job *j)
{
    for (struct list *l = j->files.next, *next; l != &j->files; l = next) {
        next = l->next;
        if (shelf_file_read(j->shelf->own, LIST_ENTRY(l, struct shelf_entry, link)->name,
                            &j->bytes))
            continue;
        list_del(l);
        list_add(&j->aside, l);
    }
    run_gone(j);
}

static void run_look(struct job *j)
{
    const struct shelf *s = j->shelf;
    run_gone(j);
    shelf_folder_adopt(s->parent, s->own, s->id, (clock_unix_ms() - s->limits.age_ms) / MS_PER_S,
                       &j->files);
}

static void in_thread(uv_work_t *work)
{
    struct shelf *s = work->data;
    s->running->work(s->running);
}

/* ---- jobs ------------------------------------------------------------------------------------ */

static void free_entries(struct list *entries)
{
    struct list *next;
    for (struct list *l = entries->next; l != entries; l = next) {
        next = l->next;
        free(LIST_ENTRY(l, struct shelf_entry, link));
    }
    list_init(entries);
}

static void job_init(struct job *j, struct shelf *s)
{
    j->shelf = s;
    list_init(&j->link);
    list_init(&j->gone);
    list_init(&j->aside);
    list_init(&j->files);
    buf_init(&j->bytes, 2 * SHELF_FILE_MAX);
}

static void job_fini(struct job *j)
{
    free_entries(&j->gone);
    free_entries(&j->aside);
    free_entries(&j->files);
    buf_fini(&j->bytes);
}

static void release(struct shelf *s)
{
    struct list *next;
    for (struct list *l = s->rows.next; l != &s->rows; l = next) {
        struct shelf_row *row = LIST_ENTRY(l, struct shelf_row, link);
        next = l->next;
        job_fini(&row->job);
        free_entries(&row->entries);
        free_entries(&row->got);
        free(row);
    }
    job_fini(&s->look);
    unlinkat(s->parent, s->id, AT_REMOVEDIR); /* not while something is in it */
    shelf_folder_close(s->parent, s->own);
    free(s);
}

static void next_job(struct shelf *s);

static void in_loop(uv_work_t *work, int status)
{
    struct shelf *s = work->data;
    struct job *j = s->running;
    (void)status;
    s->running = NULL;
    if (!s->closing) {
        j->done(j);
        next_job(s);
    } else if (s->closed)
        release(s);
}

static void next_job(struct shelf *s)
{
    struct list *l = s->running ? NULL : list_pop(&s->jobs);
    if (!l)
        return;
    s->running = LIST_ENTRY(l, struct job, link);
    s->running->error = NULL;
    s->work.data = s;
    if (uv_queue_work(s->loop, &s->work, in_thread, in_loop) != 0)
        abort();
}

static void ask(struct job *j, void (*work)(struct job *), void (*done)(struct job *))
{
    j->work = work;
    j->done = done;
    list_add(&j->shelf->jobs, &j->link);
    next_job(j->shelf);
}

/* ---- entries --------------------------------------------------------------------------------- */

static void count_in(struct shelf_row *row, const struct shelf_entry *e)
{
    row->stats.records += e->records;
    row->stats.bytes += e->bytes;
    row->shelf->bytes += e->bytes;
    row->shelf->files++;
}

static void count_out(struct shelf_row *row, const struct shelf_entry *e)
{
    row->stats.records -= e->records;
    row->stats.bytes -= e->bytes;
    row->shelf->bytes -= e->bytes;
    row->shelf->files--;
}

static struct shelf_entry *oldest(const struct shelf_row *row)
{
    return list_empty(&row->entries) ? NULL
                                     : LIST_ENTRY(row->entries.next, struct shelf_entry, link);
}

/* The oldest is lost; its file goes with that job. */
static void lose_oldest(struct shelf_row *row, struct job *j)
{
    struct shelf_entry *e = oldest(row);
    list_del(&e->link);
    list_add(&j->gone, &e->link);
    count_out(row, e);
    row->stats.lost += e->records;
}

static void lose_old(struct shelf_row *row, struct job *j, int64_t now)
{
    while (oldest(row) && now - oldest(row)->made_ms > row->shelf->limits.age_ms)
        lose_oldest(row, j);
}

static void insert(struct shelf_row *row, struct shelf_entry *e)
{
    struct list *before = &row->entries;
    while (before->prev != &row->entries &&
           LIST_ENTRY(before->prev, struct shelf_entry, link)->made_ms > e->made_ms)
        before = before->prev;
    list_add(before, &e->link);
    count_in(row, e);
}

static void move_all(struct list *from, struct list *to)
{
    for (struct list *l; (l = list_pop(from));)
        list_add(to, l);
}

/* What was got, and not dropped, is the oldest again. */
static void give_back(struct shelf_row *row)
{
    move_all(&row->entries, &row->got);
    move_all(&row->got, &row->entries);
}

/* ---- rows ------------------------------------------------------------------------------------ */

static struct shelf_row *find_row(struct shelf *s, const char *id)
{
    for (struct list *l = s->rows.next; l != &s->rows; l = l->next)
        if (strcmp(LIST_ENTRY(l, struct shelf_row, link)->id, id) == 0)
            return LIST_ENTRY(l, struct shelf_row, link);
    struct shelf_row *row = calloc(1, sizeof(*row));
    if (!row)
        abort();
    row->shelf = s;
    memcpy(row->id, id, sizeof(row->id));
    list_init(&row->entries);
    list_init(&row->got);
    job_init(&row->job, s);
    list_add(&s->rows, &row->link);
    return row;
}

struct shelf_row *shelf_enter(struct shelf *s, const char *name, void (*ready)(void *user),
                              void *user)
{
    char hash[HEX_SIZE(SHA256_SIZE)];
    sha256_hex(slice_of(name), hash);
    hash[SHELF_ROW_SIZE - 1] = '\0';
    struct shelf_row *row = find_row(s, hash);
    row->ready = ready;
    row->user = user;
    return row;
}

void shelf_leave(struct shelf_row *row)
{
    if (row)
        row->ready = NULL;
}

static void tell(struct shelf_row *row)
{
    free_entries(&row->job.gone);
    free_entries(&row->job.aside);
    row->busy = false;
    if (row->ready)
        row->ready(row->user);
}

bool shelf_busy(const struct shelf_row *row)
{
    return row->busy;
}

bool shelf_takes(const struct shelf_row *row)
{
    return clock_steady_ms() >= row->shelf->rest_until;
}

bool shelf_waiting(const struct shelf_row *row)
{
    return !list_empty(&row->entries) || !list_empty(&row->got);
}

void shelf_count(const struct shelf_row *row, struct shelf_stats *s)
{
    *s = row->stats;
}

static struct job *begin(struct shelf_row *row)
{
    row->busy = true;
    buf_fini(&row->job.bytes);
    return &row->job;
}

/* ---- put ------------------------------------------------------------------------------------- */

static void say_trouble(struct shelf *s, const char *error)
{
    if (error && !s->troubled)
        log_error("what callbacks are not told cannot be kept on disk: %s; it stays in memory",
                  error);
    else if (!error && s->troubled)
        log_info("what callbacks are not told is kept on disk again");
    s->troubled = error;
}

static void was_put(struct job *j)
{
    struct shelf_row *row = LIST_ENTRY(j, struct shelf_row, job);
    struct shelf_entry *e = LIST_ENTRY(list_pop(&j->files), struct shelf_entry, link);
    say_trouble(j->shelf, j->error);
    if (j->error) {
        j->shelf->rest_until = clock_steady_ms() + SHELF_REST_MS;
        free(e);
    } else
        insert(row, e);
    tell(row);
}

static void make_room(struct shelf_row *row, struct job *j, size_t bytes)
{
    struct shelf *s = row->shelf;
    lose_old(row, j, clock_unix_ms());
    while (oldest(row) && (s->bytes + bytes > s->limits.bytes_max || s->files >= SHELF_FILES_MAX))
        lose_oldest(row, j);
}

static void there_is_no_room(struct job *j)
{
    run_gone(j);
    j->error = "it is as much as may be";
}

void shelf_put(struct shelf_row *row, struct slice bytes, unsigned records)
{
    struct job *j = begin(row);
    struct shelf *s = row->shelf;
    struct shelf_entry *e = calloc(1, sizeof(*e));
    if (!e)
        abort();
    buf_add(&j->bytes, bytes);
    memcpy(e->row, row->id, sizeof(e->row));
    e->made_ms = clock_unix_ms();
    e->bytes = j->bytes.n;
    e->records = records;
    shelf_entry_name(e, s->number++);
    make_room(row, j, j->bytes.n);
    list_add(&j->files, &e->link);
    bool room = s->bytes + j->bytes.n <= s->limits.bytes_max && s->files < SHELF_FILES_MAX;
    ask(j, room ? run_put : there_is_no_room, was_put);
}

bool shelf_was_put(const struct shelf_row *row)
{
    return !row->job.error;
}

/* ---- get, and what becomes of it ------------------------------------------------------------- */

static void lose_all(struct shelf_row *row, const struct list *entries)
{
    for (const struct list *l = entries->next; l != entries; l = l->next) {
        const struct shelf_entry *e = LIST_ENTRY(l, const struct shelf_entry, link);
        log_error("callbacks: %s cannot be read: set aside, %u records are not told", e->name,
                  e->records);
        row->stats.lost += e->records;
        count_out(row, e);
    }
}

static void was_got(struct job *j)
{
    struct shelf_row *row = LIST_ENTRY(j, struct shelf_row, job);
    move_all(&j->files, &row->got);
    lose_all(row, &j->aside);
    tell(row);
}

void shelf_get(struct shelf_row *row, size_t records_max, size_t bytes_max)
{
    struct job *j = begin(row);
    size_t records = 0, bytes = 0, files = 0;
    give_back(row);
    lose_old(row, j, clock_unix_ms());
    for (struct shelf_entry *e; (e = oldest(row)) && files < SHELF_JOIN_MAX; files++) {
        records += e->records;
        bytes += e->bytes;
        if (files && (records > records_max || bytes > bytes_max))
            break;
        list_del(&e->link);
        list_add(&j->files, &e->link);
    }
    ask(j, run_get, was_got);
}

struct slice shelf_got(const struct shelf_row *row)
{
    return buf_slice(&row->job.bytes);
}

static void files_are_gone(struct job *j)
{
    tell(LIST_ENTRY(j, struct shelf_row, job));
}

void shelf_drop(struct shelf_row *row)
{
    struct job *j = begin(row);
    for (const struct list *l = row->got.next; l != &row->got; l = l->next)
        count_out(row, LIST_ENTRY(l, const struct shelf_entry, link));
    move_all(&row->got, &j->gone);
    ask(j, run_gone, files_are_gone);
}

void shelf_set_aside(struct shelf_row *row)
{
    struct job *j = begin(row);
    lose_all(row, &row->got);
    move_all(&row->got, &j->aside);
    ask(j, run_gone, files_are_gone);
}

/* ---- what others left behind ----------------------------------------------------------------- */

static void has_looked(struct job *j)
{
    struct shelf *s = j->shelf;
    uint64_t found = 0;
    for (struct list *l; (l = list_pop(&j->files));) {
        struct shelf_entry *e = LIST_ENTRY(l, struct shelf_entry, link);
        struct shelf_row *row = find_row(s, e->row);
        insert(row, e);
        row->stats.found += e->records;
        found += e->records;
    }
    free_entries(&j->gone);
    s->looking = false;
    if (found)
        log_info("callbacks: %llu records that were not told are taken over from a gateway before",
                 (unsigned long long)found);
    for (struct list *l = s->rows.next; found && l != &s->rows; l = l->next) {
        struct shelf_row *row = LIST_ENTRY(l, struct shelf_row, link);
        if (row->ready && !row->busy)
            row->ready(row->user);
    }
}

static void look(struct shelf *s)
{
    if (s->looking)
        return;
    s->looking = true;
    for (struct list *l = s->rows.next; l != &s->rows; l = l->next)
        lose_old(LIST_ENTRY(l, struct shelf_row, link), &s->look, clock_unix_ms());
    ask(&s->look, run_look, has_looked);
}

static void on_timer(uv_timer_t *timer)
{
    look(timer->data);
}

/* ---- life ------------------------------------------------------------------------------------ */

static void on_closed(uv_handle_t *handle)
{
    struct shelf *s = handle->data;
    s->closed = true;
    if (!s->running)
        release(s);
}

struct shelf *shelf_new(uv_loop_t *loop, const char *directory, const struct shelf_limits *limits,
                        const char **error)
{
    struct shelf *s = calloc(1, sizeof(*s));
    if (!s)
        abort();
    if (!shelf_folder_make(directory, &s->parent, &s->own, s->id)) {
        *error = strerror(errno);
        shelf_folder_close(s->parent, s->own);
        free(s);
        return NULL;
    }
    s->loop = loop;
    s->limits = *limits;
    list_init(&s->rows);
    list_init(&s->jobs);
    job_init(&s->look, s);
    random_bytes(&s->number, sizeof(s->number));
    uv_timer_init(loop, &s->timer);
    s->timer.data = s;
    uv_timer_start(&s->timer, on_timer, SHELF_LOOK_MS, SHELF_LOOK_MS);
    uv_unref((uv_handle_t *)&s->timer);
    look(s);
    return s;
}

void shelf_free(struct shelf *s)
{
    if (!s)
        return;
    s->closing = true;
    uv_close((uv_handle_t *)&s->timer, on_closed);
}
