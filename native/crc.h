/* CRC-32 as zlib computes it, by carry-less multiplication. */
#ifndef IMGPREP_CRC_H
#define IMGPREP_CRC_H

#include <stddef.h>
#include <stdint.h>

/* Whether this processor can do it; else `crc32_of` must not be called. */
int crc32_available(void);

/* The CRC of bytes that follow others: `before` is the CRC of those, 0 for none. */
uint32_t crc32_of(const uint8_t *bytes, size_t size, uint32_t before);

#endif
