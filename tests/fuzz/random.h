/* Random numbers, and checks that tell where they have failed, for each fuzzer. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            fail(#condition);                                                                                          \
    } while (0)

static uint64_t input;
/* each thread has its own numbers */
static _Thread_local uint64_t state;

static void fail(const char *condition)
{
    fprintf(stderr, "input %llu: not true: %s\n", (unsigned long long)input, condition);
    abort();
}

static void begin(uint64_t seed)
{
    state = seed * 0x9E3779B97F4A7C15ULL | 1;
}

/* xorshift64*: the same numbers on every machine */
static uint32_t number(uint32_t limit)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (uint32_t)((state * 0x2545F4914F6CDD1DULL) >> 32) % limit;
}
