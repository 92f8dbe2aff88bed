"""Wide kernels over text, chosen when the module is loaded: AVX2 where the processor has it, plain C elsewhere.

Knows nothing of JSON's grammar beyond strings. Invariant: a kernel may only say "all is well so far"; whoever calls it
looks again, byte by byte, at the place where it stopped, so results do not depend on the processor.
"""

from libc.stddef cimport size_t
from libc.stdint cimport uint8_t

cdef extern from *:
    """
    #include <stddef.h>
    #include <stdint.h>

    #if defined(__x86_64__) && defined(__GNUC__)
    #define GW_AVX2 __attribute__((target("avx2,bmi")))
    #include <immintrin.h>

    static inline int gw_has_avx2(void) {
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi");
    }

    static inline GW_AVX2 __m256i gw_before(__m256i block, __m256i previous, const int distance) {
        const __m256i across = _mm256_permute2x128_si256(previous, block, 0x21);
        return distance == 1 ? _mm256_alignr_epi8(block, across, 15)
             : distance == 2 ? _mm256_alignr_epi8(block, across, 14) : _mm256_alignr_epi8(block, across, 13);
    }

    static inline GW_AVX2 __m256i gw_table(const uint8_t *sixteen) {
        return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)sixteen));
    }

    static inline GW_AVX2 __m256i gw_high_nibbles(__m256i v) {
        return _mm256_and_si256(_mm256_srli_epi16(v, 4), _mm256_set1_epi8(0x0F));
    }

    /* Keiser and Lemire, "Validating UTF-8 In Less Than One Instruction Per Byte", 2020: three table look-ups per byte
       mark the pairs of bytes that cannot stand together; a fourth test, that 3 and 4 byte forms have their tails. */
    enum {
        GW_SHORT = 1, GW_LONG = 2, GW_OVER3 = 4, GW_LARGE = 8, GW_SURROGATE = 16, GW_OVER2 = 32, GW_LARGE_1000 = 64,
        GW_OVER4 = 64, GW_TWO_TAILS = 128, GW_CARRY = GW_SHORT | GW_LONG | GW_TWO_TAILS
    };
    #define GW_BIG (GW_CARRY | GW_LARGE | GW_LARGE_1000)
    #define GW_TAIL (GW_LONG | GW_OVER2 | GW_TWO_TAILS)
    static const uint8_t gw_first_high[16] = {
        GW_LONG, GW_LONG, GW_LONG, GW_LONG, GW_LONG, GW_LONG, GW_LONG, GW_LONG,
        GW_TWO_TAILS, GW_TWO_TAILS, GW_TWO_TAILS, GW_TWO_TAILS, GW_SHORT | GW_OVER2, GW_SHORT,
        GW_SHORT | GW_OVER3 | GW_SURROGATE, GW_SHORT | GW_LARGE | GW_LARGE_1000 | GW_OVER4};
    static const uint8_t gw_first_low[16] = {
        GW_CARRY | GW_OVER3 | GW_OVER2 | GW_OVER4, GW_CARRY | GW_OVER2, GW_CARRY, GW_CARRY, GW_CARRY | GW_LARGE,
        GW_BIG, GW_BIG, GW_BIG, GW_BIG, GW_BIG, GW_BIG, GW_BIG, GW_BIG, GW_BIG | GW_SURROGATE, GW_BIG, GW_BIG};
    static const uint8_t gw_second_high[16] = {
        GW_SHORT, GW_SHORT, GW_SHORT, GW_SHORT, GW_SHORT, GW_SHORT, GW_SHORT, GW_SHORT,
        GW_TAIL | GW_OVER3 | GW_LARGE_1000 | GW_OVER4, GW_TAIL | GW_OVER3 | GW_LARGE,
        GW_TAIL | GW_SURROGATE | GW_LARGE, GW_TAIL | GW_SURROGATE | GW_LARGE,
        GW_SHORT, GW_SHORT, GW_SHORT, GW_SHORT};

    static GW_AVX2 int gw_utf8_blocks(const uint8_t *p, size_t size) {
        const __m256i first_high = gw_table(gw_first_high), first_low = gw_table(gw_first_low);
        const __m256i second_high = gw_table(gw_second_high), low_nibble = _mm256_set1_epi8(0x0F);
        __m256i previous = _mm256_setzero_si256(), wrong = _mm256_setzero_si256();
        size_t i = 0;
        for (; i + 32 <= size; i += 32) {
            const __m256i block = _mm256_loadu_si256((const __m256i *)(p + i));
            /* A block of ASCII after a block of ASCII needs no look-up; neither does the seam between them. */
            if (_mm256_movemask_epi8(_mm256_or_si256(block, previous))) {
                const __m256i one = gw_before(block, previous, 1), two = gw_before(block, previous, 2);
                const __m256i three = gw_before(block, previous, 3);
                const __m256i pairs = _mm256_and_si256(
                    _mm256_and_si256(_mm256_shuffle_epi8(first_high, gw_high_nibbles(one)),
                                     _mm256_shuffle_epi8(first_low, _mm256_and_si256(one, low_nibble))),
                    _mm256_shuffle_epi8(second_high, gw_high_nibbles(block)));
                const __m256i third = _mm256_subs_epu8(two, _mm256_set1_epi8((char)(0xE0 - 0x80)));
                const __m256i fourth = _mm256_subs_epu8(three, _mm256_set1_epi8((char)(0xF0 - 0x80)));
                const __m256i tails = _mm256_and_si256(_mm256_or_si256(third, fourth), _mm256_set1_epi8((char)0x80));
                wrong = _mm256_or_si256(wrong, _mm256_xor_si256(tails, pairs));
            }
            previous = block;
        }
        if (!_mm256_testz_si256(wrong, wrong)) return 0;
        /* The last bytes, and the up to three before them that may belong to the same character. */
        {
            uint8_t rest[64] = {0};
            const size_t back = i < 3 ? i : 3;
            size_t at = 0, n = size - i + back;
            for (at = 0; at < n; at++) rest[at] = p[i - back + at];
            at = 0;
            while (at < back && (rest[at] & 0xC0) == 0x80) at++;  /* tails of a character that began earlier */
            while (at < n) {
                const uint8_t c = rest[at];
                const size_t more = c < 0x80 ? 0 : c < 0xC2 ? 9 : c < 0xE0 ? 1 : c < 0xF0 ? 2 : c < 0xF5 ? 3 : 9;
                size_t k;
                if (more > n - at - 1) return 0;
                for (k = 1; k <= more; k++) if ((rest[at + k] & 0xC0) != 0x80) return 0;
                if ((c == 0xE0 && rest[at + 1] < 0xA0) || (c == 0xED && rest[at + 1] > 0x9F)
                    || (c == 0xF0 && rest[at + 1] < 0x90) || (c == 0xF4 && rest[at + 1] > 0x8F)) return 0;
                at += more + 1;
            }
        }
        return 1;
    }

    /* The bits of a byte's nibbles meet only for what may stand behind a backslash: "/\\\\bfnrt */
    static const uint8_t gw_escape_low[16] = {0, 0, 1 | 4 | 8, 0, 8, 0, 4, 0, 0, 0, 0, 0, 2, 0, 4, 1};
    static const uint8_t gw_escape_high[16] = {0, 0, 1, 0, 0, 2, 4, 8, 0, 0, 0, 0, 0, 0, 0, 0};

    static inline GW_AVX2 uint64_t gw_mask(__m256i low, __m256i high) {
        return (uint32_t)_mm256_movemask_epi8(low) | (uint64_t)(uint32_t)_mm256_movemask_epi8(high) << 32;
    }

    static inline GW_AVX2 __m256i gw_no_escape(__m256i v) {
        const __m256i low = _mm256_shuffle_epi8(gw_table(gw_escape_low), _mm256_and_si256(v, _mm256_set1_epi8(0x0F)));
        const __m256i high = _mm256_shuffle_epi8(gw_table(gw_escape_high), gw_high_nibbles(v));
        return _mm256_cmpeq_epi8(_mm256_and_si256(low, high), _mm256_setzero_si256());
    }

    /* Length of the leading run of a JSON string that holds nothing but plain bytes and escapes of two characters.
       Bytes above 0x7f count as plain. Sets *escaped when there was an escape. Stops short of the last 64 bytes. */
    static GW_AVX2 size_t gw_text_blocks(const uint8_t *p, size_t size, int *escaped) {
        const __m256i space = _mm256_set1_epi8(0x20), quote = _mm256_set1_epi8(0x22), slash = _mm256_set1_epi8(0x5c);
        const uint64_t even = 0x5555555555555555u;
        uint64_t pending = 0;  /* 1: the last byte of the block before was an open backslash */
        size_t i = 0;
        for (; size - i >= 64; i += 64) {
            const __m256i a = _mm256_loadu_si256((const __m256i *)(p + i));
            const __m256i b = _mm256_loadu_si256((const __m256i *)(p + i + 32));
            const uint64_t quotes = gw_mask(_mm256_cmpeq_epi8(a, quote), _mm256_cmpeq_epi8(b, quote));
            const uint64_t slashes = gw_mask(_mm256_cmpeq_epi8(a, slash), _mm256_cmpeq_epi8(b, slash));
            const uint64_t controls = ~gw_mask(_mm256_cmpeq_epi8(_mm256_max_epu8(a, space), a),
                                               _mm256_cmpeq_epi8(_mm256_max_epu8(b, space), b));
            uint64_t behind = pending, stop;  /* behind: bytes that a backslash escapes */
            if (slashes) {
                /* In a run of backslashes every second byte behind its start is escaped; the carries of a sum tell
                   runs that start at odd places from the others (simdjson). */
                const uint64_t open = slashes & ~pending, follows = open << 1 | pending;
                const uint64_t sums = (open & ~even & ~follows) + open;
                behind = (even ^ (sums << 1)) & follows;
            }
            stop = (quotes & ~behind) | controls;
            if (behind) stop |= behind & gw_mask(gw_no_escape(a), gw_no_escape(b));
            pending = slashes >> 63 & ~(behind >> 63);
            if (stop) {
                const size_t at = (size_t)__builtin_ctzll(stop);
                if (slashes & (((uint64_t)1 << at) - 1)) *escaped = 1;
                return i + at - (behind >> at & 1);  /* at the backslash, not behind it */
            }
            if (slashes) *escaped = 1;
        }
        return i - pending;
    }
    #else
    static inline int gw_has_avx2(void) { return 0; }
    static inline int gw_utf8_blocks(const uint8_t *p, size_t size) { (void)p; (void)size; return 0; }
    static inline size_t gw_text_blocks(const uint8_t *p, size_t size, int *escaped) {
        (void)p; (void)size; (void)escaped; return 0;
    }
    #endif
    """
    bint has_wide "gw_has_avx2"() noexcept nogil
    # Only where has_wide().
    bint utf8_blocks "gw_utf8_blocks"(const uint8_t *p, size_t size) noexcept nogil
    size_t text_blocks "gw_text_blocks"(const uint8_t *p, size_t size, int *escaped) noexcept nogil
