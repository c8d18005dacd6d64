/* CRC-32 by carry-less multiplication: folds 64 bytes at a time, then reduces what is left by Barrett's method. (Gopal et
 * al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction", Intel 2009; the constants are its
 * powers of x modulo the polynomial of zlib, bits reversed.) Sums of 16 bytes that are left over go bit by bit.
 */
#include "crc.h"

#if defined(__GNUC__) && defined(__x86_64__)
#include <immintrin.h>

#define TARGET __attribute__((target("pclmul,sse4.1")))

int crc32_available(void) { return __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1"); }

static uint32_t bitwise(const uint8_t *bytes, size_t size, uint32_t state) {
    for (size_t i = 0; i < size; i++) {
        state ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) state = (state >> 1) ^ (0xEDB88320u & (0u - (state & 1u)));
    }
    return state;
}

TARGET static inline __m128i load(const uint8_t *bytes) { return _mm_loadu_si128((const __m128i *)(const void *)bytes); }

/* Moves 128 bits of the message past as many bits as the constants stand for, onto what comes there. */
TARGET static inline __m128i fold(__m128i value, __m128i constants, __m128i next) {
    __m128i low = _mm_clmulepi64_si128(value, constants, 0x00), high = _mm_clmulepi64_si128(value, constants, 0x11);
    return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

/* A size of at least 64, and a multiple of 16. */
TARGET static uint32_t folded(const uint8_t *bytes, size_t size, uint32_t state) {
    const __m128i by_64 = _mm_set_epi64x(0x01c6e41596, 0x0154442bd4);
    const __m128i by_16 = _mm_set_epi64x(0x00ccaa009e, 0x01751997d0);
    const __m128i by_8 = _mm_set_epi64x(0, 0x0163cd6124);
    const __m128i barrett = _mm_set_epi64x(0x01f7011641, 0x01db710641);
    const __m128i halves = _mm_setr_epi32(~0, 0, ~0, 0);
    __m128i a = _mm_xor_si128(load(bytes), _mm_cvtsi32_si128((int)state));
    __m128i b = load(bytes + 16), c = load(bytes + 32), d = load(bytes + 48);
    for (bytes += 64, size -= 64; size >= 64; bytes += 64, size -= 64) {
        a = fold(a, by_64, load(bytes));
        b = fold(b, by_64, load(bytes + 16));
        c = fold(c, by_64, load(bytes + 32));
        d = fold(d, by_64, load(bytes + 48));
    }
    a = fold(fold(fold(a, by_16, b), by_16, c), by_16, d);
    for (; size >= 16; bytes += 16, size -= 16) a = fold(a, by_16, load(bytes));
    a = _mm_xor_si128(_mm_srli_si128(a, 8), _mm_clmulepi64_si128(a, by_16, 0x10));
    b = _mm_srli_si128(a, 4);
    a = _mm_xor_si128(_mm_clmulepi64_si128(_mm_and_si128(a, halves), by_8, 0x00), b);
    b = _mm_clmulepi64_si128(_mm_and_si128(a, halves), barrett, 0x10);
    b = _mm_clmulepi64_si128(_mm_and_si128(b, halves), barrett, 0x00);
    return (uint32_t)_mm_extract_epi32(_mm_xor_si128(a, b), 1);
}

uint32_t crc32_of(const uint8_t *bytes, size_t size, uint32_t before) {
    uint32_t state = ~before;
    size_t whole = size < 64 ? 0 : size & ~(size_t)15;
    if (whole) state = folded(bytes, whole, state);
    return ~bitwise(bytes + whole, size - whole, state);
}
#else
int crc32_available(void) { return 0; }

uint32_t crc32_of(const uint8_t *bytes, size_t size, uint32_t before) {
    (void)bytes;
    (void)size;
    return before;
}
#endif
