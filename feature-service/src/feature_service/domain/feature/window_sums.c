/* Sums, extremes, crossings and ranks of windows of rows: what most features are made of (see native_sums.py).
 *
 * Every number comes out as NumPy's, to the bit: terms are added in the order of its pairwise summation (eight
 * accumulators over at most 128 terms, halves above that), and each product is rounded before it is added. So compile
 * with -ffp-contract=off and never with -ffast-math; -fopenmp-simd is for what has no order, extremes.
 *
 * No allocation, no state: threads may call at once. The caller checks lengths.
 */
#ifndef OF
#include <stdint.h>

#define INLINE static inline __attribute__((always_inline))
#define LANES 8   /* accumulators of a sum */
#define LEAF 128  /* terms that are added without halving */
#define DEPTH 192 /* room for halving 2^63 terms */
#define GROUP 8   /* words of 64 ranks that are skipped at once */

/* A window's rows, what is taken from each, and the row numbers a slope goes by. */
typedef struct {
    const double *first;
    double mean;
    const double *positions;
} window;

/* Adds up the terms from `at` on, `count` of them (at most LEAF), into each of `sums`. */
typedef void leaf(const window *rows, int64_t at, int64_t count, double *sums);

/* NumPy's pairwise sum without its recursion: what is to be added stands in `todo`, 0 says that two sums are to be. */
INLINE void pairwise(leaf add, const int sums, const window *rows, int64_t count, double *result)
{
    int64_t todo[DEPTH];
    double found[DEPTH / 2][4];
    int left = 0, top = 0;
    int64_t at = 0;
    todo[left++] = count;
    while (left) {
        int64_t terms = todo[--left];
        if (terms == 0 && count) {
            top--;
            for (int k = 0; k < sums; k++) found[top - 1][k] += found[top][k];
        } else if (terms <= LEAF) {
            add(rows, at, terms, found[top++]);
            at += terms;
        } else {
            int64_t half = terms / 2;
            half -= half % LANES;
            todo[left++] = 0;
            todo[left++] = terms - half;
            todo[left++] = half;
        }
    }
    for (int k = 0; k < sums; k++) result[k] = 0.0 + found[0][k];
}

INLINE void extremes(const double *x, int64_t size, double *lowest, double *highest)
{
    double low = x[0], high = x[0];
#pragma omp simd reduction(min : low) reduction(max : high)
    for (int64_t i = 1; i < size; i++) {
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
    }
    *lowest = low + 0.0; /* of two zeros the positive one, whichever was met first */
    *highest = high + 0.0;
}

/* Of each pair of consecutive runs, each `size` values in ascending order: the value at `place` of both together in that
 * order, and the one behind it (again the last where there is none). Compares, and so needs no instructions of its own. */
void penstock_ranks(const double *runs, int64_t count, int64_t size, int64_t place, double *out, int64_t pitch)
{
    for (int64_t w = 0; w < count; w++) {
        const double *a = runs + w * size, *b = a + size;
        /* How many of the `place` smallest are in `a`. */
        int64_t low = place > size ? place - size : 0, high = place < size ? place : size;
        while (low < high) {
            int64_t middle = (low + high) / 2;
            int more = a[middle] < b[place - middle - 1];
            low = more ? middle + 1 : low;
            high = more ? high : middle;
        }
        int64_t i = low, j = place - low;
        for (int k = 0; k < 2; k++) {
            if (i + j == 2 * size) {
                out[w + pitch] = out[w];
            } else {
                int first = j == size || (i < size && a[i] < b[j]);
                out[w + k * pitch] = first ? a[i] : b[j];
                i += first;
                j += !first;
            }
        }
    }
}

/* Of each run of `rows` values from `firsts` on: the values, their lowest bits (those of `places`, rows - 1 at least)
 * being their places. Sorted, these tell the order of all values that differ in more. Says in `known` of each run whether
 * all of it is finite: else it has no such order. */
