"""Runs before LocalStack, and mends what would end it after an hour of Step Functions.

LocalStack remembers the thread of every state that it has executed, to end it with itself. Since Python 3.13 a thread that is remembered keeps
its stack's place in memory when it has ended: after some 30,000 of them the kernel gives no more (vm.max_map_count), and no thread starts.
"""

import sys
import threading
import time

PAUSE_S = 5


def forget_ended_threads() -> None:
    while True:
        time.sleep(PAUSE_S)
        module = sys.modules.get("localstack.utils.threads")
        remembered = getattr(module, "TMP_THREADS", [])
        for thread in list(remembered):
            if isinstance(thread, threading.Thread) and not thread.is_alive():
                remembered.remove(thread)


threading.Thread(target=forget_ended_threads, daemon=True).start()
