"""Each feature, as the tests that are about all of them know it: a class for each.

A new feature is a new class here. The conformance tests of the objects
(tests/kernel/test_eventlike.py) and of the awaitables (tests/asyncio/test_queue.py),
and those of ``butter doctor``, then cover it.
"""

import contextlib
import ctypes
import itertools
import os
import select
import signal
import tempfile
from pathlib import Path
from unittest import mock

import support

from butter.aio import Aio
from butter.asyncio.aio import Aio_async
from butter.asyncio.epoll import Epoll_async
from butter.asyncio.eventfd import Eventfd_async
from butter.asyncio.fanotify import Fanotify_async
from butter.asyncio.inotify import Inotify_async
from butter.asyncio.mounts import MountMonitor_async
from butter.asyncio.seccomp import Listener_async
from butter.asyncio.signalfd import Signalfd_async
from butter.asyncio.timerfd import Timerfd_async
from butter.asyncio.tree import FileWatch_async, Spool_async, Tree_async
from butter.asyncio.uring import Ring_async
from butter.clone import CLONE_NEWUTS, Namespace, _open_namespace
from butter.epoll import EPOLLIN, EPOLLONESHOT, Epoll, epoll_create1
from butter.eventfd import EFD_NONBLOCK, EFD_SEMAPHORE, Eventfd, eventfd
from butter.fanotify import (
    FAN_CLOEXEC,
    FAN_CREATE,
    FAN_MARK_ADD,
    FAN_MARK_MNTNS,
    FAN_MNT_ATTACH,
    FAN_MNT_DETACH,
    FAN_NONBLOCK,
    FAN_REPORT_DFID_NAME,
    FAN_REPORT_MNT,
    Fanotify,
    fanotify_init,
    fanotify_mark,
)
from butter.inotify import IN_CREATE, IN_DELETE_SELF, IN_NONBLOCK, Inotify, inotify_add_watch, inotify_init
from butter.landlock import LANDLOCK_ACCESS_FS_MAKE_BLOCK, Ruleset, RulesetAttr, abi, landlock_create_ruleset
from butter.memfd import MFD_ALLOW_SEALING, MFD_CLOEXEC, Memfd, memfd_create
from butter.mounts import MountMonitor
from butter.pidfd import PIDFD_NONBLOCK, Pidfd, pidfd_open
from butter.pipe import O_CLOEXEC, O_DIRECT, O_NONBLOCK, PipeReader, pipe2
from butter.seccomp import ALLOW, Filter, Listener
from butter.signalfd import SFD_NONBLOCK, Signalfd, signalfd
from butter.system import AT_FDCWD, Mount, open_tree
from butter.timerfd import TFD_NONBLOCK, Timer, timerfd
from butter.tree import FileWatch, Spool, Tree
from butter.uring import Ring, UringParams, io_uring_setup

# far more than anything takes; a wait of so long has lost an event
LONG = 30


