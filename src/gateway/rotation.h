#ifndef GATEWAY_ROTATION_H
#define GATEWAY_ROTATION_H

/* Keys with auto_rotate whose key_rotation_at is over. They are not renewed here: nobody would
 * learn the new text, which is shown to whoever asks for it and never sent or logged. With
 * LITELLM_KEY_ROTATION_ENABLED one of all gateways on the database tells of them, every
 * LITELLM_KEY_ROTATION_CHECK_INTERVAL_SECONDS (86400): a line in the log, and an alert
 * (virtual_key_updated) each. /key/regenerate renews one, and sets its next time. */

struct rotation;
struct worker;

struct rotation *rotation_new(struct worker *w); /* NULL: not enabled, or no database */
void rotation_free(struct rotation *r);          /* before its store: task.h; NULL is fine */

#endif
