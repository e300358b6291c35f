/* A timer, and one stat after the other.
 *
 * Happy path: the timer starts a round; each stat's result is noted; after the last one the round
 * is compared with what is known and with the round before.
 * Failure modes: a file that is not there is a state like any other, but tells no change: it is
 * about to be replaced. A round that watch_set overtakes is dropped. */

#include "watch.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct look { /* without padding, to be compared as bytes; all 0: not there */
    uint64_t device, inode, size;
    int64_t seconds, nanoseconds; /* of the last change of its content */
};

struct watch {
    uv_timer_t timer;
    uv_fs_t stat;
    const char *files[WATCH_MAX];
    struct look known[WATCH_MAX];  /* what was told, or set */
    struct look before[WATCH_MAX]; /* the last round */
    struct look now[WATCH_MAX];    /* this one */
    size_t count, next;
    bool busy;  /* `stat` is under way */
    bool stale; /* … for files of before watch_set */
    bool dead;
    unsigned handles; /* open ones, and `stat` */
    void (*changed)(void *user);
    void *user;
};

static void release(struct watch *w)
{
    if (--w->handles == 0)
        free(w);
}

static bool same(const struct watch *w, const struct look *a, const struct look *b)
{
    return memcmp(a, b, w->count * sizeof(*a)) == 0;
}

static bool all_there(const struct watch *w)
{
    for (size_t i = 0; i < w->count; i++)
        if (!w->now[i].inode)
            return false;
    return true;
}

static void judge(struct watch *w)
{
    bool settled = same(w, w->now, w->before);
    memcpy(w->before, w->now, sizeof(w->now));
    if (!settled || same(w, w->now, w->known) || !all_there(w))
        return;
    memcpy(w->known, w->now, sizeof(w->now));
    w->changed(w->user);
}

static void look_at_next(struct watch *w);

static void on_stat(uv_fs_t *request)
{
    struct watch *w = request->data;
    const uv_stat_t *s = &request->statbuf;
    struct look found = {0};
    if (request->result == 0)
        found =
            (struct look){s->st_dev, s->st_ino, s->st_size, s->st_mtim.tv_sec, s->st_mtim.tv_nsec};
    uv_fs_req_cleanup(request);
    w->busy = false;
    if (w->dead) {
        release(w);
        return;
    }
    if (w->stale)
        return;
    w->now[w->next++] = found;
    look_at_next(w);
}

static void look_at_next(struct watch *w)
{
    if (w->next == w->count) {
        judge(w);
        return;
    }
    w->stat.data = w;
    w->busy = uv_fs_stat(w->timer.loop, &w->stat, w->files[w->next], on_stat) == 0;
}

static void on_timer(uv_timer_t *timer)
{
    struct watch *w = timer->data;
    if (w->busy) /* a slow disk */
        return;
    w->stale = false;
    w->next = 0;
    look_at_next(w);
}

static struct look look_now(const char *file)
{
    struct stat s;
    if (stat(file, &s) < 0)
        return (struct look){0};
    return (struct look){s.st_dev, s.st_ino, (uint64_t)s.st_size, s.st_mtim.tv_sec,
                         s.st_mtim.tv_nsec};
}

struct watch *watch_new(uv_loop_t *loop, void (*changed)(void *user), void *user)
{
    struct watch *w = calloc(1, sizeof(*w));
    if (!w)
        abort();
    uv_timer_init(loop, &w->timer);
    uv_unref((uv_handle_t *)&w->timer);
    w->timer.data = w;
    w->handles = 1;
    w->changed = changed;
    w->user = user;
    return w;
}

void watch_set(struct watch *w, const char *const *files, size_t count)
{
    w->stale = true;
    w->count = count;
    for (size_t i = 0; i < count; i++) {
        w->files[i] = files[i];
        w->known[i] = look_now(files[i]);
    }
    memcpy(w->before, w->known, sizeof(w->known));
    if (count)
        uv_timer_start(&w->timer, on_timer, WATCH_MS, WATCH_MS);
    else
        uv_timer_stop(&w->timer);
}

static void on_closed(uv_handle_t *handle)
{
    release(handle->data);
}

void watch_free(struct watch *w)
{
    w->dead = true;
    if (w->busy) {
        w->handles++;
        uv_cancel((uv_req_t *)&w->stat);
    }
    uv_close((uv_handle_t *)&w->timer, on_closed);
}
