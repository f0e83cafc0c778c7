package standin;

import java.io.IOException;
import java.util.List;
import org.elasticsearch.client.internal.node.NodeClient;
import org.elasticsearch.rest.BaseRestHandler;
import org.elasticsearch.rest.RestChannel;
import org.elasticsearch.rest.RestRequest;

/** One REST endpoint. */
final class Endpoint extends BaseRestHandler {
  interface Call {
    void answer(RestChannel channel) throws Exception;
  }

  interface Preparation {
    Call prepare(RestRequest request, NodeClient client) throws IOException;
  }

  private final String name;
  private final List<Route> routes;
  private final Preparation preparation;

  Endpoint(String name, Preparation preparation, Route... routes) {
    this.name = "stand_in_" + name;
    this.routes = List.of(routes);
    this.preparation = preparation;
  }

  @Override
  public String getName() {
    return name;
  }

  @Override
  public List<Route> routes() {
    return routes;
  }

  @Override
  protected RestChannelConsumer prepareRequest(RestRequest request, NodeClient client) throws IOException {
    Call call = preparation.prepare(request, client);
    return call::answer;
  }
}
