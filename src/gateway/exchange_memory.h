#ifndef GATEWAY_EXCHANGE_MEMORY_H
#define GATEWAY_EXCHANGE_MEMORY_H

#include "exchange.h"

/* The state RECALL: thinking that the client dropped is put back into its messages. True: over;
 * the answer's own thinking is captured from here on. */
bool exchange_recall(struct exchange *ex);

/* The answer's own thinking is captured from here on, if it may be wanted. False: it may not. */
bool exchange_watch_thinking(struct exchange *ex);

/* The answer is complete: what it thought is kept for the next request. */
void exchange_keep(struct exchange *ex);

/* Before another attempt: what was recalled and captured for this one. */
void exchange_forget_thinking(struct exchange *ex);

#endif
