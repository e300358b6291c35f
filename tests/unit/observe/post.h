#ifndef TESTS_POST_H
#define TESTS_POST_H

/* An outbox of records that are numbers, and the server it tells them to. */

#include "caller.h"
#include "cmocka_all.h"
#include "observe/outbox.h"

#define OK      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define AWAY    "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\naway"
#define REFUSED "HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno"
#define ENDLESS "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"

struct post { /* a test's world */
    struct world world;
    struct dialer dialer;
    struct peer_server server;
    struct outbox *box;
    const char *answer; /* NULL: none */
    const char *next;   /* to what comes after; NULL: the same */
    unsigned calls;
    char told[256]; /* what the last call told: "1,2,3," */
    char all[1024]; /* what all calls told that were answered with OK */
    char url[64];
    bool nothing; /* write() has nothing to tell */
};

struct outbox_limits quick(void); /* for tests: short waits, four in a batch */

void open_post(struct post *p, const struct outbox_limits *limits);
void close_post(struct post *p);
/* The box alone: to open one more in the same world. */
void open_box(struct post *p, const struct outbox_limits *limits);

void put(struct post *p, int number, size_t weight);
struct outbox_stats stats(const struct post *p);

#endif
