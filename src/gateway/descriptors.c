#include "descriptors.h"

#include "base/log.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#define LIMIT_MAX 1048576 /* enough; some programs it may start go through all of them */
#define OTHERS    128     /* files, database, Redis; clients that are being refused */
#define LEAST     16

static rlim_t current(void)
{
    struct rlimit limit = {0};
    getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur;
}

void descriptors_raise(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    rlim_t before = limit.rlim_cur;
    rlim_t most = limit.rlim_max < LIMIT_MAX ? limit.rlim_max : LIMIT_MAX;
    if (before < most) {
        limit.rlim_cur = most;
        if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
            log_warn("the limit of open descriptors cannot be raised: %s", strerror(errno));
    }
    log_info("open descriptors: %llu at most (%llu at start)", (unsigned long long)current(),
             (unsigned long long)before);
}

unsigned descriptors_connections(unsigned wanted)
{
    rlim_t limit = current();
    rlim_t possible = limit > OTHERS + 2 * LEAST ? (limit - OTHERS) / 2 : LEAST;
    if (possible >= wanted)
        return wanted;
    log_info("max_connections is %u, but %llu descriptors are enough for %llu only: raise the "
             "limit (LimitNOFILE of systemd, ulimit -n)",
             wanted, (unsigned long long)limit, (unsigned long long)possible);
    return (unsigned)possible;
}
