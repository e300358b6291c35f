#ifndef GATEWAY_REREAD_H
#define GATEWAY_REREAD_H

/* Reads the configuration of a running worker again: first the secrets that it names, while
 * requests go on, then the files with them, and what the database said last. Whatever fails is in
 * the log, and the configuration stays as it is. One at a time: what is asked for meanwhile is done
 * behind it, once. */

struct worker;
struct reread;

struct reread *reread_new(struct worker *w);
void reread_free(struct reread *r); /* before the credentials; NULL is fine */

/* `why` is static, for the log. */
void reread_begin(struct reread *r, const char *why);

#endif
