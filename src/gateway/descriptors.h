#ifndef GATEWAY_DESCRIPTORS_H
#define GATEWAY_DESCRIPTORS_H

/* How many descriptors the process may have open (RLIMIT_NOFILE), and how many client connections
 * that is enough for: a request needs one more for its call of Bedrock, and running out of them
 * there would look like a failing model. */

/* As many as the system lets it; the log says how many. Before workers are forked. */
void descriptors_raise(void);

/* `wanted` connections, or as many as descriptors are there for; the log says so when these are
 * fewer. */
unsigned descriptors_connections(unsigned wanted);

#endif
