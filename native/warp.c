/* Affine warp with the bits of OpenCV's bilinear warpAffine of uint8.
 *
 * For each pixel of the target, OpenCV (since 4.11) computes where it comes from and mixes the four pixels around, all in
 * float. Float results depend on how often they are rounded. What its AVX2 code does, and this code must do too:
 *   - the matrix is inverted in double and rounded to float;
 *   - in whole groups of 16 pixels of a row, the place is fma(x, a, y * b + c); in what is left of the row it is
 *     fma(x, a, y * b) + c;
 *   - a mix of p and q is fma(share, q - p, p): first of the two upper and the two lower pixels, then of the results;
 *   - the level is rounded to the nearest, halves to even.
 * So it must be compiled with -ffp-contract=off. What is faster: the upper and the lower pair of a pixel share a register,
 * all channels at once, where OpenCV collects each channel of sixteen pixels byte by byte.
 */
#include "warp.h"

#if defined(__GNUC__) && defined(__x86_64__)
#include <immintrin.h>
#include <math.h>
#include <string.h>

#define TARGET __attribute__((target("avx2,fma")))
#define INLINE TARGET static inline __attribute__((always_inline))

#define GROUP 16 /* pixels of which OpenCV's AVX2 code computes the places together */
#define LANES 8
#define PAIR 8 /* bytes that are read for two neighbouring pixels; 6 or 2 of them count */