class Feature:
    """A feature, for one test: ``with Feature(place) as feature``, in a directory."""

    #: the name of its builder, and of its row in ``butter doctor``
    name = ""
    #: the system call without which nothing of it works, for ``support.inject``
    call = ""
    #: the arguments of the calls that are meant, where others make that call too
    call_arguments = None
    #: the class of its object, and of its awaitable if the object has events
    cls = awaitable = None
    #: the system calls that read its events, by the C library of this machine; none
    #: where they are in memory that the kernel shares
    reading = ("read",)
    #: the arguments and flags of both, and the flag for a non-blocking object
    args, flags, flag = (), 0, 0
    #: the flag that closes the descriptor on exec; 0 if the call needs none for that
    cloexec = os.O_CLOEXEC
    #: a flag that its call does not know; None where the kernel ignores such flags
    unknown = 0x20
    #: whether two unread events are two, and not one (a timer's are one)
    ticks = True
    #: whether the object stands for what is behind its descriptor: ``with`` enters
    #: that, so it needs an open object, and two objects of one thing are equal
    enters = False
    #: whether one read may return several events; ``number`` then tells them apart
    batches = False
    #: whether it is made of other features, and so has neither a builder nor a row
    composed = False
    #: whether its objects take long to make: fewer kinds of loops then try it
    slow = False
    #: whether its descriptor is all of it, so that a number can be adopted, ``closefd``
    #: means something, and a forked child has the object too
    bare = True
    #: whether a call of this process opens its descriptor, and may let it be inherited
    opens = True
    #: whether a forked child has the object, too
    inherited = True
    #: whether it waits as another feature, by which each way of waiting is tried
    waits_alike = False
    #: whether other processes may wake it, so that its reader is added again now and
    #: then: by files in the directories above what it watches, one of which is /tmp
    woken_by_others = False
    #: the class of another object that takes such descriptors too
    wider = None
    #: whether its object waits by poll, and never in a read
    polls = False
    #: whether its objects take so long to close that the tests of its awaitable are
    #: stress tests; the tests of its own have some of each kind
    lingers = False
    #: what its tests need, by ``support.needs``
    needs = ()

    @classmethod
    def marks(cls):
        """The marks of its tests."""
        return [cls.needs] if cls.needs else []

    @classmethod
    def unmet(cls):
        """Why it cannot be made here, or None."""
        return support.unmet(*cls.needs.args, **cls.needs.kwargs) if cls.needs else None

    def __init__(self, place):
        self.place = place
        self.numbers = itertools.count()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def make(self, cls=None, blocking=True, **arguments):
        """A new object, of the subclass *cls* if there is one."""
        flags = self.flags if blocking else self.flags | self.flag
        made = (cls or self.cls)(*self.args, flags=flags, **arguments)
        self.prepare(made)
        return made

    def open(self, **options):
        """A new awaitable."""
        queue = self.awaitable(*self.args, flags=self.flags, **options)
        self.prepare(queue)
        return queue

    def descriptor(self, flags=0, **options):
        """The number of a new descriptor, by the thin call, without ``prepare``."""
        raise NotImplementedError

    def prepare(self, made):
        """Prepare an object, or an awaitable, for its events."""

    def make_event(self, made):
        """Make an event for *made*, an object or an awaitable, now or very soon."""
        raise NotImplementedError

    def trigger(self, made, times=1):
        """Make so many events."""
        for _ in range(times):
            self.make_event(made)

    def number(self, event):
        """Which event this is, counted from 0; only where ``batches``."""
        raise NotImplementedError

    def count(self, events):
        """How many events these are; a repeated one counts once."""
        return len(set(map(self.number, events))) if self.batches else len(events)

    def sample(self, count):
        """How many to try instead of *count*, where the code is that of all features.

        An object or event of a composition, or a slow one, takes longer to make.
        """
        return count // 10 if self.composed or self.slow else count

    def reads(self, queue):
        """The descriptor that an awaitable's object reads."""
        return queue.fileno()

    def use(self, made):
        """Use the object as programs do, or raise."""
        self.trigger(made)
        made.wait(LONG)


class Files(Feature):
    """Files that are created in a directory."""

    name, call = "inotify", "inotify_init1"
    cls, awaitable = Inotify, Inotify_async
    flag = IN_NONBLOCK
    batches = True

    def descriptor(self, flags=0, **options):
        return inotify_init(flags, **options)

    def prepare(self, made):
        made.watch(self.place, IN_CREATE)

    def make_event(self, made):
        path = f"{self.place}/{next(self.numbers)}"
        os.close(os.open(path, os.O_CREAT | os.O_EXCL))
        os.unlink(path)  # so that a forked child may use the name too

    def number(self, event):
        return int(event.name)


