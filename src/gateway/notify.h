#ifndef GATEWAY_NOTIFY_H
#define GATEWAY_NOTIFY_H

/* Tells systemd how the service fares, where it asks for that (Type=notify): sd_notify(3).
 * `state` is e.g. "READY=1". Any worker may say it (NotifyAccess=all). Never blocks or fails. */
void notify_say(const char *state);

#endif
