#ifndef OBSERVE_SINKS_H
#define OBSERVE_SINKS_H

#include "observe/sink.h"

extern const struct sink_kind sink_langfuse, sink_langfuse_otel; /* sink_langfuse.c */
extern const struct sink_kind sink_otel;                         /* sink_otel.c */

#endif
