/* Memory that the kernel may use for a while.

   A buffer is allocated with its exact size and freed once it is the program's again.
   The address sanitizer sees what butter's C does with it then, and not what the kernel
   does. So it is poisoned and kept for long, full of one byte: any other byte in it is
   one that the kernel has written too late. Where the kernel reads
   too late, that byte is sent or written, and a reader finds it. */

#include <pthread.h>
#include <sanitizer/asan_interface.h>
#include <signal.h>
#include <sys/time.h>

#define UNREAD 0xA5  /* of a buffer into which nothing was read yet */
#define WRITTEN 0x77 /* what all writes and sends have */
#define GONE 0x5C    /* of a buffer that is not used any more */
#define KEPT 16384

static pthread_mutex_t memory_lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    char *memory;
    size_t size;
} kept[KEPT];
static uint64_t retired;

static char *fresh(size_t size, size_t alignment, int byte)
{
    void *memory = NULL;

    CHECK(posix_memalign(&memory, alignment, size) == 0);
    memset(memory, byte, size);
    return memory;
}

static int is_full_of(const char *memory, size_t size, int byte)
{
    return size == 0 || (memory[0] == (char)byte && memcmp(memory, memory + 1, size - 1) == 0);
}

static void let_go(char *memory, size_t size)
{
    __asan_unpoison_memory_region(memory, size);
    CHECK(is_full_of(memory, size, GONE));
    free(memory);
}

/* The program has the memory back, and frees it later. */
static void retire(void *memory, size_t size)
{
    uint64_t place;

    if (memory == NULL)
        return;
    memset(memory, GONE, size);
    __asan_poison_memory_region(memory, size);
    pthread_mutex_lock(&memory_lock);
    place = retired++ % KEPT;
    if (kept[place].memory != NULL)
        let_go(kept[place].memory, kept[place].size);
    kept[place].memory = memory;
    kept[place].size = size;
    pthread_mutex_unlock(&memory_lock);
}

static void let_all_go(void)
{
    for (size_t place = 0; place < KEPT; place++)
        if (kept[place].memory != NULL)
            let_go(kept[place].memory, kept[place].size);
}

/* A signal comes 2,000 times a second, and ends what waits. */
static void nothing(int signal)
{
    (void)signal;
}

static void interrupt(void)
{
    const struct itimerval often = {{0, 500}, {0, 500}};
    struct sigaction action = {.sa_handler = nothing};

    sigaction(SIGALRM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    setitimer(ITIMER_REAL, &often, NULL);
}
