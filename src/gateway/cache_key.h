#ifndef GATEWAY_CACHE_KEY_H
#define GATEWAY_CACHE_KEY_H

/* The name under which the answer to a request is kept: a SHA-256 over everything that the answer
 * depends on, in the neutral form, so that every dialect finds it. Pure.
 *
 * Not part of it: how the answer is written (stream, but for Anthropic's Messages; echo, …), who
 * asks and why (user, metadata), how often and how long to try (fallbacks, num_retries, timeout),
 * what is kept at the provider (cache points), and what the request says of the cache itself. */

#include "llm/embed.h"
#include "llm/request.h"
#include "wire/crypto.h"

struct cache_key_scope {
    struct slice tenant; /* whose answers these are; empty: everybody's */
    struct slice group;  /* model group as asked, or the caching group it belongs to */
    struct slice tags;   /* of the request, where they choose the deployment; else empty */
};

void cache_key_of_answer(const struct cache_key_scope *s, const struct llm_request *r,
                         uint8_t digest[SHA256_SIZE]);

/* What all inputs of an embeddings request have in common, and one of them: vectors are kept one
 * by one. */
void cache_key_of_vectors(const struct cache_key_scope *s, const struct llm_request *r,
                          enum embed_format format, uint8_t digest[SHA256_SIZE]);
void cache_key_of_vector(const uint8_t common[SHA256_SIZE], struct slice input,
                         uint8_t digest[SHA256_SIZE]);

#endif
