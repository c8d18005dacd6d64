/* BLAKE2b (RFC 7693) with a key and a digest of 8 bytes, for many short texts. */
#ifndef IMGPREP_BLAKE2B_H
#define IMGPREP_BLAKE2B_H

#include <stddef.h>
#include <stdint.h>

/* What a key of 1 to 64 bytes makes of the state; each text begins there. */
typedef struct {
    uint64_t after_key[8], /* the block of the key compressed, as more follows */
        key_alone[8];      /* the same as the last block: the state of an empty text */
} KeyedHash;

void keyed_hash(KeyedHash *hash, const uint8_t *key, size_t size);

/* The first 8 bytes of the digest, as a number whose lowest byte comes first. */
uint64_t keyed_digest(const KeyedHash *hash, const uint8_t *text, size_t size);

#endif
