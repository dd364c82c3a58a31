#!/usr/bin/env python3
"""A window of Qt that shows what happens in a directory.

    python examples/use_in_qt.py DIRECTORY

The loop of Qt watches two descriptors: that of an Inotify, and that of a Signalfd, by
which Ctrl-C and SIGTERM close the window.
"""

import signal
import sys

from PySide6.QtCore import QSocketNotifier
from PySide6.QtWidgets import QApplication, QListWidget

from butter.inotify import IN_CLOSE_WRITE, IN_CREATE, IN_DELETE, IN_MOVE, IN_NONBLOCK, IN_ONLYDIR, Inotify
from butter.signalfd import SFD_NONBLOCK, Signalfd


def main(directory: str) -> None:
    # before Qt starts threads, which inherit the blocked signals
    with Signalfd([signal.SIGINT, signal.SIGTERM], SFD_NONBLOCK) as signals, Inotify(IN_NONBLOCK) as inotify:
        inotify.watch(directory, IN_CREATE | IN_CLOSE_WRITE | IN_DELETE | IN_MOVE | IN_ONLYDIR)
        app = QApplication([])
        lines = QListWidget(windowTitle=directory)

        def show_events() -> None:
            for event in inotify.read_events():
                if event.overflow_event:
                    line = "events were lost: list the directory"
                elif event.ignored_event:
                    line = "the directory is gone"
                else:
                    line = f"{event.flags} {inotify.path(event)}"
                lines.addItem(line)
                print(line, flush=True)

        def end() -> None:
            signals.read_events()  # else they come when they are unblocked
            app.quit()

        notifiers = []
        for source, slot in (inotify, show_events), (signals, end):
            notifier = QSocketNotifier(source.fileno(), QSocketNotifier.Type.Read)
            notifier.activated.connect(slot)
            notifiers.append(notifier)
        lines.show()
        print("watching", directory, flush=True)
        try:
            app.exec()
        finally:
            for notifier in notifiers:
                notifier.setEnabled(False)  # before the descriptor is closed


if __name__ == "__main__":
    main(sys.argv[1])
