/* Finds two bytes in a row. */
#ifndef IMGPREP_FIND_H
#define IMGPREP_FIND_H

#include <stdint.h>

/* The first place of two bytes in a row, not before start; -1 for none. */
int64_t find_pair(const uint8_t *data, int64_t size, int64_t start, uint8_t first, uint8_t second);

#endif
