"""Runs Lambda execution environments as local Node processes instead of containers.

Environment of the LocalStack process:
  MILLRACE_LAMBDA_RUNTIME  command line of the runtime client, e.g. "node runtime.mjs"
  MILLRACE_LAMBDA_FREEZE   0: processes run on between invocations
  MILLRACE_LAMBDA_PIDS     a folder in which every running environment has a file named after its process
"""

import logging
import os
import threading
import time

from localstack import config
from localstack.services.lambda_.invocation.executor_endpoint import StatusErrorException
from localstack.services.lambda_.invocation.lambda_models import FunctionVersion, InvocationResult
from localstack.services.lambda_.invocation.runtime_executor import RuntimeExecutor

from .sandbox import HOST, Invocation, Sandbox

LOG = logging.getLogger(__name__)


class LocalProcessExecutor(RuntimeExecutor):
    def __init__(self, id: str, function_version: FunctionVersion) -> None:
        super().__init__(id=id, function_version=function_version)
        self._sandbox: Sandbox | None = None
        self._env: dict[str, str] = {}
        self._stopped = False
        self._lock = threading.RLock()
        self._last_log = ""

    def start(self, env_vars: dict[str, str]) -> None:
        self._env = env_vars
        sandbox = self._boot()
        sandbox.ready.wait(config.LAMBDA_RUNTIME_ENVIRONMENT_TIMEOUT + 5)
        if self._stopped:
            raise RuntimeError("stopped during its start")
        if sandbox.init_error is not None:
            sandbox.exited.wait(1)
            LOG.warning("%s did not start: %s", self.function_version.qualified_arn, sandbox.take_log())
            raise StatusErrorException("Environment startup failed", payload=sandbox.init_error)

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            sandbox = self._sandbox
        if sandbox is not None:
            sandbox.kill()

    def invoke(self, payload: dict[str, str]) -> InvocationResult:
        timeout_s = int(self.function_version.config.timeout)
        began = time.perf_counter()
        invocation = Invocation(payload, int((time.time() + timeout_s) * 1000))
        sandbox = self._sandbox
        if sandbox is None or sandbox.exited.is_set():
            # The last invocation crashed or timed out: as on AWS the next one starts a process, within its own time.
            sandbox = self._boot()
            sandbox.ready.wait(timeout_s)
        if sandbox.init_error is not None:
            invocation.finish(sandbox.init_error, True)
        else:
            sandbox.invoke(invocation, timeout_s)
        return self._result(invocation, sandbox, (time.perf_counter() - began) * 1000)

    def _boot(self) -> Sandbox:
        settings = self.function_version.config
        if settings.package_type != "Zip" or not (settings.runtime or "").startswith("nodejs"):
            raise NotImplementedError(f"only zipped Node functions run here, not {settings.package_type} {settings.runtime}")
        with self._lock:
            if self._stopped:
                raise RuntimeError("the execution environment is shut down")
            self._sandbox = Sandbox(
                f"{self.function_version.id.function_name}.{self.id}",
                str(settings.code.get_unzipped_code_location()),
                self._env.get("_HANDLER") or settings.handler,
                self._env,
                settings.memory_size,
            )
        return self._sandbox

    def _result(self, invocation: Invocation, sandbox: Sandbox, ms: float) -> InvocationResult:
        memory_mb = self.function_version.config.memory_size
        self._last_log = (
            f"START RequestId: {invocation.id} Version: {self.function_version.id.qualifier}\n{sandbox.take_log()}"
            f"END RequestId: {invocation.id}\n"
            f"REPORT RequestId: {invocation.id}\tDuration: {ms:.2f} ms\tBilled Duration: {int(ms) + 1} ms\t"
            f"Memory Size: {memory_mb} MB\tMax Memory Used: {memory_mb} MB\t\n"
        )
        return InvocationResult(invocation.id, invocation.body, is_error=invocation.failed, logs=self._last_log)

    # What LocalStack asks of every executor.

    def get_address(self) -> str:
        return HOST

    def get_endpoint_from_executor(self) -> str:
        return HOST

    def get_runtime_endpoint(self) -> str:
        return f"http://{HOST}:{config.GATEWAY_LISTEN[0].port}/_localstack_lambda/{self.id}"

    def get_logs(self) -> str:
        return self._last_log + (self._sandbox.take_log() if self._sandbox else "")

    @classmethod
    def prepare_version(cls, function_version: FunctionVersion) -> None:
        if function_version.config.code:
            function_version.config.code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version: FunctionVersion) -> None:
        pass

    @classmethod
    def validate_environment(cls) -> bool:
        if os.environ.get("MILLRACE_LAMBDA_RUNTIME"):
            return True
        LOG.error("MILLRACE_LAMBDA_RUNTIME is not set: Lambda functions cannot run")
        return False
