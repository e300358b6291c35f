#ifndef STATE_STORE_THREAD_H
#define STATE_STORE_THREAD_H

/* The store as its two sides see it: the loop (store.c) and the thread (store_thread.c). */

#include "io/wake.h"
#include "spend_apply.h"

#include <pthread.h>

#define STORE_NEWS_MAX 1024 /* changes told that wait for the loop; more: "anything may have" */

#define CHANGES_AGAIN 128 /* ids before the last one that are read again: they may come late */

#define STORE_NAME_SIZE 17

struct store_news {
    enum store_table_id table;
    char *key; /* malloc */
};

/* Something for the log; the thread itself does not log. */
struct store_word {
    struct list link;
    bool bad; /* LOG_ERROR, else LOG_INFO */
    char text[600];
};

struct store_watcher {
    store_changed *changed;
    void *user;
};

struct store {
    struct turn *turn;
    struct wake wake;
    struct turn_item item;
    struct arena arena;         /* of the options and the address */
    char name[STORE_NAME_SIZE]; /* told_by, of its own changes */
    struct store_options options;
    struct store_address address;
    struct spool *spool;
    pthread_t thread;

    pthread_mutex_t lock; /* of all down to the next comment */
    pthread_cond_t more;
    struct list waiting, finished; /* store_job.link */
    struct list words;             /* store_word.link */
    unsigned word_count;
    bool up, tried; /* connected; a first attempt to connect is over */
    bool stopping;
    bool left_alone; /* the loop did not wait for us: it must not be woken */
    bool spend_came;
    bool watched; /* somebody wants the changes … */
    bool look;    /* … and knows that there are some */
    struct store_news news[STORE_NEWS_MAX];
    size_t news_count;
    bool all_news; /* anything may have changed */
    struct store_stats stats;
    struct store_time *times; /* STORE_TIMES_MAX; NULL: nobody wants them */
    size_t time_count;

    /* the loop's */
    store_spoke *spoke;
    void *spoke_user;
    struct store_watcher watchers[STORE_WATCHERS_MAX];
    size_t watcher_count;
    uint64_t dropped_said; /* of spend */
    struct buf record;

    /* the thread's */
    struct db db;
    int64_t connect_at, write_at, look_at, poll_at; /* ms */
    unsigned failures;                              /* to connect, in a row */
    char trouble[256];                              /* that was said last */
    struct spend_reader own, left;
    struct spool_file left_file; /* fd -1: none */
    uint64_t left_end;
    int64_t prune_at;
    bool changes_known;                  /* those before the connect are in `changes_seen` */
    int64_t change_last;                 /* the greatest id that was read */
    int64_t changes_seen[CHANGES_AGAIN]; /* the last ids, each at its remainder */
};

void *store_thread_run(void *arg); /* the store */

#endif
