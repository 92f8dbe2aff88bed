"""SHA-256 (FIPS 180-4): with the processor's own instructions where it has them, plain C elsewhere.

Knows nothing of files or Python. Invariant: the digest of what was fed, in whatever pieces, on either path.

Why not libcrypto: to map it costs every process 3.5 MB of resident memory, and this is all that would be used of it.
"""

from libc.stddef cimport size_t
from libc.stdint cimport uint8_t

cdef extern from *:
    """
    #include <stddef.h>
    #include <stdint.h>
    #include <string.h>

    typedef struct {
        uint32_t state[8];
        uint64_t size;  /* bytes fed so far */
        uint8_t rest[64];
    } gw_sha256;

    /* 16 at a time are loaded as vectors. */
    static const uint32_t gw_sha256_k[64] __attribute__((aligned(16))) = {
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
        0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
        0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
        0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
        0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
        0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
        0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

    static inline uint32_t gw_rotate(uint32_t x, int bits) { return x >> bits | x << (32 - bits); }

    /* One round; the next one takes the names shifted by one, so that nothing need be moved. */
    #define GW_ROUND(a, b, c, d, e, f, g, h, i) \\
        h += (gw_rotate(e, 6) ^ gw_rotate(e, 11) ^ gw_rotate(e, 25)) + (g ^ (e & (f ^ g))) + gw_sha256_k[i] + w[i]; \\
        d += h; \\
        h += (gw_rotate(a, 2) ^ gw_rotate(a, 13) ^ gw_rotate(a, 22)) + ((a & b) | (c & (a | b)));

    static void gw_sha256_plain(uint32_t *state, const uint8_t *data, size_t blocks) {
        uint32_t w[64], a, b, c, d, e, f, g, h;
        int i;
        for (; blocks; blocks--, data += 64) {
            for (i = 0; i < 16; i++)
                w[i] = (uint32_t)data[4 * i] << 24 | (uint32_t)data[4 * i + 1] << 16 | (uint32_t)data[4 * i + 2] << 8 |
                       data[4 * i + 3];
            for (; i < 64; i++)
                w[i] = w[i - 16] + (gw_rotate(w[i - 15], 7) ^ gw_rotate(w[i - 15], 18) ^ w[i - 15] >> 3) + w[i - 7] +
                       (gw_rotate(w[i - 2], 17) ^ gw_rotate(w[i - 2], 19) ^ w[i - 2] >> 10);
            a = state[0], b = state[1], c = state[2], d = state[3];
            e = state[4], f = state[5], g = state[6], h = state[7];
            for (i = 0; i < 64; i += 8) {
                GW_ROUND(a, b, c, d, e, f, g, h, i)
                GW_ROUND(h, a, b, c, d, e, f, g, i + 1)
                GW_ROUND(g, h, a, b, c, d, e, f, i + 2)
                GW_ROUND(f, g, h, a, b, c, d, e, i + 3)
                GW_ROUND(e, f, g, h, a, b, c, d, i + 4)
                GW_ROUND(d, e, f, g, h, a, b, c, i + 5)
                GW_ROUND(c, d, e, f, g, h, a, b, i + 6)
                GW_ROUND(b, c, d, e, f, g, h, a, i + 7)
            }
            state[0] += a, state[1] += b, state[2] += c, state[3] += d;
            state[4] += e, state[5] += f, state[6] += g, state[7] += h;
        }
    }

    #if defined(__x86_64__) && defined(__GNUC__)
    #include <cpuid.h>
    #include <immintrin.h>

    /* GCC 10 cannot be asked for "sha": CPUID leaf 7, EBX bit 29; leaf 1, ECX bits 9 (SSSE3), 19 (SSE4.1) */
    static int gw_has_sha(void) {
        unsigned int a, b, c, d;
        if (!__get_cpuid(1, &a, &b, &c, &d) || (c & (1u << 9 | 1u << 19)) != (1u << 9 | 1u << 19)) return 0;
        return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & 1u << 29) != 0;
    }

    /* The instructions want the state as (a, b, e, f) and (c, d, g, h), from the highest lane down. */
    __attribute__((target("sha,ssse3,sse4.1")))
    static void gw_sha256_wide(uint32_t *state, const uint8_t *data, size_t blocks) {
        const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
        const __m128i low = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)state), 0xB1);
        const __m128i high = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(state + 4)), 0x1B);
        __m128i abef = _mm_alignr_epi8(low, high, 8), cdgh = _mm_blend_epi16(high, low, 0xF0);
        for (; blocks; blocks--, data += 64) {
            const __m128i abef_before = abef, cdgh_before = cdgh;
            __m128i w[4], sum;
            int i;
            for (i = 0; i < 4; i++)
                w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(data + 16 * i)), swap);
    #pragma GCC unroll 16
            for (i = 0; i < 16; i++) {  /* four rounds each */
                sum = _mm_add_epi32(w[i & 3], _mm_load_si128((const __m128i *)(gw_sha256_k + 4 * i)));
                cdgh = _mm_sha256rnds2_epu32(cdgh, abef, sum);
                abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(sum, 0x0E));
                if (i < 12) {
                    sum = _mm_add_epi32(_mm_sha256msg1_epu32(w[i & 3], w[(i + 1) & 3]),
                                        _mm_alignr_epi8(w[(i + 3) & 3], w[(i + 2) & 3], 4));
                    w[i & 3] = _mm_sha256msg2_epu32(sum, w[(i + 3) & 3]);
                }
            }
            abef = _mm_add_epi32(abef, abef_before);
            cdgh = _mm_add_epi32(cdgh, cdgh_before);
        }
        const __m128i feba = _mm_shuffle_epi32(abef, 0x1B), dchg = _mm_shuffle_epi32(cdgh, 0xB1);
        _mm_storeu_si128((__m128i *)state, _mm_blend_epi16(feba, dchg, 0xF0));
        _mm_storeu_si128((__m128i *)(state + 4), _mm_alignr_epi8(dchg, feba, 8));
    }
    #else
    static int gw_has_sha(void) { return 0; }
    #define gw_sha256_wide gw_sha256_plain
    #endif

    static void (*gw_sha256_blocks)(uint32_t *, const uint8_t *, size_t) = gw_sha256_plain;

    static int gw_sha256_use_wide(int wanted) {
        const int wide = wanted && gw_has_sha();
        gw_sha256_blocks = wide ? gw_sha256_wide : gw_sha256_plain;
        return wide;
    }

    static void gw_sha256_begin(gw_sha256 *hash) {
        static const uint32_t first[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                          0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
        memcpy(hash->state, first, sizeof first);
        hash->size = 0;
    }

    static void gw_sha256_feed(gw_sha256 *hash, const uint8_t *data, size_t size) {
        const size_t held = hash->size % 64;
        hash->size += size;
        if (held) {
            const size_t taken = size < 64 - held ? size : 64 - held;
            memcpy(hash->rest + held, data, taken);
            if (held + taken < 64) return;
            gw_sha256_blocks(hash->state, hash->rest, 1);
            data += taken, size -= taken;
        }
        if (size >= 64) gw_sha256_blocks(hash->state, data, size / 64);
        if (size % 64) memcpy(hash->rest, data + size / 64 * 64, size % 64);
    }

    /* *hash* stays as it is, so that more may be fed. */
    static void gw_sha256_finish(const gw_sha256 *hash, uint8_t *digest) {
        gw_sha256 last = *hash;
        uint8_t tail[72] = {0x80};
        const size_t padding = 64 - (last.size + 8) % 64;  /* 1 to 64 bytes before the length */
        const uint64_t bits = last.size * 8;
        int i;
        for (i = 0; i < 8; i++) tail[padding + i] = (uint8_t)(bits >> (56 - 8 * i));
        gw_sha256_feed(&last, tail, padding + 8);
        for (i = 0; i < 32; i++) digest[i] = (uint8_t)(last.state[i / 4] >> (24 - 8 * (i % 4)));
    }
    """
    ctypedef struct Sha256State "gw_sha256":
        pass
    bint sha256_use_wide "gw_sha256_use_wide"(bint wanted) nogil  # whether the processor's instructions are used now
    void sha256_begin "gw_sha256_begin"(Sha256State *hash) nogil
    void sha256_feed "gw_sha256_feed"(Sha256State *hash, const uint8_t *data, size_t size) nogil
    void sha256_finish "gw_sha256_finish"(const Sha256State *hash, uint8_t *digest) nogil
