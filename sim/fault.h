#ifndef SIM_FAULT_H
#define SIM_FAULT_H

/* An error as AWS answers it: a status, an exception name, a message. Zeroed: no fault. */

#include "base/arena.h"
#include "base/buf.h"

struct fault {
    int status;           /* HTTP status; 0: no fault */
    const char *type;     /* "ValidationException"; NULL: no x-amzn-ErrorType header */
    struct slice message; /* lives in the arena of the request, or is static */
    struct slice members; /* further JSON members, ready to write: ,"a":1 */
    bool bare;            /* before one is set: what the model says comes without preface */
};

/* Sets the fault and returns false, so that checks read `return fault_set(…)`. The first fault
 * stays: what was found first is what the service would have said. */
bool fault_set(struct fault *f, int status, const char *type, struct slice message);

bool fault_validation(struct fault *f, struct arena *a, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* What the model itself refuses: prefixed with "The model returned the following errors: ", unless
 * `f->bare`. */
bool fault_model(struct fault *f, struct arena *a, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The modelled exception of a status (400, 403, 404, 408, 424, 429, 500, 503) with the service's
 * usual text; false: none of these. */
bool fault_of_status(int status, struct fault *f);

/* The same by the name of an exception, as event frames spell it or as the API does
 * ("throttlingException", "ThrottlingException"); false: unknown. */
bool fault_of_name(struct slice name, struct fault *f);

void fault_write_body(const struct fault *f, struct buf *out);

#endif
