#!/usr/bin/env python3
"""A thread that reads events, and ends as soon as it is told to.

    python examples/stop_thread.py DIRECTORY

The thread waits for two descriptors: that of its Inotify, and that of an Eventfd. The
main thread counts it up at its own end, for whatever reason it ends.
"""

import contextlib
import sys
import threading

from butter.epoll import EPOLLIN, Epoll
from butter.eventfd import Eventfd
from butter.inotify import IN_CLOSE_WRITE, IN_MOVED_TO, IN_NONBLOCK, IN_ONLYDIR, Inotify


def watch(inotify: Inotify, stop: Eventfd) -> None:
    with Epoll() as epoll:
        epoll.register(inotify, EPOLLIN)
        epoll.register(stop, EPOLLIN)
        for fd, _ in epoll:
            if fd == stop.fileno():
                break  # not read, so that it stops every thread that waits for it
            events = inotify.read_events()
            for event in events:
                if event.overflow_event:
                    print("events were lost: list the directory", flush=True)
                elif event.close_write_event or (event.moved_to_event and not event.is_dir_event):
                    print(repr(inotify.path(event)), "is complete", flush=True)
            if any(event.ignored_event for event in events):
                print("the directory is gone", flush=True)
                break
    print("the thread ends", flush=True)


def main(directory: str) -> None:
    with Inotify(IN_NONBLOCK) as inotify, Eventfd() as stop:
        inotify.watch(directory, IN_CLOSE_WRITE | IN_MOVED_TO | IN_ONLYDIR)
        thread = threading.Thread(target=watch, args=[inotify, stop])
        thread.start()
        try:
            print("watching", directory, "until Enter is pressed", flush=True)
            with contextlib.suppress(KeyboardInterrupt):
                sys.stdin.readline()
        finally:
            # the descriptors are closed when the thread no longer uses them
            stop.increment()
            thread.join()


if __name__ == "__main__":
    main(sys.argv[1])
