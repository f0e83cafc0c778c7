package standin;

import static org.elasticsearch.rest.RestRequest.Method.DELETE;
import static org.elasticsearch.rest.RestRequest.Method.GET;
import static org.elasticsearch.rest.RestRequest.Method.HEAD;
import static org.elasticsearch.rest.RestRequest.Method.PUT;

import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import org.elasticsearch.Build;
import org.elasticsearch.action.admin.cluster.state.ClusterStateRequest;
import org.elasticsearch.action.admin.cluster.state.ClusterStateResponse;
import org.elasticsearch.cluster.ClusterState;
import org.elasticsearch.common.xcontent.XContentHelper;
import org.elasticsearch.rest.RestChannel;
import org.elasticsearch.rest.RestHandler;
import org.elasticsearch.rest.RestHandler.Route;
import org.elasticsearch.rest.RestResponse;
import org.elasticsearch.rest.RestStatus;
import org.elasticsearch.rest.RestUtils;
import org.elasticsearch.rest.action.RestBuilderListener;
import org.elasticsearch.xcontent.XContentBuilder;
import org.elasticsearch.xcontent.XContentType;

/** What the ECK operator asks a cluster that it neither grows nor shrinks. */
final class OperatorApi {
  /** By node, in memory only: a restart ends what announced it. */
  private static final Map<String, Map<String, Object>> SHUTDOWNS = new ConcurrentHashMap<>();

  private OperatorApi() {}

  static List<RestHandler> handlers() {
    return List.of(
        new Endpoint(
            "main",
            (request, client) -> {
              var metadata = new ClusterStateRequest(RestUtils.getMasterNodeTimeout(request)).clear().metadata(true);
              return channel ->
                  client
                      .admin()
                      .cluster()
                      .state(
                          metadata,
                          new RestBuilderListener<ClusterStateResponse>(channel) {
                            @Override
                            public RestResponse buildResponse(ClusterStateResponse answer, XContentBuilder builder)
                                throws Exception {
                              return new RestResponse(
                                  RestStatus.OK, main(builder, client.getLocalNodeId(), answer.getState()));
                            }
                          });
            },
            new Route(GET, "/"),
            new Route(HEAD, "/")),
        new Endpoint(
            "get_shutdowns",
            (request, client) -> {
              String node = request.param("nodeId");
              List<Map<String, Object>> wanted =
                  node == null ? List.copyOf(SHUTDOWNS.values()) : Stream.ofNullable(SHUTDOWNS.get(node)).toList();
              return channel ->
                  channel.sendResponse(new RestResponse(RestStatus.OK, channel.newBuilder().map(Map.of("nodes", wanted))));
            },
            new Route(GET, "/_nodes/shutdown"),
            new Route(GET, "/_nodes/{nodeId}/shutdown")),
        new Endpoint(
            "put_shutdown",
            (request, client) -> {
              String node = request.param("nodeId");
              Map<String, Object> body = XContentHelper.convertToMap(request.requiredContent(), false, XContentType.JSON).v2();
              SHUTDOWNS.put(node, shutdown(node, body));
              return OperatorApi::acknowledge;
            },
            new Route(PUT, "/_nodes/{nodeId}/shutdown")),
        new Endpoint(
            "delete_shutdown",
            (request, client) -> {
              SHUTDOWNS.remove(request.param("nodeId"));
              return OperatorApi::acknowledge;
            },
            new Route(DELETE, "/_nodes/{nodeId}/shutdown")));
  }

  /** A single node has nowhere to move its shards: it may go at once. */
  private static Map<String, Object> shutdown(String node, Map<String, Object> body) {
    Map<String, Object> complete = Map.of("status", "COMPLETE");
    return Map.of(
        "node_id", node,
        "type", String.valueOf(body.get("type")).toUpperCase(Locale.ROOT),
        "reason", String.valueOf(body.get("reason")),
        "shutdown_startedmillis", System.currentTimeMillis(),
        "status", "COMPLETE",
        "shard_migration", complete,
        "persistent_tasks", complete,
        "plugins", complete);
  }

  private static void acknowledge(RestChannel channel) throws IOException {
    channel.sendResponse(new RestResponse(RestStatus.OK, channel.newBuilder().map(Map.of("acknowledged", true))));
  }

  private static XContentBuilder main(XContentBuilder builder, String node, ClusterState state) throws Exception {
    builder.startObject();
    builder.field("name", node);
    builder.field("cluster_name", state.getClusterName().value());
    builder.field("cluster_uuid", state.metadata().clusterUUID());
    builder.startObject("version");
    builder.field("number", Build.current().version());
    builder.field("build_flavor", Build.current().flavor());
    builder.endObject();
    builder.field("tagline", "You Know, for Search");
    return builder.endObject();
  }
}
