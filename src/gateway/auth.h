#ifndef GATEWAY_AUTH_H
#define GATEWAY_AUTH_H

/* Who may call. The key of a request comes in Authorization (Bearer), x-litellm-api-key, x-api-key,
 * api-key, or the header that litellm_key_header_name names. The master key is compared in constant
 * time; fixed keys are looked up by their hash, whose time tells nothing of a key. */

#include "caller.h"
#include "config/config.h"
#include "llm/failure.h"
#include "routes.h"
#include "wire/http1.h"

/* The key that the caller shows; empty: none. */
struct slice auth_key(const struct config *c, const struct http_head *head);

/* Whose key it is, of a caller_init()ed one. False: see failure (401). With neither a master key
 * nor fixed keys everybody may call, as the master. */
bool auth_check(const struct config *c, const struct http_head *head, struct caller *caller,
                struct arena *a, struct failure *f);

void auth_be_master(const struct config *c, struct caller *caller);

/* Whether the configuration says whose key it is, or that keys do not matter. */
bool auth_knows(const struct config *c, struct slice key);

/* Whether that caller may use the route at all. */
bool auth_check_route(const struct caller *caller, const struct route *route, struct slice path,
                      struct arena *a, struct failure *f);

/* Whether it may ask for the model, by the name it used. */
bool auth_check_model(const struct caller *caller, const struct config *c, struct slice model,
                      struct arena *a, struct failure *f);

/* A key that anybody could guess: unset, a sample key of the documentation, or very short. */
bool auth_key_is_weak(const char *master_key);

#endif
