"""LocalStack finds these by the entry points in pyproject.toml."""

from localstack.runtime.server.core import RuntimeServer, RuntimeServerPlugin
from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin


class LocalProcessPlugin(RuntimeExecutorPlugin):
    """LAMBDA_RUNTIME_EXECUTOR=local-process"""

    name = "local-process"

    def load(self, *args, **kwargs):
        from .executor import LocalProcessExecutor

        return LocalProcessExecutor


class LoopbackServerPlugin(RuntimeServerPlugin):
    """GATEWAY_SERVER=twisted-loopback. LocalStack's own server binds every interface, whatever GATEWAY_LISTEN says."""

    name = "twisted-loopback"

    def load(self, *args, **kwargs) -> RuntimeServer:
        from localstack.runtime.server.twisted import TwistedRuntimeServer
        from rolo.serving.twisted import TwistedGateway
        from twisted.internet import endpoints, reactor

        class LoopbackServer(TwistedRuntimeServer):
            def register(self, gateway, listen, ssl_creds=None):
                site = TwistedGateway(gateway)
                for address in listen:
                    endpoint = endpoints.TCP4ServerEndpoint(reactor, address.port, interface=address.host)
                    endpoint.listen(site)

        return LoopbackServer()
