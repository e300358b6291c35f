#ifndef GATEWAY_EXCHANGE_CREDENTIALS_H
#define GATEWAY_EXCHANGE_CREDENTIALS_H

/* The AWS credentials of an exchange's call: had before it, looked at after it was refused. */

#include "exchange.h"

/* The state CREDENTIALS. True: it is over; without credentials ex->failure says why. At most
 * CREDENTIALS_WAIT_MS. */
bool exchange_credentials(struct exchange *ex);
void exchange_credentials_cancel(struct exchange *ex);

/* What of an answer's head says that the signature was at fault. */
void exchange_note_refusal(struct exchange *ex, int status, struct http_headers headers);

/* True: the call was refused because of a clock that is set now, or of credentials that are got
 * anew now, and is worth signing again; once in an exchange. */
bool exchange_sign_again(struct exchange *ex);

#endif
