"""The settings of threads and processes: :manpage:`prctl(2)`, and capabilities.

::

    from butter.prctl import Capability, capabilities, prctl

    prctl.name = "worker"
    prctl.no_new_privs = True
    prctl.capbset.drop(Capability.SYS_ADMIN)
    capabilities.effective -= {Capability.NET_RAW}
    with prctl.slack(50_000_000):
        ...  # this thread may be woken up to 50 ms late

Most settings are those of the calling thread, some those of the whole process; each
says which.
"""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

from butter import _prctl
from butter._arguments import integer
from butter._constants import prctl as _constants
from butter._constants.prctl import *  # noqa: F403
from butter._prctl import ffi as ffi
from butter._prctl_c import lib
from butter._prctl_capabilities import (
    AmbientSet,
    BoundingSet,
    Capabilities,
    CapabilitySets,
    FileCapabilities,
    KernelSet,
    capget,
    capset,
    get_file_capabilities,
    remove_file_capabilities,
    set_file_capabilities,
)
from butter._prctl_processor import ProcessorSettings
from butter._prctl_settings import SUBREAPER, Setting, SignalSetting, Subreaper, Switch, changed, signal_of
from butter.errors import UnknownError as UnknownError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, Union

    from typing_extensions import Buffer

    from butter._prctl import Argument

    Memory = Union[int, Buffer]

# ruff: noqa: F405

__all__ = [
    "AmbientSet",
    "BoundingSet",
    "Capabilities",
    "CapabilitySets",
    "FileCapabilities",
    "KernelSet",
    "Prctl",
    "ProcessorSettings",
    "Subreaper",
    "UnknownError",
    "capabilities",
    "capget",
    "capset",
    "get_file_capabilities",
    "prctl",
    "remove_file_capabilities",
    "set_file_capabilities",
]
__all__ += _constants.__all__

# the longest name of a thread, in bytes
_LONGEST_NAME = 15


