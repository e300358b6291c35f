#ifndef STATE_SPEND_APPLY_H
#define STATE_SPEND_APPLY_H

/* From the spool into the database, each record exactly once. The store's thread only.
 *
 * Each batch is one transaction that also moves `written` of the spool's row in lintel_spool from
 * the number before the batch to its last: when it is not what we believe, the batch (or another of
 * ours, on a connection that was lost in the middle of its commit) was written already, and we go
 * on from there. */

#include "spool.h"
#include "store_db.h"

struct spend_reader {
    struct spool_file *file;
    const char *directory;     /* of the refused records */
    uint64_t written;          /* the last record that the database has, as far as we know */
    bool noted;                /* the spool has its row */
    uint64_t records, refused; /* written to the database, and to the file, so far */
    uint64_t kept;             /* the last record that is in the file */
    char trouble[128];         /* why refused records cannot be kept; "": they can */
    bool told;                 /* the log knows of it */
};

enum spend_result {
    SPEND_MORE,  /* a batch was written */
    SPEND_DONE,  /* nothing is left before `end` */
    SPEND_AWAY,  /* the database is; nothing was lost */
    SPEND_BROKEN /* what follows in the file is no record: it ends here */
};

/* One batch. `*place`: where reading goes on. */
enum spend_result spend_apply(struct spend_reader *r, struct db *db, uint64_t end, uint64_t *place);

/* The spool's file is gone for good: so goes its row. */
void spend_forget(struct spend_reader *r, struct db *db);

#endif