int warp_available(void) { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

/* Where the pixels of one row come from. */
typedef struct {
    float a, d;         /* of x */
    float left, top;    /* of y and the shift, together */
    float by, ey, c, f; /* of y; of the shift */
} Line;

typedef struct {
    const WarpJob *job;
    float matrix[6]; /* from the target to the image */
    ptrdiff_t step;  /* bytes of a row of the source */
    const uint8_t *last; /* where PAIR bytes can be read for the last time */
} Warp;

/* Where eight pixels of a row come from: the pixel to the upper left, and the shares of the right and of the lower ones. */
typedef struct {
    int32_t column[LANES], row[LANES];
    float right[LANES], down[LANES];
} Places;

/* Of eight pixels, the upper and the lower pair: two neighbouring pixels each. */
typedef struct {
    const uint8_t *upper[LANES], *lower[LANES];
} Pairs;

/* Keeps what was written in memory: single lanes are loaded from there in one step, and taken from a register in two. */
#define IN_MEMORY(what) __asm__("" : "+m"(what))

static void invert(const double forward[6], float inverse[6]) {
    double a = forward[0], b = forward[1], d = forward[3], e = forward[4];
    double scale = a * e - b * d;
    scale = scale != 0 ? 1.0 / scale : 0;
    double to[4] = {e * scale, b * -scale, d * -scale, a * scale};
    inverse[0] = (float)to[0];
    inverse[1] = (float)to[1];
    inverse[2] = (float)(-to[0] * forward[2] - to[1] * forward[5]);
    inverse[3] = (float)to[2];
    inverse[4] = (float)to[3];
    inverse[5] = (float)(-to[2] * forward[2] - to[3] * forward[5]);
}

/* True if all places of the target are where an int and a float can say which pixel it is. */
static int is_near(const Warp *warp) {
    const float *m = warp->matrix;
    double right = (double)warp->job->target_width, low = (double)warp->job->target_height, most = 1 << 22;
    double x = fabs((double)m[0]) * right + fabs((double)m[1]) * low + fabs((double)m[2]);
    double y = fabs((double)m[3]) * right + fabs((double)m[4]) * low + fabs((double)m[5]);
    return x < most && y < most; /* and false for what is no number */
}

/* The pixel that stands for one outside the image; -1 for the colour. */
INLINE ptrdiff_t inside(ptrdiff_t at, ptrdiff_t size, int border) {
    if (at >= 0 && at < size) return at;
    ptrdiff_t period = border == BORDER_REFLECT ? 2 * size : size;
    switch (border) {
    case BORDER_NEAREST: return at < 0 ? 0 : size - 1;
    case BORDER_REFLECT:
    case BORDER_WRAP:
        if (at < -period || at >= 2 * period) at %= period; /* a division takes longer than all the rest */
        if (at < 0) at += period;
        if (at >= period) at -= period;
        return at < size ? at : period - 1 - at;
    default: return -1;
    }
}

/* The bytes of a pixel, the first in the lowest bits. */
INLINE uint64_t pixel_bits(const Warp *warp, ptrdiff_t x, ptrdiff_t y, int channels) {
    const WarpJob *job = warp->job;
    const uint8_t *from = x < 0 || y < 0 ? job->colour : job->source + y * warp->step + x * channels;
    return channels == 1 ? from[0] : from[0] | (uint64_t)from[1] << 8 | (uint64_t)from[2] << 16;
}

/* Writes two pixels beside each other. */
INLINE void copy_pair(const Warp *warp, ptrdiff_t left, ptrdiff_t right, ptrdiff_t y, uint8_t copy[PAIR], int channels) {
    /* At once: a load of what several stores have written has to wait for them. */
    uint64_t bits = pixel_bits(warp, left, y, channels) | pixel_bits(warp, right, y, channels) << (8 * channels);
    memcpy(copy, &bits, sizeof bits);
}

/* The four pixels around the place between (x, y) and (x + 1, y + 1): where they are, or in `copy`. */
INLINE void find_pair(const Warp *warp, ptrdiff_t x, ptrdiff_t y, uint8_t copy[2 * PAIR], Pairs *pairs, int lane, int channels) {
    const WarpJob *job = warp->job;
    if (x >= 0 && y >= 0 && x < job->width - 1 && y < job->height - 1) {
        const uint8_t *upper = job->source + y * warp->step + x * channels;
        if (upper + warp->step <= warp->last) {
            pairs->upper[lane] = upper;
            pairs->lower[lane] = upper + warp->step;
            return;
        }
    }
    ptrdiff_t left = inside(x, job->width, job->border), right = inside(x + 1, job->width, job->border);
    copy_pair(warp, left, right, inside(y, job->height, job->border), copy, channels);
    copy_pair(warp, left, right, inside(y + 1, job->height, job->border), copy + PAIR, channels);
    pairs->upper[lane] = copy;
    pairs->lower[lane] = copy + PAIR;
}

/* A mix of each two levels. */
INLINE __m256 mixed(__m256 share, __m256 first, __m256 second) {
    return _mm256_fmadd_ps(share, _mm256_sub_ps(second, first), first);
}

INLINE __m128i pairs_of(const Pairs *pairs, int lane) {
    return _mm_unpacklo_epi64(_mm_loadl_epi64((const __m128i *)(const void *)pairs->upper[lane]),
                              _mm_loadl_epi64((const __m128i *)(const void *)pairs->lower[lane]));
}

/* Of the two pixels whose bytes are in the halves, the channels from that byte on, as floats; each fourth one is nothing. */
INLINE __m256 levels3(__m256i bytes, int from) {
    const __m256i spread = _mm256_setr_epi8(0, -1, -1, -1, 1, -1, -1, -1, 2, -1, -1, -1, -1, -1, -1, -1,
                                            0, -1, -1, -1, 1, -1, -1, -1, 2, -1, -1, -1, -1, -1, -1, -1);
    const __m256i step = _mm256_set1_epi32(from);
    return _mm256_cvtepi32_ps(_mm256_shuffle_epi8(bytes, _mm256_add_epi32(spread, step)));
}

/* The levels of a pixel, and of the one four further on, as integers; each fourth one is nothing. */
INLINE __m256i mixed3(const Pairs *pairs, int lane, __m256 right, __m256 down) {
    __m256i bytes = _mm256_inserti128_si256(_mm256_castsi128_si256(pairs_of(pairs, lane)), pairs_of(pairs, lane + 4), 1);
    __m256 above = mixed(right, levels3(bytes, 0), levels3(bytes, 3));
    __m256 below = mixed(right, levels3(bytes, PAIR), levels3(bytes, PAIR + 3));
    return _mm256_cvtps_epi32(mixed(down, above, below));
}

/* Writes four pixels, and up to `end` four bytes behind them. */
INLINE void write3(__m128i bytes, uint8_t *target, const uint8_t *end) {
    if (end - target >= 16) {
        _mm_storeu_si128((__m128i *)(void *)target, bytes);
    } else {
        int rest = _mm_extract_epi32(bytes, 2);
        _mm_storel_epi64((__m128i *)(void *)target, bytes);
        memcpy(target + 8, &rest, sizeof rest);
    }
}

/* One share of each half for all its lanes. */
#define SHARE(shares, lane) _mm256_permute_ps(shares, (lane) * 0x55)

INLINE void mix3(const Pairs *pairs, const Places *places, uint8_t *target, const uint8_t *end) {
    const __m256i close = _mm256_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1,
                                           0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1);
    __m256 right = _mm256_loadu_ps(places->right), down = _mm256_loadu_ps(places->down);
    __m256i first = _mm256_packs_epi32(mixed3(pairs, 0, SHARE(right, 0), SHARE(down, 0)),
                                       mixed3(pairs, 1, SHARE(right, 1), SHARE(down, 1)));
    __m256i second = _mm256_packs_epi32(mixed3(pairs, 2, SHARE(right, 2), SHARE(down, 2)),
                                        mixed3(pairs, 3, SHARE(right, 3), SHARE(down, 3)));
    __m256i bytes = _mm256_shuffle_epi8(_mm256_packus_epi16(first, second), close);
    write3(_mm256_castsi256_si128(bytes), target, end);
    write3(_mm256_extracti128_si256(bytes, 1), target + 12, end);
}