class Prctl(ProcessorSettings):
    """The type of ``prctl``, the one object: a call, and the settings as attributes.

    ``prctl(option, ...)`` makes the system call with any option (PrctlOption), and with
    up to four arguments: ints, or for an address a buffer; a name may be str. Arguments
    that are left out are 0. An option that writes its result to an address returns it
    instead, as ``prctl(PR_GET_PDEATHSIG)`` does, and ``prctl(PR_GET_NAME)`` returns
    bytes; the others return the result of the call. ::

        prctl(PR_SET_DUMPABLE, 0)
        prctl(PR_SET_NAME, "worker")

    The call raises TypeError for arguments that the option does not take, ValueError
    for a number out of range and for a buffer that is too small, and else OSError:
    InvalidArgument, which is a ValueError, where the kernel refuses a value, and where
    this kernel, this architecture or this processor does not have the option;
    PermissionError, which names the capability that is missing, or what else is in the
    way. Of an option that is newer than butter, and of an address that is an int, the
    call does not know how much memory the kernel uses.

    An attribute is the value that the kernel has at the moment. Reading and setting it
    raises what the call does; one that stands for a switch is True or False.

    :manpage:`prctl(2)`.
    """

    __slots__ = ()

    def __call__(self, option: int, *arguments: Argument) -> Any:
        """Make the system call with any option."""
        return _prctl.prctl(option, *arguments)

    def __repr__(self) -> str:
        return f"<prctl of the thread {self.name!r}>"

    # names, parents and children

    @property
    def name(self) -> str:
        """The name of the thread, as ``ps -L`` and ``/proc`` show it.

        That of the main thread is the name of the process. Raises ValueError for one of
        more than 15 bytes, which the kernel would cut off.
        """
        return os.fsdecode(self(PR_GET_NAME))

    @name.setter
    def name(self, name: str | bytes) -> None:
        encoded = _prctl.encoded_name(name)
        if len(encoded) > _LONGEST_NAME + 1:
            raise ValueError(f"the name {name!r} has {len(encoded) - 1} bytes; at most {_LONGEST_NAME} are allowed")
        memory = ffi.from_buffer(encoded)
        _prctl.call(PR_SET_NAME, _prctl.address(memory))

    pdeathsig = SignalSetting(
        """The signal that this process gets when its parent ends; None for none.

        It is the thread's, and comes when the *thread* that made this process ends. A
        forked child does not have it, and setuid programs lose it. A parent that has
        ended before is not noticed: see :meth:`die_with_parent`.
        """,
        (PR_GET_PDEATHSIG,),
        (PR_SET_PDEATHSIG,),
        signal_of,
    )

    def die_with_parent(self, parent: int, signal: int = signal.SIGKILL) -> None:
        """Set :attr:`pdeathsig` in a forked child, without a race.

        *parent* is what ``os.getpid()`` returned in the parent, before the fork. If the
        parent has ended meanwhile, the child sends *signal* to itself. The setting is
        the thread's. ::

            parent = os.getpid()
            if os.fork() == 0:
                prctl.die_with_parent(parent)

        The first process of a pid namespace cannot see its parent, so it does not
        notice one that has ended before.
        """
        parent, signal = integer(parent, 31, "parent"), integer(signal, 64, "signal")
        self.pdeathsig = signal
        if os.getppid() not in (parent, 0):
            os.kill(os.getpid(), signal)

    sub_reaper = Switch(
        """Whether orphaned descendants become children of this process.

        It is the process's, and its children do not have it. ``child_subreaper`` and
        ``subreaper`` are other names.

        Linux 3.4.
        """,
        *SUBREAPER,
    )
    child_subreaper = Switch("Another name of :attr:`sub_reaper`.", *SUBREAPER)
    subreaper = Setting(
        """Another name of :attr:`sub_reaper`, for ``with`` too.

        ``with prctl.subreaper:`` makes the process a subreaper meanwhile. The value is
        a :class:`Subreaper`, which equals True or False.
        """,
        *SUBREAPER,
        Subreaper,
        bits=1,
    )

    # privileges

    no_new_privs = Switch(
        """Whether programs that the thread executes get no more privileges than it has.

        It is the thread's, and its children have it too. It can only be set to True.

        Linux 3.5.
        """,
        (PR_GET_NO_NEW_PRIVS,),
        (PR_SET_NO_NEW_PRIVS,),
    )
    keepcaps = Switch(
        """Whether permitted capabilities stay when all user ids change from root's.

        It is the thread's, and False again after a program was executed.
        """,
        (PR_GET_KEEPCAPS,),
        (PR_SET_KEEPCAPS,),
    )
    securebits = Setting(
        """How root and capabilities belong together, as PrctlSecurebits.

        They are the thread's, and its children have them too. Setting needs
        CAP_SETPCAP.
        """,
        (PR_GET_SECUREBITS,),
        (PR_SET_SECUREBITS,),
        PrctlSecurebits,
    )
    seccomp = Setting(
        """The mode of seccomp, as SeccompMode; ``prctl(PR_SET_SECCOMP, ...)`` sets it.

        It is the thread's. In strict mode the kernel kills a thread that asks.
        """,
        (PR_GET_SECCOMP,),
        (),
        SeccompMode,
    )

    @property
    def capbset(self) -> BoundingSet:
        """The bounding set: the capabilities that the thread may ever get."""
        return BoundingSet()

    @property
    def ambient(self) -> AmbientSet:
        """The ambient capabilities of the thread, which every program keeps."""
        return AmbientSet()

    # being looked at

    dumpable = Switch(
        """Whether the process dumps core, and other processes of its user may trace it.

        It is the process's. It becomes False when user ids change. ``SUID_DUMP_ROOT``
        of ``prctl(PR_GET_DUMPABLE)`` counts as False.
        """,
        (PR_GET_DUMPABLE,),
        (PR_SET_DUMPABLE,),
    )

    def set_ptracer(self, pid: int | None) -> None:
        """Let the process *pid*, and its descendants, trace this process.

        None is for none, and ``PR_SET_PTRACER_ANY`` for all. The setting is the
        process's. Raises InvalidArgument if there is no such process, or where the
        kernel does not have Yama, which restricts tracing.

        Linux 3.4.
        """
        self(PR_SET_PTRACER, 0 if pid is None else pid)

    # time

    timerslack = Setting(
        """How late a wait of the thread may end, in nanoseconds.

        It is the thread's: the kernel may end its sleeps and timeouts so much later, to
        wake the processor less often. Threads and processes that it starts begin with
        it. 0 sets what the thread began with, normally 50,000. It does not count for
        real-time scheduling.
        """,
        (PR_GET_TIMERSLACK,),
        (PR_SET_TIMERSLACK,),
        int,
    )

    @contextmanager
    def slack(self, nanoseconds: int) -> Iterator[None]:
        """Allow the thread's waits to end so many *nanoseconds* late, inside ``with``.

        This is what Linux has for sloppy timers. It sets :attr:`timerslack`, and sets
        it back. It is about the thread's sleeps and the timeouts of its waits; a timer
        of timerfd itself is exact, and only the wait for it may have a timeout.

        Raises RuntimeError where ``with`` is left in another thread than it was
        entered: the slack of both threads stays as it is.
        """
        nanoseconds = integer(nanoseconds, 63, "nanoseconds")
        yield from changed(PR_GET_TIMERSLACK, PR_SET_TIMERSLACK, nanoseconds, thread=lib.butter_thread())

    tsc = Switch(
        """Whether the thread can read the timestamp counter; else that is SIGSEGV.

        It is the thread's, and its children have it too. The C library reads the
        counter for every time, so that hardly a program works with False. x86, and
        arm64 since Linux 6.12.
        """,
        (PR_GET_TSC,),
        (PR_SET_TSC,),
        on=PR_TSC_ENABLE,
        off=PR_TSC_SIGSEGV,
    )
    timing = Setting(
        """How the time of the process is measured, as PrctlTiming.

        It is the process's, and the one value that Linux takes is ``STATISTICAL``.
        """,
        (PR_GET_TIMING,),
        (PR_SET_TIMING,),
        PrctlTiming,
    )
    timer_restore_ids = Switch(
        """Whether timer_create takes the id of the new timer from its caller.

        It is the process's, and for programs that restore others. Linux 6.15.
        """,
        (PR_TIMER_CREATE_RESTORE_IDS, PR_TIMER_CREATE_RESTORE_IDS_GET),
        (PR_TIMER_CREATE_RESTORE_IDS,),
    )
    rseq_slice = Switch(
        """Whether the thread may ask for a longer time slice, by rseq.

        It is the thread's. Linux 7.0.
        """,
        (PR_RSEQ_SLICE_EXTENSION, PR_RSEQ_SLICE_EXTENSION_GET),
        (PR_RSEQ_SLICE_EXTENSION, PR_RSEQ_SLICE_EXTENSION_SET),
        on=PR_RSEQ_SLICE_EXT_ENABLE,
    )

    # memory

    thp_disable = Setting(
        """Whether transparent huge pages are off.

        It is the process's, and its children and their programs have it too.
        :attr:`thp_except_advised` counts as True.
        """,
        (PR_GET_THP_DISABLE,),
        (PR_SET_THP_DISABLE,),
        bool,
        bits=1,
    )

    @property
    def thp_except_advised(self) -> bool:
        """Whether transparent huge pages are off but where madvise() asked for them.

        It is the process's. Linux 6.18.
        """
        return bool(self(PR_GET_THP_DISABLE) & PR_THP_DISABLE_EXCEPT_ADVISED)

    @thp_except_advised.setter
    def thp_except_advised(self, value: bool) -> None:
        flags = PR_THP_DISABLE_EXCEPT_ADVISED if integer(value, 1, "thp_except_advised") else 0
        self(PR_SET_THP_DISABLE, int(value), flags)

    memory_merge = Switch(
        """Whether the kernel merges equal pages of the process, with others' too (KSM).

        It is the process's. Linux 6.4.
        """,
        (PR_GET_MEMORY_MERGE,),
        (PR_SET_MEMORY_MERGE,),
    )
    mdwe = Setting(
        """The changes that memory refuses, as PrctlMdwe, which cannot be changed once set.

        It is the process's. Linux 6.3.
        """,
        (PR_GET_MDWE,),
        (PR_SET_MDWE,),
        PrctlMdwe,
    )
    mce_kill = Setting(
        """When memory that breaks ends the process, as PrctlMceKill.

        It is the thread's. The signal is SIGBUS.
        """,
        (PR_MCE_KILL_GET,),
        (PR_MCE_KILL, PR_MCE_KILL_SET),
        PrctlMceKill,
    )
    io_flusher = Switch(
        """Whether the thread takes part in writing memory back, as a FUSE server does.

        It is the thread's: its allocations then do not wait for I/O. Reading it needs
        CAP_SYS_RESOURCE too. Linux 5.6.
        """,
        (PR_GET_IO_FLUSHER,),
        (PR_SET_IO_FLUSHER,),
    )
    futex_hash_slots = Setting(
        """The number of slots in the process's own table of futexes; 0 for none.

        It is the process's, and a power of 2. Linux 6.16.
        """,
        (PR_FUTEX_HASH, PR_FUTEX_HASH_GET_SLOTS),
        (PR_FUTEX_HASH, PR_FUTEX_HASH_SET_SLOTS),
        int,
    )

    def set_vma_name(self, memory: Memory, name: str | bytes | None, length: int | None = None) -> None:
        """Name anonymous memory of the process, as ``/proc/self/maps`` shows it.

        *memory* is a buffer that can be written, as an anonymous :class:`mmap.mmap`, or
        an address with a *length* in bytes; it begins with a page. None as *name* takes
        the name away. Raises InvalidArgument for a name of more than 79 bytes or with
        other characters than printable ones, for an address within a page, and for
        memory of a file; and ValueError for a *length* beyond the buffer.

        Linux 5.17.
        """
        if length is None:
            if isinstance(memory, int):
                raise TypeError("an address needs a length")
            with memoryview(memory) as view:
                length = view.nbytes
        self(PR_SET_VMA, PR_SET_VMA_ANON_NAME, memory, length, name)


#: The one object: ``prctl(option, ...)`` is the system call, and its attributes are the
#: settings. It is a :class:`Prctl`.
prctl = Prctl()

#: The capabilities of the calling thread, as three sets. It is a :class:`Capabilities`.
capabilities = Capabilities()
