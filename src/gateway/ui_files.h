#ifndef GATEWAY_UI_FILES_H
#define GATEWAY_UI_FILES_H

/* The files of the admin UI, in the program itself: made of ui/ by scripts/embed_ui.py. */

#include "base/slice.h"

struct ui_file {
    const char *name; /* "pages/keys.js" */
    const char *type;
    const char *etag;           /* with its quotes */
    struct slice plain, packed; /* gzip */
};

extern const struct ui_file ui_files[];
extern const size_t ui_file_count;
extern const char ui_folder[]; /* their common hash, which the page puts before their names */

#endif
