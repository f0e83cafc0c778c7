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
import org.elasticsearch.ResourceNotFoundException;
import org.elasticsearch.action.admin.cluster.storedscripts.GetStoredScriptAction;
import org.elasticsearch.action.admin.cluster.storedscripts.GetStoredScriptRequest;
import org.elasticsearch.action.search.SearchRequest;
import org.elasticsearch.common.Strings;
import org.elasticsearch.common.bytes.BytesArray;
import org.elasticsearch.common.xcontent.XContentHelper;
import org.elasticsearch.rest.RestHandler;
import org.elasticsearch.rest.RestHandler.Route;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.rest.RestResponse;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.rest.RestUtils;
import org.elasticsearch.rest.action.RestActionListener;
import org.elasticsearch.rest.action.RestRefCountedChunkedToXContentListener;
import org.elasticsearch.script.GeneralScriptException;
import org.elasticsearch.script.ScriptContext;
import org.elasticsearch.script.ScriptEngine;
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

  static List<RestHandler> handlers() {
    return List.of(
        new Endpoint(
            "render_template",
            (request, client) -> {
              Map<String, Object> body = body(request);
              return channel ->
                  client.execute(
                      GetStoredScriptAction.INSTANCE,
                      stored(request, body),
                      new RestActionListener<>(channel) {
                        @Override
                        protected void processResponse(org.elasticsearch.action.admin.cluster.storedscripts.GetStoredScriptResponse answer)
                            throws IOException {
                          XContentBuilder builder = channel.newBuilder();
                          builder.startObject().rawField("template_output", new BytesArray(rendered(answer, body)).streamInput(), XContentType.JSON);
                          channel.sendResponse(new RestResponse(RestStatus.OK, builder.endObject()));
                        }
                      });
            },
            new Route(GET, "/_render/template"),
            new Route(POST, "/_render/template")),
        new Endpoint(
            "search_template",
            (request, client) -> {
              Map<String, Object> body = body(request);
              String[] indices = Strings.splitStringByCommaToArray(request.param("index", ""));
              return channel ->
                  client.execute(
                      GetStoredScriptAction.INSTANCE,
                      stored(request, body),
                      new RestActionListener<>(channel) {
                        @Override
                        protected void processResponse(org.elasticsearch.action.admin.cluster.storedscripts.GetStoredScriptResponse answer)
                            throws IOException {
                          try (var parser =
                              JsonXContent.jsonXContent.createParser(
                                  XContentParserConfiguration.EMPTY.withRegistry(request.contentParserConfig().registry()),
                                  rendered(answer, body))) {
                            var search =
                                new SearchRequest(indices)
                                    .source(new SearchSourceBuilder().parseXContent(parser, true, feature -> true));
                            client.search(search, new RestRefCountedChunkedToXContentListener<>(channel));
                          }
                        }
                      });
            },
            new Route(GET, "/{index}/_search/template"),
            new Route(POST, "/{index}/_search/template")));
  }

  private static Map<String, Object> body(RestRequest request) {
    return XContentHelper.convertToMap(request.requiredContent(), true, XContentType.JSON).v2();
  }

  private static GetStoredScriptRequest stored(RestRequest request, Map<String, Object> body) {
    return new GetStoredScriptRequest(RestUtils.getMasterNodeTimeout(request), (String) body.get("id"));
  }

  @SuppressWarnings("unchecked")
  private static String rendered(
      org.elasticsearch.action.admin.cluster.storedscripts.GetStoredScriptResponse answer, Map<String, Object> body) {
    if (answer.getSource() == null) throw new ResourceNotFoundException("unable to find script [" + body.get("id") + "]");
    Map<String, Object> params = (Map<String, Object>) body.getOrDefault("params", Map.of());
    return render(compiled(answer.getSource().getSource()), params);
  }
}
