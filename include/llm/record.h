#ifndef LLM_RECORD_H
#define LLM_RECORD_H

/* The events of an answer as bytes, and back: what is kept of an answer to give it again, in any
 * dialect, streamed or whole. Failures are no part of it.
 *
 * Each event, in the terms of base/pack.h: its kind (one byte), its block (a number), then by kind
 *     START                id, whether there is usage (one byte), usage
 *     BLOCK_START          id, name                TEXT … TOOL_ARGS   text
 *     CITATION, FOREIGN    json                    NOTE               name, json
 *     STOP                 stop (one byte), text, name
 *     USAGE                six numbers, three flags (one byte)
 * The cost is left out: who reads an answer later has other prices, or none. */

#include "base/buf.h"
#include "llm/event.h"

/* An event that does not fit is left out whole; `out->overflow` says so. */
void llm_record_event(struct buf *out, const struct llm_event *e);

/* Cuts the first event off `*rest`. Its texts point into it, its JSON lies in the arena, its usage
 * in `usage`. False: no event of this kind and version stands there; `e` is not to be used. */
bool llm_record_read(struct slice *rest, struct arena *a, struct llm_usage *usage,
                     struct llm_event *e);

/* All of it is one complete answer, from START to END, and its texts are UTF-8. */
bool llm_record_is_whole(struct slice record);

#endif
