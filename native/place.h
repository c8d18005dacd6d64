/* Places units of images in the parts of a split. */
#ifndef IMGPREP_PLACE_H
#define IMGPREP_PLACE_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    ptrdiff_t units, entries, parts, classes;
    const int64_t *ends, *labels, *counts; /* of each unit where its entries end; class and rows of each entry */
    int64_t *need;                         /* parts x classes: rows that are still missing */
    const int64_t *wanted;                 /* the same at the beginning, at least 1 */
    int64_t *chosen;                       /* the part of each unit */
} PlaceJob;

/* Whether every entry is of a unit and of a class. */
int place_fits(const PlaceJob *job);

void place_units(const PlaceJob *job);

#endif
