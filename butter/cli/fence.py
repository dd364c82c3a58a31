"""``butter fence`` runs a program that may use no more than what is named."""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import resource
from typing import TYPE_CHECKING

from butter.cli import OWN_FAILURE, did_you_mean
from butter.cli._values import count_argument, size_argument

if TYPE_CHECKING:
    from butter.cli import Commands

NOT_EXECUTABLE, NOT_FOUND = 126, 127

#: the variables that PROGRAM has though nobody names them; LC_ and what follows, too
KEPT = ("COLORTERM", "HOME", "LANG", "LANGUAGE", "LOGNAME", "PATH", "SHELL", "TERM", "TZ", "USER")

#: the profiles of butter.sandbox, which takes long to import
PROFILES = ("pure", "network-client", "build")

DESCRIPTION = """\
Run PROGRAM with fences around it: it may read, write and execute the files that
are named, connect to and listen at the TCP ports that are named, and use no other
network, device, process or privilege. Where this kernel cannot enforce that, there
is no PROGRAM. Nothing is mounted, nothing has to be installed, and any user may do
it; 'butter run' makes containers instead."""

EPILOG = """\
PROGRAM has the terminal and the working directory, standard input, output and
error, and no other open file. It may execute itself, {system}
and use /dev/null, /dev/zero, /dev/full, /dev/random, /dev/urandom and /dev/tty.
Everything else is named: a PATH is a file, or a directory with all that is
below it. What may be written or executed may also be read.

PROGRAM has the variables PATH, HOME, TERM, LANG and their like, and those of
--env. Beside --profile, the options decide: without --connect and --bind there
are no sockets.

profiles:
  pure            computes, and works on the files that are named
  network-client  also connects to the ports that are named
  build           also starts programs, and sets modes and times of files

examples:
  butter fence --read . -- python3 program.py
  butter fence --read photo.png --write out -- convert photo.png out/small.jpg
  butter fence --profile build --read . --write build -- make -C build
  butter fence --profile network-client --connect 443 --write . -- curl -O URL
  butter fence --report --json                what holds on this kernel

exit codes:
  125      the fences could not be put up, or the command line is wrong, and a
           line on stderr says why
  126      PROGRAM cannot be executed
  127      PROGRAM was not found
  128 + N  the signal N has ended PROGRAM: 130 Ctrl-C, 137 SIGKILL, 159 a call
           that the fences answer with SIGSYS
  other    the exit code of PROGRAM
"""
