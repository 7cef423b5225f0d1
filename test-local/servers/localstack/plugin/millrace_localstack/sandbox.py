"""One Lambda execution environment: a Node process and its Runtime API (version 2018-06-01) on a loopback port.

As on AWS the process is frozen between two invocations (SIGSTOP, SIGCONT): what a function leaves running after its answer
does not run on. An environment is never used again after its process ended.
"""

import json
import os
import queue
import shlex
import shutil
import signal
import subprocess
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HOST = "127.0.0.1"
API = "/2018-06-01/runtime"
MAX_LOG_LINES = 20_000
FREEZES = os.environ.get("MILLRACE_LAMBDA_FREEZE", "1") != "0"


class Invocation:
    def __init__(self, payload: dict, deadline_ms: int):
        self.id = payload["invoke-id"]
        self.payload = payload
        self.deadline_ms = deadline_ms
        self.done = threading.Event()
        self.body = b""
        self.failed = False

    def finish(self, body: bytes, failed: bool) -> bool:
        """The first answer counts."""
        if self.done.is_set():
            return False
        self.body, self.failed = body, failed
        self.done.set()
        return True


def error(kind: str, message: str) -> bytes:
    return json.dumps({"errorType": kind, "errorMessage": message}).encode()


class Sandbox:
    def __init__(self, name: str, task_root: str, handler: str, env: dict[str, str], memory_mb: int):
        self.ready = threading.Event()
        """Asked for its first invocation, failed to start, or ended."""
        self.exited = threading.Event()
        self.init_error: bytes | None = None
        self.current: Invocation | None = None
        self.pending: queue.Queue[Invocation | None] = queue.Queue()
        self._lines: list[str] = []
        self._lines_lock = threading.Lock()
        self._folder = tempfile.mkdtemp(prefix="lambda-")
        self._server = ThreadingHTTPServer((HOST, 0), _handler_of(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        node, *arguments = shlex.split(os.environ["MILLRACE_LAMBDA_RUNTIME"])
        self.process = subprocess.Popen(
            [node, f"--max-old-space-size={max(64, int(memory_mb * 0.9))}", *arguments],
            cwd=task_root,
            env={
                "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
                "LANG": "en_US.UTF-8",
                "TMPDIR": self._folder,
                "HOME": self._folder,
                **{key: str(value) for key, value in env.items()},
                "_HANDLER": handler,
                "LAMBDA_TASK_ROOT": task_root,
                "AWS_LAMBDA_RUNTIME_API": f"{HOST}:{self._server.server_address[1]}",
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # A group of its own, so that everything it starts is frozen and killed with it.
            start_new_session=True,
        )
        self._pid_file = _pid_file(name, self.process.pid)
        threading.Thread(target=self._follow, daemon=True).start()

    def invoke(self, invocation: Invocation, timeout_s: int) -> None:
        self.current = invocation
        self._signal(signal.SIGCONT)
        self.pending.put(invocation)
        if self.exited.is_set():
            invocation.finish(error("Runtime.ExitError", f"RequestId: {invocation.id} Error: Runtime exited"), True)
        if not invocation.done.wait(timeout_s):
            text = f"RequestId: {invocation.id} Error: Task timed out after {timeout_s}.00 seconds"
            if invocation.finish(error("Sandbox.Timedout", text), True):
                self.kill()
        self.current = None
        if FREEZES and not self.exited.is_set():
            self._signal(signal.SIGSTOP)

    def kill(self) -> None:
        self._signal(signal.SIGKILL)
        self.exited.wait(5)

    def take_log(self) -> str:
        with self._lines_lock:
            text = "".join(self._lines)
            self._lines.clear()
        return text

    def _signal(self, number: signal.Signals) -> None:
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass

    def _follow(self) -> None:
        for raw in self.process.stdout:
            with self._lines_lock:
                # The Node runtime marks line breaks within one entry by carriage returns.
                self._lines.append(raw.decode("utf-8", "replace").replace("\r", "\n"))
                del self._lines[:-MAX_LOG_LINES]
        code = self.process.wait()
        self.exited.set()
        ended = f"signal: {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
        text = f"Error: Runtime exited with error: {ended}" if code else "Error: Runtime exited without providing a reason"
        if not self.ready.is_set():
            self.init_error = self.init_error or error("Runtime.ExitError", text)
            self.ready.set()
        invocation = self.current
        if invocation is not None:
            invocation.finish(error("Runtime.ExitError", f"RequestId: {invocation.id} {text}"), True)
        self.pending.put(None)
        self._server.shutdown()
        self._server.server_close()
        shutil.rmtree(self._folder, ignore_errors=True)
        if self._pid_file is not None:
            os.unlink(self._pid_file)


def _pid_file(name: str, pid: int) -> str | None:
    """Where fault tests find the process to kill: `<function>.<environment>.<pid>`."""
    folder = os.environ.get("MILLRACE_LAMBDA_PIDS")
    if folder is None:
        return None
    path = os.path.join(folder, f"{name}.{pid}")
    open(path, "w").close()
    return path


def _handler_of(sandbox: Sandbox) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = 65_536

        def log_message(self, *args):
            pass

        def do_GET(self):
            if self.path != f"{API}/invocation/next":
                return self._reply(404)
            sandbox.ready.set()
            invocation = sandbox.pending.get()
            if invocation is None:
                self.close_connection = True
                return None
            payload = invocation.payload
            headers = {
                "Content-Type": "application/json",
                "Lambda-Runtime-Aws-Request-Id": invocation.id,
                "Lambda-Runtime-Deadline-Ms": str(invocation.deadline_ms),
                "Lambda-Runtime-Invoked-Function-Arn": payload["invoked-function-arn"],
                "Lambda-Runtime-Trace-Id": payload.get("trace-id") or "",
            }
            return self._reply(200, payload["payload"].encode(), headers)

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.path == f"{API}/init/error":
                sandbox.init_error = body
                self._reply(202, b"{}")
                return sandbox.ready.set()
            _, _, _, _, request, outcome = (self.path.split("/") + [""] * 6)[:6]
            invocation = sandbox.current
            if invocation is None or request != invocation.id:
                return self._reply(400, error("InvalidRequestID", request))
            # Answered before the invocation is: frozen right after, the process would not read it.
            self._reply(202, b"{}")
            return invocation.finish(body, outcome == "error")

        def _reply(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None):
            self.send_response(status)
            for key, value in (headers or {}).items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()

    return Handler
