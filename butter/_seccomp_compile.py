"""Rules become a program: search trees of the numbers of calls and of arguments.

How it is done

A chain is what may become of a call: rules, of which the first that applies decides,
and at last a rule without tests. Every number of a call has a chain, so the numbers
fall into ranges, and a balanced tree finds the range.

A chain is taken apart word by word. Its first test names a word; all the values at
which any test of the chain of this word changes its outcome split the values of the
word into ranges. In each range the tests of the word are decided, so a shorter chain is
left, without the word. Again a tree finds the range. So a word is loaded once for
all the rules of a call, and forty permitted requests of an ioctl are found in six
steps.

Equal chains have one code, whichever calls they belong to: _Graph has each node once.
A node has its children made before itself, so the nodes in the order of their making,
from the last to the first, are the program: all jumps go forward.

The ranges can be too many where many rules compare several arguments, since each
range of the first has those of the second below it. Then the chain is compiled rule by
rule instead, each with the rest behind it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Union

from butter._seccomp_bpf import AND, ARCH, JA, JEQ, JGE, LD_ABS, MOST, NR, RET_K, Instruction
from butter._seccomp_tests import Test, Word

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_ALL = 0xFFFFFFFF
# a jump passes over at most 255 instructions; a few of them are for the detours of its
# own two targets
_FAR = 250
# a chain that needs more nodes than this, for each of its tests, is compiled rule by
# rule, as is one with more words: those under different masks count as different
_NODES, _WORDS = 12, 50
_NO_LIMIT = 1 << 62


class Rule(NamedTuple):
    """The answer to a call for which all tests are true."""

    tests: tuple[Test, ...]
    answer: int


Chain = tuple[Rule, ...]


class Return(NamedTuple):
    """The end of a program."""

    answer: int


class Load(NamedTuple):
    """Take a word into the register."""

    word: Word
    following: int


class Jump(NamedTuple):
    """Compare the register with a constant."""

    code: int
    value: int
    yes: int
    no: int


Node = Union[Return, Load, Jump]


class _TooMany(Exception):
    """A chain has too many ranges."""


class _Graph:
    """The nodes of a program, each once."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._numbers: dict[Node, int] = {}
        self._chains: dict[Chain, int] = {}
        # how many more nodes and chains there may be
        self._left = _NO_LIMIT

    def number(self, node: Node) -> int:
        """Return the number of a node, which is new or known."""
        found = self._numbers.get(node)
        if found is None:
            self._count()
            found = self._numbers[node] = len(self.nodes)
            self.nodes.append(node)
        return found

    def _count(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise _TooMany

    def search(self, pieces: Sequence[tuple[int, int]]) -> int:
        """Return the node that finds the piece with the register's value.

        The pieces are ``(first value, node)``, sorted.
        """
        if len(pieces) == 1:
            return pieces[0][1]
        if len(pieces) == 3 and pieces[0][1] == pieces[2][1] and pieces[1][0] + 1 == pieces[2][0]:
            return self.number(Jump(JEQ, pieces[1][0], pieces[1][1], pieces[0][1]))
        half = len(pieces) // 2
        if len(pieces) % 2 and half % 2:
            half += 1  # leaves three, of which one comparison finds the one in the middle
        low, high = self.search(pieces[:half]), self.search(pieces[half:])
        return self.number(Jump(JGE, pieces[half][0], high, low))

    def chain(self, chain: Chain) -> int:
        """Return the node that decides a chain, by its ranges or rule by rule."""
        tests = [test for rule in chain for test in rule.tests]
        if len({test.word for test in tests}) <= _WORDS:
            self._left = _NODES * (len(chain) + len(tests))
            try:
                return self._decide(chain)
            except _TooMany:
                pass
            finally:
                self._left = _NO_LIMIT
        following = self.number(Return(chain[-1].answer))
        for rule in reversed(chain[:-1]):
            following = self._rule(rule.tests, self.number(Return(rule.answer)), following)
        return following

    def _decide(self, chain: Chain) -> int:
        """Return the node of a chain, by the ranges of the first word."""
        if not chain[0].tests:
            return self.number(Return(chain[0].answer))
        found = self._chains.get(chain)
        if found is None:
            self._count()
            word = chain[0].tests[0].word
            found = self._loaded(word, [(first, self._decide(part)) for first, part in _split(chain, word)])
            self._chains[chain] = found
        return found

    def _rule(self, tests: tuple[Test, ...], yes: int, no: int) -> int:
        """Return the node of one rule, with what comes after it."""
        if not tests:
            return yes
        pieces = []
        for first, outcome in tests[0].pieces:
            if isinstance(outcome, Test):
                pieces.append((first, self._rule((outcome, *tests[1:]), yes, no)))
            else:
                pieces.append((first, self._rule(tests[1:], yes, no) if outcome else no))
        return self._loaded(tests[0].word, pieces)

    def _loaded(self, word: Word, pieces: Sequence[tuple[int, int]]) -> int:
        """Return the node that loads a word, and finds its piece."""
        merged = _merged(pieces)
        found = self.search(merged)
        return found if len(merged) == 1 else self.number(Load(word, found))


def _merged(pieces: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the pieces without those that continue the one before."""
    return [piece for place, piece in enumerate(pieces) if not place or pieces[place - 1][1] != piece[1]]


def _split(chain: Chain, word: Word) -> Iterator[tuple[int, Chain]]:
    """Yield what is left of a chain in each range of the values of a word."""
    # the rules that change where a range begins: only these are looked at there
    changing = {0: set(range(len(chain)))}
    for place, rule in enumerate(chain):
        for test in rule.tests:
            if test.word == word:
                for first, _ in test.pieces:
                    changing.setdefault(first, set()).add(place)
    possible: dict[int, Rule] = {}
    for first, places in sorted(changing.items()):
        for place in places:
            left = _left(chain[place], word, first)
            if left is None:
                possible.pop(place, None)
            else:
                possible[place] = left
        found: list[Rule] = []
        for place in sorted(possible):
            found.append(possible[place])
            if not found[-1].tests:
                break
        yield first, shortened(found)


def _left(rule: Rule, word: Word, value: int) -> Rule | None:
    """Return the rule that is left once a word is known, None if it is not true."""
    tests: list[Test] = []
    for test in rule.tests:
        outcome = test.at(value) if test.word == word else test
        if isinstance(outcome, Test):
            tests.append(outcome)
        elif not outcome:
            return None
    return Rule(tuple(tests), rule.answer)


def shortened(chain: Sequence[Rule]) -> Chain:
    """Return a chain without the rules at its end that answer as its last one does."""
    last = chain[-1]
    end = len(chain) - 1
    while end and chain[end - 1].answer == last.answer:
        end -= 1
    return (*chain[:end], last)


def compiled(architectures: Mapping[int, Sequence[tuple[int, Chain]]], foreign: int) -> list[Instruction]:
    """Return the program.

    *architectures* are the chains of each, sorted: ``(first number, chain)``.
    *foreign* is the answer to all others.

    Raises ValueError if the program would be too long for the kernel.
    """
    graph = _Graph()
    following = graph.number(Return(foreign))
    for arch, chains in reversed(list(architectures.items())):
        tree = graph.search(_merged([(first, graph.chain(chain)) for first, chain in chains]))
        # an architecture whose calls have one answer needs no number
        if not isinstance(graph.nodes[tree], Return):
            tree = graph.number(Load(Word(NR), tree))
        following = graph.number(Jump(JEQ, arch, tree, following))
    return _laid_out(graph.nodes, graph.number(Load(Word(ARCH), following)))


def _laid_out(nodes: Sequence[Node], root: int) -> list[Instruction]:
    """Return the instructions of the nodes below *root*, the last node first."""
    backward: list[Instruction] = []
    # where the code of each node begins, counted from the end of the program
    places: dict[int, int] = {}

    def near(target: int) -> None:
        """Make a far target reachable by a jump, through a copy or a detour."""
        if len(backward) - places[target] > _FAR:
            node = nodes[target]
            over = len(backward) - places[target] - 1
            backward.append(Instruction(RET_K, k=node.answer) if isinstance(node, Return) else Instruction(JA, k=over))
            places[target] = len(backward) - 1

    for number in sorted(_below(nodes, root)):
        node = nodes[number]
        if isinstance(node, Return):
            backward.append(Instruction(RET_K, k=node.answer))
        elif isinstance(node, Load):
            over = len(backward) - places[node.following] - 1
            if over:
                backward.append(Instruction(JA, k=over))
            if node.word.mask != _ALL:
                backward.append(Instruction(AND, k=node.word.mask))
            backward.append(Instruction(LD_ABS, k=node.word.offset))
        else:
            near(node.yes)
            near(node.no)
            here = len(backward)
            jumps = here - places[node.yes] - 1, here - places[node.no] - 1
            backward.append(Instruction(node.code, *jumps, node.value))
        places[number] = len(backward) - 1
    if len(backward) > MOST:
        raise ValueError(
            f"the program would have {len(backward)} instructions, and the kernel takes {MOST}: "
            "use fewer rules, or several filters, which all have to allow a call"
        )
    return backward[::-1]


def _below(nodes: Sequence[Node], root: int) -> set[int]:
    """Return the nodes that a program uses.

    Others are left over from chains that had too many.
    """
    found, todo = {root}, [root]
    while todo:
        node = nodes[todo.pop()]
        if not isinstance(node, Return):
            following = {node.following} if isinstance(node, Load) else {node.yes, node.no}
            todo += following - found
            found |= following
    return found
