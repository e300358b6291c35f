#ifndef GATEWAY_EXCHANGE_OUTPUT_H
#define GATEWAY_EXCHANGE_OUTPUT_H

/* ex->out on its way to the client, streamed or whole, up to the end of the reply. */

#include "exchange.h"

/* What is written to `out` from here on is payload of the stream. */
void exchange_open_chunk(struct exchange *ex);

/* One event for the client, as payload of the stream. */
void exchange_encode(struct exchange *ex, const struct llm_event *e);

/* Hands what lies in `out` to the connection. */
void exchange_send(struct exchange *ex);

size_t exchange_queued(const struct exchange *ex); /* bytes on their way to the client */

/* An upstream that waited for room goes on, if there is some. */
void exchange_resume_upstream(struct exchange *ex);

/* From now on the upstream is silent; when it was for long enough, FACT_TIMER comes. */
void exchange_arm_keepalive(struct exchange *ex);

/* Then: what clients skip keeps proxies and them awake. Before the first event this commits the 200
 * (see the head of exchange.c). */
void exchange_keep_alive(struct exchange *ex);

/* The answer that was folded, as the reply; or ex->failure. */
void exchange_write_whole(struct exchange *ex);

/* FLUSH: the last bytes, or the reply for ex->failure; the connection is given back. */
void exchange_end_reply(struct exchange *ex);

#endif
