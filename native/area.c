/* Area resize with the bits of OpenCV's INTER_AREA.
 *
 * A pixel of the smaller image is the mean of the part of the source that it covers. OpenCV computes it in float: for each
 * source row the horizontal sums, pixel by pixel from the left, then the vertical sum of these rows from the top, each
 * product rounded before it is added. Float sums depend on their order, so this code keeps it, and must be compiled without
 * fused multiply-add (-ffp-contract=off). What is faster: a pixel's three channels, or four rows of a grey image, share a
 * register; each source row is summed once though two target rows may need it; all pixels of a row take the same number
 * of steps, those that need fewer with weights of zero, which change no sum.
 */
#include "area.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SSE2__) || defined(_M_X64)
#include <emmintrin.h>
typedef __m128 Lanes;
#define LOAD(p) _mm_loadu_ps(p)
#define STORE(p, v) _mm_storeu_ps(p, v)
#define SPREAD(x) _mm_set1_ps(x)
#define MUL(a, b) _mm_mul_ps(a, b)
#define ADD(a, b) _mm_add_ps(a, b)
#define BASE "sse2"
#elif defined(__ARM_NEON) || defined(_M_ARM64)
#include <arm_neon.h>
typedef float32x4_t Lanes;
#define LOAD(p) vld1q_f32(p)
#define STORE(p, v) vst1q_f32(p, v)
#define SPREAD(x) vdupq_n_f32(x)
#define MUL(a, b) vmulq_f32(a, b)
#define ADD(a, b) vaddq_f32(a, b)
#define BASE "neon"
#else
typedef struct { float v[4]; } Lanes;
static Lanes LOAD(const float *p) { Lanes r; memcpy(r.v, p, sizeof r.v); return r; }
static void STORE(float *p, Lanes a) { memcpy(p, a.v, sizeof a.v); }
static Lanes SPREAD(float x) { Lanes r = {{x, x, x, x}}; return r; }
static Lanes MUL(Lanes a, Lanes b) { for (int i = 0; i < 4; i++) a.v[i] *= b.v[i]; return a; }
static Lanes ADD(Lanes a, Lanes b) { for (int i = 0; i < 4; i++) a.v[i] += b.v[i]; return a; }
#define BASE "c"
#endif

#if defined(__GNUC__)
#define INLINE static inline __attribute__((always_inline))
#elif defined(_MSC_VER)
#define INLINE static __forceinline
#define restrict __restrict
#else
#define INLINE static inline
#endif

#if defined(__GNUC__) && defined(__x86_64__)
#define HAS_AVX2 1
#else
#define HAS_AVX2 0
#endif

#define LANES 4

/* The weights of one axis: target i is the sum of weight[i * taps + t] times source first[i] + t. */
typedef struct {
    ptrdiff_t *first;
    float *weight;
    ptrdiff_t taps;
} Axis;

/* OpenCV's computeResizeAreaTab: a partial cell counts when it covers over a thousandth of a pixel, and the last cell is
 * as wide as what is left of the image. Writes the weights of one target and returns how many; *start is the source of
 * the first. */
static ptrdiff_t cell(ptrdiff_t i, ptrdiff_t source, double scale, ptrdiff_t *start, float *weight) {
    double left = (double)i * scale, right = left + scale;
    double width = scale < (double)source - left ? scale : (double)source - left;
    ptrdiff_t end = (ptrdiff_t)floor(right), begin = (ptrdiff_t)ceil(left), count = 0;
    if (end > source - 1) end = source - 1;
    if (begin > end) begin = end;
    *start = begin;
    if ((double)begin - left > 1e-3) {
        *start = begin - 1;
        weight[count++] = (float)(((double)begin - left) / width);
    }
    for (ptrdiff_t s = begin; s < end; s++) weight[count++] = (float)(1.0 / width);
    if (right - (double)end > 1e-3) {
        double part = right - (double)end;
        if (part > 1.0) part = 1.0;
        if (part > width) part = width;
        weight[count++] = (float)(part / width);
    }
    return count;
}

static void axis_free(Axis *axis) {
    free(axis->first);
    free(axis->weight);
}

