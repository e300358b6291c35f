#ifndef OBSERVE_SHELF_FILE_H
#define OBSERVE_SHELF_FILE_H

/* The files of a shelf (shelf.h), for the thread that may block. Folders are descriptors. */

#include "base/buf.h"
#include "base/list.h"

#include <stdint.h>

#define SHELF_ROW_SIZE  17 /* 16 hexadecimal digits, NUL */
#define SHELF_NAME_SIZE 96
#define SHELF_MAGIC     "lintel records " RECORD_PACK_VERSION "\n"

struct shelf_entry { /* one file */
    struct list link;
    char row[SHELF_ROW_SIZE];
    char name[SHELF_NAME_SIZE];
    int64_t made_ms; /* since 1970 */
    uint64_t bytes;
    unsigned records;
};

/* Names the entry by what else it says. */
void shelf_entry_name(struct shelf_entry *e, uint64_t number);

/* Makes `directory` and a locked folder in it. False: errno; the descriptors that are not open are
 * -1. */
bool shelf_folder_make(const char *directory, int *parent, int *own, char id[64]);
void shelf_folder_close(int parent, int own);
/* Moves what processes that are gone left behind in `parent` into `own`: entries, malloc'd, into
 * the list. What is damaged and older than `damaged_before` (unix seconds) goes. */
void shelf_folder_adopt(int parent, int own, const char *id, int64_t damaged_before,
                        struct list *entries);

/* NULL: it is there, whole and on the disk. Else why not, and nothing is there. */
const char *shelf_file_write(int own, const char *name, struct slice body);
/* Appends the body. False: it cannot be read, or is damaged. */
bool shelf_file_read(int own, const char *name, struct buf *body);
void shelf_file_remove(int own, const char *name);
void shelf_file_set_aside(int own, int parent, const char *name);

#endif
