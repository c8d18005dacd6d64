#include "blake2b.h"

#include <string.h>

enum { BLOCK = 128, DIGEST = 8, ROUNDS = 12 };

static const uint64_t IV[8] = {
    0x6a09e667f3bcc908u, 0xbb67ae8584caa73bu, 0x3c6ef372fe94f82bu, 0xa54ff53a5f1d36f1u,
    0x510e527fade682d1u, 0x9b05688c2b3e6c1fu, 0x1f83d9abfb41bd6bu, 0x5be0cd19137e2179u,
};

static const uint8_t SIGMA[ROUNDS][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4}, {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13}, {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11}, {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5}, {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
};

static uint64_t turned(uint64_t word, int bits) { return word >> bits | word << (64 - bits); }

#define MIX(a, b, c, d, x, y)     \
    do {                          \
        a = a + b + (x);          \
        d = turned(d ^ a, 32);    \
        c = c + d;                \
        b = turned(b ^ c, 24);    \
        a = a + b + (y);          \
        d = turned(d ^ a, 16);    \
        c = c + d;                \
        b = turned(b ^ c, 63);    \
    } while (0)

#define ROUND(r)                                                               \
    do {                                                                       \
        MIX(v0, v4, v8, v12, m[SIGMA[r][0]], m[SIGMA[r][1]]);                  \
        MIX(v1, v5, v9, v13, m[SIGMA[r][2]], m[SIGMA[r][3]]);                  \
        MIX(v2, v6, v10, v14, m[SIGMA[r][4]], m[SIGMA[r][5]]);                 \
        MIX(v3, v7, v11, v15, m[SIGMA[r][6]], m[SIGMA[r][7]]);                 \
        MIX(v0, v5, v10, v15, m[SIGMA[r][8]], m[SIGMA[r][9]]);                 \
        MIX(v1, v6, v11, v12, m[SIGMA[r][10]], m[SIGMA[r][11]]);               \
        MIX(v2, v7, v8, v13, m[SIGMA[r][12]], m[SIGMA[r][13]]);                \
        MIX(v3, v4, v9, v14, m[SIGMA[r][14]], m[SIGMA[r][15]]);                \
    } while (0)

/* Takes one block into the state; `total` is the number of bytes with it. */
static void compress(uint64_t state[8], const uint8_t *block, uint64_t total, int last) {
    uint64_t m[16];
    uint64_t v0 = state[0], v1 = state[1], v2 = state[2], v3 = state[3];
    uint64_t v4 = state[4], v5 = state[5], v6 = state[6], v7 = state[7];
    uint64_t v8 = IV[0], v9 = IV[1], v10 = IV[2], v11 = IV[3];
    uint64_t v12 = IV[4] ^ total, v13 = IV[5], v14 = last ? ~IV[6] : IV[6], v15 = IV[7];
    for (int word = 0; word < 16; word++) {
        const uint8_t *b = block + 8 * word;
        m[word] = (uint64_t)b[0] | (uint64_t)b[1] << 8 | (uint64_t)b[2] << 16 | (uint64_t)b[3] << 24 |
                  (uint64_t)b[4] << 32 | (uint64_t)b[5] << 40 | (uint64_t)b[6] << 48 | (uint64_t)b[7] << 56;
    }
    ROUND(0);
    ROUND(1);
    ROUND(2);
    ROUND(3);
    ROUND(4);
    ROUND(5);
    ROUND(6);
    ROUND(7);
    ROUND(8);
    ROUND(9);
    ROUND(10);
    ROUND(11);
    state[0] ^= v0 ^ v8;
    state[1] ^= v1 ^ v9;
    state[2] ^= v2 ^ v10;
    state[3] ^= v3 ^ v11;
    state[4] ^= v4 ^ v12;
    state[5] ^= v5 ^ v13;
    state[6] ^= v6 ^ v14;
    state[7] ^= v7 ^ v15;
}

void keyed_hash(KeyedHash *hash, const uint8_t *key, size_t size) {
    uint8_t block[BLOCK] = {0};
    memcpy(block, key, size);
    memcpy(hash->after_key, IV, sizeof IV);
    hash->after_key[0] ^= 0x01010000u ^ (uint64_t)size << 8 ^ DIGEST;
    memcpy(hash->key_alone, hash->after_key, sizeof IV);
    compress(hash->after_key, block, BLOCK, 0);
    compress(hash->key_alone, block, BLOCK, 1);
}

uint64_t keyed_digest(const KeyedHash *hash, const uint8_t *text, size_t size) {
    uint64_t state[8], total = BLOCK;
    uint8_t block[BLOCK] = {0};
    if (size == 0) return hash->key_alone[0];
    memcpy(state, hash->after_key, sizeof state);
    for (; size > BLOCK; size -= BLOCK, text += BLOCK) {
        total += BLOCK;
        compress(state, text, total, 0);
    }
    memcpy(block, text, size);
    compress(state, block, total + size, 1);
    return state[0];
}