static int axis_make(Axis *axis, ptrdiff_t source, ptrdiff_t target) {
    double scale = 1.0 / ((double)target / (double)source);
    ptrdiff_t most = (ptrdiff_t)ceil(scale) + 2;
    float *cells = malloc(sizeof(float) * (size_t)most);
    axis->first = malloc(sizeof(ptrdiff_t) * (size_t)target);
    axis->weight = NULL;
    axis->taps = 0;
    if (!cells || !axis->first) goto failed;
    for (ptrdiff_t i = 0; i < target; i++) {
        ptrdiff_t count = cell(i, source, scale, &axis->first[i], cells);
        if (count > axis->taps) axis->taps = count;
    }
    axis->weight = calloc((size_t)(target * axis->taps), sizeof(float));
    if (!axis->weight) goto failed;
    for (ptrdiff_t i = 0; i < target; i++) {
        ptrdiff_t start, count = cell(i, source, scale, &start, cells);
        ptrdiff_t last = source - axis->taps; /* a window further right would leave the image */
        axis->first[i] = start < last ? start : (last > 0 ? last : 0);
        memcpy(axis->weight + i * axis->taps + (start - axis->first[i]), cells, sizeof(float) * (size_t)count);
    }
    free(cells);
    return 0;
failed:
    free(cells);
    axis_free(axis);
    return -1;
}

/* Levels as floats, in the order in which they lie. */
INLINE void widen(const void *restrict source, ptrdiff_t from, ptrdiff_t count, float *restrict row, int wide) {
    if (wide) {
        const uint16_t *s = (const uint16_t *)source + from;
        for (ptrdiff_t i = 0; i < count; i++) row[i] = (float)s[i];
    } else {
        const uint8_t *s = (const uint8_t *)source + from;
        for (ptrdiff_t i = 0; i < count; i++) row[i] = (float)s[i];
    }
}

/* Four rows, the levels of a column beside each other. */
INLINE void widen4(const void *restrict source, const ptrdiff_t from[LANES], ptrdiff_t count, float *restrict row, int wide) {
    if (wide) {
        const uint16_t *s = source;
        for (ptrdiff_t x = 0; x < count; x++)
            for (int lane = 0; lane < LANES; lane++) row[LANES * x + lane] = (float)s[from[lane] + x];
    } else {
        const uint8_t *s = source;
        for (ptrdiff_t x = 0; x < count; x++)
            for (int lane = 0; lane < LANES; lane++) row[LANES * x + lane] = (float)s[from[lane] + x];
    }
}

/* Writes four lanes for each target, `step` floats apart: with 3, the next target overwrites the spare lane. */
INLINE void sums(const float *restrict row, const Axis *axis, ptrdiff_t count, int step, float *restrict out, ptrdiff_t taps) {
    const float *weight = axis->weight;
    for (ptrdiff_t i = 0; i < count; i++, weight += taps) {
        const float *at = row + axis->first[i] * step;
        Lanes sum = MUL(LOAD(at), SPREAD(weight[0]));
        for (ptrdiff_t t = 1; t < taps; t++) sum = ADD(sum, MUL(LOAD(at + t * step), SPREAD(weight[t])));
        STORE(out + i * step, sum);
    }
}

INLINE void horizontal(const float *row, const Axis *axis, ptrdiff_t count, int step, float *out) {
    switch (axis->taps) { /* a known number of steps is unrolled */
    case 2: sums(row, axis, count, step, out, 2); break;
    case 3: sums(row, axis, count, step, out, 3); break;
    case 4: sums(row, axis, count, step, out, 4); break;
    case 5: sums(row, axis, count, step, out, 5); break;
    case 6: sums(row, axis, count, step, out, 6); break;
    default: sums(row, axis, count, step, out, axis->taps);
    }
}

INLINE void start(const float *restrict row, float weight, float *restrict sum, ptrdiff_t count) {
    for (ptrdiff_t i = 0; i < count; i++) sum[i] = row[i] * weight;
}

INLINE void add(const float *restrict row, float weight, float *restrict sum, ptrdiff_t count) {
    for (ptrdiff_t i = 0; i < count; i++) sum[i] += row[i] * weight;
}

/* Adding 1.5 * 2^23 leaves no bits for a fraction: the sum is rounded, halves to even, and its low bits are the level. */
INLINE int32_t rounded(float level) {
    float shifted = level + 12582912.0f;
    int32_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    return bits - 0x4B400000;
}

