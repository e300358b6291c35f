#ifndef GATEWAY_WATCH_H
#define GATEWAY_WATCH_H

/* Tells when files have changed: in place, by another file that took the name (editors, deployment
 * tools), or behind a symbolic link (Kubernetes' ConfigMaps). They are looked at every WATCH_MS,
 * without waiting for the disk; a change is told once all have stayed the same for one interval, so
 * that a file which is still being written is not read. Looking beats inotify here: it also sees
 * files on network file systems and single files that are mounted into a container. */

#include "config/config.h"

#include <uv.h>

#define WATCH_MS  500
#define WATCH_MAX (CONFIG_MAX_FILES + 2)

struct watch;

struct watch *watch_new(uv_loop_t *loop, void (*changed)(void *user), void *user);
/* From now on these, as they are now; 0: none. The names must stay until the next call. */
void watch_set(struct watch *w, const char *const *files, size_t count);
void watch_free(struct watch *w); /* freed when the loop has run once more */

#endif
