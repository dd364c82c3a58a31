#!/usr/bin/env python3
"""A window of GTK that shows what happens in a directory.

    python examples/use_in_gtk.py DIRECTORY

The loop of GTK watches the descriptor of an Inotify. Ctrl-C and SIGTERM close the
window.
"""

import signal
import sys

import gi

gi.require_version("Gtk", "4.0")
from gi.repository import GLib, Gtk  # noqa: E402

from butter.inotify import IN_CLOSE_WRITE, IN_CREATE, IN_DELETE, IN_MOVE, IN_NONBLOCK, IN_ONLYDIR, Inotify  # noqa: E402


def main(directory: str) -> None:
    app = Gtk.Application()
    lines = Gtk.ListBox()

    def show_window(app: Gtk.Application) -> None:
        window = Gtk.ApplicationWindow(application=app, title=directory, default_width=600, default_height=300)
        window.set_child(Gtk.ScrolledWindow(child=lines))
        window.present()
        print("watching", directory, flush=True)

    def show_events(fd: int, condition: GLib.IOCondition) -> bool:
        for event in inotify.read_events():
            if event.overflow_event:
                line = "events were lost: list the directory"
            elif event.ignored_event:
                line = "the directory is gone"
            else:
                line = f"{event.flags} {inotify.path(event)}"
            lines.append(Gtk.Label(label=line, xalign=0))
            print(line, flush=True)
        return True  # go on watching

    for number in signal.SIGINT, signal.SIGTERM:
        signal.signal(number, lambda *_: app.quit())
    app.connect("activate", show_window)
    with Inotify(IN_NONBLOCK) as inotify:
        inotify.watch(directory, IN_CREATE | IN_CLOSE_WRITE | IN_DELETE | IN_MOVE | IN_ONLYDIR)
        source = GLib.io_add_watch(inotify.fileno(), GLib.PRIORITY_DEFAULT, GLib.IOCondition.IN, show_events)
        try:
            app.run()
        finally:
            GLib.source_remove(source)  # before the descriptor is closed


if __name__ == "__main__":
    main(sys.argv[1])
