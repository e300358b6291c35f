#ifndef AWS_SHARED_H
#define AWS_SHARED_H

/* The two ini files that the AWS tools share, ~/.aws/credentials and ~/.aws/config, as sections of
 * pairs. Pure: the texts are read elsewhere. Slices point into the texts; sections and pairs lie in
 * the arena. Format: AWS SDKs and Tools Reference Guide, "Shared config and credentials files". */

#include "base/arena.h"

enum aws_file { AWS_CREDENTIALS_FILE, AWS_CONFIG_FILE };

struct aws_shared {
    const char *path[2]; /* by enum aws_file, for people; NULL: there is no home to look in */
    struct aws_section *sections[2]; /* in file order, or NULL */
};

/* Returns 0, or the number of the first line that is no ini. Within one section the last value of a
 * key counts, and sections of one name are one. An indented line below "key =" is the nested
 * setting "key.name"; other indented lines, blank ones, and those that start with # or ; mean
 * nothing. Keys have no case. */
int aws_shared_read(struct aws_shared *s, enum aws_file which, struct slice text, struct arena *a);

/* Whether a section of this name stands in one of the files. */
bool aws_profile_exists(const struct aws_shared *s, struct slice name);

/* What a profile says; the credentials file wins. p == NULL: nothing. */
struct slice aws_profile_get(const struct aws_shared *s, struct slice name, const char *key);
struct slice aws_profile_get_from(const struct aws_shared *s, enum aws_file which,
                                  struct slice name, const char *key);

/* Of another section of the config file: kind "sso-session" or "services". */
bool aws_section_exists(const struct aws_shared *s, const char *kind, struct slice name);
struct slice aws_section_get(const struct aws_shared *s, const char *kind, struct slice name,
                             const char *key);

#endif