/* Eight floats of the byte of that number of each pair: 0 the left, 1 the right one. */
INLINE __m256 levels1(__m128i pairs, int which) {
    __m128i bytes = which ? _mm_srli_epi16(pairs, 8) : _mm_and_si128(pairs, _mm_set1_epi16(255));
    return _mm256_cvtepi32_ps(_mm256_cvtepu16_epi32(bytes));
}

INLINE void mix1(const Pairs *pairs, const Places *places, uint8_t *target) {
    uint8_t upper[2 * LANES], lower[2 * LANES];
    for (int lane = 0; lane < LANES; lane++) {
        memcpy(upper + 2 * lane, pairs->upper[lane], 2);
        memcpy(lower + 2 * lane, pairs->lower[lane], 2);
    }
    __m256 right = _mm256_loadu_ps(places->right), down = _mm256_loadu_ps(places->down);
    __m128i above = _mm_loadu_si128((const __m128i *)(const void *)upper);
    __m128i below = _mm_loadu_si128((const __m128i *)(const void *)lower);
    __m256 first = mixed(right, levels1(above, 0), levels1(above, 1));
    __m256 second = mixed(right, levels1(below, 0), levels1(below, 1));
    __m256i levels = _mm256_cvtps_epi32(mixed(down, first, second));
    __m128i narrow = _mm_packs_epi32(_mm256_castsi256_si128(levels), _mm256_extracti128_si256(levels, 1));
    _mm_storel_epi64((__m128i *)(void *)target, _mm_packus_epi16(narrow, narrow));
}

INLINE void mix(const Pairs *pairs, const Places *places, uint8_t *target, const uint8_t *end, int channels) {
    if (channels == 3) mix3(pairs, places, target, end);
    else mix1(pairs, places, target);
}

/* All ones where a number is none from 0 to the last. */
INLINE __m256i beyond(__m256i number, __m256i last) {
    return _mm256_or_si256(_mm256_cmpgt_epi32(_mm256_setzero_si256(), number), _mm256_cmpgt_epi32(number, last));
}

/* True if nothing of the image is in eight pixels. */
INLINE int is_outside(const WarpJob *job, const Places *places) {
    const __m256i one = _mm256_set1_epi32(1), ones = _mm256_set1_epi32(-1);
    __m256i column = _mm256_loadu_si256((const __m256i *)(const void *)places->column);
    __m256i row = _mm256_loadu_si256((const __m256i *)(const void *)places->row);
    __m256i out = _mm256_or_si256(beyond(_mm256_add_epi32(column, one), _mm256_set1_epi32((int)job->width)),
                                  beyond(_mm256_add_epi32(row, one), _mm256_set1_epi32((int)job->height)));
    return _mm256_testc_si256(out, ones);
}

/* Eight pixels that come from the border, wholly or in part. */
TARGET static __attribute__((noinline)) void mix_border(const Warp *warp, const Places *places, uint8_t *target,
                                                         const uint8_t *end) {
    const WarpJob *job = warp->job;
    if (job->border == BORDER_COLOUR && is_outside(job, places)) {
        for (int lane = 0; lane < LANES; lane++)
            for (int channel = 0; channel < job->channels; channel++) *target++ = job->colour[channel];
        return;
    }
    uint8_t copies[LANES][2 * PAIR];
    Pairs pairs;
    for (int lane = 0; lane < LANES; lane++) {
        if (job->channels == 3) find_pair(warp, places->column[lane], places->row[lane], copies[lane], &pairs, lane, 3);
        else find_pair(warp, places->column[lane], places->row[lane], copies[lane], &pairs, lane, 1);
    }
    mix(&pairs, places, target, end, job->channels);
}

