"""Whether a Ring has what the kernel has: its operations and its registrations."""

import importlib
import pkgutil
import re
from pathlib import Path

import pytest
from support import needs

import butter
from butter._awaitables.uring import AnyRing
from butter._uring_operations import ZERO_COPY_BIT
from butter.eventlike import Eventlike
from butter.uring import Operation, Ring, UringOp, UringRegister

pytestmark = needs(kernel=(5, 6))

#: the operations that no method has, and why
MISSING = {
    UringOp.OPENAT: "OPENAT2 does the same, and restricts paths",
    UringOp.PROVIDE_BUFFERS: "the groups of provide() have taken the place of these",
    UringOp.REMOVE_BUFFERS: "as PROVIDE_BUFFERS",
    UringOp.RECV_ZC: "needs a queue of a network card, and completions of 32 bytes",
    UringOp.NOP128: "needs requests of mixed sizes, which a Ring does not have",
    UringOp.URING_CMD128: "as NOP128",
}

#: the messages of other rings, which the kernel does not have as an operation
NO_REQUEST = {"message"}

DOCS = Path(__file__, "../../../docs/uring.rst").resolve()


def parts():
    """The private modules of rings."""
    names = [found.name for found in pkgutil.iter_modules(butter.__path__) if found.name.startswith("_uring_")]
    return [importlib.import_module(f"butter.{name}") for name in names if not name.endswith("_c")]


def kinds():
    """The kinds of requests that a Ring has."""
    found = [each for module in parts() for each in vars(module).values() if isinstance(each, Operation)]
    return [each for each in found if each.name not in NO_REQUEST]


def operations():
    """Their names and numbers."""
    return {(each.name, each.opcode) for each in kinds()}


def test_sends_without_a_copy_are_known_to_c():
    """C knows which requests have a notification, which the kernel may not announce."""
    sends = [each for each in kinds() if each.opcode in (UringOp.SEND_ZC, UringOp.SENDMSG_ZC)]
    assert {each.name for each in sends} == {"send_zc", "send_zc_fixed", "sendmsg"}
    assert {each.bits for each in sends} == {ZERO_COPY_BIT}


def test_each_operation_of_the_kernel_has_a_method():
    """Each operation of the kernel has a method, or a reason to have none."""
    have = {opcode for _, opcode in operations()}
    with Ring(2) as ring:
        reported = ring.probe()
    assert reported - have - set(MISSING) == set()
    assert have & set(MISSING) == set()


def test_each_operation_that_is_known_has_a_method():
    """The same is true of the operations of newer kernels."""
    have = {opcode for _, opcode in operations()}
    assert set(UringOp) == have | set(MISSING)


@pytest.mark.parametrize("name", sorted({name for name, _ in operations()}))
def test_operations_are_methods(name):
    """An operation has the name of its method, which the awaitable has too."""
    assert callable(getattr(Ring, name))
    assert name in vars(AnyRing)


def test_the_awaitable_has_each_method():
    """The awaitable lets each method through that does not wait."""
    mine = {name for each in Ring.__mro__ if each not in Eventlike.__mro__ for name in vars(each) if name[0] != "_"}
    mine = {name for name in mine if callable(getattr(Ring, name))}
    eventlike = {name for name in mine if hasattr(Eventlike, name)}
    # they wait, or belong to the class; the awaitable has a get of its own
    assert mine - eventlike - set(vars(AnyRing)) == {"available", "read_many"}


def missing_registrations():
    """The operations of io_uring_register that nothing in the code of a Ring uses."""
    code = "\n".join(Path(module.__file__).read_text() for module in parts())
    return {name for name in UringRegister.__since__ if not re.search(rf"\b{name}\b", code)}


def test_what_is_missing_is_documented():
    """The page says what a Ring does not have, and nothing else."""
    text = DOCS.read_text()
    section = text[text.index("\nWhat a Ring does not have\n") :].split("\nReference\n")[0]
    named = set(re.findall(r"IORING_(?:OP|REGISTER|UNREGISTER)_\w+", section))
    assert named - {f"IORING_OP_{op.name}" for op in MISSING} == missing_registrations()
    assert {f"IORING_OP_{op.name}" for op in MISSING} <= named
