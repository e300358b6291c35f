#ifndef CONFIG_CLIENTSIDE_H
#define CONFIG_CLIENTSIDE_H

/* What of its upstream a request may say itself, in LiteLLM's words. */

#include "base/slice.h"

enum clientside_member {
    CLIENTSIDE_ACCESS_KEY,
    CLIENTSIDE_SECRET_KEY,
    CLIENTSIDE_SESSION_TOKEN,
    CLIENTSIDE_API_KEY,
    CLIENTSIDE_REGION,
    CLIENTSIDE_ENDPOINT,
    CLIENTSIDE_API_BASE, /* LiteLLM's other names of it */
    CLIENTSIDE_BASE_URL,
    CLIENTSIDE_MEMBERS
};

extern const char *const clientside_names[CLIENTSIDE_MEMBERS]; /* "aws_access_key_id", … */

/* CLIENTSIDE_MEMBERS: it is none of them. */
enum clientside_member clientside_member_of(struct slice name);

#endif
