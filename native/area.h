/* Area resize with the bits of OpenCV's INTER_AREA; area.c says how. */
#ifndef IMGPREP_AREA_H
#define IMGPREP_AREA_H

#include <stddef.h>

typedef struct {
    const void *source; /* height rows of width pixels, without gaps */
    void *target;       /* the same, of the smaller size */
    ptrdiff_t height, width;
    ptrdiff_t target_height, target_width;
    int channels; /* 1 or 3 */
    int wide;     /* 0: uint8, 1: uint16 */
} AreaJob;

/* 0, or -1 when there is no memory. */
int resize_area(const AreaJob *job);

/* The instructions that resize_area uses on this machine: "avx2", "sse2", "neon" or "c". */
const char *area_instructions(void);

#endif
