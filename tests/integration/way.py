"""A way to a server on the loopback, on which what comes back can be made to wait."""

import contextlib
import socket
import threading
import time


class Way:
    """`delay`: seconds that answers take longer."""

    def __init__(self, port, delay=0):
        self.target, self.delay = port, delay
        self.open = threading.Event()
        self.open.set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.ends = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                here = self.listener.accept()[0]
                try:
                    there = socket.create_connection(("127.0.0.1", self.target))
                except ConnectionRefusedError:
                    here.close()
                    continue
                self.ends += [here, there]
                threading.Thread(target=self.carry, args=(here, there), daemon=True).start()
                threading.Thread(target=self.carry, args=(there, here, self.wait), daemon=True).start()

    def carry(self, source, sink, wait=lambda: None):
        with contextlib.suppress(OSError):
            while piece := source.recv(65536):
                wait()
                sink.sendall(piece)
            sink.shutdown(socket.SHUT_WR)

    def wait(self):
        self.open.wait()
        time.sleep(self.delay)

    @contextlib.contextmanager
    def held(self):
        """Nothing comes back until the end of the block."""
        self.open.clear()
        try:
            yield
        finally:
            self.open.set()

    def close(self):
        self.open.set()
        for end in [self.listener, *self.ends]:
            end.close()
