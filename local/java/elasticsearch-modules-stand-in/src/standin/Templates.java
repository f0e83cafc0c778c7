package standin;

import static org.elasticsearch.rest.RestRequest.Method.GET;
import static org.elasticsearch.rest.RestRequest.Method.POST;

import com.github.mustachejava.DefaultMustacheFactory;
import com.github.mustachejava.Mustache;
import com.github.mustachejava.MustacheException;
import java.io.IOException;
import java.io.StringReader;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Supplier;
import org.elasticsearch.ResourceNotFoundException;
import org.elasticsearch.action.admin.cluster.storedscripts.GetStoredScriptRequest;
import org.elasticsearch.action.search.SearchRequest;
import org.elasticsearch.cluster.ClusterState;
import org.elasticsearch.common.Strings;
import org.elasticsearch.common.bytes.BytesArray;
import org.elasticsearch.common.xcontent.XContentHelper;
import org.elasticsearch.core.TimeValue;
import org.elasticsearch.rest.RestHandler;
import org.elasticsearch.rest.RestHandler.Route;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.rest.RestResponse;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.rest.action.RestRefCountedChunkedToXContentListener;
import org.elasticsearch.script.GeneralScriptException;
import org.elasticsearch.script.ScriptContext;
import org.elasticsearch.script.ScriptEngine;
import org.elasticsearch.script.ScriptService;
import org.elasticsearch.script.StoredScriptSource;
import org.elasticsearch.script.TemplateScript;
import org.elasticsearch.search.builder.SearchSourceBuilder;
import org.elasticsearch.xcontent.XContentBuilder;
import org.elasticsearch.xcontent.XContentParserConfiguration;
import org.elasticsearch.xcontent.XContentType;
import org.elasticsearch.xcontent.json.JsonStringEncoder;
import org.elasticsearch.xcontent.json.JsonXContent;

/** Mustache templates: the script engine, and searching with a stored template. */
final class Templates {
  private Templates() {}

  static final class Engine implements ScriptEngine {
    @Override
    public String getType() {
      return "mustache";
    }

    @Override
    public <T> T compile(String name, String source, ScriptContext<T> context, Map<String, String> options) {
      Mustache mustache = compiled(source);
      TemplateScript.Factory factory =
          params ->
              new TemplateScript(params) {
                @Override
                public String execute() {
                  return render(mustache, params);
                }
              };
      return context.factoryClazz.cast(factory);
    }

    @Override
    public Set<ScriptContext<?>> getSupportedContexts() {
      return Set.of(TemplateScript.CONTEXT, TemplateScript.INGEST_CONTEXT);
    }
  }

  private static Mustache compiled(String source) {
    try {
      return new JsonMustacheFactory().compile(new StringReader(source), "template");
    } catch (MustacheException error) {
      throw new GeneralScriptException("mustache template: " + error.getMessage(), error);
    }
  }

  private static String render(Mustache mustache, Map<String, Object> params) {
    Function<String, String> toJson = path -> json(params.get(path.trim()));
    // Ingest documents answer for single fields only, so they cannot be copied.
    return mustache.execute(new StringWriter(), List.of(Map.of("toJson", toJson), params)).toString();
  }

  private static String json(Object value) {
    try (XContentBuilder builder = JsonXContent.contentBuilder()) {
      return Strings.toString(builder.value(value));
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
  }

  /** Escapes values as JSON text. */
  private static final class JsonMustacheFactory extends DefaultMustacheFactory {
    @Override
    public void encode(String value, Writer writer) {
      try {
        writer.write(JsonStringEncoder.getInstance().quoteAsString(value));
      } catch (IOException error) {
        throw new MustacheException(error);
      }
    }
  }

  /** Whoever may search may use the stored templates, as with the official module. */
  static List<RestHandler> handlers(Supplier<ClusterState> state) {
    return List.of(
        new Endpoint(
            "render_template",
            (request, client) -> {
              String rendered = rendered(state.get(), body(request));
              return channel -> {
                XContentBuilder builder = channel.newBuilder().startObject();
                builder.rawField("template_output", new BytesArray(rendered).streamInput(), XContentType.JSON);
                channel.sendResponse(new RestResponse(RestStatus.OK, builder.endObject()));
              };
            },
            new Route(GET, "/_render/template"),
            new Route(POST, "/_render/template")),
        new Endpoint(
            "search_template",
            (request, client) -> {
              String[] indices = Strings.splitStringByCommaToArray(request.param("index", ""));
              var registry = XContentParserConfiguration.EMPTY.withRegistry(request.contentParserConfig().registry());
              String rendered = rendered(state.get(), body(request));
              try (var parser = JsonXContent.jsonXContent.createParser(registry, rendered)) {
                var source = new SearchSourceBuilder().parseXContent(parser, true, feature -> true);
                var search = new SearchRequest(indices).source(source);
                return channel -> client.search(search, new RestRefCountedChunkedToXContentListener<>(channel));
              }
            },
            new Route(GET, "/{index}/_search/template"),
            new Route(POST, "/{index}/_search/template")));
  }

  private static Map<String, Object> body(RestRequest request) {
    return XContentHelper.convertToMap(request.requiredContent(), true, XContentType.JSON).v2();
  }

  @SuppressWarnings("unchecked")
  private static String rendered(ClusterState state, Map<String, Object> body) {
    String id = (String) body.get("id");
    var request = new GetStoredScriptRequest(TimeValue.ZERO, id);
    StoredScriptSource stored = ScriptService.getStoredScript(MasterUpdate.project(state), request);
    if (stored == null) throw new ResourceNotFoundException("unable to find script [" + id + "]");
    Map<String, Object> params = (Map<String, Object>) body.getOrDefault("params", Map.of());
    return render(compiled(stored.getSource()), params);
  }
}
