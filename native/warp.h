/* Affine warp with the bits of OpenCV's bilinear warpAffine of uint8; warp.c says how. */
#ifndef IMGPREP_WARP_H
#define IMGPREP_WARP_H

#include <stddef.h>
#include <stdint.h>

/* What surrounds the image, numbered as OpenCV numbers its borders. */
enum { BORDER_COLOUR = 0, BORDER_NEAREST = 1, BORDER_REFLECT = 2, BORDER_WRAP = 3 };

typedef struct {
    const uint8_t *source; /* height rows of width pixels, without gaps */
    uint8_t *target;       /* the same, of its own size */
    ptrdiff_t height, width;
    ptrdiff_t target_height, target_width;
    int channels;      /* 1 or 3 */
    int border;        /* one of the above */
    double matrix[6];  /* from the image to the target, from the centre of the first pixel */
    uint8_t colour[4]; /* of BORDER_COLOUR */
} WarpJob;

/* 1 where this processor can. */
int warp_available(void);

/* 1; or 0, and the target is as it was, where the matrix reaches too far for 32-bit coordinates. Only where
 * warp_available(). */
int warp_affine(const WarpJob *job);

#endif