class Creations(Feature):
    """Names that are created in a directory, of a group without privileges."""

    name, call = "fanotify", "fanotify_init"
    cls, awaitable = Fanotify, Fanotify_async
    flags, flag = FAN_REPORT_DFID_NAME, FAN_NONBLOCK
    cloexec = FAN_CLOEXEC
    needs = support.needs(kernel=(5, 13) if os.geteuid() else (5, 9))
    unknown = 0x8000
    batches = True

    def descriptor(self, flags=0, **options):
        return fanotify_init(self.flags | flags, **options)

    def prepare(self, made):
        made.watch(self.place, FAN_CREATE)

    make_event = Files.make_event

    def number(self, event):
        return int(event.name)


class Counts(Feature):
    """The ones that a counter counts."""

    name, call = "eventfd", "eventfd2"
    cls, awaitable = Eventfd, Eventfd_async
    flags, flag = EFD_SEMAPHORE, EFD_NONBLOCK

    def descriptor(self, flags=0, **options):
        return eventfd(flags=self.flags | flags, **options)

    def make_event(self, made):
        made.increment()


class Ticks(Feature):
    """A timer that expires."""

    name, call = "timerfd", "timerfd_create"
    cls, awaitable = Timer, Timerfd_async
    flag = TFD_NONBLOCK
    ticks = False

    def descriptor(self, flags=0, **options):
        return timerfd(flags=flags, **options)

    def make_event(self, made):
        made.after(nano_seconds=1)
        if isinstance(made, Timer):  # the awaitable arms at once
            made.update()


class Signals(Feature):
    """Real-time signals, which queue up, with a value."""

    name, call = "signalfd", "signalfd4"
    cls, awaitable = Signalfd, Signalfd_async
    flag = SFD_NONBLOCK
    batches = True

    number_sent = signal.SIGRTMIN + 3
    args = ([number_sent],)

    def __enter__(self):
        self.before = support.block_everywhere(self.number_sent)
        return self

    def __exit__(self, *_):
        support.discard(self.number_sent)  # one that was not read would end the process
        signal.pthread_sigmask(signal.SIG_SETMASK, self.before)

    def descriptor(self, flags=0, **options):
        return signalfd(*self.args, flags=flags, **options)

    def make_event(self, made):
        assert support.libc.sigqueue(os.getpid(), self.number_sent, ctypes.c_void_p(next(self.numbers))) == 0

    def number(self, event):
        return event.ssi_int


class Readiness(Feature):
    """Counters that are ready, each of which is told of once.

    A descriptor stays registered until the test ends, so an event is one of them.
    """

    name, call = "epoll", "epoll_create1"
    cls, awaitable = Epoll, Epoll_async
    reading = ("epoll_wait", "epoll_pwait")
    batches = True

    def __enter__(self):
        self.counters = []
        return self

    def __exit__(self, *_):
        for fd in self.counters:
            os.close(fd)

    def make(self, cls=None, blocking=True, **arguments):
        made = super().make(cls, **arguments)
        os.set_blocking(made.fileno(), blocking)
        return made

    def descriptor(self, flags=0, **options):
        return epoll_create1(flags, **options)

    def make_event(self, made):
        fd = eventfd(1)
        self.counters.append(fd)
        made.register(fd, EPOLLIN | EPOLLONESHOT)

    def number(self, event):
        return self.counters.index(event.fd)

    def sample(self, count):
        return count // 10  # descriptors are few


class Transfers(Feature):
    """Bytes that are read in the background, while a poll waits in vain."""

    name, call = "aio", "io_setup"
    cls, awaitable = Aio, Aio_async
    flag = EFD_NONBLOCK
    cloexec = 0
    unknown = None
    batches = True
    bare = False
    # the kernel takes hundredths of a second to end a context
    slow = lingers = waits_alike = True

    def __enter__(self):
        self.idle = os.pipe()
        self.zeros = os.open("/dev/zero", os.O_RDONLY | os.O_CLOEXEC)
        return self

    def __exit__(self, *_):
        for fd in (*self.idle, self.zeros):
            os.close(fd)

    def prepare(self, made):
        # without it no event could come, and no wait would begin
        made.poll(self.idle[0], select.POLLIN)
        made.submit()

    def make_event(self, made):
        made.pread(self.zeros, 1, user_data=next(self.numbers))
        made.submit()

    def number(self, event):
        return event.user_data


