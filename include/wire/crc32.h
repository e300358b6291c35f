#ifndef WIRE_CRC32_H
#define WIRE_CRC32_H

/* CRC-32 as in zlib (reflected, polynomial 0x04C11DB7), by carry-less multiplication where the
 * processor has it. */

#include "base/slice.h"

uint32_t crc32_of(struct slice s);

#endif
