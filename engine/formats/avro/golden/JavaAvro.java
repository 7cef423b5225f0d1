// Fills golden/java.jsonl: for each case the bytes that Apache Avro (Java) writes, and what it reads from them with the reader's schema, written
// again with that schema; or that it refuses. java -cp <avro, jackson, slf4j, commons-compress> JavaAvro.java < cases.jsonl > java.jsonl

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;

public class JavaAvro {
  public static void main(String[] args) throws Exception {
    ObjectMapper mapper = new ObjectMapper();
    PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      ObjectNode answer = (ObjectNode) mapper.readTree(line);
      Schema writer = new Schema.Parser().parse(answer.get("writer").toString());
      JsonNode readerNode = answer.get("reader");
      byte[] bytes;
      if (answer.has("bytes")) {
        bytes = HexFormat.of().parseHex(answer.get("bytes").asText());
      } else {
        Object datum = new GenericDatumReader<Object>(writer)
            .read(null, DecoderFactory.get().jsonDecoder(writer, answer.get("datum").toString()));
        bytes = encode(writer, datum);
        answer.put("bytes", HexFormat.of().formatHex(bytes));
      }
      try {
        Schema reader = readerNode == null ? writer : new Schema.Parser().parse(readerNode.toString());
        BinaryDecoder decoder = DecoderFactory.get().binaryDecoder(bytes, null);
        Object read = new GenericDatumReader<Object>(writer, reader).read(null, decoder);
        answer.put("read", HexFormat.of().formatHex(encode(reader, read)));
      } catch (Exception e) {
        answer.putNull("read");
        answer.put("refused", e.getClass().getSimpleName());
      }
      out.println(mapper.writeValueAsString(answer));
    }
  }

  private static byte[] encode(Schema schema, Object datum) throws Exception {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    BinaryEncoder encoder = EncoderFactory.get().binaryEncoder(bytes, null);
    new GenericDatumWriter<Object>(schema).write(datum, encoder);
    encoder.flush();
    return bytes.toByteArray();
  }
}