class Requests(Feature):
    """Requests of a ring that do nothing; a forked child does not have the ring."""

    name, call = "uring", "io_uring_setup"
    cls, awaitable = Ring, Ring_async
    reading = ()
    cloexec = 0
    unknown = 1 << 30
    batches = True
    bare = False
    needs = support.needs(kernel=(5, 6))

    def make(self, cls=None, blocking=True, **arguments):
        made = super().make(cls, **arguments)
        os.set_blocking(made.fileno(), blocking)
        return made

    def descriptor(self, flags=0, **options):
        return io_uring_setup(8, UringParams(flags=flags))[0]

    def make_event(self, made):
        made.nop(next(self.numbers))
        made.submit()

    def number(self, event):
        return event.user_data


class Memory(Feature):
    """A file in memory, which has no events."""

    name, call = "memfd", "memfd_create"
    cls = Memfd
    cloexec = MFD_CLOEXEC

    def descriptor(self, flags=0, **options):
        return memfd_create(flags=MFD_ALLOW_SEALING | flags, **options)

    def use(self, made):
        made.truncate(5)
        made.growable = False
        assert len(made) == 5


class Processes(Feature):
    """The process that loaded this file: it is not a child, and does not end."""

    name, call = "pidfd", "pidfd_open"
    cls = Pidfd
    args = (os.getpid(),)
    flag = PIDFD_NONBLOCK
    cloexec = 0
    needs = support.needs(kernel=(5, 10))

    def descriptor(self, flags=0, **options):
        return pidfd_open(*self.args, flags=flags, **options)

    def use(self, made):
        made.send_signal(0)
        assert made.poll() is None


class Ends(Feature):
    """The reading end of a pipe whose other end is closed, so that it never waits."""

    name, call = "pipe", "pipe2"
    # the doctor has pipes of its own, without packets
    call_arguments = {1: O_CLOEXEC | O_DIRECT}
    cls = PipeReader
    flag = O_NONBLOCK

    def make(self, cls=None, blocking=True, **arguments):
        return (cls or self.cls).adopt(self.descriptor(0 if blocking else self.flag, **arguments))

    def descriptor(self, flags=0, **options):
        reader, writer = pipe2(flags, **options)
        os.close(writer)
        return reader

    def use(self, made):
        assert made.read() == b""


class Numbers(Feature):
    """Calls for descriptors of any kind, without an object."""

    name, call = "fd", "readv"


class Moves(Feature):
    """Calls that move bytes between descriptors, without an object."""

    name, call = "splice", "splice"


class Names(Feature):
    """Calls that mount, and that name the host and the process, without an object."""

    name, call = "system", "mount"


class Rooms(Feature):
    """The uts namespace of this thread, so that entering it changes nothing."""

    name, call = "clone", "unshare"
    cls = Namespace
    unknown = None
    enters = True

    def make(self, cls=None, blocking=True, **arguments):
        return (cls or self.cls)("/proc/self/ns/uts", **arguments)

    def descriptor(self, flags=0, **options):
        return _open_namespace("/proc/self/ns/uts", flags=flags, **options)

    def use(self, made):
        assert made.kind == CLONE_NEWUTS
        assert os.fstat(made.fileno()).st_ino == made.identity[1]


class Fences(Feature):
    """A ruleset that is never put around anything."""

    name, call = "landlock", "landlock_create_ruleset"
    cls = Ruleset
    cloexec = 0
    needs = support.needs(when=lambda: abi() > 0, reason="needs landlock")

    def make(self, cls=None, blocking=True, **arguments):
        return (cls or self.cls)(**arguments)

    def descriptor(self, flags=0, **options):
        return landlock_create_ruleset(RulesetAttr(LANDLOCK_ACCESS_FS_MAKE_BLOCK), flags=flags, **options)

    def use(self, made):
        made.allow_path("/", LANDLOCK_ACCESS_FS_MAKE_BLOCK)


