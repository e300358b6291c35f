#ifndef WIRE_SIGV4_H
#define WIRE_SIGV4_H

/* AWS Signature Version 4. For every service but S3 the canonical path is the request's path
 * percent-encoded once more: a model id with ':' travels as %3A and is signed as %253A; empty and
 * dot segments are left out of it. No text may hold a NUL.
 * Pure: the time is an argument. */

#include "wire/http1.h"

struct aws_credentials {
    struct slice access_key_id;
    struct slice secret_access_key;
    struct slice session_token; /* empty: none */
};

struct sigv4_request {
    struct slice method;
    struct slice path;           /* as it travels: encoded once */
    bool path_as_is;             /* S3 signs it so; its names may have empty and dot segments */
    struct slice query;          /* as it travels, without '?'; sorted here */
    struct http_headers headers; /* the headers to sign, among them host; any order and case */
    const char *payload_hash;    /* hex SHA-256 of the body */
};

/* The derived signing key, kept because four HMACs a request are not free. Owned by whoever owns
 * the credentials; zero-initialised, it fills itself and refreshes when day, region, service or
 * secret changes. */
struct sigv4_key {
    uint8_t key[32];
    uint8_t fingerprint[32]; /* of what it was derived from */
    bool valid;
};

#define SIGV4_DATE_SIZE 17 /* "20261120T234700Z" and the NUL */
void sigv4_date(int64_t unix_seconds, char out[SIGV4_DATE_SIZE]);

/* Canonical request (exposed for tests). Header values are trimmed and inner runs of spaces folded.
 */
void sigv4_canonical(const struct sigv4_request *r, struct arena *a, struct buf *out);

/* The value of the Authorization header. `amz_date` is also the value of the x-amz-date header,
 * which the caller puts into `r->headers` (and x-amz-security-token when there is one). */
struct slice sigv4_authorization(const struct sigv4_request *r,
                                 const struct aws_credentials *credentials, struct slice region,
                                 struct slice service, const char amz_date[SIGV4_DATE_SIZE],
                                 struct sigv4_key *key, struct arena *a);

#endif
