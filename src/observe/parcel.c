#include "observe/parcel.h"

#include <stdbool.h>
#include <stdlib.h>

/* The sanitizer is to see who uses what has gone. */
#if defined(__SANITIZE_ADDRESS__)
#define KEEPS false
#elif defined(__has_feature)
#define KEEPS !__has_feature(address_sanitizer)
#else
#define KEEPS true
#endif

struct kept {
    struct parcel *parcels[PARCELS_KEPT];
    size_t count;
};

static struct kept kept[PARCEL_CLASSES + 1]; /* of so many times PARCEL_CLASS bytes; none of 0 */

static size_t class_of(size_t size)
{
    if (!KEEPS || size > (size_t)PARCEL_CLASS * PARCEL_CLASSES)
        return 0;
    return (size + PARCEL_CLASS - 1) / PARCEL_CLASS;
}

struct parcel *parcel_new(size_t size)
{
    size_t class = class_of(size), whole = class ? class * PARCEL_CLASS : size;
    struct kept *k = &kept[class];
    struct parcel *p = k->count ? k->parcels[--k->count] : malloc(whole);
    if (!p)
        abort();
    *p = (struct parcel){.refs = 1, .class = (unsigned)class, .size = whole};
    return p;
}

struct parcel *parcel_ref(struct parcel *p)
{
    p->refs++;
    return p;
}

void parcel_unref(struct parcel *p)
{
    if (!p || --p->refs)
        return;
    struct kept *k = &kept[p->class];
    if (p->class && k->count < PARCELS_KEPT)
        k->parcels[k->count++] = p;
    else
        free(p);
}
