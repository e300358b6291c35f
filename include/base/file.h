#ifndef BASE_FILE_H
#define BASE_FILE_H

/* Files that are written on a thread, or where waiting for the disk does no harm. */

#include "base/slice.h"

/* All of it, however often the kernel takes a part. False: errno says why. */
bool file_write(int fd, struct slice bytes);

#endif