class Settings(Feature):
    """Settings of the thread and the process, without a descriptor."""

    name, call = "prctl", "prctl"


class Clocks(Feature):
    """Clocks, of which those of processes are read by a system call."""

    name, call = "clock", "clock_gettime"


class SignalSets(Feature):
    """Calls about signals that wait, without an object."""

    name, call = "sigset", "rt_sigtimedwait"


class Sandboxes(Feature):
    """Fences around code, which have no descriptor of their own."""

    name, call = "sandbox", "landlock_restrict_self"
    composed = True


class Mounts(Feature):
    """The mount at the root, which gives no events."""

    name, call = "system_mounts", "open_tree"
    cls = Mount
    args = ("/",)
    needs = support.needs(kernel=(5, 2))

    def descriptor(self, flags=0, **options):
        return open_tree(AT_FDCWD, "/", flags, **options)

    def use(self, made):
        assert os.stat(".", dir_fd=made.fileno()).st_ino == os.stat("/").st_ino


class MountChanges(Feature):
    """Mounts that appear in the mount namespace of another process."""

    name, call = "mounts", "fanotify_init"
    cls, awaitable = MountMonitor, MountMonitor_async
    flag = FAN_NONBLOCK
    cloexec = FAN_CLOEXEC
    unknown = 0x8000
    batches = True
    composed = True
    wider = Fanotify
    # in a user namespace since 6.16
    needs = support.needs("CAP_SYS_ADMIN", kernel=(6, 15))

    #: the process whose mounts change, while tests share it
    kept = None

    @classmethod
    @contextlib.contextmanager
    def shared(cls):
        """Let all tests meanwhile have one process, since each takes 20 ms to fork."""
        if cls.unmet():
            yield
            return
        with tempfile.TemporaryDirectory() as place, support.Mounter(place, bare=True) as cls.kept:
            try:
                yield
            finally:
                cls.kept = None

    def __enter__(self):
        self.other = self.kept or support.Mounter(self.place, bare=True)
        self.args = (f"/proc/{self.other.pid}/ns/mnt",)
        return self

    def __exit__(self, *_):
        if self.kept:
            self.other.clear()
        else:
            self.other.end()

    def descriptor(self, flags=0, **options):
        fd = fanotify_init(FAN_REPORT_MNT | flags, **options)
        try:
            fanotify_mark(fd, *self.args, FAN_MNT_ATTACH | FAN_MNT_DETACH, FAN_MARK_ADD | FAN_MARK_MNTNS)
        except BaseException:
            os.close(fd)
            raise
        return fd

    def make_event(self, made):
        self.other.mount(next(self.numbers))

    def number(self, event):
        return int(event.mount.source)


class Changes(Feature):
    """Files that appear in a tree, whose object waits by poll, and never in a read."""

    name, call = "tree", "inotify_init1"
    cls, awaitable = Tree, Tree_async
    cloexec = 0
    unknown = None
    batches = True
    composed = True
    bare = False
    polls = True

    @property
    def watched(self):
        """The path that its objects watch."""
        return self.place

    def make(self, cls=None, blocking=True, **arguments):
        made = (cls or self.cls)(self.watched, **arguments)
        os.set_blocking(made.fileno(), blocking)
        self.leave_others_alone(made)
        return made

    def open(self, **options):
        queue = self.awaitable(self.watched, **options)
        self.leave_others_alone(queue._source)
        return queue

    def leave_others_alone(self, made):
        """Have other processes not wake it, which at any time mount or make files."""
        with select.epoll.fromfd(os.dup(made.fileno())) as epoll:
            epoll.unregister(made._mounts)
        for above in Path(self.place).resolve().parents:
            inotify_add_watch(self.hints_of(made), above, IN_DELETE_SELF)

    def hints_of(self, made):
        """The part that has the inotify descriptor."""
        return made._source

    def make_event(self, made):
        os.mknod(f"{self.place}/{next(self.numbers)}")

    def number(self, event):
        return int(event.path)

    def reads(self, queue):
        return self.hints_of(queue._source).fileno()