void penstock_tagged(const double *values, const int64_t *firsts, int64_t runs, int64_t rows, int64_t places,
                     int64_t *tagged, int64_t *known)
{
    for (int64_t r = 0; r < runs; r++, tagged += rows) {
        const double *x = values + firsts[r];
        double sum = 0.0;
        for (int64_t i = 0; i < rows; i++) {
            int64_t bits;
            __builtin_memcpy(&bits, x + i, sizeof bits);
            tagged[i] = (bits & ~places) | i;
            sum += x[i] - x[i]; /* NaN beside anything that is not finite */
        }
        known[r] = sum == 0.0;
    }
}

/* Makes of sorted runs of penstock_tagged the places of their values in ascending order. Values that differ in their
 * lowest bits alone are put in order here; where they are so many that sorting anew is quicker, `known` becomes 0. */
void penstock_untagged(const double *values, const int64_t *firsts, int64_t runs, int64_t rows, int64_t places,
                       int64_t *tagged, int64_t *known)
{
    for (int64_t r = 0; r < runs; r++, tagged += rows) {
        const double *x = values + firsts[r];
        int64_t moves = 0;
        for (int64_t i = 0; known[r] && i < rows; i++) {
            int64_t place = tagged[i] & places, at = i;
            for (; at > 0 && x[tagged[at - 1]] > x[place]; at--) tagged[at] = tagged[at - 1];
            tagged[at] = place;
            moves += i - at;
            known[r] = moves <= 4 * rows;
        }
    }
}

#define LEVEL (const double *values, const int64_t *starts, int64_t count, int64_t size, double *out, int64_t pitch)
#define SHAPE (const double *values, const int64_t *starts, int64_t count, int64_t size, const double *positions, \
               const double *means, double *out, int64_t pitch)
#define RUNNING (const double *values, const int64_t *firsts, int64_t runs, const int64_t *orders, int64_t rows, \
                 int64_t size, int64_t step, const int64_t *places, int64_t asked, uint64_t *ranks, uint64_t *held, \
                 int64_t *inside, double *out, int64_t pitch)

/* What follows is compiled once for each set of instructions, by including this file again: OF names a variant's. ONLY is
 * for tests. One library serves all processors of a kind: which instructions there are is asked at each call. */
#if defined(__x86_64__)
#ifndef ONLY
#define ONLY 3
#endif
#define PART 8
#define FOR __attribute__((target("avx512f,avx512dq,avx512vl,popcnt")))
#define OF(name) name##_avx512
#include __FILE__
#define PART 4
#define FOR __attribute__((target("avx2,popcnt")))
#define OF(name) name##_avx2
#include __FILE__
#define CHOSEN(function, ...) \
    if (ONLY == 3 && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) \
        function##_avx512(__VA_ARGS__); \
    else if (ONLY >= 2 && __builtin_cpu_supports("avx2")) \
        function##_avx2(__VA_ARGS__); \
    else \
        function##_any(__VA_ARGS__)
#else
#define CHOSEN(function, ...) function##_any(__VA_ARGS__)
#endif
#define PART 2
#define FOR
#define OF(name) name##_any
#include __FILE__

void penstock_level LEVEL { CHOSEN(level, values, starts, count, size, out, pitch); }

void penstock_shape SHAPE { CHOSEN(shape, values, starts, count, size, positions, means, out, pitch); }

void penstock_running RUNNING
{
    CHOSEN(running, values, firsts, runs, orders, rows, size, step, places, asked, ranks, held, inside, out, pitch);
}

#else

/* The names of this variant. */
#define part OF(part)
#define stored OF(stored)
#define truths OF(truths)
#define folded OF(folded)
#define add_level OF(add_level)
#define add_shape OF(add_shape)
#define add_lagged OF(add_lagged)
#define crossings OF(crossings)
#define nth_bit OF(nth_bit)

/* Eight values lie in PARTS registers of PART values: a vector that is wider than a register is kept in memory. */
#define PARTS (LANES / PART)
#define EACH _Pragma("GCC unroll 4") for (int p = 0; p < PARTS; p++)
#define AT(from) (*(const stored *)((from) + p * PART))
typedef double part __attribute__((vector_size(8 * PART)));
typedef double stored __attribute__((vector_size(8 * PART), aligned(8), may_alias));
typedef int64_t truths __attribute__((vector_size(8 * PART))); /* -1 or 0 each */

