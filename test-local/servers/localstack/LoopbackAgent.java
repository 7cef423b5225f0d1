import java.io.ByteArrayInputStream;
import java.lang.instrument.ClassFileTransformer;
import java.lang.instrument.Instrumentation;
import java.security.ProtectionDomain;
import javassist.ClassPool;
import javassist.CtClass;
import javassist.LoaderClassPath;

/** DynamoDB Local binds every interface and has no setting for it: this agent has it bind 127.0.0.1, or nothing. */
public class LoopbackAgent {
  private static final String CONNECTOR = "org/eclipse/jetty/server/ServerConnector";

  public static void premain(String args, Instrumentation instrumentation) {
    instrumentation.addTransformer(
        new ClassFileTransformer() {
          @Override
          public byte[] transform(
              ClassLoader loader, String name, Class<?> type, ProtectionDomain domain, byte[] bytes) {
            if (!CONNECTOR.equals(name)) return null;
            try {
              ClassPool pool = new ClassPool(true);
              pool.appendClassPath(new LoaderClassPath(loader));
              CtClass connector = pool.makeClass(new ByteArrayInputStream(bytes));
              connector.getDeclaredMethod("open", new CtClass[0]).insertBefore("{ setHost(\"127.0.0.1\"); }");
              return connector.toBytecode();
            } catch (Throwable thrown) {
              thrown.printStackTrace();
              System.exit(97);
              return null;
            }
          }
        });
  }
}
