"""A program that prints the keys that its terminal gives it. `c` closes the keyboard; `x` raises,
and `e` ends the program, before it is closed."""

from __future__ import annotations

import sys
import threading

from latentpad.controllers.keyboard.terminal import Keyboard, is_terminal


def main() -> None:
    print("a keyboard" if is_terminal() else "no keyboard", flush=True)
    keyboard = Keyboard()
    keyboard.open()
    last = ""

    def read() -> None:
        nonlocal last
        while (keys := keyboard.read(1.0)) is not None:
            for key in keys:
                print(f"<{key}>", flush=True)
                last = key
        print("no more keys", flush=True)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    print("reading", flush=True)
    while thread.is_alive():
        thread.join(0.05)
        if last == "c":
            keyboard.close()
            thread.join()
        elif last == "x":
            raise RuntimeError("broken")
        elif last == "e":
            sys.exit(3)
    print("done", flush=True)


if __name__ == "__main__":
    main()
