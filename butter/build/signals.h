#include <signal.h>
#include <stdint.h>
#include <string.h>

/* Python and C exchange a set of signals as a number whose bit n - 1 is signal n. That
   is the beginning of a sigset_t too. As by sigaddset, the signals that the C library
   keeps for itself are left out: those from 32 to SIGRTMIN. */
static inline void butter_sigset_fill(sigset_t *set, uint64_t bits)
{
    bits &= ~(((UINT64_C(1) << (SIGRTMIN - 32)) - 1) << 31);
    sigemptyset(set);
    memcpy(set, &bits, sizeof bits);
}

static inline uint64_t butter_sigset_bits(const sigset_t *set)
{
    uint64_t bits;

    memcpy(&bits, set, sizeof bits);
    return bits;
}
