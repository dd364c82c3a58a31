"""Structs are laid out as the compiler does, from the headers of this system.

cffi reads and writes the fields of a struct where the module says that they are, and
the kernel where its own headers say so.
"""

import importlib
import re
import runpy
import shutil
import struct
import subprocess
import sysconfig
from pathlib import Path

import pytest
from support import needs

from butter.signalfd import Signal

pytestmark = needs(when=shutil.which("cc"), reason="needs a C compiler")

BUILD = Path(__file__).resolve().parent.parent.parent / "butter/build"
BUILDERS = {path.stem: runpy.run_path(str(path))["ffi"] for path in sorted(BUILD.glob("*.py"))}


def source_of(builder):
    """The C of a builder, as cffi compiles it: with Python's headers before it."""
    return f"#include <Python.h>\n#include <stddef.h>\n{BUILDERS[builder]._assigned_source[1]}\n"


def compiler(*arguments, source):
    """Run the compiler on *source*, and return what it writes."""
    command = ["cc", "-w", "-x", "c", "-I", sysconfig.get_paths()["include"], *arguments, "-"]
    done = subprocess.run(command, input=source, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def compiled(builder):
    """The ``ffi`` of the module that a builder has become."""
    return importlib.import_module(f"butter._{builder}_c").ffi


def structs_of(builder):
    """``{name in C: its type}`` of the structs that a builder declares."""
    typedefs, structs, unions = BUILDERS[builder].list_types()
    assert not unions
    ffi = compiled(builder)
    found = {name: ffi.typeof(name) for name in [*typedefs, *(f"struct {name}" for name in structs)]}
    return {name: each for name, each in found.items() if each.kind == "struct"}


def claims(ffi, name, struct):
    """The size of a struct, and place and size of each field, as cffi has them."""
    yield f"sizeof({name})", ffi.sizeof(struct)
    for field, found in struct.fields:
        assert found.bitsize == -1
        yield f"offsetof({name}, {field})", found.offset
        if found.type.kind != "array" or found.type.length is not None:
            yield f"sizeof((({name} *)0)->{field})", ffi.sizeof(found.type)


@pytest.mark.parametrize("builder", [builder for builder in BUILDERS if structs_of(builder)])
def test_layouts_are_those_of_the_compiler(builder):
    """cffi has each struct, and each of its fields, where the compiler has it."""
    found = [claim for name, struct in structs_of(builder).items() for claim in claims(compiled(builder), name, struct)]
    assert len(found) > 2
    lines = [f'_Static_assert({what} == {number}, "{what} is not {number}");' for what, number in found]
    compiler("-fsyntax-only", source=source_of(builder) + "\n".join(lines))


def test_a_wrong_layout_is_seen():
    """The compiler refuses a struct that is not where it is said to be."""
    with pytest.raises(AssertionError, match="size is not 15"):
        compiler(
            "-fsyntax-only",
            source=source_of("timerfd") + '_Static_assert(sizeof(struct timespec) == 15, "size is not 15");',
        )


# structs that a builder declares anew, because old headers lack them or have fewer
# fields: the struct of the header, and its fields by butter's names for them
SAME = "="
KERNEL = {
    ("look", "struct butter_statx"): (
        "linux/stat.h",
        "struct statx",
        {"mask": "stx_mask", "attributes": "stx_attributes", "links": "stx_nlink", "mode": "stx_mode"}
        | {"attributes_mask": "stx_attributes_mask", "mount": "stx_mnt_id"},
    ),
    ("fanotify", "struct metadata"): (
        "linux/fanotify.h",
        "struct fanotify_event_metadata",
        {"event_len": SAME, "version": "vers", "metadata_len": SAME, "mask": SAME, "fd": SAME, "pid": SAME},
    ),
    ("fanotify", "struct record"): (
        "linux/fanotify.h",
        "struct fanotify_event_info_header",
        {"type": "info_type", "pad": SAME, "len": SAME},
    ),
    ("clone_spawn", "struct butter_clone_args"): (
        "linux/sched.h",
        "struct clone_args",
        dict.fromkeys(["flags", "pidfd", "child_tid", "parent_tid", "exit_signal", "stack", "stack_size"], SAME)
        | dict.fromkeys(["tls", "set_tid", "set_tid_size", "cgroup"], SAME),
    ),
    ("system_mounts", "struct butter_mount_attr"): (
        "linux/mount.h",
        "struct mount_attr",
        dict.fromkeys(["attr_set", "attr_clr", "propagation", "userns_fd"], SAME),
    ),
    ("prctl", "struct capability_header"): (
        "linux/capability.h",
        "struct __user_cap_header_struct",
        {"version": SAME, "pid": SAME},
    ),
    ("prctl", "struct capability_data"): (
        "linux/capability.h",
        "struct __user_cap_data_struct",
        dict.fromkeys(["effective", "permitted", "inheritable"], SAME),
    ),
    ("seccomp", "struct sock_filter"): (
        "linux/filter.h",
        "struct sock_filter",
        {"code": SAME, "jt": SAME, "jf": SAME, "k": SAME},
    ),
    ("seccomp", "struct sock_fprog"): ("linux/filter.h", "struct sock_fprog", {"len": SAME, "filter": SAME}),
    ("seccomp", "struct seccomp_notif_sizes"): (
        "linux/seccomp.h",
        "struct seccomp_notif_sizes",
        dict.fromkeys(["seccomp_notif", "seccomp_notif_resp", "seccomp_data"], SAME),
    ),
    ("tree", "struct entry_of_directory"): (
        "dirent.h",
        "struct dirent",
        {"inode": "d_ino", "offset": "d_off", "size": "d_reclen", "type": "d_type", "name": "d_name"},
    ),
}


def offsets(source, name, fields):
    """Where the fields of a struct are, as the compiler writes it down."""
    numbers = ", ".join(f"offsetof({name}, {field})" for field in fields)
    text = compiler(
        "-S", "-o", "-", source=f"#include <stddef.h>\n{source}\nconst long places[] = {{-7, {numbers}}};\n"
    )
    found = re.search(r"^places:\n((?:.*\n)+?)\s*\.(?!quad|xword|zero)", text, re.MULTILINE)[1]
    places = []
    for directive, number in re.findall(r"\.(quad|xword|zero)\s+(-?\d+)", found):
        places += [0] * (int(number) // 8) if directive == "zero" else [int(number)]
    assert places[0] == -7
    return places[1:]


@pytest.mark.parametrize(("builder", "name"), KERNEL)
def test_structs_that_are_declared_anew(builder, name):
    """A struct of the kernel that a builder declares is laid out as in the header."""
    header, of_header, fields = KERNEL[builder, name]
    names = [field if other == SAME else other for field, other in fields.items()]
    expected = offsets(f"#define _GNU_SOURCE\n#include <{header}>", of_header, names)
    assert offsets(source_of(builder), name, fields) == expected
    assert len(expected) == len(fields)


# structs that the headers of many build machines lack, or have without the last fields:
# where the newest header has each field
NEW = {
    ("epoll", "butter_epoll_params"): {"busy_poll_usecs": 0, "busy_poll_budget": 4, "prefer_busy_poll": 6, "pad": 7},
    ("fanotify", "struct fid"): {"record": 0, "fsid": 4, "handle_bytes": 12, "handle_type": 16},
    ("pidfd", "struct pidfd_info"): {
        "mask": 0,
        "cgroupid": 8,
        "pid": 16,
        "tgid": 20,
        "ppid": 24,
        "ruid": 28,
        "rgid": 32,
    }
    | {"euid": 36, "egid": 40, "suid": 44, "sgid": 48, "fsuid": 52, "fsgid": 56, "exit_code": 60, "coredump_mask": 64}
    | {"coredump_signal": 68, "coredump_code": 72, "coredump_pad": 76, "supported_mask": 80},
    ("seccomp_listener", "butter_notification"): {"id": 0, "pid": 8, "flags": 12, "number": 16, "arch": 20}
    | {"instruction_pointer": 24, "arguments": 32},
    ("seccomp_listener", "butter_answer"): {"id": 0, "value": 8, "error": 16, "flags": 20},
    ("seccomp_listener", "butter_added"): {"id": 0, "flags": 8, "source": 12, "number": 16, "number_flags": 20},
    ("system_mounts", "struct butter_mnt_id_req"): {"size": 0, "fd": 4, "mnt_id": 8, "param": 16, "mnt_ns_id": 24},
    ("system_mounts", "struct butter_statmount"): {"size": 0, "mnt_opts": 4, "mask": 8, "sb_dev_major": 16}
    | {"sb_dev_minor": 20, "sb_magic": 24, "sb_flags": 32, "fs_type": 36, "mnt_id": 40, "mnt_parent_id": 48}
    | {"mnt_id_old": 56, "mnt_parent_id_old": 60, "mnt_attr": 64, "mnt_propagation": 72, "mnt_peer_group": 80}
    | {"mnt_master": 88, "propagate_from": 96, "mnt_root": 104, "mnt_point": 108, "mnt_ns_id": 112, "fs_subtype": 120}
    | {"sb_source": 124, "arrays": 128, "supported_mask": 144, "spare": 152, "str": 512},
}
# without the arrays and what comes after them
STATMOUNT = list(NEW["system_mounts", "struct butter_statmount"].values())[:-4]


@pytest.mark.parametrize(("builder", "name"), NEW)
def test_structs_that_old_headers_lack(builder, name):
    """A struct of a new kernel has its fields where the newest header has them."""
    fields = NEW[builder, name]
    assert offsets(source_of(builder), name, fields) == list(fields.values())


def test_every_struct_is_compared():
    """No struct of the kernel that a builder declares anew is left out above."""
    declared = {
        name
        for path in BUILD.glob("*.[ch]")
        for name in re.findall(r"^(struct \w+) \{", path.read_text(), re.MULTILINE)
    }
    assert declared == {name for _, name in [*KERNEL, *NEW] if name.startswith("struct ")}


# the formats by which Python takes structs apart: the struct of the header, and the
# fields; or the places of the fields, where many headers lack the struct
FORMATS = {
    "@IiiIIiIIIIiiQQQQH2xiQI28x": ("sys/signalfd.h", "struct signalfd_siginfo", Signal._fields),
    "=IQ" if compiled("epoll").sizeof("struct epoll_event") == 12 else "=I4xQ": (
        "sys/epoll.h",
        "struct epoll_event",
        ["events", "data"],
    ),
    "iI": ("linux/fanotify.h", "struct fanotify_response", ["fd", "response"]),
    "=IBBH": (
        "linux/fanotify.h",
        "struct fanotify_event_metadata",
        ["event_len", "vers", "reserved", "metadata_len"],
    ),
    "=BxH": ("linux/fanotify.h", "struct fanotify_event_info_header", ["info_type", "len"]),
    "=2xHiiIi": (
        "linux/fanotify.h",
        "struct fanotify_event_info_fid",
        ["hdr.len", "fsid.val[0]", "fsid.val[1]", "handle[0]", "handle[4]"],
    ),
    "hhqqi4x": ("fcntl.h", "struct flock", ["l_type", "l_whence", "l_start", "l_len", "l_pid"]),
    "<3I": ("linux/capability.h", "struct vfs_cap_data", ["magic_etc", "data[0].permitted", "data[0].inheritable"]),
    "<5I": (
        "linux/capability.h",
        "struct vfs_cap_data",
        ["magic_etc", *(f"data[{part}].{field}" for part in (0, 1) for field in ("permitted", "inheritable"))],
    ),
    "<6I": (
        "linux/capability.h",
        "struct vfs_ns_cap_data",
        [
            "magic_etc",
            *(f"data[{part}].{field}" for part in (0, 1) for field in ("permitted", "inheritable")),
            "rootid",
        ],
    ),
    "=HBBI": ("linux/filter.h", "struct sock_filter", ["code", "jt", "jf", "k"]),
    "=II7Q": (
        "linux/seccomp.h",
        "struct seccomp_data",
        ["nr", "arch", "instruction_pointer", *(f"args[{index}]" for index in range(6))],
    ),
    "=QIIHhIQQqQII": (
        "linux/aio_abi.h",
        "struct iocb",
        [
            *("aio_data", "aio_key", "aio_rw_flags", "aio_lio_opcode", "aio_reqprio", "aio_fildes", "aio_buf"),
            *("aio_nbytes", "aio_offset", "aio_reserved2", "aio_flags", "aio_resfd"),
        ],
    ),
    "=Q8xqq": ("linux/aio_abi.h", "struct io_event", ["data", "res", "res2"]),
    "=QiI": [0, 8, 12],  # struct io_uring_cqe
    "@PN": ("sys/uio.h", "struct iovec", ["iov_base", "iov_len"]),
    "=qq": [0, 8],  # struct __kernel_timespec
    "=QQQ": [0, 8, 16],  # struct open_how
    "=II8x": [0, 4],  # struct io_uring_file_index_range
    "=IIQQII": [0, 4, 8, 16, 24, 28],  # struct io_uring_rsrc_update2
    "=QiIqq32x": [0, 8, 12, 16, 24],  # struct io_uring_sync_cancel_reg
    "=4I": [0, 4, 8, 12],  # struct io_uring_recvmsg_out
    "=IIQ": [0, 4, 8],  # struct io_uring_files_update
    "=IIQQQ": [0, 4, 8, 16, 24],  # struct io_uring_rsrc_register
    "=8I": [0, 4, 8, 12, 16, 20, 24, 28],  # struct io_uring_clone_buffers
    "=HBB12x": [0, 2, 3],  # struct io_uring_restriction
    "=BxH4x": [0, 2],  # struct io_uring_probe_op
    "@Nii": ("sys/socket.h", "struct cmsghdr", ["cmsg_len", "cmsg_level", "cmsg_type"]),
    "@PI4xPNPNi4x": (
        "sys/socket.h",
        "struct msghdr",
        ["msg_name", "msg_namelen", "msg_iov", "msg_iovlen", "msg_control", "msg_controllen", "msg_flags"],
    ),
    "=IIQIIIHxxQQQQqIxxxxqIxxxxqIxxxxqIxxxxIIII": (
        "linux/stat.h",
        "struct statx",
        [
            *(
                f"stx_{name}"
                for name in ("mask", "blksize", "attributes", "nlink", "uid", "gid", "mode", "ino", "size")
            ),
            *("stx_blocks", "stx_attributes_mask"),
            *(f"stx_{time}.tv_{part}" for time in ("atime", "btime", "ctime", "mtime") for part in ("sec", "nsec")),
            *(f"stx_{device}_{part}" for device in ("rdev", "dev") for part in ("major", "minor")),
        ],
    ),
    "=QQII": [0, 8, 16, 20],  # struct futex_waitv
    "@iii4xIIi": ("signal.h", "siginfo_t", ["si_signo", "si_errno", "si_code", "si_pid", "si_uid", "si_status"]),
    "=QQ": ("sys/resource.h", "struct rlimit64", ["rlim_cur", "rlim_max"]),
    "=Ii": ("linux/capability.h", "struct __user_cap_header_struct", ["version", "pid"]),
    "=6Q": [0, 8, 16, 24, 32, 40],  # struct landlock_ruleset_attr
    "=Qi4x": [0, 8],  # struct landlock_path_beneath_attr
    "=6I": [0, 4, 8, 12, 16, 20],  # two of struct __user_cap_data_struct
    "=QIIiIQ6Q": [0, 8, 12, 16, 20, 24, *range(32, 80, 8)],  # struct seccomp_notif
    "=Q72x": [0],  # the same
    "=4xi": [4],  # struct fanotify_event_info_pidfd
    "=4xiI": [4, 8],  # struct fanotify_event_info_error
    "=8xQQ": [8, 16],  # struct fanotify_event_info_range
    "=8xQ": [8],  # struct fanotify_event_info_mnt
    "BBHIII": [0, 1, 2, 4, 8, 12],  # struct fanotify_response_info_audit_rule
    # up to mnt_gidmap, whose numbers stand where the spare ones begin
    "=IIQIIQIIQQIIQQQQQIIQIIIIIIQIIII": [*STATMOUNT, 128, 132, 136, 140, 144, 152, 156, 160, 164],
}
# those of butter's own structs, of a number, and of parts of the address of a socket
OWN = {"=Q", "=iI", "=2Q6I16x", "=2Q6IQI4x", "=qqqIIi4x", "=iiIII", "<Q", "<d"}
OWN |= {"=H", "=I", "@N", "!H4s8x", "!HI16s"}


def places(layout):
    """Where the values of a format of Python are."""
    order = layout[0] if layout[0] in "@=<" else "@"
    text = order
    for count, code in re.findall(r"(\d*)([A-Za-z])", layout):
        if code == "x":
            text += count + code
        else:
            for _ in range(int(count or 1)):
                text += code
                yield struct.calcsize(text) - struct.calcsize(order + code)


@pytest.mark.parametrize("layout", FORMATS)
def test_formats_of_python(layout):
    """Python takes the values of a struct from where the compiler has its fields."""
    expected = FORMATS[layout]
    if isinstance(expected, tuple):
        header, name, fields = expected
        expected = offsets(f"#define _GNU_SOURCE\n#include <{header}>", name, fields)
    assert list(places(layout)) == expected


def test_every_format_is_compared():
    """No format by which a module takes structs apart is left out above."""
    texts = [path.read_text() for path in BUILD.parent.glob("*.py")]
    used = {layout for text in texts for layout in re.findall(r'\b(?:Struct|struct\.pack)\("([^"]+)"', text)}
    assert used - OWN == set(FORMATS) - {"=I4xQ"} | {"=IQ"}
