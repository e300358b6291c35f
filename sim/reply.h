#ifndef SIM_REPLY_H
#define SIM_REPLY_H

/* The whole answer of Converse as JSON. Pure. */

#include "answer.h"

void reply_write(const struct answer *answer, int64_t latency_ms, struct buf *out);

/* Members that both operations end with: usage, metrics, and what the request set. */
void reply_write_metadata(struct json_writer *w, const struct answer *answer, int64_t latency_ms);

/* "stopReason" and "additionalModelResponseFields" into an open object. */
void reply_write_stop(struct json_writer *w, const struct answer *answer);

/* The Citation object of a block that cites. */
void reply_write_citation(struct json_writer *w, const struct answer_block *b);

#endif
