#include "find.h"

/* Bytes that are looked at before the answer is asked for: compilers turn this into vector instructions. */
#define BLOCK 1024

int64_t find_pair(const uint8_t *data, int64_t size, int64_t start, uint8_t first, uint8_t second) {
    int64_t at = start;
    for (; at + BLOCK < size; at += BLOCK) {
        uint8_t found = 0;
        for (int64_t place = at; place < at + BLOCK; place++) found |= (data[place] == first) & (data[place + 1] == second);
        if (found) break;
    }
    for (; at + 1 < size; at++)
        if (data[at] == first && data[at + 1] == second) return at;
    return -1;
}
