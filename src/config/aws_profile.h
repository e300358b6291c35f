#ifndef CONFIG_AWS_PROFILE_H
#define CONFIG_AWS_PROFILE_H

/* The two ini files of the AWS tools, ~/.aws/credentials and ~/.aws/config. Pure. */

#include "base/slice.h"

#include <stdbool.h>

enum aws_file { AWS_CREDENTIALS_FILE, AWS_CONFIG_FILE };

struct aws_profile {
    bool found; /* a section of this name stands in one of the files */
    struct slice access_key_id, secret_access_key, session_token, region; /* empty: not set */
    const char *other; /* a credential source we cannot use, "role_arn"; NULL: none (static) */
};

/* Adds what the section of `name` says and is not set yet (so read the credentials file first).
 * Slices point into `text`. Returns 0, or the number of the first line that is no ini. */
int aws_profile_read(struct slice text, enum aws_file kind, struct slice name,
                     struct aws_profile *p);

#endif
