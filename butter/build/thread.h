#include <pthread.h>

/* The thread, which is the same in a forked child. */
static inline unsigned long butter_thread(void)
{
    return (unsigned long)pthread_self();
}