class Versions(Changes):
    """Versions of one file, of which those that nothing has read are one change."""

    cls, awaitable = FileWatch, FileWatch_async
    batches = ticks = False
    waits_alike = True
    # each change adds the watches of the directories above anew
    woken_by_others = True

    @property
    def watched(self):
        return f"{self.place}/file"

    def make_event(self, made):
        with open(self.watched, "w") as file:
            file.write(str(next(self.numbers)))

    def hints_of(self, made):
        return made._events


class Jobs(Changes):
    """Files that are complete in a spool directory."""

    cls, awaitable = Spool, Spool_async
    waits_alike = True

    def make_event(self, made):
        os.close(os.open(f"{self.place}/{next(self.numbers)}", os.O_CREAT | os.O_EXCL | os.O_WRONLY))

    def number(self, event):
        return int(os.path.basename(event))

    def leave_others_alone(self, made):
        pass  # they do not wake it

    hints_of = Versions.hints_of


class Calls(Feature):
    """System calls of a fenced process, which wait for an answer."""

    name, call = "seccomp", "seccomp"
    cls, awaitable = Listener, Listener_async
    reading = ("ioctl",)
    slow = True
    unknown = None
    opens = inherited = False
    needs = support.needs(kernel=(5, 0))

    #: what forks the fenced processes, while tests share it
    kept = None

    @classmethod
    @contextlib.contextmanager
    def shared(cls):
        """Let all tests meanwhile have one process that forks the fenced ones."""
        if cls.unmet():
            yield
            return
        cls.kept = support.Fences()
        try:
            yield
        finally:
            cls.kept = cls.kept.end()

    def __enter__(self):
        self.fences = self.kept or support.Fences()
        #: by the number of the descriptor; the last has those that a test duplicated
        self.made = {}
        self.args = (Filter(ALLOW),)
        return self

    def __exit__(self, *_):
        for fence in self.made.values():
            fence.close()
        if not self.kept:
            self.fences.end()

    def descriptor(self, flags=0, **options):
        fence = self.fences.make(flags)
        if fence.fd in self.made:
            self.made.pop(fence.fd).close()
        self.made[fence.fd] = fence
        return fence.fd

    def load(self, operation, flags, program):
        """The system call of an object's constructor, made by a process of its own.

        This one would be fenced for ever, and may have one listener.
        """
        return self.descriptor()

    def make(self, cls=None, blocking=True, **arguments):
        with mock.patch("butter.seccomp.seccomp", self.load):
            made = (cls or self.cls)(*self.args, **arguments)
        os.set_blocking(made.fileno(), blocking)
        return made

    def open(self, **options):
        with mock.patch("butter.seccomp.seccomp", self.load):
            return self.awaitable(*self.args, **options)

    def make_event(self, made):
        self.trigger(made)

    def trigger(self, made, times=1):
        fence = self.made.get(made.fileno()) or list(self.made.values())[-1]
        fence.call(next(self.numbers), times=times)

    def number(self, event):
        return event.arguments[0]

    def sample(self, count):
        return count // 50  # each is a thread


def _below(kind):
    """The classes of features, in the order of this file."""
    return [each for below in kind.__subclasses__() for each in (below, *_below(below))]


EVERY = _below(Feature)
FEATURES = [feature for feature in EVERY if not feature.composed]
#: the features with an object, and those whose object has events
OBJECTS = [feature for feature in EVERY if feature.cls]
EVENTS = [feature for feature in EVERY if feature.awaitable]
#: those whose descriptor is all of it
BARE = [feature for feature in OBJECTS if feature.bare]