INLINE double folded(const part *r)
{
    double lane[LANES];
    EACH for (int k = 0; k < PART; k++) lane[p * PART + k] = r[p][k];
    return ((lane[0] + lane[1]) + (lane[2] + lane[3])) + ((lane[4] + lane[5]) + (lane[6] + lane[7]));
}

INLINE void add_level(const window *rows, int64_t at, int64_t count, double *sums)
{
    const double *x = rows->first + at;
    double sum = -0.0, energy = -0.0;
    int64_t i = 0;
    if (count >= LANES) {
        part a[PARTS], b[PARTS];
        EACH a[p] = AT(x), b[p] = a[p] * a[p];
        for (i = LANES; i < count - count % LANES; i += LANES)
            EACH {
                part v = AT(x + i);
                a[p] += v;
                b[p] += v * v;
            }
        sum = folded(a);
        energy = folded(b);
    }
    for (; i < count; i++) {
        sum += x[i];
        energy += x[i] * x[i];
    }
    sums[0] = sum;
    sums[1] = energy;
}

INLINE void add_shape(const window *rows, int64_t at, int64_t count, double *sums)
{
    const double *x = rows->first + at, *positions = rows->positions + at;
    const double mean = rows->mean;
    double variation = -0.0, third = -0.0, fourth = -0.0, rise = -0.0;
    int64_t i = 0;
    if (count >= LANES) {
        part a[PARTS], b[PARTS], c[PARTS], e[PARTS];
        EACH {
            part d = AT(x) - mean, q = d * d;
            a[p] = q, b[p] = q * d, c[p] = q * q, e[p] = d * AT(positions);
        }
        for (i = LANES; i < count - count % LANES; i += LANES)
            EACH {
                part d = AT(x + i) - mean, q = d * d;
                a[p] += q;
                b[p] += q * d;
                c[p] += q * q;
                e[p] += d * AT(positions + i);
            }
        variation = folded(a);
        third = folded(b);
        fourth = folded(c);
        rise = folded(e);
    }
    for (; i < count; i++) {
        double d = x[i] - mean, q = d * d;
        variation += q;
        third += q * d;
        fourth += q * q;
        rise += d * positions[i];
    }
    sums[0] = variation;
    sums[1] = third;
    sums[2] = fourth;
    sums[3] = rise;
}

/* The sum of the products of neighbours, and how often they lie on different sides of the mean. */
INLINE void add_lagged(const window *rows, int64_t at, int64_t count, double *sums)
{
    const double *x = rows->first + at;
    const double mean = rows->mean;
    double lagged = -0.0;
    int64_t i = 0, changes = 0;
    if (count >= LANES) {
        part a[PARTS];
        truths crossed[PARTS];
        EACH {
            part d = AT(x) - mean, next = AT(x + 1) - mean;
            a[p] = d * next;
            crossed[p] = (d > 0.0) ^ (next > 0.0);
        }
        for (i = LANES; i < count - count % LANES; i += LANES)
            EACH {
                part d = AT(x + i) - mean, next = AT(x + i + 1) - mean;
                a[p] += d * next;
                crossed[p] += (d > 0.0) ^ (next > 0.0);
            }
        lagged = folded(a);
        EACH for (int k = 0; k < PART; k++) changes -= crossed[p][k];
    }
    for (; i < count; i++) {
        lagged += (x[i] - mean) * (x[i + 1] - mean);
        changes += ((x[i] - mean) > 0.0) != ((x[i + 1] - mean) > 0.0);
    }
    sums[0] = lagged;
    sums[1] = (double)changes;
}

/* How often neighbours lie on different sides of 0. */
INLINE double crossings(const double *x, int64_t size)
{
    truths crossed[PARTS];
    int64_t i = 0, changes = 0;
    EACH crossed[p] = (truths){0};
    for (; i + LANES < size; i += LANES) EACH crossed[p] += (AT(x + i) > 0.0) ^ (AT(x + i + 1) > 0.0);
    EACH for (int k = 0; k < PART; k++) changes -= crossed[p][k];
    for (; i + 1 < size; i++) changes += (x[i] > 0.0) != (x[i + 1] > 0.0);
    return (double)changes;
}

