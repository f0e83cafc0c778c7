package standin;

import static org.elasticsearch.ingest.ConfigurationUtils.readBooleanProperty;
import static org.elasticsearch.ingest.ConfigurationUtils.readList;
import static org.elasticsearch.ingest.ConfigurationUtils.readObject;
import static org.elasticsearch.ingest.ConfigurationUtils.readOptionalStringProperty;
import static org.elasticsearch.ingest.ConfigurationUtils.readStringProperty;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import org.elasticsearch.ingest.AbstractProcessor;
import org.elasticsearch.ingest.ConfigurationUtils;
import org.elasticsearch.ingest.IngestDocument;
import org.elasticsearch.ingest.Processor;
import org.elasticsearch.script.ScriptService;

/** The ingest processors that the platform's pipelines use. */
final class Processors {
  private Processors() {}

  static Map<String, Processor.Factory> all(ScriptService scripts) {
    return Map.of(
        "set",
        (others, tag, description, config, project) -> set(scripts, tag, description, config),
        "remove",
        (others, tag, description, config, project) -> remove(tag, description, config),
        "lowercase",
        text("lowercase", text -> text.toLowerCase(Locale.ROOT)),
        "trim",
        text("trim", String::trim),
        "gsub",
        (others, tag, description, config, project) -> {
          Pattern pattern = Pattern.compile(readStringProperty("gsub", tag, config, "pattern"));
          String replacement = readStringProperty("gsub", tag, config, "replacement");
          return text("gsub", text -> pattern.matcher(text).replaceAll(replacement))
              .create(others, tag, description, config, project);
        });
  }

  private static Processor set(ScriptService scripts, String tag, String description, Map<String, Object> config) {
    String field = readStringProperty("set", tag, config, "field");
    String copyFrom = readOptionalStringProperty("set", tag, config, "copy_from");
    boolean override = readBooleanProperty("set", tag, config, "override", true);
    if (copyFrom != null) {
      return processor("set", tag, description, document -> {
        if (override || document.hasField(field) == false) {
          document.setFieldValue(field, document.getFieldValue(copyFrom, Object.class));
        }
      });
    }
    Object value = readObject("set", tag, config, "value");
    var template =
        value instanceof String text && text.contains("{{")
            ? ConfigurationUtils.compileTemplate("set", tag, "value", text, scripts)
            : null;
    return processor("set", tag, description, document -> {
      if (override || document.hasField(field) == false) {
        document.setFieldValue(field, template == null ? value : document.renderTemplate(template));
      }
    });
  }

  private static Processor remove(String tag, String description, Map<String, Object> config) {
    List<String> fields =
        config.get("field") instanceof String
            ? List.of(readStringProperty("remove", tag, config, "field"))
            : readList("remove", tag, config, "field");
    boolean ignoreMissing = readBooleanProperty("remove", tag, config, "ignore_missing", false);
    return processor("remove", tag, description, document -> {
      for (String field : fields) {
        if (ignoreMissing == false || document.hasField(field)) document.removeField(field);
      }
    });
  }

  private static Processor.Factory text(String type, UnaryOperator<String> change) {
    return (others, tag, description, config, project) -> {
      String field = readStringProperty(type, tag, config, "field");
      boolean ignoreMissing = readBooleanProperty(type, tag, config, "ignore_missing", false);
      return processor(type, tag, description, document -> {
        if (ignoreMissing && document.hasField(field) == false) return;
        document.setFieldValue(field, change.apply(document.getFieldValue(field, String.class)));
      });
    };
  }

  private static Processor processor(String type, String tag, String description, Consumer<IngestDocument> change) {
    return new AbstractProcessor(tag, description) {
      @Override
      public IngestDocument execute(IngestDocument document) {
        change.accept(document);
        return document;
      }

      @Override
      public String getType() {
        return type;
      }
    };
  }
}
