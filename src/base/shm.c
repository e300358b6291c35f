#include "base/shm.h"

#include <errno.h>
#include <sys/mman.h>
#include <time.h>

#define NS_PER_MS 1000000
#define NS_PER_S  1000000000

void *shm_new(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE,
                   -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

void shm_free(void *p, size_t bytes)
{
    if (p)
        munmap(p, bytes);
}

void shm_lock_init(struct shm_lock *l)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&l->mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
}

static int wait_for(pthread_mutex_t *mutex)
{
    struct timespec until;
    int status = pthread_mutex_trylock(mutex);
    if (status != EBUSY)
        return status;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)SHM_WAIT_MS * NS_PER_MS;
    until.tv_sec += until.tv_nsec / NS_PER_S;
    until.tv_nsec %= NS_PER_S;
    return pthread_mutex_clocklock(mutex, CLOCK_MONOTONIC, &until);
}

enum shm_taken shm_take(struct shm_lock *l)
{
    int status = wait_for(&l->mutex);
    if (status == EOWNERDEAD)
        pthread_mutex_consistent(&l->mutex);
    return status == EOWNERDEAD ? SHM_ORPHANED : status ? SHM_BUSY : SHM_TAKEN;
}

void shm_release(struct shm_lock *l)
{
    pthread_mutex_unlock(&l->mutex);
}
