#ifndef IO_UPSTREAM_PRIVATE_H
#define IO_UPSTREAM_PRIVATE_H

/* What the two files behind io/upstream.h share: upstream.c (calls) and upstream_loop.c (libcurl's
 * sockets and timeout on the loop). */

#include "io/upstream.h"

#include <curl/curl.h>

#define UPSTREAM_NEVER INT64_MAX

struct upstream_socket;

struct upstream {
    struct turn *turn;
    CURLM *multi;
    CURLSH *share; /* TLS sessions, so that every call can resume them */
    bool verify;   /* TLS peer and host */
    char *ca_file; /* NULL: the system's */
    struct turn_item item;
    uv_timer_t timer;
    int64_t wake_at;                  /* when libcurl wants to be called, or UPSTREAM_NEVER */
    int64_t armed;                    /* when the timer will fire, or UPSTREAM_NEVER */
    bool starting;                    /* inside upstream_start */
    struct upstream_socket **sockets; /* by descriptor; NULL: not known */
    size_t sockets_size;              /* slots */
    struct list idle;                 /* struct upstream_op.link, ready for the next call */
    unsigned idle_count;
    struct list failed; /* struct upstream_op.link, whose end is to be told in the next step */
    unsigned active;
    unsigned handles; /* open ones of all kinds; the last one frees this */
};

/* upstream.c */
void upstream_end_finished(struct upstream *u); /* after each call into the multi handle */
void upstream_unref(struct upstream *u);

/* upstream_loop.c */
void upstream_loop_init(struct upstream *u);
void upstream_loop_fini(struct upstream *u);
void upstream_loop_options(struct upstream *u, CURL *easy); /* how its sockets are made */

#endif