/* Eight pixels of a row from x on, as OpenCV computes them in a group. */
INLINE void mix_lanes(const Warp *warp, const Line *line, ptrdiff_t x, uint8_t *target, const uint8_t *end, int channels) {
    const WarpJob *job = warp->job;
    __m256 columns = _mm256_add_ps(_mm256_set1_ps((float)x), _mm256_setr_ps(0, 1, 2, 3, 4, 5, 6, 7));
    __m256 from_x = _mm256_fmadd_ps(_mm256_set1_ps(line->a), columns, _mm256_set1_ps(line->left));
    __m256 from_y = _mm256_fmadd_ps(_mm256_set1_ps(line->d), columns, _mm256_set1_ps(line->top));
    __m256 floor_x = _mm256_floor_ps(from_x), floor_y = _mm256_floor_ps(from_y);
    __m256i column = _mm256_cvtps_epi32(floor_x), row = _mm256_cvtps_epi32(floor_y);
    /* In the last two rows PAIR bytes may not be there. */
    __m256i out = _mm256_or_si256(beyond(column, _mm256_set1_epi32((int)job->width - 2)),
                                  beyond(row, _mm256_set1_epi32((int)job->height - 3)));
    Places places;
    _mm256_storeu_ps(places.right, _mm256_sub_ps(from_x, floor_x));
    _mm256_storeu_ps(places.down, _mm256_sub_ps(from_y, floor_y));
    _mm256_storeu_si256((__m256i *)(void *)places.row, row);
    if (!_mm256_testz_si256(out, out)) {
        _mm256_storeu_si256((__m256i *)(void *)places.column, column);
        mix_border(warp, &places, target, end);
        return;
    }
    /* The distance from the first pixel of the image, which is less than 2^31 bytes. */
    row = _mm256_mullo_epi32(row, _mm256_set1_epi32((int)warp->step));
    column = _mm256_mullo_epi32(column, _mm256_set1_epi32(channels));
    _mm256_storeu_si256((__m256i *)(void *)places.column, _mm256_add_epi32(row, column));
    IN_MEMORY(places);
    Pairs pairs;
    for (int lane = 0; lane < LANES; lane++) {
        pairs.upper[lane] = job->source + places.column[lane];
        pairs.lower[lane] = pairs.upper[lane] + warp->step;
    }
    mix(&pairs, &places, target, end, channels);
}

INLINE float fused(float a, float b, float c) { return _mm_cvtss_f32(_mm_fmadd_ss(_mm_set_ss(a), _mm_set_ss(b), _mm_set_ss(c))); }

/* One pixel, as OpenCV computes those that are left of a row. */
INLINE void mix_one(const Warp *warp, const Line *line, ptrdiff_t x, uint8_t *target, int channels) {
    float from_x = fused((float)x, line->a, line->by) + line->c, from_y = fused((float)x, line->d, line->ey) + line->f;
    float floor_x = floorf(from_x), floor_y = floorf(from_y);
    float right = from_x - floor_x, down = from_y - floor_y;
    uint8_t copy[2 * PAIR] = {0};
    Pairs pairs;
    find_pair(warp, (ptrdiff_t)floor_x, (ptrdiff_t)floor_y, copy, &pairs, 0, channels);
    for (int channel = 0; channel < channels; channel++) {
        const uint8_t *upper = pairs.upper[0] + channel, *lower = pairs.lower[0] + channel;
        float above = fused(right, (float)(upper[channels] - upper[0]), (float)upper[0]);
        float below = fused(right, (float)(lower[channels] - lower[0]), (float)lower[0]);
        target[channel] = (uint8_t)_mm_cvtss_si32(_mm_set_ss(fused(down, below - above, above)));
    }
}

INLINE void warp_rows(const Warp *warp, int channels) {
    const WarpJob *job = warp->job;
    const float *m = warp->matrix;
    const uint8_t *end = job->target + job->target_height * job->target_width * channels;
    ptrdiff_t grouped = job->target_width / GROUP * GROUP;
    for (ptrdiff_t y = 0; y < job->target_height; y++) {
        uint8_t *row = job->target + y * job->target_width * channels;
        Line line = {.a = m[0], .d = m[3], .by = (float)y * m[1], .ey = (float)y * m[4], .c = m[2], .f = m[5]};
        line.left = line.by + line.c;
        line.top = line.ey + line.f;
        ptrdiff_t x = 0;
        for (; x < grouped; x += LANES) mix_lanes(warp, &line, x, row + x * channels, end, channels);
        for (; x < job->target_width; x++) mix_one(warp, &line, x, row + x * channels, channels);
    }
}

TARGET static void warp_grey(const Warp *warp) { warp_rows(warp, 1); }
TARGET static void warp_colour(const Warp *warp) { warp_rows(warp, 3); }

int warp_affine(const WarpJob *job) {
    Warp warp = {.job = job, .step = job->width * job->channels};
    warp.last = job->source + job->height * warp.step - PAIR;
    invert(job->matrix, warp.matrix);
    if (!is_near(&warp) || job->height * warp.step > INT32_MAX) return 0;
    if (job->channels == 3) warp_colour(&warp);
    else warp_grey(&warp);
    return 1;
}
#else
int warp_available(void) { return 0; }

int warp_affine(const WarpJob *job) {
    (void)job;
    return 0;
}
#endif