INLINE void narrow(const float *restrict sum, void *restrict target, ptrdiff_t from, ptrdiff_t count, int wide) {
    if (wide) {
        uint16_t *t = (uint16_t *)target + from;
        for (ptrdiff_t i = 0; i < count; i++) {
            int32_t level = rounded(sum[i]);
            t[i] = (uint16_t)(level > 65535 ? 65535 : level);
        }
    } else {
        uint8_t *t = (uint8_t *)target + from;
        for (ptrdiff_t i = 0; i < count; i++) {
            int32_t level = rounded(sum[i]);
            t[i] = (uint8_t)(level > 255 ? 255 : level);
        }
    }
}

/* Rows of horizontal sums, made when they are first asked for; rows are asked for from the top down. */
typedef struct {
    const AreaJob *job;
    const Axis *axis;
    float *levels; /* of one row, or of four that share registers */
    float *lanes;  /* sums of four rows, the rows side by side */
    float *rows;   /* sums of one row, or of four */
    ptrdiff_t made; /* the first row that is there; -1 for none */
} Rows;

INLINE const float *row_of(Rows *rows, ptrdiff_t y, int wide) {
    const AreaJob *job = rows->job;
    ptrdiff_t width = job->width, count = job->target_width;
    if (job->channels == 3) {
        if (rows->made != y) {
            widen(job->source, y * width * 3, width * 3, rows->levels, wide);
            horizontal(rows->levels, rows->axis, count, 3, rows->rows);
            rows->made = y;
        }
        return rows->rows;
    }
    if (rows->made < 0 || y >= rows->made + LANES) {
        ptrdiff_t from[LANES];
        for (int lane = 0; lane < LANES; lane++) from[lane] = (y + lane < job->height ? y + lane : job->height - 1) * width;
        widen4(job->source, from, width, rows->levels, wide);
        horizontal(rows->levels, rows->axis, count, LANES, rows->lanes);
        for (ptrdiff_t x = 0; x < count; x++)
            for (int lane = 0; lane < LANES; lane++) rows->rows[lane * count + x] = rows->lanes[LANES * x + lane];
        rows->made = y;
    }
    return rows->rows + (y - rows->made) * count;
}

INLINE void resize(Rows *rows, const Axis *vertical, float *sum, int wide) {
    const AreaJob *job = rows->job;
    ptrdiff_t count = job->target_width * job->channels;
    for (ptrdiff_t y = 0; y < job->target_height; y++) {
        const float *weight = vertical->weight + y * vertical->taps;
        int begun = 0;
        for (ptrdiff_t t = 0; t < vertical->taps; t++) {
            if (weight[t] == 0.0f) continue; /* a row that this target does not need */
            const float *row = row_of(rows, vertical->first[y] + t, wide);
            if (begun) add(row, weight[t], sum, count);
            else start(row, weight[t], sum, count);
            begun = 1;
        }
        narrow(sum, job->target, y * count, count, wide);
    }
}

static void resize_base(Rows *rows, const Axis *vertical, float *sum) {
    if (rows->job->wide) resize(rows, vertical, sum, 1);
    else resize(rows, vertical, sum, 0);
}

#if HAS_AVX2
__attribute__((target("avx2"))) static void resize_avx2(Rows *rows, const Axis *vertical, float *sum) {
    if (rows->job->wide) resize(rows, vertical, sum, 1);
    else resize(rows, vertical, sum, 0);
}
#endif

static int has_avx2(void) {
#if HAS_AVX2
    return __builtin_cpu_supports("avx2") != 0;
#else
    return 0;
#endif
}

const char *area_instructions(void) { return has_avx2() ? "avx2" : BASE; }

int resize_area(const AreaJob *job) {
    size_t lanes = job->channels == 3 ? 3 : LANES;
    size_t levels = (size_t)job->width * lanes + LANES, sums = (size_t)job->target_width * lanes + LANES;
    Axis horizontal_axis = {0}, vertical = {0};
    Rows rows = {job, &horizontal_axis, NULL, NULL, NULL, -1};
    float *memory = NULL;
    int result = -1;
    if (axis_make(&horizontal_axis, job->width, job->target_width)) return -1;
    if (!axis_make(&vertical, job->height, job->target_height)) {
        memory = calloc(levels + 3 * sums, sizeof(float));
        if (memory) {
            float *sum = memory + levels;
            rows.levels = memory;
            rows.rows = sum + sums;
            rows.lanes = rows.rows + sums;
#if HAS_AVX2
            if (has_avx2()) resize_avx2(&rows, &vertical, sum);
            else
#endif
                resize_base(&rows, &vertical, sum);
            result = 0;
        }
        free(memory);
        axis_free(&vertical);
    }
    axis_free(&horizontal_axis);
    return result;
}
