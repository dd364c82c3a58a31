from pathlib import Path

from cffi import FFI

DECLARATIONS = """
int64_t sigprocmask(int how, uint64_t bits);
int sigqueue(int pid, int signum, uint64_t value);
int sigtimedwait(uint64_t bits, int64_t nanoseconds, char *signal);
int sigsuspend(uint64_t bits);
int pause(void);
unsigned long butter_thread(void);
int butter_mask_back(unsigned long thread, uint64_t before);
"""

ffi = FFI()
ffi.cdef(DECLARATIONS)
SOURCES = [
    Path(__file__).with_name(name).read_text()
    for name in ("calls.h", "quick.h", "times.h", "signals.h", "thread.h", "sigset.c")
]
ffi.set_source("butter._sigset_c", "\n".join(SOURCES))