/* Of each window: sum, sum of squares, lowest, highest, crossings of zero. */
FOR static void OF(level) LEVEL
{
    for (int64_t w = 0; w < count; w++) {
        window rows = {values + starts[w], 0.0, 0};
        double sums[4];
        pairwise(add_level, 2, &rows, size, sums);
        out[w] = sums[0];
        out[w + pitch] = sums[1];
        extremes(rows.first, size, out + w + 2 * pitch, out + w + 3 * pitch);
        out[w + 4 * pitch] = crossings(rows.first, size);
    }
}

/* Of each window less its mean: sums of the second, third and fourth powers, of the products with `positions`, of those
 * of neighbours, and crossings of zero. */
FOR static void OF(shape) SHAPE
{
    for (int64_t w = 0; w < count; w++) {
        window rows = {values + starts[w], means[w], positions};
        double sums[4];
        pairwise(add_shape, 4, &rows, size, sums);
        for (int k = 0; k < 4; k++) out[w + k * pitch] = sums[k];
        pairwise(add_lagged, 2, &rows, size - 1, sums);
        out[w + 4 * pitch] = sums[0];
        out[w + 5 * pitch] = sums[1];
    }
}

/* The place of the bit before which `n` of `bits` are set. */
INLINE int64_t nth_bit(uint64_t bits, int64_t n)
{
    int64_t at = 0;
    for (int width = 32; width; width /= 2) {
        int64_t below = __builtin_popcountll(bits & ((1ull << width) - 1));
        int64_t beyond = n >= below ? -1 : 0;
        n -= below & beyond;
        at += width & beyond;
        bits >>= width & beyond;
    }
    return at;
}

/* Of each window in each run of `rows` rows from `firsts` on, whose places in ascending order are `orders`: the value at
 * each of `places` (which ascend) of that order, and the one behind it (again the last where there is none).
 *
 * A row's rank is a bit, set while the row is in the window: a window differs from the one before in few bits, and the
 * value at a place is that of so manieth set bit. `inside` counts the bits of each GROUP words of `held`. */
FOR static void OF(running) RUNNING
{
    int64_t groups = (rows + 64 * GROUP - 1) / (64 * GROUP), windows = (rows - size) / step + 1;
    for (int64_t run = 0; run < runs; run++, orders += rows) {
        const double *x = values + firsts[run];
        for (int64_t r = 0; r < rows; r++) ranks[orders[r]] = (uint64_t)r;
        for (int64_t w = 0; w < groups * GROUP; w++) held[w] = 0;
        for (int64_t g = 0; g < groups; g++) inside[g] = 0;
        for (int64_t w = 0, from = 0, to = 0; w < windows; w++) {
            for (; from < w * step; from++) {
                held[ranks[from] / 64] ^= 1ull << ranks[from] % 64;
                inside[ranks[from] / 64 / GROUP]--;
            }
            for (; to < w * step + size; to++) {
                held[ranks[to] / 64] ^= 1ull << ranks[to] % 64;
                inside[ranks[to] / 64 / GROUP]++;
            }
            double *found = out + firsts[run] / step + w;
            int64_t group = 0, before = 0;
            for (int64_t k = 0; k < asked; k++, found += 2 * pitch) {
                while (before + inside[group] <= places[k]) before += inside[group++];
                int64_t at = group * GROUP, left = places[k] - before, here;
                for (; (here = __builtin_popcountll(held[at])) <= left; at++) left -= here;
                int64_t bit = nth_bit(held[at], left);
                found[0] = found[pitch] = x[orders[64 * at + bit]];
                if (places[k] + 1 == size) continue;
                uint64_t more = held[at] & (~1ull << bit);
                while (!more) more = held[++at];
                found[pitch] = x[orders[64 * at + __builtin_ctzll(more)]];
            }
        }
    }
}

#undef PART
#undef FOR
#undef OF
#endif
