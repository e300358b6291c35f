#ifndef IO_MAIL_H
#define IO_MAIL_H

/* One e-mail over SMTP (RFC 5321), by libcurl, on the lanes and with the events of other calls
 * (io/upstream.h). `head` tells the server's last code (250: it has the message), `data`, if it
 * refused, why. Without such an answer the end says how it broke off. The connection is not kept;
 * no proxy is used. TLS is checked as for other calls. */

#include "io/upstream.h"

struct mail_envelope {
    const char *from;
    const char *const *to;       /* NULL behind the last */
    const char *user, *password; /* NULL: nobody logs in */
    bool starttls;               /* a server that has none gets nothing */
};

/* `url`: smtp://host:port or smtps://host:port. The caller keeps all of it until the end event or
 * upstream_cancel(). */
struct upstream_op *upstream_mail(struct upstream *u, const char *url,
                                  const struct mail_envelope *envelope, struct slice message,
                                  const struct upstream_timeouts *timeouts,
                                  const struct upstream_events *events, void *user);

#endif
