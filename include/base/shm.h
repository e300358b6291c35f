#ifndef BASE_SHM_H
#define BASE_SHM_H

/* Memory that processes have in common which are forked after it was made: it has the same address
 * in all of them, so pointers into it hold. And a lock in it that survives its holder. */

#include <pthread.h>
#include <stddef.h>

/* Zeroed; of address space, touched as it is needed. NULL: errno says why. */
void *shm_new(size_t bytes);
void shm_free(void *p, size_t bytes); /* in this process; NULL is fine */

struct shm_lock {
    pthread_mutex_t mutex;
};

enum shm_taken {
    SHM_BUSY,  /* whoever has it keeps it for too long (is stopped): there is nothing to release */
    SHM_TAKEN, /* until shm_release */
    SHM_ORPHANED /* likewise; its holder died, and what it guards may be half done */
};

#define SHM_WAIT_MS 20

void shm_lock_init(struct shm_lock *l);
enum shm_taken shm_take(struct shm_lock *l); /* waits for SHM_WAIT_MS */
void shm_release(struct shm_lock *l);

#endif
