#ifndef GATEWAY_AUTH_H
#define GATEWAY_AUTH_H

/* Who may call. The key of a request comes in Authorization (Bearer), x-litellm-api-key, x-api-key,
 * api-key, or the header that litellm_key_header_name names; the master key is compared in constant
 * time. */

#include "config/config.h"
#include "llm/failure.h"
#include "wire/http1.h"

/* The key that the caller shows; empty: none. */
struct slice auth_key(const struct config *c, const struct http_head *head);

/* False: see failure (401). Without a master key everybody may call. */
bool auth_check(const struct config *c, const struct http_head *head, struct arena *a,
                struct failure *f);

/* A key that anybody could guess: unset, a sample key of the documentation, or very short. */
bool auth_key_is_weak(const char *master_key);

#endif
