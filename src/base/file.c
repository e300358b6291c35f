#include "base/file.h"

#include <errno.h>
#include <unistd.h>

bool file_write(int fd, struct slice bytes)
{
    while (bytes.n) {
        ssize_t n = write(fd, bytes.p, bytes.n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        bytes = slice_skip(bytes, (size_t)n);
    }
    return true;
}
