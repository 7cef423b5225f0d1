import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.apache.flink.api.common.JobExecutionResult;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.AggregateFunction;
import org.apache.flink.api.common.serialization.AbstractDeserializationSchema;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.base.DeliveryGuarantee;
import org.apache.flink.connector.kafka.sink.KafkaRecordSerializationSchema;
import org.apache.flink.connector.kafka.sink.KafkaSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.KafkaSourceBuilder;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.windowing.ProcessWindowFunction;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;
import org.apache.flink.streaming.api.windowing.windows.TimeWindow;
import org.apache.flink.util.Collector;
import org.apache.kafka.clients.producer.ProducerRecord;

/** The jobs of ../kafka-job.ts: windows|pass-through BOOTSTRAP INPUT OUTPUT FOLDER. One JSON line at the end, if it ends. */
public final class FlinkKafkaJob {
  @JsonIgnoreProperties(ignoreUnknown = true)
  public static class Order {
    public String customer_id;
    public long amount_cents;
    public String status;
    public long event_ts;
  }

  public static class Sum {
    public long cents;
    public long count;
  }

  public static class Total {
    public long window_start;
    public String customer_id;
    public long cents;
    public long count;
  }

  static final class OrderSchema extends AbstractDeserializationSchema<Order> {
    private transient ObjectMapper mapper;

    @Override
    public void open(InitializationContext context) {
      mapper = new ObjectMapper();
    }

    @Override
    public Order deserialize(byte[] value) throws IOException {
      return mapper.readValue(value, Order.class);
    }
  }

  /** A record keeps its row's timestamp. */
  abstract static class JsonRecords<T> implements KafkaRecordSerializationSchema<T> {
    private final String topic;
    private transient ObjectMapper mapper;

    JsonRecords(String topic) {
      this.topic = topic;
    }

    abstract String key(T row);

    @Override
    public ProducerRecord<byte[], byte[]> serialize(T row, KafkaSinkContext context, Long timestamp) {
      if (mapper == null) mapper = new ObjectMapper();
      try {
        byte[] key = key(row).getBytes(StandardCharsets.UTF_8);
        return new ProducerRecord<>(topic, null, timestamp, key, mapper.writeValueAsBytes(row));
      } catch (IOException thrown) {
        throw new IllegalStateException(thrown);
      }
    }
  }

  static final class TotalRecords extends JsonRecords<Total> {
    TotalRecords(String topic) {
      super(topic);
    }

    @Override
    String key(Total total) {
      return total.customer_id;
    }
  }

  static final class OrderRecords extends JsonRecords<Order> {
    OrderRecords(String topic) {
      super(topic);
    }

    @Override
    String key(Order order) {
      return order.customer_id;
    }
  }

  static final class SumUp implements AggregateFunction<Order, Sum, Sum> {
    @Override
    public Sum createAccumulator() {
      return new Sum();
    }

    @Override
    public Sum add(Order order, Sum sum) {
      sum.cents += order.amount_cents;
      sum.count++;
      return sum;
    }

    @Override
    public Sum getResult(Sum sum) {
      return sum;
    }

    @Override
    public Sum merge(Sum a, Sum b) {
      a.cents += b.cents;
      a.count += b.count;
      return a;
    }
  }

  static final class WindowTotal extends ProcessWindowFunction<Sum, Total, String, TimeWindow> {
    @Override
    public void process(String key, Context context, Iterable<Sum> sums, Collector<Total> out) {
      Sum sum = sums.iterator().next();
      Total total = new Total();
      total.window_start = context.window().getStart();
      total.customer_id = key;
      total.cents = sum.cents;
      total.count = sum.count;
      out.collect(total);
    }
  }

  public static void main(String[] args) throws Exception {
    String name = args[0], bootstrap = args[1], input = args[2], output = args[3], folder = args[4];
    Configuration settings = new Configuration();
    settings.setString("restart-strategy.type", "none");
    settings.setString("pipeline.object-reuse", "true");
    settings.setString("execution.checkpointing.storage", "filesystem");
    settings.setString("execution.checkpointing.dir", Path.of(folder, "state").toUri().toString());
    StreamExecutionEnvironment env = StreamExecutionEnvironment.createLocalEnvironment(1, settings);
    env.enableCheckpointing(1000);
    if (name.equals("windows")) windows(env, bootstrap, input, output);
    else passThrough(env, bootstrap, input, output);
    long cpuBefore = cpuNanos();
    JobExecutionResult result = env.execute(name);
    double cpuSeconds = (cpuNanos() - cpuBefore) / 1e9;
    System.out.printf(
        "{\"seconds\":%.3f,\"cpuSeconds\":%.3f,\"peakRssMb\":%d}%n",
        result.getNetRuntime() / 1e3, cpuSeconds, peakRssMb());
    System.exit(0);
  }

  private static void windows(StreamExecutionEnvironment env, String bootstrap, String input, String output) {
    KafkaSource<Order> source = source(bootstrap, input).setBounded(OffsetsInitializer.latest()).build();
    WatermarkStrategy<Order> watermarks =
        WatermarkStrategy.<Order>forBoundedOutOfOrderness(Duration.ofSeconds(5))
            .withTimestampAssigner((order, before) -> order.event_ts);
    DataStream<Total> totals =
        env.fromSource(source, watermarks, "orders")
            .filter(order -> order.status.equals("COMPLETED"))
            .keyBy(order -> order.customer_id)
            .window(TumblingEventTimeWindows.of(Duration.ofMinutes(1)))
            .aggregate(new SumUp(), new WindowTotal());
    totals.sinkTo(sink(bootstrap, output, new TotalRecords(output)));
  }

  private static void passThrough(StreamExecutionEnvironment env, String bootstrap, String input, String output) {
    env.fromSource(source(bootstrap, input).build(), WatermarkStrategy.<Order>noWatermarks(), "orders")
        .map(order -> order)
        .returns(Order.class)
        .sinkTo(sink(bootstrap, output, new OrderRecords(output)));
  }

  private static KafkaSourceBuilder<Order> source(String bootstrap, String topic) {
    return KafkaSource.<Order>builder()
        .setBootstrapServers(bootstrap)
        .setTopics(topic)
        .setProperty("isolation.level", "read_committed")
        .setStartingOffsets(OffsetsInitializer.earliest())
        .setValueOnlyDeserializer(new OrderSchema());
  }

  private static <T> KafkaSink<T> sink(String bootstrap, String topic, KafkaRecordSerializationSchema<T> records) {
    return KafkaSink.<T>builder()
        .setBootstrapServers(bootstrap)
        .setDeliveryGuarantee(DeliveryGuarantee.EXACTLY_ONCE)
        .setTransactionalIdPrefix(topic)
        .setProperty("transaction.timeout.ms", "600000")
        .setRecordSerializer(records)
        .build();
  }

  private static long cpuNanos() {
    return ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime();
  }

  private static long peakRssMb() throws IOException {
    Path status = Path.of("/proc/self/status");
    if (!Files.exists(status)) return -1;
    for (String line : Files.readAllLines(status))
      if (line.startsWith("VmHWM")) return Long.parseLong(line.replaceAll("\\D+", "")) / 1024;
    return -1;
  }
}
